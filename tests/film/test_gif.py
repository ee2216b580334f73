from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.film.conftest import MakeFrames, frame_picture, reel
from tests.probe import probe
from vqanim.errors import OutputError
from vqanim.film.formats.gif import MAX_FPS, choose_frames, write_gif

RATES = st.fractions(Fraction(1, 2), Fraction(120), max_denominator=1001)


def delays(path: Path) -> list[int]:
    """Milliseconds for which each frame is shown."""
    found = []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            found.append(int(image.info["duration"]))
    return found


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 90), fps=RATES, gif_fps=RATES)
def test_the_chosen_frames_keep_time(count: int, fps: Fraction, gif_fps: Fraction) -> None:
    shown, rate = choose_frames(count, fps, gif_fps)
    assert Fraction(len(shown)) / rate == count / fps, "as long as the film"
    assert len(shown) == 1 or rate <= min(fps, gif_fps, MAX_FPS)
    assert shown[0] == 0
    assert len(set(shown)) == len(shown)
    for position, index in enumerate(shown):
        assert 0 <= position / rate - index / fps < 1 / fps, "the frame that the film shows at that moment"


def test_the_films_own_rate_shows_every_frame() -> None:
    assert choose_frames(25, Fraction(12), Fraction(12)) == (tuple(range(25)), Fraction(12))


@pytest.mark.parametrize(
    ("fps", "gif_fps", "count", "shown"),
    [
        ("12", "12", 24, 24),
        ("24000/1001", "25", 24, 24),
        ("30", "10", 25, 8),
        ("60", "60", 30, 25),
        ("12", "1", 3, 1),
    ],
)
def test_frames_and_duration(
    make_frames: MakeFrames, tmp_path: Path, fps: str, gif_fps: str, count: int, shown: int
) -> None:
    path = tmp_path / "a.gif"
    write_gif(reel(make_frames(count), Fraction(fps)), path, Fraction(gif_fps), 64)
    assert len(delays(path)) == shown
    assert abs(sum(delays(path)) - 1000 * count / Fraction(fps)) <= 10
    assert min(delays(path)) >= 20, "browsers slow shorter delays down"
    assert probe(path).codec == "gif"


def test_it_loops_forever(make_frames: MakeFrames, tmp_path: Path) -> None:
    write_gif(reel(make_frames(4), Fraction(12)), tmp_path / "a.gif", Fraction(12), 64)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0


def test_frames_that_are_all_alike_are_not_lost(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(1) * 6
    write_gif(reel(frames, Fraction(12)), tmp_path / "a.gif", Fraction(12), 64)
    assert sum(delays(tmp_path / "a.gif")) == 500


def test_one_frame(make_frames: MakeFrames, tmp_path: Path) -> None:
    write_gif(reel(make_frames(1), Fraction(12)), tmp_path / "a.gif", Fraction(12), 64)
    assert probe(tmp_path / "a.gif").frames == 1


@pytest.mark.parametrize(
    ("limit", "size"), [(32, (32, 24)), (64, (64, 48)), (500, (64, 48)), (31, (31, 23)), (1, (1, 1))]
)
def test_the_width_is_a_limit(
    make_frames: MakeFrames, tmp_path: Path, limit: int, size: tuple[int, int]
) -> None:
    write_gif(reel(make_frames(2), Fraction(12)), tmp_path / "a.gif", Fraction(12), limit)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.size == size


def test_colors_are_those_of_the_film(make_frames: MakeFrames, tmp_path: Path) -> None:
    write_gif(reel(make_frames(6), Fraction(12)), tmp_path / "a.gif", Fraction(12), 64)
    with Image.open(tmp_path / "a.gif") as image:
        for index in (0, 5):
            image.seek(index)
            shown = np.asarray(image.convert("RGB")).astype(int)
            # Luminance, for which the palette is chosen, in blocks, because dithering is right on average.
            difference = (shown - frame_picture(index)) @ np.array([0.2126, 0.7152, 0.0722])
            assert np.abs(difference.reshape(12, 4, 16, 4).mean((1, 3))).mean() < 3


def test_the_same_frames_give_the_same_bytes(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(8)
    for name in "ab":
        write_gif(reel(frames, Fraction(12)), tmp_path / f"{name}.gif", Fraction(10), 32)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_broken_frame_leaves_no_film(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(5)
    frames[3].write_bytes(b"")
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="000003.png"):
        write_gif(reel(frames, Fraction(12)), tmp_path / "out" / "a.gif", Fraction(12), 32)
    assert list((tmp_path / "out").iterdir()) == []
