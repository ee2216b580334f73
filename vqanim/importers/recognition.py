"""Whose settings a file holds: by the names that only one tool has.

Deforum, Disco Diffusion and notebooks before them share many names, because each grew out of another: what
they share decides only where nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from vqanim.importers.reading import SettingsFile

SHARED = frozenset(
    """animation_mode max_frames angle zoom translation_x translation_y translation_z rotation_3d_x
    rotation_3d_y rotation_3d_z fov near_plane far_plane midas_weight padding_mode sampling_mode key_frames
    seed width height fps init_image steps""".split()
)
"""Names that are in settings of several tools."""
LEAST = 2  # names that make sure of a tool where one alone may be anybody's
NAMED = 4  # that a reason names
PART = 1 / 3  # of a file's names that a tool has to know


@dataclass(frozen=True)
class Evidence:
    """How surely a file comes from a tool, and why."""

    score: float  # 0 where nothing speaks for it
    reason: str = ""  # as in `scenes, image_model and 12 more that only pytti has`


def by_names(
    file: SettingsFile,
    tool: str,
    owns: Callable[[str], bool],
    knows: Callable[[str], bool],
    leading: Collection[str] = (),
) -> Evidence:
    """Evidence by a file's outermost names. owns: whether a name is this tool's alone. knows: whether the
    tool has it. leading: names that others have too, which belong to this tool where nothing else does."""
    names = list(file.keys)
    mine = [name for name in names if owns(name)]
    others = [name for name in names if name in leading]
    counted = set(names)
    if file.has_fields:  # whose cells hold more than settings
        counted = counted & file.assigned.fields or counted
    known = sum(map(knows, counted)) / max(len(counted), 1)
    if len(mine) + len(others) < LEAST and known < 0.5:
        return Evidence(0)
    if mine and (known >= PART or (file.has_fields and len(mine) >= LEAST)):
        return Evidence(len(mine) + len(others) / 100, f"{_listed(mine)} that only {tool} has")
    if len(others) >= LEAST and known >= 0.5:
        return Evidence(len(others) / 100, f"{_listed(others)}, without a name of another tool")
    return Evidence(0)


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
