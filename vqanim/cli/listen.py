"""`vqanim listen`: what there is to hear in a song."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vqanim.cli import words
from vqanim.errors import UsageError

if TYPE_CHECKING:
    from vqanim.audio.analysis import Beats, SongAnalysis

BESIDE = ""
"""What `--plot` means without a name."""


@click.command()
@click.argument("song")
@click.option(
    "--plot",
    metavar="[FILE]",
    is_flag=False,
    flag_value=BESIDE,
    help="Draw every signal, beats and sections as a PNG; beside the song if no FILE is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Write everything as JSON, and nothing else.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the signals as a table, a line for each moment.")
@click.option(
    "--fps", type=click.FloatRange(1, 240), default=24.0, show_default=True, help="For --json, --csv."
)
@click.option("--clicks", metavar="FILE", help="Write the song as a wav with a click on every beat.")
@click.option("--scene", metavar="FILE", help="Write a scene to start from: shots on sections, keys on bars.")
@click.option("--meter", type=click.IntRange(1, 32), default=4, show_default=True, help="Beats in a bar.")
@click.option("--bpm", type=click.FloatRange(20, 400), help="The tempo, where you know it.")
@click.option("--force", is_flag=True, help="Overwrite files.")
def listen(
    song: str,
    plot: str | None,
    as_json: bool,
    as_csv: bool,
    fps: float,
    clicks: str | None,
    scene: str | None,
    meter: int,
    bpm: float | None,
    force: bool,
) -> None:
    """Find tempo, beats, sections and signals of SONG.

    SONG is a wav, flac, ogg, mp3 or whatever ffmpeg can decode, of at most 30 minutes. What was heard is
    kept, so that the next time is quick.
    """
    if as_json and as_csv:
        raise UsageError("--json and --csv both write to standard output, choose one")
    path = Path(song)
    plot_path = None if plot is None else Path(plot) if plot != BESIDE else path.with_suffix(".png")
    files = [Path(name) if isinstance(name, str) else name for name in (plot_path, clicks, scene) if name]
    _check_files(files, path, force=force)

    from vqanim.audio.analysis import SongAnalysis

    listener = SongAnalysis.of(path)
    beats = listener.beats(meter, bpm)
    if as_json:
        from vqanim.cli.songtext import as_json_text

        words.say(as_json_text(listener, beats, fps))
    elif as_csv:
        from vqanim.cli.songtext import csv_lines

        for line in csv_lines(listener, beats, fps):
            print(line)
    else:
        words.say("\n".join(_report(listener, beats)))
    for made in _write(listener, beats, meter, plot_path, clicks, scene):
        if not (as_json or as_csv):
            words.say(f"wrote {words.short_path(made)}")


def _check_files(files: list[Path], song: Path, *, force: bool) -> None:
    for file in files:
        if file.resolve() == song.resolve():
            raise UsageError(f"{file} is the song itself, choose another name")
        if file.exists() and not force:
            raise UsageError(f"{file} exists; take another name, or overwrite it with --force")


def _report(listener: SongAnalysis, beats: Beats) -> Iterator[str]:
    from vqanim.audio.analysis import CLEAR
    from vqanim.audio.spectrum import RATE
    from vqanim.plots.text import sparkline
    from vqanim.scene.soundtrack import NAMES

    yield f"{words.short_path(listener.song.path)}: {words.duration(listener.song.seconds)}"
    sure = f"confidence {beats.confidence:.2f}"
    hardly = ", there is hardly a beat" if beats.confidence < CLEAR else ""
    octave = f"or {beats.octave:.1f} ({beats.octave_confidence:.2f})"
    rows = [("tempo", f"{beats.tempo:.1f} bpm, {sure}{hardly}; {octave}")]
    if beats.beats:
        first = beats.first_beat or 0.0
        rows.append(
            ("beats", f"{len(beats.beats)}, bar 1 at {first:.3f} s, the last at {beats.beats[-1]:.3f} s")
        )
    rows.append(("found by", beats.method))
    for number, part in enumerate(beats.sections, 1):
        length = words.duration(part.end - part.start)
        rows.append(
            (
                f"section {number}",
                f"{_minutes(part.start)}  {part.label}  {length}, loudness {part.loudness:.2f}",
            )
        )
    rows += [(name, sparkline(listener.signal(name), RATE)) for name in NAMES]
    yield words.rows(rows)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:05.2f}"


def _write(
    listener: SongAnalysis, beats: Beats, meter: int, plot: Path | None, clicks: str | None, scene: str | None
) -> Iterator[Path]:
    """Write what is wanted; gives each path."""
    if plot is not None:
        _write_plot(listener, beats, meter, plot)
        yield plot
    if clicks is not None:
        from vqanim.audio.reading import write_clicks

        write_clicks(listener.song, beats.beats, beats.downbeat, Path(clicks), meter)
        yield Path(clicks)
    if scene is not None:
        from vqanim.cli.songscene import write_scene

        write_scene(listener.song, beats, meter, Path(scene))
        yield Path(scene)


def _write_plot(listener: SongAnalysis, beats: Beats, meter: int, path: Path) -> None:
    from vqanim.plots.curves import Marks
    from vqanim.plots.picture import draw_chart
    from vqanim.scene.soundtrack import NAMES
    from vqanim.timeline.tracks import Track

    tracks = [Track(name, "sound", "", listener.signal(name)) for name in NAMES]
    bars = beats.beats[beats.downbeat % meter :: meter]
    sections = tuple((section.start, section.label) for section in beats.sections)
    marks = Marks(listener.song.seconds, (), beats.beats, bars, sections)
    title = f"{listener.song.path.name}   {beats.tempo:.1f} bpm"
    draw_chart(title, tracks, marks, path, song=True)
