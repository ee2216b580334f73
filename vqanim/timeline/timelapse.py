"""Shots of `kind: timelapse`: all steps of the take are one optimisation, and no camera moves."""

from __future__ import annotations

from dataclasses import replace

from vqanim.errors import Place
from vqanim.scene.curves import Curve
from vqanim.scene.model import Shot
from vqanim.timeline.plan import CameraStep, FramePlan, Segment, ShotPlan, TimelapsePlan
from vqanim.timeline.sampling import Sampler
from vqanim.timeline.view import View


def as_timelapse(take: ShotPlan, shot: Shot) -> ShotPlan:
    """The take of a shot as a timelapse. It has as many steps as the shot's frames would have had.

    The steps are spread evenly over the shot's time, on which weights and learning rate run; where nothing
    pulls there are none. The frames under the dissolve that follows show how the picture came out.
    """
    take = replace(take, frames=tuple(map(_without_holds, take.frames)))
    shown = take.frames[: len(take.frames) - take.overhang]
    segments = _segments(shown)
    lapse = TimelapsePlan(len(shown), shot.pace == "even", segments)
    steps = sum(segment.steps for segment in segments)
    first, last = shown[0], shown[-1]
    frames = tuple(
        replace(
            frame,
            previous=first.previous,
            start=first.start,
            camera=CameraStep(),
            steps=steps,
            cutout_noise=last.cutout_noise,  # the first one may be blended with the shot before
            match_colors=0.0,
            match_detail=0.0,
            sharpen=0.0,
            noise=0.0,
            anchor=None,
            lapse=lapse,
        )
        for frame in take.frames
    )
    return replace(take, frames=frames, after=CameraStep())


def _without_holds(frame: FramePlan) -> FramePlan:
    """A frame of a timelapse has none before it that it could stay near to."""
    kept = tuple(term for term in frame.losses if term.is_prompt or term.target is not None)
    return frame if kept == frame.losses else replace(frame, losses=kept)


def _segments(frames: tuple[FramePlan, ...]) -> tuple[Segment, ...]:
    """The steps of frames; those of neighbors that are alike are one segment."""
    pulled = [frame for frame in frames if frame.losses]
    total = sum(frame.steps for frame in pulled)
    segments: list[Segment] = []
    for number, frame in enumerate(pulled):
        steps = total * (number + 1) // len(pulled) - total * number // len(pulled)
        segment = Segment(steps, frame.losses, frame.learning_rate, frame.smoothing)
        if segments and replace(segments[-1], steps=steps) == segment:
            segments[-1] = replace(segment, steps=segments[-1].steps + steps)
        elif steps:
            segments.append(segment)
    return tuple(segments)


def check_timelapse(view: View, sampler: Sampler) -> None:
    """Note what a timelapse cannot have: a camera that moves, and what is one number for all its steps."""
    shot = view.clocks.span.shot
    rest = View(Shot(shot.name).camera, view.clocks, view.aspect).curves
    if not view.at_rest:
        moving = [curve for name, curve in view.curves.items() if not _same(curve, rest[name])]
        places = [curve.place for curve in moving if curve.place.line]
        said = f"found a camera that moves, but shot {shot.name} is a timelapse: write `camera: none` there"
        sampler.note(places[0] if places else _place(shot, "camera"), said)
    noise = shot.guidance.cutout_noise
    if noise is not None and noise.constant_value is None:
        sampler.note(noise.place, "found a curve, allowed is one number in a timelapse")
    near = shot.guidance.stay_near
    if near is not None and near.to == "previous" and near.weight.place.line:  # somebody wrote it
        said = "found a stay_near to the frame before, which a timelapse has not: write `to: start`, or none"
        sampler.note(near.weight.place, said)


def _same(curve: Curve, other: Curve) -> bool:
    return curve.constant_value is not None and curve.constant_value == other.constant_value


def _place(shot: Shot, path: str) -> Place:
    return Place(shot.place.file, shot.place.line, path)
