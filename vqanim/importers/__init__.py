"""Settings of other tools, turned into scenes: Deforum, VQGAN-CLIP and pytti. No torch.

    reading    a file or a command line -> plain data
    curves     expressions of numexpr and of Python -> ours; numbers over time, as a scene writes them
    schedules  Deforum's keyframes, which others have too
    motion     moves per frame and in pixels -> those of our camera
    draft      a scene while it is written, and what becomes of every key that was given

A tool is a module of its own, an `Importer`, and a name in TOOLS. Nothing that is read here is ever run:
files come from strangers.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from vqanim.errors import UsageError

if TYPE_CHECKING:
    from vqanim.importers.draft import Draft
    from vqanim.importers.reading import SettingsFile

TOOLS = ("deforum", "vqgan-clip", "pytti")
"""Each is a module of this folder, an Importer. Help pages need the names, and load none of them."""

_STRANGERS: Mapping[str, str] = {
    "clip_guidance_scale": "settings of Disco Diffusion",
    "last_node_id": "a workflow of ComfyUI",
    "class_type": "a workflow of ComfyUI",
    "rendered_frames": "a manifest of Parseq",
    "timeseries": "a document of Parseq",
    "sampler_name": "settings of a web UI for single pictures",
}
"""Keys that give other tools away."""

__all__ = ["TOOLS", "Importer", "import_settings", "importer_of"]


class Importer(Protocol):
    """A module that turns the settings of one tool into scenes."""

    READS: str  # what is read of it, for messages

    def recognizes(self, file: SettingsFile) -> float:
        """How surely a file comes from this tool, from 0 to 1. Raises UsageError for what nobody can read."""

    def read(self, file: SettingsFile, scene_folder: Path) -> Draft:
        """A draft of the scene, with a note on every key of the file. Raises UsageError for what cannot be
        read, or is beyond all measure; NotRecognized for what is not of this tool at all."""


def importer_of(tool: str) -> Importer:
    """The importer of one of TOOLS."""
    return cast(Importer, importlib.import_module(f"vqanim.importers.{tool.replace('-', '_')}"))


def import_settings(text: str, scene_folder: Path, tool: str | None = None) -> Draft:
    """The draft of a scene from a file or a command line. tool: one of TOOLS; found out when None. Raises
    UsageError, which names what was found instead."""
    from vqanim.importers.reading import NotRecognized, read_file

    file = read_file(text)
    try:
        return importer_of(tool or recognize(file)).read(file, scene_folder)
    except NotRecognized as error:
        known = [what for key, what in _STRANGERS.items() if key in error.keys]
        looks = f" (it looks like {known[0]})" if known else ""
        allowed = ", ".join(importer_of(tool).READS for tool in TOOLS)
        raise UsageError(
            f"{file.name}: not recognized{looks}; allowed are {allowed}. "
            f"Where you know better, say so: --from {' or '.join(TOOLS)}"
        ) from None


def recognize(file: SettingsFile) -> str:
    """The tool that a file comes from, of several the surest. Raises UsageError and NotRecognized."""
    from vqanim.importers.reading import NotRecognized

    if re.search(r"^(vqanim|shots)\s*:", file.text, re.MULTILINE):
        raise UsageError(f"{file.name}: this is a scene of vqanim already: vqanim check {file.name}")
    scores = {tool: importer_of(tool).recognizes(file) for tool in TOOLS}
    best = max(scores, key=scores.__getitem__)
    if not scores[best]:
        raise NotRecognized(file.json)
    return best
