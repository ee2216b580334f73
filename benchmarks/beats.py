"""How well beats are found: beside charts whose beats are known, and beside other trackers.

    python benchmarks/beats.py FOLDER... [--others FOLDER] [--librosa] [--save FOLDER]

Songs are looked for in the folders. A chart is a MIDI file beside its song: `notes.mid` beside `song.ogg`, as
Frets on Fire has it, or `NAME.mid` beside `NAME.ogg`. Beats of other trackers are text files
`TRACKER/NAME.txt` in the folder of --others, a beat in each line: its seconds and, if the tracker tells bars,
its number in the bar. --save writes such files for what was found here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.analysis import SongAnalysis

Floats = NDArray[np.float64]

SUFFIXES = (".ogg", ".opus", ".mp3", ".flac", ".wav")
WITHIN = 0.07  # seconds between beats that are taken for one (Davies et al. 2009)
_LEVELS = (
    1 / 3,
    1 / 2,
    2 / 3,
    3 / 4,
    1,
    4 / 3,
    3 / 2,
    2,
    3,
)  # beats of a chart that a tracker may count as one
FIRST = 5.0  # seconds at the beginning that are not judged, as usual


@dataclass(frozen=True)
class Tapped:
    """Beats, and those of them that begin a bar."""

    beats: Floats
    bars: Floats | None = None


def main() -> None:
    """Print a table for each folder, a song in each line, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--others", type=Path, help="folder of TRACKER/NAME.txt")
    parser.add_argument(
        "--librosa", action="store_true", help="compare with librosa, which must be installed"
    )
    parser.add_argument("--save", type=Path, help="folder to write NAME.txt into")
    args = parser.parse_args()
    cache = tempfile.TemporaryDirectory()
    os.environ["VQANIM_CACHE"] = cache.name  # what was found before is looked for anew
    for folder in args.folder:
        songs = sorted(_songs(folder))
        rows = [_judge(song, args) for song in songs]
        columns = sorted({column for row in rows for column in row})
        columns.sort(key=lambda column: ("F" not in column, column))
        print(f"| {str(folder)[-34:]:34} | " + " | ".join(columns) + " |")
        print("|---|" + "--:|" * len(columns))
        for song, row in zip(songs, rows, strict=True):
            print(_line(_name(song), [row.get(column) for column in columns], columns))
        means = [_mean([row.get(column) for row in rows]) for column in columns]
        print(_line(f"**mean of {len(songs)}**", means, columns) + "\n")


def _judge(song: Path, args: argparse.Namespace) -> dict[str, float]:
    """What is told about one song, by column."""
    began = time.monotonic()
    found = SongAnalysis.of(song).beats()
    row = {"seconds": time.monotonic() - began}
    beats = np.array(found.beats)
    ours = Tapped(beats, beats[found.downbeat % 4 :: 4])
    others = _others(song, args)
    if args.save:
        args.save.mkdir(parents=True, exist_ok=True)
        numbers = (np.arange(len(beats)) - found.downbeat) % 4 + 1
        lines = [f"{beat:.4f}\t{number}\n" for beat, number in zip(beats, numbers, strict=True)]
        (args.save / f"{_name(song)}.txt").write_text("".join(lines))
    if chart := _chart(song):
        for name, tapped in {"vqanim": ours, **others}.items():
            row[f"F {name}/chart"] = f_measure(tapped.beats, chart.beats)
            row[f"slips {name}"] = slips(tapped.beats, chart.beats)
            if tapped.bars is not None and chart.bars is not None:
                row[f"bars {name}/chart"] = f_measure(tapped.bars, chart.bars)
    for name, tapped in others.items():
        row[f"F vqanim/{name}"] = f_measure(ours.beats, tapped.beats)
        if ours.bars is not None and tapped.bars is not None:
            row[f"bars vqanim/{name}"] = f_measure(ours.bars, tapped.bars)
    names = sorted(others)
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            row[f"F {name}/{other}"] = f_measure(others[name].beats, others[other].beats)
    return row


