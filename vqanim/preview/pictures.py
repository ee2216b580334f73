"""The saved frames of a film that was not painted: a test picture, as the camera of each frame sees it.

A renderer moves the picture of the frame before; so many resamplings would blur a test picture away. Here
every frame is seen from the picture that its shot began with, through the same matrices all at once.

The usual picture is an endless labeled grid. Wherever the camera flies, it has lines, and names to tell
cells apart. The lines get finer as it comes near and vanish as it leaves. What lay in the frame at the
beginning of the shot has an orange edge; what lies beyond is darker, for there a render fills in what it
cannot know.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import map_coordinates

from vqanim.camera.homography import Matrix, step_matrix
from vqanim.camera.resample import FINER, color_of, enlarged
from vqanim.engine.pictures import fit_picture
from vqanim.errors import InputError, UsageError
from vqanim.files import is_file
from vqanim.icons.draw import draw_icon
from vqanim.pictures import Picture, read_picture
from vqanim.plots.picture import font
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

Floats = NDArray[np.float32]

CELL = 1 / 8
"""Frame widths; side of a cell when nothing is magnified. Finer and coarser cells are halves and doubles."""
LEVELS = 4  # sizes of cells that are seen together, each twice as large as the one before
THICKNESS = 1.3  # pixels at 384 of width
EDGE = np.array([255.0, 140.0, 30.0], dtype=np.float32)
LINE = np.array([235.0, 240.0, 250.0], dtype=np.float32)
# Of the ground, by shot: a cut is seen.
GROUNDS = ((38, 62, 92), (84, 50, 68), (44, 80, 60), (86, 72, 40), (66, 56, 100), (40, 80, 88))
BEYOND = 0.5  # brightness of what was not in the frame at the beginning of the shot


@dataclass(frozen=True)
class View:
    """A saved frame, seen from the frame that its picture began with."""

    origin: FrameRef  # the frame that carries nothing
    new_from_old: Matrix  # forward matrix in frame widths from the middle (see camera.homography)
    border: str  # what is seen beyond the old picture: `reflect`, `wrap`, `edge` or a color `#rrggbb`


def find_views(timeline: Timeline) -> Mapping[FrameRef, View]:
    """The view of every saved frame, those under dissolves included."""
    views: dict[FrameRef, View] = {}
    for plan in (plan for shot in timeline.shots for plan in shot.frames):
        own = FrameRef(plan.shot, plan.index)
        views[own] = view = View(own, np.eye(3), "reflect") if plan.previous is None else views[plan.previous]
        if plan.previous is not None and not plan.camera.still:
            matrix = step_matrix(plan.camera) @ view.new_from_old
            views[own] = View(view.origin, matrix / matrix[2, 2], plan.camera.border)
    return views


def plane_points(old_from_new: Matrix, width: int, height: int) -> NDArray[np.float64]:
    """For every pixel of a frame where it looks in the old plane: x and y [2, H, W] in frame widths from the
    middle. What lies behind the camera is as good as infinitely far."""
    y, x = np.mgrid[:height, :width] + 0.5
    pixels = np.stack([x / width - 0.5, (y - height / 2) / width, np.ones_like(x)])
    points = np.tensordot(old_from_new, pixels, 1)
    return points[:2] / np.maximum(points[2], 1e-9)


def magnification(old_from_new: Matrix) -> float:
    """How much larger things are in the middle of the frame than they were."""
    small = 1e-4
    ends = old_from_new @ np.array([[0.0, small, 0.0], [0.0, 0.0, small], [1.0, 1.0, 1.0]])
    x, y = ends[:2] / ends[2]
    area = abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    return small / float(np.sqrt(max(area, 1e-300)))


def draw_grid(new_from_old: Matrix, width: int, height: int, ground: int = 0) -> Picture:
    """The grid as a camera sees it, uint8 [height, width, 3]. new_from_old: the camera's movement so far, in
    frame widths. ground: number of the color."""
    old_from_new: Matrix = np.linalg.inv(new_from_old).astype(np.float64)
    points = plane_points(old_from_new, width, height).astype(np.float32)
    near = magnification(old_from_new)
    level, pixel = math.floor(math.log2(near)), 1 / (near * width)
    fraction = math.log2(near) - level
    image = np.array(GROUNDS[ground % len(GROUNDS)], np.float32) * _shade(points, level, fraction)[..., None]
    thick = max(1.0, THICKNESS * width / 384)
    cover = np.zeros((height, width), np.float32)
    for step in range(LEVELS):
        cell = CELL * 2.0 ** (step - 1 - level)
        # How clear lines are, by how often their cells are doubled beyond the size of CELL on screen.
        strength = np.interp(step - 1 + fraction, [-1, 0, 1, 2, 3], [0.0, 0.18, 0.4, 0.65, 0.8])
        cover = np.maximum(cover, float(strength) * _lines(points, cell, pixel, thick))
    image += cover[..., None] * (LINE - image)
    beyond = np.maximum(np.abs(points[0]) - 0.5, np.abs(points[1]) - height / width / 2) / np.float32(pixel)
    image *= 1 - (1 - BEYOND) * (beyond + 0.5).clip(0, 1)[..., None]
    image += (thick + 0.5 - np.abs(beyond)).clip(0, 1)[..., None] * (EDGE - image)
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    _draw_names(picture, new_from_old, points, math.log2(near) + 0.5)
    return np.array(picture, dtype=np.uint8)


def _shade(points: Floats, level: int, fraction: float) -> Floats:
    """Brightness of the ground: every cell has its own, and finer cells take over as they grow."""
    shade = np.zeros(points.shape[1:], np.float32)
    for octave, share in ((level, 1 - fraction), (level + 1, fraction)):
        x, y = np.floor(points / (CELL * 2.0**-octave))
        mixed = np.sin(x * 12.9898 + y * 78.233) * 43758.5453
        shade += np.float32(share) * (mixed - np.floor(mixed)).astype(np.float32)
    return 0.75 + 0.5 * shade


def _lines(points: Floats, cell: float, pixel: float, thick: float) -> Floats:
    """How much of each pixel is covered by the borders of cells."""
    within = points / cell
    nearest = np.abs(within - np.round(within)).min(0) * (cell / pixel)
    return (thick / 2 + 0.5 - nearest).clip(0, 1).astype(np.float32)


def _draw_names(picture: Image.Image, new_from_old: Matrix, points: Floats, octave: float) -> None:
    """A name in every cell, which fades as other cells take over."""
    width, height = picture.size
    level, fraction = math.floor(octave), octave % 1
    clear = min(1.0, fraction / 0.15, (1 - fraction) / 0.15)
    cell = CELL * 2.0**-level
    low, high = (np.floor(edge(points, axis=(1, 2)) / cell) for edge in (np.min, np.max))
    if clear <= 0 or not np.isfinite([low, high]).all() or (high - low + 1).prod() > 400:
        return
    draw, letters, gray = ImageDraw.Draw(picture), font(max(9, width // 32)), round(140 + 100 * clear)
    for row in np.arange(low[1], high[1] + 1):
        for column in np.arange(low[0], high[0] + 1):
            x, y, z = new_from_old @ np.array([(column + 0.5) * cell, (row + 0.5) * cell, 1.0])
            if z > 1e-6:
                at = ((x / z + 0.5) * width, y / z * width + height / 2)
                if -20 < at[0] < width + 20 and -20 < at[1] < height + 20:
                    # `E4`: letters go right and numbers down; they begin anew after 26 and 100.
                    name = f"{chr(ord('A') + int(column + 4) % 26)}{int(row + 3) % 100}"
                    draw.text(at, name, (gray, gray, gray), letters, anchor="mm")


KINDS = ("grid", "start", "frame")  # what has a name; all else is the path of a picture
Size = tuple[int, int]  # width and height in pixels
_MODES = {"reflect": "reflect", "wrap": "grid-wrap", "edge": "nearest"}  # borders as scipy names them
MARGIN = 5  # pixels with which a picture goes on around itself while it is enlarged
NEAREST, FARTHEST, AGAIN = 6.0, 1 / 3, 3.0
"""Magnified more than NEAREST or less than FARTHEST, a picture fades into itself AGAIN times smaller or
larger: else a long flight would end in one pixel."""


class PreviewFrames:
    """The saved frames of a timeline, seen in a test picture."""

    def __init__(self, timeline: Timeline, size: Size, folder: Path, kind: str) -> None:
        """size: of the preview. folder: of the render, whose frames may be shown. kind: `grid`; `start`, the
        start of each shot where that is a picture or color; `frame`, the first painted frame of each shot; or
        the path of a picture. Raises UsageError for anything else."""
        if kind not in KINDS and not is_file(kind):
            allowed = f"{', '.join(KINDS)} or a picture"
            raise UsageError(f"--picture {kind}: there is no such file, allowed are {allowed}")
        self._size, self._store, self.kind = size, TakeStore(folder), kind
        self.views = find_views(timeline)
        plans = (plan for shot in timeline.shots for plan in shot.frames if plan.previous is None)
        self._origins = {FrameRef(plan.shot, plan.index): plan for plan in plans}
        self._sources: dict[FrameRef, Source | None] = {}

    def files(self) -> list[Path]:
        """The picture files that are shown, as far as they are there."""
        starts = (plan.start.file for plan in self._origins.values() if plan.start and plan.start.file)
        named = {"grid": [], "start": map(Path, starts), "frame": map(self._store.find, self._origins)}
        return [path for path in named.get(self.kind, [Path(self.kind)]) if path.is_file()]

    def check(self, frames: Iterable[FrameRef]) -> None:
        """Read every picture that some frames show. Raises InputError for one that is missing or broken."""
        for frame in frames:
            self._source(self.views[frame].origin)

    def picture(self, frame: FrameRef) -> Picture:
        """A frame, uint8 [H, W, 3]. Raises InputError for pictures that are missing or broken."""
        view = self.views[frame]
        source = self._source(view.origin)
        if source is None:
            return draw_grid(view.new_from_old, *self._size, [*self._origins].index(view.origin))
        return source.seen(view.new_from_old, view.border)

    def _source(self, origin: FrameRef) -> Source | None:
        """The picture that an origin shows; None for the grid."""
        if origin not in self._sources:
            picture, path = None, self._store.find(origin)
            if self.kind == "start":
                picture = start_picture(self._origins[origin], self._size)
            elif self.kind == "frame":
                if not path.is_file():
                    raise InputError(f"{path}: is not painted; render it first, or use --picture grid")
                picture = fitted(path, "stretch", self._size)
            elif self.kind != "grid":
                picture = fitted(Path(self.kind), "cover", self._size)
            self._sources[origin] = None if picture is None else Source(picture)
        return self._sources[origin]


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
        self._picture = picture  # uint8 [H, W, 3]
        self._enlarged: dict[str, Picture] = {}

    def seen(self, new_from_old: Matrix, border: str) -> Picture:
        """The picture as a camera sees it after a movement in frame widths, uint8 [H, W, 3]; see View."""
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
        mode, fine = _MODES[kind], self._fine(kind)
        seen = np.stack([map_coordinates(one, places, np.float32, 1, mode) for one in fine], axis=-1)
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
