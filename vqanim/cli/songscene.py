"""A scene to start a music video from: shots on the song's sections, keys on its bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vqanim.errors import UsageError
from vqanim.files import write_atomic
from vqanim.scene.sound import Clock
from vqanim.scene.soundtrack import Soundtrack

if TYPE_CHECKING:
    from vqanim.audio.analysis import Beats
    from vqanim.audio.reading import Song

IDEAS = (
    "a lighthouse at night",
    "a volcano erupting at night",
    "a coral reef",
    "a castle on a hill",
    "a golden desert",
    "a snowy forest",
    "a neon city street",
    "an old steam train",
)
"""Prompts to be replaced."""
_LEAST_SECONDS = 1.0
"""Of a shot."""
_NEAR = 0.05
"""Seconds from a bar within which a section begins on it."""
_LOUDER = 0.2
"""Of loudness: a section that differs by so much from the one before begins with a cut."""

_HEAD = """\
# A scene on {name}, written by vqanim listen. Change the prompts, then: vqanim render {scene}
# For a quick look: vqanim render {scene} --set size=128x72 --set fps=6
vqanim: 1
title: {title}
size: [256, 144]
fps: 12
duration: soundtrack
soundtrack:
  file: {file}
  bpm: auto          # or a number, where you know better
  first_beat: auto   # when bar 1 begins
  meter: {meter}
guidance: {{steps: 6, first_steps: 60}}
lead: auto           # prompts change so much earlier that the change is seen on its beat
camera:
  zoom: "1.03 + 0.5 * bass"
hits:
  - {{on: beat, every: {meter}, flash: 0.25, fade: 0.5beats}}
  - {{on: onset, above: 0.6, punch: 1.04, fade: 150ms}}
shots:
"""


def write_scene(song: Song, beats: Beats, meter: int, path: Path) -> None:
    """Write a scene that passes `vqanim check`. Raises UsageError where it would not find the song."""
    folder = path.resolve().parent
    if not song.path.resolve().is_relative_to(folder):
        raise UsageError(
            f"--scene {path}: the song must lie in the scene's folder; write the scene beside the song"
        )
    file = song.path.resolve().relative_to(folder).as_posix()
    write_atomic(path, scene_text(song, beats, meter, file, path.name))


def scene_text(song: Song, beats: Beats, meter: int, file: str, scene: str) -> str:
    """The scene, for a song whose path from there is `file`."""
    clock = Soundtrack("", first_beat=beats.first_beat, beats=beats.beats, meter=meter).clock()
    head = _HEAD.format(
        name=_plain(song.path.name),
        scene=_plain(scene),
        title=_quoted(song.path.stem),
        file=_quoted(file),
        meter=meter,
    )
    if clock is None:
        head = head.replace("  - {on: beat", "  # - {on: beat")
    starts = _starts(beats, song.seconds)
    shots = [
        _shot(number, start, end, beats, clock)
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], song.seconds], strict=True))
    ]
    return head + "".join(shots)


def _starts(beats: Beats, seconds: float) -> list[float]:
    starts = [0.0]
    for section in beats.sections:
        if section.start - starts[-1] >= _LEAST_SECONDS and seconds - section.start >= _LEAST_SECONDS:
            starts.append(section.start)
    return starts


def _shot(number: int, start: float, end: float, beats: Beats, clock: Clock | None) -> str:
    labels = [section.label for section in beats.sections if section.start <= start + 1e-6]
    louds = [section.loudness for section in beats.sections if section.start <= start + 1e-6]
    cut = len(louds) > 1 and abs(louds[-1] - louds[-2]) >= _LOUDER
    lines = [f"  - name: part-{number + 1}{'-' + labels[-1] if labels else ''}"]
    if number:
        lines += [f"    at: {_moment(start, clock)}", f"    transition: {'cut' if cut else 'carry'}"]
    this, following = (IDEAS[(number + step) % len(IDEAS)] for step in (0, 1))
    keys = _bars_between(start, end, clock)
    if len(keys) < 2:
        return "\n".join([*lines, f"    prompts: [{this}]", ""])
    first, middle = keys[0], keys[len(keys) // 2]
    lines += [
        "    prompts:",
        f"      - {{text: {this}, weight: {{{first}: 1, {middle}: [0.2, step]}}}}",
        f"      - {{text: {following}, weight: {{{first}: 0, {middle}: [1, step]}}}}",
    ]
    return "\n".join([*lines, ""])


def _bars_between(start: float, end: float, clock: Clock | None) -> Sequence[str]:
    """The bars that begin within a shot, as times."""
    if clock is None:
        return []
    first, last = clock.beat_at(start) / clock.meter, clock.beat_at(end) / clock.meter
    bars = range(max(0, round(first + 0.49)), int(last - 0.25) + 1)
    return [f"bar {bar + 1}" for bar in bars]


def _moment(second: float, clock: Clock | None) -> str:
    if clock is not None:
        bar = round(clock.beat_at(second) / clock.meter)
        if bar >= 0 and abs(clock.second_of_bar(bar + 1) - second) < _NEAR:
            return f"bar {bar + 1}"
    return f"{second:.3f}s"


def _quoted(text: str) -> str:
    """A text as YAML takes it, whatever is in it."""
    return "'" + _plain(text).replace("'", "''") + "'"


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
