"""A shot, and how it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vqanim.errors import Place
from vqanim.scene.curves import NOWHERE
from vqanim.scene.fields.base import Declared, Option, option, own
from vqanim.scene.fields.effects import EFFECTS_TYPE, HITS_TYPE, Effect, Hit
from vqanim.scene.fields.numbers import number, whole
from vqanim.scene.fields.prompts import Prompt, PromptsType, StoryType
from vqanim.scene.fields.sections import section
from vqanim.scene.fields.start import Start, StartType
from vqanim.scene.fields.texts import FLAG, NAME, choice, line_of_text
from vqanim.scene.fields.times import OrAuto, TimeType, Transition, TransitionType, time
from vqanim.scene.limits import AUTO, KINDS, PACES
from vqanim.scene.model.camera import NOT_CARRIED, Camera, Carry
from vqanim.scene.model.guidance import Guidance
from vqanim.scene.times import Time

_LEAD = "a time such as 6f, 0.5s or 0.5beats, or auto"


@dataclass(frozen=True)
class Shot(Declared):
    """One shot with the scene's defaults already merged into it; every curve knows its time base."""

    name: str = option(
        "Names the folder of its frames; unique", NAME.declare(example="approach", inherited=False)
    )
    duration: Time | None = own(
        "How long the shot is; one shot at most may leave it out and takes the rest",
        time().declare(None, "time", default_text="the rest", example="2s"),
    )
    start: Start = option(
        "What the first frame, and the first after a cut, is made from",
        StartType().declare(Start(), default_text="noise", example="{gradient: [navy, orange]}"),
    )
    prompts: tuple[Prompt, ...] = option(
        "What the picture shall show",
        PromptsType().declare(
            (), example='["a volcano:1.5", {text: a dark castle, weight: {0s: 1, 4s: 0.2}}]'
        ),
    )
    style: str = option(
        "Appended to every text", line_of_text(1000).declare("", example="matte painting", brief=True)
    )
    camera: Camera = option("How the view moves", section(Camera).declare(Camera(), default_text="still"))
    carry: Carry = option(
        "What is done to the picture on its way to the next frame",
        section(Carry).declare(Carry(), default_text="see the fields", none=NOT_CARRIED),
    )
    guidance: Guidance = option(
        "How hard each frame is worked towards the prompts",
        section(Guidance).declare(Guidance(), default_text="see the fields"),
    )
    change: float | None = option(
        "From dreamy (0) to restless (1): sets steps, learning_rate, stay_near and noise together, where "
        "they are not written",
        number(0, 1).declare(None, default_text="none, which is 0.5", example="0.3", brief=True),
    )
    lead: Time | Literal["auto"] | None = option(
        "So much earlier prompts and steps change, because a picture needs time to show them; never across a "
        "cut, and not in a timelapse. With auto that time is measured before the first render",
        OrAuto(_LEAD, TimeType(_LEAD, zero=True), AUTO).declare(
            None, "time", default_text="0s", example="6f", brief=True
        ),
    )
    transition: Transition = option(
        "How the shot begins: carry goes on from the last frame before it, cut and dissolve from its own "
        "start; with dissolve the shot before goes on under it",
        TransitionType().declare(
            Transition(), default_text="carry", example="{kind: dissolve, duration: 1s}", inherited=False
        ),
    )
    kind: str = own(
        "animation: every frame goes on from the one before; timelapse: one picture comes into being, in "
        "one long optimization without a camera",
        choice(*KINDS).declare("animation", example="timelapse"),
    )
    pace: str = own(
        "Of a timelapse. even: the pictures change at a steady pace; linear: every step takes as long",
        choice(*PACES).declare("even", example="linear"),
    )
    freeze: Time | None = own(
        "For so long the film holds the last picture of the shot; added to its duration",
        time().declare(None, "time", default_text="0s", example="1s"),
    )
    repeat: int = own(
        "So often the film shows the shot, one time after another",
        whole(1, 1000).declare(1, "times", example="4"),
    )
    reverse: bool = own("Whether the film plays the shot backwards", FLAG.declare(False, example="true"))
    loop: bool = own(
        "Whether the end of the shot is led back to its first picture, over its last second",
        FLAG.declare(False, example="true"),
    )
    effects: tuple[Effect, ...] = own(
        "What is done to the shot's pictures in the film, in this order; on the shot's time",
        EFFECTS_TYPE.declare((), example="[{saturation: 0.3}]"),
    )
    hits: tuple[Hit, ...] = own(
        "Effects that are full at some moments of the shot and die away",
        HITS_TYPE.declare((), example="[{on: 0.5s, flash: 1}]"),
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    loop_place: Place = field(default=NOWHERE, compare=False, repr=False)

    extra_keys: ClassVar[Mapping[str, Option]] = {
        "at": time(zero=True, moment=True).declare(
            None, "time", default_text="when the shot before ends", example="2s", inherited=False
        )("When the shot begins in the film; instead of a duration of the shot before"),
        "story": StoryType().declare((), example="{0s: a forest, 2s: a dark city}")(
            "Texts that follow one another and cross-fade; instead of prompts"
        ),
        "crossfade": time(zero=True).declare(None, "time", default_text="1s", example="1s")(
            "How long one text of the story takes to become the next, centered on the key's time"
        ),
    }
