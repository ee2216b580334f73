"""A timelapse of a few steps, how it is stopped and continued, and what it refuses."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.cli.conftest import Run, Start, wait_for
from tests.probe import probe

TINY = ("--size", "32x32", "--device", "cpu", "--duration", "0.5", "--freeze-end", "0.25")


def test_a_timelapse_is_a_film_of_the_picture_that_image_paints(run: Run, here: Path) -> None:
    made = run("timelapse", "a volcano", "--steps", "6", *TINY, "--out", "lapse")
    assert made.code == 0
    assert sorted(files(here / "lapse")) == ["a-volcano.gif", "a-volcano.mp4", "a-volcano.png"]
    assert probe(here / "lapse" / "a-volcano.mp4").frames == 12 + 6
    assert run("image", "--like", "lapse/a-volcano.png", "--out", "same.png").code == 0
    picture, same = (np.asarray(Pillow.open(here / name)) for name in ("lapse/a-volcano.png", "same.png"))
    assert np.array_equal(picture, same)
    again = run("timelapse", "a volcano", "--steps", "6", *TINY, "--out", "lapse")
    assert again.code == 2
    assert "--force to overwrite" in again.err


def files(folder: Path) -> dict[str, bytes]:
    """What a person sees in a folder."""
    return {
        path.name: path.read_bytes() if path.is_file() else b""
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


@pytest.mark.parametrize(
    ("steps", "duration", "freeze", "frames"), [("1", "0.042", "0", 1), ("2", "0.75", "0.5", 30)]
)
def test_the_film_is_exactly_as_long_as_asked(
    run: Run, here: Path, steps: str, duration: str, freeze: str, frames: int
) -> None:
    length = ("--duration", duration, "--freeze-end", freeze)
    made = run("timelapse", "a", "--steps", steps, "--size", "32x32", "--device", "cpu", *length)
    assert made.code == 0
    assert probe(here / "a" / "a.mp4").frames == frames
    with Pillow.open(here / "a" / "a.png") as last:
        assert last.info["parameters"].split("Steps: ")[1].startswith(f"{steps}, ")


@pytest.mark.slow
def test_however_it_is_stopped_it_goes_on_to_the_same_bits(run: Run, start: Start, here: Path) -> None:
    command = ("timelapse", "a lake", "--steps", "12", *TINY, "--out")
    assert run(*command, "whole").code == 0

    process = start(*command, "lapse")
    wait_for(here / "lapse" / "recording" / "state.safetensors", process)
    process.kill()
    process.communicate()
    assert list(files(here / "lapse")) == ["recording"]

    process = start(*command, "lapse")
    wait_for(here / "lapse" / "recording" / "000006.png", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "going on after step" in out
    assert "making the film so far" in err
    assert err.splitlines()[-1] == "run the same command to continue"
    so_far = files(here / "lapse")
    assert sorted(so_far) == ["a-lake.gif", "a-lake.mp4", "a-lake.png", "recording"]

    other = run(*command, "lapse", "--seed", "5")
    assert other.code == 2
    assert "--force to overwrite" in other.err
    assert files(here / "lapse") == so_far

    again = run(*command, "lapse")
    assert again.code == 0
    assert "going on after step" in again.out
    assert files(here / "lapse") == files(here / "whole")


@pytest.mark.slow
def test_an_unfinished_one_of_other_settings_is_set_aside(run: Run, start: Start, here: Path) -> None:
    command = ("timelapse", "a lake", *TINY, "--out", "lapse", "--steps")
    process = start(*command, "200")
    wait_for(here / "lapse" / "recording" / "state.safetensors", process)
    process.kill()
    process.communicate()
    made = run(*command, "1")
    assert made.code == 0
    assert "an unfinished timelapse with other settings is in lapse/superseded/001 now" in made.err
    assert (here / "lapse" / "superseded" / "001" / "recording" / "state.safetensors").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("a", "--duration", "0"), "--duration 0: allowed are seconds from"),
        (("a", "--freeze-end", "nan"), "--freeze-end nan: allowed are seconds"),
        (("a", "--pace", "fast"), "fast"),
        ((), "give a prompt"),
    ],
)
def test_what_cannot_be_filmed_is_refused(run: Run, here: Path, args: tuple[str, ...], said: str) -> None:
    refused = run("timelapse", *args)
    assert refused.code == 2
    assert said in refused.err
    assert list(here.iterdir()) == []
