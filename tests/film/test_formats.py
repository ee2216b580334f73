"""A format of one's own is one class: it gets the pictures that it asks for, once, beside the other files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.film.conftest import MakeFrames, showing
from vqanim.files import staged
from vqanim.film.compose import make_reel
from vqanim.film.formats import PRESETS, outputs_of
from vqanim.film.make import write_stale
from vqanim.film.reel import EncodeOptions, Film, Format, Output, Sink
from vqanim.pictures import Picture
from vqanim.takes.outputs import Manifest
from vqanim.timeline.plan import Timeline


class Means(Sink):
    """Notes how light the pictures are."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def put(self, picture: Picture) -> None:
        self.lines.append(f"{picture.mean():.1f}")

    def end(self) -> None:
        self.lines.append("end")


class MeansFormat(Format):
    """Every second picture's mean, as a text."""

    def output(self, name: str, film: Film) -> Output:
        path = film.path(".txt")
        return Output(name, path, {}, range(0, film.reel.count, 2), lambda: open_means(path))


@contextmanager
def open_means(path: Path) -> Iterator[Sink]:
    with staged(path) as temporary:
        means = Means()
        yield means
        temporary.write_text("\n".join(means.lines))


def test_a_format_of_ones_own(make_frames: MakeFrames, timeline: Timeline, tmp_path: Path) -> None:
    shown, find = showing(timeline, make_frames(5))
    film = Film(shown, make_reel(shown, find), find, tmp_path, "film", EncodeOptions(upscale=2))
    outputs = [MeansFormat().output("means", film), *outputs_of(["gif"], film)]
    digests = {output.path: "of this film" for output in outputs}
    for written in (True, False):
        done = list(write_stale(film.reel, outputs, digests, Manifest(), lambda: None))
        assert [(Path(one.path).name, one.written) for one in done] == [
            ("film-2x.txt", written),
            ("film-2x.gif", written),
        ]
    lines = (tmp_path / "film-2x.txt").read_text().splitlines()
    assert len(lines) == 4
    assert lines[-1] == "end"


def test_every_format_says_what_it_is() -> None:
    for preset in PRESETS.values():
        each = preset.load()
        assert preset.about
        assert each.crf is None or each.crf <= each.highest_crf
