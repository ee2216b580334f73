"""The film while it is painted: a file that can be watched at any moment, whatever happens to its maker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from vqanim.errors import OutputError
from vqanim.ffmpeg import Encoder, encoding, raw_input
from vqanim.files import Guard, make_folder
from vqanim.film.compose import make_reel
from vqanim.film.formats.video import color_filter
from vqanim.film.make import MANIFEST
from vqanim.film.reel import Find
from vqanim.timeline.plan import FrameRef, Timeline

# Fragments of a frame each, which players read as far as they go; turned into a plain MP4 at the end.
_FORMAT = ("-movflags", "+hybrid_fragmented+frag_every_frame", "-flush_packets", "1", "-f", "mp4")
_QUICK = ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-crf", "20", "-threads", "1")


class LiveError(OutputError):
    """The film that grows cannot be made; what is painted is not touched by that."""


class LiveFilm:
    """Encodes each film frame as soon as the saved frames that it is made of are there."""

    def __init__(
        self, timeline: Timeline, find: Find, encoder: Encoder, moved: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """moved: what was in the film's place and is not ours, and where it is now."""
        self.moved = moved
        self._timeline = timeline
        self._find = find
        self._encoder = encoder
        # What ffmpeg finds between frames comes with the film itself.
        plain = replace(timeline, keys=())
        self._pictures = make_reel(plain, find, ahead=0).play(range(len(plain.edit)))
        self._there: set[FrameRef] = set()
        self._next = 0

    def look(self) -> None:
        """Take in what is on the disk: of every take the frames before the first that is missing."""
        for shot in self._timeline.shots:
            frames = (FrameRef(plan.shot, plan.index) for plan in shot.frames)
            self._there.update(takewhile(lambda frame: self._find(frame).exists(), frames))
        self._advance()

    def add(self, frame: FrameRef) -> None:
        """A frame is on the disk now. Raises OutputError when a saved frame cannot be read."""
        self._there.add(frame)
        self._advance()

    def _advance(self) -> None:
        edit = self._timeline.edit
        while self._next < len(edit) and self._there.issuperset(edit[self._next].frames):
            self._encoder.put(next(self._pictures))
            self._next += 1


@contextmanager
def live_film(timeline: Timeline, find: Find, path: Path, guard: Guard = lambda: None) -> Iterator[LiveFilm]:
    """A film at `path` that grows while frames are painted, until `remove_live`; a file of somebody else that
    was there moves to superseded/.
    Raises LiveError when it cannot be made, at the end of the context at the latest."""
    source = raw_input(timeline.width, timeline.height, timeline.fps, even=True)
    arguments = [*source, "-vf", color_filter("yuv420p"), *_QUICK, *_FORMAT]
    make_folder(path.parent)
    with ExitStack() as stack:
        with _live_errors():
            place = MANIFEST.begin_growing(path, guard)
            encoder = stack.enter_context(encoding(arguments, path, even=True))
        yield LiveFilm(timeline, find, encoder, (place.texts,) if place.moved_to else ())
        with _live_errors():
            stack.close()


@contextmanager
def _live_errors() -> Iterator[None]:
    try:
        yield
    except OutputError as error:
        raise LiveError(str(error)) from error


def live_path(folder: Path, stem: str) -> Path:
    """Where the film lies while it grows."""
    return folder / f"{stem}.live.mp4"


def remove_live(path: Path) -> None:
    """Remove a film that grew, once the film itself is there; not a file that somebody else put there."""
    with suppress(OSError):
        if MANIFEST.grows(path):
            path.unlink(missing_ok=True)
