"""A film as pages show it: its numbers, and how its frames were painted, over the frames of the film."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqanim.pages.curves import Marks
from vqanim.preview.outline import beats_of, without_styles
from vqanim.scene.model import Scene
from vqanim.takes.records import Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.part import Part, cut_part
from vqanim.timeline.plan import FrameRef, Timeline
from vqanim.timeline.tracks import Track, find_tracks, shown_plans

Floats = NDArray[np.float64]
FrameFigures = Mapping[FrameRef, Metrics]


@dataclass(frozen=True)
class Shown:
    """A film, or the part of one that is made."""

    scene: Scene
    timeline: Timeline
    """With the film frames of the part alone."""
    first: int = 0
    """Number of the first of them in the whole film."""

    @property
    def frames(self) -> int:
        """Of the film."""
        return len(self.timeline.edit)

    @property
    def seconds(self) -> float:
        """Its length."""
        return float(self.frames / self.timeline.fps)

    @property
    def models(self) -> str:
        """What paints and what judges, each name once."""
        names = (self.timeline.generator, *(plan.name for plan in self.timeline.perceptors))
        return " + ".join(dict.fromkeys(names))

    @property
    def about(self) -> str:
        """Its length, speed and size."""
        timeline = self.timeline
        fps, size = float(timeline.fps), f"{timeline.width}x{timeline.height}"
        return f"{self.frames} frames, {self.seconds:.6g} s at {fps:.6g} fps, {size}"

    @cached_property
    def _all(self) -> tuple[Track, ...]:
        return find_tracks(self.timeline)

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        """Its curves: those that move, and the weights of prompts."""
        tracks = without_styles(self._all, self.scene)
        return tuple(track for track in tracks if track.group == "prompts" or not track.is_constant)

    @cached_property
    def plain_names(self) -> Mapping[str, str]:
        """Prompts as the scene writes them, by the text that is painted with, which has the style."""
        pairs = zip(self._all, without_styles(self._all, self.scene), strict=True)
        return {track.name: plain.name for track, plain in pairs if track.group == "prompts"}

    @cached_property
    def seen(self) -> tuple[FrameRef, ...]:
        """For every film frame the saved frame that is seen most."""
        return tuple(FrameRef(plan.shot, plan.index) for plan in shown_plans(self.timeline))

    @cached_property
    def places(self) -> Mapping[FrameRef, list[int]]:
        """The film frames in which a saved frame is seen most, by frame."""
        places: dict[FrameRef, list[int]] = {}
        for place, frame in enumerate(self.seen):
            places.setdefault(frame, []).append(place)
        return places

    @cached_property
    def marks(self) -> Marks:
        """Its shots and beats."""
        fps, since = self.timeline.fps, float(self.first / self.timeline.fps)
        shots = tuple((float(chapter.first / fps), chapter.name) for chapter in self.timeline.chapters)
        beats = (beat - since for beat in beats_of(self.scene, since + self.seconds))
        return Marks(self.seconds, shots, tuple(beat for beat in beats if beat >= 0))


def show(scene: Scene, timeline: Timeline, part: Part | None = None) -> Shown:
    """The film of a timeline, or a part of it."""
    if part is None:
        return Shown(scene, timeline)
    return Shown(scene, cut_part(timeline, part), part.first)


def read_figures(timeline: Timeline, store: TakeStore) -> dict[FrameRef, Metrics]:
    """What is recorded about the frames of a timeline; nothing is hashed or written."""
    found: dict[FrameRef, Metrics] = {}
    for shot in timeline.shots:
        known = store.metrics(shot.name)
        found |= {FrameRef(shot.name, i): known[i] for i in range(len(shot.frames)) if i in known}
    return found


class FigureRows:
    """Similarities, losses and seconds over the film, which may grow while frames are painted.

    A film frame has the figures of the saved frame that is seen most in it.
    """

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._rows: dict[tuple[str, str], Floats] = {}

    def add(self, frame: FrameRef, figures: Metrics) -> None:
        """Take note of a frame."""
        places = self._shown.places.get(frame)
        if places is None:
            return
        pairs = [("similarity", text, value) for text, value in figures.similarities]
        pairs += [("losses", kind.replace("_", " "), value) for kind, value in figures.losses]
        if figures.seconds is not None:
            pairs.append(("pace", "seconds a frame", figures.seconds))
        for group, name, value in pairs:
            if (group, name) not in self._rows:
                self._rows[group, name] = np.full(self._shown.frames, math.nan)
            self._rows[group, name][places] = value

    def tracks(self) -> tuple[Track, ...]:
        """All of it; prompts are called as the scene writes them."""
        plain = self._shown.plain_names
        return tuple(
            Track(plain.get(name, name) if group == "similarity" else name, group, unit, values)
            for group, unit in _UNITS.items()
            for (of, name), values in self._rows.items()
            if of == group
        )


_UNITS = {"similarity": "cosine", "losses": "", "pace": "seconds"}
"""By group, in the order in which they are shown."""


def figure_tracks(shown: Shown, figures: FrameFigures) -> tuple[Track, ...]:
    """The tracks of figures that are known all at once."""
    rows = FigureRows(shown)
    for frame, known in figures.items():
        rows.add(frame, known)
    return rows.tracks()
