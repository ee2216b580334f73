"""A shot, and how it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vqanim.errors import Place
from vqanim.scene.curves import NOWHERE, Curve
from vqanim.scene.edit import EFFECTS_KIND, HITS_KIND, Effect, Hit, effect_curves
from vqanim.scene.model.camera import Camera, Carry
from vqanim.scene.model.guidance import Guidance
from vqanim.scene.model.limits import FLAG, KINDS, PACES
from vqanim.scene.model.prompt import Prompt, Start
from vqanim.scene.options import (
    Declared,
    Kind,
    Option,
    choice,
    curve,
    declare,
    line_of_text,
    number,
    option,
    section,
    time,
    whole,
)
from vqanim.scene.times import Time


@dataclass(frozen=True)
class Transition(Declared):
    """How a shot begins: `carry` goes on from the last frame before it, the others from its own start.

    With `dissolve` the shot before goes on under it, and both are blended in the film.
    """

    kind: Literal["carry", "cut", "dissolve"] = "carry"
    duration: Time | None = None
    """Carry: for so long weights and camera are blended; None is 0 s. Dissolve: so long both are seen."""


@dataclass(frozen=True)
class Shot(Declared):
    """One shot with the scene's defaults already merged into it; every curve knows its time base."""

    name: str = option(
        Kind("name", "letters, digits, - and _, at most 64 of them"),
        "Names the folder of its frames; unique",
        example="approach",
        inherited=False,
    )
    duration: Time | None = option(
        time(),
        "How long the shot is; one shot at most may leave it out and takes the rest",
        unit="time",
        default=None,
        default_text="the rest",
        example="2s",
        inherited=False,
    )
    start: Start = option(
        Kind(
            "start",
            "noise, {image: picture.png}, {color: navy}, {gradient: [navy, orange]} or {icon: twitter}",
        ),
        "What the first frame, and the first after a cut, is made from",
        default=Start(),
        default_text="noise",
        example="{gradient: [navy, orange]}",
    )
    prompts: tuple[Prompt, ...] = option(
        Kind("prompts", 'a list of texts or of {text: ..., weight: ...}, or the short form "a:3 | b:-1"'),
        "What the picture shall show",
        default=(),
        default_text="none",
        example='["a volcano:1.5", {text: a dark castle, weight: {0s: 1, 4s: 0.2}}]',
    )
    style: str = option(
        line_of_text(1000),
        "Appended to every text",
        default="",
        default_text="none",
        example="matte painting",
    )
    camera: Camera = option(section(Camera), "How the view moves", default=Camera(), default_text="still")
    carry: Carry = option(
        section(Carry),
        "What is done to the picture on its way to the next frame",
        default=Carry(),
        default_text="see the fields",
        none=Carry(*(Curve.constant(0.0, range=curve(0, 1).range) for _ in range(4))),
    )
    guidance: Guidance = option(
        section(Guidance),
        "How hard each frame is worked towards the prompts",
        default=Guidance(),
        default_text="see the fields",
    )
    change: float | None = option(
        number(0, 1),
        "From dreamy (0) to restless (1): sets steps, learning_rate, stay_near and noise together, where "
        "they are not written",
        default=None,
        default_text="none, which is 0.5",
        example="0.3",
    )
    lead: Time | Literal["auto"] | None = option(
        Kind("lead", "a time such as 6f, 0.5s or 0.5beats, or auto"),
        "So much earlier prompts and steps change, because a picture needs time to show them; never across a "
        "cut, and not in a timelapse. With auto that time is measured before the first render",
        unit="time",
        default=None,
        default_text="0s",
        example="6f",
    )
    transition: Transition = option(
        Kind("transition", "carry, cut, dissolve or {kind: dissolve, duration: 1s}"),
        "How the shot begins: carry goes on from the last frame before it, cut and dissolve from its own "
        "start; with dissolve the shot before goes on under it",
        default=Transition(),
        default_text="carry",
        example="{kind: dissolve, duration: 1s}",
        inherited=False,
    )
    kind: str = option(
        choice(*KINDS),
        "animation: every frame goes on from the one before; timelapse: one picture comes into being, in "
        "one long optimisation without a camera",
        default="animation",
        example="timelapse",
        inherited=False,
    )
    pace: str = option(
        choice(*PACES),
        "Of a timelapse. even: the pictures change at a steady pace; linear: every step takes as long",
        default="even",
        example="linear",
        inherited=False,
    )
    freeze: Time | None = option(
        time(),
        "For so long the film holds the last picture of the shot; added to its duration",
        unit="time",
        default=None,
        default_text="0s",
        example="1s",
        inherited=False,
    )
    repeat: int = option(
        whole(1, 1000),
        "So often the film shows the shot, one time after another",
        unit="times",
        default=1,
        example="4",
        inherited=False,
    )
    reverse: bool = option(
        FLAG, "Whether the film plays the shot backwards", default=False, example="true", inherited=False
    )
    loop: bool = option(
        FLAG,
        "Whether the end of the shot is led back to its first picture, over its last second",
        default=False,
        example="true",
        inherited=False,
    )
    effects: tuple[Effect, ...] = option(
        EFFECTS_KIND,
        "What is done to the shot's pictures in the film, in this order; on the shot's time",
        default=(),
        default_text="none",
        example="[{saturation: 0.3}]",
        inherited=False,
    )
    hits: tuple[Hit, ...] = option(
        HITS_KIND,
        "Effects that are full at some moments of the shot and die away",
        default=(),
        default_text="none",
        example="[{on: 0.5s, flash: 1}]",
        inherited=False,
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    loop_place: Place = field(default=NOWHERE, compare=False, repr=False)

    extra_keys: ClassVar[Mapping[str, Option]] = {
        "at": declare(
            time(zero=True, moment=True),
            "When the shot begins in the film; instead of a duration of the shot before",
            unit="time",
            default=None,
            default_text="when the shot before ends",
            example="2s",
            inherited=False,
        ),
        "story": declare(
            Kind("story", "texts at times, such as {0s: a forest, 2s: a dark city}"),
            "Texts that follow one another and cross-fade; instead of prompts",
            default=(),
            default_text="none",
            example="{0s: a forest, 2s: a dark city}",
        ),
        "crossfade": declare(
            time(zero=True),
            "How long one text of the story takes to become the next, centered on the key's time",
            unit="time",
            default=None,
            default_text="1s",
            example="1s",
        ),
    }

    def curves(self) -> Iterator[Curve]:
        """Every curve of the shot."""
        for prompt in self.prompts:
            yield from (prompt.weight, prompt.stop)
        camera = self.camera
        yield from (camera.zoom, camera.rotate, camera.pan.x, camera.pan.y, camera.scale, camera.angle)
        yield from (camera.offset.x, camera.offset.y, camera.center.x, camera.center.y)
        yield from (camera.yaw, camera.tilt, camera.look.x, camera.look.y, camera.fov)
        carry = self.carry
        yield from (carry.match_colors, carry.match_detail, carry.sharpen, carry.noise, self.guidance.steps)
        guidance = self.guidance
        yield from filter(None, (guidance.learning_rate, guidance.smoothing, guidance.cutout_noise))
        yield from effect_curves(self.effects)
        if guidance.stay_near is not None:
            yield guidance.stay_near.weight
        if self.start.also_target is not None:
            yield self.start.also_target
