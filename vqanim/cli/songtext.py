"""What was heard in a song, as text: JSON and a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from vqanim.audio.spectrum import RATE
from vqanim.scene.sound import BEAT, Floats, Signal
from vqanim.scene.soundtrack import NAMES, Soundtrack

if TYPE_CHECKING:
    from vqanim.audio.analysis import Beats, SongAnalysis

Table: TypeAlias = dict[str, Floats]


def as_json_text(listener: SongAnalysis, beats: Beats, fps: float) -> str:
    """All that was heard; signals at the moments k / fps."""
    said = {
        "song": str(listener.song.path),
        "duration": round(listener.song.seconds, 6),
        "tempo": beats.tempo,
        "confidence": beats.confidence,
        "octave": beats.octave,
        "octave_confidence": beats.octave_confidence,
        "first_beat": beats.first_beat,
        "beats": list(beats.beats),
        "sections": [vars(section) for section in beats.sections],
        "method": beats.method,
        "fps": fps,
        "signals": {
            name: np.round(values, 4).tolist() for name, values in _sampled(listener, beats, fps).items()
        },
    }
    return json.dumps(said, ensure_ascii=True)


def csv_lines(listener: SongAnalysis, beats: Beats, fps: float) -> Iterator[str]:
    """A head and a line for every moment k / fps."""
    table = _sampled(listener, beats, fps)
    yield ",".join(["seconds", *table])
    columns = [values.tolist() for values in table.values()]
    for number, row in enumerate(zip(*columns, strict=True)):
        yield ",".join([f"{number / fps:.4f}", *(f"{value:.4f}" for value in row)])


def _sampled(listener: SongAnalysis, beats: Beats, fps: float) -> Table:
    count = max(1, int(listener.song.seconds * fps + 1e-6))
    seconds = np.arange(count) / fps
    table = {name: Signal(RATE, listener.signal(name)).at(seconds) for name in NAMES}
    clock = Soundtrack("", beats=beats.beats, first_beat=beats.first_beat).clock()
    return table if clock is None else {**table, BEAT: clock.counts(seconds)}
