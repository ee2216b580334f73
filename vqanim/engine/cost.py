"""What painting a film will cost on this machine, from what was measured there. No torch."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from vqanim.engine.speeds import Size, Speed, models_key
from vqanim.models.resolutions import halved_stages
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline
from vqanim.types import Stage

PNG_BYTES = 1.7
"""A pixel of a painted frame, where none was saved yet; measured on renders of the shipped scenes."""
MP4_BYTES = 0.14
"""A pixel of a film frame; measured on the same, at crf 17."""
GIF_BYTES = 0.85
"""A pixel of a frame of the GIF."""

FILM_SECONDS = 1e-6
"""A pixel of a film frame, where no film was made yet."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of a render of all that is not painted yet, and of the films."""

    device: str
    start: float
    """Until the models are loaded; 0 where none is needed any more."""
    painting: float
    films: float
    """Making MP4, GIF and poster."""
    step: float | None
    """Of one step at full size; None when no frame has one."""
    guessed: bool
    """Whether some of it was measured at other sizes, so that it is less sure."""
    memory: int | None
    """Bytes at most, where a film of this size was measured."""

    @property
    def total(self) -> float:
        """Seconds of all of it."""
        return self.start + self.painting + self.films


@dataclass(frozen=True)
class Disk:
    """Bytes, about."""

    takes: int
    films: int


def plan_stages(plan: FramePlan, size: Size, multiple: int) -> tuple[Stage, ...]:
    """The steps of a frame by size, as the painter does them.

    size: width and height in pixels. multiple: of the generator.
    """
    width, height = size
    if plan.steps < 1 or (plan.lapse and plan.index):  # all steps of a timelapse come before its first frame
        return ()
    if plan.start is None or plan.start.is_picture:
        return (Stage(height, width, plan.steps),)
    return halved_stages(plan.steps, height, width, multiple)


def models_of(timeline: Timeline, plan: FramePlan) -> str:
    """What a frame's steps are known by in the measured speeds."""
    names = [perceptor.name for perceptor in timeline.perceptors]
    return models_key(timeline.generator, zip(names, plan.cutouts, strict=True))


def all_plans(timeline: Timeline) -> Iterable[FramePlan]:
    """Every frame that will be painted."""
    return (plan for shot in timeline.shots for plan in shot.frames)


def estimate(
    timeline: Timeline,
    speeds: Sequence[Speed],
    multiple: int,
    device: str | None = None,
    painted: Container[FrameRef] = frozenset(),
) -> Estimate | None:
    """Seconds of a render, or None when too little was measured.

    speeds: the latest first; the first one that knows the film's models says which device is meant, unless
    `device` begins the name of one. painted: frames that are there already.
    """
    needed = {models_of(timeline, plan) for plan in all_plans(timeline)}
    for wanted in dict.fromkeys(speed.device for speed in speeds if device is None or _is(speed, device)):
        by_models = {speed.models: speed for speed in speeds if speed.device == wanted}
        if needed <= set(by_models) and (found := _estimate(timeline, by_models, multiple, wanted, painted)):
            return found
    return None


def _is(speed: Speed, device: str) -> bool:
    return speed.device == device or speed.device.startswith(f"{device}, ")


def _estimate(
    timeline: Timeline,
    by_models: dict[str, Speed],
    multiple: int,
    device: str,
    painted: Container[FrameRef],
) -> Estimate | None:
    size = (timeline.width, timeline.height)
    meter = _Meter()
    left = [plan for plan in all_plans(timeline) if FrameRef(plan.shot, plan.index) not in painted]
    for plan in left:
        speed = by_models[models_of(timeline, plan)]
        kind = "move" if plan.steps < 1 or plan.lapse else "carry"
        if plan.previous is None and not (plan.lapse and plan.index):
            kind = "begin"
        # What is beside the steps is little; where it was not measured, another kind stands in.
        meter.add(speed, (kind, "carry", "move", "begin"), size)
        for stage in plan_stages(plan, size, multiple):
            meter.add(speed, ("step",), (stage.width, stage.height), stage.steps)
    speed = by_models[models_of(timeline, timeline.shots[0].frames[0])]
    if meter.unknown:
        return None
    film, exact = speed.at("film", size)
    if film is None:
        film = FILM_SECONDS * timeline.width * timeline.height
    fits = speed.memory_size is not None and speed.memory_size >= size
    return Estimate(
        device=device,
        start=(speed.start or 0.0) if left else 0.0,
        painting=meter.seconds,
        films=film * len(timeline.edit),
        step=speed.at("step", size)[0],
        guessed=meter.guessed or not exact,
        memory=speed.memory if fits else None,
    )


@dataclass
class _Meter:
    """Adds up seconds, and whether they are sure."""

    seconds: float = 0.0
    guessed: bool = False
    unknown: bool = False

    def add(self, speed: Speed, kinds: Sequence[str], size: Size, times: int = 1) -> None:
        """Add the first of some kinds that is known."""
        for kind in kinds:
            seconds, exact = speed.at(kind, size)
            if seconds is not None:
                self.seconds += seconds * times
                self.guessed |= not exact
                return
        self.unknown = True


def disk_space(timeline: Timeline, speeds: Sequence[Speed] = ()) -> Disk:
    """Bytes that a render's frames and films take, about."""
    pixels = timeline.width * timeline.height
    measured = next((speed.png for speed in speeds if speed.png is not None), None)
    a_pixel = PNG_BYTES if measured is None else measured
    return Disk(
        takes=round(timeline.frame_count * pixels * a_pixel),
        films=round(len(timeline.edit) * pixels * MP4_BYTES + _gif_pixels(timeline) * GIF_BYTES),
    )


def _gif_pixels(timeline: Timeline) -> float:
    width = min(timeline.gif_width, timeline.width)
    frames = len(timeline.edit) * min(float(timeline.gif_fps / timeline.fps), 1.0)
    return frames * width * width * timeline.height / timeline.width
