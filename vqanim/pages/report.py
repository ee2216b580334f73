"""report.html: a render looked back upon, in one file that needs no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from statistics import median
from urllib.parse import quote

from vqanim.audio.reading import BadSong
from vqanim.files import Guard
from vqanim.film.formats.pictures import poster_index
from vqanim.pages.curves import HEIGHT, WIDTH, Lane, columns_for, lane, lane_rows, plot_row, plots
from vqanim.pages.kit import data_uri, jpeg, notes, page, refuse_foreign, rows, write_page
from vqanim.pages.rendered import Measured, Rendered
from vqanim.pages.sound import wave_row

REPORT, PART_REPORT = "report.html", "report-part.html"
FILM_BYTES = 4_000_000
"""Larger films stay beside the page; in it they take a third more."""
FRAMES, THUMB = 24, 220
"""Of the strip, and pixels of their width."""
STAGE = 960
"""Pixels of the picture in place of a film."""
MOST_TEXT = 200_000
"""Characters of the scene that are shown."""


def write_report(
    rendered: Rendered,
    path: Path,
    warnings: Sequence[str] = (),
    guard: Guard = lambda: None,
    *,
    force: bool = False,
) -> None:
    """Write the page; one that was made here before is replaced, another file only by force.

    warnings: of the render. Raises UsageError, OutputError.
    """
    if not force:
        refuse_foreign(path)
    text = report(rendered, path.parent, warnings)
    guard()
    write_page(path, text)


def report(rendered: Rendered, folder: Path, warnings: Sequence[str] = ()) -> str:
    """The page, for a folder. Raises OutputError when a saved frame is broken."""
    shown = rendered.shown
    title = shown.timeline.title or rendered.stem
    body = [
        f"<header><h1>{escape(title)}</h1>"
        f"<p>{escape(shown.about)}, painted by {escape(shown.models)}</p></header>\n",
        notes(_missing(rendered), "error"),
        notes(warnings),
        _film(rendered, folder),
        _strip(rendered),
        _curves(rendered),
        f"<section><h2>figures</h2>{rows(_figures(rendered))}</section>\n",
        f"<section><h2>settings</h2>{rows(_settings(rendered))}</section>\n",
        f"<section><h2>models</h2>{rows(_models(rendered))}</section>\n",
        _scene(rendered),
    ]
    return page(f"{title} - report", body, ["curves.js", "report.js"], ["report.css"], closed=True)


def _missing(rendered: Rendered) -> list[str]:
    frames, there = rendered.shown.frames, len(rendered.there)
    return [f"{there} of {frames} frames of the film are painted so far"] if there < frames else []


def _film(rendered: Rendered, folder: Path) -> str:
    """The film itself where it is small, else a picture and where the film is."""
    shown, film = rendered.shown, rendered.film
    data = f'data-frames="{shown.frames}" data-fps="{float(shown.timeline.fps):.9g}"'
    places = sorted(rendered.there)
    if not places:
        return f'<section><div id="film" {data}></div><p>no frame is painted yet</p></section>\n'
    wanted = poster_index(shown.frames)
    place = min(places, key=lambda one: abs(one - wanted))
    (picture,) = rendered.pictures([place])
    poster = jpeg(picture, STAGE)
    size = film.stat().st_size if film.is_file() else None
    if size is not None and size <= FILM_BYTES:
        content = data_uri(film.read_bytes(), "video/mp4")
        return (
            f'<section class="film"><video id="film" {data} controls loop playsinline preload="auto" '
            f'poster="{poster}" src="{content}"></video></section>\n'
        )
    where, link = "the film is not made yet", ""
    if size is not None:
        where, link = f"the film has {size / 1e6:.1f} MB, so it is not in this page: ", _link(film, folder)
    return (
        f'<section class="film"><img id="film" {data} alt="" src="{poster}">'
        f"<p>{escape(where)}{link}</p></section>\n"
    )


def _link(film: Path, folder: Path) -> str:
    """A link to a film beside the page, or where it is."""
    name = escape(film.name)
    return f'<a href="{quote(film.name)}">{name}</a>' if film.parent == folder else escape(str(film))


def _strip(rendered: Rendered) -> str:
    places = sorted(rendered.there)
    count = min(FRAMES, len(places))
    chosen = [places[int((number + 0.5) * len(places) / count)] for number in range(count)]
    fps = float(rendered.shown.timeline.fps)
    images = "".join(
        f'<button type="button" data-frame="{place}" title="frame {place}, {place / fps:.2f} s">'
        f'<img alt="frame {place}" src="{jpeg(picture, THUMB)}"></button>'
        for place, picture in zip(chosen, rendered.pictures(chosen), strict=True)
    )
    return f'<section><h2>frames</h2><div class="strip">{images}</div></section>\n' if images else ""


def _curves(rendered: Rendered) -> str:
    shown, measured = rendered.shown, rendered.measured
    weights = [lane(track) for track in shown.tracks if track.group == "prompts"]
    moves = [lane(track) for track in shown.tracks if track.group != "prompts"]
    outcome = [lane(track) for track in rendered.figure_tracks if track.group != "pace"]
    pace = [lane(track) for track in rendered.figure_tracks if track.group == "pace"]
    count = len(weights) + len(moves) + len(outcome)
    first = [*weights, *outcome, *_sharpness(measured)]
    after = lane_rows([*moves, *pace], shown.marks, columns_for(count))
    drawn = plots(first, shown.marks, _band(measured) + after + _wave(rendered), columns=columns_for(count))
    drawn += notes(_thinned(rendered, count), "plain")
    there = ", or click to go there" if rendered.film.is_file() else ""
    hint = f'<p id="now">point at a curve{there}</p>'
    return f"<section><h2>curves</h2>{hint}{drawn}</section>\n"


def _sharpness(measured: Measured) -> list[Lane]:
    known = measured.sharpness == measured.sharpness
    return [Lane("sharpness", "picture", "", (measured.sharpness,))] if known.any() else []


def _band(measured: Measured) -> str:
    """The mean color of the film over time."""
    width = WIDTH / len(measured.at)
    drawn = "".join(
        f'<rect x="{number * width:.2f}" y="0" width="{width + 0.3:.2f}" height="{HEIGHT}" fill="{color}"/>'
        for number, color in enumerate(measured.colors)
        if color
    )
    return plot_row("mean color", "picture", drawn, "", ",".join(measured.colors)) if drawn else ""


def _wave(rendered: Rendered) -> str:
    sound = rendered.shown.timeline.sound
    if sound is None:
        return ""
    try:
        return "<h3>sound</h3>\n" + wave_row(sound, rendered.shown.seconds)
    except BadSong as error:
        return notes([str(error)])


def _thinned(rendered: Rendered, lanes: int) -> list[str]:
    """What of the page is less than all."""
    frames, measured, columns = rendered.shown.frames, len(rendered.measured.at), columns_for(lanes)
    lines = ["sharpness: variance of the Laplacian of luma; mean color: of all light of a frame together"]
    if measured < frames:
        lines.append(f"sharpness and color are those of {measured} of {frames} frames, evenly spread")
    if columns < frames:
        lines.append(
            f"curves are drawn from {columns} parts of the film, each from its lowest to its highest value"
        )
    if not rendered.figures and rendered.there:
        lines.append("similarities, losses and seconds were not recorded when these frames were painted")
    return lines


def _figures(rendered: Rendered) -> Iterator[tuple[str, str]]:
    for track in rendered.figure_tracks:
        if track.group == "pace":
            continue
        known = track.values[track.values == track.values]
        name = f"similarity to {track.name}" if track.group == "similarity" else f"loss: {track.name}"
        ends = f"{track.low:.4g} to {track.high:.4g}, {known[-1]:.4g} in the end"
        yield name, f"{known.mean():.4g} in the mean, {ends}"
    sharp = rendered.measured.sharpness[rendered.measured.sharpness == rendered.measured.sharpness]
    if sharp.size:
        yield "sharpness", f"{sharp.mean():.4g} in the mean, {sharp.min():.4g} to {sharp.max():.4g}"
    if seconds := rendered.seconds_a_frame:
        yield (
            "seconds a frame",
            f"{sum(seconds) / len(seconds):.3g} in the mean, median {median(seconds):.3g}, "
            f"{sum(seconds):.4g} s for the {len(seconds)} that are known",
        )


def _settings(rendered: Rendered) -> Iterator[tuple[str, str]]:
    settings, timeline = rendered.settings, rendered.shown.timeline
    yield "size", f"{timeline.width}x{timeline.height} pixels"
    rate = timeline.rate or timeline.fps
    yield "frames", f"{rendered.shown.frames} at {timeline.fps} a second, painted at {rate} a second"
    yield "shots", ", ".join(f"{shot.name} ({len(shot.frames)} frames)" for shot in timeline.shots)
    yield "seed", str(timeline.seed)
    names = {
        "scene": "scene",
        "quality": "quality",
        "machine": "machine",
        "device": "device",
        "threads": "threads",
        "weights": "precision",
        "deterministic": "deterministic",
        "vqanim": "vqanim",
        "engine": "engine",
        "torch": "torch",
    }
    for key, name in names.items():
        if key in settings:
            yield name, str(settings[key])


def _models(rendered: Rendered) -> Iterator[tuple[str, str]]:
    for model in rendered.models:
        share = "" if model.share in (None, 1.0) else f", counts {100 * (model.share or 0):.3g} %"
        yield model.kind, f"{model.name}{share}; {model.license}; commercial use: {model.commercial}"


def _scene(rendered: Rendered) -> str:
    """The scene with every value filled in, folded away."""
    try:
        with (rendered.folder / "scene.resolved.yaml").open(encoding="utf-8", errors="replace") as file:
            text = file.read(MOST_TEXT + 1)
    except OSError:
        return ""
    shown = text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "\n..."
    return (
        "<section><details><summary>the scene, with every value filled in</summary>"
        f"<pre>{escape(shown)}</pre></details></section>\n"
    )
