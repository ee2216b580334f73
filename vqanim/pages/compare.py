"""Two renders next to each other: what was asked for, how it came out, and what they show at equal times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vqanim.errors import InputError
from vqanim.files import Picture
from vqanim.pages import measures
from vqanim.pages.curves import Floats, Lane, Marks
from vqanim.pages.rendered import Rendered
from vqanim.pages.settings import Difference, differences, settings_of
from vqanim.timeline.tracks import Track

MOST_MOMENTS = 240
"""Times at which both are shown."""
MOST_COLUMNS = 1000
"""Parts of the longer film over which curves are compared."""

Row = tuple[str, str, str]
"""A name, and what it is in both."""


@dataclass(frozen=True)
class Comparison:
    """Two renders and what is known of both. Their frames are read when they are asked for."""

    one: Rendered
    other: Rendered
    names: tuple[str, str]
    """What they are called: folders or scenes."""

    @property
    def both(self) -> tuple[Rendered, Rendered]:
        """The two."""
        return self.one, self.other

    @cached_property
    def seconds(self) -> float:
        """Of the longer film."""
        return max(rendered.shown.seconds for rendered in self.both)

    @property
    def columns(self) -> int:
        """Parts over which curves are compared: frames of the faster one, or as many as allowed."""
        return len(self.times(MOST_COLUMNS))

    @cached_property
    def settings(self) -> tuple[Difference, ...]:
        """What differs of what was asked for."""
        one, other = (settings_of(rendered.folder, rendered.settings) for rendered in self.both)
        return differences(one, other)

    def times(self, most: int = MOST_MOMENTS) -> list[float]:
        """Moments of both films, seconds: one for each frame of the faster one, or as many as allowed."""
        fastest = max(float(rendered.shown.timeline.fps) for rendered in self.both)
        count = max(1, min(most, math.ceil(self.seconds * fastest - 1e-6)))
        return [(number + 0.5) * self.seconds / count for number in range(count)]

    @cached_property
    def distances(self) -> Floats:
        """Mean absolute difference of the frames at equal times, 0..255; nan where one has none."""
        one, other = self.both
        times = [(place_at(one, time), place_at(other, time)) for time in self.times()]
        common = [(a, b) for a, b in times if a is not None and b is not None]
        pairs = zip(
            pictures_at(one, [a for a, _ in common]), pictures_at(other, [b for _, b in common]), strict=True
        )
        known = iter([measures.difference(*pair) for pair in pairs])
        return measures.spread([next(known) if None not in pair else None for pair in times])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What makes them hard to compare, a line each."""
        lines = []
        lengths = [rendered.shown.seconds for rendered in self.both]
        if lengths[0] != lengths[1]:
            lines.append(f"they are not equally long: A {lengths[0]:.6g} s, B {lengths[1]:.6g} s")
        sizes = [_size(rendered) for rendered in self.both]
        if sizes[0] != sizes[1]:
            lines.append(f"they are not equally large: A {sizes[0]}, B {sizes[1]} pixels")
        for letter, rendered in zip("AB", self.both, strict=True):
            frames, there = rendered.shown.frames, len(rendered.there)
            if there < frames:
                lines.append(f"{there} of {frames} frames of {letter} are painted so far")
        if self.one.folder.resolve() == self.other.folder.resolve():
            lines.append("A and B are the same render")
        return tuple(lines)

    @cached_property
    def figures(self) -> tuple[Row, ...]:
        """Numbers of both; empty where one has none."""
        return tuple(row for row in self._figures() if row[1] or row[2])

    def _figures(self) -> Iterator[Row]:
        one, other = self.both
        yield "frames", str(one.shown.frames), str(other.shown.frames)
        yield "seconds", f"{one.shown.seconds:.6g}", f"{other.shown.seconds:.6g}"
        yield "size", _size(one), _size(other)
        yield "models", one.shown.models, other.shown.models
        for name, (a, b) in self._means().items():
            yield name, _number(a), _number(b)
        sharp = [measures.mean(rendered.measured.sharpness.tolist()) for rendered in self.both]
        yield "sharpness", _number(sharp[0]), _number(sharp[1])
        pace = [measures.mean(rendered.seconds_a_frame) for rendered in self.both]
        yield "seconds a frame", _number(pace[0]), _number(pace[1])

    def _means(self) -> Mapping[str, list[float | None]]:
        """The mean similarity to each prompt, and the mean loss of each kind."""
        words = {"similarity": "similarity to", "losses": "loss:"}
        found: dict[str, list[float | None]] = {}
        for number, rendered in enumerate(self.both):
            for track in rendered.figure_tracks:
                if track.group in words:
                    pair = found.setdefault(f"{words[track.group]} {track.name}", [None, None])
                    pair[number] = measures.mean(track.values.tolist())
        return dict(sorted(found.items(), key=lambda item: item[0].startswith("loss:")))

    @property
    def distance(self) -> float | None:
        """The mean of `distances`."""
        return measures.mean(self.distances.tolist())

    @cached_property
    def marks(self) -> Marks:
        """The shots of the first, over the time of the longer one."""
        marks = self.one.shown.marks
        return Marks(self.seconds, marks.shots, marks.beats)

    @cached_property
    def lanes(self) -> tuple[tuple[Lane, ...], tuple[str, ...]]:
        """The curves that differ, both on one scale, and the names of those that do not."""
        tracks = [[*rendered.shown.tracks, *rendered.figure_tracks] for rendered in self.both]
        for rendered, known in zip(self.both, tracks, strict=True):
            if not np.isnan(rendered.measured.sharpness).all():
                known.append(Track("sharpness", "picture", "", rendered.measured.sharpness))
        lanes, same = [], []
        for group, name, unit in _names(tracks):
            one, other = (self._curve(group, name, number, tracks[number]) for number in range(2))
            if np.array_equal(one, other, equal_nan=True):
                same.append(name)
            else:
                lanes.append(Lane(name, group, unit, (one, other)))
        if not np.isnan(self.distances).all():
            lanes.append(Lane("difference of frames", "picture", "", (self.distances,)))
        order = ("prompts", "similarity", "losses", "picture")
        lanes.sort(key=lambda lane: order.index(lane.group) if lane.group in order else len(order))
        return tuple(lanes), tuple(dict.fromkeys(same))

    def _curve(self, group: str, name: str, number: int, tracks: list[Track]) -> Floats:
        """A track over the time of the longer film; nan where there is none."""
        found = [track.values for track in tracks if (track.group, track.name) == (group, name)]
        if not found:
            return np.full(self.columns, np.nan)
        return stretched(found[0], self.both[number].shown.seconds / self.seconds, self.columns)


