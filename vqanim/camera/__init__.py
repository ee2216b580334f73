"""The camera: how a picture becomes the view that follows it.

A `CameraStep` names the movement; the `Warp` that carries it out is asked for here. Importing this room
imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vqanim.camera.homography import Homography, in_pixels, moves_matrix, step_matrix
from vqanim.camera.resample import move_picture
from vqanim.camera.step import CameraStep, Move
from vqanim.pictures import Picture

if TYPE_CHECKING:
    import torch

    from vqanim.types import Warp


def warp_for(step: CameraStep, size: tuple[int, int], device: torch.device | str = "cpu") -> Warp | None:
    """The warp of a step for frames of `size` (H, W) pixels; None where nothing moves. Raises ValueError when
    the border is unknown."""
    return None if step.still else Homography.of(step_matrix(step, size), step.border, size, device)


def warp_for_view(
    view: Sequence[float], border: str, size: tuple[int, int], device: torch.device | str = "cpu"
) -> Warp:
    """The warp of a saved frame to where a term sees it, with the numbers of `StartPlan.view`. No numbers
    stand still: the picture stays the very same. Raises ValueError when the border is unknown."""
    matrix = in_pixels(np.reshape(view, (3, 3)), size) if view else np.eye(3)
    return Homography.of(matrix, border, size, device)


def move_saved(picture: Picture, moves: Sequence[Move]) -> Picture:
    """A saved picture moved along the camera, as the film shows it; the very same one without moves."""
    if not moves:
        return picture
    return move_picture(picture, moves_matrix(moves, picture.shape[:2]), moves[-1].step.border)
