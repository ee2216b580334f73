"""Compares the frames on disk with the plan: which hold, which belong to an older scene, which were edited.

A frame holds if and only if its chain digest is the one that the plan, the models and the hashes of its
inputs give now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vqanim.errors import InputError
from vqanim.pictures import picture_size
from vqanim.takes.digest import RunKey, chain_digest
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

Edits: TypeAlias = Literal["refuse", "accept", "repair"]
"""What to do with frames that somebody changed after they were painted, which are never lost and never taken
for ours without a word: stop, paint on from them as they are now, or move them aside and paint them anew."""


@dataclass(frozen=True)
class CacheCheck:
    """What a folder holds of a timeline."""

    kept: frozenset[FrameRef]
    """Frames that are known to hold."""
    stale: tuple[FrameRef, ...]
    """Frames on disk that no longer hold, and those of shots that the scene no longer has."""
    edited: tuple[FrameRef, ...] = ()
    """Those of the kept ones whose pixels somebody changed; what follows is judged by those painted."""


@dataclass
class Chain:
    """Hashes of the frames that exist (pixels, and what is kept beside them), and the digests that follow."""

    key: RunKey
    assets: Mapping[str, str]
    """Content hash of each picture file that a plan names, by path."""
    pixels: dict[FrameRef, str] = field(default_factory=dict)

    def digest(self, plan: FramePlan) -> str | None:
        """The plan's digest, or None while a frame that it is painted from is not known."""
        hashes = [
            self.pixels.get(one.frame) if one.frame else self.assets[one.file or ""] for one in plan.inputs
        ]
        known = [found for found in hashes if found is not None]
        return chain_digest(plan, known, self.key) if len(known) == len(hashes) else None


def check_cache(timeline: Timeline, store: TakeStore, chain: Chain) -> CacheCheck:
    """Look at every planned frame once; `chain` learns the pixels of those that hold.

    After a frame that is missing, the frames behind it are neither kept nor stale: once it is painted
    again they may well hold. After one that is stale they are stale. Spare frames, past the end of a shot
    that has become shorter, stay while the frames before them do: it may become longer again.
    """
    stale: list[FrameRef] = []
    edited: list[FrameRef] = []
    dead: set[FrameRef] = set()
    for shot in timeline.shots:
        for plan in shot.frames:
            here = FrameRef(plan.shot, plan.index)
            record = store.record(plan.shot, plan.index)
            if not dead.isdisjoint(plan.input_frames):
                dead.add(here)
            digest = chain.digest(plan)
            if record is None or (digest is None and here not in dead):
                continue
            if record.digest == digest and here not in dead:
                chain.pixels[here] = record.identity
                if record.edited:
                    edited.append(here)
            else:
                dead.add(here)
                stale.append(here)
        if FrameRef(shot.name, len(shot.frames) - 1) in dead:
            stale += frames_from(len(shot.frames), shot.name, store)
    for shot_name in sorted(set(store.list_shots()) - {shot.name for shot in timeline.shots}):
        stale += frames_from(0, shot_name, store)
    return CacheCheck(frozenset(chain.pixels), tuple(stale), tuple(edited))


def frames_from(index: int, shot: str, store: TakeStore) -> list[FrameRef]:
    """Frames of a shot that are on the disk, from `index` on: each was made from the one before."""
    return [FrameRef(shot, found) for found in store.find_frames(shot) if found >= index]


def settle_edits(edited: Sequence[FrameRef], store: TakeStore, edits: Edits, width: int, height: int) -> None:
    """Do what `edits` says with frames whose pixels were changed. width, height: of the film, in pixels.

    Raises InputError, before anything is changed, where that is to refuse them or where one to be accepted is
    of another size, and OutputError.
    """
    if edited and edits == "refuse":
        first = store.find(edited[0])
        more = f" (and {len(edited) - 1} more)" if len(edited) > 1 else ""
        raise InputError(
            f"{first}{more}: was changed after it was painted; --accept-edits keeps it as it is and paints "
            "on from it, --repair moves it to superseded/ and paints it anew"
        )
    if edited and edits == "repair":
        store.archive(edited)
        return
    for frame in edited:
        found = picture_size(store.find(frame))
        if found != (width, height):
            raise InputError(
                f"{store.find(frame)}: is {found[0]}x{found[1]} pixels now and the film {width}x{height}; "
                "scale it to that size, or let --repair move it to superseded/ and paint it anew"
            )
    for frame in edited:
        store.accept(frame.shot, frame.index)
