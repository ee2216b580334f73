"""The tools whose settings become scenes: how each is recognized, and what converts it. One line for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers import deforum, pytti, vqgan_clip
from vqanim.importers.draft import Draft
from vqanim.importers.reading import (
    Given,
    cells_of_notebook,
    looks_like_command,
    parse_cells,
    parse_json,
    parse_words,
    parse_yaml,
    read_given,
)


@dataclass(frozen=True)
class Source:
    """A tool."""

    title: str
    what: str
    """What is read of it, for messages."""
    keys: frozenset[str]
    """Some of them make sure that settings are this tool's."""
    read: Callable[[Given], Any]
    convert: Callable[[Any, str, Sequence[Path], Path], Draft]


def _read_deforum(given: Given) -> Any:
    if not given.text.lstrip().startswith(("{", "[")):
        return parse_cells(given)
    data = parse_json(given)
    if isinstance(data, Mapping) and "cells" in data:
        return parse_cells(Given(given.name, cells_of_notebook(data), given.folder, True))
    return data


SOURCES: Mapping[str, Source] = {
    "deforum": Source(
        "Deforum",
        "Deforum settings",
        frozenset(
            ("animation_mode", "max_frames", "translation_x", "strength_schedule", "animation_prompts")
        ),
        _read_deforum,
        deforum.convert,
    ),
    "vqgan-clip": Source(
        "VQGAN-CLIP", "a VQGAN-CLIP command line", frozenset(), parse_words, vqgan_clip.convert
    ),
    "pytti": Source(
        "pytti",
        "a pytti configuration",
        frozenset(("scenes", "steps_per_scene", "steps_per_frame", "image_model", "vqgan_model")),
        parse_yaml,
        pytti.convert,
    ),
}

_LITTLE = frozenset(("prompts", "zoom", "angle"))
"""Enough for Deforum where its name was given."""
_STRANGERS: Mapping[str, str] = {
    "clip_guidance_scale": "settings of Disco Diffusion",
    "last_node_id": "a workflow of ComfyUI",
    "class_type": "a workflow of ComfyUI",
    "rendered_frames": "a manifest of Parseq",
    "timeseries": "a document of Parseq",
    "sampler_name": "settings of a web UI for single pictures",
}
"""Keys that give other tools away."""


def import_settings(text: str, scene_folder: Path, source: str | None = None) -> Draft:
    """The draft of a scene from a file or a command line.

    source: a name of SOURCES; found out when None. Raises UsageError, which names what was found instead.
    """
    given = read_given(text)
    name = source or recognize(given)
    known = SOURCES[name]
    data = known.read(given)
    if known.keys:
        _check(data, given, name, sure=source is not None)
    return known.convert(data, given.name, (given.folder, scene_folder), scene_folder)


def recognize(given: Given) -> str:
    """The name of the tool that a text comes from. Raises UsageError."""
    text = given.text.lstrip()
    if text.startswith(("{", "[")):
        data = parse_json(given)
        if isinstance(data, Mapping):
            if "cells" in data or not SOURCES["deforum"].keys.isdisjoint(data):
                return "deforum"
            if len(SOURCES["pytti"].keys.intersection(data)) >= 2:
                return "pytti"
        raise _strange(data, given)
    if looks_like_command(given.text):
        return "vqgan-clip"
    if re.search(r"^(vqanim|shots)\s*:", text, re.MULTILINE):
        raise UsageError(f"{given.name}: this is a scene of vqanim already: vqanim check {given.name}")
    if re.search(r"^(scenes|image_model|steps_per_scene|steps_per_frame)\s*:", text, re.MULTILINE):
        return "pytti"
    if re.search(r"^\s*(animation_mode|max_frames|animation_prompts)\s*=", text, re.MULTILINE):
        return "deforum"
    raise _strange(None, given)


def _check(data: Any, given: Given, name: str, *, sure: bool) -> None:
    """Raise UsageError for data that is not this tool's; where the user named it, one key is enough."""
    if not isinstance(data, Mapping):
        found = "a list" if isinstance(data, list) else f"{data!r}"[:40]
        raise UsageError(f"{given.name}: found {found}, allowed are {SOURCES[name].what}: keys and values")
    if SOURCES[name].keys.isdisjoint(data) and not (sure and name == "deforum" and _LITTLE & set(data)):
        raise _strange(data, given)


def _strange(data: Any, given: Given) -> UsageError:
    keys = set(data) if isinstance(data, Mapping) else set()
    for value in data.values() if isinstance(data, Mapping) else ():
        keys |= set(value) if isinstance(value, Mapping) else set()
    looks = next((f" (it looks like {what})" for key, what in _STRANGERS.items() if key in keys), "")
    wanted = ", ".join(source.what for source in SOURCES.values())
    return UsageError(
        f"{given.name}: not recognized{looks}; allowed are {wanted}. "
        f"Where you know better, say so: --from {' or '.join(SOURCES)}"
    )
