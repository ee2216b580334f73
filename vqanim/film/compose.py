"""A frame of the film from saved frames: moved, blended, with effects. No torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.camera.matrix import moves_matrix
from vqanim.effects import Moment, apply_effects
from vqanim.errors import OutputError
from vqanim.files import Picture
from vqanim.film.pictures import Reel, read_frame
from vqanim.film.smooth import held, interpolate
from vqanim.resample import move_picture
from vqanim.timeline.plan import FilmFrame, FrameRef, Layer, Look, Timeline

Find = Callable[[FrameRef], Path]
"""The file of a saved frame."""
Saved = Callable[[FilmFrame], Mapping[FrameRef, Picture]]
"""The saved frames that a film frame is made of."""

KEPT_IN_MEMORY = 6
"""Saved frames: two neighbours of two takes, and the first of a loop."""
WORKERS = 2
"""Film frames in the making at a time; most of the work is Pillow's, which threads do side by side."""


@dataclass
class Loader:
    """Reads the saved frames of a film, each once where film frames follow one another."""

    find: Find
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    _recent: dict[FrameRef, Picture] = field(default_factory=dict)

    def saved(self, frame: FilmFrame) -> Mapping[FrameRef, Picture]:
        """The saved frames that a film frame is made of. Raises OutputError."""
        return {one: self._load(one) for one in frame.frames}

    def _load(self, frame: FrameRef) -> Picture:
        picture = self._recent.pop(frame, None)
        if picture is None:
            path = self.find(frame)
            picture = read_frame(path)
            if picture.shape != (self.height, self.width, 3):
                found = f"{picture.shape[1]}x{picture.shape[0]}"
                wanted = f"{self.width}x{self.height}"
                raise OutputError(f"{path}: the frame is {found}, but the film is {wanted} pixels")
        self._recent[frame] = picture  # the one used last is the last to go
        while len(self._recent) > KEPT_IN_MEMORY:
            del self._recent[next(iter(self._recent))]
        return picture


def compose(frame: FilmFrame, saved: Mapping[FrameRef, Picture], seed: int) -> Picture:
    """A film frame of the saved ones; the saved picture bit for bit where nothing is done to it."""
    moment = Moment(seed, frame.time)
    layers = [(layer.share, _layer(layer, saved, moment)) for layer in frame.layers]
    return apply_effects(blend(layers), frame.effects, moment)


def _layer(layer: Layer, saved: Mapping[FrameRef, Picture], moment: Moment) -> Picture:
    looks = [(look.share, _look(look, saved[look.frame])) for look in layer.looks]
    return apply_effects(blend(looks), layer.effects, moment)


def _look(look: Look, picture: Picture) -> Picture:
    if not look.moves:
        return picture
    height, width, _ = picture.shape
    return move_picture(picture, moves_matrix(look.moves, width, height), look.moves[-1].step.border)


def compose_all(
    frames: Iterable[FilmFrame], saved: Saved, seed: int, ahead: int = WORKERS
) -> Iterator[Picture]:
    """Film frames in order; while one is handed on, so many of those behind it are in the making.

    Raises what `saved` raises.
    """
    making: deque[Future[Picture]] = deque()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="compose") as pool:
        for frame in frames:
            making.append(pool.submit(compose, frame, saved(frame), seed))
            if len(making) > ahead:
                yield making.popleft().result()
        while making:
            yield making.popleft().result()


def make_reel(timeline: Timeline, find: Find, ahead: int = WORKERS) -> Reel:
    """The film of a timeline; `find` gives the file of each saved frame.

    ahead: film frames whose saved frames are read before they are asked for; 0 where these are still being
    painted.
    """

    def all_of(frames: Iterable[FilmFrame]) -> Iterator[Picture]:
        loader = Loader(find, timeline.width, timeline.height)
        return compose_all(frames, loader.saved, timeline.seed, ahead)

    def play(indices: Iterable[int]) -> Iterator[Picture]:
        return all_of(timeline.edit[index] for index in indices)

    def play_smooth(indices: Iterable[int]) -> Iterator[Picture]:
        wanted = set(indices)
        keys = all_of(timeline.keys)
        rate = timeline.rate or timeline.fps
        with closing(interpolate(keys, (timeline.width, timeline.height), rate, timeline.fps)) as between:
            pictures = held(between, len(timeline.edit))
            for index, (frame, picture) in enumerate(zip(timeline.edit, pictures, strict=True)):
                if index in wanted:
                    yield apply_effects(picture, frame.effects, Moment(timeline.seed, frame.time))

    return Reel(
        timeline.width,
        timeline.height,
        timeline.fps,
        len(timeline.edit),
        play_smooth if timeline.keys else play,
    )


def blend(parts: Sequence[tuple[float, Picture]]) -> Picture:
    """The mean of pictures with weights that add up to 1; the very same picture where there is one."""
    if len(parts) == 1:
        return parts[0][1]
    total: NDArray[np.float32] = np.zeros(parts[0][1].shape, np.float32)
    for share, picture in parts:
        total += np.float32(share) * picture
    return (total + np.float32(0.5)).clip(0, 255).astype(np.uint8)
