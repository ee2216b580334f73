"""A render as it lies in its folder, finished or not: what pages that look back need. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vqanim.files import Picture
from vqanim.film.compose import make_reel
from vqanim.pages import measures
from vqanim.pages.curves import Floats
from vqanim.pages.shown import FrameFigures, Shown, figure_tracks, read_figures
from vqanim.preview.outline import ModelLine
from vqanim.takes.run import read_run
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef
from vqanim.timeline.tracks import Track


@dataclass(frozen=True)
class Measured:
    """What frames say about themselves, each in the middle of an equal part of the film."""

    at: tuple[int, ...]
    """Film frames."""
    sharpness: Floats
    """nan where a frame is not painted yet."""
    colors: tuple[str, ...]
    """`#rrggbb`; empty where a frame is not painted yet."""


@dataclass(frozen=True)
class Rendered:
    """A render."""

    folder: Path
    stem: str
    """Name of its films."""
    shown: Shown
    models: tuple[ModelLine, ...]

    @cached_property
    def store(self) -> TakeStore:
        """Its frames."""
        return TakeStore(self.folder)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What run.json holds; nothing where it cannot be read."""
        return read_run(self.folder) or {}

    @cached_property
    def figures(self) -> FrameFigures:
        """How its frames were painted, as far as that is known and they are there."""
        found = read_figures(self.shown.timeline, self.store)
        return {frame: figures for frame, figures in found.items() if frame in self.saved}

    @cached_property
    def saved(self) -> frozenset[FrameRef]:
        """The saved frames that are there."""
        shots = self.shown.timeline.shots
        return frozenset(FrameRef(shot.name, i) for shot in shots for i in self.store.find_frames(shot.name))

    @cached_property
    def there(self) -> frozenset[int]:
        """The film frames that can be shown."""
        edit = self.shown.timeline.edit
        return frozenset(place for place, frame in enumerate(edit) if self.saved.issuperset(frame.frames))

    @property
    def film(self) -> Path:
        """Its MP4, whether it is there or not."""
        return self.folder / f"{self.stem}.mp4"

    @cached_property
    def figure_tracks(self) -> tuple[Track, ...]:
        """Similarities, losses and seconds over the film."""
        return figure_tracks(self.shown, self.figures)

    def pictures(self, places: Iterable[int]) -> Iterator[Picture]:
        """Film frames, whose numbers ascend and which are there, uint8 [H, W, 3]. Where ffmpeg finds those
        between others for the film, these are blends. Raises OutputError when a saved frame is broken."""
        return make_reel(replace(self.shown.timeline, keys=()), self.store.find).play(places)

    @cached_property
    def measured(self) -> Measured:
        """How sharp and of what color the film is."""
        timeline = self.shown.timeline
        at = measures.moments(self.shown.frames, timeline.width, timeline.height)
        known = {}
        places = [place for place in at if place in self.there]
        for place, picture in zip(places, self.pictures(places), strict=True):
            known[place] = (measures.sharpness(picture), measures.mean_color(picture))
        sharp = [known[place][0] if place in known else None for place in at]
        colors = [known[place][1] if place in known else "" for place in at]
        return Measured(tuple(at), measures.spread(sharp), tuple(colors))

    @property
    def seconds_a_frame(self) -> list[float]:
        """Of the frames whose time is known."""
        return [one.seconds for one in self.figures.values() if one.seconds is not None]
