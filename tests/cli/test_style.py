"""A photo in another style: kept, changed as far as the strength says, repeated, refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as Pillow

from tests.cli.conftest import Run
from vqanim.api import prepare_still
from vqanim.engine.pictures import to_tensor
from vqanim.losses.edges import edges, unit
from vqanim.losses.features import style_distance, style_of
from vqanim.models.conse.perceptor import Features, load_features
from vqanim.models.load import load_perceptor
from vqanim.scene.still import Still, Target

QUICK = ("--size", "64x48", "--steps", "10", "--device", "cpu", "--quiet", "--force")
Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def features() -> Features:
    return load_features()


@pytest.fixture
def photo(here: Path) -> Path:
    """A pale disc over a green hill, 96x72."""
    rows, columns = np.mgrid[0:72, 0:96]
    picture = np.full((72, 96, 3), (120, 150, 190), np.uint8)
    picture[rows > 50 - 12 * np.sin(columns / 20)] = (60, 100, 50)
    picture[(rows - 28) ** 2 + (columns - 48) ** 2 < 18**2] = (220, 200, 180)
    Pillow.fromarray(picture).save(here / "photo.png")
    return here / "photo.png"


@pytest.fixture
def painting(here: Path) -> Path:
    """Slanted strokes in red and yellow, wider than high."""
    rows, columns = np.mgrid[0:60, 0:120]
    strokes = (rows + columns) // 5 % 2 == 0
    picture = np.where(strokes[..., None], (240, 200, 40), (170, 20, 20)).astype(np.uint8)
    Pillow.fromarray(picture).save(here / "painting.png")
    return here / "painting.png"


def pixels(path: Path, size: tuple[int, int] | None = None) -> Pixels:
    image = Pillow.open(path).convert("RGB")
    return np.asarray(image if size is None else image.resize(size, Pillow.Resampling.LANCZOS))


def change(a: Pixels, b: Pixels) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def kept_edges(a: Pixels, b: Pixels) -> float:
    """Cosine of the edges of two pictures, -1..1."""
    return float((unit(edges(to_tensor(a))) * unit(edges(to_tensor(b)))).sum())


def style_apart(a: Pixels, b: Pixels, features: Features) -> float:
    pairs = zip(features(to_tensor(a)), features(to_tensor(b)), strict=True)
    return float(torch.stack([style_distance(style_of(x), style_of(y)) for x, y in pairs]).mean())


@pytest.fixture
def made(run: Run, here: Path) -> Callable[..., Pixels]:
    """Runs a command and gives the picture."""

    def made_(*args: str) -> Pixels:
        done = run(*args, *QUICK, "--out", "made.png")
        assert (done.code, done.out) == (0, "")
        return pixels(here / "made.png")

    return made_


def test_a_picture_gives_its_style_and_the_strength_says_how_far(
    made: Callable[..., Pixels], photo: Path, painting: Path, features: Features
) -> None:
    before, wanted = pixels(photo, (64, 48)), pixels(painting, (96, 48))
    args = ("style", "photo.png", "--style-image", "painting.png", "--learning-rate", "0.3")
    pictures = [before, *(made(*args, "--strength", strength) for strength in ("0.25", "0.6", "1"))]
    away = [change(picture, before) for picture in pictures]
    apart = [style_apart(picture, wanted, features) for picture in pictures]
    assert away == sorted(away)
    assert apart == sorted(apart, reverse=True)
    assert away[3] > 1.3 * away[1]
    assert apart[3] < 0.75 * apart[0]
    kept = [kept_edges(picture, before) for picture in pictures]
    assert kept == sorted(kept, reverse=True)
    assert kept[2] > max(0.45, kept[3] + 0.15)
    assert change(made(*args, "--strength", "0"), before) == 0


@pytest.mark.slow
def test_words_give_a_style_and_the_photo_stays(made: Callable[..., Pixels], photo: Path) -> None:
    before, words = pixels(photo, (64, 48)), "a burning volcano at night"
    rate = ("--learning-rate", "0.2")
    styled = made("style", "photo.png", words, *rate, "--strength", "0.7")
    freely = made("image", words, "--init", "photo.png", *rate)
    assert kept_edges(styled, before) > kept_edges(freely, before) + 0.03
    perceptor = load_perceptor("pocket")
    wanted = perceptor.encode_text([words])[0]

    def nearness(picture: Pixels) -> float:
        square = torch.nn.functional.interpolate(to_tensor(picture), (128, 128), mode="bilinear")
        return float(perceptor.encode_image(square)[0] @ wanted)

    assert nearness(styled) > nearness(before) + 0.02


def test_only_the_ratio_of_weights_counts(photo: Path, painting: Path) -> None:
    def weights(word: float, picture: float) -> list[float]:
        targets = (Target(str(painting), picture, "style"),)
        still = Still(f"a volcano:{word} | fog:-1", targets, str(photo), strength=0.5)
        (frame,) = prepare_still(still).timeline.shots[0].frames
        return [term.weight for term in frame.losses]

    assert weights(1, 3) == [0.1, -0.1, 0.3, *[pytest.approx(weights(3, 1)[3])] * 2]
    assert weights(2, 5) == [0.125, -0.0625, 0.3125, *weights(3, 1)[3:]]


def test_it_repeats_from_its_own_file(run: Run, here: Path, photo: Path, painting: Path) -> None:
    args = ("style", "photo.png", "--style-image", "painting.png:0.5", "--strength", "0.8", "--seed", "3")
    assert run(*args, "--size", "32x32", "--steps", "2", "--device", "cpu").code == 0
    path = here / "photo-painting.png"
    with Pillow.open(path) as image:
        still = json.loads(image.info["vqanim"])["still"]
        assert image.info["parameters"].startswith("painting.png:0.8\nSteps: 2,")
    assert (still["init"]["path"], still["strength"]) == ("photo.png", 0.8)
    for command in ("style", "image"):
        assert run(command, "--like", str(path), "--out", f"{command}.png", "--device", "cpu").code == 0
        assert (here / f"{command}.png").read_bytes() == path.read_bytes()
    changed = ("style", "--like", str(path), "--strength", "0.2", "--out", "less.png", "--device", "cpu")
    assert run(*changed).code == 0
    assert pixels(here / "less.png").shape == (32, 32, 3)
    assert not np.array_equal(pixels(here / "less.png"), pixels(path))
    Pillow.new("RGB", (20, 20)).save(painting)
    assert "painting.png is not what it was" in run(*changed, "--force").err


def test_the_picture_has_the_shape_of_the_photo_unless_told_otherwise(run: Run, here: Path) -> None:
    tall = Pillow.new("RGB", (4000, 1000), "gray")
    exif = tall.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    tall.save(here / "tall.jpg", exif=exif)
    Pillow.new("CMYK", (30, 20)).save(here / "small.jpg")
    quick = ("--strength", "0", "--device", "cpu", "--force", "--out", "made.png")
    sizes = []
    for photo, *more in (("tall.jpg",), ("small.jpg",), ("tall.jpg", "--size", "48x40")):
        assert run("style", photo, "--style-image", "small.jpg", *more, *quick).code == 0
        sizes.append(pixels(here / "made.png").shape[1::-1])
    assert sizes == [(128, 512), (312, 208), (48, 40)]


def test_several_and_more_targets(run: Run, here: Path, photo: Path, painting: Path) -> None:
    args = ("style", "photo.png", "fire", "--target", "painting.png", "--target-pixels", "photo.png:0.2")
    tiny = ("--size", "32x32", "--steps", "2", "--resize", "contain", "--models", "pocket")
    assert run(*args, *tiny, "--device", "cpu", "--count", "2").code == 0
    names = ["photo-fire-1.png", "photo-fire-2.png", "photo-fire-grid.png"]
    first, second, grid = (pixels(here / name) for name in names)
    assert not np.array_equal(first, second)
    assert np.array_equal(grid, np.concatenate([first, second], 1))


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), 2, "give a photo"),
        (("photo.png",), 2, "give a style: words"),
        (("photo.png", " "), 2, "the prompt is empty"),
        (("photo.png", "fire:0"), 2, "all weights are 0"),
        (("photo.png", "fire:hot"), 2, "found the weight 'hot'"),
        (("none.png", "fire"), 3, "none.png: the picture is missing"),
        (("fire", "photo.png"), 2, "the photo comes first"),
        (("broken.png", "fire"), 3, "broken.png: the picture is no readable picture"),
        (("photo.png", "--style-image", "none.png"), 3, "none.png: the picture is missing"),
        (("photo.png", "--style-image", "broken.png"), 3, "broken.png: the picture is no readable picture"),
        (("photo.png", "--style-image", "photo.png:much"), 2, "found the weight 'much'"),
        (("photo.png", "fire", "--strength", "1.5"), 2, "strength: found 1.5, allowed a number from 0 to 1"),
        (("photo.png", "fire", "--strength", "nan"), 2, "strength: found nan"),
        (("photo.png", "fire", "--strength", "strong"), 2, "strong"),
        (("photo.png", "fire", "--models", "pockets"), 2, "did you mean 'pocket'"),
        (("photo.png", "--style-image", "photo.png", "--count", "2"), 2, "all would be equal"),
        (("photo.png", "fire", "--out", "a.jpg"), 2, "allowed is a PNG"),
        (("--like", "photo.png"), 3, "has no settings of a picture"),
    ],
)
def test_what_cannot_be_painted_is_refused_in_one_line(
    run: Run, here: Path, photo: Path, args: tuple[str, ...], code: int, said: str
) -> None:
    (here / "broken.png").write_bytes(photo.read_bytes()[:60])
    refused = run("style", *args)
    assert refused.code == code
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert sorted(path.name for path in here.iterdir()) == ["broken.png", "photo.png"]
