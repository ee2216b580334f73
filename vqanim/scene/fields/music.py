"""The song, its tempo, its stems and its bands, each as it is written."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

from vqanim.scene import tree
from vqanim.scene.fields.base import FieldType, Flow, ReadElsewhere, Schema, Writer
from vqanim.scene.fields.context import Reader
from vqanim.scene.fields.numbers import number, ratio, ratio_text
from vqanim.scene.fields.sections import closed_schema
from vqanim.scene.fields.start import FileType, find_file
from vqanim.scene.fields.times import MOMENT, SONG_TIME, OrAuto, second_text, song_time
from vqanim.scene.functions import CONSTANTS, FUNCTIONS, SIGNALS, VARIABLES
from vqanim.scene.lyrics import read_taps, seconds_of
from vqanim.scene.tree import Node, Scalar, quoted, shown

SLOWEST, FASTEST = 10, 1000  # beats per minute
MAX_BEATS = 20_000
MAX_STEMS = 16
LOWEST, HIGHEST = 1, 12_000  # Hz
LONGEST_RISE = 60  # seconds of attack or release

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
_BAR = re.compile(r"bar\s*(\d{1,6}(?:\.\d{0,9})?)", re.ASCII)

_HERTZ = number(LOWEST, HIGHEST, f"a number from {LOWEST} to {HIGHEST} (Hz)")
SONG_FILE = FileType("the path of a sound file in the scene's folder", "sound file")
_BPM = ratio(SLOWEST, FASTEST, allowed=f"a number from {SLOWEST} to {FASTEST}, or auto")
BPM = OrAuto(_BPM.allowed, _BPM, None)
_FIRST_BEAT = song_time("a time of the song such as 0.35s, or auto")
FIRST_BEAT = OrAuto(_FIRST_BEAT.allowed, _FIRST_BEAT, None)


@dataclass(frozen=True)
class Band:
    """A range of pitches that becomes a signal."""

    low: float  # Hz
    high: float  # Hz
    attack: float = 0.005  # seconds in which it rises
    release: float = 0.12  # seconds in which it dies away


@dataclass(frozen=True)
class Stem:
    """A part of the song in a file of its own, beginning where the song does."""

    name: str
    file: str  # absolute path


@dataclass(frozen=True)
class Tempo:
    """A tempo from a moment of the song on."""

    bpm: Fraction
    second: float | None = None  # of the song; None where it is a bar
    bar: float | None = None  # counted from 1


@dataclass(frozen=True)
class TempoType(FieldType):
    """Tempos from moments on, in the order of writing."""

    allowed: str = 'tempos from moments of the song on, such as {0s: 90, "bar 17": 120}'

    def parse(self, node: Node, reader: Reader) -> tuple[Tempo, ...]:
        made = []
        for key, value in reader.mapping(node, self.allowed).entries:
            bpm = BPM.parse(value, reader)
            if bpm is None:
                allowed = f"a number from {SLOWEST} to {FASTEST}"
                raise reader.refuse(value, f"at {key.text}: found auto, allowed {allowed}")
            text = key.text.strip()
            bar = _BAR.fullmatch(text)
            try:
                made.append(Tempo(bpm, bar=float(bar[1])) if bar else Tempo(bpm, second=seconds_of(text)))
            except ValueError:
                allowed = "a time of the song or a bar such as bar 17"
                raise reader.wrong(value, allowed, f"the key {quoted(key.text)}") from None
        if not made:
            raise reader.refuse(node, f"found an empty mapping, allowed {self.allowed}")
        if made[0].bar not in (None, 1.0):
            raise reader.refuse(node, "the first tempo holds from bar 1 or a time of the song on")
        return tuple(made)

    def dump(self, value: tuple[Tempo, ...], writer: Writer) -> Any:
        return {
            f"bar {tempo.bar:.12g}" if tempo.second is None else second_text(tempo.second): ratio_text(
                tempo.bpm
            )
            for tempo in value
        }

    def schema(self) -> list[Schema]:
        return [{"type": "object", "additionalProperties": {"anyOf": _BPM.schema()}}]


@dataclass(frozen=True)
class BeatsType(FieldType):
    """Seconds of every beat, from a list or a text file."""

    allowed: str = "a list of seconds, or a text file with the seconds of one beat in each line"

    def parse(self, node: Node, reader: Reader) -> tuple[float, ...]:
        if isinstance(node, tree.Sequence):
            taps, where = list(enumerate((SONG_TIME.parse(item, reader) for item in node.items), 1)), "entry"
        else:
            taps, where = read_text_file(node, self.allowed, "file of beats", read_taps, reader), "line"
        if not 2 <= len(taps) <= MAX_BEATS:
            raise reader.refuse(node, f"found {len(taps)} beats, allowed 2 to {MAX_BEATS}")
        for (_, before), (place, after) in pairwise(taps):
            if after - before < 60 / FASTEST / 2:
                order = f"{after:.6g} s does not come after {before:.6g} s"
                raise reader.refuse(node, f"{where} {place}: {order}")
        return tuple(second for _, second in taps)

    def dump(self, value: tuple[float, ...], writer: Writer) -> Any:
        return Flow(second_text(beat) for beat in value)

    def schema(self) -> list[Schema]:
        beat = {"anyOf": list(MOMENT)}
        return [{"type": "string"}, {"type": "array", "items": beat, "minItems": 2, "maxItems": MAX_BEATS}]


def read_text_file(node: Node, allowed: str, what: str, read: Callable[..., T], reader: Reader) -> T:
    """What `read` finds in a file of text. Raises Refused."""
    path = find_file(node, allowed, reader, what)
    try:
        return read(path)
    except (OSError, ValueError) as error:
        is_lost = isinstance(error, OSError)  # else it is there, and somebody wrote it so
        reason = error.strerror if isinstance(error, OSError) else error
        raise reader.refuse(node, f"{path.name}: {reason}", about_file=is_lost) from None


@dataclass(frozen=True)
class StemsType(FieldType):
    """Files by name."""

    allowed: str = "names and files such as {drums: drums.wav}"

    def parse(self, node: Node, reader: Reader) -> tuple[Stem, ...]:
        entries = reader.mapping(node, self.allowed).entries
        if len(entries) > MAX_STEMS:
            raise reader.refuse(node, f"found {len(entries)} stems, allowed at most {MAX_STEMS}")
        files = ((_name(key, value, reader), value) for key, value in entries)
        return tuple(Stem(name, SONG_FILE.parse(value, reader)) for name, value in files)

    def dump(self, value: tuple[Stem, ...], writer: Writer) -> Any:
        return {stem.name: writer.file(stem.file) for stem in value}

    def schema(self) -> list[Schema]:
        return [{"type": "object", "additionalProperties": {"type": "string"}}]


MARKERS = ReadElsewhere(
    'names and moments of the song such as {drop: "1:02.4", chorus: bar 33}',
    lambda: [{"type": "object", "additionalProperties": {"anyOf": list(MOMENT)}}],
    lambda markers: {name: second_text(second) for name, second in markers},
)
"""Moments of the song by name, which are read once its beats are known."""
LYRICS = ReadElsewhere(
    "the path of an LRC, SRT or WebVTT file in the scene's folder", lambda: [{"type": "string"}]
)
"""A file whose lines become markers."""


@dataclass(frozen=True)
class BandsType(FieldType):
    """Bands by name."""

    allowed: str = "names and bands such as {kick: {band: [40, 120], attack: 5ms, release: 120ms}}"

    def parse(self, node: Node, reader: Reader) -> tuple[tuple[str, Band], ...]:
        entries = reader.mapping(node, self.allowed).entries
        return tuple((_name(key, value, reader), self._band(value, reader)) for key, value in entries)

    def _band(self, node: Node, reader: Reader) -> Band:
        found = reader.mapping(node, f"a band as in {self.allowed}")
        reader.check_keys(found, ("band", "attack", "release"))
        edges = found.get("band")
        if not isinstance(edges, tree.Sequence) or len(edges.items) != 2:
            what = "nothing" if edges is None else shown(edges)
            raise reader.refuse(node, f"band: found {what}, allowed two numbers in Hz such as [40, 120]")
        low, high = (_HERTZ.parse(edge, reader) for edge in edges.items)
        if low >= high:
            raise reader.refuse(edges, f"found [{low:g}, {high:g}], allowed the lower one first")
        times = {}
        for key in ("attack", "release"):
            if value := found.get(key):
                times[key] = song_time("a time such as 5ms").parse(value, reader)
                if times[key] > LONGEST_RISE:
                    message = f"{key}: found {times[key]:g} s, allowed up to {LONGEST_RISE} s"
                    raise reader.refuse(found, message)
        return Band(low, high, **times)

    def dump(self, value: tuple[tuple[str, Band], ...], writer: Writer) -> Any:
        def dump_band(band: Band) -> dict[str, Any]:
            times = {"attack": second_text(band.attack), "release": second_text(band.release)}
            return {"band": Flow([band.low, band.high]), **times}

        return {name: dump_band(band) for name, band in value}

    def schema(self) -> list[Schema]:
        edge = {"anyOf": _HERTZ.schema()}
        time = {"anyOf": list(MOMENT)}
        pitches = {"type": "array", "items": edge, "minItems": 2, "maxItems": 2, "description": "Hz."}
        band = closed_schema({"band": pitches, "attack": time, "release": time}, ["band"])
        return [{"type": "object", "additionalProperties": band}]


def _name(key: Scalar, value: Node, reader: Reader) -> str:
    """A name that an expression can say. Raises Refused."""
    name = key.text
    taken = name in {*VARIABLES, *CONSTANTS, *FUNCTIONS, *SIGNALS} or keyword.iskeyword(name)
    if taken or not _NAME.fullmatch(name):
        why = "it means something else" if taken else "allowed letters, digits and _, beginning with a letter"
        raise reader.refuse(value, f"found the name {quoted(name)}, {why}")
    return name
