"""What the headers of sound files say: whether they are whole, and whether their length can be believed."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vqanim.files import open_file

HEAD = 1 << 16  # bytes at the beginning that hold the headers
_FIRST_PAGE, _LAST_PAGE = 2, 4  # flags of the pages of an ogg
_NO_END = "has no mark at its end: if it stops too early, get it whole"
_DAMAGED = "is damaged, so that a part of it is not heard: get it again"
_SEVERAL_KINDS = "holds songs of several kinds, one after the other; save it anew as wav"
_ENDLESS = ("-f", "wav", "-ignore_length", "1")
_STREAMED = 0x7F00_0000
"""Bytes, and more, that programs promise which write to a pipe, as they cannot know how many will come."""
_FLAC_START = b"fLaC\0\0\0\x22"
_LONG = 7200.0  # seconds of an mp3 after which its frames are counted no more
LARGEST = 1 << 27  # bytes of an mp3 or ogg that is looked through; half an hour has a third of it
_XING_OFFSETS = (36, 21, 13)
"""Bytes from the first frame of an mp3 to its Xing header: after the side information of its kind."""

_SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Samples per second by the version bits of an mp3: 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5."""
_BIT_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits per second by version (2 for 2.5, too) and layer."""
_MOST_BETWEEN = 1 << 21  # bytes in all between frames that are looked through
_IN_A_ROW = 3
"""Frames that must follow each other before bytes are taken for an mp3: sync words appear by chance."""


@dataclass(frozen=True)
class Headers:
    """What the headers say about a sound file."""

    trouble: str | None = None
    """Why it cannot be used, as it goes on after its name; None for a file that is whole, or does not say how
    long it is."""
    note: str | None = None
    """What is odd about a file that can be played, for people."""
    seconds: float | None = None
    """The length that its frames add up to; None where they were not counted."""
    frame_seconds: float = 0.0  # how long one of them is
    joined: bool = False
    """Several songs lie in it, one after the other, of which some decoders play the first alone."""
    framed: bool = False
    """It is made of frames that find themselves again behind what is no sound."""
    input_options: tuple[str, ...] = ()
    """How ffmpeg must be told to read it; such a file is read by nothing else."""


def look(path: Path) -> Headers:
    """Read the headers of a sound file. A FLAC that is cut short fails by itself when it is decoded. Raises
    OSError."""
    size = path.stat().st_size
    with open_file(path) as file:
        head = file.read(HEAD)
        if head[:4] in (b"RIFF", b"RF64"):
            return _wav(file, head, size)
        if head[:4] == b"FORM":
            return Headers(_missing_bytes(8 + int.from_bytes(head[4:8], "big"), size))
        flac = head.startswith(_FLAC_START, _after_tag(head, 0))
        if head[:4] != b"OggS" and not flac and _mp3_start(head) is None:
            return Headers()
        content = head + file.read(LARGEST - len(head))
    if flac:
        return _flac(content, _after_tag(content, 0))
    return _ogg(content) if head[:4] == b"OggS" else _mp3(content, size)


def _missing_bytes(wanted: int | None, size: int) -> str | None:
    # An odd length is padded by a byte that many programs leave out.
    if wanted is None or wanted <= size + 1 or wanted > max(_STREAMED, 2 * size):
        return None
    return _cut_short(f"its header promises {wanted} bytes, and {size} are there")


def _cut_short(why: str) -> str:
    return f"is cut short: {why}; get it whole, or save it anew as wav"


def _wav(file: BinaryIO, head: bytes, size: int) -> Headers:
    position = 12
    while position + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, position)
        if name == b"data":
            break
        position += 8 + length + length % 2
    else:
        return Headers()
    if length == 0 and size > position + 8:  # a recorder never wrote it down
        return Headers(input_options=_ENDLESS, framed=True)
    end = position + 8 + length + length % 2
    file.seek(end)
    another = file.read(12) if end < size else b""
    behind = another[:4] == b"RIFF" and another[8:] == b"WAVE"
    note = "holds another song behind its end, which is not heard: join them by a sound editor"
    return Headers(_missing_bytes(position + 8 + length, size), note=note if behind else None)


def _flac(content: bytes, start: int) -> Headers:
    """Look for further songs in a FLAC. Each says its rate, channels and bits behind its sizes of blocks."""
    kinds = set()
    at, count = start, 0
    while at >= 0:
        count += 1
        kinds.add(
            content[at + 18 : at + 21] + bytes([content[at + 21] & 0xF0 if at + 21 < len(content) else 0])
        )
        at = content.find(_FLAC_START, at + len(_FLAC_START))
    return Headers(_SEVERAL_KINDS if len(kinds) > 1 else None, joined=count > 1, framed=count > 1)


def _ogg(content: bytes) -> Headers:
    """Walk the pages (RFC 3533): each says how long it is, and the last of a stream is marked."""
    flags, inside, joined, damaged, position, end = 0, False, False, False, 0, 0
    kinds: set[bytes] = set()
    while position >= 0:
        gap = position > end  # a tag or damage, behind which some decoders lose time
        count = content[position + 26] if position + 27 <= len(content) else 255
        table = content[position + 27 : position + 27 + count]
        end = position + 27 + count + sum(table)
        if len(table) < count or end > len(content):
            return Headers(_cut_short("its last page is cut off"))
        flags = content[position + 5]
        joined, damaged = joined or gap, damaged or (gap and not flags & _FIRST_PAGE)
        if not flags & _FIRST_PAGE:
            inside = True
        elif not inside:  # several streams may begin together
            kinds.add(_kind(content, position + 27 + count))
        else:  # one that begins later is another song
            joined = True
            if _kind(content, position + 27 + count) not in kinds:
                return Headers(_SEVERAL_KINDS)
        position = content.find(b"OggS", end)
        joined = (
            joined or position > end
        )  # a tag or damage lies between, behind which some decoders lose time
    ended = flags & _LAST_PAGE or len(content) == LARGEST
    note = _DAMAGED if damaged else None if ended else _NO_END
    return Headers(note=note, joined=joined, framed=True)


def _kind(content: bytes, at: int) -> bytes:
    """The part of a stream's first packet that names its codec, channels and rate."""
    return content[at : at + (10 if content.startswith(b"OpusHead", at) else 16)]


