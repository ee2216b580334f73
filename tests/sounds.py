"""Songs whose beats and tones are known, because they are made here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]

RATE = 44_100


def silence(seconds: float) -> Sound:
    """Nothing at all."""
    return np.zeros(round(seconds * RATE), np.float32)


def click(seconds: float = 0.03, pitch: float = 1500.0) -> Sound:
    """A short tone that dies away."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.sin(2 * np.pi * pitch * t) * np.exp(-t / 0.008), np.float32)


def at(moments: Sequence[float], seconds: float, sound: Sound | None = None, level: float = 0.8) -> Sound:
    """A sound at each of some moments."""
    made, one = silence(seconds), click() if sound is None else sound
    for moment in moments:
        first = round(moment * RATE)
        part = made[first : first + len(one)]
        part += level * one[: len(part)]
    return made


def clicks(bpm: float, offset: float, seconds: float) -> tuple[list[float], Sound]:
    """Even clicks, and when they are."""
    moments = list(np.arange(offset, seconds - 0.1, 60 / bpm))
    return moments, at(moments, seconds)


def swing(bpm: float, offset: float, seconds: float) -> tuple[list[float], Sound]:
    """Clicks on the beats, and softer ones late between them; and when the beats are."""
    period = 60 / bpm
    moments, sound = clicks(bpm, offset, seconds)
    between = [moment + period * 2 / 3 for moment in moments if moment + period < seconds]
    return moments, sound + at(between, seconds, click(pitch=3000), 0.4)


def change(
    first: float, second: float, offset: float, at_seconds: float, seconds: float
) -> tuple[list[float], Sound]:
    """Clicks at one tempo that go on at another."""
    moments = [offset]
    while moments[-1] < seconds - 0.7:
        moments.append(moments[-1] + 60 / (first if moments[-1] < at_seconds else second))
    return moments, at(moments, seconds)


def noise(seconds: float, level: float, seed: int = 5) -> Sound:
    """White noise."""
    return np.asarray(np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level, np.float32)


def tone(pitch: float, seconds: float, level: float = 0.5) -> Sound:
    """A sine with soft ends."""
    t = np.arange(round(seconds * RATE)) / RATE
    ends = np.minimum(1, np.minimum(t, seconds - t) / 0.02)
    return np.asarray(level * np.sin(2 * np.pi * pitch * t) * ends, np.float32)


def share_found(found: Sequence[float], truth: Sequence[float], within: float = 0.03) -> float:
    """Part of the beats that are within so many seconds of the truth, at its tempo, half or double of it.

    Beats are judged between the first and the last click.
    """
    exact = np.asarray(truth)
    doubled = np.sort(np.concatenate([exact, (exact[1:] + exact[:-1]) / 2]))
    inside = np.asarray([beat for beat in found if exact[0] - within <= beat <= exact[-1] + within])
    if not len(inside):
        return 0.0
    shares = []
    for wanted in (exact, exact[::2], exact[1::2], doubled):
        gaps = np.abs(inside[:, None] - wanted[None, :])
        shares.append(min((gaps.min(axis=1) <= within).mean(), (gaps.min(axis=0) <= within).mean()))
    return float(max(shares))


def drums_and_hats(bpm: float, first: float, seconds: float) -> tuple[list[float], Sound]:
    """Deep drums on the beats, and hats, which are sudden in every band, halfway between them."""
    rng = np.random.default_rng(1)
    sound = 0.02 * rng.standard_normal(round(seconds * RATE))
    beats = list(np.arange(first, seconds - 0.5, 60 / bpm))
    drum, hat = np.arange(round(0.12 * RATE)) / RATE, np.arange(round(0.05 * RATE)) / RATE
    for number, beat in enumerate(beats):
        at, off = round(beat * RATE), round((beat + 30 / bpm) * RATE)
        pitch = 180.0 if number % 2 else 60.0
        sound[at : at + len(drum)] += 0.8 * np.exp(-40 * drum) * np.sin(2 * np.pi * pitch * drum)
        sound[off : off + len(hat)] += 0.15 * np.exp(-110 * hat) * rng.standard_normal(len(hat))
    return [float(beat) for beat in beats], sound.astype(np.float32)
