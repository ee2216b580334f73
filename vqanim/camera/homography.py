"""The camera that moves and turns a flat picture: a step as a matrix in numpy, and the warp of it in torch.

The matrix serves the plan, the preview and the film, the warp the painter, so that all move alike.

Convention:
    direction   matrices are forward: they map points of the old picture to points of the new one
    order       points are (x, y), as columns (x, y, 1); x to the right, y down
    units       frame widths from the middle of the frame; for frames of a given size pixels, continuous: the
                center of pixel (column i, row j) is (i + 0.5, j + 0.5), the frame is [0, W] x [0, H] and its
                middle (W / 2, H / 2)
    numbers     angles in degrees, shifts in frame widths for both axes
    signs       scale > 1: things grow; angle > 0: the picture turns clockwise on screen;
                shift_x > 0: the picture moves right; shift_y > 0: it moves down
                tilt > 0: the camera turns down, so that the picture moves up; yaw > 0: it turns right
    sequence    scale and turn about the middle of the frame, then shift, then perspective

Fields are backward, as `grid_sample` wants them: for every pixel of the new picture, where to look in the
old one, in (x, y) from -1 to 1 between the outer edges of the frame (align_corners=False).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.resample import color_of
from vqanim.camera.step import CameraStep, Move
from vqanim.lazy import F, torch

if TYPE_CHECKING:
    from torch import Tensor

    from vqanim.types import Image, Valid

Matrix = NDArray[np.float64]  # float64 [3, 3], acting on column vectors (x, y, 1)
Size: TypeAlias = tuple[int, int]  # height and width in pixels

_PADDINGS = {"reflect": "reflection", "edge": "border"}
"""What `grid_sample` calls them. It folds every tap of the kernel by itself, however far outside it lies,
about the outer edges of the frame, so that seams are smooth and nothing is ever black."""
_LEAST_DEPTH = 1e-8
"""What lies as near to the camera's plane has no place in the picture."""
_REACH = 2  # pixels beyond the sampled point that a bicubic kernel touches


def step_matrix(step: CameraStep, size: Size | None = None) -> Matrix:
    """Forward matrix [3, 3] of a step: in pixels of a frame of `size`, else in frame widths (see above)."""
    height, width = size or (0.0, 0.0)
    unit = 1.0 if size is None else width  # for both axes: a diagonal move stays diagonal at any aspect
    cosine = step.scale * math.cos(math.radians(step.angle))
    sine = step.scale * math.sin(math.radians(step.angle))
    # With y down, this is the turn that the eye calls clockwise.
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    middle, back = _translation(width / 2, height / 2), _translation(-width / 2, -height / 2)
    flat = _translation(step.shift_x * unit, step.shift_y * unit) @ middle @ turn @ back
    if not step.turns:
        return flat
    if size is None:
        return _perspective(step) @ flat
    turned = in_pixels(_perspective(step), size)
    return np.asarray(turned / turned[2, 2]) @ flat


def path_matrix(steps: Iterable[CameraStep], size: Size | None = None) -> Matrix:
    """Forward matrix [3, 3] of several steps, the first one done first; the identity for none."""
    return _product(step_matrix(step, size) for step in steps)


def moves_matrix(moves: Iterable[Move], size: Size) -> Matrix:
    """Forward matrix [3, 3] of several moves in pixels, the first one done first; the identity for none."""
    return _product(part_matrix(move.step, move.part, size) for move in moves)


def _product(matrices: Iterable[Matrix]) -> Matrix:
    return reduce(lambda total, matrix: matrix @ total, matrices, np.eye(3))


def part_matrix(step: CameraStep, part: float, size: Size) -> Matrix:
    """Forward matrix [3, 3] of the first `part` of a step in pixels, 0..1: even growth, turn and way. Below 0
    it is the way back from the end of the step: -1 undoes all of it."""
    if part < 0:
        return np.asarray(part_matrix(step, 1 + part, size) @ np.linalg.inv(step_matrix(step, size)))
    # A step z -> exp(log) z + shift is the end of a flow that takes time 1: here it takes the time `part`.
    log, shift = complex(math.log(step.scale), math.radians(step.angle)), complex(step.shift_x, step.shift_y)
    # (exp(part log) - 1) / (exp(log) - 1), whose limit without scale and turn is `part`.
    whole = cmath.exp(log) - 1
    moved = (part if abs(whole) < 1e-9 else (cmath.exp(part * log) - 1) / whole) * shift
    scale, angle = math.exp(part * log.real), step.angle * part
    first = replace(step, scale=scale, angle=angle, shift_x=moved.real, shift_y=moved.imag)
    first = replace(first, tilt=step.tilt * part, yaw=step.yaw * part, roll=step.roll * part)
    return step_matrix(first, size)


def farthest_move(matrix: Matrix, aspect: float) -> float:
    """How far a matrix moves the corner that it moves farthest, both in frame widths. aspect: height / width
    of the frame."""
    x, y = np.array([-0.5, 0.5, -0.5, 0.5]), np.array([-0.5, -0.5, 0.5, 0.5]) * aspect
    moved = matrix @ np.stack([x, y, np.ones(4)])
    return float(np.hypot(moved[0] / moved[2] - x, moved[1] / moved[2] - y).max())


def _perspective(step: CameraStep) -> Matrix:
    """What the picture does when the camera turns on the spot: a rotation of the rays through its points. The
    camera looks along z, with x to the right and y down, so that a turn about x by a positive angle looks up;
    `tilt` is down. H = K R K^-1 (Hartley and Zisserman, Multiple View Geometry, 8.4)."""
    vector = np.radians([step.tilt, -step.yaw, step.roll])
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / (angle or 1.0)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rays = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross  # Rodrigues
    focal = 0.5 / math.tan(math.radians(step.fov) / 2)
    return np.asarray(np.diag([focal, focal, 1.0]) @ rays @ np.diag([1 / focal, 1 / focal, 1.0]))