def _mp3_start(head: bytes) -> int | None:
    """Where the first frame of an mp3 begins; None for what is none."""
    start = _after_tag(head, 0)
    if start > 0 or head[:3] == b"ID3":
        return start  # the tag may be longer than what is looked at
    found = _next_frame(head, 0, in_a_row=_IN_A_ROW)
    return found if found is not None and found < 4096 else None


def _after_tag(content: bytes, start: int) -> int:
    """Where an ID3 tag that begins here ends. Seven bits of a byte count."""
    if not content.startswith(b"ID3", start) or len(content) < start + 10:
        return start
    return start + 10 + sum((content[start + 6 + place] & 0x7F) << 21 - 7 * place for place in range(4))


@dataclass(frozen=True)
class _Frame:
    """One frame of an mp3."""

    length: int  # bytes
    samples: int
    rate: int  # samples per second


def _frame(content: bytes, at: int) -> _Frame | None:
    """The frame that begins here, by its four bytes of header (ISO 11172-3, 2.4.1.3)."""
    if at + 4 > len(content) or content[at] != 0xFF or content[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = content[at + 1] >> 3 & 3, 4 - (content[at + 1] >> 1 & 3)
    bits, rate = content[at + 2] >> 4, content[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    kind = 1 if version == 3 else 2
    hertz, padding = _SAMPLE_RATES[version][rate], content[at + 2] >> 1 & 1
    speed = 1000 * _BIT_RATES[kind, layer][bits - 1]
    if layer == 1:
        return _Frame((12 * speed // hertz + padding) * 4, 384, hertz)
    samples = 576 if layer == 3 and kind == 2 else 1152
    return _Frame(samples // 8 * speed // hertz + padding, samples, hertz)


def _next_frame(content: bytes, at: int, in_a_row: int = 2) -> int | None:
    """The first place from here on where so many frames follow each other."""
    last = at + _MOST_BETWEEN
    while 0 <= (at := content.find(b"\xff", at)) <= last:
        place = at
        for _ in range(in_a_row):
            frame = _frame(content, place)
            if frame is None:
                break
            place += frame.length
        else:
            return at
        at += 1
    return None


def _mp3(content: bytes, size: int) -> Headers:
    """Count the frames, and compare with what the Xing or Info header says of the bytes that follow it."""
    start = _after_tag(content, 0)
    if missing := _xing_missing(content, start, size):
        return Headers(missing)
    seconds, parts, between = 0.0, 0, 0
    at, rate, longest = _next_frame(content, start), None, 0.0
    while at is not None:
        frame = _frame(content, at)
        if frame is None:  # a tag between two songs, or one at the end
            gap = max(at + 1, _after_tag(content, at))
            at = _next_frame(content, gap)
            between += (len(content) if at is None else at) - gap
            if between > _MOST_BETWEEN:
                return Headers(joined=True, framed=True)
            continue
        if any(content[at + offset : at + offset + 4] in (b"Xing", b"Info") for offset in _XING_OFFSETS):
            parts += 1  # no sound, a table
        else:
            seconds += frame.samples / frame.rate
        longest = max(longest, frame.samples / frame.rate)
        if rate not in (None, frame.rate):
            parts = max(parts, 2)
        if seconds > _LONG:
            return Headers(joined=True, framed=True)
        rate = frame.rate
        at += frame.length
    whole = size < LARGEST and seconds > 0
    counted = seconds if whole else None
    return Headers(seconds=counted, frame_seconds=longest, joined=parts > 1, framed=True)


def _xing_missing(content: bytes, start: int, size: int) -> str | None:
    for at in (start + offset for offset in _XING_OFFSETS):
        if content[at : at + 4] in (b"Xing", b"Info") and len(content) >= at + 16:
            flags, _, length = struct.unpack_from(">3I", content, at + 4)
            if flags & 3 == 3:
                return _missing_bytes(start + length, size)
    return None
