"""Songs of many kinds whose beats are known, played by instruments that are made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tests.sounds import RATE, Sound

Floats = NDArray[np.float64]


@dataclass
class Band:
    """Plays sounds at moments into one track."""

    seconds: float
    seed: int = 1
    track: Floats = field(init=False)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.track = np.zeros(round(self.seconds * RATE))
        self.rng = np.random.default_rng(self.seed)

    def play(
        self, moments: Sequence[float], sound: Floats | Callable[[], Floats], level: float = 1.0
    ) -> None:
        """A sound at each moment; one that is made anew each time is a function."""
        for moment in moments:
            one = sound() if callable(sound) else sound
            first = round(moment * RATE)
            if 0 <= first < len(self.track):
                part = self.track[first : first + len(one)]
                part += level * one[: len(part)]

    def done(self, level: float = 0.8) -> Sound:
        """What was played, no louder than `level`."""
        return np.asarray(self.track * (level / np.abs(self.track).max()), np.float32)

    def hat(self) -> Floats:
        """A short high noise."""
        t = _time(0.05)
        return np.diff(self.rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.012)

    def ride(self) -> Floats:
        """A cymbal that rings."""
        t = _time(0.4)
        ring = sum(np.sin(2 * np.pi * pitch * t) for pitch in (3150, 4270, 5930, 7480))
        return (0.3 * ring + np.diff(self.rng.standard_normal(len(t) + 1))) * np.exp(-t / 0.1)

    def snare(self) -> Floats:
        """Noise with a tone in it."""
        t = _time(0.2)
        return (0.7 * self.rng.standard_normal(len(t)) + 0.5 * np.sin(2 * np.pi * 190 * t)) * np.exp(
            -t / 0.05
        )


def _time(seconds: float) -> Floats:
    return np.arange(round(seconds * RATE)) / RATE


def kick(pitch: float = 50) -> Floats:
    """A drum whose pitch falls."""
    t = _time(0.3)
    phase = 2 * np.pi * (pitch * t + 110 * 0.03 * (1 - np.exp(-t / 0.03)))
    return np.sin(phase) * np.exp(-t / 0.09) * np.minimum(1, t / 0.001)


def note(pitch: float, seconds: float, attack: float = 0.008, overtones: int = 4) -> Floats:
    """A tone of so many seconds that takes `attack` to come."""
    t = _time(seconds)
    wave = sum(np.sin(2 * np.pi * pitch * n * t) / n for n in range(1, overtones + 1))
    return wave * np.minimum(1, t / attack) * np.minimum(1, (seconds - t) / 0.05)


def chord(root: float, seconds: float, attack: float, minor: bool = True) -> Floats:
    """Three tones."""
    tones = [note(root * 2 ** (step / 12), seconds, attack) for step in (0, 3 if minor else 4, 7)]
    return np.sum(tones, axis=0)


def beats(bpm: float, first: float, seconds: float, rest: float = 0.6) -> list[float]:
    """Even moments."""
    return [float(moment) for moment in np.arange(first, seconds - rest, 60 / bpm)]


Made = tuple[list[float], Sound]


def house() -> Made:
    """Four on the floor, hats between, and a bass that is pressed down by every kick."""
    b, p = beats(124, 0.4, 24), 60 / 124
    band = Band(24)
    for moment in b:
        t = _time(p)
        band.play([moment], note(55, p, 0.01) * np.clip(t / (0.7 * p), 0, 1) ** 2, 0.5)
    band.play(b, kick(), 1.0)
    band.play([m + p / 2 for m in b], band.hat, 0.4)
    band.play(b[1::2], band.snare, 0.3)
    return b, band.done()


def breakbeat() -> Made:
    """Kicks and snares that are not even, with ghost notes."""
    p = 60 / 136
    b, band = beats(136, 0.3, 24), Band(24)
    for bar in b[::4]:
        band.play([bar + p * at for at in (0, 1.5, 2.5)], kick(), 1.0)
        band.play([bar + p * at for at in (1, 3)], band.snare, 0.8)
        band.play([bar + p * at for at in (1.75, 2.25)], band.snare, 0.15)
        band.play([bar + p * at / 2 for at in range(8)], band.hat, 0.3)
    return b, band.done()


def waltz() -> Made:
    """Three in a bar: a bass, and two chords."""
    p = 60 / 150
    b, band = beats(150, 0.5, 24), Band(24)
    for number, moment in enumerate(b):
        root = (110, 98, 131, 82)[number // 3 % 4]
        if number % 3 == 0:
            band.play([moment], note(root, 0.9 * p), 0.9)
        else:
            band.play([moment], chord(2 * root, 0.6 * p, 0.008), 0.2)
    return b, band.done()


def six_eight() -> Made:
    """Six eighths in a bar; beats are the dotted quarters or the eighths."""
    eighth = 60 / 180
    b, band = beats(180, 0.45, 24), Band(24)
    band.play(b, band.hat, 0.25)
    band.play(b[::6], kick(), 1.0)
    band.play(b[3::6], band.snare, 0.7)
    for bar, moment in enumerate(b[::6]):
        root = (196, 220, 175, 165)[bar % 4]
        for step, tone in enumerate((0, 7, 12, 15, 12, 7)):
            band.play([moment + step * eighth], note(root * 2 ** (tone / 12), 0.3), 0.15)
    return b, band.done()


def ballad() -> Made:
    """Slow: pads with soft attacks, a piano on the beats."""
    p = 1.0
    b, band = beats(60, 0.7, 40), Band(40)
    for bar, moment in enumerate(b[::4]):
        root = (220, 175, 131, 196)[bar % 4]
        band.play([moment], chord(root, 4 * p, 0.25, minor=bar % 4 < 2), 0.15)
        for count in range(4):
            t = _time(p)
            tone = 2 * root * 2 ** ((0, 7, 12, 7)[count] / 12)
            band.play([moment + count * p], note(tone, p, 0.015) * np.exp(-t / 0.4), 0.4)
    return b, band.done()


def drum_and_bass() -> Made:
    """Fast: kick and snare of a half-time bar, hats on eighths."""
    p = 60 / 174
    b, band = beats(174, 0.2, 24), Band(24)
    for bar in b[::4]:
        band.play([bar, bar + 2.5 * p], kick(), 1.0)
        band.play([bar + p, bar + 3 * p], band.snare, 0.8)
        band.play([bar + p * at / 2 for at in range(8)], band.hat, 0.3)
        band.play([bar], note(46, 3.5 * p, 0.02), 0.4)
    return b, band.done()


def offbeat_hats() -> Made:
    """Reggae: kicks on one and three, hats and chords only between the beats."""
    p = 60 / 96
    b, band = beats(96, 0.35, 24), Band(24)
    band.play(b[::2], kick(), 0.9)
    band.play([m + p / 2 for m in b], band.hat, 0.4)
    for number, moment in enumerate(b):
        band.play([moment + p / 2], chord((220, 196)[number // 8 % 2], 0.12, 0.004), 0.15)
        if number % 4 == 0:
            band.play([moment], note(55, 2 * p, 0.01), 0.5)
    return b, band.done()


def jazz() -> Made:
    """A swung ride and a walking bass."""
    p = 60 / 140
    b, band = beats(140, 0.5, 24), Band(24)
    band.play(b, band.ride, 0.3)
    band.play([m + p * 2 / 3 for m in b[1::2]], band.ride, 0.22)
    band.play(b[1::2], band.hat, 0.3)
    for number, moment in enumerate(b):
        band.play([moment], note((55, 65, 73, 82, 78, 73, 65, 62)[number % 8], 0.9 * p, 0.01, 3), 0.6)
    return b, band.done()


def silent_intro() -> Made:
    """Ten seconds of nothing, then a beat."""
    b, band = beats(118, 10.3, 32), Band(32)
    band.play(b, kick(), 1.0)
    band.play(b[1::2], band.snare, 0.5)
    band.play([m + 30 / 118 for m in b], band.hat, 0.3)
    return b, band.done()


def fade_out() -> Made:
    """A rock beat whose second half dies away."""
    b, band = beats(110, 0.3, 30), Band(30)
    band.play(b[::2], kick(), 1.0)
    band.play(b[1::2], band.snare, 0.7)
    band.play([m + 30 / 110 * half for m in b for half in (0, 1)], band.hat, 0.3)
    t = np.arange(len(band.track)) / RATE
    band.track *= np.clip((30 - t) / 15, 0.02, 1)
    return b, band.done()


def clipped() -> Made:
    """A rock beat with a loud bass, far too loud for its file."""
    b, band = beats(128, 0.25, 24), Band(24)
    band.play(b[::2], kick(), 1.0)
    band.play(b[1::2], band.snare, 0.8)
    for number, moment in enumerate(b):
        band.play([moment], note((55, 65)[number // 8 % 2], 0.45, 0.01, 6), 0.5)
    return b, np.clip(4 * band.done(), -0.99, 0.99).astype(np.float32)


def piano() -> Made:
    """No drums: a pattern of broken chords in eighths, a little uneven."""
    p = 60 / 84
    b, band = beats(84, 0.6, 30), Band(30)
    for number, moment in enumerate(b):
        root = (131, 110, 175, 98)[number // 4 % 4]
        for half, tone in enumerate(((0, 12), (7, 16), (12, 19), (7, 16))[number % 4]):
            at = moment + half * p / 2 + float(band.rng.normal(0, 0.006))
            t = _time(0.8)
            level = 0.6 if half == 0 else 0.35
            band.play([at], note(root * 2 ** (tone / 12), 0.8, 0.006) * np.exp(-t / 0.3), level)
    return b, band.done()


def metal() -> Made:
    """Fast kicks in sixteenths under a noise that hardly ever stops."""
    p = 60 / 160
    b, band = beats(160, 0.3, 24), Band(24)
    band.play([m + p * step / 4 for m in b for step in range(4)], kick(60), 0.7)
    band.play(b[1::2], band.snare, 0.9)
    band.play(b, band.ride, 0.25)
    t = np.arange(len(band.track)) / RATE
    saw = sum(np.sin(2 * np.pi * 82 * n * t) / n for n in range(1, 20))
    band.track += 0.25 * np.tanh(3 * saw) * (t > 0.3)
    return b, band.done()


SONGS: dict[str, Callable[[], Made]] = {
    "four on the floor": house,
    "breakbeat": breakbeat,
    "waltz": waltz,
    "six eight": six_eight,
    "ballad": ballad,
    "drum and bass": drum_and_bass,
    "hats between the beats": offbeat_hats,
    "swung jazz": jazz,
    "silent intro": silent_intro,
    "fade out": fade_out,
    "clipped": clipped,
    "piano alone": piano,
    "metal": metal,
}
