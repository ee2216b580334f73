"""The film of the takes that are there: what is missing is left out, and named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    other_plan: int  # frames that are there, but were painted for an older version of the scene


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
    present = {
        shot.name: {plan.index for plan in shot.frames if store.record(shot.name, plan.index)}
        for shot in timeline.shots
    }
    stand_ins = dict(pair for shot in timeline.shots for pair in _stand_ins(shot, present[shot.name]))
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
        lacking = f"no frame of {', '.join(shot.name for shot in timeline.shots)} is there"
        raise InputError(f"{store.folder}: the takes are empty, {lacking}; render it first")
    left_out = len(timeline.edit) - len(edit)
    ends = [*(chapter.first for chapter in chapters[1:]), len(edit)][: len(chapters)]
    cut = replace(
        timeline,
        edit=tuple(edit),
        # Those of which a frame is left.
        chapters=tuple(one for one, end in zip(chapters, ends, strict=True) if one.first < end),
        # With pictures left out, the song would run ahead of the rest.
        sound=None if left_out else timeline.sound,
        keys=() if left_out else tuple(_with(key, stand_ins) for key in timeline.keys),
    )
    silenced = cut.sound is None and timeline.sound is not None
    return CutFound(str(store.folder), cut, left_out, takes, silenced)


def _stand_ins(shot: ShotPlan, present: set[int]) -> Iterator[tuple[FrameRef, FrameRef]]:
    """Frames under a dissolve that are missing, each with the last one before it that is there."""
    own = len(shot.frames) - shot.overhang
    last = own - 1
    for index in range(own, len(shot.frames)):
        if index in present:
            last = index
        elif last in present:
            yield FrameRef(shot.name, index), FrameRef(shot.name, last)


def _with(frame: FilmFrame, stand_ins: Mapping[FrameRef, FrameRef]) -> FilmFrame:
    def shown(look: Look) -> Look:
        return Look(stand_ins[look.frame], look.share) if look.frame in stand_ins else look

    layers = (replace(layer, looks=tuple(map(shown, layer.looks))) for layer in frame.layers)
    return replace(frame, layers=tuple(layers))


def _describe(shot: ShotPlan, present: set[int], stale: Collection[FrameRef]) -> TakeFound:
    own = len(shot.frames) - shot.overhang
    there = sum(index < own for index in present)
    older = sum(FrameRef(shot.name, index) in stale for index in present)
    return TakeFound(shot.name, own, own - there, shot.overhang - (len(present) - there), older)
