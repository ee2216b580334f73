from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from tests.film.conftest import MakeFrames, showing
from tests.film.test_ffmpeg import stand_in
from vqanim.errors import OutputError
from vqanim.ffmpeg import check_usable, encode, executable, raw_input
from vqanim.film.formats import PRESETS
from vqanim.film.make import make_film
from vqanim.film.probe import check_gif
from vqanim.timeline.plan import Timeline

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell's script")
INTO = 'for out; do :; done; cat > /dev/null; out="$(echo "$out" | sed s/%06d/000000/)";'
WRITES = {
    "garbage": f'{INTO} head -c 5000 /dev/zero > "$out"',
    "nothing": "cat > /dev/null",
    "an empty file": f'{INTO} : > "$out"',
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("what", WRITES)
def test_what_cannot_be_used_is_not_believed(
    make_frames: MakeFrames,
    timeline: Timeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    preset: str,
    what: str,
) -> None:
    shown, find = showing(timeline, make_frames(3))
    stand_in(tmp_path, monkeypatch, WRITES[what])
    folder = tmp_path / "out"
    with pytest.raises(OutputError) as caught:
        list(make_film(shown, find, folder, "film", [preset]))
    assert re.match(rf"{re.escape(str(folder))}/film[-\w.]*: ", str(caught.value)), caught.value
    assert "vqanim-tmp" not in str(caught.value)
    assert [path.name for path in folder.iterdir()] == []


def test_a_gif_that_ends_too_soon_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    first, *rest = (Image.new("RGB", (8, 6), (shade, 0, 0)) for shade in range(0, 200, 20))
    first.save(path, save_all=True, append_images=rest, duration=200)
    check_gif(path, Fraction(2), (8, 6), path)
    (tmp_path / "b.gif").write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OutputError, match="cannot be used: it"):
        check_gif(tmp_path / "b.gif", Fraction(2), (8, 6), path)
    with pytest.raises(OutputError, match=r"it lasts 2.00 s instead of 9.00 s"):
        check_gif(path, Fraction(9), (8, 6), path)


@pytest.mark.parametrize("preset", ["web", "prores", "webm"])
def test_a_film_that_is_cut_short_is_not_believed(
    make_frames: MakeFrames, timeline: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    shown, find = showing(timeline, make_frames(12))
    stand_in(tmp_path, monkeypatch, f'for out; do :; done; {executable()} "$@" && truncate -s -100 "$out"')
    with pytest.raises(OutputError, match="cannot be used: it"):
        list(make_film(shown, find, tmp_path / "out", "film", [preset]))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "cannot be started"),
        ("exit 3", r"cannot be used \(exit status 3\): it said nothing"),
        ("echo gif", "no encoder 'libx264'"),
        ("sleep 100", "does not answer within 0.5 s"),
    ],
)
def test_it_is_tried_before_anything_is_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    check_usable(("libx264", "gif", "png"))
    monkeypatch.setenv("VQANIM_FFMPEG_PATIENCE", "0.5")
    if script is None:
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    else:
        stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(OutputError, match=said):
        check_usable(("libx264", "gif", "png"))


def test_its_words_name_the_film_and_no_temporary_file(tmp_path: Path) -> None:
    film = tmp_path / "film.gif"
    with pytest.raises(OutputError) as caught:
        encode([*raw_input(16, 16, 12), "-f", "gif"], [], tmp_path / "x" / ".film.gif.vqanim-tmp", film)
    assert str(caught.value).startswith(f"{film}: ffmpeg failed")
    assert "vqanim-tmp" not in str(caught.value)
