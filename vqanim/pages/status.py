"""Where a render stands: what the page that is watched says in words and numbers, from the events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vqanim.engine.events import FrameDone, ModelsLoaded, RunStarted, ShotStarted, StepDone, TakesDone
from vqanim.engine.timings import Pace, device_label
from vqanim.timeline.plan import FrameRef

ENDED = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class Status:
    """What the page shows besides curves."""

    state: str = "starting"
    """starting, loading, painting, films, or one of ENDED."""
    message: str = ""
    shot: str = ""
    done: int = 0
    frames: int = 0
    kept: int = 0
    step: tuple[int, int] | None = None
    """Of a timelapse, and how many there are."""
    pace: float | None = None
    """Seconds a frame."""
    left: float | None = None
    """Seconds."""
    device: str = ""
    weights: tuple[tuple[str, float], ...] = ()
    """Of the newest frame."""
    warnings: tuple[str, ...] = ()
    newest: FrameRef | None = None


def follow(status: Status, event: object, pace: Pace, earlier: tuple[str, ...] = ()) -> Status:
    """The status after an event; pace: learns from it.

    earlier: warnings of the run before, which still count when nothing is painted now.
    """
    match event:
        case RunStarted():
            whole = event.kept == event.frames
            return replace(
                status,
                state="films" if whole else "loading",
                done=event.kept,
                kept=event.kept,
                frames=event.frames,
                device=device_label(event.device, event.threads),
                warnings=tuple(dict.fromkeys((*status.warnings, *(earlier if whole else ())))),
            )
        case ModelsLoaded():
            return replace(status, state="painting", warnings=(*status.warnings, *event.warnings))
        case ShotStarted():
            return replace(status, shot=event.shot)
        case StepDone():
            pace.add_step(event)
            left = pace.seconds_left if event.timelapse else status.left
            return replace(status, step=(event.step, event.steps), left=left, shot=event.shot)
        case FrameDone():
            pace.add(event)
            return replace(
                status,
                done=event.done,
                step=None,
                pace=None if event.of_lapse else pace.seconds_a_frame,
                left=pace.seconds_left,
                weights=event.weights,
                newest=FrameRef(event.shot, event.index),
            )
        case TakesDone():
            return replace(status, state="films", left=None, step=None)
    return status
