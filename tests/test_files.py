from __future__ import annotations

import os
import random
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vqanim.errors import InputError, OutputError
from vqanim.files import (
    Picture,
    make_folder,
    read_layer,
    read_picture,
    remove_temporary,
    staged,
    write_atomic,
)


def test_texts_are_utf8_and_bytes_are_bytes(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "Fluß\n")
    assert (tmp_path / "a").read_bytes() == "Fluß\n".encode()
    write_atomic(tmp_path / "a", b"\x00\r\n")
    assert (tmp_path / "a").read_bytes() == b"\x00\r\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_inside_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    def stop_halfway() -> None:
        with staged(tmp_path / "a") as temporary:
            temporary.write_text("half")
            assert (tmp_path / "a").read_text() == "old"
            raise KeyboardInterrupt

    write_atomic(tmp_path / "a", "old")
    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_block_that_writes_nothing_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a: cannot be written"), staged(tmp_path / "a"):
        pass


def test_only_our_own_temporary_files_are_removed(tmp_path: Path) -> None:
    with staged(tmp_path / "a") as temporary:
        ours = temporary.name
        temporary.write_text("")
    (tmp_path / "a").unlink()
    names = [".hidden", "a.tmp", "b", ".c.tmp"]
    for name in [*names, ours]:
        (tmp_path / name).write_text("")
    remove_temporary(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    remove_temporary(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="move (it|that file) or choose another folder"):
            make_folder(folder)
    with pytest.raises(OutputError, match="file is where a folder should be|part of this path is a file"):
        write_atomic(tmp_path / "file" / "a", "")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder is where a file should be"):
        write_atomic(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# Pictures


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
    with pytest.raises(InputError, match="the picture is no file"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match="the picture is no file"):
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
