"""The saved frames of a film that was not painted: a test picture, as the camera of each frame sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.engine.fit import FITS
from vqanim.errors import InputError, UsageError
from vqanim.files import Picture, read_picture
from vqanim.icons.draw import draw_icon
from vqanim.preview.camera import Source, View, find_views
from vqanim.preview.grid import draw_grid
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

KINDS = ("grid", "start", "frame")
"""What has a name; all else is the path of a picture."""

Size = tuple[int, int]
"""Width and height in pixels."""


class PreviewFrames:
    """The saved frames of a timeline, seen in a test picture."""

    def __init__(self, timeline: Timeline, size: Size, folder: Path, kind: str) -> None:
        """size: of the preview. folder: of the render, whose frames may be shown.

        kind: `grid`; `start`, the start of each shot where that is a picture or color; `frame`, the first
        painted frame of each shot; or the path of a picture. Raises UsageError for anything else.
        """
        if kind not in KINDS and not Path(kind).is_file():
            raise UsageError(
                f"--picture {kind}: there is no such file, allowed are {', '.join(KINDS)} or a picture"
            )
        self._size, self._store, self.kind = size, TakeStore(folder), kind
        self._views = find_views(timeline)
        plans = (plan for shot in timeline.shots for plan in shot.frames if plan.previous is None)
        self._origins = {FrameRef(plan.shot, plan.index): plan for plan in plans}
        self._sources: dict[FrameRef, Source | None] = {}

    def files(self) -> list[Path]:
        """The picture files that are shown, as far as they are there."""
        starts = (plan.start.file for plan in self._origins.values() if plan.start and plan.start.file)
        named = {"grid": [], "start": map(Path, starts), "frame": map(self._store.find, self._origins)}
        return [path for path in named.get(self.kind, [Path(self.kind)]) if path.is_file()]

    def view(self, frame: FrameRef) -> View:
        """Where a frame is seen from."""
        return self._views[frame]

    def check(self, frames: Iterable[FrameRef]) -> None:
        """Read every picture that some frames show. Raises InputError for one that is missing or broken."""
        for frame in frames:
            self._source(self._views[frame].origin)

    def picture(self, frame: FrameRef) -> Picture:
        """A frame, uint8 [H, W, 3]. Raises InputError for pictures that are missing or broken."""
        view = self._views[frame]
        source = self._source(view.origin)
        if source is None:
            return draw_grid(view.new_from_old, *self._size, [*self._origins].index(view.origin))
        return source.seen(view.new_from_old, view.border)

    def _source(self, origin: FrameRef) -> Source | None:
        """The picture that an origin shows; None for the grid."""
        if origin not in self._sources:
            picture = self._picture(origin)
            self._sources[origin] = None if picture is None else Source(picture)
        return self._sources[origin]

    def _picture(self, origin: FrameRef) -> Picture | None:
        if self.kind == "grid":
            return None
        if self.kind == "start":
            return start_picture(self._origins[origin], self._size)
        if self.kind == "frame":
            path = self._store.find(origin)
            if not path.is_file():
                raise InputError(f"{path}: is not painted; render it first, or use --picture grid")
            return fitted(path, "stretch", self._size)
        return fitted(Path(self.kind), "cover", self._size)


def fitted(path: Path, fit: str, size: Size) -> Picture:
    """A picture file as a frame. Raises InputError."""
    return np.array(FITS[fit](Image.fromarray(read_picture(path)), size), dtype=np.uint8)


def start_picture(plan: FramePlan, size: Size) -> Picture | None:
    """The start of a frame; None for noise, which nobody recognizes. Raises InputError."""
    start = plan.start
    assert start is not None
    if start.image is not None:
        return fitted(Path(start.image), start.fit, size)
    if start.icon is not None:
        icon = start.icon if start.icon.seed is not None else replace(start.icon, seed=plan.seed)
        return np.array(draw_icon(icon, size[1], size[0]), dtype=np.uint8)
    if start.colors:  # one color, or several from top to bottom
        colors = np.array(start.colors) * 255
        rows = np.linspace(0, len(colors) - 1, size[1])
        column = np.stack([np.interp(rows, np.arange(len(colors)), colors[:, c]) for c in range(3)], -1)
        return np.repeat(column[:, None].round().astype(np.uint8), size[0], axis=1)
    return None
