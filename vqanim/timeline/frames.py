"""The frames of one shot: prompts, steps and amounts at every frame, blended over a transition.

Guidance makes a film a little more colorful and contrasty with every frame. Holding each frame to the one
before does not stop that; holding it to an anchor, an earlier frame of the same prompts, does. When the
prompts change, the anchor is given up, and a new one found once they have been steady for a while.

In a shot of `kind: timelapse` all steps of the take are one optimization, and no camera moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import filterfalse
from pathlib import PurePath
from typing import Any

import numpy as np

from vqanim.camera.step import CameraStep
from vqanim.errors import Place
from vqanim.icons.spec import form_of
from vqanim.losses import LOSSES
from vqanim.models.catalogue import method_of
from vqanim.scene.change import dial_at
from vqanim.scene.curves import Curve
from vqanim.scene.model import Camera, PerceptorUse, Prompt, Scene, Shot, Start, StayNear
from vqanim.scene.quality import FIRST_STEPS
from vqanim.scene.times import Time, TimeBase
from vqanim.timeline import clips, plan
from vqanim.timeline.camera import ShotCamera, curves_of, is_at_rest
from vqanim.timeline.clips import DIGITS, Clocks, Floats, Sampler, Side, tidied, tidy
from vqanim.timeline.plan import AreaPlan, FramePlan, FrameRef, ShotPlan, StartPlan, WeightedTerm

_STRENGTH = Curve.constant(0.4)
"""Where a scene says none; Disco Diffusion skips 60% of the steps of later frames."""
_KINDS = {"perceptor": "image", "pixels": "pixels", "style": "style"}
"""Of terms, by what a picture is compared through."""
_CONTENT = ("stay_near_features", "stay_near_edges")
_CARRIED = ("match_colors", "match_detail", "sharpen", "noise")
"""Numbers of what is done to a carried picture."""
USUAL_RESPONSE = 4
"""Painted frames until a change of prompts is seen, where `lead: auto` was not measured yet."""
FIT_STEPS = 8
"""Of fitting parameters to the moved picture, where a scene says nothing."""
_FARTHEST = 10.0  # farther than any two things can be in a perceptor's space, where pi^2 / 2 is opposite
STEADY = 0.985  # cosine between two mixes of prompts from which on they are the same
SETTLE_SECONDS = 1.0
"""How long prompts must be steady before a carried picture shows them and can be an anchor."""
_NO_WEIGHT = 1e-9  # weights up to this are zero


@dataclass(frozen=True)
class ViewLimits:
    """How a perceptor looks at pictures where a scene says nothing; from the catalogue."""

    cutouts: int = 12
    cutout_noise: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What depends on the models and must be known before they are loaded; from the catalogue."""

    multiple: int = 8  # width and height are multiples of this, in pixels
    learning_rate: float = 0.12  # used where the scene gives none
    smoothing: float = 0.0  # used where the scene gives none
    noise: float = 0.02  # likewise, of `carry`
    match_detail: float = 0.3  # likewise
    keeps_params: bool = False  # whether the generator's parameters are kept beside frames
    grid: bool = True  # whether its parameters lie over the picture
    views: Mapping[str, ViewLimits] = field(default_factory=dict)
    """By perceptor; one that is not among them looks as `ViewLimits()` says."""
    min_side: int = 32  # smallest width or height, in pixels


