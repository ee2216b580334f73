"""How the picture moves between two moments, from the camera's speeds and poses. Pure numbers.

The plane is complex: z = x + iy in frame widths from the middle of the frame, x to the right, y down, so
that a positive angle turns clockwise on screen.

    speeds  the picture flows by z' = rate (z - center) - pan, with rate = ln(zoom) + i radians(rotate)
    pose    the picture stands at P(z) = turn z + place
    both    the flow of the speeds with the pose's own movement added to it. With z = P(y) this is
            y' = rate y + drift, drift = (rate (place - center) - pan) / turn, so the step from moment 0 to
            moment 1 is P1 . F . P0^-1 with the flow F of y: a pose returns exactly, and jumps as it likes.

Every step is a similarity z -> exp(log) z + shift. The flow is integrated on cells that do not depend on
the frame rate: rate and drift are sampled at the Gauss-Legendre points of each cell and are the parabola
through these points between them. Frame borders only cut the cells, so the steps of any frame rate multiply
to the same movement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

CELL = 1 / 240  # seconds; the longest cell of a film of ordinary length
_MOST_CELLS = 2**18
"""Longer films get longer cells, to bound memory: still shorter than a frame, as frames are fewer."""
_SAME_EDGE = 1e-8  # seconds; edges of cells closer than this are one

# Gauss-Legendre quadrature with three points on 0..1: where they are, their weights, and the integrals of
# the parabola through them from 0 to each of them (the matrix of the collocation method of order 6).
_R = 15**0.5
_POINTS = np.array([0.5 - _R / 10, 0.5, 0.5 + _R / 10])
_WEIGHTS = np.array([5 / 18, 8 / 18, 5 / 18])
_PARTIAL = np.array(
    [
        [5 / 36, 2 / 9 - _R / 15, 5 / 36 - _R / 30],
        [5 / 36 + _R / 24, 2 / 9, 5 / 36 - _R / 24],
        [5 / 36 + _R / 30, 2 / 9 + _R / 15, 5 / 36],
    ]
)


@dataclass(frozen=True)
class Similarities:
    """Movements, or how the picture stands at some moments: z -> exp(log) z + shift."""

    log: Complex  # [N]; ln of the scale + i angle in radians
    shift: Complex  # [N]; frame widths


@dataclass(frozen=True)
class Mesh:
    """Moments of integration between the frames of a shot."""

    cells: Floats  # edges of the cells in seconds, [C + 1], ascending
    edges: Floats  # edges of the pieces in seconds, [P + 1]: cells cut at the frames
    frames: NDArray[np.int64]  # index of every frame's moment among the edges of the pieces, [F]

    @property
    def points(self) -> Floats:
        """The moments at which speeds and poses are sampled inside the cells, [C, 3]."""
        return self.cells[:-1, None] + np.diff(self.cells)[:, None] * _POINTS

    @property
    def middles(self) -> Floats:
        """Middle of every piece, [P]."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def cell_length(duration: float) -> float:
    """Seconds of a cell for a film of `duration` seconds; the same for any frame rate."""
    length = CELL
    while duration / length > _MOST_CELLS:
        length *= 2
    return length


def mesh(frames: Floats, cell: float, breaks: Iterable[float]) -> Mesh:
    """The mesh between the moments `frames` [F] (seconds, ascending, two or more). Cells of `cell` seconds
    are aligned to 0 and split at `breaks`, where a curve may have a corner or a jump."""
    first, last = np.floor(frames[0] / cell - 1e-3), np.ceil(frames[-1] / cell + 1e-3)
    regular = np.arange(first, last + 1) * cell
    inside = np.array([b for b in sorted(breaks) if regular[0] < b < regular[-1]], dtype=np.float64)
    cells = _merged(regular, inside)
    edges = _union(cells[(cells > frames[0]) & (cells < frames[-1])], frames)
    return Mesh(cells, edges, np.searchsorted(edges, frames))


def piece_steps(mesh: Mesh, rate: Complex, drift: Complex, pose: Similarities) -> Similarities:
    """The movement over every piece [P] of a mesh, by rate and drift at the points [C, 3] of the mesh and the
    poses [P + 1] at the edges of the pieces."""
    rate, drift = _inside_pieces(mesh, rate), _inside_pieces(mesh, drift)
    lengths = np.diff(mesh.edges)
    log = lengths * (rate @ _WEIGHTS)
    rest = log[:, None] - lengths[:, None] * (rate @ _PARTIAL.T)
    shift = lengths * ((np.exp(rest) * drift) @ _WEIGHTS)
    before, after = np.exp(pose.log[:-1]), np.exp(pose.log[1:])
    posed_shift = pose.shift[1:] + after * (shift - np.exp(log) * pose.shift[:-1] / before)
    return Similarities(log + np.diff(pose.log), posed_shift)


