"""A part of a film, and the saved frames that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vqanim.errors import UsageError
from vqanim.scene.times import MARKER, MUSICAL, SongTimes, Time, TimeBase, exact, nearest_frame, parse_time
from vqanim.scene.tree import quoted
from vqanim.timeline.plan import Chapter, FrameRef, Timeline


@dataclass(frozen=True)
class Part:
    """Film frames from `first` on, up to and without `end`."""

    first: int
    end: int
    name: str = field(default="part", compare=False)
    """What its files are called by: `part`, or `shot-NAME` where it is a shot."""


def part_of(
    timeline: Timeline, frames: str | None = None, shot: str | None = None, song: SongTimes | None = None
) -> Part | None:
    """The part that somebody asks for, or None for the whole film. frames: `A:B` with times of the film, each
    on the nearest frame; either may be missing. shot: the name of one; not both. song: what bars, beats and
    markers mean. Raises UsageError."""
    if frames is not None and shot is not None:
        raise UsageError("found --frames and --shot, allowed is one of them")
    if shot is not None:
        parts = chapter_parts(timeline)
        if shot not in parts:
            raise UsageError(f"--shot {shot}: there is no such shot, allowed are {', '.join(parts)}")
        return replace(parts[shot], name=f"shot-{shot}")
    if frames is None:
        return None
    base = TimeBase(float(len(timeline.edit) / timeline.fps), timeline.fps)
    begin, finish = _split(frames, song)
    first = 0 if begin is None else nearest_frame(begin.seconds(base), base.fps)
    end = len(timeline.edit) if finish is None else nearest_frame(finish.seconds(base), base.fps)
    if not 0 <= first < end <= len(timeline.edit):
        raise UsageError(
            f"--frames {frames}: these are the film's frames {first} to {end}, "
            f"allowed 0 to {len(timeline.edit)} (0s to {base.duration:.6g}s), the first before the last"
        )
    return Part(first, end)


def _split(frames: str, song: SongTimes | None) -> tuple[Time | None, Time | None]:
    """Both times. A colon may also stand within one, as in 1:02."""
    found, reasons = [], []
    for place in (index for index, letter in enumerate(frames) if letter == ":"):
        try:
            found.append((_time(frames[:place], song), _time(frames[place + 1 :], song)))
        except ValueError as error:
            reasons.append(str(error))
    found = [times for times in found if times != (None, None)]
    if len(found) != 1:
        none = reasons[0] if len(reasons) == 1 else "is no part of a film"
        many = "can be read in several ways" if found else none
        forms = "3s:6s, 36f:72f, 50%: or :2s"
        more = "" if song is None else ", with its song bar 9:bar 17 or drop:drop+4bars"
        raise UsageError(f"--frames {frames}: {many}, allowed is A:B such as {forms}{more}")
    return found[0]


def _time(text: str, song: SongTimes | None) -> Time | None:
    """A time of the film; None for nothing. Raises ValueError with a reason for people."""
    written = text.strip()
    if not written:
        return None
    if song is not None and song.has_form(written):
        second = song.moment(written)
        second = song.length(written, 0.0) if second is None else second
        assert second is not None
        return exact(second, written)
    try:
        return parse_time(written)
    except ValueError as error:
        if song is not None and str(error).endswith(MUSICAL) and MARKER.fullmatch(written):
            raise ValueError(song.hint(written)) from None
        if str(error).startswith(MUSICAL):
            raise
        # Without the forms of times, which are told anyway.
        raise ValueError(f"is no part of a film, {quoted(written)} is no time") from None


def chapter_parts(timeline: Timeline) -> dict[str, Part]:
    """Where the film shows each shot, by name."""
    chapters = timeline.chapters
    ends = [*(chapter.first for chapter in chapters[1:]), len(timeline.edit)]
    return {chapter.name: Part(chapter.first, end) for chapter, end in zip(chapters, ends, strict=True)}


def cut_part(timeline: Timeline, part: Part) -> Timeline:
    """The timeline with only a part of its film; what is painted stays planned as it was."""
    parts = [(name, own) for name, own in chapter_parts(timeline).items() if own.first < part.end]
    chapters = [Chapter(name, max(0, own.first - part.first)) for name, own in parts if own.end > part.first]
    sound = timeline.sound
    if sound is not None:
        sound = replace(sound, start=sound.start + float(part.first / timeline.fps))
    # Frames between are found from all keys; a part is blended along the camera instead.
    edit = timeline.edit[part.first : part.end]
    return replace(timeline, edit=edit, chapters=tuple(chapters), keys=(), sound=sound)


def needed_frames(timeline: Timeline) -> frozenset[FrameRef]:
    """The saved frames that the film shows, and all that they are painted from."""
    plans = {FrameRef(plan.shot, plan.index): plan for shot in timeline.shots for plan in shot.frames}
    needed: set[FrameRef] = set()
    following = {saved for frame in timeline.edit for saved in frame.frames}
    while following:
        needed |= following
        following = {saved for frame in following for saved in plans[frame].input_frames} - needed
    return frozenset(needed)