def plan_shot(
    scene: Scene, limits: Limits, camera: ShotCamera, sampler: Sampler, following: Clocks | None = None
) -> ShotPlan:
    """All frames of a shot. following: the clocks of the shot that carries on from this one."""
    clocks, before = camera.clocks, camera.before
    clip, shot = clocks.clip, clocks.clip.shot
    frames = np.arange(clip.first, clip.first + clip.count + clip.overhang)
    # The first frame of a carried shot is reached from the frame before it.
    places = frames if before is None else np.concatenate([frames[:1] - 1, frames])
    cameras = [CameraStep()] * (before is None) + camera.path(places, sampler)
    sides = clips.sides_of(clocks, before, frames)
    ahead = clips.sides_ahead(clocks, before, following, frames, lead_seconds(shot, clocks))
    losses = _losses(ahead, before is None, limits, sampler)
    denoises = method_of(scene.models.generator) == "denoise"
    steps, numbers = _steps(ahead, sampler), _numbers(sides, limits, sampler, denoises)
    cutouts = tuple(_cutouts(use, shot, limits) for use in scene.models.used)
    noises = [_cutout_noise(use, sides, limits, sampler) for use in scene.models.used]
    anchors = find_anchors(losses, before is None, float(scene.rate))
    times = tidied(clocks.at_frames(frames).film)
    start = start_plan(shot.start)
    last = None if before is None else FrameRef(before.clip.shot.name, before.clip.count - 1)

    plans = []
    for index, terms in enumerate(losses):
        previous = FrameRef(shot.name, index - 1) if index else last
        anchor = anchors[index]
        of_frame: dict[str, Any] = {name: values[index] for name, values in numbers.items()}
        count = int(steps[index])
        if previous is None:
            own = shot.guidance.first_steps  # an image or icon is the picture requested
            count = own if own is not None else 0 if start.is_picture else FIRST_STEPS
            of_frame |= dict.fromkeys(_CARRIED, 0.0)  # it carries no picture: these say nothing about it
            if not start.is_picture:  # there is nothing that could be taken up again
                of_frame.pop("strength", None)
            if shot.guidance.learning_rate is None:  # a first picture grows the same at any `change`
                of_frame["learning_rate"] = tidy(limits.learning_rate)
        plans.append(
            FramePlan(
                shot=shot.name,
                index=index,
                time=times[index],
                seed=scene.seed,
                fit=_fit(shot, limits),
                previous=previous,
                start=start if previous is None else None,
                camera=cameras[index],
                losses=terms,
                steps=count if terms and of_frame.get("strength") != 0 else 0,
                cutouts=cutouts,
                cutout_noise=tuple(noise[index] for noise in noises),
                anchor=None if anchor is None or previous is None else FrameRef(shot.name, anchor),
                **of_frame,
            )
        )
    goes_on = scene.rate != scene.fps or scene.loop or shot.loop
    after = camera.after(int(frames[-1])) if goes_on else CameraStep()
    take = ShotPlan(shot.name, tuple(plans), clip.overhang, after)
    return _as_timelapse(take, shot, sampler) if shot.kind == "timelapse" else take


def _losses(
    sides: list[Side], fresh_first: bool, limits: Limits, sampler: Sampler
) -> list[tuple[WeightedTerm, ...]]:
    """The terms of every frame: what to show, that of the outgoing shot first, then what holds it back, then
    what `guidance.losses` names."""
    asked = [(prompt, side) for side in sides for prompt in side.shot.prompts]
    prompts = [(_term(prompt, side.shot), *_pull(prompt, side, sampler)) for prompt, side in asked]
    for side in sides:
        if (also := side.shot.start.also_target) is not None:  # the start as what the shot shall show
            own = start_plan(side.shot.start)
            name = PurePath(own.image).name if own.image else "start"
            weights = tidied(side.sample(also, sampler) * side.share)
            prompts.append((WeightedTerm("pixels", name, 1.0, target=own), weights, [0.0] * len(weights)))
    holds = [
        (term, tidied(side.sample(near.weight, sampler) * side.share))
        for side in sides
        if (near := side.shot.guidance.stay_near) is not None
        for term in _hold(near, side.shot, limits)
    ]
    uses = [(use, side) for side in sides for use in side.shot.guidance.losses]
    judged = (WeightedTerm(use.name, "", 1.0, settings=use.settings) for use, _ in uses)
    amounts = (side.sample(use.weight, sampler) * side.share for use, side in uses)
    others = list(zip(judged, amounts, strict=True))
    losses, start = [], start_plan(sides[-1].shot.start)
    weighted = cache(_weighted)  # most terms weigh the same over many frames
    for index in range(len(sides[0].share)):
        now = [(term, weights[index], stops[index]) for term, weights, stops in prompts]
        pulling = [weighted(term, w, stop) for term, w, stop in now if abs(w) > _NO_WEIGHT]
        holding = [
            replace(term, weight=weights[index])
            for term, weights in holds
            # Where nothing pulls there is nothing to hold.
            if pulling
            and weights[index] > _NO_WEIGHT
            # What carries nothing is held to a target, or to the content of the picture that it begins from.
            and (not fresh_first or index or term.target or (term.kind in _CONTENT and start.is_picture))
        ]
        losses.append((*pulling, *holding, *_judging(others, index, bool(pulling))))
    return losses