def piece_turns(mesh: Mesh, speed: Complex, pose: Complex) -> Complex:
    """How far something turns over every piece [P], by its speed [C, 3] and its pose at the edges [P + 1]."""
    return np.asarray(np.diff(mesh.edges) * (_inside_pieces(mesh, speed) @ _WEIGHTS) + np.diff(pose))


def mix(first: Complex, second: Complex, amount: Floats) -> Complex:
    """Between two movements: `first` where the amount [N] is 0, `second` where it is 1."""
    return np.asarray(first + (second - first) * amount)


def frame_steps(mesh: Mesh, pieces: Similarities) -> Similarities:
    """The movement from every frame to the next, [F - 1], from that over the pieces [P]."""
    starts, ends = mesh.frames[:-1], mesh.frames[1:]
    sums = np.concatenate([[0], np.cumsum(pieces.log)])
    # What a piece adds is moved and scaled by all pieces of its frame that come after it.
    still_to_come = np.repeat(sums[ends], ends - starts) - sums[1:]
    shift = np.add.reduceat(np.exp(still_to_come) * pieces.shift, starts)
    return Similarities(np.add.reduceat(pieces.log, starts), shift)


def turns_between(yaw: Floats, tilt: Floats) -> Floats:
    """(tilt, yaw, roll) in degrees [F - 1, 3] of the turns from each orientation of a camera to the next. The
    camera stands on a tripod: it is turned right by `yaw` [F] degrees and then down by `tilt` [F], so that
    orientations that come back bring the picture back."""
    about_y, about_x = np.radians(yaw), np.radians(-tilt)
    cy, sy, cx, sx = np.cos(about_y), np.sin(about_y), np.cos(about_x), np.sin(about_x)
    # The columns of Ry Rx are the camera's axes in the world.
    rows = [[cy, sy * sx, sy * cx], [np.zeros_like(cy), cx, -sx], [-sy, cy * sx, cy * cx]]
    world = np.moveaxis(np.array(rows), -1, 0)
    rays = np.swapaxes(world[1:], -1, -2) @ world[:-1]
    half = np.stack([rays[:, i, j] - rays[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=-1)
    sines = np.linalg.norm(half, axis=-1) / 2
    angles = np.arctan2(sines, (np.trace(rays, axis1=-2, axis2=-1) - 1) / 2)
    # angle / sine, whose limit for small ones is 1.
    ratio = np.where(sines > 1e-12, angles / np.maximum(sines, 1e-12), 1.0)
    vectors = np.degrees(half / 2 * ratio[:, None])
    return np.asarray(vectors * np.array([1.0, -1.0, 1.0]))


def most_turn(fov: float, aspect: float) -> float:
    """Degrees that a camera may turn in one step: farther, and a corner would look behind the old picture."""
    corner = math.degrees(math.atan(math.tan(math.radians(fov) / 2) * math.hypot(1.0, aspect)))
    return max(0.0, 85.0 - corner)


def _merged(regular: Floats, breaks: Floats) -> Floats:
    """Edges of cells: the breaks, and the regular edges that do not fall on one."""
    if not breaks.size:
        return regular
    breaks = breaks[np.concatenate([[True], np.diff(breaks) > _SAME_EDGE])]
    nearest = np.searchsorted(breaks, regular)
    left = np.abs(regular - breaks[np.clip(nearest - 1, 0, breaks.size - 1)])
    right = np.abs(regular - breaks[np.clip(nearest, 0, breaks.size - 1)])
    return np.sort(np.concatenate([regular[(left > _SAME_EDGE) & (right > _SAME_EDGE)], breaks]))


def _union(some: Floats, others: Floats) -> Floats:
    """All numbers of both once, ascending. `np.union1d` imports masked arrays, longer than a plan takes."""
    numbers = np.sort(np.concatenate([some, others]))
    return numbers[np.concatenate([[True], numbers[1:] != numbers[:-1]])]


def _inside_pieces(mesh: Mesh, values: Complex) -> Complex:
    """Values at the three points of every piece, [P, 3], from those at the points of the cells, [C, 3]."""
    cell = np.searchsorted(mesh.cells, mesh.middles, side="right") - 1
    points = mesh.edges[:-1, None] + np.diff(mesh.edges)[:, None] * _POINTS
    place = (points - mesh.cells[cell, None]) / np.diff(mesh.cells)[cell, None]
    return np.einsum("pij,pj->pi", _parabolas(place), values[cell])


def _parabolas(x: Floats) -> Floats:
    """The parabolas that are 1 at one point and 0 at the others: [..., 3] at `x` [...], 0..1 of a cell."""
    a, b, c = _POINTS
    first = (x - b) * (x - c) / ((a - b) * (a - c))
    second = (x - a) * (x - c) / ((b - a) * (b - c))
    third = (x - a) * (x - b) / ((c - a) * (c - b))
    return np.stack([first, second, third], axis=-1)
