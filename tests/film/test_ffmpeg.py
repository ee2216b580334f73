from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vqanim.errors import OutputError
from vqanim.files import Picture
from vqanim.film.ffmpeg import encode, executable, raw_input

RAW = [*raw_input(16, 16, "12"), "-f", "rawvideo"]
PICTURE = np.zeros((16, 16, 3), np.uint8)


def test_pictures_arrive_whole_and_in_order(tmp_path: Path) -> None:
    pictures = [np.full((16, 16, 3), value, np.uint8) for value in (1, 2, 3)]
    encode(RAW, pictures, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"".join(picture.tobytes() for picture in pictures)


def test_a_path_that_looks_like_an_option_or_a_command(tmp_path: Path) -> None:
    encode(RAW, [PICTURE], tmp_path / "-y; rm $HOME 'x'")
    assert (tmp_path / "-y; rm $HOME 'x'").stat().st_size == 16 * 16 * 3


def test_its_last_words_are_quoted(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ffmpeg failed \(exit status \d+\): .*no_such_filter"):
        encode([*RAW, "-vf", "no_such_filter"], [PICTURE] * 500, tmp_path / "out")


def test_long_words_are_cut(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        encode([*RAW, "-vf", "x" * 5000], [PICTURE], tmp_path / "out")
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, GeneratorExit])
def test_it_is_killed_when_we_stop(tmp_path: Path, error: type[BaseException]) -> None:
    def pictures() -> Iterator[Picture]:
        yield PICTURE
        raise error

    endless = ["-re", "-f", "lavfi", "-i", "testsrc=size=16x16", "-map", "1", "-f", "rawvideo"]
    with pytest.raises(error):
        encode([*raw_input(16, 16, "12"), *endless], pictures(), tmp_path / "out")


def test_a_missing_binary_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    assert executable() == str(tmp_path / "none")
    with pytest.raises(OutputError, match="ffmpeg cannot be started"):
        encode(RAW, [PICTURE], tmp_path / "out")
