from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.film.conftest import MakeFrames, frame_picture, reel
from tests.probe import decode_frame, probe
from vqanim.errors import OutputError
from vqanim.film.formats.video import VideoSettings, write_video


def write_mp4(frames: list[Path], path: Path, fps: Fraction, crf: int, title: str = "") -> None:
    """Encode these files to an MP4 of the size of the first that can be read."""
    with Image.open(frames[0]) as first:
        width, height = first.size
    write_video(reel(frames, fps, (width, height)), path, VideoSettings(crf=crf, title=title))


def boxes(path: Path) -> list[str]:
    """Names of the outermost boxes of an MP4."""
    content, names = path.read_bytes(), []
    while content:
        length = int.from_bytes(content[:4], "big")
        names.append(content[4:8].decode("ascii"))
        content = content[length:]
    return names


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(24000, 1001), Fraction(1, 2), Fraction(60)])
def test_codec_size_and_timing_are_exact(make_frames: MakeFrames, tmp_path: Path, fps: Fraction) -> None:
    path = tmp_path / "a.mp4"
    write_mp4(make_frames(13), path, fps, 17)
    info = probe(path)
    assert (info.codec, info.pix_fmt, info.width, info.height) == ("h264", "yuv420p", 64, 48)
    assert (info.frames, info.fps) == (13, fps)
    assert info.duration == 13 / fps


def test_every_frame_is_the_one_that_was_saved(make_frames: MakeFrames, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_mp4(make_frames(9), path, Fraction(12), 10)
    for index in (0, 4, 8):
        difference = decode_frame(path, index).astype(int) - frame_picture(index)
        assert np.abs(difference).mean() < 2.5, index
        assert np.abs(decode_frame(path, index).astype(int) - frame_picture(index + 2)).mean() > 5


@pytest.mark.parametrize(
    "color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (90, 60, 30)]
)
def test_pure_colors_survive(tmp_path: Path, color: tuple[int, int, int]) -> None:
    Image.new("RGB", (32, 32), color).save(tmp_path / "0.png")
    write_mp4([tmp_path / "0.png"], tmp_path / "a.mp4", Fraction(12), 10)
    shown = decode_frame(tmp_path / "a.mp4", 0).astype(int)
    assert np.abs(shown - color).max() <= 4
    assert "bt709" in probe(tmp_path / "a.mp4").color


def test_the_index_comes_first(make_frames: MakeFrames, tmp_path: Path) -> None:
    write_mp4(make_frames(3), tmp_path / "a.mp4", Fraction(12), 17)
    names = boxes(tmp_path / "a.mp4")
    assert names.index("moov") < names.index("mdat")


def test_the_same_frames_give_the_same_bytes(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(13)
    for name in "ab":
        write_mp4(frames, tmp_path / f"{name}.mp4", Fraction(12), 17, "Title")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("size", [(33, 25), (34, 25), (1, 1)])
def test_odd_sizes_grow_by_their_own_edge(
    make_frames: MakeFrames, tmp_path: Path, size: tuple[int, int]
) -> None:
    width, height = size
    write_mp4(make_frames(2, width, height), tmp_path / "a.mp4", Fraction(12), 10)
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height) == (width + width % 2, height + height % 2)
    shown = decode_frame(tmp_path / "a.mp4", 0)
    assert np.abs(shown[:height, :width].astype(int) - frame_picture(0, width, height)).mean() < 4
    assert shown[-1].mean() > 20, "no black line"


def test_one_frame_is_a_film(make_frames: MakeFrames, tmp_path: Path) -> None:
    write_mp4(make_frames(1), tmp_path / "a.mp4", Fraction(12), 17)
    assert probe(tmp_path / "a.mp4").frames == 1
    assert probe(tmp_path / "a.mp4").duration == Fraction(1, 12)


def test_a_frame_may_be_shown_twice(make_frames: MakeFrames, tmp_path: Path) -> None:
    first, second = make_frames(2)
    write_mp4([first, first, second, first], tmp_path / "a.mp4", Fraction(12), 10)
    blue = [decode_frame(tmp_path / "a.mp4", index)[..., 2].mean() for index in range(4)]
    assert probe(tmp_path / "a.mp4").frames == 4
    assert abs(blue[0] - blue[1]) < 2 < blue[2] - blue[1]


def test_quality_follows_crf(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(6)
    sizes = []
    for crf in (0, 17, 40):
        write_mp4(frames, tmp_path / "a.mp4", Fraction(12), crf)
        sizes.append((tmp_path / "a.mp4").stat().st_size)
    assert all(larger > smaller for larger, smaller in itertools.pairwise(sizes))


def test_the_title_is_all_that_the_file_says(make_frames: MakeFrames, tmp_path: Path) -> None:
    write_mp4(make_frames(1), tmp_path / "a.mp4", Fraction(12), 17, "-Über=den;\nFluß\0'\"")
    content = (tmp_path / "a.mp4").read_bytes()
    assert "-Über=den; Fluß '\"".encode() in content
    assert b"Lavf" not in content
    assert b"\xa9too" not in content


def test_a_broken_frame_leaves_no_film(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(9)
    frames[5].write_bytes(frames[5].read_bytes()[:99])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(OutputError, match="000005.png: .*run again"):
        write_mp4(frames, out / "a.mp4", Fraction(12), 17)
    assert list(out.iterdir()) == []


def test_a_frame_of_another_size_is_named(make_frames: MakeFrames, tmp_path: Path) -> None:
    frames = make_frames(3)
    Image.new("RGB", (48, 64)).save(frames[1])
    with pytest.raises(OutputError, match="000001.png: the frame is 48x64, but the film is 64x48"):
        write_mp4(frames, tmp_path / "a.mp4", Fraction(12), 17)


def test_a_failing_encoder_is_quoted_and_the_old_film_stays(make_frames: MakeFrames, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"ffmpeg failed .*out of range"):
        write_mp4(make_frames(200), path, Fraction(12), -5)
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]
    assert path.read_bytes() == b"old"


def test_a_missing_folder_is_an_output_error(make_frames: MakeFrames, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_mp4(make_frames(2), tmp_path / "nowhere" / "a.mp4", Fraction(12), 17)
