"""`vqanim icon` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run, frames
from vqanim.icons import IconSpec, icon_figure
from vqanim.icons.draw import draw_icon
from vqanim.icons.fontawesome import font_path
from vqanim.pictures import read_picture

TRIANGLE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 9L9 9L4.5 0z"/></svg>'


def test_the_defaults_are_what_the_help_says(run: Run, here: Path) -> None:
    result = run("icon", "fa-robot")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "wrote robot.png: fas fa-robot, 512x512"
    assert "CC BY 4.0" in result.out
    assert np.array_equal(
        read_picture(here / "robot.png"), draw_icon(IconSpec(icon_figure("robot"), seed=42), 512, 512)
    )
    said = run("icon", "--help").out
    assert all(text in said for text in ("#7b7568", "white", "0.2", "512", "42", "CC BY 4.0", "OFL 1.1"))


def test_every_option_reaches_the_picture_and_its_parameters(run: Run, here: Path) -> None:
    options = (
        "--color #f00 --opacity 0.9 --background black --noise 0.3 --noise-colors rainbow --size 96x64 "
        "--scale 0.5 --align left --stroke 8 --seed 0 --out deep/x"
    )
    assert run("icon", "fab", "fa-twitter", *options.split()).code == 0
    spec = IconSpec(
        icon_figure("twitter"), (1.0, 0.0, 0.0), 0.9, (0.0, 0.0, 0.0), 0.3, "rainbow", "left", 8.0, 0.5, 0
    )
    assert np.array_equal(read_picture(here / "deep" / "x.png"), draw_icon(spec, 64, 96))
    with Image.open(here / "deep" / "x.png") as image:
        info = dict(image.info)
    inside = json.loads(info["vqanim"])
    assert inside.items() >= {
        "icon": "fab fa-twitter", "color": "#ff0000", "opacity": 0.9, "background": "#000000", "noise": 0.3,
        "noise_colors": "rainbow", "size": [96, 64], "scale": 0.5, "align": "left", "stroke": 8.0, "seed": 0,
    }.items()  # fmt: skip
    assert info["parameters"].startswith("fab fa-twitter\nColor: #ff0000, Opacity: 0.9,")
    assert "CC BY 4.0" in info["Copyright"]


def test_nothing_is_overwritten_unless_forced(run: Run, here: Path) -> None:
    (here / "eye.png").write_text("precious")
    result = run("icon", "eye", "--size", "32")
    assert (result.code, result.out) == (2, "")
    assert result.err == "Error: eye.png exists already; choose another name, or --force to overwrite\n"
    assert (here / "eye.png").read_text() == "precious"
    assert run("icon", "eye", "--size", "32", "--force").code == 0
    assert read_picture(here / "eye.png").shape == (32, 32, 3)


def test_searching_lists_icons_and_draws_nothing(run: Run, here: Path) -> None:
    result = run("icon", "--search", "bird")
    assert result.code == 0
    assert "fas fa-dove" in result.out
    assert result.out.splitlines()[-1].startswith("6 icons; draw one: vqanim icon fas fa-")
    assert "fas fa-heart, far fa-heart" in run("icon", "--search", "heart").out
    assert run("icon", "--search", "qqqq").code == 2
    assert list(here.iterdir()) == []


def test_texts_shapes_and_characters_of_fonts(run: Run, here: Path) -> None:
    (here / "logo.svg").write_text(TRIANGLE)
    font = str(font_path("brands"))
    drawn = {
        "MORDOR.png": ("--text", "MORDOR"),
        "two-lines.png": ("--text", r"two\nlines"),
        "logo-icon.png": ("--shape", "logo.svg"),
        "U-F099.png": ("--font", font, "--glyph", "U+F099"),
    }
    for name, options in drawn.items():
        result = run("icon", *options, "--size", "64", "--noise", "0")
        assert (result.code, result.err) == (0, ""), name
        assert "CC BY" not in result.out
        assert 0.03 < (read_picture(here / name) < 250).mean() < 0.7, name
    assert run("icon", "twitter", "--size", "64", "--noise", "0").code == 0
    assert np.array_equal(read_picture(here / "U-F099.png"), read_picture(here / "twitter.png"))
    with Image.open(here / "logo-icon.png") as image:
        assert str(here) not in str(image.info)  # where a file lies is nobody's business


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["robbot"], 2, "there is no icon 'robbot', did you mean 'robot'"),
        ([], 2, "found nothing to draw, allowed one of NAME, --shape, --text, --glyph"),
        (["eye", "--text", "a"], 2, "found NAME and --text, allowed one of"),
        (["--glyph", "A"], 2, "give --font FILE too"),
        (["--font", "a.ttf"], 2, "found nothing to draw"),
        (["eye", "--font", "a.ttf"], 2, "--font goes with --text or --glyph"),
        (["--font", "a.ttf", "--glyph", "AB"], 2, "found 'AB', allowed one character or its code"),
        (["--font", "a.ttf", "--glyph", "A"], 3, "a.ttf: the font is missing"),
        (["--shape", "a.svg"], 3, "a.svg: the shape is missing"),
        (["--text", ""], 2, "found 0 characters"),
        (["--text", "\u96ea"], 3, "lacks '\u96ea'"),
        (["eye", "--color", "reddish"], 2, "'reddish' is not a color. Use '#rrggbb'"),
        (["eye", "--opacity", "1.1"], 2, "'1.1' is not a number from 0 to 1"),
        (["eye", "--noise", "nan"], 2, "'nan' is not a number from 0 to 1"),
        (["eye", "--noise", "20%"], 2, "did you mean 0.2?"),
        (["eye", "--noise-colors", "grey"], 2, "'grey' is not one of 'gray', 'rainbow'"),
        (["eye", "--size", "0"], 2, "'0' is not a size. Use 512 or 512x384, sides from 1 to 4096"),
        (["eye", "--size", "9999x10"], 2, "is not a size"),
        (["eye", "--size", "1x2x3"], 2, "is not a size"),
        (["eye", "--seed", "-1"], 2, "-1 is not in the range"),
        (["eye", "--out", "eye.jpg"], 2, "found 'eye.jpg', allowed is the name of a PNG"),
    ],
)
def test_mistakes_are_one_clear_message(
    run: Run, here: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run("icon", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert "Traceback" not in result.err
    assert list(here.iterdir()) == []


def test_a_film_that_starts_from_a_shape_can_be_rendered_from_its_resolved_scene(
    run: Run, here: Path
) -> None:
    (here / "logo.svg").write_text(TRIANGLE)
    (here / "a.yaml").write_text(
        "size: [64, 48]\nduration: 2f\nprompts: a lake\ncamera: {rotate: 90}\nguidance: {steps: 0}\n"
        "start: {shape: logo.svg, color: red, background: black, noise: 0.1}\n"
    )
    assert run("render", "a.yaml", "--quiet").code == 0
    first = frames(here / "renders" / "a")
    (here / "logo.svg").unlink()
    (here / "renders" / "a").rename(here / "elsewhere")
    again = run("render", "elsewhere/scene.resolved.yaml", "--out", "again", "--quiet")
    assert (again.code, again.err) == (0, "")
    assert frames(here / "again") == first
    picture = read_picture(here / "again" / "takes" / "main" / "000000.png")
    assert picture[40, 32].tolist() == [255, 0, 0]
    assert picture[2, 2].max() < 30
