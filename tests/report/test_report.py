"""A render looked back upon."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.report.conftest import NASTY, SCENE, Make, check_page, figures, picture
from vqanim.api import find_rendered, prepare, report
from vqanim.errors import InputError, OutputError, SceneError, UsageError
from vqanim.report import film
from vqanim.report.report import waveform, write_report
from vqanim.scene import dump_scene
from vqanim.takes.records import FrameRecord, append_records
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import SoundPlan


def test_it_is_one_file_that_shows_all_and_runs_nothing_of_a_stranger(make: Make, tmp_path: Path) -> None:
    rendered = make("two", films=True, machine=f"Linux {NASTY}")
    path = report(rendered.folder)
    assert path == rendered.folder / "report.html"
    text = path.read_text("utf-8")
    checker = check_page(text)
    assert all(address.startswith("data:") for address in checker.addresses)
    assert "http://" not in text
    assert "https://" not in text
    assert checker.tags.count("video") == 1
    assert len(re.findall(r'src="data:video/mp4;base64,[A-Za-z0-9+/]', text)) == 1
    assert checker.tags.count("button") == 12
    for shown in (
        f"Two {NASTY}",
        f"a volcano {NASTY}",
        f"Linux {NASTY}",
        "similarity to a lake",
        "-0.25 in the mean",
        "loss: stay near pixels",
        "seconds a frame",
        "rotate (degrees per second)",
        "sharpness",
        "commercial use",
        "12 at 6 a second",
    ):
        assert shown in checker.text, shown
    assert "so far" not in checker.text


def test_a_larger_film_stays_beside_the_page(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = make("two", films=True)
    monkeypatch.setattr("vqanim.report.report.FILM_BYTES", 1000)
    checker = check_page(report(rendered.folder).read_text("utf-8"))
    assert "video" not in checker.tags
    assert "two.mp4" in checker.addresses
    assert "so it is not in this page" in checker.text
    elsewhere = report(rendered.folder, tmp_path / "other" / "page.html").read_text("utf-8")
    assert str(rendered.folder / "two.mp4") in check_page(elsewhere).text


@pytest.mark.parametrize("painted", [0, 5])
def test_an_unfinished_render_shows_what_is_there(make: Make, painted: int) -> None:
    rendered = make("two", painted=painted)
    text = report(rendered.folder).read_text("utf-8")
    assert f"{painted} of 12 frames of the film are painted so far" in check_page(text).text
    assert text.count("<button") == painted


def test_frames_without_figures_are_told_of(make: Make) -> None:
    rendered = make("two")
    for shot in ("one", "two"):
        (rendered.folder / "takes" / shot / "record.jsonl").unlink()
    text = check_page(report(rendered.folder).read_text("utf-8")).text
    assert "were not recorded when these frames were painted" in text
    assert "sharpness" in text


def test_a_page_of_somebody_else_is_not_replaced(make: Make) -> None:
    rendered = make("two")
    report(rendered.folder)
    report(rendered.folder)  # its own it replaces
    (rendered.folder / "report.html").write_text("mine")
    with pytest.raises(UsageError, match="was not made here"):
        report(rendered.folder)
    assert (rendered.folder / "report.html").read_text() == "mine"
    report(rendered.folder, force=True)
    assert (rendered.folder / "report.html").read_text("utf-8") != "mine"


def test_what_is_no_render_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such folder and no such scene"):
        report("nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: is no render's folder"):
        report("empty")
    (tmp_path / "new.yaml").write_text("prompts: [a lake]\n")
    with pytest.raises(InputError, match=r"renders/new: holds no render of new.yaml; render it first"):
        report("new.yaml")


def test_a_broken_frame_is_named(make: Make) -> None:
    rendered = make("two")
    path = rendered.folder / "takes" / "one" / "000002.png"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(OutputError, match=r"000002\.png"):
        report(rendered.folder)


def test_warnings_are_shown(make: Make, tmp_path: Path) -> None:
    rendered = make("two")
    path = tmp_path / "page.html"
    write_report(rendered, path, ["pocket does not know <b>"])
    assert "pocket does not know <b>" in check_page(path.read_text("utf-8")).text


def test_the_song_is_seen_from_where_the_film_begins(make: Make, tmp_path: Path) -> None:
    """A second of silence, then one of a tone; the film begins after half a second."""
    seconds = np.arange(48_000 * 2) / 48_000
    tone = np.where(seconds < 1, 0, np.sin(2 * np.pi * 440 * seconds))
    soundfile.write(tmp_path / "song.wav", tone, 48_000)
    peaks = waveform(SoundPlan(str(tmp_path / "song.wav"), 0.5), 2.0, 8)
    assert not peaks[[0, 1, 6, 7]].any()  # of 0.25 s each
    assert (peaks[2:6, 1] > 0.9).all()
    assert (peaks[2:6, 0] < -0.9).all()
    scene = SCENE + "soundtrack: {file: song.wav, bpm: 120, first_beat: 0s}\n"
    folder = make("two", scene=scene, assets={tmp_path / "song.wav": "song.wav"}).folder
    text = report(folder).read_text("utf-8")
    assert "waveform" in check_page(text).text
    assert 'class="beats"' in text
    (folder / "song.wav").write_bytes(b"RIFF")
    with pytest.raises(SceneError, match="song.wav"):
        report(folder)


def test_measures_say_what_they_claim() -> None:
    plain = np.full((20, 30, 3), 128, np.uint8)
    checks = np.indices((20, 30)).sum(0) % 2 * 255
    crisp = np.repeat(checks[..., None], 3, -1).astype(np.uint8)
    assert film.sharpness(plain) == 0
    assert film.sharpness(crisp) == pytest.approx((4 * 255) ** 2, rel=1e-3)
    assert film.sharpness(np.array(Image.fromarray(crisp).reduce(2).resize((30, 20)))) < 10
    assert film.mean_color(plain) == "#808080"
    assert film.mean_color(crisp) == "#bcbcbc"  # half of all light
    assert film.difference(plain, plain) == 0
    assert film.difference(plain, np.full((40, 60, 3), 148, np.uint8)) == 20


def test_moments_are_spread_over_the_film() -> None:
    assert film.sample_frames(5, 64, 48) == [0, 1, 2, 3, 4]
    many = film.sample_frames(10_000, 64, 48)
    assert len(many) == film.MOST_FRAMES
    assert (many[0], many[-1]) == (8, 9991)
    assert len(film.sample_frames(10_000, 4096, 4096)) == film.LEAST_FRAMES


@pytest.mark.slow
def test_ten_thousand_frames_take_seconds(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    long = SCENE.replace("fps: 6", "fps: 25").replace("duration: 1s", "duration: 200s")
    (tmp_path / "long.yaml").write_text(long.replace("duration: 2s", "duration: 400s"))
    prepared = prepare(tmp_path / "long.yaml")
    store = TakeStore(folder)
    for shot in prepared.timeline.shots:
        first = store.save(shot.frames[0], picture(0), "d", metrics=figures(0))
        path = store.frame_path(shot.name, 0)
        for index in range(1, 5000):
            os.link(path, store.frame_path(shot.name, index))
        entry = FrameRecord(0, "d", first.pixels, first.pixels, path.stat().st_size, path.stat().st_mtime_ns)
        entries = (replace(entry, index=index, metrics=figures(index)) for index in range(5000))
        append_records(path.with_name("record.jsonl"), entries)
    (folder / "scene.resolved.yaml").write_text(dump_scene(prepared.scene))
    rendered = find_rendered(folder)
    began = time.process_time()
    text = report(rendered.folder).read_text("utf-8")
    assert time.process_time() - began < 20
    assert len(text) < 8_000_000
    assert "those of 600 of 10000 frames" in check_page(text).text
