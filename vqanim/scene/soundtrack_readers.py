"""How the song, its tempo, its stems and its bands are read, each by itself."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from vqanim.scene.figures import find_file
from vqanim.scene.functions import CONSTANTS, FUNCTIONS, SIGNALS, VARIABLES
from vqanim.scene.lyrics import read_taps, seconds_of
from vqanim.scene.numbers import number_hint, parse_number, parse_ratio
from vqanim.scene.options import Kind, options_of
from vqanim.scene.reader import Reader
from vqanim.scene.readers import text_of
from vqanim.scene.soundtrack import (
    FASTEST,
    HIGHEST,
    LOWEST,
    MAX_BEATS,
    MAX_STEMS,
    SLOWEST,
    Band,
    Soundtrack,
    Stem,
    Tempo,
)
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown
from vqanim.scene.tree import Sequence as ListNode

_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_BAR = re.compile(r"bar\s*(\d{1,6}(?:\.\d{0,9})?)", re.ASCII)


def read_soundtrack(node: Node, kind: Kind, reader: Reader) -> Soundtrack:
    """A file alone, or a mapping."""
    if isinstance(node, Scalar):
        return Soundtrack(
            read_song_file(node, options_of(Soundtrack)["file"][1].kind, reader), place=node.place
        )
    made: Soundtrack = reader.section(Soundtrack, node, kind.allowed)
    said = [key for key in ("bpm", "tempo", "beats") if getattr(made, key)]
    if len(said) > 1:
        raise reader.refuse(node.place, f"found {' and '.join(said)}, allowed is one of them")
    # A resolved scene says both: beats that were found where it said auto.
    bpm = node.get("bpm") if isinstance(node, Mapping) else None
    found = bool(made.beats) and isinstance(bpm, Scalar) and bpm.text.strip() == "auto"
    return replace(made, found=found, place=node.place)


def read_song_file(node: Node, kind: Kind, reader: Reader) -> str:
    """The absolute path of a sound file; what is in it is for others to hear."""
    path = find_file(node, kind, reader, "song")
    if not path.is_file():
        written = quoted(text_of(node, kind, reader))
        raise reader.refuse(node.place, f"the sound file {written} is missing", about_file=True)
    return str(path)


def read_bpm(node: Node, kind: Kind, reader: Reader) -> Fraction | None:
    """A tempo; None for auto."""
    text = text_of(node, kind, reader)
    if text == "auto":
        return None
    try:
        value = parse_ratio(text)
    except ValueError:
        value = Fraction(0)
    if not SLOWEST <= value <= FASTEST:
        hint = number_hint(text)
        raise reader.refuse(
            node.place, f"found {quoted(text)}, allowed {kind.allowed}" + (f", {hint}" if hint else "")
        )
    return value


def read_song_time(node: Node, kind: Kind, reader: Reader) -> float:
    """Seconds of the song."""
    text = text_of(node, kind, reader)
    try:
        return seconds_of(text)
    except ValueError:
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {kind.allowed}") from None


def read_first_beat(node: Node, kind: Kind, reader: Reader) -> float | None:
    """Seconds of the song; None for auto."""
    return (
        None
        if isinstance(node, Scalar) and node.text.strip() == "auto"
        else read_song_time(node, kind, reader)
    )


def read_tempo(node: Node, kind: Kind, reader: Reader) -> tuple[Tempo, ...]:
    """Tempos from moments on, in the order of writing."""
    found = reader.mapping(node, kind.allowed)
    bpm = options_of(Soundtrack)["bpm"][1].kind
    made = []
    for key, value in found.entries:
        tempo = read_bpm(value, bpm, reader)
        if tempo is None:
            raise reader.refuse(
                value.place, f"at {key.text}: found auto, allowed a number from {SLOWEST} to {FASTEST}"
            )
        if bar := _BAR.fullmatch(key.text.strip()):
            made.append(Tempo(tempo, bar=float(bar[1])))
            continue
        try:
            made.append(Tempo(tempo, second=seconds_of(key.text.strip())))
        except ValueError:
            said = f"found the key {quoted(key.text)}, allowed a time of the song or a bar such as bar 17"
            raise reader.refuse(value.place, said) from None
    if not made:
        raise reader.refuse(node.place, f"found an empty mapping, allowed {kind.allowed}")
    if made[0].bar not in (None, 1.0):
        raise reader.refuse(node.place, "the first tempo holds from bar 1 or a time of the song on")
    return tuple(made)


def read_beats(node: Node, kind: Kind, reader: Reader) -> tuple[float, ...]:
    """Seconds of every beat, from a list or a text file."""
    if isinstance(node, ListNode):
        option = options_of(Soundtrack)["start"][1].kind
        taps = [(number, read_song_time(item, option, reader)) for number, item in enumerate(node.items, 1)]
        where = "entry"
    else:
        path = find_file(node, kind, reader, "file of beats")
        try:
            taps, where = read_taps(path), "line"
        except OSError as error:
            raise reader.refuse(node.place, f"{path.name}: {error.strerror}", about_file=True) from None
        except ValueError as error:
            raise reader.refuse(node.place, f"{path.name}: {error}", about_file=True) from None
    if not 2 <= len(taps) <= MAX_BEATS:
        raise reader.refuse(node.place, f"found {len(taps)} beats, allowed 2 to {MAX_BEATS}")
    for (_, before), (number, after) in pairwise(taps):
        if after - before < 60 / FASTEST / 2:
            raise reader.refuse(
                node.place, f"{where} {number}: {after:.6g} s does not come after {before:.6g} s"
            )
    return tuple(second for _, second in taps)


def read_stems(node: Node, kind: Kind, reader: Reader) -> tuple[Stem, ...]:
    """Files by name."""
    entries = reader.mapping(node, kind.allowed).entries
    if len(entries) > MAX_STEMS:
        raise reader.refuse(node.place, f"found {len(entries)} stems, allowed at most {MAX_STEMS}")
    file = options_of(Soundtrack)["file"][1].kind
    made = []
    for key, value in entries:
        _check_name(key, value, reader)
        made.append(Stem(key.text, read_song_file(value, file, reader)))
    return tuple(made)


def read_bands(node: Node, kind: Kind, reader: Reader) -> tuple[tuple[str, Band], ...]:
    """Bands by name."""
    made = []
    for key, value in reader.mapping(node, kind.allowed).entries:
        _check_name(key, value, reader)
        made.append((key.text, _read_band(value, kind, reader)))
    return tuple(made)


def _check_name(key: Scalar, value: Node, reader: Reader) -> None:
    """A name that an expression can say. Raises Refused."""
    name = key.text
    taken = name in {*VARIABLES, *CONSTANTS, *FUNCTIONS, *SIGNALS} or keyword.iskeyword(name)
    if taken or not _NAME.fullmatch(name):
        why = "it means something else" if taken else "allowed letters, digits and _, beginning with a letter"
        raise reader.refuse(value.place, f"found the name {quoted(name)}, {why}")


def _read_band(node: Node, kind: Kind, reader: Reader) -> Band:
    found = reader.mapping(node, f"a band as in {kind.allowed}")
    reader.check_keys(found, ("band", "attack", "release"))
    edges = found.get("band")
    if not isinstance(edges, ListNode) or len(edges.items) != 2:
        said = "nothing" if edges is None else shown(edges)
        raise reader.refuse(node.place, f"band: found {said}, allowed two numbers in Hz such as [40, 120]")
    low, high = (_hertz(edge, reader) for edge in edges.items)
    if low >= high:
        raise reader.refuse(edges.place, f"found [{low:g}, {high:g}], allowed the lower one first")
    usual = Band(low, high)
    times = {}
    for key, default in (("attack", usual.attack), ("release", usual.release)):
        value = found.get(key)
        times[key] = (
            default if value is None else read_song_time(value, Kind("time", "a time such as 5ms"), reader)
        )
        if times[key] > 60:
            raise reader.refuse(found.place, f"{key}: found {times[key]:g} s, allowed up to 60 s")
    return replace(usual, **times)


def _hertz(node: Node, reader: Reader) -> float:
    allowed = f"a number from {LOWEST} to {HIGHEST} (Hz)"
    text = text_of(node, Kind("hertz", allowed), reader)
    try:
        value = parse_number(text)
    except ValueError:
        value = 0.0
    if not LOWEST <= value <= HIGHEST:
        raise reader.refuse(node.place, f"found {quoted(text)}, allowed {allowed}")
    return value


SONG_READERS: dict[type[Kind] | str, Callable[[Node, Any, Reader], Any]] = {
    "bands": read_bands,
    "beats": read_beats,
    "bpm": read_bpm,
    "first_beat": read_first_beat,
    "song": read_song_file,
    "song_time": read_song_time,
    "soundtrack": read_soundtrack,
    "stems": read_stems,
    "tempo": read_tempo,
}
"""By the names of the kinds."""