def in_pixels(matrix: Matrix, size: Size) -> Matrix:
    """A matrix in frame widths from the middle of the frame, as one in pixels."""
    height, width = size
    to_pixels = np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])
    return np.asarray(to_pixels @ matrix @ np.linalg.inv(to_pixels))


def _translation(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Homography:
    """The warp that one matrix does to a picture, by one bicubic resampling."""

    field: Tensor
    """Float32 [1, H, W, 2], on the device of the pictures. It may point far beyond the old picture."""
    border: str  # what lies there: `reflect`, `wrap`, `edge` or a color `#rrggbb`

    @classmethod
    def of(cls, matrix: Matrix, border: str, size: Size, device: torch.device | str) -> Homography:
        """That of a forward matrix in pixels. Raises ValueError when the border is unknown."""
        color = border.startswith("#") and len(border) == 7
        if not color and border not in ("wrap", *_PADDINGS):
            raise ValueError(f"border {border!r}: allowed reflect, wrap, edge or a color such as #1a2b3c")
        return cls(_field(matrix, size).to(device), border)

    def apply(self, picture: Image, depth: Tensor | None = None) -> tuple[Image, Valid]:
        """See `Warp`; depth makes no difference. A field that does not move returns the very same picture."""
        height, width = picture.shape[-2:]
        valid = _validity(self.field, width, height)
        if self._stands_still((height, width)):  # sampling would only add rounding
            return picture, valid
        moved = self._sample(picture, self.field.expand(picture.shape[0], -1, -1, -1)).clamp(0.0, 1.0)
        if self.border.startswith("#"):
            color = torch.tensor([channel / 255 for channel in color_of(self.border)]).reshape(1, 3, 1, 1)
            moved = torch.lerp(color.to(moved), moved, valid)
        return moved, valid

    def _stands_still(self, size: Size) -> bool:
        """Whether the field is that of no movement for a picture of a size, to the last bit. Only one whose
        corner lies as if nothing moved is compared as a whole."""
        corner = torch.tensor([0.5 / side * 2 - 1 for side in reversed(size)])
        if tuple(self.field.shape[1:3]) != size or not torch.equal(self.field[0, 0, 0].cpu(), corner):
            return False
        return torch.equal(self.field, _still_field(size).to(self.field))

    def _sample(self, picture: Image, field: Tensor) -> Image:
        if self.border == "wrap":  # the plane tiled: folded coordinates, with the neighbors around the seam
            height, width = picture.shape[-2:]
            size = field.new_tensor([width, height])
            points = torch.remainder((field + 1) / 2 * size, size) + _REACH
            picture = F.pad(picture, (_REACH,) * 4, mode="circular")
            field = _normalized(points, width + 2 * _REACH, height + 2 * _REACH)
        # A color is laid over what lies outside; under its soft rim the picture simply goes on.
        padding = _PADDINGS.get(self.border, "border")
        return F.grid_sample(picture, field, mode="bicubic", padding_mode=padding, align_corners=False)


def _field(new_from_old: Matrix, size: Size) -> Tensor:
    """The sampling field [1, H, W, 2] of a forward matrix in pixels. In float64, because float32 has few
    digits left for a fraction of a pixel far from the corner."""
    height, width = size
    old_from_new = torch.from_numpy(np.linalg.inv(new_from_old))
    points = torch.bmm(_centers(height, width).view(1, -1, 3), old_from_new.mT[None]).view(height, width, 3)
    if not torch.equal(old_from_new[2], old_from_new.new_tensor([0.0, 0.0, 1.0])):
        depth = points[..., 2:]
        points = points * torch.where(depth.abs() > _LEAST_DEPTH, 1 / depth, torch.ones_like(depth))
    return _flat_field(points, size)


def _still_field(size: Size) -> Tensor:
    """The field of no movement."""
    return _flat_field(_centers(*size), size)


def _centers(height: int, width: int) -> Tensor:
    """The centers of pixels in pixels, float64 [H, W, 3], as (x, y, 1)."""
    points = torch.ones(height, width, 3, dtype=torch.float64)
    points[..., 0] = torch.arange(width, dtype=torch.float64) + 0.5
    points[..., 1] = torch.arange(height, dtype=torch.float64)[:, None] + 0.5
    return points


def _flat_field(points: Tensor, size: Size) -> Tensor:
    """Points (x, y, 1) [H, W, 3] in pixels as a field, float32 [1, H, W, 2]."""
    field = torch.empty(1, *points.shape[:2], 2)
    for axis, side in enumerate(reversed(size)):  # x lies along the width
        field[0, ..., axis] = (points[..., axis] / side).mul_(2).sub_(1)
    return field


def _normalized(points: Tensor, width: int, height: int) -> Tensor:
    """Points (x, y) [..., 2] in pixels to -1..1 between the outer edges."""
    return points / points.new_tensor([width, height]) * 2 - 1


def _validity(field: Tensor, width: int, height: int) -> Tensor:
    """[1, 1, H', W']: the share of the old pixel around each sampled point that lies in the old picture."""
    x, y = (field[..., 0] + 1) / 2 * width, (field[..., 1] + 1) / 2 * height
    inside_x = (torch.minimum(x, width - x) + 0.5).clamp(0.0, 1.0)
    inside_y = (torch.minimum(y, height - y) + 0.5).clamp(0.0, 1.0)
    return (inside_x * inside_y)[:, None]
