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
from vqanim.cache import cache_folder
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


def mp3(source: Path, target: Path, *options: str) -> Path:
    subprocess.run([executable(), "-v", "error", "-y", "-i", str(source), *options, str(target)], check=True)
    return target


def swelling(seconds: float) -> songs.Sound:
    """Silence, then noise: a variable bit rate that nobody can guess from the first frames."""
    loud = np.where(np.arange(len(songs.silence(seconds))) < songs.RATE * seconds / 4, 0.0, 1.0)
    return np.asarray(loud * songs.noise(seconds, 0.3), np.float32)


@pytest.mark.parametrize("tag", ["0", "3"], ids=["bare", "tagged"])
def test_a_variable_rate_without_a_header_has_its_whole_length(
    tag: str, write: Write, tmp_path: Path
) -> None:
    options = ("-q:a", "0", "-write_xing", "0", "-id3v2_version", tag, "-metadata", "title=a song")
    found = open_song(mp3(write(swelling(12.0)), tmp_path / "song.mp3", *options))
    assert found.seconds == pytest.approx(12.0, abs=0.1)
    mono = read_mono(found)
    assert len(mono) / ANALYSIS_RATE == pytest.approx(found.seconds, abs=0.01)
    assert np.abs(mono[-ANALYSIS_RATE:]).max() > 0.05


def test_of_joined_songs_all_are_heard(write: Write, tmp_path: Path) -> None:
    one = mp3(write(song()), tmp_path / "one.mp3", "-b:a", "128k", "-metadata", "title=one")
    other = mp3(write(song()), tmp_path / "other.mp3", "-q:a", "2", "-ar", "22050", "-write_xing", "0")
    ogg = write(song(), "one.ogg")
    opus = by_ffmpeg(write(song()), tmp_path / "one.opus")
    joined = {
        "same.mp3": one.read_bytes() * 3,
        "ends.mp3": (one.read_bytes() + b"TAG" + bytes(125)) * 3,
        "kinds.mp3": one.read_bytes() + other.read_bytes() + one.read_bytes(),
        "chained.ogg": ogg.read_bytes() * 3,
        "chained.opus": opus.read_bytes() * 3,
    }
    for name, content in joined.items():
        (tmp_path / name).write_bytes(content)
        found = open_song(tmp_path / name)
        assert found.seconds == pytest.approx(3 * 2.5, abs=0.3), name
        last = read_mono(found)[round(5.2 * ANALYSIS_RATE) :]
        assert np.argmax(np.abs(last)) / ANALYSIS_RATE + 5.2 == pytest.approx(5 + HIT, abs=0.2), name


def test_chained_songs_of_several_kinds_are_refused(write: Write, tmp_path: Path) -> None:
    one, other = write(song(), "one.ogg"), write(song(), "other.ogg", 22_050)
    (tmp_path / "both.ogg").write_bytes(one.read_bytes() + other.read_bytes())
    assert "several kinds, one after the other" in refused(tmp_path / "both.ogg")


def test_a_song_without_a_mark_at_its_end_is_played(write: Write, tmp_path: Path) -> None:
    whole = write(song() + songs.noise(2.5, 0.2), "song.ogg").read_bytes()
    (tmp_path / "open.ogg").write_bytes(whole[: whole.rfind(b"OggS")])
    found = open_song(tmp_path / "open.ogg")
    assert "no mark at its end" in (found.note or "")
    assert len(read_mono(found)) / ANALYSIS_RATE == pytest.approx(found.seconds, abs=0.01)
    assert found.seconds > 0.5


@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_streams_that_never_said_how_long_they_are(kind: str, write: Write, tmp_path: Path) -> None:
    command = [executable(), "-v", "error", "-i", str(write(song())), "-f", kind, "pipe:1"]
    streamed = subprocess.run(command, check=True, capture_output=True).stdout
    (tmp_path / f"streamed.{kind}").write_bytes(streamed)
    assert open_song(tmp_path / f"streamed.{kind}").seconds == pytest.approx(2.5, abs=0.01)


def test_channels_that_cancel_each_other_are_heard(write: Write) -> None:
    one = song()
    path = write(np.stack([one, -0.95 * one], axis=1))
    assert np.abs(read_mono(open_song(path))).max() == pytest.approx(np.abs(one).max(), rel=0.1)


def test_a_remembered_signal_is_of_the_whole_song(write: Write) -> None:
    analysis = SongAnalysis.of(write(song()))
    whole = analysis.signal("loudness")
    (kept,) = cache_folder().rglob("signal-*.npy")
    for wrong in (whole[:100], 2 * whole, np.full(len(whole), np.nan)):
        np.save(kept, wrong.astype(np.float32))
        assert np.array_equal(SongAnalysis.of(analysis.song.path).signal("loudness"), whole)


