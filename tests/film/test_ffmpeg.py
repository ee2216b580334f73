from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vqanim.errors import OutputError
from vqanim.ffmpeg import encode, executable, raw_input
from vqanim.pictures import Picture

RAW = [*raw_input(16, 16, 12), "-f", "rawvideo"]
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
        encode([*raw_input(16, 16, 12), *endless], pictures(), tmp_path / "out")


def test_a_missing_binary_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    assert executable() == str(tmp_path / "none")
    with pytest.raises(OutputError, match="ffmpeg cannot be started"):
        encode(RAW, [PICTURE], tmp_path / "out")


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Another program in ffmpeg's place."""
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))


@pytest.mark.skipif(os.name == "nt", reason="a shell's script")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "script", ["sleep 1000", "cat > /dev/null; sleep 1000"], ids=["at once", "at the end"]
)
def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    stand_in(tmp_path, monkeypatch, script)
    monkeypatch.setenv("VQANIM_FFMPEG_PATIENCE", "0.5")
    began = time.monotonic()
    with pytest.raises(OutputError, match="ffmpeg did nothing for 0.5 s and was ended"):
        encode(RAW, [PICTURE] * 1000, tmp_path / "out")
    assert time.monotonic() - began < 20


def test_patience_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_FFMPEG_PATIENCE", "long")
    with pytest.raises(OutputError, match="found 'long', allowed are seconds above 0"):
        encode(RAW, [PICTURE], tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="a shell's script")
@pytest.mark.timeout(60)
def test_one_that_talks_without_end_does_not_stop_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        tmp_path,
        monkeypatch,
        "yes spam | head -c 3000000 >&2\ncat > /dev/null\necho 'the \033[31mend' >&2\nexit 3",
    )
    with pytest.raises(
        OutputError, match=r"ffmpeg failed \(exit status 3\): \.\.\. .*the \?\[31mend"
    ) as caught:
        encode(RAW, [PICTURE] * 10, tmp_path / "out")
    assert len(str(caught.value)) < 1000
