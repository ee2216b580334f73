"""A picture from one command: repeated, changed, begun from another picture, stopped, refused."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.cli.conftest import Run, Start

TINY = ("--size", "32x32", "--steps", "2", "--device", "cpu")


@pytest.fixture
def photo(here: Path) -> Path:
    """A picture twice as wide as high."""
    columns = np.linspace(0, 255, 48).astype(np.uint8)
    picture = np.stack([np.tile(columns, (24, 1))] * 3, 2)
    Pillow.fromarray(picture).save(here / "photo.png")
    return here / "photo.png"


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Pillow.open(path).convert("RGB")).astype(int)


def test_a_picture_repeats_from_its_own_file_and_nothing_is_overwritten(run: Run, here: Path) -> None:
    made = run("image", "a volcano:2 | fog:-0.5", *TINY)
    assert made.code == 0
    assert "a-volcano-fog.png: 32x32, 2 steps, seed 0, models pocket" in made.out
    path = here / "a-volcano-fog.png"
    with Pillow.open(path) as image:
        assert image.info["parameters"].startswith("a volcano:2\nNegative prompt: fog:0.5\nSteps: 2,")
        assert str(here) not in image.info["vqanim"]
    before = path.read_bytes()
    refused = run("image", "--like", str(path))
    assert (refused.code, path.read_bytes()) == (2, before)
    assert "--force to overwrite" in refused.err
    (here / "below").mkdir()
    assert run("image", "--like", str(path), "--out", "below/again", "--quiet").out == ""
    assert (here / "below" / "again.png").read_bytes() == before
    assert run("image", "--like", str(path), "--seed", "1", "--out", "other.png").code == 0
    assert not np.array_equal(pixels(here / "other.png"), pixels(path))


def test_a_lower_learning_rate_stays_closer_to_the_init(run: Run, here: Path, photo: Path) -> None:
    def change(*options: str) -> float:
        args = ("image", "a volcano", "--init", "photo.png", "--resize", "stretch", *TINY, "--force")
        assert run(*args, "--out", "made.png", *options).code == 0
        wanted = np.asarray(Pillow.open(photo).resize((32, 32), Pillow.Resampling.LANCZOS)).astype(int)
        return float(np.abs(pixels(here / "made.png") - wanted).mean())

    assert change("--learning-rate", "0.02") < change() < change("--learning-rate", "0.5")
    with Pillow.open(here / "made.png") as image:
        assert json.loads(image.info["vqanim"])["still"]["init"]["path"] == "photo.png"


@pytest.mark.slow
def test_a_picture_begins_from_an_icon_and_keeps_it_as_a_target(run: Run, here: Path) -> None:
    icon = ("--icon", "fab fa-twitter", "--icon-color", "red", "--icon-background", "black")
    small = (
        "image",
        "a meadow",
        "--size",
        "48x48",
        "--steps",
        "8",
        "--learning-rate",
        "0.4",
        "--device",
        "cpu",
    )
    assert run(*small, *icon, "--out", "free.png").code == 0
    assert run(*small, *icon, "--also-target", "3", "--out", "kept.png").code == 0
    assert (
        run("icon", "twitter", *[word.replace("--icon-", "--") for word in icon[2:]], "--size", "48").code
        == 0
    )
    drawn = pixels(here / "twitter.png")

    def likeness(name: str) -> float:
        return float(np.corrcoef(pixels(here / name).ravel(), drawn.ravel())[0, 1])

    assert likeness("kept.png") > likeness("free.png") + 0.1
    assert run("image", "--like", "kept.png", "--out", "again.png").code == 0
    assert np.array_equal(pixels(here / "again.png"), pixels(here / "kept.png"))
    assert (
        run("image", "--like", "kept.png", "--icon-color", "#00f", "--steps", "1", "--out", "blue.png").code
        == 0
    )
    with Pillow.open(here / "blue.png") as image:
        still = json.loads(image.info["vqanim"])["still"]
    assert still["icon"] == {"name": "fab fa-twitter", "color": "#0000ff", "background": "#000000"}


def test_a_number_that_is_no_weight_stays_in_the_prompt(run: Run, here: Path) -> None:
    made = run("image", "a clock at 12:30 | rain:2, umbrella:-1", *TINY, "--out", "clock.png")
    assert made.code == 0
    # What is told of how a text is read, not what the model knows of it, which begins alike.
    assert made.err.count("Warning: 'rain:2, umbrella:-1' is one text") == 1
    assert '"rain:2 | umbrella:-1"' in made.err
    with Pillow.open(here / "clock.png") as image:
        painted = json.loads(image.info["vqanim"])
    assert painted["still"]["prompt"] == "a clock at 12:30 | rain:2, umbrella:-1"


def test_several_pictures_and_a_target(run: Run, here: Path, photo: Path) -> None:
    made = run("image", "--target", "photo.png:0.5", "--count", "2", *TINY, "--out", "two.png")
    assert made.code == 0
    first, second, grid = (pixels(here / f"two-{name}.png") for name in ("1", "2", "grid"))
    assert not np.array_equal(first, second)
    assert np.array_equal(grid, np.concatenate([first, second], 1))
    again = run("image", "--like", "two-2.png", "--out", "again.png")
    assert again.code == 0
    assert np.array_equal(pixels(here / "again.png"), second)


@pytest.mark.slow
def test_what_was_stopped_is_saved(start: Start, here: Path) -> None:
    process = start("image", "a volcano", "--size", "32x32", "--steps", "10000", "--device", "cpu")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step "):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert re.search(r"stopped at step \d+ of 10000; a-volcano.png is saved so far", err)
    assert pixels(here / "a-volcano.png").shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), 2, "give a prompt"),
        ((" ",), 2, "the prompt is empty"),
        (("a | | b",), 2, "a part without a text"),
        (("a:much",), 2, "found the weight 'much', allowed a number"),
        (("a:0",), 2, "all weights are 0"),
        (("a castle", "--neg", "fog"), 2, '"a castle | fog:-0.5"'),
        (("a", "--size", "big"), 2, "Use WIDTHxHEIGHT"),
        (("a", "--steps", "0"), 2, "allowed a whole number from 1"),
        (("a", "--learning-rate", "0"), 2, "learning rate: found 0"),
        (("a", "--models", "pockets"), 2, "pockets"),
        (("a", "--resize", "cover"), 2, "there is no --init"),
        (("a", "--icon", "robbot"), 2, "there is no icon 'robbot', did you mean 'robot'"),
        (("a", "--icon", "eye", "--init", "photo.png"), 2, "found a picture and an icon to begin from"),
        (("a", "--icon-color", "red"), 2, "but there is no --icon"),
        (("a", "--icon", "eye", "--icon-color", "reddish"), 2, "'reddish' is not a color"),
        (("a", "--also-target", "1"), 2, "found no picture and no icon to begin from"),
        (("a", "--init", "photo.png", "--also-target", "-1"), 2, "--also-target"),
        (("a", "--init", "none.png"), 3, "none.png: the picture is missing"),
        (("a", "--init", "broken.png"), 3, "broken.png: the picture is no readable picture"),
        (("a", "--target", "photo.png:heavy"), 2, "found the weight 'heavy'"),
        (("--like", "photo.png"), 3, "photo.png: has no settings of a picture"),
        (("--like", "none.png"), 3, "there is no such picture"),
        (("a", "--out", "a.jpg"), 2, "allowed is a PNG"),
    ],
)
def test_what_cannot_be_painted_is_refused_in_one_line(
    run: Run, here: Path, photo: Path, args: tuple[str, ...], code: int, said: str
) -> None:
    (here / "broken.png").write_bytes(photo.read_bytes()[:60])
    refused = run("image", *args)
    assert refused.code == code
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert sorted(path.name for path in here.iterdir()) == ["broken.png", "photo.png"]


def test_a_generator_without_weights_paints_with_the_pocket_perceptor(
    run: Run, here: Path, photo: Path
) -> None:
    (here / "scene.yaml").write_text("size: [32, 32]\nduration: 0.2s\nprompts: [fog]\nmodels: pixels\n")
    settings = "models={generator: {name: pixels, cells: 16}}"
    for args, models in (
        (("check", "scene.yaml"), "pixels and pocket"),
        (("check", "scene.yaml", "--set", settings), "pixels (cells 16) and pocket"),
        (("plan", "scene.yaml", "--set", settings), "pixels (cells 16) ("),
        (("check", "scene.yaml", "--models", "fft"), "fft and pocket"),
        (("check", "scene.yaml", "--models", "fft+pocket"), "fft and pocket"),
        (("image", "fog", *TINY, "--models", "pixels"), "pixels and pocket"),
        (("image", "fog", *TINY, "--models", "pixels+pocket", "--force"), "pixels and pocket"),
        (("style", str(photo), "fog", "--steps", "2", "--models", "pixels"), "pixels and pocket"),
        (("timelapse", "fog", *TINY, "--models", "pixels", "--duration", "0.2"), "pixels and pocket"),
    ):
        made = run(*args)
        assert (made.code, made.err) == (0, "")
        assert models in made.out
    for models in ("pixels+nothing", "nothing+pocket", "pixels+", "imagenet-1024"):
        assert run("check", "scene.yaml", "--models", models).code == 2