def compare_renders(one: Rendered, other: Rendered, names: tuple[str, str]) -> Comparison:
    """Two renders, of which both have frames. Raises InputError."""
    for rendered in (one, other):
        if not rendered.there:
            raise InputError(f"{rendered.folder}: no frame of its film is painted yet; render it first")
    return Comparison(one, other, names)


def place_at(rendered: Rendered, time: float) -> int | None:
    """The film frame that a render shows at a time; None where it is over or not painted."""
    place = math.floor(time * float(rendered.shown.timeline.fps) + 1e-9)
    return place if place in rendered.there else None


def pictures_at(rendered: Rendered, places: list[int]) -> Iterator[Picture]:
    """Film frames whose numbers rise, some of them more than once."""
    pictures = rendered.pictures(dict.fromkeys(places))
    last, picture = None, None
    for place in places:
        if place != last:
            last, picture = place, next(pictures)
        assert picture is not None
        yield picture


def stretched(values: Floats, share: float, columns: int) -> Floats:
    """Values [F] over a share of the longest film as [columns] over all of it; nan after their end."""
    parts = (np.arange(columns) + 0.5) / columns / share
    found = np.full(columns, np.nan)
    inside = parts < 1
    found[inside] = values[(parts[inside] * len(values)).astype(int)]
    return found


def _names(tracks: list[list[Track]]) -> dict[tuple[str, str, str], None]:
    """Group, name and unit of all tracks, each once."""
    both = (track for known in tracks for track in known)
    return dict.fromkeys((track.group, track.name, track.unit) for track in both)


def _size(rendered: Rendered) -> str:
    return f"{rendered.shown.timeline.width}x{rendered.shown.timeline.height}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
