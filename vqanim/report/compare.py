"""compare.html: two renders side by side, in one file that needs no other: the settings that differ, how both
came out, and what they show at equal times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from vqanim.errors import InputError, SceneError
from vqanim.files import read_text
from vqanim.pictures import Picture
from vqanim.plots.curves import Floats, svg_rows
from vqanim.report.film import Render, difference
from vqanim.report.page import jpeg, render_page
from vqanim.scene.tree import MAX_BYTES, Node, Scalar, parse_tree
from vqanim.scene.tree import Mapping as MappingNode
from vqanim.scene.tree import Sequence as ListNode
from vqanim.timeline.tracks import Track

MOST_TIMES, LEAST_TIMES = 240, 24  # times at which both are shown
MOST_COLUMNS = 1000  # parts of the longer film over which curves are compared
WIDTH = 400  # pixels of a frame in the page
CHARACTERS = 5_500_000  # of all frames of a page together; of films that need more fewer frames are shown
MOST_ROWS = 300  # settings that are listed in the page
RUN_SETTINGS = tuple("quality vqanim engine torch machine device threads weights deterministic".split())
"""Of run.json, what the scene does not say."""
LONGEST = 160  # characters of a setting that are shown
_TIME = re.compile(r"[-\d]|bar |beat ")  # how a key of a curve begins
_LINEAR = re.compile(r"\[([^],]+), linear\]")  # a value with the easing that goes without saying

Row = tuple[str, str, str]  # a name, and what it is in A and B; empty where one does not have it


class Comparison:
    """Two renders, A and B, and what is known of both. Their frames are read when they are asked for."""

    def __init__(self, one: Render, other: Render, names: tuple[str, str]) -> None:
        """names: what they are called, folders or scenes. Raises InputError where one has no frames."""
        for render in (one, other):
            if not render.available:
                raise InputError(f"{render.folder}: no frame of its film is painted yet; render it first")
        self.renders, self.names = (one, other), names
        self.sides = list(zip("AB", names, self.renders, strict=True))
        self.seconds = max(one.film.seconds, other.film.seconds)  # of the longer film
        self.settings = differences(*(settings_of(each.folder, each.settings) for each in self.renders))
        """By their path in the scene, as in `camera.zoom`."""
        self.marks = replace(one.film.marks, seconds=self.seconds)  # the shots of A
        self.notes = tuple(self._notes())

    def times(self, most: int = MOST_TIMES) -> list[float]:
        """Times of both films, seconds: one for each frame of the faster one, or as many as allowed."""
        fastest = max(float(render.film.timeline.fps) for render in self.renders)
        count = max(1, min(most, math.ceil(self.seconds * fastest - 1e-6)))
        return [(number + 0.5) * self.seconds / count for number in range(count)]

    @cached_property
    def distances(self) -> Floats:
        """Mean absolute difference of the frames at equal times, 0..255; nan where one has none."""
        one, other = self.renders
        pairs = [(frame_at(one, time), frame_at(other, time)) for time in self.times()]
        common = [(a, b) for a, b in pairs if a is not None and b is not None]
        columns = ([a for a, _ in common], [b for _, b in common])
        pictures = zip(*map(_pictures, self.renders, columns), strict=True)
        return np.array([difference(*next(pictures)) if None not in pair else math.nan for pair in pairs])

    @property
    def distance(self) -> float | None:
        """The mean of `distances`; None where there is none."""
        known = self.distances[~np.isnan(self.distances)]
        return float(known.mean()) if known.size else None

    def _notes(self) -> Iterator[str]:
        """What makes them hard to compare, a line each."""
        one, other = (render.film for render in self.renders)
        if one.seconds != other.seconds:
            yield f"they are not equally long: A {one.seconds:.6g} s, B {other.seconds:.6g} s"
        if one.size != other.size:
            yield f"they are not equally large: A {one.size}, B {other.size} pixels"
        for letter, _, render in self.sides:
            if render.missing:
                yield f"{render.missing} of {letter} are painted so far"
        if self.renders[0].folder.resolve() == self.renders[1].folder.resolve():
            yield "A and B are the same render"

    @cached_property
    def figures(self) -> tuple[Row, ...]:
        """Numbers of both."""
        one, other = map(_figures, self.renders)
        return tuple((name, one.get(name, ""), other.get(name, "")) for name in {**one, **other})

    @cached_property
    def plots(self) -> tuple[tuple[Track, ...], tuple[str, ...]]:
        """The curves that differ, both on one scale as values [2, F], and the names of those that do not."""
        tracks = [_tracks(render) for render in self.renders]
        columns = len(self.times(MOST_COLUMNS))
        plots, same = [], []
        shares = [render.film.seconds / self.seconds for render in self.renders]
        for group, name, unit in {**tracks[0], **tracks[1]}:
            pairs = zip(tracks, shares, strict=True)
            both = [_stretched(known.get((group, name, unit)), share, columns) for known, share in pairs]
            if np.array_equal(both[0], both[1], equal_nan=True):
                same.append(name)
            else:
                plots.append(Track(name, group, unit, np.stack(both)))
        if not np.isnan(self.distances).all():
            plots.append(Track("difference of frames", "picture", "", self.distances))
        order = ("prompts", "similarity", "losses", "picture")
        plots.sort(key=lambda plot: order.index(plot.group) if plot.group in order else len(order))
        return tuple(plots), tuple(dict.fromkeys(same))


def comparison_page(found: Comparison) -> str:
    """The page. Raises OutputError when a saved frame is broken."""
    plots, same = found.plots
    return render_page(
        "compare.html",
        title=" and ".join(found.names),
        about=_about(found),
        found=found,
        rows=svg_rows(plots),
        same=same,
        settings=found.settings[:MOST_ROWS],
        film=_frames(found),
    )


def _about(found: Comparison) -> str:
    count = len(found.settings)
    settings = f"{count} settings differ" if count > 1 else f"{count or 'no'} setting differs"
    if found.distance is None:
        return f"{settings}; there is no moment at which both are painted"
    same = "; at equal times they are the same" if found.distance == 0 else ""
    return f"{settings}; frames at equal times differ by {found.distance:.3g} of 255 in the mean{same}"


def _frames(found: Comparison) -> dict[str, Any]:
    """The pictures of both, each once, and their numbers by time; null where there is none."""
    size = 0  # of a frame of each, from the middle
    for render in found.renders:
        available = sorted(render.available)
        size += sum(len(jpeg(one, WIDTH)) for one in render.pictures([available[len(available) // 2]]))
    times = found.times(max(LEAST_TIMES, min(MOST_TIMES, CHARACTERS // size)))
    sides = []
    for render in found.renders:
        frames = [frame_at(render, time) for time in times]
        known = dict.fromkeys(frame for frame in frames if frame is not None)
        numbers = {frame: number for number, frame in enumerate(known)}
        pictures = [jpeg(picture, WIDTH) for picture in render.pictures(numbers)]
        at = [None if frame is None else numbers[frame] for frame in frames]
        sides.append({"pictures": pictures, "at": at, "seconds": render.film.seconds})
    return {"seconds": found.seconds, "times": [round(time, 4) for time in times], "sides": sides}


def frame_at(render: Render, time: float) -> int | None:
    """The film frame that a render shows at a time; None where it is over or not painted."""
    frame = math.floor(time * float(render.film.timeline.fps) + 1e-9)
    return frame if frame in render.available else None


def _pictures(render: Render, frames: Sequence[int]) -> Iterator[Picture]:
    """Film frames whose numbers rise, some of them more than once."""
    for picture, (_, times) in zip(render.pictures(dict.fromkeys(frames)), groupby(frames), strict=True):
        yield from (picture for _ in times)


def _tracks(render: Render) -> dict[tuple[str, str, str], Floats]:
    tracks = [*render.film.tracks, *render.painting_tracks]
    if any(render.look.colors):
        tracks.append(Track("sharpness", "picture", "", render.look.sharpness))
    return {(track.group, track.name, track.unit): track.values for track in tracks}


def _stretched(values: Floats | None, share: float, columns: int) -> Floats:
    """Values [F] over a share of the longest film as [columns] over all of it; nan after their end."""
    found = np.full(columns, np.nan)
    if values is not None:
        parts = (np.arange(columns) + 0.5) / columns / share
        inside = parts < 1
        found[inside] = values[(parts[inside] * len(values)).astype(int)]
    return found


def _figures(render: Render) -> dict[str, str]:
    film = render.film
    figures = {"frames": str(film.frames), "seconds": f"{film.seconds:.6g}", "size": film.size}
    figures["models"] = film.models
    return figures | {name: f"{values.mean():.4g}" for name, values in render.statistics.items()}


def settings_of(folder: Path, run: Mapping[str, Any]) -> dict[str, str]:
    """Every setting of a render by its path; of the scene as it is resolved, then of the run."""
    found, path = {}, folder / "scene.resolved.yaml"
    with suppress(OSError, ValueError, SceneError):
        found = dict(_flat(parse_tree(read_text(path, MAX_BYTES), str(path), (MAX_BYTES, MAX_BYTES)), ""))
    found |= {key: str(run[key]) for key in RUN_SETTINGS if key in run}
    models = run.get("models")
    if isinstance(models, Mapping):
        perceptors = models.get("perceptors")
        entries = (models.get("generator"), *(perceptors if isinstance(perceptors, list) else []))
        known = [entry for entry in entries if isinstance(entry, Mapping)]
        found |= {f"hash of {entry.get('name')}": str(entry.get("hash")) for entry in known}
    return found


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[Row, ...]:
    """The settings that are not the same, in their order."""
    pairs = ((path, one.get(path, ""), other.get(path, "")) for path in {**one, **other})
    return tuple((path, _short(a), _short(b)) for path, a, b in pairs if a != b)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2].rstrip()}.."


def _flat(node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Paths and texts; a curve and a list of plain values are one text."""
    if (text := _plain(node)) is not None:
        yield path, text
    elif isinstance(node, MappingNode):
        for key, value in node.entries:
            yield from _flat(value, f"{path}.{key.text}" if path else key.text)
    elif isinstance(node, ListNode):
        for number, item in enumerate(node.items):
            yield from _flat(item, f"{path}[{number}]")


def _plain(node: Node) -> str | None:
    """A text for what is read at a glance; None for more."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, ListNode):
        known = [text for item in node.items if (text := _plain(item)) is not None]
        return f"[{', '.join(known)}]" if len(known) == len(node.items) else None
    if isinstance(node, MappingNode) and all(_TIME.match(key.text) for key, _ in node.entries):
        pairs = [(key.text, _plain(value)) for key, value in node.entries]
        return _LINEAR.sub(r"\1", "{" + ", ".join(f"{key}: {text}" for key, text in pairs) + "}")
    return None
