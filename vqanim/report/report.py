"""report.html: a finished or stopped render in one file that needs no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import BadSong, open_song, read_blocks
from vqanim.files import Guard, open_file, read_bytes
from vqanim.film.formats.pictures import poster_index
from vqanim.plots.curves import SvgRow, columns_for, svg_row, waveform_row
from vqanim.report.film import Render
from vqanim.report.page import data_uri, jpeg, refuse_foreign, render_page, write_page
from vqanim.timeline.plan import SoundPlan
from vqanim.timeline.tracks import Track

REPORT = "report.html"
FILM_BYTES = 4_000_000  # larger films stay beside the page; in it they take a third more
FRAMES, THUMB = 24, 220  # of the strip, and pixels of their width
POSTER = 960  # width in pixels of the picture in place of a film
MOST_TEXT = 200_000  # characters of the scene that are shown
WAVE_COLUMNS = 800
RUN_SETTINGS = "scene quality machine device threads weights deterministic vqanim engine torch".split()
"""Keys of run.json."""


def write_report(
    render: Render, path: Path, warnings: Sequence[str], guard: Guard = lambda: None, force: bool = False
) -> None:
    """Write the page; one that was made here before and not changed since is replaced, another file only by
    force. warnings: of the render. Raises UsageError, OutputError, also when a saved frame is broken."""
    if not force:
        refuse_foreign(path)
    name = render.film.timeline.title or render.stem
    rows, notes = _plots(render)
    text = render_page(
        "report.html",
        title=f"{name} - report",
        name=name,
        render=render,
        warnings=warnings,
        frames=list(_frames(render)),
        rows=rows,
        plot_notes=notes,
        figures=list(_figures(render)),
        settings=[(key, render.settings[key]) for key in RUN_SETTINGS if key in render.settings],
        scene=_scene(render),
        **_film(render, path.parent),
    )
    guard()
    write_page(path, text)


def _film(render: Render, folder: Path) -> dict[str, Any]:
    """The film itself where it is small, else a picture and where the film is."""
    middle = poster_index(render.film.frames)
    nearest = sorted(render.available, key=lambda position: (abs(position - middle), position))[:1]
    poster = "".join(jpeg(picture, POSTER) for picture in render.pictures(nearest))
    size = render.mp4.stat().st_size if render.mp4.is_file() else None
    small = poster and size is not None and size <= FILM_BYTES
    return {
        "poster": poster,
        "video": data_uri(read_bytes(render.mp4), "video/mp4") if small else "",
        "megabytes": "" if size is None else f"{size / 1e6:.1f}",
        "link": render.mp4.name if render.mp4.parent == folder else "",
    }


def _frames(render: Render) -> Iterator[tuple[int, str, str]]:
    """Frames from the whole film: number, seconds and picture."""
    available = sorted(render.available)
    count = min(FRAMES, len(available))
    chosen = [available[int((number + 0.5) * len(available) / count)] for number in range(count)]
    for frame, picture in zip(chosen, render.pictures(chosen), strict=True):
        yield frame, f"{frame / float(render.film.timeline.fps):.2f}", jpeg(picture, THUMB)


def _plots(render: Render) -> tuple[list[SvgRow], list[str]]:
    """Rows, and notes on what in them is less than all."""
    film, look = render.film, render.look
    moves = [track for track in film.tracks if track.group != "prompts"]
    pace = [track for track in render.painting_tracks if track.group == "pace"]
    first = [track for track in film.tracks if track.group == "prompts"]
    first += [track for track in render.painting_tracks if track.group != "pace"]
    columns = columns_for(len(moves) + len(first))
    rows = [svg_row(track, columns) for track in first]
    if any(look.colors):
        rows.append(svg_row(Track("sharpness", "picture", "", look.sharpness), columns))
        rows.append(SvgRow("mean color", "picture", values=",".join(look.colors), colors=look.colors))
    rows += [svg_row(track, columns) for track in (*moves, *pace)]
    notes = ["sharpness: variance of the Laplacian of luma; mean color: of all light of a frame together"]
    if (measured := len(look.colors)) < film.frames:
        notes += [f"sharpness and color are those of {measured} of {film.frames} frames, evenly spread"]
    if columns < film.frames:
        parts = f"{columns} parts of the film, each from its lowest to its highest value"
        notes.append(f"curves are drawn from {parts}")
    if not render.metrics and render.available:
        notes.append("similarities, losses and seconds were not recorded when these frames were painted")
    if film.timeline.sound is not None:
        try:
            rows.append(waveform_row(waveform(film.timeline.sound, film.seconds, WAVE_COLUMNS)))
        except BadSong as error:
            notes.append(str(error))
    return rows, notes


def waveform(sound: SoundPlan, seconds: float, columns: int) -> NDArray[np.float64]:
    """Smallest and largest sample [columns, 2], -1..1, of each part of what a film hears of its song; 0 where
    the song has ended. Raises BadSong."""
    song = open_song(Path(sound.file))
    first, count = round(sound.start * song.rate), max(1, round(seconds * song.rate))
    peaks = np.zeros((columns, 2))
    position = -first
    for block in read_blocks(song):
        mono = block.mean(axis=1)
        samples = np.arange(position, position + len(mono))
        inside = (samples >= 0) & (samples < count)
        column = samples[inside] * columns // count
        np.minimum.at(peaks[:, 0], column, mono[inside])
        np.maximum.at(peaks[:, 1], column, mono[inside])
        position += len(mono)
        if position >= count:
            break
    return peaks


def _figures(render: Render) -> Iterator[tuple[str, str]]:
    for name, values in render.statistics.items():
        mean, total = values.mean(), values.sum()
        if name == "seconds a frame":
            of = f"{total:.4g} s for the {values.size} that are known"
            yield name, f"{mean:.3g} in the mean, median {np.median(values):.3g}, {of}"
        else:
            last = "" if name == "sharpness" else f", {values[-1]:.4g} in the end"
            yield name, f"{mean:.4g} in the mean, {values.min():.4g} to {values.max():.4g}{last}"


def _scene(render: Render) -> str:
    """The scene with every value filled in; nothing where it cannot be read."""
    try:
        with open_file(render.folder / "scene.resolved.yaml") as file:
            text = file.read(4 * MOST_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "\n..."
