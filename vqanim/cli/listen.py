"""`vqanim listen`: tempo, beats, sections and signals of a song."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vqanim.cli import params
from vqanim.cli.formatting import Row, duration, rows, say, short_path
from vqanim.cli.terminal import visible
from vqanim.errors import UsageError

if TYPE_CHECKING:
    from vqanim.audio.analysis import Beats, SongAnalysis


@click.command()
@click.argument("song")
@click.option(
    "--plot",
    metavar="[FILE]",
    is_flag=False,
    flag_value="",  # beside the song
    help="Draw every signal, beats and sections as a PNG; beside the song if no FILE is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Write everything as JSON, and nothing else.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the signals as a table, a line for each moment.")
@click.option("--fps", type=click.FloatRange(1, 240), default=24, show_default=True, help="Of --json, --csv.")
@click.option("--clicks", metavar="FILE", help="Write the song as a wav with a click on every beat.")
@click.option("--scene", metavar="FILE", help="Write a scene to start from: shots on sections, keys on bars.")
@click.option("--meter", type=click.IntRange(1, 32), default=4, show_default=True, help="Beats in a bar.")
@click.option("--bpm", type=click.FloatRange(20, 400), help="The tempo, where you know it.")
@params.force(help="Overwrite existing files.")
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
    plot_path = None if plot is None else Path(plot or path.with_suffix(".png"))

    from vqanim import api
    from vqanim.audio.analysis import SongAnalysis
    from vqanim.audio.reading import write_clicks

    files = [Path(name) for name in (plot_path, clicks, scene) if name]
    if song_itself := [file for file in files if file.resolve() == path.resolve()]:
        raise UsageError(f"{song_itself[0]} is the song itself, choose another name")
    api.check_free(files, force)
    analysis = SongAnalysis.of(path)
    beats = analysis.beats(meter, bpm)
    if as_json:
        say(json.dumps(api.song_document(analysis, beats, fps), ensure_ascii=True))
    elif as_csv:
        say("\n".join(api.song_csv(analysis, beats, fps)))
    else:
        say(f"{short_path(path)}: {duration(analysis.song.seconds)}")
        if analysis.song.note:
            say(visible(f"note: {path.name} {analysis.song.note}"))
        say(rows(list(_report(analysis, beats))))
    if plot_path is not None:
        api.draw_signals(analysis, beats, meter, plot_path)
    if clicks is not None:
        write_clicks(analysis.song, beats.beats, beats.downbeat, Path(clicks), meter)
    if scene is not None:
        api.write_song_scene(analysis.song, beats, meter, Path(scene))
    if not (as_json or as_csv):
        for file in files:
            say(f"wrote {short_path(file)}")


def _report(analysis: SongAnalysis, beats: Beats) -> Iterator[Row]:
    """What a person wants to know."""
    from vqanim.audio.analysis import CLEAR
    from vqanim.audio.spectrum import RATE
    from vqanim.plots.curves import sparkline
    from vqanim.scene.soundtrack import NAMES

    hardly = ", there is hardly a beat" if beats.confidence < CLEAR else ""
    octave = f"or {beats.octave:.1f} ({beats.octave_confidence:.2f})"
    yield "tempo", f"{beats.tempo:.1f} bpm, confidence {beats.confidence:.2f}{hardly}; {octave}"
    if beats.beats:
        first, last = beats.first_beat or 0.0, beats.beats[-1]
        yield "beats", f"{len(beats.beats)}, bar 1 at {first:.3f} s, the last at {last:.3f} s"
    yield "found by", beats.method
    for number, part in enumerate(beats.sections, 1):
        start = f"{int(part.start) // 60}:{part.start % 60:05.2f}"
        length = duration(part.end - part.start)
        yield f"section {number}", f"{start}  {part.label}  {length}, loudness {part.loudness:.2f}"
    for name in NAMES:
        yield name, sparkline(analysis.signal(name), RATE)
