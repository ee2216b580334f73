"""Bars and sections of a song, from how its sound differs from one beat to the next."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import ANALYSIS_RATE, Samples
from vqanim.audio.spectrum import MELS, RATE, evenly_strong

Floats = NDArray[np.float64]

_REACH = 16  # beats before and after a border that are compared
_LEAST_BEATS = 8  # of a section
_NO_BEATS = 0.5  # seconds of what stands for a beat where there is none
# What speaks for the beat that begins a bar: harmony that differs from that of the bar and of the beat
# before, a stroke of the bass, and that the song began with it.
_BY_BAR, _BY_BEAT, _BY_BASS, _BY_BEGINNING = 1.0, 2.0, 2.0, 0.8
_LEAST_STROKE = 0.1  # of the bass, on average; with less there is none to go by
_LEAST_CHANGE = 0.02  # of harmony, on average; with less there is no harmony to go by
_ALIKE = 0.9  # cosine of the mean sounds of two sections that are one and the same part of a song
_LOW, _HIGH = 55.0, 1760.0  # Hz: five octaves in which harmony is heard


@dataclass(frozen=True)
class Section:
    """A part of a song that sounds like one."""

    start: float  # seconds
    end: float  # seconds
    label: str  # A, B, ...; parts that sound alike have the same
    loudness: float  # 0..1, of the loudest section


def find_downbeat(beats: Floats, mono: Samples, heavy: Floats, meter: int) -> int:
    """Which of the first `meter` beats begins a bar, by all of the song: where the harmony changes and the
    bass is struck; the first where nothing tells them apart.

    heavy: onset strength of the deep bands, [T] at RATE.
    """
    if len(beats) < 2 * meter:
        return 0
    chroma = _chroma(mono, beats)
    index = np.clip(np.round(beats * RATE).astype(int), 0, len(heavy) - 1)
    strength = evenly_strong(heavy)
    struck = np.array([strength[max(0, at - 5) : at + 6].max() for at in index])
    at_once = np.concatenate([[0.0], 1 - (chroma[1:] * chroma[:-1]).sum(axis=1)])
    told = (
        (_BY_BAR, _beside_others(_bar_change(chroma, meter), meter, _LEAST_CHANGE)),
        (_BY_BEAT, _beside_others(at_once, meter, _LEAST_CHANGE)),
        (_BY_BASS, _beside_others(struck, meter, _LEAST_STROKE)),
    )
    score = np.sum([weight * values for weight, values in told], axis=0)
    score[0] += _BY_BEGINNING
    return int(score.argmax())


def _beside_others(values: Floats, meter: int, least: float) -> Floats:
    """How much more there is of something at each beat of the bar than at all, on average, [meter]."""
    means = np.array([values[phase::meter].mean() for phase in range(meter)])
    return np.asarray(means / max(float(means.mean()), least) - 1)


def find_sections(
    beats: Floats, mono: Samples, mels: NDArray[np.float32], downbeat: int, meter: int
) -> tuple[Section, ...]:
    """The parts of a song: peaks of novelty along the diagonal of its self-similarity (Foote 2000), on bars
    where there are beats."""
    seconds = len(mono) / ANALYSIS_RATE
    grid = beats if len(beats) >= 2 * meter else np.arange(0.0, seconds, _NO_BEATS)
    sounds = _sounds(grid, mono, mels)
    borders = _borders(_novelty(sounds))
    if grid is beats:
        bars = np.arange(downbeat % meter, len(beats), meter)
        borders = sorted({int(bars[np.abs(bars - border).argmin()]) for border in borders})
    edges = [0.0, *(float(grid[border]) for border in borders if grid[border] > 1.0), seconds]
    return _labeled(edges, grid, sounds, mels)


def _bar_change(chroma: Floats, meter: int) -> Floats:
    """How much the harmony of the bar after each beat would differ from that of the bar before, [B], 0..1."""
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma, axis=0)])
    index = np.arange(len(chroma))
    before = sums[index] - sums[np.maximum(index - meter, 0)]
    after = sums[np.minimum(index + meter, len(chroma))] - sums[index]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.where(lengths > 0, 1 - (before * after).sum(axis=1) / np.maximum(lengths, 1e-9), 0.0)


def _chroma(mono: Samples, beats: Floats) -> Floats:
    """How strong each of the twelve pitch classes is from one beat to the next, unit vectors [B, 12]."""
    edges = np.append(beats, beats[-1] + np.median(np.diff(beats)))
    spans = pairwise(round(edge * ANALYSIS_RATE) for edge in edges)
    return np.array([_pitch_classes(mono[first:last]) for first, last in spans])


def _pitch_classes(part: Samples) -> Floats:
    if len(part) < 256:
        return np.zeros(12)
    size = 1 << max(13, (len(part) - 1).bit_length())
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), size)) ** 2
    at = np.fft.rfftfreq(size, 1 / ANALYSIS_RATE)
    inside = (at >= _LOW) & (at <= _HIGH)
    classes = np.round(12 * np.log2(at[inside] / 440.0)).astype(int) % 12
    found = np.sqrt(np.bincount(classes, power[inside], 12))
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-9))


def _sounds(grid: Floats, mono: Samples, mels: NDArray[np.float32]) -> Floats:
    """What each beat sounds like: loudness by pitch, its spread, and harmony, [B, F], standardized."""
    edges = np.clip(np.round(np.append(grid, np.inf) * RATE), 0, len(mels)).astype(int)
    rows = np.zeros((len(grid), 2 * MELS + 12))
    if len(grid) > 1:
        rows[:, 2 * MELS :] = 2 * _chroma(mono, grid)
    for number, (first, last) in enumerate(pairwise(edges.tolist())):
        part = mels[first : min(max(last, first + 1), first + 4 * RATE)]
        if len(part):
            rows[number, :MELS] = part.mean(axis=0)
            rows[number, MELS : 2 * MELS] = part.std(axis=0)
    centered = rows - rows.mean(axis=0)
    spread = np.sqrt((centered[:, :MELS] ** 2).mean()) or 1.0
    centered[:, : 2 * MELS] /= spread
    return centered


def _novelty(sounds: Floats) -> Floats:
    """How much the sound after each beat differs from that before it, [B]."""
    count = len(sounds)
    units = sounds / np.maximum(np.linalg.norm(sounds, axis=1, keepdims=True), 1e-9)
    offsets = np.arange(-_REACH, _REACH) + 0.5
    taper = np.exp(-2 * (offsets / _REACH) ** 2) * np.sign(offsets)
    kernel = np.outer(taper, taper)
    found = np.zeros(count)
    for index in range(_LEAST_BEATS // 2, count - _LEAST_BEATS // 2):
        first, last = max(0, index - _REACH), min(count, index + _REACH)
        part = units[first:last]
        inside = slice(first - index + _REACH, last - index + _REACH)
        weights = kernel[inside, inside]
        found[index] = (part @ part.T * weights).sum() / np.abs(weights).sum()
    return np.maximum(found, 0.0)


def _borders(novelty: Floats) -> list[int]:
    """Clear peaks that are far enough from each other, the clearest first come."""
    if not novelty.any():
        return []
    limit = max(0.08, float(novelty.mean() + 0.7 * novelty.std()))
    chosen: list[int] = []
    for index in np.argsort(-novelty, kind="stable").tolist():
        if novelty[index] < limit:
            break
        peak = novelty[index] == novelty[max(0, index - 2) : index + 3].max()
        far = all(abs(index - other) >= _LEAST_BEATS for other in chosen)
        if peak and far and index >= _LEAST_BEATS // 2:
            chosen.append(index)
    return sorted(chosen)


def _labeled(
    edges: list[float], grid: Floats, sounds: Floats, mels: NDArray[np.float32]
) -> tuple[Section, ...]:
    means, louds = [], []
    for first, last in pairwise(edges):
        inside = (grid >= first - 1e-6) & (grid < last - 1e-6)
        mean = sounds[inside].mean(axis=0) if inside.any() else np.zeros(sounds.shape[1])
        means.append(mean / max(float(np.linalg.norm(mean)), 1e-9))
        part = mels[round(first * RATE) : max(round(last * RATE), round(first * RATE) + 1)]
        louds.append(float(part.mean()) if len(part) else 0.0)
    labels: list[str] = []
    firsts: list[Floats] = []
    for mean in means:
        likeness = [float(mean @ other) for other in firsts]
        number = int(np.argmax(likeness)) if max(likeness, default=0.0) >= _ALIKE else len(firsts)
        if number == len(firsts):
            firsts.append(mean)
        labels.append(chr(ord("A") + number) if number < 26 else f"A{number}")
    loudest = max(louds) or 1.0
    return tuple(
        Section(round(first, 3), round(last, 3), label, round(loud / loudest, 3))
        for first, last, label, loud in zip(edges[:-1], edges[1:], labels, louds, strict=True)
    )
