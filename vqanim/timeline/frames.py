"""The frames of one shot: prompts, steps and amounts at every frame, blended over a transition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from vqanim.icons.spec import form_of
from vqanim.losses import LOSSES
from vqanim.scene.change import dial_at
from vqanim.scene.curves import Curve
from vqanim.scene.fields.settings import LossUse
from vqanim.scene.model import AUTO, PerceptorUse, Prompt, Shot, Start, StayNear
from vqanim.scene.quality import FIRST_STEPS
from vqanim.scene.times import Time, TimeBase
from vqanim.timeline.anchors import find_anchors
from vqanim.timeline.plan import (
    AreaPlan,
    CameraStep,
    FramePlan,
    FrameRef,
    Limits,
    ShotPlan,
    StartPlan,
    ViewLimits,
    WeightedTerm,
)
from vqanim.timeline.sampling import Clocks, Indices, Sampler
from vqanim.timeline.sides import Side, sides_ahead, sides_of
from vqanim.timeline.view import DIGITS, View, camera_steps, tidy

Floats = NDArray[np.float64]

_KINDS = {"perceptor": "image", "pixels": "pixels", "style": "style"}
"""Of terms, by what a picture is compared through."""
_CONTENT = ("stay_near_features", "stay_near_edges")
OWN_TARGET = "pixels"
"""How a shot is compared with its own start, where that is also a target."""
USUAL_RESPONSE = 4
"""Painted frames until a change of prompts is seen, where `lead: auto` was not measured yet."""
_FARTHEST = 10.0
"""Farther than any two things can be in a perceptor's space, where pi^2 / 2 is opposite."""
_NO_WEIGHT = 1e-9
"""Weights up to this are zero."""


@dataclass(frozen=True)
class Film:
    """What all shots of a film share."""

    seed: int
    rate: float
    """Painted frames per second."""
    aspect: float
    """Height / width of a frame."""
    cell: float
    """Seconds of a cell of integration."""
    limits: Limits
    perceptors: tuple[PerceptorUse, ...]
    """Those that look at the frames."""
    in_betweens: bool = False
    """True when the film shows moments between its painted frames."""
    loop: bool = False
    """True when the end of the film leads back to its start."""


def plan_shot(
    film: Film, clocks: Clocks, before: Clocks | None, sampler: Sampler, following: Clocks | None = None
) -> ShotPlan:
    """All frames of a shot.

    before: the clocks of the shot whose last frame is carried on; None for the first shot and after a cut.
    following: those of the shot that carries on from this one.
    """
    span, shot = clocks.span, clocks.span.shot
    frames = np.arange(span.first, span.first + span.count + span.overhang)
    sides = sides_of(clocks, before, frames)
    ahead = sides_ahead(clocks, before, following, frames, lead_seconds(shot, clocks))
    fresh_first = before is None
    cameras = _cameras(film, clocks, before, frames, sampler)
    losses = _losses(ahead, fresh_first, sampler)
    numbers = {"steps": _steps(ahead, sampler)} | _numbers(sides, film.limits, sampler)
    cutouts = tuple(_cutouts(use, shot, film.limits) for use in film.perceptors)
    noises = [_cutout_noise(use, sides, film.limits, sampler) for use in film.perceptors]
    anchors = find_anchors(losses, fresh_first, film.rate)
    times = _tidy(clocks.at_frames(frames).film)

    plans = []
    for index in range(len(frames)):
        previous = _previous(shot, before, index)
        fresh = previous is None
        steps = _first_steps(shot) if fresh else int(numbers["steps"][index])
        learning_rate = numbers["learning_rate"][index]
        if fresh and shot.guidance.learning_rate is None:
            learning_rate = tidy(film.limits.learning_rate)  # a first picture grows the same at any `change`
        plans.append(
            FramePlan(
                shot=shot.name,
                index=index,
                time=times[index],
                seed=film.seed,
                previous=previous,
                start=_start(shot) if fresh else None,
                camera=cameras[index],
                losses=losses[index],
                steps=steps if losses[index] else 0,
                learning_rate=learning_rate,
                smoothing=numbers["smoothing"][index],
                cutout_noise=tuple(noise[index] for noise in noises),
                cutouts=cutouts,
                # A fresh frame carries no picture, so that these say nothing about it.
                match_colors=0.0 if fresh else numbers["match_colors"][index],
                match_detail=0.0 if fresh else numbers["match_detail"][index],
                sharpen=0.0 if fresh else numbers["sharpen"][index],
                noise=0.0 if fresh else numbers["noise"][index],
                anchor=_anchor(shot, anchors[index], previous),
            )
        )
    after = (
        _after(film, clocks, int(frames[-1])) if film.in_betweens or film.loop or shot.loop else CameraStep()
    )
    return ShotPlan(shot.name, tuple(plans), span.overhang, after)


