"""A timelapse of a few steps, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.cli.conftest import Run
from vqanim.film.probe import probe

TINY = ("--size", "32x32", "--device", "cpu", "--duration", "0.5", "--freeze-end", "0.25")


def test_a_timelapse_is_a_film_of_the_picture_that_image_paints(run: Run, here: Path) -> None:
    made = run("timelapse", "a volcano", "--steps", "6", *TINY, "--out", "lapse")
    assert made.code == 0
    assert sorted(path.name for path in (here / "lapse").iterdir()) == [
        "a-volcano.gif", "a-volcano.mp4", "a-volcano.png"
    ]  # fmt: skip
    assert probe(here / "lapse" / "a-volcano.mp4").frames == 12 + 6
    assert run("image", "--like", "lapse/a-volcano.png", "--out", "same.png").code == 0
    picture, same = (np.asarray(Pillow.open(here / name)) for name in ("lapse/a-volcano.png", "same.png"))
    assert np.array_equal(picture, same)
    again = run("timelapse", "a volcano", "--steps", "6", *TINY, "--out", "lapse")
    assert again.code == 2
    assert "--force to overwrite" in again.err


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
