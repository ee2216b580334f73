"""What a scene file says, as frozen data. The loader makes these; nothing here reads a file.

Each field is declared once, with its description, unit, default and an example, by `option(...)`. Two scenes
are equal when they say the same, wherever and however it was written.
"""

from vqanim.scene.fields.models import Models, PerceptorUse, Size
from vqanim.scene.fields.numbers import XY
from vqanim.scene.fields.prompts import Prompt
from vqanim.scene.fields.start import Area, Start
from vqanim.scene.fields.times import Transition
from vqanim.scene.model.camera import Camera, Carry
from vqanim.scene.model.film import Output, Scene
from vqanim.scene.model.guidance import Guidance, StayNear
from vqanim.scene.model.shot import Shot

__all__ = [
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
