"""The numbers of a film as curves over its frames: what a person plots to see what happens when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.step import CameraStep
from vqanim.effects import EFFECTS
from vqanim.losses import LOSSES
from vqanim.timeline.plan import FilmFrame, FramePlan, FrameRef, Timeline

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """One number of the film at every film frame."""

    name: str  # a prompt's text, or the field's name in the scene such as `zoom` or `noise`
    group: str  # prompts, camera, guidance, carry or effects
    unit: str
    values: Floats
    """[F]; nan where the number does not exist, as the weight of a prompt in another shot, or the camera's
    step into a frame that begins anew. One value at least exists."""

    @property
    def low(self) -> float:
        """Smallest value."""
        return float(np.nanmin(self.values)) + 0.0

    @property
    def high(self) -> float:
        """Largest value."""
        return float(np.nanmax(self.values)) + 0.0

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to see in a plot."""
        comes_and_goes = self.group == "prompts" and bool(np.isnan(self.values).any())
        return self.low == self.high and not comes_and_goes


_TURN, _PAN = ("degrees per second", 0.0, 1e-2), ("frame widths per second", 0.0, 2e-3)
_CAMERA = {"zoom": ("factor per second", 1.0, 1e-4), "rotate": _TURN, "pan.x": _PAN, "pan.y": _PAN}
_CAMERA |= {"yaw": _TURN, "tilt": _TURN}
"""Unit of each speed of a camera, its value at rest, and what is too little to be seen."""
_NUMBERS = {"steps": ("guidance", "steps"), "learning_rate": ("guidance", ""), "smoothing": ("guidance", "")}
_NUMBERS |= {"strength": ("guidance", "0..1")}
_NUMBERS |= dict.fromkeys(("match_colors", "match_detail", "sharpen", "noise"), ("carry", "0..1"))
"""Group and unit of the numbers of a plan."""


def find_tracks(timeline: Timeline) -> tuple[Track, ...]:
    """Every number that a film has: weights of prompts, what the camera does, guidance, carry and effects.
    Camera numbers that stand still all the time are left out; a camera that pans right has a pan.x above 0,
    as in a scene. A film frame made of several saved ones shows the numbers of the one that is seen most."""
    plans = shown_plans(timeline)
    rate = float(timeline.rate or timeline.fps)
    numbers = (
        Track(name, group, unit, _values(plans, group, map(attrgetter(name), plans)))
        for name, (group, unit) in _NUMBERS.items()
    )
    tracks = (*_prompts(plans), *_camera(plans, rate), *numbers, *_losses(plans), *_effects(timeline.edit))
    return tuple(track for track in tracks if not np.isnan(track.values).all() and not _says_nothing(track))


def _says_nothing(track: Track) -> bool:
    """Whether it is a strength that no frame has: all begin anew, or the generator does not denoise."""
    return track.name == "strength" and track.group == "guidance" and track.low == track.high == 1


def _losses(plans: list[FramePlan]) -> Iterator[Track]:
    """Weights of the terms that scenes name under `guidance.losses`; 0 where a frame has none."""
    weights = [
        {term.kind: term.weight for term in plan.losses if LOSSES[term.kind].in_scene} for plan in plans
    ]
    for kind in dict.fromkeys(kind for each in weights for kind in each):
        yield Track(f"losses.{kind}", "guidance", "", np.array([each.get(kind, 0.0) for each in weights]))


def _camera(plans: list[FramePlan], rate: float) -> Iterator[Track]:
    speeds = [_speeds(plan.camera, rate) for plan in plans]
    for name, (unit, rest, least) in _CAMERA.items():
        values: Floats = np.round(_values(plans, "camera", (each[name] for each in speeds)), 3)
        if (np.abs(values - rest) > least).any():
            yield Track(name, "camera", unit, values)


def _speeds(step: CameraStep, rate: float) -> dict[str, float]:
    """A camera step as speeds, in the units of the scene language, whatever the rate."""
    # A camera that is thrown is not told exactly.
    zoom = float(np.exp(np.clip(np.log(step.scale) * rate, -50.0, 50.0)))
    flat = {"rotate": step.angle, "pan.x": -step.shift_x, "pan.y": -step.shift_y}
    turns = {"yaw": step.yaw, "tilt": step.tilt}
    return {"zoom": zoom} | {name: number * rate for name, number in (flat | turns).items()}


def _values(plans: list[FramePlan], group: str, numbers: Iterable[float]) -> Floats:
    """A number of every plan; nan where a frame carries nothing that it could be about."""
    carried = (group == "guidance" or plan.previous is not None for plan in plans)
    values = [number if there else math.nan for number, there in zip(numbers, carried, strict=True)]
    return np.array(values, dtype=np.float64)


def shown_plans(timeline: Timeline) -> list[FramePlan]:
    """For every film frame the plan of the saved frame that is seen most."""
    plans = {FrameRef(plan.shot, plan.index): plan for shot in timeline.shots for plan in shot.frames}
    looks = (
        [(layer.share * look.share, look.frame) for layer in frame.layers for look in layer.looks]
        for frame in timeline.edit
    )
    return [plans[max(each, key=lambda look: look[0])[1]] for each in looks]


def _prompts(plans: list[FramePlan]) -> Iterator[Track]:
    """Weights of texts and pictures; 0 where another frame of the same shot has one, nan in other shots."""
    rows: dict[tuple[str, str], Floats] = {}
    shots: dict[tuple[str, str], set[str]] = {}
    for index, plan in enumerate(plans):
        for term in (term for term in plan.losses if term.is_prompt):
            key = (term.kind, term.text)
            if key not in rows:
                rows[key], shots[key] = np.full(len(plans), np.nan), set()
            rows[key][index] = term.weight
            shots[key].add(plan.shot)
    names = np.array([plan.shot for plan in plans])
    for key, values in rows.items():
        own = np.isin(names, list(shots[key]))
        yield Track(key[1], "prompts", "weight", np.where(own & np.isnan(values), 0.0, values))


def _effects(edit: tuple[FilmFrame, ...]) -> Iterator[Track]:
    """Amounts of effects, of the film and of the shot that is seen most; of several of a name the last."""
    rows: dict[str, Floats] = {}
    for index, frame in enumerate(edit):
        layer = max(frame.layers, key=lambda layer: layer.share)
        for now in (*layer.effects, *frame.effects):
            rows.setdefault(now.name, np.full(len(edit), EFFECTS[now.name].neutral))[index] = now.amount
    return (Track(name, "effects", "", values) for name, values in rows.items())
