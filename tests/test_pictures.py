from __future__ import annotations

import io
import os
import random
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from vqanim.color_spaces import matrix_profile
from vqanim.errors import InputError
from vqanim.pictures import Picture, picture_trouble, read_layer, read_picture


def corner(image: Image.Image, path: Path, **options: Any) -> list[int]:
    """RGB of the top left pixel after saving and reading."""
    image.save(path, **options)
    picture = read_picture(path)
    assert (picture.dtype, picture.shape) == (np.uint8, (image.height, image.width, 3))
    return [int(value) for value in picture[0, 0]]


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGB", (10, 20, 30), [10, 20, 30]),
        ("RGBA", (10, 20, 30, 255), [10, 20, 30]),
        ("RGBA", (10, 20, 30, 0), [255, 255, 255]),
        ("RGBA", (0, 0, 0, 51), [204, 204, 204]),
        ("LA", (10, 0), [255, 255, 255]),
        ("L", 10, [10, 10, 10]),
        ("1", 1, [255, 255, 255]),
        ("I;16", 0x8040, [128, 128, 128]),
    ],
)
def test_every_kind_of_picture_becomes_rgb(
    tmp_path: Path, mode: str, color: int | tuple[int, ...], expected: list[int]
) -> None:
    assert corner(Image.new(mode, (3, 2), color), tmp_path / "a.png") == expected


def test_palettes_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (3, 2), 1)
    image.putpalette([1, 2, 3, 40, 50, 60])
    assert corner(image, tmp_path / "a.png") == [40, 50, 60]
    assert corner(image, tmp_path / "b.png", transparency=1) == [255, 255, 255]