def _weighted(term: WeightedTerm, weight: float, stop: float) -> WeightedTerm:
    return replace(term, weight=weight, stop=stop)


def _judging(terms: list[tuple[WeightedTerm, Floats]], index: int, pulled: bool) -> Iterator[WeightedTerm]:
    """What `guidance.losses` asks of a frame; equal terms of two shots are one. pulled: whether prompts pull
    at the frame; without them only terms that pull themselves count."""
    weights: dict[WeightedTerm, float] = {}
    for term, amounts in terms:
        weights[term] = weights.get(term, 0.0) + float(amounts[index])
    for term, weight in weights.items():
        if tidy(weight) > _NO_WEIGHT and (pulled or LOSSES[term.kind].pulls):
            yield replace(term, weight=tidy(weight))


def _term(prompt: Prompt, shot: Shot) -> WeightedTerm:
    """What a prompt asks for, and where; its numbers come with each frame."""
    area = None
    if prompt.area is not None:
        shape = start_plan(prompt.area.shape or shot.start)
        if shape.icon is not None:  # colors and noise do not reach a mask
            shape = replace(shape, icon=form_of(shape.icon))
        area = AreaPlan(shape, outside=prompt.outside is not None)
    if prompt.image is None:
        text = f"{prompt.text}, {shot.style}" if shot.style else prompt.text
        return WeightedTerm("prompt", text, 1.0, area=area)
    kind, target = _KINDS[prompt.through], StartPlan("image", prompt.image)
    return WeightedTerm(kind, PurePath(prompt.image).name, 1.0, target=target, area=area)


def _pull(prompt: Prompt, side: Side, sampler: Sampler) -> tuple[list[float], list[float]]:
    """Weight and stop at the frames. What is pushed away has gone far enough at the stop, if there is one."""
    weights, stops = side.sample(prompt.weight, sampler) * side.share, side.sample(prompt.stop, sampler)
    ends = np.where(weights < 0, -np.where(stops > 0, stops, _FARTHEST), stops)
    return tidied(weights), tidied(ends)


def _hold(near: StayNear, shot: Shot, limits: Limits) -> list[WeightedTerm]:
    target = start_plan(shot.start) if near.to == "start" else None
    space = near.space or ("latents" if limits.grid else "pixels")
    kinds = _CONTENT if space == "content" else (f"stay_near_{space}",)
    return [WeightedTerm(kind, near.to, 1.0, target=target) for kind in kinds]


def _fit(shot: Shot, limits: Limits) -> int | None:
    """Steps of fitting in every frame; None where parameters need none."""
    if not limits.keeps_params:
        return None
    return FIT_STEPS if shot.guidance.fit is None else shot.guidance.fit


def start_plan(start: Start) -> StartPlan:
    """The start of a shot, or the shape of an area, as a picture of the plan."""
    return StartPlan(start.kind, start.image, start.colors, start.icon, start.fit)


