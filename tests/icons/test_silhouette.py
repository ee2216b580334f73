from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vqanim.errors import InputError
from vqanim.icons import icon_figure, shape_figure, text_figure
from vqanim.icons.draw import Mask, silhouette
from vqanim.icons.fontawesome import font_path, load_catalogue

ICONS = load_catalogue().icons


def similarity(first: Mask, second: Mask) -> float:
    """Intersection over union of two masks of nearly one size."""
    height, width = (min(pair) for pair in zip(first.shape, second.shape, strict=True))
    one, other = first[:height, :width] > 127, second[:height, :width] > 127
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    "name", ["twitter", "far heart", "fas eye", "robot", "ellipsis", "grip-lines-vertical"]
)
@pytest.mark.parametrize("size", [(200, 100), (32, 64), (7, 7)])
def test_an_icon_just_fits_its_box(name: str, size: tuple[int, int]) -> None:
    mask = silhouette(icon_figure(name), *size)
    height, width = mask.shape
    assert (width <= size[0], height <= size[1]) == (True, True)
    assert width == size[0] or height == size[1]
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert edge.max() > 0


def test_the_style_decides_the_outline() -> None:
    solid, regular = (silhouette(icon_figure(name), 64, 64) > 127 for name in ("fas heart", "far heart"))
    assert solid.mean() > 1.5 * regular.mean()


@pytest.mark.slow
def test_every_icon_can_be_drawn() -> None:
    for icon in ICONS.values():
        for style in icon.styles:
            assert silhouette(icon_figure(icon.full_name(style)), 24, 24).max() > 200, icon


def test_a_character_of_a_font_file_is_the_icon_it_stands_for() -> None:
    figure = text_figure(chr(ICONS["twitter"].code), font_path("brands"))
    assert np.array_equal(silhouette(figure, 64, 64), silhouette(icon_figure("twitter"), 64, 64))


def test_texts_are_read_from_left_to_right_and_from_top_to_bottom() -> None:
    i, w = silhouette(text_figure("I"), 100, 100), silhouette(text_figure("W"), 100, 100)
    assert i.shape[1] < w.shape[1] / 3
    one, two = silhouette(text_figure("MORDOR"), 300, 300), silhouette(text_figure("MOR\n DOR"), 300, 300)
    assert one.shape[1] / one.shape[0] > 3
    assert 1 < two.shape[1] / two.shape[0] < 2
    assert two[: two.shape[0] // 2].max() == two[two.shape[0] // 2 :].max() == 255


def test_hashes_are_those_of_the_content(tmp_path: Path) -> None:
    fonts = [tmp_path / name for name in ("a.ttf", "b.ttf", "c.ttf")]
    for path, style in zip(fonts, ("solid", "solid", "brands"), strict=True):
        path.write_bytes(font_path(style).read_bytes())
    figures = [text_figure("A", font) for font in fonts]
    assert figures[0].hash == figures[1].hash
    others = [figures[2], text_figure("B", fonts[0]), text_figure("A"), icon_figure("a"), icon_figure("b")]
    assert len({figure.hash for figure in (figures[0], *others)}) == 6
    assert icon_figure("far eye").hash != icon_figure("fas eye").hash


def test_a_character_that_the_font_lacks_is_named() -> None:
    with pytest.raises(InputError, match=r"the font Aileron Regular lacks '\u96ea' \(U\+96EA\)"):
        silhouette(text_figure("A \u96ea"), 64, 64)


@pytest.mark.parametrize("content", [b"", b"no font", b"\0\1\0\0" + bytes(200)])
def test_a_broken_font_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ttf").write_bytes(content)
    with pytest.raises(InputError, match="a.ttf: the font is no font that can be drawn, allowed are TTF"):
        silhouette(text_figure("A", tmp_path / "a.ttf"), 64, 64)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a.ttf: the font is missing"):
        text_figure("A", tmp_path / "a.ttf")
    with pytest.raises(InputError, match="a.png: the shape is missing"):
        shape_figure(tmp_path / "a.png")
    with pytest.raises(InputError, match="the shape is .* not a file"):
        shape_figure(tmp_path)
    for text in ("", "  \n ", "x" * 201):
        with pytest.raises(ValueError, match="characters, allowed 1 to 200"):
            text_figure(text)


# Shapes


def ring(mode: str, ground: object, ink: object) -> Image.Image:
    """A ring, wider than high, off the middle of its page."""
    image = Image.new(mode, (200, 120), ground)  # type: ignore[arg-type]
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 10, 139, 89), fill=ink)  # type: ignore[arg-type]
    draw.ellipse((50, 30, 109, 69), fill=ground)  # type: ignore[arg-type]
    return image


@pytest.mark.parametrize(
    ("mode", "ground", "ink"),
    [
        ("RGBA", (0, 0, 0, 0), (200, 30, 30, 255)),
        ("RGBA", (255, 255, 255, 255), (0, 0, 0, 255)),
        ("RGB", "white", "black"),
        ("RGB", "black", "white"),
        ("RGB", (20, 90, 160), (200, 190, 40)),
        ("L", 255, 100),
        ("1", 1, 0),
    ],
)
def test_a_silhouette_is_what_is_not_the_ground(
    tmp_path: Path, mode: str, ground: object, ink: object
) -> None:
    ring(mode, ground, ink).save(tmp_path / "a.png")
    mask = silhouette(shape_figure(tmp_path / "a.png"), 120, 120)
    assert mask.shape == (80, 120)  # without the page, and not squashed
    assert mask[40, 60] == 0
    assert mask[40, 15] == 255
    assert (mask > 127).mean() == pytest.approx(np.pi / 4 * (1 - 0.25), abs=0.02)


@pytest.mark.parametrize("ending", ["jpg", "gif", "bmp", "webp"])
def test_a_silhouette_may_come_from_any_picture(tmp_path: Path, ending: str) -> None:
    ring("RGB", "white", "black").save(tmp_path / f"a.{ending}")
    mask = silhouette(shape_figure(tmp_path / f"a.{ending}"), 120, 120)
    assert (mask > 127).mean() == pytest.approx(np.pi / 4 * (1 - 0.25), abs=0.05)


def test_a_page_without_anything_on_it_is_refused(tmp_path: Path) -> None:
    for number, color in enumerate(((9, 9, 9, 255), (9, 9, 9, 0))):
        Image.new("RGBA", (20, 20), color).save(tmp_path / f"{number}.png")
        with pytest.raises(InputError, match=f"{number}.png: nothing can be seen of it"):
            silhouette(shape_figure(tmp_path / f"{number}.png"), 64, 64)


def test_an_svg_is_as_sharp_as_it_is_large_and_needs_not_fill_its_page(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 300" width="50mm" height="30mm">'
        '<path fill-rule="evenodd" d="M20 50a60 40 0 1 0 120 0a60 40 0 1 0 -120 0'
        'M50 50a30 20 0 1 0 60 0a30 20 0 1 0 -60 0"/></svg>'
    )
    ring("L", 255, 0).resize((4000, 2400), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    drawn = silhouette(shape_figure(path), 600, 600)
    assert drawn.shape[1] == 600
    assert drawn.shape[0] == pytest.approx(400, abs=1)
    assert similarity(drawn, silhouette(shape_figure(tmp_path / "a.png"), 600, 600)) > 0.97
    assert ((drawn > 8) & (drawn < 247)).mean() < 0.02
