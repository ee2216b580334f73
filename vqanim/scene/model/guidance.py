"""How hard a frame is worked, and by which models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vqanim.scene.curves import Curve
from vqanim.scene.fields.base import Declared, option
from vqanim.scene.fields.numbers import curve, whole
from vqanim.scene.fields.sections import Shorthand
from vqanim.scene.fields.settings import LossesType, LossUse
from vqanim.scene.fields.texts import choice
from vqanim.scene.limits import MAX_STEPS


@dataclass(frozen=True)
class StayNear(Declared):
    """What holds a frame back while the prompts pull at it."""

    weight: Curve = option(
        "How strongly: 0 is off, 1 a clear pull", curve(0, 1000).declare(1.0, example="{0s: 3, 6s: 0}")
    )
    to: str = option(
        "To the frame before as the camera moved it, or to the start of the shot",
        choice("previous", "start").declare("previous", example="start"),
    )
    space: str | None = option(
        "Where nearness is measured: in what the generator works on, in the picture, or in what it shows",
        choice("latents", "pixels", "content").declare(
            None,
            default_text="latents; pixels where the generator's latents have no places",
            example="pixels",
            key="in",
            brief=True,
        ),
    )


_STAY_NEAR = "a curve, or {to: previous or start, in: latents, pixels or content, weight: a curve}"


@dataclass(frozen=True)
class Guidance(Declared):
    """How hard each frame is worked towards the prompts."""

    later: ClassVar[tuple[str, ...]] = ("palette", "kind")

    steps: Curve = option(
        "Optimization steps for a frame, rounded; with 0 the frame is only moved",
        curve(0, MAX_STEPS).declare(6.0, "steps"),
    )
    first_steps: int | None = option(
        "Steps for the first frame of the film and after a cut",
        whole(0, MAX_STEPS).declare(
            None, "steps", default_text="60, or 0 where the start is an image or icon", example="60"
        ),
    )
    learning_rate: Curve | None = option(
        "How far one step goes",
        curve(above=0, high=100, why="with 0 nothing would change, use steps: 0 for that").declare(
            None, default_text="the model's own", example="0.1"
        ),
    )
    smoothing: Curve | None = option(
        "How much neighboring latents move together: with 0 each goes its own way, more is broader strokes",
        curve(0, 10).declare(None, default_text="the model's own", example="0.5"),
    )
    fit: int | None = option(
        "Steps in which a generator that cannot be inverted is fitted to the moved picture",
        whole(0, 1000).declare(None, default_text="8, of StyleGAN", example="16", brief=True),
    )
    strength: Curve | None = option(
        "Of generators that denoise (diffusion): under which share of the noise the carried picture, or the "
        "one that a shot begins from, is taken up again; 0 leaves it as it is, 1 begins anew. Disco "
        "Diffusion's skip_steps are 1 - strength",
        curve(0, 1).declare(None, "0..1", default_text="0.4 where the generator denoises", example="0.5"),
    )
    cutout_noise: Curve | None = option(
        "Noise on what the perceptor looks at, up to this spread: against textures that only it can see",
        curve(0, 1).declare(None, "0..1", default_text="the model's own", example="0.1"),
    )
    cutouts: int | None = option(
        "Pieces of the picture that the perceptor looks at in one step",
        whole(1, 256).declare(None, default_text="the model's own", example="12"),
    )
    stay_near: StayNear | None = option(
        "Holds the picture to the frame before or to the start; a number or curve alone is the weight",
        Shorthand(_STAY_NEAR, StayNear, "weight", is_curve=True).declare(
            None, example="{to: start, in: pixels, weight: {0s: 3, 6s: 0}}"
        ),
    )
    losses: tuple[LossUse, ...] = option(
        "Terms beside the prompts that a frame is judged by; a shot's are added to the scene's by name",
        LossesType().declare((), example="{tv: 0.5, symmetry: {weight: 0.4, axis: vertical}}", brief=True),
    )
