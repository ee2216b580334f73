"""A single picture as a scene: it is the first frame of a film of one frame."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vqanim.errors import InputError, UsageError
from vqanim.files import is_file
from vqanim.icons import IconSpec, UnknownIcon, icon_figure, spec
from vqanim.models.catalogue import method_of
from vqanim.pictures import picture_trouble
from vqanim.scene.colors import color_text, parse_color
from vqanim.scene.curves import Curve, Range
from vqanim.scene.fields.foreign_prompts import file_notes
from vqanim.scene.fields.models import models_called
from vqanim.scene.fields.prompts import WEIGHT, only_avoided
from vqanim.scene.fields.short_prompts import ShortPrompt, parse_short, short_notes
from vqanim.scene.limits import FITS, MAX_SIDE, MAX_STEPS, THROUGH
from vqanim.scene.model import Guidance, Prompt, Scene, Shot, Size, Start, StayNear
from vqanim.scene.numbers import is_number, parse_number
from vqanim.scene.times import Time
from vqanim.scene.tree import quoted

INIT_LEARNING_RATE = 0.1
"""For a picture that begins from a picture: much of it remains."""
KEPT = 0.3
"""Weight of the content where the strength is lowest; at the default of 0.6 the photo is plain to see and all
of it is in strokes."""
LONGEST_PROMPT = 1000  # characters of one text

_ALSO = Range(0, 1000)
_BARE_WEIGHT = re.compile(r".*[^\W\d_]:([^\W\d_]+)", re.DOTALL)


@dataclass(frozen=True)
class Target:
    """A picture to come near to."""

    path: str
    weight: float = 1.0
    through: str = "perceptor"  # one of THROUGH


@dataclass(frozen=True)
class IconInit:
    """An icon to begin from, on the noisy ground that `vqanim icon` draws."""

    name: str  # as in `fab fa-twitter` or `twitter`
    color: str = color_text(spec.COLOR)
    background: str = color_text(spec.BACKGROUND)


@dataclass(frozen=True)
class Still:
    """All that decides one picture, apart from the versions of models and program."""

    prompt: str = ""
    """The short form, `a:3 | b | c:-1`; empty when there are targets only."""
    targets: tuple[Target, ...] = ()
    init: str | None = None  # path of the picture to begin from; None: smooth noise
    fit: str = "cover"  # how the init becomes a frame: one of FITS
    icon: IconInit | None = None  # an icon to begin from instead of a picture
    also_target: float = 0.0
    """How strongly the picture is pulled, pixel by pixel, to what it begins from."""
    steps: int = 300
    learning_rate: float | None = None
    """None: INIT_LEARNING_RATE with an init or icon, else the model's own."""
    width: int = 256
    """Pixels, as wanted; the generator may need a few more or less."""
    height: int = 256
    seed: int = 0
    models: str = "pocket"
    strength: float | None = None
    """Of a picture in another style, 0..1: how far it goes from the init, whose content it keeps; None:
    nothing holds it to the init."""


def size_like(width: int, height: int, multiple: int) -> tuple[int, int]:
    """Width and height of a picture in the shape of another one, with as many pixels as one has by default;
    whole multiples of `multiple`, at most MAX_SIDE. All in pixels."""
    factor = (Still.width * Still.height / (width * height)) ** 0.5
    sides = [multiple * round(side * factor / multiple) for side in (width, height)]
    width, height = (min(max(side, multiple), MAX_SIDE) for side in sides)
    return width, height


def still_scene(still: Still, name: str) -> Scene:
    """The scene whose only frame is the picture. `name` is its title and stands for its file.

    Raises UsageError for settings that no scene may have, and InputError for a missing or broken picture.
    """
    _check_numbers(still)
    prompts = (*_texts(still.prompt), *map(_target, still.targets))
    if not any(prompt.weight.constant_value for prompt in prompts):
        raise UsageError('give a prompt such as "a castle:2 | fog", or a target; all weights are 0 here')
    start, rate, near = _start(still), still.learning_rate, None
    if rate is None and start != Start():
        rate = INIT_LEARNING_RATE
    if still.strength is not None:
        prompts, near = styled(prompts, still.strength)
    learning_rate = None if rate is None else Curve.constant(rate)
    models = models_called(still.models)
    again = None  # a style goes as far from the photo as it is noised
    if still.strength is not None and method_of(models.generator) == "denoise":
        again = Curve.constant(still.strength)
    guidance = Guidance(first_steps=still.steps, learning_rate=learning_rate, stay_near=near, strength=again)
    return Scene(
        file=name,
        title=name,
        size=Size(still.width, still.height),
        fps=Fraction(1),
        duration=Time(Fraction(1), "s"),
        seed=still.seed,
        models=models,
        shots=(Shot(name="main", start=start, prompts=prompts, guidance=guidance),),
        warnings=tuple(filter(None, dict.fromkeys([*_notes(still.prompt), only_avoided(prompts)]))),
    )


def styled(prompts: Sequence[Prompt], strength: float) -> tuple[tuple[Prompt, ...], StayNear]:
    """Prompts whose weights add up to the strength, 0..1, and what keeps the content of the start."""
    weights = [prompt.weight.constant_value or 0.0 for prompt in prompts]
    total = sum(map(abs, weights))
    lighter = tuple(
        replace(prompt, weight=Curve.constant(strength * weight / total, range=WEIGHT))
        for prompt, weight in zip(prompts, weights, strict=True)
    )
    return lighter, StayNear(Curve.constant(KEPT * (1 - strength)), to="start", space="content")


