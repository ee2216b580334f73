"""What pages know of a film and of its render: curves, the frames that are there, how they came out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.film.compose import make_reel
from vqanim.pictures import Picture
from vqanim.plots.curves import Floats, Marks, moving
from vqanim.preview.outline import ModelLine, beats_of, without_styles
from vqanim.scene.model import Scene
from vqanim.takes.records import Metrics
from vqanim.takes.run import read_run
from vqanim.takes.store import TakeStore
from vqanim.timeline.part import Part, cut_part
from vqanim.timeline.plan import FrameRef, Timeline
from vqanim.timeline.tracks import Track, find_tracks, shown_plans

_GROUPS = {"similarity": "cosine", "losses": "", "pace": "seconds"}
"""Units of the curves of how frames were painted, by group, in the order in which they are shown."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_RAMP = np.arange(256) / 255
_LINEAR = np.where(_RAMP <= 0.04045, _RAMP / 12.92, ((_RAMP + 0.055) / 1.055) ** 2.4)
"""Light of an sRGB value."""

MOST_FRAMES, LEAST_FRAMES = 600, 24  # frames that are measured
PIXELS = 24_000_000  # pixels that are measured in all; a second or two of a common machine
COMPARED_WIDTH = 256  # pixels to which larger pictures are shrunk before they are compared


class Film:
    """A film, or the part of one that is made."""

    def __init__(self, scene: Scene, timeline: Timeline, part: Part | None = None) -> None:
        self.scene = scene
        self.timeline = timeline if part is None else cut_part(timeline, part)
        """With the film frames of the part alone."""
        self.first = 0 if part is None else part.first  # number of the first of them in the whole film
        self.frames = len(self.timeline.edit)
        self.seconds = float(self.frames / timeline.fps)
        names = (timeline.generator, *(plan.name for plan in timeline.perceptors))
        self.models = " + ".join(dict.fromkeys(names))
        self.size = f"{timeline.width}x{timeline.height}"
        fps = float(timeline.fps)
        self.about = f"{self.frames} frames, {self.seconds:.6g} s at {fps:.6g} fps, {self.size}"
        tracks = find_tracks(self.timeline)
        named = without_styles(tracks, scene)
        self.tracks = tuple(moving(named))  # those that move, and the weights of prompts
        pairs = zip(tracks, named, strict=True)
        self.prompt_names = {one.name: plain.name for one, plain in pairs if one.group == "prompts"}
        """Prompts as the scene writes them, by the text that is painted with, which has the style."""
        chapters, since = self.timeline.chapters, float(self.first / timeline.fps)
        shots = tuple((float(chapter.first / timeline.fps), chapter.name) for chapter in chapters)
        beats = (beat - since for beat in beats_of(scene, since + self.seconds))
        self.marks = Marks(self.seconds, shots, tuple(beat for beat in beats if beat >= 0))

    @cached_property
    def positions(self) -> Mapping[FrameRef, list[int]]:
        """The film frames in which a saved frame is seen most, by saved frame."""
        positions: dict[FrameRef, list[int]] = {}
        for position, plan in enumerate(shown_plans(self.timeline)):
            positions.setdefault(FrameRef(plan.shot, plan.index), []).append(position)
        return positions


def painting_tracks(film: Film, metrics: Mapping[FrameRef, Metrics]) -> tuple[Track, ...]:
    """Similarities, losses and seconds over the film; prompts are called as the scene writes them. A film
    frame has the values of the saved frame that is seen most in it."""
    curves: dict[tuple[str, str], Floats] = {}
    for frame, known in metrics.items():
        names = film.prompt_names
        pairs = [("similarity", names.get(text, text), value) for text, value in known.similarities]
        pairs += [("losses", kind.replace("_", " "), value) for kind, value in known.losses]
        pairs += [] if known.seconds is None else [("pace", "seconds a frame", known.seconds)]
        for group, name, value in pairs if frame in film.positions else ():
            curve = curves.setdefault((group, name), np.full(film.frames, math.nan))
            curve[film.positions[frame]] = value
    order = sorted(curves, key=lambda key: list(_GROUPS).index(key[0]))
    return tuple(Track(name, group, _GROUPS[group], curves[group, name]) for group, name in order)


def read_metrics(timeline: Timeline, store: TakeStore) -> dict[FrameRef, Metrics]:
    """What is recorded about the frames of a timeline; nothing is hashed or written."""
    known = [(shot, store.metrics(shot.name)) for shot in timeline.shots]
    return {FrameRef(shot.name, i): of[i] for shot, of in known for i in range(len(shot.frames)) if i in of}


@dataclass(frozen=True)
class Look:
    """How sharp a film is and of what color, each in the middle of an equal part of it."""

    sharpness: Floats  # nan where a frame is not painted yet
    colors: tuple[str, ...]  # `#rrggbb`; empty where a frame is not painted yet


