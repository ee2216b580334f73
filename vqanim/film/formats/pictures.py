"""Pictures of a film as files: every frame in a folder, or one for a shelf."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from vqanim.errors import OutputError
from vqanim.ffmpeg import encoding, raw_input
from vqanim.files import MOST_BYTES, make_folder, read_bytes, staged, write_atomic, writing
from vqanim.film.formats.video import upscale_filter
from vqanim.film.probe import check_pictures
from vqanim.film.reel import Film, Format, Output, Reel, Sink
from vqanim.leftovers import temporary_beside
from vqanim.pictures import Picture
from vqanim.takes.store import FRAME_FILE


class FramesFormat(Format):
    """Every frame of the film."""

    def output(self, name: str, film: Film) -> Output:
        """A folder of its own."""
        path, upscale = film.path("-frames"), film.options.upscale
        return Output(
            name, path, film.shown, range(film.reel.count), lambda: open_frames(film.reel, path, upscale)
        )


@contextmanager
def open_frames(reel: Reel, path: Path, upscale: int = 1) -> Iterator[Sink]:
    """Every picture of the film as 000000.png and so on, in a folder that appears whole or not at all.

    A folder of frames that is there is replaced; the caller knows that it was made here.
    Raises OutputError, also when there is anything else in it.
    """
    if others := [file.name for file in path.glob("*") if not FRAME_FILE.fullmatch(file.name)]:
        raise OutputError(f"{path}: holds {others[0]}, which is no frame; move it, or choose another folder")
    staging = temporary_beside(path)
    make_folder(staging)
    enlarge = ["-vf", upscale_filter(upscale, reel.crisp)] if upscale > 1 else []
    source = raw_input(reel.width, reel.height, reel.fps)
    arguments = [*source, *enlarge, "-pix_fmt", "rgb24", "-start_number", "0"]
    try:
        with encoding(arguments, staging / "%06d.png", film=path) as encoder:
            yield encoder
        check_pictures(staging, reel.count, path)
        with writing(path):
            if path.exists():
                shutil.rmtree(path)
            staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def poster_index(count: int) -> int:
    """The film frame for the poster: two thirds in, where the picture has grown and no ending has begun."""
    return 2 * count // 3


class PosterFormat(Format):
    """The film's picture for a shelf, `poster.png`."""

    def output(self, name: str, film: Film) -> Output:
        """A saved frame as it is, where one is shown without effects."""
        path, best = film.folder / "poster.png", poster_index(film.reel.count)
        untouched = film.timeline.edit[best].untouched
        source = None if untouched is None else film.find(untouched)
        return Output(name, path, {}, [best], lambda: open_poster(path, source))


@contextmanager
def open_poster(path: Path, source: Path | None) -> Iterator[Sink]:
    """A sink for one picture, which is there when this is left; where it is a saved frame, `source`, the
    poster is the file of this. Raises OutputError."""
    sink = _Poster()
    yield sink
    if source is None:
        with writing(path), staged(path) as temporary:
            Image.fromarray(sink.picture).save(temporary, "PNG")
        return
    try:
        content = read_bytes(source, MOST_BYTES)
    except OSError as error:
        raise OutputError(f"{source}: cannot be read ({error.strerror}); run again") from error
    write_atomic(path, content)


class _Poster:
    """Keeps a picture until it is written."""

    picture: Picture

    def put(self, picture: Picture) -> None:
        self.picture = picture

    def end(self) -> None:
        """There was no other."""


FRAMES, POSTER = FramesFormat(), PosterFormat()
