"""A film to paint, as plain data. No torch."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vqanim.engine.cache_check import Edits
from vqanim.takes.digest import RunKey
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef, ShotPlan, Timeline

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Job:
    """A film to paint, and how, as plain data that can travel to another process."""

    timeline: Timeline
    store: TakeStore
    key: RunKey
    """Hashes of the models, as the catalogue gives them: frames are compared before models are loaded."""
    assets: Mapping[str, str]
    """Content hash of each picture file that a plan names, by path."""
    device: str = "auto"
    """One or several, separated by commas."""
    deterministic: bool = False
    """Whether only operations are allowed that give the same bits each time."""
    only: frozenset[FrameRef] | None = None
    """Frames that are painted; all when None. What they are painted from is among them."""
    edits: Edits = "refuse"
    """What to do with frames that somebody changed."""
    precision: Precision = "auto"
    """Of the networks' weights."""
    workers: int = 1
    """Processes that paint shots at the same time; at least one for each device."""
    threads: int | None = None
    """Of each process on a CPU; None: those that the frames before were painted with, else torch's own."""
    makes_films: bool = False
    """Whether films are made of the frames: then ffmpeg is tried before the first is painted."""
    threads_before: int | None = None
    """Those that the last run in the folder had."""

    def requests(self, frame: FrameRef) -> bool:
        """Whether a frame is to be painted."""
        return self.only is None or frame in self.only

    def count(self, shot: ShotPlan, among: Container[FrameRef] | None = None) -> int:
        """How many frames of a shot are to be painted, or are among some frames."""
        refs = (FrameRef(plan.shot, plan.index) for plan in shot.frames)
        return sum(self.requests(ref) and (among is None or ref in among) for ref in refs)
