"""The saved frames of a film that was not painted: a test picture, as the camera of each frame sees it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates

from vqanim.camera.homography import Matrix
from vqanim.camera.resample import FINER, color_of, enlarged
from vqanim.engine.pictures import fit_picture
from vqanim.errors import InputError, UsageError
from vqanim.files import Picture, read_picture
from vqanim.icons.draw import draw_icon
from vqanim.preview.camera import View, draw_grid, find_views, magnification, plane_points
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

KINDS = ("grid", "start", "frame")
"""What has a name; all else is the path of a picture."""

Size = tuple[int, int]
"""Width and height in pixels."""
_MODES = {"reflect": "reflect", "wrap": "grid-wrap", "edge": "nearest"}
"""Borders as scipy names them."""
MARGIN = 5
"""Pixels with which a picture goes on around itself while it is enlarged."""
NEAREST, FARTHEST, AGAIN = 6.0, 1 / 3, 3.0
"""Magnified more than NEAREST or less than FARTHEST, a picture fades into itself AGAIN times smaller or
larger: else a long flight would end in one pixel."""


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
    return np.array(fit_picture(Image.fromarray(read_picture(path)), size, fit), dtype=np.uint8)


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


class Source:
    """A picture that is seen from many views; enlarged once and sampled linearly, as the renderer does."""

    def __init__(self, picture: Picture) -> None:
        """picture: uint8 [H, W, 3]."""
        self._picture = picture
        self._enlarged: dict[str, Picture] = {}

    def seen(self, new_from_old: Matrix, border: str) -> Picture:
        """The picture as a camera sees it after a movement in frame widths, uint8 [H, W, 3].

        border: see View.
        """
        old_from_new: Matrix = np.linalg.inv(new_from_old).astype(np.float64)
        near = magnification(old_from_new)
        octave = math.log(near / min(max(near, FARTHEST), NEAREST)) / math.log(AGAIN)
        whole, part = math.trunc(octave), abs(octave) % 1
        picture = self._sampled(old_from_new, AGAIN**whole, border)
        if part:
            other = self._sampled(old_from_new, AGAIN ** (whole + math.copysign(1, octave)), border)
            picture += np.float32(part * part * (3 - 2 * part)) * (other - picture)
        return (picture + np.float32(0.5)).clip(0, 255).astype(np.uint8)

    def _sampled(self, old_from_new: Matrix, smaller: float, border: str) -> NDArray[np.float32]:
        """Float32 [H, W, 3] in 0..255 of the picture, so many times smaller than it is."""
        height, width, _ = self._picture.shape
        x, y = plane_points(old_from_new, width, height) * (smaller * width)
        x, y = x + width / 2, y + height / 2
        kind = "edge" if border.startswith("#") else border
        margin = MARGIN if kind == "edge" else 0
        places = np.stack([y + margin, x + margin]) * FINER - 0.5
        seen = np.stack(
            [
                map_coordinates(fine, places, np.float32, order=1, mode=_MODES[kind])
                for fine in self._fine(kind)
            ],
            axis=-1,
        )
        if kind == border:
            return seen
        # As the renderer does: the color lies over what is outside, with a soft rim of one pixel.
        inside = [(np.minimum(at, side - at) + 0.5).clip(0, 1) for at, side in ((x, width), (y, height))]
        color = np.array(color_of(border), np.float32)
        return color + (inside[0] * inside[1]).astype(np.float32)[..., None] * (seen - color)

    def _fine(self, border: str) -> Picture:
        """The enlarged picture [3, H, W]; with a margin where it goes on as its edge."""
        if border not in self._enlarged:
            fine = np.array(enlarged(self._picture, (MARGIN,) * 4, border), dtype=np.uint8)
            if border != "edge":
                fine = fine[FINER * MARGIN : -FINER * MARGIN, FINER * MARGIN : -FINER * MARGIN]
            self._enlarged[border] = np.ascontiguousarray(np.moveaxis(fine, -1, 0))
        return self._enlarged[border]
