"""Whether a sound file was cut short: decoders play what is there and say nothing."""

from __future__ import annotations

import struct
from pathlib import Path

HEAD = 1 << 16
"""Bytes at the beginning that hold the headers."""
_XING_OFFSETS = (36, 21, 13)
"""Bytes from the first frame of an mp3 to its Xing header: after the side information of its kind."""


def cut_short(path: Path) -> str | None:
    """What is missing, for people, or None for a file that is whole or does not say how long it is.

    A FLAC is not looked at, because decoding one that is cut short fails by itself. Raises OSError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, size - HEAD))
        tail = file.read(HEAD)
    if head[:4] in (b"RIFF", b"RF64"):
        return _missing_bytes(_wav_end(head), size)
    if head[:4] == b"FORM":
        return _missing_bytes(8 + int.from_bytes(head[4:8], "big"), size)
    if head[:4] == b"OggS":
        return _ogg(tail)
    return _mp3(head, size)


def _missing_bytes(wanted: int | None, size: int) -> str | None:
    # An odd length is padded by a byte that many programs leave out.
    if wanted is None or wanted <= size + 1:
        return None
    return f"its header promises {wanted} bytes, and {size} are there"


def _wav_end(head: bytes) -> int | None:
    """Where the samples of a wav end; None where a recorder never wrote that down."""
    position = 12
    while position + 8 <= len(head):
        name, length = (
            head[position : position + 4],
            int.from_bytes(head[position + 4 : position + 8], "little"),
        )
        if name == b"data":
            return None if length in (0, 0xFFFFFFFF) else position + 8 + length
        position += 8 + length + length % 2
    return None


def _ogg(tail: bytes) -> str | None:
    """The last page of an Ogg stream is marked."""
    last = tail.rfind(b"OggS")
    if last < 0 or last + 6 > len(tail):
        return "its end is missing"
    return None if tail[last + 5] & 4 else "its last page is missing"


def _mp3(head: bytes, size: int) -> str | None:
    """What the Xing or Info header says of the bytes that follow it."""
    start = 0
    if head[:3] == b"ID3" and len(head) > 10:
        # Seven bits a byte, so that no player takes the length for the beginning of sound.
        start = 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
        )
    for offset in _XING_OFFSETS:
        at = start + offset
        if head[at : at + 4] not in (b"Xing", b"Info") or len(head) < at + 16:
            continue
        (flags,) = struct.unpack(">I", head[at + 4 : at + 8])
        if flags & 3 == 3:
            return _missing_bytes(start + int.from_bytes(head[at + 12 : at + 16], "big"), size)
    return None