def test_no_file(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nothing.mp3")
    assert "not a file" in refused(tmp_path)


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


def test_joined_flacs_are_heard_whole_and_those_of_several_kinds_refused(
    write: Write, tmp_path: Path
) -> None:
    one, other = write(song(), "one.flac").read_bytes(), write(song(), "other.flac", 22_050).read_bytes()
    (tmp_path / "joined.flac").write_bytes(one + one)
    found = open_song(tmp_path / "joined.flac")
    assert found.seconds == pytest.approx(5.0, abs=0.01)
    last = read_mono(found)[3 * ANALYSIS_RATE :]
    assert np.argmax(np.abs(last)) / ANALYSIS_RATE + 3 == pytest.approx(2.5 + HIT, abs=0.01)
    (tmp_path / "kinds.flac").write_bytes(one + other)
    assert "several kinds" in refused(tmp_path / "kinds.flac")


@pytest.mark.parametrize("promised", [0, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFDB], ids=hex)
def test_a_wav_that_was_written_to_a_pipe_is_read_to_its_end(
    promised: int, write: Write, tmp_path: Path
) -> None:
    content = bytearray(write(song()).read_bytes())
    at = content.find(b"data") + 4
    content[at : at + 4] = promised.to_bytes(4, "little")
    (tmp_path / "piped.wav").write_bytes(content)
    assert len(read_mono(open_song(tmp_path / "piped.wav"))) / ANALYSIS_RATE == pytest.approx(2.5, abs=0.01)


def test_a_second_song_in_a_wav_is_told(write: Write, tmp_path: Path) -> None:
    (tmp_path / "joined.wav").write_bytes(write(song()).read_bytes() * 2)
    assert "not heard" in (open_song(tmp_path / "joined.wav").note or "")


def test_opus_without_a_mark_at_its_end_is_played(write: Write, tmp_path: Path) -> None:
    content = bytearray(by_ffmpeg(write(song()), tmp_path / "song.opus").read_bytes())
    last = content.rfind(b"OggS")
    content[last + 5] &= ~4
    content[last + 22 : last + 26] = bytes(4)
    content[last + 22 : last + 26] = _checksum(content[last:]).to_bytes(4, "little")
    (tmp_path / "open.opus").write_bytes(content)
    found = open_song(tmp_path / "open.opus")
    assert "no mark at its end" in (found.note or "")
    assert len(read_mono(found)) / ANALYSIS_RATE == pytest.approx(2.5, abs=0.05)


def _checksum(page: bytes | bytearray) -> int:
    """Of a page of an ogg (RFC 3533)."""
    found = 0
    for byte in page:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ (0x04C11DB7 if found & 0x80000000 else 0)) & 0xFFFFFFFF
    return found


@pytest.mark.parametrize("kind", ["surround", "a part"])
def test_channels_that_cancel_in_part_are_heard(kind: str, write: Write) -> None:
    one = songs.at([HIT, 4.5], 6.0) + songs.tone(440, 6.0, 0.05)
    other = -one
    if kind == "a part":
        other = np.where(np.arange(len(one)) < 3.0 * songs.RATE, one, -one)
    rest = [songs.silence(6.0)] * (4 if kind == "surround" else 0)
    mono = read_mono(open_song(write(np.stack([one, other, *rest], axis=1))))
    for second in (HIT, 4.5):
        near = mono[round((second - 0.1) * ANALYSIS_RATE) : round((second + 0.1) * ANALYSIS_RATE)]
        assert np.abs(near).max() > 0.4 * np.abs(one).max()


def test_decoders_say_nothing_of_their_own(
    write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = mp3(write(song()), tmp_path / "song.mp3").read_bytes()
    (tmp_path / "tail.mp3").write_bytes(whole + bytes(50_000))
    read_mono(open_song(tmp_path / "tail.mp3"))
    (tmp_path / "page.mp3").write_text("<!DOCTYPE html><html>404</html>")
    refused(tmp_path / "page.mp3")
    assert capfd.readouterr().err == ""


def test_of_a_damaged_ogg_as_much_is_heard_as_it_says(write: Write, tmp_path: Path) -> None:
    content = bytearray(write(song() + songs.noise(2.5, 0.2), "song.ogg").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    (tmp_path / "damaged.ogg").write_bytes(content)
    found = open_song(tmp_path / "damaged.ogg")
    assert "damaged" in (found.note or "")
    assert len(read_mono(found)) / ANALYSIS_RATE == pytest.approx(found.seconds, abs=0.01)
