"""A part of a film, and the saved frames that it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from vqanim.errors import UsageError
from vqanim.scene.times import Time, TimeBase, parse_time
from vqanim.timeline.plan import Chapter, FrameRef, Timeline


@dataclass(frozen=True)
class Part:
    """Film frames from `first` on, up to and without `end`."""

    first: int
    end: int


def part_of(timeline: Timeline, frames: str | None = None, shot: str | None = None) -> Part | None:
    """The part that somebody asks for, or None for the whole film.

    frames: `A:B` with times of the film; either may be missing. shot: the name of one; not both.
    Raises UsageError.
    """
    if frames is not None and shot is not None:
        raise UsageError("found --frames and --shot, allowed is one of them")
    if shot is not None:
        return _shot_part(timeline, shot)
    if frames is None:
        return None
    base = TimeBase(float(len(timeline.edit) / timeline.fps), timeline.fps)
    begin, finish = _split(frames)
    first = 0 if begin is None else _frame(begin, base)
    end = len(timeline.edit) if finish is None else _frame(finish, base)
    if not 0 <= first < end <= len(timeline.edit):
        raise UsageError(
            f"--frames {frames}: these are the film's frames {first} to {end}, "
            f"allowed 0 to {len(timeline.edit)} (0s to {base.duration:.6g}s), the first before the last"
        )
    return Part(first, end)


def _split(frames: str) -> tuple[Time | None, Time | None]:
    """Both times. A colon may also stand within one, as in 1:02."""
    found = []
    for place in (index for index, letter in enumerate(frames) if letter == ":"):
        try:
            found.append((_time(frames[:place]), _time(frames[place + 1 :])))
        except ValueError:
            continue
    found = [times for times in found if times != (None, None)]
    if len(found) != 1:
        many = "can be read in several ways" if found else "is no part of a film"
        raise UsageError(f"--frames {frames}: {many}, allowed is A:B such as 3s:6s, 36f:72f, 50%: or :2s")
    return found[0]


def _time(text: str) -> Time | None:
    return parse_time(text) if text.strip() else None


def _frame(time: Time, base: TimeBase) -> int:
    """The first film frame that is not before a time."""
    return math.ceil(round(time.seconds(base) * float(base.fps), 6))


def _shot_part(timeline: Timeline, shot: str) -> Part:
    ends = [*(chapter.first for chapter in timeline.chapters[1:]), len(timeline.edit)]
    for chapter, end in zip(timeline.chapters, ends, strict=True):
        if chapter.name == shot:
            return Part(chapter.first, end)
    names = ", ".join(chapter.name for chapter in timeline.chapters)
    raise UsageError(f"--shot {shot}: there is no such shot, allowed are {names}")


def cut_part(timeline: Timeline, part: Part) -> Timeline:
    """The timeline with only a part of its film; what is painted stays planned as it was."""
    chapters = [
        Chapter(chapter.name, max(0, chapter.first - part.first))
        for chapter, end in zip(
            timeline.chapters,
            [*(chapter.first for chapter in timeline.chapters[1:]), len(timeline.edit)],
            strict=True,
        )
        if chapter.first < part.end and end > part.first
    ]
    sound = timeline.sound
    if sound is not None:
        sound = replace(sound, start=sound.start + float(part.first / timeline.fps))
    # Frames between are found from all keys; a part is blended along the camera instead.
    return replace(
        timeline, edit=timeline.edit[part.first : part.end], chapters=tuple(chapters), keys=(), sound=sound
    )


def needed_frames(timeline: Timeline) -> frozenset[FrameRef]:
    """The saved frames that the film shows, and all that they are painted from."""
    plans = {FrameRef(plan.shot, plan.index): plan for shot in timeline.shots for plan in shot.frames}
    needed: set[FrameRef] = set()
    wanted = [saved for frame in timeline.edit for saved in frame.frames]
    while wanted:
        frame = wanted.pop()
        if frame in needed:
            continue
        needed.add(frame)
        plan = plans[frame]
        wanted += [other for other in (plan.previous, plan.anchor, *plan.saved) if other is not None]
    return frozenset(needed)