def _cameras(
    film: Film, clocks: Clocks, before: Clocks | None, frames: NDArray[np.int64], sampler: Sampler
) -> list[CameraStep]:
    """The step into every frame; the first frame of a carried shot is reached from the frame before it."""
    if before is None:
        return [CameraStep(), *camera_path(film, clocks, None, frames, sampler)]
    return camera_path(film, clocks, before, np.concatenate([frames[:1] - 1, frames]), sampler)


def camera_path(
    film: Film, clocks: Clocks, before: Clocks | None, places: Indices, sampler: Sampler
) -> list[CameraStep]:
    """The steps of a shot's camera between places [P], in painted frames of the film; P - 1 of them."""
    view, blend = View(clocks.span.shot.camera, clocks, film.aspect), clocks.span.blend
    if before is None:
        return camera_steps(view, places, film.cell, sampler)
    outgoing = View(before.span.shot.camera, before, film.aspect) if blend > 0 else None
    return camera_steps(view, places, film.cell, sampler, outgoing, blend)


def _after(film: Film, clocks: Clocks, last: int) -> CameraStep:
    """The step on from the last frame, to where the camera would be at the next; no curve goes on past that.

    Without a mistake of its own: a curve that has no value there lets the camera stand.
    """
    end = float((last + 1) / clocks.painted)
    view = View(clocks.span.shot.camera, replace(clocks, until=end), film.aspect)
    (step,) = camera_steps(view, np.array([last, last + 1]), film.cell, Sampler())
    return step


def _losses(sides: list[Side], fresh_first: bool, sampler: Sampler) -> list[tuple[WeightedTerm, ...]]:
    """The terms of every frame: what to show, that of the outgoing shot first, then what holds it back, then
    what `guidance.losses` names."""
    prompts = [
        (_term(prompt, side.shot), *_pull(prompt, side, sampler))
        for side in sides
        for prompt in side.shot.prompts
    ]
    prompts += [
        (_own_target(side.shot), _tidy(side.sample(also, sampler) * side.share), [0.0] * len(side.share))
        for side in sides
        if (also := side.shot.start.also_target) is not None
    ]
    holds = [
        (term, _tidy(side.sample(near.weight, sampler) * side.share))
        for side in sides
        if (near := side.shot.guidance.stay_near) is not None
        for term in _hold(near, side.shot)
    ]
    others = [
        (_judge(use), side.sample(use.weight, sampler) * side.share)
        for side in sides
        for use in side.shot.guidance.losses
    ]
    losses, start = [], _start(sides[-1].shot)
    for index in range(len(sides[0].share)):
        pulling = [
            replace(term, weight=weights[index], stop=stops[index])
            for term, weights, stops in prompts
            if abs(weights[index]) > _NO_WEIGHT
        ]
        holding = [
            replace(term, weight=weights[index])
            for term, weights in holds
            # Where nothing pulls there is nothing to hold.
            if pulling
            and weights[index] > _NO_WEIGHT
            and (not fresh_first or index or _holds_first(term, start))
        ]
        losses.append((*pulling, *holding, *_judging(others, index, bool(pulling))))
    return losses


def _judging(terms: list[tuple[WeightedTerm, Floats]], index: int, pulled: bool) -> Iterator[WeightedTerm]:
    """What `guidance.losses` asks of a frame; equal terms of two shots are one.

    pulled: whether prompts pull at the frame; without them only terms that pull themselves count.
    """
    weights: dict[WeightedTerm, float] = {}
    for term, amounts in terms:
        weights[term] = weights.get(term, 0.0) + float(amounts[index])
    for term, weight in weights.items():
        if tidy(weight) > _NO_WEIGHT and (pulled or LOSSES[term.kind].pulls):
            yield replace(term, weight=tidy(weight))


def _holds_first(term: WeightedTerm, start: StartPlan) -> bool:
    """Whether a term can hold a frame that carries nothing: it has no frame before, but begun from a picture
    it can have the content of that."""
    return term.target is not None or (term.kind in _CONTENT and start.is_picture)


def _term(prompt: Prompt, shot: Shot) -> WeightedTerm:
    """What a prompt asks for, and where; its numbers come with each frame."""
    area = _area(prompt, shot)
    if prompt.image is None:
        return WeightedTerm("prompt", _styled(prompt, shot), 1.0, area=area)
    kind, target = _KINDS[prompt.through], StartPlan("image", prompt.image)
    return WeightedTerm(kind, PurePath(prompt.image).name, 1.0, target=target, area=area)


def _area(prompt: Prompt, shot: Shot) -> AreaPlan | None:
    if prompt.area is None:
        return None
    shape = _plan_start(prompt.area.shape or shot.start)
    if shape.icon is not None:  # colors and noise do not reach a mask
        shape = replace(shape, icon=form_of(shape.icon))
    return AreaPlan(shape, outside=prompt.outside is not None)