def f_measure(found: Floats, truth: Floats) -> float:
    """F of beats, each of which may be met once, 0..1."""
    found, truth = found[found >= FIRST], truth[truth >= FIRST]
    if not len(found) or not len(truth):
        return 0.0
    hits, start = 0, 0
    for beat in truth:
        while start < len(found) and found[start] < beat - WITHIN:
            start += 1
        if start < len(found) and found[start] <= beat + WITHIN:
            hits, start = hits + 1, start + 1
    return 2 * hits / (len(found) + len(truth))


def slips(found: Floats, truth: Floats) -> int:
    """How often beats move by about half a beat against the truth, at whatever multiple of its tempo."""
    found = found[(found >= truth[0]) & (found <= truth[-1])]
    if len(found) < 8:
        return 0
    counts = np.interp(found, truth, np.arange(len(truth)))
    step = float(min(_LEVELS, key=lambda level: abs(np.log(np.median(np.diff(counts)) / level))))
    ahead = counts / step - np.arange(len(counts))
    count, place = 0, float(np.median(ahead[:8]))
    for number in range(4, len(ahead) - 3):
        here = float(np.median(ahead[number - 4 : number + 4]))
        if abs(here - place) > 0.35:
            count, place = count + 1, here
        elif abs(here - place) < 0.15:
            place += 0.1 * (here - place)
    return count


def _songs(folder: Path) -> list[Path]:
    paths = [folder] if folder.is_file() else list(folder.rglob("*"))
    songs = [path for path in paths if path.suffix.lower() in SUFFIXES]
    return [song for song in songs if song.stem not in ("guitar", "rhythm", "drums")]


def _name(song: Path) -> str:
    return song.parent.name if song.stem == "song" else song.stem


def _chart(song: Path) -> Tapped | None:
    """The beats of a MIDI file beside a song, up to its last note."""
    path = song.with_name("notes.mid") if song.stem == "song" else song.with_suffix(".mid")
    if not path.exists():
        return None
    mido = import_module("mido")
    file = mido.MidiFile(path, clip=True)
    seconds, tick, first, numerator, denominator, end = 0.0, 0, 0, 0, 4, 0.0
    tempo, next_tick = 500_000, 0.0
    beats: list[float] = []
    bars: list[float] = []
    for message in mido.merge_tracks(file.tracks):
        until = tick + message.time
        while next_tick < until:
            beats.append(seconds + mido.tick2second(next_tick - tick, file.ticks_per_beat, tempo))
            if (
                numerator
                and round((next_tick - first) / file.ticks_per_beat * denominator / 4) % numerator == 0
            ):
                bars.append(beats[-1])
            next_tick += file.ticks_per_beat
        seconds += mido.tick2second(message.time, file.ticks_per_beat, tempo)
        tick = until
        if message.type == "set_tempo":
            tempo = message.tempo
        elif message.type == "time_signature":
            first, numerator, denominator = tick, message.numerator, message.denominator
        elif message.type == "note_on":
            end = seconds
    heard = np.array([beat for beat in beats if beat <= end])
    return Tapped(heard, np.array([bar for bar in bars if bar <= end]) if numerator == 4 else None)


def _others(song: Path, args: argparse.Namespace) -> dict[str, Tapped]:
    """The beats of other trackers, by their names."""
    found = {}
    for path in sorted(args.others.glob(f"*/{glob_escaped(_name(song))}.txt")) if args.others else ():
        table = [line.split() for line in path.read_text().splitlines() if line.strip()]
        beats = np.array([float(row[0]) for row in table])
        first = [float(row[0]) for row in table if len(row) > 1 and int(float(row[1])) == 1]
        found[path.parent.name] = Tapped(beats, np.array(first) if first else None)
    if args.librosa:
        librosa = import_module("librosa")
        wave, rate = librosa.load(song)
        found["librosa"] = Tapped(librosa.beat.beat_track(y=wave, sr=rate, units="time")[1])
    return found


def glob_escaped(name: str) -> str:
    """A name as a pattern that means it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _line(name: str, values: Sequence[float | None], columns: Sequence[str]) -> str:
    form: Callable[[str, float], str] = lambda column, value: f"{value:.{0 if 'slips' in column else 2}f}"  # noqa: E731
    cells = ["" if v is None else form(column, v) for v, column in zip(values, columns, strict=True)]
    return f"| {name[:34]:34} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
