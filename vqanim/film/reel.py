"""What a format is given, a film as pictures one by one, and what it gives: files and how they are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from vqanim.pictures import Picture
from vqanim.timeline.plan import FrameRef, Timeline

Find: TypeAlias = Callable[[FrameRef], Path]  # the file of a saved frame


@dataclass(frozen=True)
class Reel:
    """A film that can be played as often as one likes; one picture is in memory at a time."""

    width: int
    height: int  # both in pixels
    fps: Fraction
    count: int  # film frames; one or more
    play: Callable[[Iterable[int]], Iterator[Picture]]
    """The pictures of some film frames, whose numbers ascend, each uint8 [height, width, 3].

    Raises OutputError when a saved frame is missing, broken or of another size.
    """
    crisp: bool = False
    """Whether pictures are enlarged and shrunk without smoothing: pixels have borders of their own."""


class Sink(Protocol):
    """Takes the pictures of a film, one after another, and is told when that was the last."""

    def put(self, picture: Picture) -> None: ...
    def end(self) -> None: ...


Opened: TypeAlias = AbstractContextManager[Sink]  # a sink; leaving it waits until its file is whole


@dataclass(frozen=True)
class EncodeOptions:
    """What is asked of all files."""

    crf: int | None = None
    """Quality, for formats that have such a number; theirs, or the scene's, where None."""
    upscale: int = 1  # how many times the pictures are enlarged
    gif_full: bool = False  # the GIF in the film's size and fps, however large it gets


@dataclass(frozen=True)
class Film:
    """A film that is to be written, and where."""

    timeline: Timeline
    reel: Reel
    find: Find
    folder: Path
    stem: str  # name of its files, without what a format adds
    options: EncodeOptions

    def path(self, ending: str) -> Path:
        """The file of a format."""
        enlarged = "" if self.options.upscale == 1 else f"-{self.options.upscale}x"
        return self.folder / f"{self.stem}{enlarged}{ending}"

    @property
    def shown(self) -> dict[str, Any]:
        """What the files of nearly every format depend on besides its own settings."""
        crisp = {"crisp": True} if self.timeline.crisp else {}
        return {"fps": str(self.timeline.fps), "upscale": self.options.upscale, **crisp}


@dataclass(frozen=True)
class Output:
    """One file of the film and how it is made."""

    kind: str  # for people: the name of the format, mp4 for the default one
    path: Path
    settings: Mapping[str, Any]  # what its contents depend on besides the pictures; what JSON can hold
    frames: Sequence[int]  # numbers of the film frames that it is made of, ascending
    open: Callable[[], Opened]  # for the pictures of these frames


class Format:
    """A way to deliver a film."""

    crf: int | None = None  # quality where nobody asks for one; None where there is no such number
    highest_crf: int = 0  # the worst that can be asked for

    def output(self, name: str, film: Film) -> Output:
        """The file that it makes of a film; nothing is written yet. name: under which it is registered."""
        raise NotImplementedError


def play_into(reel: Reel, wanted: Sequence[tuple[Sequence[int], Sink]]) -> None:
    """Play a film once for several sinks, each with the ascending numbers of its own film frames. Raises
    OutputError."""
    takers = defaultdict(list)
    for indices, sink in wanted:
        for index in indices:
            takers[index].append(sink)
    order = sorted(takers)
    for index, picture in zip(order, reel.play(order), strict=True):
        for sink in takers[index]:
            sink.put(picture)
    for _, sink in wanted:  # all before one of them is waited for
        sink.end()
