"""The song of a scene with all that belongs to it, read before anything that needs its beats."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from vqanim.errors import InputError, Place
from vqanim.scene.expressions import ADD_SOUNDTRACK
from vqanim.scene.fields.base import declared_in, text_of
from vqanim.scene.fields.context import Reader, Refused
from vqanim.scene.fields.music import LYRICS, Stem, read_text_file
from vqanim.scene.lyric_lines import shown
from vqanim.scene.lyrics import Lyrics, marker_names, read_lyrics, seconds_of
from vqanim.scene.model import Scene
from vqanim.scene.sound import BEAT, Clock
from vqanim.scene.soundtrack import Ear, Soundtrack, signal_names
from vqanim.scene.times import MARKER, SongTimes
from vqanim.scene.tree import Mapping, Node, is_given, place_of, quoted

KEYS = ("soundtrack", "stems", "markers", "lyrics", "signals")
"""Keys of Scene that are read here."""
MAX_MARKERS = 10_000
HARDLY_A_BEAT = 0.25  # confidence

_NOT_MARKERS = ("soundtrack", "none", "auto", "bar", "bars", BEAT, "beats")


def read_song(root: Mapping, reader: Reader, ear: Ear | None) -> dict[str, Any]:
    """Fields of Scene about its song; tells `reader` what beats, bars, markers and signals mean."""
    options = declared_in(Scene)
    soundtrack: Soundtrack | None = reader.field("soundtrack", options["soundtrack"], root)
    if soundtrack is None:
        reader.song_lost = is_given("soundtrack", root)
        for key in KEYS[1:]:
            if is_given(key, root) and not reader.song_lost:
                message = f"found {key} without a soundtrack: {ADD_SOUNDTRACK}"
                reader.refuse(place_of(key, root), message)
        return {}
    seconds = _file_length(soundtrack.file, soundtrack.place, reader, ear)
    if soundtrack.start >= seconds:
        place = replace(soundtrack.place, path="soundtrack.start")
        late = f"found {soundtrack.start:.6g} s, which lies past the end of the song ({seconds:.6g} s)"
        reader.refuse(place, late)
    soundtrack = _listened(soundtrack, reader, ear)
    clock = _clock(soundtrack, reader)
    end = seconds - soundtrack.start
    why = "nobody listened to the song" if ear is None else "no beats were found in the song"
    reader.song = SongTimes(clock, {}, end, why)
    markers = _markers(root, soundtrack, reader)
    reader.song = SongTimes(clock, {name: at - soundtrack.start for name, at in markers}, end, why)
    stems = _stems(root, seconds, reader, ear)
    bands = dict(reader.field("signals", options["signals"], root))
    reader.signals = signal_names(bands, stems, beat=clock is not None)
    for name in {stem.name for stem in stems} & reader.signals:
        reader.refuse(root, f"found {name!r} as a signal and as a stem, allowed is one of them")
    found = {"soundtrack": soundtrack, "stems": stems}
    # Where lyrics end after the song, nothing can be there; a resolved scene does not name it.
    reached = tuple((name, at) for name, at in markers if at <= seconds + 1e-6)
    return {**found, "markers": reached, "bands": tuple(bands.items())}


def _file_length(file: str, place: Place, reader: Reader, ear: Ear | None) -> float:
    """Seconds of a sound file; without end where nobody can tell."""
    if ear is None:
        return math.inf
    try:
        if note := ear.note(file):
            reader.warn(place, f"{Path(file).name} {note}")
        return ear.seconds(file)
    except InputError as error:
        reader.refuse(place, _short(str(error), file), about_file=True)
        return math.inf


def _short(said: str, file: str) -> str:
    """An error about a file with its name in the place of its path."""
    return said.replace(file, Path(file).name)


def _listened(soundtrack: Soundtrack, reader: Reader, ear: Ear | None) -> Soundtrack:
    if not soundtrack.needs_listening or ear is None or reader.problems:
        return soundtrack
    bpm = soundtrack.bpm or (soundtrack.tempo[0].bpm if soundtrack.tempo else None)
    try:
        heard = ear.beats(soundtrack.file, soundtrack.meter, None if bpm is None else float(bpm))
    except InputError as error:
        reader.refuse(soundtrack, _short(str(error), soundtrack.file), about_file=True)
        return soundtrack
    if heard.confidence < HARDLY_A_BEAT:
        hardly = "there is hardly a beat in the song; listen to it, or say bpm and first_beat"
        reader.warn(soundtrack.place, hardly)
    return soundtrack.with_beats(heard)


def _clock(soundtrack: Soundtrack, reader: Reader) -> Clock | None:
    try:
        return soundtrack.clock()
    except ValueError as error:
        reader.refuse(replace(soundtrack.place, path="soundtrack.tempo"), str(error))
        return None


def _markers(root: Mapping, soundtrack: Soundtrack, reader: Reader) -> list[tuple[str, float]]:
    """Markers that were written, then those of the lyrics, by name; seconds of the song."""
    found: dict[str, float] = {}
    if is_given("markers", root):
        with suppress(Refused):
            _read_markers(root["markers"], soundtrack, found, reader)
    if is_given("lyrics", root):
        with suppress(Refused):
            for name, second in _read_lyrics(root["lyrics"], soundtrack, reader):
                found.setdefault(name, round(second, 9))
    return list(found.items())


def _read_markers(node: Node, soundtrack: Soundtrack, found: dict[str, float], reader: Reader) -> None:
    song = reader.song
    assert song is not None
    entries = reader.mapping(node, 'names and moments such as {drop: "1:02.4"}').entries
    if len(entries) > MAX_MARKERS:
        raise reader.refuse(node, f"found {len(entries)} markers, allowed at most {MAX_MARKERS}")
    for key, value in entries:
        if not MARKER.fullmatch(key.text) or key.text in _NOT_MARKERS:
            reader.wrong(value, "letters, digits, - and _, a letter first", f"the name {quoted(key.text)}")
            continue
        here = replace(song, markers={name: at - soundtrack.start for name, at in found.items()})
        try:
            text = text_of(value, "a time of the song, a bar or another marker", reader)
            # So many digits as can be written down.
            found[key.text] = round(_song_second(text, here, soundtrack), 9)
        except ValueError as error:
            reader.refuse(value, f"found {quoted(text)}, {error}")
        except Refused:
            continue


def _song_second(text: str, song: SongTimes, soundtrack: Soundtrack) -> float:
    """The second of the song that a text means. Raises ValueError."""
    if song.has_form(text):
        second = song.moment(text)
        if second is None:
            raise ValueError("allowed is a moment, such as 1:02.4, bar 33 or drop+2beats")
        if second + soundtrack.start < 0:
            raise ValueError("which lies before the song begins")
        return second + soundtrack.start
    try:
        second = seconds_of(text)
    except ValueError:
        forms = "a time of the song such as 1:02.4, a bar such as bar 33, or a marker"
        raise ValueError(f"allowed {forms}") from None
    if second > song.end + soundtrack.start + 1e-6:
        raise ValueError(f"which lies past the end of the song ({song.end + soundtrack.start:.6g} s)")
    return second


def _read_lyrics(node: Node, soundtrack: Soundtrack, reader: Reader) -> Iterator[tuple[str, float]]:
    lyrics: Lyrics = read_text_file(node, LYRICS.allowed, "file of lyrics", read_lyrics, reader)
    name = Path(text_of(node, "", reader)).name
    for warning in lyrics.warnings:
        reader.warn(node.place, f"{name}: {warning}")
    end = (reader.song.end if reader.song else math.inf) + soundtrack.start
    if late := [line for line in lyrics.lines if line.second > end + 1e-6]:
        more = f", and {len(late) - 1} more" if len(late) > 1 else ""
        what = f"{shown(late[0].text)} at {late[0].second:.6g} s{more}"
        reader.warn(node.place, f"{name}: {what} lies past the end of the song ({end:.6g} s)")
    return marker_names(lyrics)


def _stems(root: Mapping, seconds: float, reader: Reader, ear: Ear | None) -> tuple[Stem, ...]:
    stems: tuple[Stem, ...] = reader.field("stems", declared_in(Scene)["stems"], root)
    node = root.get("stems")
    for stem in stems:
        value = node.get(stem.name) if isinstance(node, Mapping) else None
        place = root.place if value is None else value.place
        length = _file_length(stem.file, place, reader, ear)
        if abs(length - seconds) > 1 and length != math.inf:
            lasts = f"the stem lasts {length:.6g} s and the song {seconds:.6g} s"
            reader.warn(place, f"{lasts}; both must begin together")
    return stems
