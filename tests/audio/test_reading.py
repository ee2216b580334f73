"""Songs of many kinds are read alike, and what is no song is refused in one message."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import sounds as songs
from tests.audio.conftest import Write
from vqanim.audio import reading
from vqanim.audio.analysis import SongAnalysis
from vqanim.audio.reading import ANALYSIS_RATE, BadSong, open_song, read_mono
from vqanim.ffmpeg import executable

HIT = 1.0


def song() -> songs.Sound:
    """A click in a quiet tone."""
    return songs.at([HIT], 2.5) + songs.tone(440, 2.5, 0.05)


def by_ffmpeg(source: Path, target: Path) -> Path:
    """The same song in a form that soundfile cannot write."""
    subprocess.run([executable(), "-v", "error", "-y", "-i", str(source), str(target)], check=True)
    return target


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "m4a", "webm"])
def test_every_kind_is_read_without_a_shift(ending: str, write: Write, tmp_path: Path) -> None:
    path = (
        write(song(), f"song.{ending}")
        if ending not in ("m4a", "webm")
        else by_ffmpeg(write(song()), tmp_path / f"song.{ending}")
    )
    found = open_song(path)
    mono = read_mono(found)
    assert found.seconds == pytest.approx(2.5, abs=0.03)
    assert np.argmax(np.abs(mono)) / ANALYSIS_RATE == pytest.approx(HIT, abs=0.002)


@pytest.mark.parametrize("rate", [8000, 44_100, 44_101, 48_000, 96_000])
def test_blocks_leave_no_trace(rate: int, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    t = np.arange(rate * 3) / rate
    path = write(np.asarray(0.5 * np.sin(2 * np.pi * 700 * t), np.float32), rate=rate)
    monkeypatch.setattr(reading, "BLOCK", 5000)
    mono = read_mono(open_song(path))
    assert len(mono) == 3 * ANALYSIS_RATE
    wanted = 0.5 * np.sin(2 * np.pi * 700 * np.arange(len(mono)) / ANALYSIS_RATE)
    assert np.abs(mono - wanted)[200:-200].max() < 2e-3


def test_eight_channels_are_mixed_down(write: Write) -> None:
    one = song()
    path = write(np.stack([one, *[songs.silence(2.5)] * 7], axis=1))
    assert np.abs(read_mono(open_song(path))).max() == pytest.approx(np.abs(one).max() / 8, rel=0.1)


def refused(path: Path) -> str:
    """What is said about a file."""
    with pytest.raises(BadSong) as caught:
        SongAnalysis.of(path).beats()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "m4a"])
def test_what_is_cut_short_is_refused(
    ending: str, write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = (
        by_ffmpeg(write(song()), tmp_path / "song.m4a")
        if ending == "m4a"
        else write(song(), f"song.{ending}")
    )
    part = tmp_path / f"part.{ending}"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    message = refused(part)
    assert "cut short" in message or "decoded" in message
    assert capfd.readouterr().err == ""


def test_no_file(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nothing.mp3")
    assert "is no file" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.mp3", b"hello world\n" * 100),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"),
        ("list.wav", b"ffconcat version 1.0\nfile '/etc/hostname'\n"),
    ],
)
def test_what_is_no_sound_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert "is no sound that can be read" in refused(tmp_path / name)


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    source = ("-f", "lavfi", "-i", "testsrc=duration=0.2:size=32x32")
    subprocess.run([executable(), "-v", "error", *source, str(path)], check=True)
    assert "has no sound in it" in refused(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    assert "empty" in refused(tmp_path / "empty.wav")


def test_one_sample_is_refused(write: Write) -> None:
    assert "holds 1 sample" in refused(write(np.array([0.5], np.float32)))


def test_silence_is_refused(write: Write) -> None:
    assert "is silent" in refused(write(songs.silence(3)))


def test_numbers_that_are_no_sound_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nan.wav", np.full(20_000, np.nan), 44_100, subtype="FLOAT")
    assert "not finite" in refused(tmp_path / "nan.wav")


def test_an_hour_is_refused_at_once(write: Write) -> None:
    hour = np.zeros(8000 * 3600, np.int16)
    assert "lasts 60:00 minutes, allowed are 30" in refused(write(hour, "hour.flac", 8000))


@pytest.mark.skipif(os.name == "nt", reason="a shell's script")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "script", ["sleep 1000", "head -c 2000000 /dev/zero; sleep 1000"], ids=["at once", "in the middle"]
)
def test_an_ffmpeg_that_hangs_is_ended(
    script: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = by_ffmpeg(write(song()), tmp_path / "song.m4a")
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    monkeypatch.setenv("VQANIM_FFMPEG_PATIENCE", "0.5")
    began = time.monotonic()
    assert "ffmpeg did nothing for 0.5 s while it was read" in refused(path)
    assert time.monotonic() - began < 20
