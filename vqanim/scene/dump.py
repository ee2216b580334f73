"""From a `Scene` back to a text that loads to an equal one. Defaults are written too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from vqanim.scene.curves import Constant
from vqanim.scene.fields.base import Flow, Quoted, Writer, curves_of
from vqanim.scene.fields.sections import dump_part
from vqanim.scene.limits import VERSION
from vqanim.scene.loader import MAIN
from vqanim.scene.model import Scene, Shot, Transition

_ORDER = (
    *("name", "duration", "transition", "effects", "hits", "loop", "kind", "pace", "freeze", "repeat"),
    *("reverse", "prompts", "start", "style", "change", "lead", "camera", "carry", "guidance"),
)
"""Of the keys of a shot: what it is in the film, what it shows, how it is made."""


def dump_scene(scene: Scene, assets: Mapping[str, str] | None = None) -> str:
    """YAML of a scene. `assets` maps the absolute paths of its pictures to names beside the new file."""
    writer = Writer(Path(scene.file).resolve().parent, assets or {})
    top = {"vqanim": VERSION, **dump_part(replace(scene, shots=()), writer)}
    del top["shots"]
    for key in ("effects", "hits", "loop", "guidance"):
        if key in top:
            top[key] = top.pop(key)
    if _has_one_nameless_shot(scene):
        only = _dump_shot(scene.shots[0], writer)
        for key in ("name", "transition"):
            del only[key]
        only["guidance"] = top.pop("guidance", {}) | only["guidance"]
        top |= only
    else:
        for shot in scene.shots:
            _add_film_curves(top, _dump_shot(shot, replace(writer, on_film=True)))
        moving = top.get("guidance", {}).get("losses", {})
        top["shots"] = []
        for shot in scene.shots:
            written = _dump_shot(shot, replace(writer, on_film=False))
            if taken_out := moving.keys() - {use.name for use in shot.guidance.losses}:
                written["guidance"].setdefault("losses", {}).update(dict.fromkeys(sorted(taken_out), "none"))
            top["shots"].append(written)
    return yaml.dump(top, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)


class _Dumper(yaml.SafeDumper):
    """Knows the two types of plain data, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)
_Dumper.add_representer(
    Flow, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)
)


def _has_one_nameless_shot(scene: Scene) -> bool:
    shot = scene.shots[0]
    plain = (shot.name, shot.duration, shot.transition) == (MAIN, None, Transition())
    if len(scene.shots) > 1 or not plain or shot.effects or shot.hits or shot.loop:
        return False
    return all(isinstance(curve, Constant) or curve.base == "film" for curve in curves_of(shot))


def _dump_shot(shot: Shot, writer: Writer) -> dict[str, Any]:
    """What the writer wants of a shot: curves on film time, all others (constants too), or all."""
    written = dump_part(shot, writer)
    if shot.kind == "timelapse" and not writer.on_film:
        written["pace"] = shot.pace
    return {key: written[key] for key in _ORDER if key in written}


def _add_film_curves(top: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Gather what runs on film time; shots agree on it, because it was written once."""
    for key, value in found.items():
        if isinstance(value, dict):
            _add_film_curves(top.setdefault(key, {}), value)
        else:
            top.setdefault(key, value)
