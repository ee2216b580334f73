"""What is heard in a song, as data, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vqanim.scene.sound import BEAT, Floats, Signal
from vqanim.scene.soundtrack import NAMES, Soundtrack

if TYPE_CHECKING:
    from vqanim.audio.analysis import Beats, SongAnalysis


def song_document(analysis: SongAnalysis, beats: Beats, fps: float) -> dict[str, Any]:
    """All that was heard, as plain data; signals at the moments k / fps."""
    signals = _sampled(analysis, beats, fps)
    heard = ("tempo", "confidence", "octave", "octave_confidence", "first_beat", "beats", "method")
    return {
        "song": str(analysis.song.path),
        "duration": round(analysis.song.seconds, 6),
        "note": analysis.song.note,
        **{key: getattr(beats, key) for key in heard},
        "sections": [vars(section) for section in beats.sections],
        "fps": fps,
        "signals": {name: np.round(values, 4).tolist() for name, values in signals.items()},
    }


def song_csv(analysis: SongAnalysis, beats: Beats, fps: float) -> Iterator[str]:
    """The signals as a table: a head and a line for every moment k / fps."""
    table = _sampled(analysis, beats, fps)
    yield ",".join(["seconds", *table])
    columns = [values.tolist() for values in table.values()]
    for number, row in enumerate(zip(*columns, strict=True)):
        yield ",".join(f"{value:.4f}" for value in (number / fps, *row))


def _sampled(analysis: SongAnalysis, beats: Beats, fps: float) -> dict[str, Floats]:
    from vqanim.audio.spectrum import RATE

    count = max(1, int(analysis.song.seconds * fps + 1e-6))
    seconds = np.arange(count) / fps
    table = {name: Signal(RATE, analysis.signal(name)).at(seconds) for name in NAMES}
    clock = Soundtrack("", beats=beats.beats, first_beat=beats.first_beat).clock()
    return table | ({BEAT: clock.counts(seconds)} if clock else {})


def draw_signals(analysis: SongAnalysis, beats: Beats, meter: int, path: Path) -> None:
    """Draw every signal, the beats and the sections of a song to a PNG. Raises OutputError."""
    from vqanim.plots.curves import Marks
    from vqanim.plots.picture import draw_chart
    from vqanim.timeline.tracks import Track

    tracks = [Track(name, "sound", "", analysis.signal(name)) for name in NAMES]
    bars = beats.beats[beats.downbeat % meter :: meter]
    sections = tuple((section.start, section.label) for section in beats.sections)
    marks = Marks(analysis.song.seconds, (), beats.beats, bars, sections)
    title = f"{analysis.song.path.name}   {beats.tempo:.1f} bpm"
    draw_chart(title, tracks, marks, path, song=True)
