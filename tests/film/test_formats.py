"""A format of one's own is one class: it gets the pictures that it asks for, once, beside the other files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.film.conftest import EMPTY, MakeFrames, showing
from vqanim.ffmpeg import executable
from vqanim.files import staged
from vqanim.film.compose import make_reel
from vqanim.film.formats import PRESETS, outputs_of
from vqanim.film.make import make_film, write_stale
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


def test_crisp_pictures_have_no_color_between_their_own(tmp_path: Path) -> None:
    squares = np.zeros((48, 64, 3), np.uint8)
    squares[:24, :32], squares[24:, 32:] = (255, 0, 77), (41, 173, 255)
    path = tmp_path / "frame.png"
    Image.fromarray(squares).save(path)
    shown, find = showing(replace(EMPTY, crisp=True, gif_width=32), [path])
    wanted = {tuple(color) for color in squares.reshape(-1, 3).tolist()}
    for upscale in (1, 3):
        options = EncodeOptions(upscale=upscale)
        list(make_film(shown, find, tmp_path, "film", ["gif", "frames", "mp4-444"], options))
    for file, size in (
        ("film.gif", (32, 24)),
        ("film-3x.gif", (96, 72)),
        ("film-3x-frames/000000.png", (192, 144)),
    ):
        with Image.open(tmp_path / file) as image:
            assert image.size == size
            colors = {tuple(color) for color in np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()}
        assert all(
            min(max(abs(a - b) for a, b in zip(one, other, strict=True)) for other in wanted) < 9
            for one in colors
        )
    data = subprocess.run(
        [
            executable(),
            "-v",
            "error",
            "-i",
            str(tmp_path / "film-3x-444.mp4"),
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ],
        check=True,
        capture_output=True,
    ).stdout
    frame = np.frombuffer(data, np.uint8)[: 144 * 192 * 3].reshape(144, 192, 3).astype(int)
    assert np.abs(frame - squares.repeat(3, 0).repeat(3, 1)).max() < 24