def _numbers(sides: list[Side], limits: Limits, sampler: Sampler, denoises: bool) -> dict[str, list[float]]:
    """Every number of the frames that a curve gives, by its name in the plan, but for the steps. denoises:
    whether the generator takes pictures up again under noise."""
    smoothing, detail = Curve.constant(limits.smoothing), Curve.constant(limits.match_detail)
    curves: dict[str, Callable[[Shot], Curve]] = {
        "learning_rate": lambda shot: shot.guidance.learning_rate or _learning_rate(shot, limits),
        "smoothing": lambda shot: shot.guidance.smoothing or smoothing,
        "match_colors": lambda shot: shot.carry.match_colors,
        "match_detail": lambda shot: shot.carry.match_detail or detail,
        "sharpen": lambda shot: shot.carry.sharpen,
        "noise": lambda shot: shot.carry.noise or _noise(shot, limits),
    }
    if denoises:
        curves["strength"] = lambda shot: shot.guidance.strength or _STRENGTH
    return {name: tidied(_mix(sides, curve, sampler)) for name, curve in curves.items()}


def _steps(sides: list[Side], sampler: Sampler) -> list[float]:
    steps = _mix(sides, lambda shot: shot.guidance.steps, sampler)
    # Rounded before it is halved: 6.5 is 7 steps, whatever the last bit of a float says.
    return tidied(np.floor(np.round(steps, DIGITS) + 0.5))


def lead_seconds(shot: Shot, clocks: Clocks) -> float:
    """Seconds by which prompts come earlier; of a response that is not measured yet, what is usual."""
    if not isinstance(shot.lead, Time):
        return 0.0 if shot.lead is None else float(USUAL_RESPONSE / clocks.painted)
    return shot.lead.seconds(TimeBase(clocks.clip.duration, clocks.film_base.fps))


def _learning_rate(shot: Shot, limits: Limits) -> Curve:
    """That of the models, as far as `change` turns it."""
    factor = 1.0 if shot.change is None else dial_at(shot.change).learning_rate
    return Curve.constant(limits.learning_rate * factor)


def _noise(shot: Shot, limits: Limits) -> Curve:
    """Likewise."""
    factor = 1.0 if shot.change is None else dial_at(shot.change).noise
    return Curve.constant(limits.noise * factor)


def _mix(sides: list[Side], curve: Callable[[Shot], Curve], sampler: Sampler) -> Floats:
    """A curve of the shot at the frames, blended with that of the outgoing one."""
    mixed: Floats = np.sum([side.sample(curve(side.shot), sampler) * side.share for side in sides], axis=0)
    return mixed


def _cutouts(use: PerceptorUse, shot: Shot, limits: Limits) -> int:
    """Cutouts of a perceptor: its own number, else that of the shot, else what its model needs."""
    default = limits.views.get(use.name, ViewLimits()).cutouts
    return next(count for count in (use.cutouts, shot.guidance.cutouts, default) if count is not None)


def _cutout_noise(use: PerceptorUse, sides: list[Side], limits: Limits, sampler: Sampler) -> list[float]:
    """Noise on a perceptor's cutouts at every frame, chosen in the same order."""
    default = Curve.constant(limits.views.get(use.name, ViewLimits()).cutout_noise)
    own = None if use.cutout_noise is None else Curve.constant(float(use.cutout_noise))
    return tidied(_mix(sides, lambda shot: own or shot.guidance.cutout_noise or default, sampler))


def find_anchors(
    losses: Sequence[tuple[WeightedTerm, ...]], fresh: bool, fps: float
) -> tuple[int | None, ...]:
    """Index of the anchor of each frame of a shot, or None: then the frame before must do. losses: the terms
    of every frame. fresh: whether the first frame carries nothing; it was painted with many steps and so is
    an anchor at once."""
    settle = max(1, round(SETTLE_SECONDS * fps))
    mixes = [{term_name(term): term.weight for term in terms if term.is_prompt} for terms in losses]
    anchor, since = 0 if fresh else None, 0
    found: list[int | None] = []
    for index, mix in enumerate(mixes):
        if anchor is not None and similarity(mix, mixes[anchor]) < STEADY:
            anchor, since = None, index
        elif anchor is None and similarity(mix, mixes[since]) < STEADY:
            since = index
        if anchor is None and index - since > settle:
            anchor = index - 1
        found.append(anchor if anchor != index else None)
    return tuple(found)


