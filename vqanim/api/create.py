"""New scenes: from a template, from the settings of other tools, and for a song."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from vqanim.api.project import prepare
from vqanim.api.schema import write_schema
from vqanim.errors import CurveError, SceneError, UsageError
from vqanim.files import make_folder, write_atomic, writing
from vqanim.scene.sound import Clock
from vqanim.scene.soundtrack import Soundtrack

if TYPE_CHECKING:
    from vqanim.audio.analysis import Beats
    from vqanim.audio.reading import Song
    from vqanim.importers.draft import Draft


def new_scene(path: Path) -> None:
    """Write a commented scene that renders as it is, and the schema for editors beside it.

    Raises OutputError.
    """
    make_folder(path.parent)
    write_atomic(path, _template("starter.yaml"))
    write_schema(path.parent)


def _template(name: str) -> str:
    return resources.files("vqanim.api").joinpath(name).read_text(encoding="utf-8")


def import_scene(settings: str, path: Path, tool: str | None = None) -> Draft:
    """Write a scene made of the settings of another tool, a file or a command line, and the schema beside it.

    tool: whose settings they are; recognized when None. Gives what became of every setting. What the scene
    language refuses is left out and named in a comment, so that the scene passes `vqanim check`.
    Raises UsageError where no scene can be made of them, InputError and OutputError.
    """
    from vqanim.importers import import_settings

    draft = import_settings(settings, path.parent, tool)
    write_atomic(path, checked(draft, path))
    write_schema(path.parent)
    return draft


def checked(draft: Draft, path: Path) -> str:
    """The text of a scene that passes `vqanim check`; what does not is taken back and named in a comment.

    Raises UsageError where nothing helps.
    """
    while True:
        text = draft.text(path.name)
        try:
            _check(text, path.parent)
            return text
        except SceneError as error:
            troubles = [(problem.place.path, problem.message) for problem in error.problems]
        except CurveError as error:
            troubles = [(error.place.path, error.reason)]
        # From the end, so that the places of prompts stay what they are.
        dropped = [draft.drop(where, why) for where, why in sorted(troubles, reverse=True, key=_in_order)]
        if not any(dropped):
            where, why = troubles[0]
            raise UsageError(f"{draft.name}: no scene can be made of this: {where}: {why}")


def _check(text: str, folder: Path) -> None:
    """Do what `vqanim check` does with a scene that is in this folder for a moment."""
    path = folder / f".vqanim-{secrets.token_hex(4)}.yaml"
    try:
        with writing(folder):
            path.write_text(text, encoding="utf-8")
        prepare(path)
    finally:
        path.unlink(missing_ok=True)


def _in_order(trouble: tuple[str, str]) -> tuple[int, str]:
    match = re.match(r"prompts\[(\d+)\]", trouble[0])
    return (int(match[1]) if match else -1, trouble[0])


IDEAS = (
    "a lighthouse at night", "a volcano erupting at night", "a coral reef", "a castle on a hill",
    "a golden desert", "a snowy forest", "a neon city street", "an old steam train",
)  # fmt: skip
"""Prompts to be replaced."""
_LEAST_SECONDS = 1.0  # of a shot
_NEAR = 0.05  # seconds from a bar within which a section begins on it
_LOUDER = 0.2  # of loudness: a section that differs by so much from the one before begins with a cut


def write_song_scene(song: Song, beats: Beats, meter: int, path: Path) -> None:
    """Write a scene to start a music video from: shots on the song's sections, keys on its bars.

    Raises UsageError where the scene would not find the song, and OutputError.
    """
    folder, file = path.resolve().parent, song.path.resolve()
    if not file.is_relative_to(folder):
        hint = "the song must lie in the scene's folder; write the scene beside the song"
        raise UsageError(f"--scene {path}: {hint}")
    clock = Soundtrack("", first_beat=beats.first_beat, beats=beats.beats, meter=meter).clock()
    head = _template("song.yaml").format(
        name=_plain(song.path.name),
        scene=_plain(path.name),
        title=_quoted(song.path.stem),
        file=_quoted(file.relative_to(folder).as_posix()),
        meter=meter,
        no_beat="" if clock else "# ",
    )
    starts = [0.0]
    for section in beats.sections:
        if min(section.start - starts[-1], song.seconds - section.start) >= _LEAST_SECONDS:
            starts.append(section.start)
    spans = zip(starts, [*starts[1:], song.seconds], strict=True)
    shots = [line for number, span in enumerate(spans) for line in _shot(number, *span, beats, clock)]
    write_atomic(path, head + "\n".join([*shots, ""]))


def _shot(number: int, start: float, end: float, beats: Beats, clock: Clock | None) -> Iterator[str]:
    """The lines of a shot."""
    begun = [section for section in beats.sections if section.start <= start + 1e-6]
    yield f"  - name: part-{number + 1}{'-' + begun[-1].label if begun else ''}"
    if number:
        cut = len(begun) > 1 and abs(begun[-1].loudness - begun[-2].loudness) >= _LOUDER
        yield f"    at: {_moment(start, clock)}"
        yield f"    transition: {'cut' if cut else 'carry'}"
    this, following = (IDEAS[(number + step) % len(IDEAS)] for step in (0, 1))
    keys = _bars_between(start, end, clock)
    if len(keys) < 2:
        yield f"    prompts: [{this}]"
        return
    first, middle = keys[0], keys[len(keys) // 2]
    yield "    prompts:"
    yield f"      - {{text: {this}, weight: {{{first}: 1, {middle}: [0.2, step]}}}}"
    yield f"      - {{text: {following}, weight: {{{first}: 0, {middle}: [1, step]}}}}"


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
