"""What a scene file says, as frozen data. The loader makes these; nothing here reads a file.

Each field is declared once, with its description, unit, default and an example, by `option(...)`. Two scenes
are equal when they say the same, wherever and however it was written.
"""

from vqanim.scene.model.camera import XY, Camera, Carry
from vqanim.scene.model.film import Output, Scene, Size
from vqanim.scene.model.guidance import Guidance, Models, PerceptorUse, StayNear
from vqanim.scene.model.limits import (
    AREA,
    AUTO,
    BORDERS,
    FITS,
    FLAG,
    KINDS,
    LARGEST_FACTOR,
    MAX_FRAMES,
    MAX_SECONDS,
    MAX_SHOTS,
    MAX_SIDE,
    MAX_STEPS,
    PACES,
    THROUGH,
    VERSION,
)
from vqanim.scene.model.prompt import Area, Prompt, Start
from vqanim.scene.model.shot import Shot, Transition

__all__ = [
    "AREA",
    "AUTO",
    "BORDERS",
    "FITS",
    "FLAG",
    "KINDS",
    "LARGEST_FACTOR",
    "MAX_FRAMES",
    "MAX_SECONDS",
    "MAX_SHOTS",
    "MAX_SIDE",
    "MAX_STEPS",
    "PACES",
    "THROUGH",
    "VERSION",
    "XY",
    "Area",
    "Camera",
    "Carry",
    "Guidance",
    "Models",
    "Output",
    "PerceptorUse",
    "Prompt",
    "Scene",
    "Shot",
    "Size",
    "Start",
    "StayNear",
    "Transition",
]