def term_name(term: WeightedTerm) -> str:
    """What tells terms apart: two pictures may have one name, a picture may be named like a text, and what
    pulls in one part of the frame is another term in another part."""
    name = term.text if term.target is None else f"{term.kind} {term.target}"
    return name if term.area is None else f"{name} {term.area}"


def similarity(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Cosine of two mixes of prompts, -1..1; 1 when both are empty."""
    lengths = [math.sqrt(sum(weight**2 for weight in mix.values())) for mix in (a, b)]
    if 0.0 in lengths:
        return 1.0 if lengths[0] == lengths[1] else 0.0
    return sum(weight * b.get(text, 0.0) for text, weight in a.items()) / (lengths[0] * lengths[1])


def _as_timelapse(take: ShotPlan, shot: Shot, sampler: Sampler) -> ShotPlan:
    """The take of a shot as a timelapse. It has as many steps as the shot's frames would have had. The steps
    are spread evenly over the shot's time, on which weights and learning rate run; where nothing pulls there
    are none. The frames under the dissolve that follows show how the picture came out. Mistakes are
    noted in `sampler`."""
    _check_timelapse(shot, sampler)
    # A frame of a timelapse has none before it that it could stay near to.
    kept = [replace(f, losses=tuple(filterfalse(_is_hold, f.losses))) for f in take.frames]
    shown = kept[: len(kept) - take.overhang]
    segments = _segments(shown)
    timelapse = plan.TimelapsePlan(len(shown), shot.pace == "even", segments)
    steps = sum(segment.steps for segment in segments)
    first, last = shown[0], shown[-1]
    nothing: Any = dict.fromkeys(_CARRIED, 0.0)
    frames = tuple(
        replace(
            frame,
            previous=first.previous,
            start=first.start,
            camera=CameraStep(),
            steps=steps,
            cutout_noise=last.cutout_noise,  # the first one may be blended with the shot before
            anchor=None,
            strength=first.strength,
            **nothing,
            timelapse=timelapse,
        )
        for frame in kept
    )
    return replace(take, frames=frames, after=CameraStep())


def _is_hold(term: WeightedTerm) -> bool:
    return term.target is None and term.kind.startswith("stay_near")


def _segments(frames: list[FramePlan]) -> tuple[plan.Segment, ...]:
    """The steps of frames; those of neighbors that are alike are one segment."""
    pulled = [frame for frame in frames if frame.losses]
    total = sum(frame.steps for frame in pulled)
    segments: list[plan.Segment] = []
    for number, frame in enumerate(pulled):
        steps = total * (number + 1) // len(pulled) - total * number // len(pulled)
        segment = plan.Segment(steps, frame.losses, frame.learning_rate, frame.smoothing)
        if segments and replace(segments[-1], steps=steps) == segment:
            segments[-1] = replace(segment, steps=segments[-1].steps + steps)
        elif steps:
            segments.append(segment)
    return tuple(segments)


def _check_timelapse(shot: Shot, sampler: Sampler) -> None:
    """Note what a timelapse cannot have: a camera that moves, and what is one number for all its steps."""
    if not is_at_rest(shot.camera):
        rest = {name: curve.constant_value for name, curve in curves_of(Camera()).items()}
        moving = [c for name, c in curves_of(shot.camera).items() if c.constant_value != rest[name]]
        place = next((curve.place for curve in moving if curve.place.line), None)
        said = f"found a camera that moves, but shot {shot.name} is a timelapse: write `camera: none` there"
        sampler.note(place or Place(shot.place.file, shot.place.line, "camera"), said)
    noise = shot.guidance.cutout_noise
    if noise is not None and noise.constant_value is None:
        sampler.note(noise.place, "found a curve, allowed is one number in a timelapse")
    near = shot.guidance.stay_near
    if near is not None and near.to == "previous" and near.weight.place.line:  # somebody wrote it
        said = "found a stay_near to the frame before, which a timelapse has not: write `to: start`, or none"
        sampler.note(near.weight.place, said)
