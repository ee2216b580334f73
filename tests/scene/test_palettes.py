"""Palettes in scenes: every way to write one, and what is said about one that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vqanim.errors import SceneError, UsageError
from vqanim.scene.dump import dump_scene
from vqanim.scene.fields.models import models_called
from vqanim.scene.loader import load_scene_text

SCENE = "duration: 1s\nprompts: a cat\nmodels: {generator: {name: pixels, palette: %s}}\n"


def palette(written: str, folder: Path) -> Any:
    scene = load_scene_text(SCENE % written, str(folder / "a.yaml"), folder)
    again = load_scene_text(dump_scene(scene), str(folder / "a.yaml"), folder)
    assert again.models.settings == scene.models.settings
    return dict(scene.models.settings)["palette"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("pico-8", "pico-8"),
        ("PICO_8", "pico-8"),
        ("8", 8),
        ("free", None),
        ("[black, white]", ((0, 0, 0), (1, 1, 1))),
        ('{colors: ["#f00", navy]}', ((1, 0, 0), (0, 0, 128 / 255))),
        ('"black/#fff"', ((0, 0, 0), (1, 1, 1))),
    ],
)
def test_every_form(written: str, value: Any, tmp_path: Path) -> None:
    assert palette(written, tmp_path) == value


def test_colors_of_a_picture(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 40), (250, 200, 10))
    image.paste((10, 20, 60), (0, 0, 40, 25))
    image.save(tmp_path / "a.png")
    found = palette("{image: a.png, colors: 4}", tmp_path)
    assert [[round(255 * channel) for channel in color] for color in found] == [[10, 20, 60], [250, 200, 10]]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{colors: []}", "found a palette of 0, allowed 2 to 256 colors"),
        ("[red]", "found a palette of 1, allowed 2 to 256 colors"),
        ("{}", "found nothing"),
        ("1", "allowed a number of colors from 2 to 64"),
        ("pico8", "did you mean 'pico-8'"),
        ("[red, blurple]", "blurple"),
        ("{image: none.png}", "none.png"),
        ("{image: ../a.png}", "a.png"),
        ("{image: plain.png}", "found a picture of one color"),
    ],
)
def test_mistakes(written: str, said: str, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), "red").save(tmp_path / "plain.png")
    with pytest.raises(SceneError) as caught:
        palette(written, tmp_path)
    assert said in str(caught.value)
    assert "a.yaml:3" in str(caught.value)


def test_settings_follow_a_name_on_the_command_line() -> None:
    found = models_called("pixels,cells=40,shape=hex,palette=navy/#fff")
    assert (found.generator, found.used[0].name) == ("pixels", "pocket")
    assert dict(found.settings) == {
        "cells": 40,
        "shape": "hex",
        "palette": ((0, 0, 128 / 255), (1, 1, 1)),
    }
    assert models_called("pixels,cells=40+pocket").settings == (("cells", 40),)


@pytest.mark.parametrize("text", ["pixels,cels=40", "pixels,cells=x", "pocket,cells=4", "pixels,palette=/"])
def test_settings_that_are_wrong_are_named(text: str) -> None:
    with pytest.raises(UsageError, match="--models"):
        models_called(text)
