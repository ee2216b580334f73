"""What the engine reports: typed, frozen, picklable. Words for people are not here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vqanim.pictures import Picture
from vqanim.timeline.readings import PromptReading


class Event:
    """Anything that happens while takes are painted."""


@dataclass(frozen=True)
class RunStarted(Event):
    """Sent once, when the folder is locked and the frames on disk were compared with the plan."""

    folder: str
    frames: int
    """Frames of all takes."""
    kept: int
    """Frames on disk that still hold and will not be painted again."""
    superseded: int
    """Frames of an older scene that were moved to `superseded_to`."""
    superseded_to: str | None
    device: str
    threads: int
    """Of each process that paints."""
    workers: int = 1
    """Processes that paint."""
    cores: int | None = None
    """Processors that there are."""
    step: str = "eager"
    """How steps shall be made: `graph` (recorded CUDA graphs) or `eager`, chosen from the whole plan."""
    step_reason: str = ""
    weights: str = "float32"
    """Precision of the networks' weights."""
    deterministic: bool = False
    accepted: int = 0
    """Frames that somebody changed and that are kept as they are now."""
    repaired: int = 0
    """Frames that somebody changed, moved to superseded/ to be painted anew."""
    label: str = ""
    """The device for people, where only torch could tell it and is not asked; see `timings.device_label`."""


@dataclass(frozen=True)
class SettingsChanged(Event):
    """The folder's last run had other settings; sent after RunStarted."""

    changes: tuple[tuple[str, str, str], ...]
    """(name, before, now) of those that show in new frames, and nowhere else; none where no frame from before
    is kept."""
    repainting: tuple[tuple[str, str, str], ...]
    """Likewise, of those that every frame depends on."""


@dataclass(frozen=True)
class PromptsRead(Event):
    """What perceptors that know few things make of the prompts; sent before the models are loaded."""

    readings: tuple[PromptReading, ...]
    """Empty where all perceptors know about everything."""
    warnings: tuple[str, ...]
    """Prompts that are far from all that they know, and words that they do not know; one line each."""


@dataclass(frozen=True)
class ModelsLoaded(Event):
    """Sent before the first frame is painted; not at all when nothing is to be painted."""

    generator: str
    perceptors: tuple[str, ...]
    seconds: float
    warnings: tuple[str, ...]
    """For example words of a prompt that the perceptor does not know."""


@dataclass(frozen=True)
class ShotStarted(Event):
    shot: str
    frames: int
    kept: int


@dataclass(frozen=True)
class StageTime:
    """How long steps at one size took."""

    width: int
    height: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class FrameDone(Event):
    """A frame was painted; its file is on disk before the next frame is done and before TakesDone."""

    shot: str
    index: int
    """Number in its shot, from 0."""
    done: int
    """Frames of the run that exist now, kept ones included."""
    frames: int
    seconds: float
    """Time for this frame."""
    steps: int
    """For this frame."""
    weights: tuple[tuple[str, float], ...]
    """(prompt, weight), as planned."""
    similarities: tuple[tuple[str, float], ...]
    """(prompt, mean cosine of the cutouts to it, -1..1) at the last step; empty when no model ran."""
    path: str
    stages: tuple[StageTime, ...] = ()
    """Of `seconds`, those that went into steps."""
    losses: tuple[tuple[str, float], ...] = ()
    """(kind of terms, what they still lose, weights included) at the last step; empty when no model ran."""
    from_timelapse: bool = False
    """Whether it was picked from the pictures of a timelapse, whose steps were reported before."""


@dataclass(frozen=True)
class FrameKept(Event):
    """A frame behind a missing one was found to hold. It is counted and not passed on."""

    shot: str
    index: int


@dataclass(frozen=True)
class RecordingMoved(Event):
    """An unfinished timelapse of other settings was there; it is never continued."""

    shot: str
    moved_to: str


@dataclass(frozen=True)
class StepDone(Event):
    """A step of a frame is done, or one of a timelapse, whose frames are there when all steps are."""

    shot: str
    index: int
    """Number of the frame in its shot, from 0; of a single picture, its own number."""
    step: int
    """Steps done."""
    steps: int
    seconds: float
    """Time for this step, and for recording what it gave."""
    since: int = 0
    """Steps that were done when this run began or went on."""
    timelapse: bool = False
    """Whether the steps are those of a whole timelapse."""
    look: Callable[[], Picture] | None = field(default=None, compare=False, repr=False)
    """Decodes the picture as it is now, uint8 [H, W, 3] at full size; to be called before the next step. It
    does not travel to another process."""

    def __getstate__(self) -> dict[str, Any]:
        """All but what only this process can do."""
        return {**self.__dict__, "look": None}


@dataclass(frozen=True)
class StepChanged(Event):
    """From the frame just painted on, steps are made in another mode than before."""

    mode: str
    """`eager`, or, because memory ran out, `chunks` or `checkpoint`."""
    reason: str


@dataclass(frozen=True)
class LiveFailed(Event):
    """The film that grows while frames are painted could not be made; the render goes on without it."""

    reason: str


@dataclass(frozen=True)
class PageWritten(Event):
    """A page about the render is there."""

    path: str


@dataclass(frozen=True)
class PageFailed(Event):
    """A page about the render cannot be written; the render goes on without it."""

    name: str
    reason: str


@dataclass(frozen=True)
class OutputMoved(Event):
    """What was in the place of a file was not made here, or was changed since; it is elsewhere now."""

    path: str
    moved_to: str


@dataclass(frozen=True)
class TakesDone(Event):
    """All frames exist."""

    painted: int
    seconds: float


@dataclass(frozen=True)
class TrialStarted(Event):
    """Sent before anything else when a lead must be measured."""

    frames: int
    """To be painted for it."""


@dataclass(frozen=True)
class ResponseMeasured(Event):
    """A trial showed how long a change of prompts takes to be seen."""

    frames: int
    seconds: float
    """Time for the trial."""
