"""Files as the whole project handles them: written whole or not at all, and pictures read with limits.

Pillow is imported where a picture is read, because checking a scene needs this module and no pictures.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from vqanim.errors import InputError, OutputError

if TYPE_CHECKING:
    from PIL import Image

Picture: TypeAlias = npt.NDArray[np.uint8]
"""uint8 [H, W, 3], sRGB."""

MAX_PIXELS = 2 * 4096 * 4096
"""Largest picture that is read. A few kilobytes of PNG can claim gigabytes of pixels."""

TEMP_SUFFIX = ".vqanim-tmp"
"""Ending of what is not whole yet, in names that begin with a dot."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run again, it will continue",
    errno.EDQUOT: "your disk quota is used up; free some space and run again, it will continue",
    errno.EACCES: "permission denied; give yourself write access or choose another folder",
    errno.EPERM: "permission denied; give yourself write access or choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOTDIR: "a part of this path is a file, not a folder; move that file or choose another folder",
    errno.EEXIST: "a file is where a folder should be; move it or choose another folder",
    errno.EISDIR: "a folder is where a file should be; move it or choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def _output_error(error: OSError, path: Path) -> OutputError:
    reason = error.strerror or str(error)
    remedy = _REMEDIES.get(error.errno or 0, f"{reason}; check the disk and run again, it will continue")
    return OutputError(f"{path}: cannot be written: {remedy}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError raised inside into an OutputError that names `path` and what to do next."""
    try:
        yield
    except OSError as error:
        raise _output_error(error, path) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there. Raises OutputError."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def sync_file(path: Path) -> None:
    """Wait until the contents of a file are on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, so that a rename outlives a power cut."""
    if os.name == "nt":  # Windows cannot open folders, and keeps renames in its journal
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there appears as `path` at the end, whole.

    When the block raises, the temporary file is removed and `path` stays as it was. A killed process may
    leave the temporary file, never a part of `path`; `remove_temporary` clears it away.
    Raises OutputError when the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMP_SUFFIX}")
    try:
        yield temporary
        with writing(path):
            sync_file(temporary)
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        with writing(path):
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file whole (text as UTF-8), or raise OutputError and leave what was there."""
    content = data.encode("utf-8") if isinstance(data, str) else data
    with writing(path), staged(path) as temporary:
        temporary.write_bytes(content)


def remove_temporary(folder: Path) -> None:
    """Remove what killed writers left in a folder. Call it only while holding the folder's lock."""
    with writing(folder):
        for stray in folder.glob(f".*{TEMP_SUFFIX}"):
            if stray.is_dir() and not stray.is_symlink():
                shutil.rmtree(stray)
            else:
                stray.unlink(missing_ok=True)


def read_picture(path: Path) -> Picture:
    """Read a picture of any common kind as uint8 [H, W, 3]; transparency lies on white.

    Raises InputError when the file is missing, broken, cut short, or has more than MAX_PIXELS pixels.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _decode(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such picture") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(_too_large(path)) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InputError(f"{path}: this picture cannot be read ({error})") from error


def _too_large(path: Path) -> str:
    return f"{path}: the picture has more than {MAX_PIXELS:,} pixels, which is refused; make it smaller"


def _decode(path: Path) -> Picture:
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise InputError(_too_large(path))
        image.verify()  # the checksums, which decoding alone does not look at
    with Image.open(path) as image:
        return np.array(_flatten(ImageOps.exif_transpose(image)), dtype=np.uint8)


def _flatten(image: Image.Image) -> Image.Image:
    """Any mode to RGB."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits a channel, which Pillow would clip instead of scaling
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
