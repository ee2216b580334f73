"""Settings of other tools, turned into scenes. No torch.

    reading      a file or a command line -> plain data
    notebooks    cells of a notebook -> plain data
    recognition  whose settings they are
    curves       expressions of numexpr and of Python -> ours; numbers over time, as a scene writes them
    evaluation   the same expressions, computed at every frame as the tools compute them
    sampling     values at every frame -> keyframes near to them
    keys         the keys of schedules as people write them
    schedules    Deforum's keyframes, which others have too
    motion       moves per frame and in pixels -> those of our camera
    keyframes    what the notebooks before Deforum have in common
    draft        a scene while it is written, and what becomes of every key that was given
    layout       its fields and comments as YAML

A tool is a module of its own, an `Importer`, and a name in TOOLS. Nothing that is read here is ever run:
files come from strangers.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from vqanim.errors import UsageError

if TYPE_CHECKING:
    from vqanim.importers.draft import Draft
    from vqanim.importers.reading import SettingsFile
    from vqanim.importers.recognition import Evidence

TOOLS = ("deforum", "vqgan-clip", "pytti", "disco", "parseq", "vqgan-notebook")
"""Each is a module of this folder, an Importer. Help pages need the names, and load none of them."""

PROGRAM = "generate.py"
"""Of VQGAN-CLIP, which a notebook may call."""
_STRANGERS: Mapping[str, str] = {
    "last_node_id": "a workflow of ComfyUI",
    "class_type": "a workflow of ComfyUI",
    "sampler_name": "settings of a web UI for single pictures",
    "timeseries": "a time series of Parseq",
}
"""Keys that give other tools away."""

__all__ = ["TOOLS", "Importer", "import_settings", "importer_of"]


class Importer(Protocol):
    """A module that turns the settings of one tool into scenes."""

    READS: str  # what is read of it, for messages

    def recognizes(self, file: SettingsFile) -> Evidence:
        """How surely a file comes from this tool, and why. Raises UsageError for what nobody can read."""

    def read(self, file: SettingsFile, scene_folder: Path) -> Draft:
        """A draft of the scene, with a note on every key of the file. Raises UsageError for what cannot be
        read, or is beyond all measure; NotRecognized for what is not of this tool at all."""


def importer_of(tool: str) -> Importer:
    """The importer of one of TOOLS."""
    return cast(Importer, importlib.import_module(f"vqanim.importers.{tool.replace('-', '_')}"))


def import_settings(text: str, scene_folder: Path, tool: str | None = None) -> Draft:
    """The draft of a scene from a file or a command line. tool: one of TOOLS; found out when None. Raises
    UsageError, which names what was found instead."""
    from vqanim.importers.draft import plain
    from vqanim.importers.notebooks import cells_of, commands_in
    from vqanim.importers.reading import NotRecognized, read_file

    file = read_file(text)
    if (
        file.is_notebook
        and tool in (None, "vqgan-clip")
        and (calls := commands_in(cells_of(file.json), PROGRAM))
    ):
        file = replace(file, text=calls)
    try:
        reason = ""
        if tool is None:
            file, tool, reason = recognize(file)
        elif tool == "deforum" and importer_of("parseq").recognizes(file).score:
            tool = "parseq"  # whose manifest stands in Deforum's settings
        draft = importer_of(tool).read(file, scene_folder)
    except NotRecognized as error:
        known = [what for key, what in _STRANGERS.items() if key in error.keys]
        looks = f" (it looks like {known[0]})" if known else ""
        what = (
            "a notebook whose cells set nothing that is known here" if file.is_notebook else "not recognized"
        )
        allowed = ", ".join(importer_of(tool).READS for tool in TOOLS)
        raise UsageError(
            f"{file.name}: {what}{looks}; allowed are {allowed}. "
            f"Where you know better, say so: --from {', '.join(TOOLS[:-1])} or {TOOLS[-1]}"
        ) from None
    draft.recognized_by = plain(reason)
    if file.has_fields:
        draft.leave(
            sorted(file.assigned.computed), "computed by the notebook, of which nothing is run: write it"
        )
    return draft


def recognize(file: SettingsFile) -> tuple[SettingsFile, str, str]:
    """The settings in a file, the tool that they come from, of several the surest, and by what it is
    recognized. Raises UsageError and NotRecognized."""
    from vqanim.importers.reading import NotRecognized

    if re.search(r"^(vqanim|shots)\s*:", file.text, re.MULTILINE):
        raise UsageError(f"{file.name}: this is a scene of vqanim already: vqanim check {file.name}")
    nodes = {"class_type", "last_node_id"} & NotRecognized(file.json).keys
    wrapped = () if file.is_notebook or nodes else file.inside()
    for candidate in (file, *wrapped):
        found = {tool: importer_of(tool).recognizes(candidate) for tool in TOOLS}
        best = max(found, key=lambda tool: found[tool].score)
        if found[best].score:
            return candidate, best, found[best].reason
    raise NotRecognized(file.json)
