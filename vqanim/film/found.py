"""The film of the takes that are there: what is missing is left out, and named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from vqanim.errors import InputError
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import Chapter, FilmFrame, FrameRef, Look, ShotPlan, Timeline


@dataclass(frozen=True)
class TakeFound:
    """How much of a take is there."""

    shot: str
    frames: int  # planned, without those under the dissolve that follows
    missing: int  # of these
    missing_under_dissolve: int
    """Frames past the shot's end that are not there; the last picture is held instead."""
    other_plan: int
    """Frames that are there, but were painted for an older version of the scene."""


@dataclass(frozen=True)
class CutFound:
    """Sent once, before films are made from takes."""

    folder: str
    timeline: Timeline  # with the film frames that can be shown
    left_out: int  # film frames that cannot
    takes: tuple[TakeFound, ...]
    silenced: bool = False
    """True when the film has a song that is left out, because pictures are missing."""


def cut_to_found(timeline: Timeline, store: TakeStore, stale: Collection[FrameRef] = ()) -> CutFound:
    """The timeline with those film frames alone whose saved frames are all there.

    stale: saved frames that were painted for an older version of the scene; they are shown all the same.
    Raises InputError when there is no frame to show.
    """
    present = {shot.name: _present(shot, store) for shot in timeline.shots}
    stand_ins: dict[FrameRef, FrameRef] = {}
    for shot in timeline.shots:
        stand_ins |= _stand_ins(shot, present[shot.name])
    edit: list[FilmFrame] = []
    chapters: list[Chapter] = []
    starts = {chapter.first: chapter for chapter in timeline.chapters}
    for index, frame in enumerate(timeline.edit):
        if index in starts:
            chapters.append(Chapter(starts[index].name, len(edit)))
        shown = _with(frame, stand_ins)
        if all(saved.index in present[saved.shot] for saved in shown.frames):
            edit.append(shown)
    takes = tuple(_describe(shot, present[shot.name], stale) for shot in timeline.shots)
    if not edit:
        shots = ", ".join(shot.name for shot in timeline.shots)
        raise InputError(
            f"{store.folder}: the takes are empty, no frame of {shots} is there; render it first"
        )
    left_out = len(timeline.edit) - len(edit)
    cut = replace(
        timeline,
        edit=tuple(edit),
        chapters=_without_empty(chapters, len(edit)),
        # With pictures left out, the song would run ahead of the rest.
        sound=None if left_out else timeline.sound,
        keys=() if left_out else tuple(_with(key, stand_ins) for key in timeline.keys),
    )
    silenced = cut.sound is None and timeline.sound is not None
    return CutFound(str(store.folder), cut, left_out, takes, silenced)


def _present(shot: ShotPlan, store: TakeStore) -> set[int]:
    """Numbers of the whole frames of a take."""
    on_disk = set(store.find_frames(shot.name))
    return {
        plan.index
        for plan in shot.frames
        if plan.index in on_disk and store.record(shot.name, plan.index) is not None
    }


def _stand_ins(shot: ShotPlan, present: set[int]) -> dict[FrameRef, FrameRef]:
    """For frames under a dissolve that are missing, the last one before them that is there."""
    own = len(shot.frames) - shot.overhang
    found: dict[FrameRef, FrameRef] = {}
    last = own - 1
    for index in range(own, len(shot.frames)):
        if index in present:
            last = index
        elif last in present:
            found[FrameRef(shot.name, index)] = FrameRef(shot.name, last)
    return found


def _with(frame: FilmFrame, stand_ins: Mapping[FrameRef, FrameRef]) -> FilmFrame:
    if not any(saved in stand_ins for saved in frame.frames):
        return frame

    def shown(look: Look) -> Look:
        return Look(stand_ins[look.frame], look.share) if look.frame in stand_ins else look

    layers = (replace(layer, looks=tuple(map(shown, layer.looks))) for layer in frame.layers)
    return replace(frame, layers=tuple(layers))


def _describe(shot: ShotPlan, present: set[int], stale: Collection[FrameRef]) -> TakeFound:
    own = len(shot.frames) - shot.overhang
    there = sum(index < own for index in present)
    older = sum(FrameRef(shot.name, index) in stale for index in present)
    return TakeFound(shot.name, own, own - there, shot.overhang - (len(present) - there), older)


def _without_empty(chapters: list[Chapter], count: int) -> tuple[Chapter, ...]:
    """Chapters of which a frame is left."""
    ends = [*(chapter.first for chapter in chapters[1:]), count]
    return tuple(chapter for chapter, end in zip(chapters, ends, strict=True) if chapter.first < end)
