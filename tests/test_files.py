from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vqanim.errors import InputError, OutputError
from vqanim.files import Picture, make_folder, read_picture, remove_temporary, staged, write_atomic


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
    for name in ("a.png", "b.png", "."):
        with pytest.raises(InputError, match="cannot be read"):
            read_picture(tmp_path / name)
    with pytest.raises(InputError, match="there is no such picture"):
        read_picture(tmp_path / "none.png")


@pytest.mark.parametrize("size", [(8192, 4097), (12_000, 8_000), (40_000, 5_000)])
def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("1", size).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="more than 33,554,432 pixels"):
        read_picture(tmp_path / "a.png")
