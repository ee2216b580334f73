"""How a camera moves from one frame to the next, in plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_FOV = 60.0  # degrees


@dataclass(frozen=True)
class CameraStep:
    """How the picture of the frame before becomes the view of this frame. The picture is scaled by `scale`
    and turned clockwise by `angle` about the middle of the frame, then moved by (`shift_x`, `shift_y`); then
    the camera turns by `tilt`, `yaw` and `roll` on the spot. The camera's own center, pans and poses are
    already worked in."""

    scale: float = 1.0  # factor; above 1 things grow
    angle: float = 0.0  # degrees, clockwise on screen
    shift_x: float = 0.0
    """Frame widths by which the picture moves right (a camera that pans right gives a negative number)."""
    shift_y: float = 0.0  # frame widths (not heights) by which the picture moves down
    border: str = "reflect"  # reflect, wrap, edge or a color `#rrggbb`: what is seen beyond the old picture
    tilt: float = 0.0
    """Degrees by which the camera then turns down, about a horizontal axis: the picture moves up."""
    yaw: float = 0.0
    """Degrees by which it turns right. The three angles are one turn about one axis (a rotation vector)."""
    roll: float = 0.0
    """Degrees by which the picture turns clockwise, because a camera that looks down turns right."""
    fov: float = DEFAULT_FOV  # degrees that the frame's width spans; matters where the camera turns

    @property
    def turns(self) -> bool:
        """True when the camera turns in space, so that the step is no similarity."""
        return (self.tilt, self.yaw, self.roll) != (0.0, 0.0, 0.0)

    @property
    def still(self) -> bool:
        """True when nothing moves."""
        flat = (self.scale, self.angle, self.shift_x, self.shift_y) == (1.0, 0.0, 0.0, 0.0)
        return flat and not self.turns


@dataclass(frozen=True)
class Move:
    """A part of a camera step, along which a saved picture is moved in the film."""

    step: CameraStep
    part: float = 1.0
    """1 is the whole step; below 0 the picture is moved back: -0.25 undoes the last quarter of the step."""