class Render:
    """A render as it lies in its folder, finished or not. Nothing is written."""

    def __init__(self, folder: Path, stem: str, film: Film, models: Sequence[ModelLine]) -> None:
        """stem: name of its films."""
        self.folder, self.stem, self.film, self.models = folder, stem, film, models
        self.store, self.settings = TakeStore(folder), read_run(folder) or {}
        """Its saved frames, and what run.json holds; nothing where it cannot be read."""
        self.mp4 = folder / f"{stem}.mp4"  # whether it is there or not

    @cached_property
    def metrics(self) -> Mapping[FrameRef, Metrics]:
        """How its saved frames were painted, as far as that is known."""
        found = read_metrics(self.film.timeline, self.store)
        return {frame: metrics for frame, metrics in found.items() if frame in self._saved}

    @cached_property
    def _saved(self) -> frozenset[FrameRef]:
        shots = self.film.timeline.shots
        return frozenset(FrameRef(shot.name, i) for shot in shots for i in self.store.find_frames(shot.name))

    @cached_property
    def available(self) -> frozenset[int]:
        """The film frames whose saved frames are all there."""
        edit = self.film.timeline.edit
        return frozenset(n for n, frame in enumerate(edit) if self._saved.issuperset(frame.frames))

    @property
    def missing(self) -> str:
        """How far the film is painted, where it is not painted whole."""
        frames, available = self.film.frames, len(self.available)
        return f"{available} of {frames} frames" if available < frames else ""

    @cached_property
    def painting_tracks(self) -> tuple[Track, ...]:
        """Similarities, losses and seconds over the film."""
        return painting_tracks(self.film, self.metrics)

    def pictures(self, positions: Iterable[int]) -> Iterator[Picture]:
        """Film frames, whose numbers ascend and which are available, uint8 [H, W, 3]. Where ffmpeg
        interpolates the film, these are blends. Raises OutputError when a saved frame is broken."""
        return make_reel(replace(self.film.timeline, keys=()), self.store.find).play(positions)

    @cached_property
    def look(self) -> Look:
        """How sharp the film is, and its color."""
        timeline = self.film.timeline
        positions = sample_frames(self.film.frames, timeline.width, timeline.height)
        pictures = self.pictures(position for position in positions if position in self.available)
        sharp, colors = np.full(len(positions), math.nan), [""] * len(positions)
        for number, position in enumerate(positions):
            if position in self.available:
                picture = next(pictures)
                sharp[number], colors[number] = sharpness(picture), mean_color(picture)
        return Look(sharp, tuple(colors))

    @cached_property
    def statistics(self) -> dict[str, Floats]:
        """All known values of what says how the film came out, by name."""
        prefixes = {"similarity": "similarity to ", "losses": "loss: "}
        tracks = (track for track in self.painting_tracks if track.group in prefixes)
        found = {prefixes[track.group] + track.name: track.values for track in tracks}
        found["sharpness"] = self.look.sharpness
        seconds = (one.seconds for one in self.metrics.values())
        found["seconds a frame"] = np.array([one for one in seconds if one is not None], np.float64)
        known = {name: values[~np.isnan(values)] for name, values in found.items()}
        return {name: values for name, values in known.items() if values.size}


def sample_frames(frames: int, width: int, height: int) -> list[int]:
    """Which frames of a film to measure: all, or as many as are measured in seconds. They stand in the middle
    of equal parts of the film."""
    count = min(frames, MOST_FRAMES, max(LEAST_FRAMES, PIXELS // (width * height)))
    return [int((part + 0.5) * frames / count) for part in range(count)]


def sharpness(picture: Picture) -> float:
    """Variance of the Laplacian (the four neighbors less four times the pixel) of Rec. 709 luma, 0..255, at
    full size: 0 for a plain area, a few hundred for a crisp photograph (Pech-Pacheco et al. 2000)."""
    luma = picture @ _LUMA
    if min(luma.shape) < 3:
        return 0.0
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.var(around - 4 * inner))


def mean_color(picture: Picture) -> str:
    """The color of all light of a picture together, `#rrggbb`."""
    means = [float(_LINEAR @ np.bincount(picture[..., c].ravel(), minlength=256)) for c in range(3)]
    light = np.array(means) / (picture.shape[0] * picture.shape[1])
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * value):02x}" for value in np.clip(srgb, 0, 1).tolist())


def difference(one: Picture, other: Picture) -> float:
    """Mean absolute difference of all values, 0..255, at 256 pixels of width or less; the other picture is
    resized to the first."""
    width = min(one.shape[1], COMPARED_WIDTH)
    size = (width, max(1, round(one.shape[0] * width / one.shape[1])))
    resized = [Image.fromarray(picture).resize(size, Image.Resampling.BOX) for picture in (one, other)]
    small = [np.array(image).astype(np.int16) for image in resized]
    return float(np.abs(small[0] - small[1]).mean())
