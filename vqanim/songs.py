"""Scenes with their songs: loaded by somebody who listens, or remembers what was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vqanim.errors import InputError, Problem, SceneError
from vqanim.scene import Scene
from vqanim.scene import load_scene as read_scene
from vqanim.scene.sound import Sound
from vqanim.scene.soundtrack import Heard
from vqanim.scene.tree import Mapping, Scalar, parse_tree
from vqanim.scene.tree import Sequence as ListNode

RESOLVED = "scene.resolved.yaml"


def load_scene(
    path: str | Path,
    overrides: Sequence[str] = (),
    folder: Path | None = None,
    *,
    allow_outside: bool = False,
) -> Scene:
    """The scene in a file, with values such as `guidance.steps=3` put in place of those in it.

    Its song is listened to where the scene asks for what only listening tells.
    folder: that of an earlier render, whose beats are kept where the song is the same.
    allow_outside: files that it names may lie outside its folder.
    Raises SceneError with every mistake.
    """
    # Only a scene with a song needs what can listen.
    from vqanim.audio.analysis import SceneSongs

    ear = SceneSongs({} if folder is None else remembered_beats(folder / RESOLVED))
    scene = read_scene(path, overrides, ear, allow_outside=allow_outside)
    track = scene.soundtrack
    if track is None:
        return scene
    try:
        signals = ear.signals(scene)
    except InputError as error:
        raise SceneError([Problem(track.place, str(error), about_file=True)]) from error
    return replace(scene, sound=Sound(track.clock(), signals))


def song_files(scene: Scene) -> tuple[str, ...]:
    """Paths of the song and its stems."""
    track = scene.soundtrack
    return () if track is None else (track.file, *(stem.file for stem in scene.stems))


def remembered_beats(resolved: Path) -> dict[tuple[str, int], Heard]:
    """The beats in the resolved scene of an earlier render, by the start of its song's hash and the meter.

    Empty where there is none, or nothing was listened to.
    """
    try:
        root = parse_tree(resolved.read_text("utf-8"), str(resolved))
        track = root.get("soundtrack") if isinstance(root, Mapping) else None
        if not isinstance(track, Mapping):
            return {}
        file, beats, first, bpm, meter = (
            track.get(key) for key in ("file", "beats", "first_beat", "bpm", "meter")
        )
        if not (isinstance(bpm, Scalar) and bpm.text == "auto"):
            return {}  # nobody listened
        if not (isinstance(file, Scalar) and isinstance(beats, ListNode) and isinstance(first, Scalar)):
            return {}
        seconds = [_seconds(beat.text) for beat in beats.items if isinstance(beat, Scalar)]
        beats_in_bar = int(meter.text) if isinstance(meter, Scalar) else 4
        return {(Path(file.text).stem, beats_in_bar): Heard(tuple(seconds), _seconds(first.text))}
    except (OSError, ValueError, SceneError):
        return {}


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