def test_printed_colors(tmp_path: Path) -> None:
    red, green, blue = corner(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg")
    assert red > 200 > 60 > max(green, blue)


def test_cameras_that_were_held_sideways(tmp_path: Path) -> None:
    pixels: Picture = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 8:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (16, 8, 3)
    assert (picture[0].max(), picture[-1].min()) == (0, 255)


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    (tmp_path / "b.png").write_bytes(b"")
    for name in ("a.png", "b.png"):
        with pytest.raises(
            InputError, match=r"\.png: the picture is no readable picture, allowed are PNG, JPEG"
        ):
            read_picture(tmp_path / name)
    with pytest.raises(InputError, match="none.png: the picture is missing"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(InputError, match="the picture is missing"):
        read_picture(tmp_path / ("x" * 5000))
    with pytest.raises(InputError, match="the picture is .* not a file"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match="the picture is .* not a file"):
        read_picture(tmp_path / "a.png")


def test_programs_are_not_run_for_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(InputError, match="no readable picture"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(10_001, 10_000), (12_000, 12_000), (40_000, 5_000), (60_000, 60_000)])
def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(claiming(*size))
    with pytest.raises(InputError, match=r"pixels, allowed are 100 megapixels"):
        read_picture(tmp_path / "a.png")


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_photographs_of_large_cameras_are_no_bombs(tmp_path: Path) -> None:
    Image.new("L", (9_000, 7_000), 90).save(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg").shape == (7_000, 9_000, 3)


def test_transparent_parts_lie_on_the_background_asked_for(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (200, 100, 0, 255))
    image.putpixel((1, 0), (200, 100, 0, 0))
    image.save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", (1, 2, 3)).tolist() == [[[200, 100, 0], [1, 2, 3]]]
    assert read_layer(tmp_path / "a.png")[0, :, 3].tolist() == [255, 0]


def test_of_an_animation_the_first_picture_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    for name in ("a.gif", "a.png", "a.webp", "a.tiff"):
        options: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        assert read_picture(tmp_path / name)[3, 4].tolist() == [255, 0, 0], name


def test_more_than_16_bits_a_channel_are_refused_clearly(tmp_path: Path) -> None:
    Image.new("F", (3, 2), 0.5).save(tmp_path / "a.tiff")
    Image.new("I", (3, 2), 1 << 20).save(tmp_path / "b.tiff")
    for name in ("a.tiff", "b.tiff"):
        with pytest.raises(InputError, match="has 32 bits a channel, allowed are 8 or 16"):
            read_picture(tmp_path / name)
    assert corner(Image.new("I", (3, 2), 0x8040), tmp_path / "c.tiff") == [128, 128, 128]


def test_a_picture_with_any_byte_wrong_is_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(3)
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    for ending in ("png", "jpg", "gif", "webp", "bmp", "tiff"):
        path = tmp_path / f"a.{ending}"
        Image.fromarray(pixels).save(path)
        whole = path.read_bytes()
        for _ in range(40):
            broken = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
            for _ in range(chance.randint(0, 6)):
                broken[chance.randrange(min(len(broken), 200))] = chance.randrange(256) if broken else 0
            path.write_bytes(bytes(broken))
            with suppress(InputError):
                assert read_picture(path).ndim == 3


# Colors with a profile, and kinds of files that phones and browsers make


def profile(*, space: bytes = b"RGB ", gamma: float = 1.0, name: str = "Ours") -> bytes:
    """An ICC profile of version 2: primaries of sRGB, red and green exchanged, or a gray curve."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(map(number, values))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = name.encode() + b"\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(12 + 67)
    tags = {b"desc": description + bytes(-len(description) % 4), b"wtpt": xyz(0.9642, 1.0, 0.8249)}
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {b"rXYZ": xyz(*green), b"gXYZ": xyz(*red), b"bXYZ": xyz(*blue)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    place = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", place + len(data), len(content))
        data += content
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", space, b"XYZ ") + bytes(12)
    header += b"acsp" + bytes(28) + b"".join(map(number, (0.9642, 1.0, 0.8249)))
    return header + bytes(128 - len(header)) + table + data


def test_a_profile_says_what_the_colors_mean(tmp_path: Path) -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    for name in ("a.png", "a.tiff", "a.webp"):
        options: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
        color = corner(red, tmp_path / name, icc_profile=profile(), **options)
        assert color[1] > 250 > 5 > max(color[0], color[2]), name
    assert corner(red, tmp_path / "jpeg.jpg", icc_profile=profile())[1] > 240
    assert corner(red, tmp_path / "named.png", icc_profile=profile(name="sRGB, but not quite"))[1] > 250
    odd = Image.new("RGB", (8, 8), (13, 101, 239))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert corner(odd, tmp_path / "same.png", icc_profile=srgb) == [13, 101, 239]


def test_a_profile_of_a_palette_and_of_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (3, 2), 1)
    image.putpalette([1, 2, 3, 255, 0, 0])
    assert corner(image, tmp_path / "a.png", icc_profile=profile())[1] > 250
    assert corner(image, tmp_path / "b.png", icc_profile=profile(), transparency=1) == [255, 255, 255]
    half = Image.new("RGBA", (3, 2), (255, 0, 0, 128))
    red, green, blue = corner(half, tmp_path / "c.png", icc_profile=profile())
    assert green > 250
    assert all(120 < value < 135 for value in (red, blue))


def test_a_gray_profile_brightens(tmp_path: Path) -> None:
    for mode, color in (("L", 128), ("LA", (128, 255))):
        linear = profile(space=b"GRAY", gamma=1.0)
        red, green, blue = corner(Image.new(mode, (3, 2), color), tmp_path / "a.png", icc_profile=linear)
        assert red == green == blue
        assert 184 <= red <= 192


def test_a_damaged_profile_changes_nothing(tmp_path: Path) -> None:
    red = Image.new("RGB", (3, 2), (255, 0, 0))
    broken = [b"x", profile()[:200], profile(space=b"CMYK"), profile(space=b"GRAY")[:140] + bytes(300)]
    for number, content in enumerate(broken):
        assert corner(red, tmp_path / f"{number}.png", icc_profile=content) == [255, 0, 0]


def test_phones_and_browsers_and_icons(tmp_path: Path) -> None:
    blue = Image.new("RGB", (64, 48), (20, 40, 220))
    for name in ("a.avif", "a.jp2", "a.ico"):
        blue.save(tmp_path / name)
        picture = read_picture(tmp_path / name)
        assert np.abs(picture[20, 20].astype(int) - [20, 40, 220]).max() < 6, name


def test_heic(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 48), (20, 40, 220))).save(path)
    assert np.abs(read_picture(path)[20, 20].astype(int) - [20, 40, 220]).max() < 12


def test_what_is_to_be_installed_for_heic_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    assert "vqanim[heic]" in str(picture_trouble(tmp_path / "a.heic"))


DISPLAY_P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
WIDE, SHOWN = (200, 60, 40), (217, 42, 23)
"""A color of Display P3, and the same one of sRGB as browsers show it."""


def chunked(image: Image.Image, name: bytes, data: bytes) -> bytes:
    """A PNG of an image with a chunk more."""
    buffer = io.BytesIO()
    image.save(buffer, "png")
    plain = buffer.getvalue()
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return plain[:33] + chunk + plain[33:]


def near(path: Path, wanted: tuple[int, ...]) -> bool:
    return bool(np.abs(read_picture(path)[8, 8].astype(int) - wanted).max() <= 3)


def test_colors_that_a_picture_names_without_a_profile(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 16), WIDE)
    profile = matrix_profile(DISPLAY_P3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    image.save(tmp_path / "profile.png", icc_profile=profile)
    (tmp_path / "cicp.png").write_bytes(chunked(image, b"cICP", bytes([12, 13, 0, 1])))
    image.save(tmp_path / "plain.jp2")
    boxes = (tmp_path / "plain.jp2").read_bytes()
    header, color = boxes.find(b"jp2h") - 4, boxes.find(b"colr") - 4
    old = int.from_bytes(boxes[color : color + 4], "big")
    content = b"colr\2\0\0" + (profile or b"")
    new = struct.pack(">I", 4 + len(content)) + content
    size = int.from_bytes(boxes[header : header + 4], "big") + len(new) - old
    boxes = boxes[:color] + new + boxes[color + old :]
    (tmp_path / "profile.jp2").write_bytes(boxes[:header] + struct.pack(">I", size) + boxes[header + 4 :])
    for name in ("profile.png", "cicp.png", "profile.jp2"):
        assert near(tmp_path / name, SHOWN), name
    (tmp_path / "linear.png").write_bytes(chunked(image, b"gAMA", struct.pack(">I", 100_000)))
    assert near(tmp_path / "linear.png", (229, 133, 110))
    (tmp_path / "usual.png").write_bytes(chunked(image, b"gAMA", struct.pack(">I", 45_455)))
    assert tuple(read_picture(tmp_path / "usual.png")[8, 8]) == WIDE


def test_numbers_of_avif_count(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), WIDE).save(tmp_path / "a.avif", quality=95)
    content = (tmp_path / "a.avif").read_bytes()
    at = content.find(b"colrnclx") + 8
    (tmp_path / "b.avif").write_bytes(content[:at] + b"\0\x0c" + content[at + 2 :])
    assert near(tmp_path / "a.avif", WIDE)
    assert near(tmp_path / "b.avif", SHOWN)


def test_a_profile_of_sixteen_bits(tmp_path: Path) -> None:
    linear = matrix_profile((0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06), (1.0,)) or b""
    Image.new("I;16", (16, 16), 0x8000).save(tmp_path / "gray.png", icc_profile=linear)
    assert near(tmp_path / "gray.png", (188, 188, 188))


@pytest.mark.parametrize("chunk", [b"gAMA" + bytes(4), b"cHRM" + bytes(32), b"cICP\xff\xff\xff\xff"])
def test_impossible_colors_are_ignored(chunk: bytes, tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 16), WIDE)
    (tmp_path / "a.png").write_bytes(chunked(image, chunk[:4], chunk[4:]))
    assert tuple(read_picture(tmp_path / "a.png")[8, 8]) == WIDE
