"""The signals of a song: numbers in 0..1 over its time that a scene can move things by."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.bands import band_level, level
from vqanim.audio.levels import QUIETEST, attack_release, between, blurred, to_unit
from vqanim.audio.reading import Samples
from vqanim.audio.spectrum import RATE, brightness, log_mels, onset_strength
from vqanim.scene.fields.music import Band
from vqanim.scene.soundtrack import BANDS

Floats = NDArray[np.float64]

VERSION = 2
"""Bumped by hand whenever the same song would give other signals."""
_ONSET = (0.005, 0.1)
"""Attack and release of `onset`, in seconds."""
_LOUDNESS = (0.01, 0.3)
_BRIGHTNESS_SECONDS = 0.1
"""Over so long the brightness is averaged."""


def band_signal(mono: Samples, band: Band) -> Floats:
    """How loud a band is, [T] at RATE, 0..1."""
    found = attack_release(band_level(mono, band.low, band.high), RATE, band.attack, band.release)
    return to_unit(found, QUIETEST * _loud(mono))


def loudness_signal(mono: Samples) -> Floats:
    """How loud everything is, [T] at RATE, 0..1."""
    return to_unit(attack_release(level(mono), RATE, *_LOUDNESS), 0.0)


def onset_signal(mono: Samples) -> Floats:
    """1 where a strong sound begins, dying away after it, [T] at RATE."""
    strength = np.minimum(onset_strength(log_mels(mono)), 12.0)
    return to_unit(attack_release(strength, RATE, *_ONSET), 1.0)


def brightness_signal(mono: Samples) -> Floats:
    """Whether the sound is dark (0) or bright (1), [T] at RATE; 0 where there is none."""
    centers, levels = brightness(mono)
    width = round(_BRIGHTNESS_SECONDS * RATE) | 1  # odd
    kernel = np.hanning(width + 2)[1:-1]
    weights = blurred(levels, kernel)
    mean = blurred(centers * levels, kernel) / np.maximum(weights, 1e-12)
    return between(mean, weights)


_OTHERS: MappingProxyType[str, Callable[[Samples], Floats]] = MappingProxyType(
    {"loudness": loudness_signal, "onset": onset_signal, "brightness": brightness_signal}
)


def signal(mono: Samples, name: str, own: Band | None = None) -> Floats:
    """A signal by name, [T] at RATE, 0..1. own: the band of a name that is none of those known to all."""
    band = own or BANDS.get(name)
    if not len(mono):
        return np.zeros(0)
    return band_signal(mono, band) if band is not None else _OTHERS[name](mono)


def _loud(mono: Samples) -> float:
    """How loud the loud parts of a song are."""
    levels = level(mono)
    return float(np.percentile(levels, 99)) if len(levels) else 0.0
