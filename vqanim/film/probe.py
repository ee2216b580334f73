"""Looks at what ffmpeg has written, without ffmpeg: one that ends well may have written nothing of use all
the same, and the file would take the place of the one before."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from vqanim.errors import InputError, OutputError
from vqanim.files import open_file
from vqanim.pictures import picture_size

_EBML, _DURATION, _HEAD = b"\x1a\x45\xdf\xa3", b"\x44\x89\x88", 1 << 16
_SEGMENT = b"\x18\x53\x80\x67\x01"  # all of the film, of a size in seven bytes
_SLACK = 0.5  # seconds by which sound may make a film longer, beside a twentieth of its length


def check_video(file: Path, container: str, seconds: Fraction, film: Path) -> None:
    """Raise OutputError unless a file is a video of so many seconds, as far as its index tells. container:
    ffmpeg's name of it. film: what the file is going to be, for people."""
    try:
        if container in ("mp4", "mov"):
            found = _mp4_seconds(file)
        elif container == "webm":
            found = _webm_seconds(file)
        else:
            check_picture(file, film)
            return
    except (OSError, struct.error, ValueError):
        found = None
    if found is None:
        raise _useless(film, f"it is no {container.upper()}")
    if abs(found - seconds) > _SLACK + seconds / 20:
        raise _useless(film, f"it lasts {found:.2f} s instead of {float(seconds):.2f} s")


def check_picture(file: Path, film: Path, size: tuple[int, int] | None = None) -> None:
    """Raise OutputError unless a file is a picture, or the first of an animation, of that size in pixels."""
    try:
        found = picture_size(file)
    except InputError:
        raise _useless(film, f"it is no {film.suffix[1:].upper() or 'picture'}") from None
    if size is not None and found != size:
        raise _useless(film, f"it has {found[0]}x{found[1]} pixels instead of {size[0]}x{size[1]}")


def check_gif(file: Path, seconds: Fraction, size: tuple[int, int], film: Path) -> None:
    """Raise OutputError unless a file is a GIF of that size in pixels that lasts so many seconds."""
    check_picture(file, film, size)
    try:
        found = _gif_seconds(file)
    except (OSError, ValueError, IndexError):
        found = None
    if found is None:
        raise _useless(film, "it is cut short")
    if abs(found - seconds) > _SLACK + seconds / 20:
        raise _useless(film, f"it lasts {found:.2f} s instead of {float(seconds):.2f} s")


def _gif_seconds(path: Path) -> float | None:
    """How long a GIF lasts, by the delays of its pictures, which are not decoded; None without an end."""
    hundredths = 0
    with open_file(path) as file:
        head = file.read(13)
        file.seek(_colors(head[10]), os.SEEK_CUR)
        while kind := file.read(1):
            if kind == b";":
                return hundredths / 100
            if kind == b"!":
                label, block = file.read(1), b""
                while block := file.read(file.read(1)[0]):
                    if label == b"\xf9":
                        hundredths += int.from_bytes(block[1:3], "little")
            elif kind == b",":
                file.seek(_colors(file.read(9)[8]) + 1, os.SEEK_CUR)
                while length := file.read(1)[0]:
                    file.seek(length, os.SEEK_CUR)
            else:
                raise ValueError("no part of a GIF begins so")
    return None


def _colors(flags: int) -> int:
    """Bytes of the table of colors that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def check_pictures(folder: Path, count: int, film: Path) -> None:
    """Raise OutputError unless there are so many pictures in a folder, of which the last can be read."""
    found = sorted(folder.glob("*.png"))
    if len(found) != count:
        raise _useless(film, f"there are {len(found)} pictures instead of {count}")
    check_picture(found[-1], film / found[-1].name)


def _useless(film: Path, reason: str) -> OutputError:
    return OutputError(
        f"{film}: ffmpeg reported no error, but what it wrote cannot be used: {reason}; put the path of "
        "another ffmpeg into IMAGEIO_FFMPEG_EXE and run again"
    )


def _mp4_seconds(path: Path) -> float | None:
    """How long an MP4 or MOV lasts by its index; None where it is none, or not whole."""
    with open_file(path) as file:
        end = os.fstat(file.fileno()).st_size
        boxes = dict(_boxes(file, 0, end))
        if not {b"ftyp", b"moov", b"mdat"} <= set(boxes):
            return None
        header = dict(_boxes(file, *boxes[b"moov"])).get(b"mvhd")
        if header is None:
            return None
        file.seek(header[0])
        fields = file.read(32)
        times = struct.unpack_from(">4xQQIQ" if fields[0] else ">4xIIII", fields)
        return times[3] / times[2] if times[2] else None


def _boxes(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The boxes between two places of a file: name, and where the contents begin and end. Raises ValueError
    where they do not fill it."""
    while begin < end:
        file.seek(begin)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            head = 16
        if size < head or begin + size > end:
            raise ValueError("a box is cut off")
        yield name, (begin + head, begin + size)
        begin += size


def _webm_seconds(path: Path) -> float | None:
    """The same of a WebM."""
    with open_file(path) as file:
        head = file.read(_HEAD)
    at, segment = head.find(_DURATION), head.find(_SEGMENT)
    if not head.startswith(_EBML) or at < 0 or segment < 0:
        return None
    begin = segment + len(_SEGMENT) + 7  # seven bytes of size
    if begin + int.from_bytes(head[begin - 7 : begin], "big") != path.stat().st_size:
        return None
    (milliseconds,) = struct.unpack_from(">d", head, at + len(_DURATION))
    return float(milliseconds) / 1000
