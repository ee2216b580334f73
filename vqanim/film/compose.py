"""A frame of the film from saved frames: moved, blended, with effects. No torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vqanim.camera import move_saved
from vqanim.effects import Moment, apply_effects
from vqanim.errors import InputError, OutputError
from vqanim.ffmpeg import QUIET, FfmpegError, decode, raw_input
from vqanim.film.reel import Find, Reel
from vqanim.pictures import Picture, read_picture
from vqanim.takes.store import BrokenFrame
from vqanim.timeline.plan import FilmFrame, FrameRef, Timeline

KEPT_IN_MEMORY = 6  # saved frames: two neighbors of two takes, and the first of a loop
WORKERS = 2
"""Film frames in the making at a time; most of the work is Pillow's, which threads do side by side."""

# Where one picture has nothing to do with the next (scene change detection), frames are doubled, not mixed.
_FILTER = "minterpolate=fps={fps}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"


def loading(find: Find, width: int, height: int) -> Callable[[FrameRef], Picture]:
    """Reads saved frames of `width` x `height` pixels, each once where film frames follow one another; what
    it gives raises OutputError."""

    @lru_cache(KEPT_IN_MEMORY)
    def load(frame: FrameRef) -> Picture:
        path = find(frame)
        try:
            picture = read_picture(path)
        except InputError as error:
            raise BrokenFrame(frame, f"{error}; run again, and it will be painted again") from error
        if picture.shape != (height, width, 3):
            found = f"{picture.shape[1]}x{picture.shape[0]}"
            size = f"{width}x{height}"
            raise BrokenFrame(frame, f"{path}: the frame is {found}, but the film is {size}; run again")
        return picture

    return load


def compose(frame: FilmFrame, saved: Mapping[FrameRef, Picture], seed: int) -> Picture:
    """A film frame of the saved ones; the saved picture bit for bit where nothing is done to it."""
    moment, layers = Moment(seed, frame.time), []
    for layer in frame.layers:
        looks = [(look.share, move_saved(saved[look.frame], look.moves)) for look in layer.looks]
        layers.append((layer.share, apply_effects(blend(looks), layer.effects, moment)))
    return apply_effects(blend(layers), frame.effects, moment)


def compose_all(
    frames: Iterable[FilmFrame], load: Callable[[FrameRef], Picture], seed: int, ahead: int = WORKERS
) -> Iterator[Picture]:
    """Film frames in order; while one is handed on, `ahead` more are in the making. Raises OutputError."""
    making: deque[Future[Picture]] = deque()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="compose") as pool:
        for frame in frames:
            saved = {one: load(one) for one in frame.frames}
            making.append(pool.submit(compose, frame, saved, seed))
            if len(making) > ahead:
                yield making.popleft().result()
        while making:
            yield making.popleft().result()


def make_reel(timeline: Timeline, find: Find, ahead: int = WORKERS) -> Reel:
    """The film of a timeline; `find` gives the file of each saved frame. ahead: film frames whose saved
    frames are read before they are asked for; 0 where these are still being painted."""

    def all_of(frames: Iterable[FilmFrame]) -> Iterator[Picture]:
        return compose_all(frames, loading(find, timeline.width, timeline.height), timeline.seed, ahead)

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

    player = play_smooth if timeline.keys else play
    size = timeline.width, timeline.height
    return Reel(*size, timeline.fps, len(timeline.edit), player, timeline.crisp)


def blend(parts: Sequence[tuple[float, Picture]]) -> Picture:
    """The mean of pictures with weights that add up to 1; the very same picture where there is one."""
    if len(parts) == 1:
        return parts[0][1]
    total: NDArray[np.float32] = np.zeros(parts[0][1].shape, np.float32)
    for share, picture in parts:
        total += np.float32(share) * picture
    return (total + np.float32(0.5)).clip(0, 255).astype(np.uint8)


def interpolate(
    pictures: Iterable[Picture], size: tuple[int, int], rate: Fraction, fps: Fraction
) -> Generator[Picture, None, None]:
    """Pictures at `fps` from some at `rate`, each uint8 [H, W, 3] of `size` (W, H): the frames between are
    those of ffmpeg's minterpolate, which finds the movement in the pictures. The last ones may be missing
    (see `held`). Raises OutputError, and whatever making the pictures raises."""
    width, height = size
    arguments = [
        *(*QUIET, *raw_input(width, height, rate)),
        *("-vf", _FILTER.format(fps=fps)),
        *("-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"),
    ]
    try:
        for data in decode(arguments, width * height * 3, pictures):
            if len(data) == width * height * 3:
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
    except FfmpegError as error:
        reason = error.words or "it took too long"
        raise OutputError(f"ffmpeg cannot find the frames between ({reason})") from error


def held(pictures: Iterator[Picture], count: int) -> Iterator[Picture]:
    """The first `count` of some pictures; where there are fewer, the last one stays."""
    last: Picture | None = None
    for _ in range(count):
        last = next(pictures, last)
        if last is None:
            raise OutputError("ffmpeg made no picture of these frames")
        yield last
