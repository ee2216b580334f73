"""A timeline in a few lines."""

from __future__ import annotations

from pathlib import Path

from vqanim.cli.words import Row, count, duration, number
from vqanim.timeline.plan import ShotPlan, Timeline


def headline(timeline: Timeline) -> str:
    """`72 frames, 6 s at 12 fps, 256x144`."""
    seconds = float(len(timeline.edit) / timeline.fps)
    return (
        f"{count(len(timeline.edit), 'frame')}, {duration(seconds)} at {number(timeline.fps)} fps, "
        f"{timeline.width}x{timeline.height}"
    )


def describe(timeline: Timeline) -> list[Row]:
    """What a person wants to know of a timeline before it is rendered."""
    items = [("models", models(timeline))]
    if len(timeline.shots) > 1:
        shots = ", ".join(
            f"{shot.name} ({count(len(shot.frames), 'frame')}{lapse(shot)})" for shot in timeline.shots
        )
        items.append(("shots", shots))
    elif said := lapse(timeline.shots[0]):
        items.append(("shot", said.removeprefix(", ")))
    rate = timeline.rate or timeline.fps
    if rate != timeline.fps or timeline.frame_count != len(timeline.edit):
        painted = f"{count(timeline.frame_count, 'frame')}, {number(rate)} a second"
        items.append(("painted", painted))
    if timeline.sound is not None:
        start = f", from {duration(timeline.sound.start)} on" if timeline.sound.start else ""
        items.append(("sound", Path(timeline.sound.file).name + start))
    return items


def lapse(shot: ShotPlan) -> str:
    """`, timelapse in 300 steps`, or nothing."""
    first = shot.frames[0]
    return f", timelapse in {count(first.steps, 'step')}" if first.timelapse else ""


def models(timeline: Timeline) -> str:
    """`pocket`, or all names where they differ."""
    names = [plan.name for plan in timeline.perceptors]
    if names == [timeline.generator]:
        return timeline.generator
    return f"{timeline.generator} and {', '.join(names)}"