def lapse_scene(still: Still, name: str, frames: int, fps: int, pace: str) -> Scene:
    """The scene whose only shot is the timelapse of the picture. Raises as `still_scene` does."""
    scene = still_scene(still, name)
    (shot,) = scene.shots
    guidance = replace(shot.guidance, steps=Curve.constant(0))  # all of them are steps of the first frame
    lapse = replace(shot, kind="timelapse", pace=pace, guidance=guidance)
    return replace(scene, fps=Fraction(fps), duration=Time(Fraction(frames), "f"), shots=(lapse,))


def _start(still: Still) -> Start:
    """What the picture begins from, and is pulled to."""
    if still.init is not None and still.icon is not None:
        raise UsageError("found a picture and an icon to begin from, allowed is one of them")
    if still.init is None and still.icon is None:
        if still.also_target:
            raise UsageError("also-target: found no picture and no icon to begin from, which it is about")
        return Start()
    also = _weight(still.also_target, "also-target", _ALSO) if still.also_target else None
    if still.icon is not None:
        return Start("icon", icon=_icon(still.icon), also_target=also)
    return Start("image", image=_checked(str(still.init)), fit=still.fit, also_target=also)


def _icon(icon: IconInit) -> IconSpec:
    try:
        figure = icon_figure(icon.name)
    except UnknownIcon as error:
        raise UsageError(str(error)) from error
    try:
        return IconSpec(figure, color=parse_color(icon.color), background=parse_color(icon.background))
    except ValueError as error:
        raise UsageError(f"{icon.color} on {icon.background}: allowed is {error}") from error


def _check_numbers(still: Still) -> None:
    limits = {
        "steps": (1, MAX_STEPS),
        "seed": (0, 2**63 - 1),
        "width": (1, MAX_SIDE),
        "height": (1, MAX_SIDE),
    }
    for name, (low, high) in limits.items():
        if not low <= (value := getattr(still, name)) <= high:
            raise UsageError(f"{name}: found {value}, allowed a whole number from {low} to {high}")
    rate, strength = still.learning_rate, still.strength
    if rate is not None and not 0 < rate <= 100:
        raise UsageError(f"learning rate: found {rate:g}, allowed a number above 0, to 100")
    if strength is not None and not 0 <= strength <= 1:
        raise UsageError(f"strength: found {strength:g}, allowed a number from 0 to 1")
    if strength is not None and still.init is None:
        raise UsageError("strength: there is no photo whose content could be kept")
    if still.fit not in FITS:
        raise UsageError(f"resize: found {quoted(still.fit)}, allowed {', '.join(FITS)}")


def _texts(prompt: str) -> tuple[Prompt, ...]:
    try:
        return tuple(map(_text, parse_short(prompt) if prompt.strip() else ()))
    except ValueError as error:
        raise UsageError(f"the prompt {quoted(prompt)} has {error}") from None


def _notes(prompt: str) -> Iterator[str]:
    """What in a prompt is only text, though it may have been meant otherwise."""
    for part in parse_short(prompt) if prompt.strip() else ():
        yield from file_notes(part.text, Path(), f"--target {part.text}")
    yield from short_notes(prompt)


def _text(part: ShortPrompt) -> Prompt:
    bare = _BARE_WEIGHT.fullmatch(part.text)
    if bare and part.weight == "1" and not short_notes(part.text) and not bare[1].startswith("//"):
        said = f"{quoted(part.text)}: found the weight {quoted(bare[1])}, allowed a number"
        raise UsageError(f"{said}; a text with a colon has a space after it")
    if len(part.text) > LONGEST_PROMPT:
        raise UsageError(f"a text has {len(part.text)} characters, allowed are {LONGEST_PROMPT}")
    made = Prompt(part.text, _weight(parse_number(part.weight), part.text))
    return made if part.stop == "0" else replace(made, stop=Curve.constant(parse_number(part.stop)))


def _target(target: Target) -> Prompt:
    if target.through not in THROUGH:
        raise UsageError(f"target: found {quoted(target.through)}, allowed {', '.join(THROUGH)}")
    weight = _weight(target.weight, target.path)
    return Prompt("", weight, image=_checked(target.path), through=target.through)


def _weight(value: float, what: str, allowed: Range = WEIGHT) -> Curve:
    if value not in allowed:
        raise UsageError(f"{quoted(what)}: found the weight {value:g}, allowed {allowed}")
    return Curve.constant(value, range=allowed)


def _checked(path: str) -> str:
    """The absolute path of a picture that can be read."""
    if wrong := picture_trouble(Path(path)):
        raise InputError(f"{path}: the picture {wrong}")
    return str(Path(path).resolve())


def parse_target(written: str, through: str = "perceptor") -> Target:
    """`picture.png` or `picture.png:0.5`; a file whose name ends like that counts as a whole.

    Raises UsageError where the weight is no number.
    """
    path, colon, weight = written.rpartition(":")
    if not colon or is_file(written):
        return Target(written, through=through)
    if is_number(weight):
        return Target(path, parse_number(weight), through)
    if is_file(path):
        raise UsageError(f"{written}: found the weight {quoted(weight)}, allowed a number such as 0.5")
    return Target(written, through=through)
