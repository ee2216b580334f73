"""What the camera of a preview is pointed at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.engine.fit import FITS
from vqanim.errors import InputError, UsageError
from vqanim.files import Picture, read_picture
from vqanim.icons.draw import draw_icon
from vqanim.preview.grid import draw_grid
from vqanim.preview.sampling import Source
from vqanim.preview.views import View, find_views
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, StartPlan, Timeline

KINDS = ("grid", "start", "frame")
"""What has a name; all else is the path of a picture."""


@dataclass(frozen=True)
class Stage:
    """Where a preview is seen: its size and where its pictures come from."""

    timeline: Timeline
    width: int
    """Pixels of the preview."""
    height: int
    folder: Path
    """Of the render, whose frames may be shown."""


class Takes:
    """The saved frames of a film that was not painted: a picture, as the camera of each frame sees it."""

    def __init__(self, stage: Stage, kind: str) -> None:
        """kind: `grid`; `start`, the start of each shot where that is a picture or color; `frame`, the first
        painted frame of each shot; or the path of a picture.

        Raises UsageError and InputError.
        """
        self._stage, self._kind = stage, kind
        self._views = find_views(stage.timeline)
        plans = (plan for shot in stage.timeline.shots for plan in shot.frames)
        self._origins = {
            FrameRef(plan.shot, plan.index): (number, plan)
            for number, plan in enumerate(plan for plan in plans if plan.previous is None)
        }
        self._sources: dict[FrameRef, Source | None] = {}
        if kind not in KINDS and not Path(kind).is_file():
            raise UsageError(
                f"--picture {kind}: there is no such file, allowed are {', '.join(KINDS)} or a picture"
            )

    def files(self) -> list[Path]:
        """The picture files that are shown, as far as they are there."""
        store = TakeStore(self._stage.folder)
        named = {
            "grid": [],
            "start": [
                Path(plan.start.file) for _, plan in self._origins.values() if plan.start and plan.start.file
            ],
            "frame": [store.frame_path(origin.shot, origin.index) for origin in self._origins],
        }
        return [path for path in named.get(self._kind, [Path(self._kind)]) if path.is_file()]

    def view(self, frame: FrameRef) -> View:
        """Where a frame is seen from."""
        return self._views[frame]

    def check(self, frames: Iterable[FrameRef]) -> None:
        """Read every picture that some frames show. Raises InputError for one that is missing or broken."""
        for frame in frames:
            self._source(self._views[frame].origin)

    def picture(self, frame: FrameRef) -> Picture:
        """A frame, uint8 [height, width, 3]. Raises InputError for pictures that are missing or broken."""
        view = self._views[frame]
        source = self._source(view.origin)
        if source is None:
            number = self._origins[view.origin][0]
            return draw_grid(view.new_from_old, self._stage.width, self._stage.height, number)
        return source.seen(view.new_from_old, view.border)

    def _source(self, origin: FrameRef) -> Source | None:
        """The picture that an origin shows; None for the grid."""
        if origin not in self._sources:
            picture = self._picture(origin)
            self._sources[origin] = None if picture is None else Source(picture)
        return self._sources[origin]

    def _picture(self, origin: FrameRef) -> Picture | None:
        size = (self._stage.width, self._stage.height)
        if self._kind == "grid":
            return None
        if self._kind == "start":
            return start_of(self._origins[origin][1], size)
        if self._kind == "frame":
            path = TakeStore(self._stage.folder).frame_path(origin.shot, origin.index)
            if not path.is_file():
                raise InputError(f"{path}: is not painted; render it first, or use --picture grid")
            return fitted(path, "stretch", size)
        return fitted(Path(self._kind), "cover", size)


def fitted(path: Path, fit: str, size: tuple[int, int]) -> Picture:
    """A picture file as a frame of a size (W, H). Raises InputError."""
    return np.array(FITS[fit](Image.fromarray(read_picture(path)), size), dtype=np.uint8)


def start_of(plan: FramePlan, size: tuple[int, int]) -> Picture | None:
    """The start of a frame as a picture of a size (W, H); None for noise, which nobody recognizes."""
    assert plan.start is not None
    make = STARTS.get(plan.start.kind)
    return None if make is None else make(plan.start, plan.seed, size)


def _image(start: StartPlan, seed: int, size: tuple[int, int]) -> Picture:
    return fitted(Path(start.image or ""), start.fit, size)


def _flat(start: StartPlan, seed: int, size: tuple[int, int]) -> Picture:
    """One color, or several from top to bottom."""
    colors = np.array(start.colors) * 255
    rows = np.linspace(0, len(colors) - 1, size[1])
    column = np.stack([np.interp(rows, np.arange(len(colors)), colors[:, c]) for c in range(3)], -1)
    return np.repeat(column[:, None].round().astype(np.uint8), size[0], axis=1)


def _icon(start: StartPlan, seed: int, size: tuple[int, int]) -> Picture:
    assert start.icon is not None
    icon = start.icon if start.icon.seed is not None else replace(start.icon, seed=seed)
    return np.array(draw_icon(icon, size[1], size[0]), dtype=np.uint8)


STARTS: Mapping[str, Callable[[StartPlan, int, tuple[int, int]], Picture]] = {
    "image": _image,
    "color": _flat,
    "gradient": _flat,
    "icon": _icon,
}
