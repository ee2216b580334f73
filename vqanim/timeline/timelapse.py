"""Shots of `kind: timelapse`: all steps of the take are one optimization, and no camera moves."""

from __future__ import annotations

from dataclasses import replace

from vqanim.camera.step import CameraStep
from vqanim.errors import Place
from vqanim.scene.model import Camera, Shot
from vqanim.timeline.camera import curves_of, is_at_rest
from vqanim.timeline.plan import FramePlan, Segment, ShotPlan, TimelapsePlan, WeightedTerm
from vqanim.timeline.sampling import Sampler


def as_timelapse(take: ShotPlan, shot: Shot) -> ShotPlan:
    """The take of a shot as a timelapse. It has as many steps as the shot's frames would have had.

    The steps are spread evenly over the shot's time, on which weights and learning rate run; where nothing
    pulls there are none. The frames under the dissolve that follows show how the picture came out.
    """
    # A frame of a timelapse has none before it that it could stay near to.
    kept = [
        replace(frame, losses=tuple(term for term in frame.losses if not _is_hold(term)))
        for frame in take.frames
    ]
    shown = kept[: len(kept) - take.overhang]
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
            timelapse=lapse,
        )
        for frame in kept
    )
    return replace(take, frames=frames, after=CameraStep())


def _is_hold(term: WeightedTerm) -> bool:
    """Whether a term holds a frame to the one before."""
    return term.target is None and term.kind.startswith("stay_near")


def _segments(frames: list[FramePlan]) -> tuple[Segment, ...]:
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


def check_timelapse(shot: Shot, sampler: Sampler) -> None:
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