def _judge(use: LossUse) -> WeightedTerm:
    return WeightedTerm(use.name, "", 1.0, settings=use.settings)


def _own_target(shot: Shot) -> WeightedTerm:
    """The start of a shot as what it shall show."""
    start = _start(shot)
    name = PurePath(start.image).name if start.image else "start"
    return WeightedTerm(OWN_TARGET, name, 1.0, target=start)


def _pull(prompt: Prompt, side: Side, sampler: Sampler) -> tuple[list[float], list[float]]:
    """Weight and stop at the frames. What is pushed away has gone far enough at the stop, if there is one."""
    weights, stops = side.sample(prompt.weight, sampler) * side.share, side.sample(prompt.stop, sampler)
    ends = np.where(weights < 0, -np.where(stops > 0, stops, _FARTHEST), stops)
    return _tidy(weights), _tidy(ends)


def _hold(near: StayNear, shot: Shot) -> list[WeightedTerm]:
    target = _start(shot) if near.to == "start" else None
    kinds = _CONTENT if near.space == "content" else (f"stay_near_{near.space}",)
    return [WeightedTerm(kind, near.to, 1.0, target=target) for kind in kinds]


def _start(shot: Shot) -> StartPlan:
    return _plan_start(shot.start)


def _plan_start(start: Start) -> StartPlan:
    return StartPlan(start.kind, start.image, start.colors, start.icon, start.fit)


def _numbers(sides: list[Side], limits: Limits, sampler: Sampler) -> dict[str, list[float]]:
    """Every number of the frames that a curve gives, by its name in the plan, but for the steps."""
    smoothing = Curve.constant(limits.smoothing)
    curves: dict[str, Callable[[Shot], Curve]] = {
        "learning_rate": lambda shot: shot.guidance.learning_rate or _learning_rate(shot, limits),
        "smoothing": lambda shot: shot.guidance.smoothing or smoothing,
        "match_colors": lambda shot: shot.carry.match_colors,
        "match_detail": lambda shot: shot.carry.match_detail,
        "sharpen": lambda shot: shot.carry.sharpen,
        "noise": lambda shot: shot.carry.noise,
    }
    return {name: _tidy(_mix(sides, curve, sampler)) for name, curve in curves.items()}


def _steps(sides: list[Side], sampler: Sampler) -> list[float]:
    """Steps of the frames, whole."""
    steps = _mix(sides, lambda shot: shot.guidance.steps, sampler)
    # Rounded before it is halved: 6.5 is 7 steps, whatever the last bit of a float says.
    return _tidy(np.floor(np.round(steps, DIGITS) + 0.5))


def lead_seconds(shot: Shot, clocks: Clocks) -> float:
    """Seconds by which prompts come earlier; of a response that is not measured yet, what is usual."""
    if shot.lead is None:
        return 0.0
    if shot.lead == AUTO:
        return float(USUAL_RESPONSE / clocks.painted)
    assert isinstance(shot.lead, Time)
    return shot.lead.seconds(TimeBase(clocks.span.duration, clocks.fps))


def _learning_rate(shot: Shot, limits: Limits) -> Curve:
    """That of the models, as far as `change` turns it."""
    factor = 1.0 if shot.change is None else dial_at(shot.change).learning_rate
    return Curve.constant(limits.learning_rate * factor)


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
    fixed = limits.views.get(use.name, ViewLimits()).cutout_noise
    default = Curve.constant(fixed if use.cutout_noise is None else float(use.cutout_noise))
    if use.cutout_noise is not None:
        return _tidy(_mix(sides, lambda shot: default, sampler))
    return _tidy(_mix(sides, lambda shot: shot.guidance.cutout_noise or default, sampler))


def _first_steps(shot: Shot) -> int:
    """Steps of a frame that begins from the shot's start: an image or icon is the picture wanted."""
    if shot.guidance.first_steps is not None:
        return shot.guidance.first_steps
    return 0 if _start(shot).is_picture else FIRST_STEPS


def _previous(shot: Shot, before: Clocks | None, index: int) -> FrameRef | None:
    if index:
        return FrameRef(shot.name, index - 1)
    return None if before is None else FrameRef(before.span.shot.name, before.span.count - 1)


def _anchor(shot: Shot, index: int | None, previous: FrameRef | None) -> FrameRef | None:
    """None for a frame that carries nothing."""
    return None if index is None or previous is None else FrameRef(shot.name, index)


def _styled(prompt: Prompt, shot: Shot) -> str:
    return f"{prompt.text}, {shot.style}" if shot.style else prompt.text


def _tidy(values: Floats) -> list[float]:
    """Numbers of a plan, one a frame: rounded, and zero without a sign."""
    rounded: list[float] = (np.round(values, DIGITS) + 0.0).tolist()
    return rounded
