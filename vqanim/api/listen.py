"""What is heard in a song, as data, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vqanim.scene.sound import BEAT, Floats, Signal
from vqanim.scene.soundtrack import NAMES, Soundtrack

if TYPE_CHECKING:
    from vqanim.audio.hear import Beats, Listener


def song_document(listener: Listener, beats: Beats, fps: float) -> dict[str, Any]:
    """All that was heard, as plain data; signals at the moments k / fps."""
    signals = _sampled(listener, beats, fps)
    return {
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
        "signals": {name: np.round(values, 4).tolist() for name, values in signals.items()},
    }


def song_csv(listener: Listener, beats: Beats, fps: float) -> Iterator[str]:
    """The signals as a table: a head and a line for every moment k / fps."""
    table = _sampled(listener, beats, fps)
    yield ",".join(["seconds", *table])
    columns = [values.tolist() for values in table.values()]
    for number, row in enumerate(zip(*columns, strict=True)):
        yield ",".join([f"{number / fps:.4f}", *(f"{value:.4f}" for value in row)])


def _sampled(listener: Listener, beats: Beats, fps: float) -> dict[str, Floats]:
    from vqanim.audio.spectrum import RATE

    count = max(1, int(listener.song.seconds * fps + 1e-6))
    seconds = np.arange(count) / fps
    table = {name: Signal(RATE, listener.signal(name)).at(seconds) for name in NAMES}
    clock = Soundtrack("", beats=beats.beats, first_beat=beats.first_beat).clock()
    return table if clock is None else {**table, BEAT: clock.counts(seconds)}


def draw_signals(listener: Listener, beats: Beats, meter: int, path: Path) -> None:
    """Draw every signal, the beats and the sections of a song to a PNG. Raises OutputError."""
    from vqanim.audio.plot import draw_plot
    from vqanim.audio.spectrum import RATE
    from vqanim.files import staged, writing

    signals = {name: listener.signal(name) for name in NAMES}
    title = f"{listener.song.path.name}   {beats.tempo:.1f} bpm"
    picture = draw_plot(title, listener.song.seconds, beats, signals, RATE, meter)
    with writing(path), staged(path) as temporary:
        picture.save(temporary, "PNG")
