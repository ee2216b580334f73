"""The frames of one shot: prompts, steps and amounts at every frame, blended over a transition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from vqanim.scene.curves import Curve
from vqanim.scene.model import AUTO, PerceptorUse, Prompt, Shot, StayNear
from vqanim.scene.times import Time, TimeBase
from vqanim.timeline.anchors import find_anchors
from vqanim.timeline.plan import (
    CameraStep,
    FramePlan,
    FrameRef,
    Limits,
    ShotPlan,
    StartPlan,
    ViewLimits,
    WeightedTerm,
)
from vqanim.timeline.sampling import Clocks, Sampler
from vqanim.timeline.sides import Side, sides_ahead, sides_of
from vqanim.timeline.view import DIGITS, View, camera_steps

Floats = NDArray[np.float64]

FIRST_STEPS = 60
"""Steps of a first frame that grows out of noise or colours, where the scene says nothing."""
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
                learning_rate=numbers["learning_rate"][index],
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
    view, blend = View(clocks.span.shot.camera, clocks, film.aspect), clocks.span.blend
    if before is None:
        return [CameraStep(), *camera_steps(view, frames, film.cell, sampler)]
    outgoing = View(before.span.shot.camera, before, film.aspect) if blend > 0 else None
    frames = np.concatenate([frames[:1] - 1, frames])
    return camera_steps(view, frames, film.cell, sampler, outgoing, blend)


def _after(film: Film, clocks: Clocks, last: int) -> CameraStep:
    """The step on from the last frame, to where the camera would be at the next; no curve goes on past that.

    Without a mistake of its own: a curve that has no value there lets the camera stand.
    """
    end = float((last + 1) / clocks.painted)
    view = View(clocks.span.shot.camera, replace(clocks, until=end), film.aspect)
    (step,) = camera_steps(view, np.array([last, last + 1]), film.cell, Sampler())
    return step


def _losses(sides: list[Side], fresh_first: bool, sampler: Sampler) -> list[tuple[WeightedTerm, ...]]:
    """The terms of every frame: what to show, that of the outgoing shot first, then what holds it back."""
    prompts = [
        (_term(prompt, side.shot), *_pull(prompt, side, sampler))
        for side in sides
        for prompt in side.shot.prompts
    ]
    holds = [
        (_hold(near, side.shot), _tidy(side.sample(near.weight, sampler) * side.share))
        for side in sides
        if (near := side.shot.guidance.stay_near) is not None
    ]
    losses = []
    for index in range(len(sides[0].share)):
        pulling = [
            replace(term, weight=weights[index], stop=stops[index])
            for term, weights, stops in prompts
            if abs(weights[index]) > _NO_WEIGHT
        ]
        holding = [
            replace(term, weight=weights[index])
            for term, weights in holds
            # A frame that carries nothing has no frame before; where nothing pulls there is nothing to hold.
            if pulling and weights[index] > _NO_WEIGHT and not (fresh_first and not index and not term.target)
        ]
        losses.append((*pulling, *holding))
    return losses


def _term(prompt: Prompt, shot: Shot) -> WeightedTerm:
    """What a prompt asks for; its numbers come with each frame."""
    if prompt.image is None:
        return WeightedTerm("prompt", _styled(prompt, shot), 1.0)
    kind = "pixels" if prompt.through == "pixels" else "image"
    return WeightedTerm(kind, PurePath(prompt.image).name, 1.0, target=StartPlan("image", prompt.image))


def _pull(prompt: Prompt, side: Side, sampler: Sampler) -> tuple[list[float], list[float]]:
    """Weight and stop at the frames. What is pushed away has gone far enough at the stop, if there is one."""
    weights, stops = side.sample(prompt.weight, sampler) * side.share, side.sample(prompt.stop, sampler)
    ends = np.where(weights < 0, -np.where(stops > 0, stops, _FARTHEST), stops)
    return _tidy(weights), _tidy(ends)


def _hold(near: StayNear, shot: Shot) -> WeightedTerm:
    target = _start(shot) if near.to == "start" else None
    return WeightedTerm(f"stay_near_{near.space}", near.to, 1.0, target=target)


def _start(shot: Shot) -> StartPlan:
    start = shot.start
    return StartPlan(start.kind, start.image, start.colors, start.icon, start.fit)


def _numbers(sides: list[Side], limits: Limits, sampler: Sampler) -> dict[str, list[float]]:
    """Every number of the frames that a curve gives, by its name in the plan, but for the steps."""
    learning_rate, smoothing = map(Curve.constant, (limits.learning_rate, limits.smoothing))
    curves: dict[str, Callable[[Shot], Curve]] = {
        "learning_rate": lambda shot: shot.guidance.learning_rate or learning_rate,
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
