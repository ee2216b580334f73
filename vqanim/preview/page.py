"""Curves of a film as a page that needs nothing else: SVG in HTML, with the values under the pointer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from vqanim.files import write_atomic
from vqanim.preview.chart import COLORS, OTHER, lines_of, pick_tracks, ticks
from vqanim.preview.outline import Outline
from vqanim.timeline.tracks import Track

WIDTH, HEIGHT = 1000, 48
"""Of the drawing of one curve, in units of its own."""
MOST_POINTS = 1000
"""Columns of a curve; a screen has no more."""

_STYLE = """
:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 1.5rem; max-width: 1400px; }
h1 { font-size: 1.3rem; margin: 0; }
p { margin: .2rem 0 1rem; opacity: .75; }
.row { display: grid; grid-template-columns: 15rem 1fr 9rem; gap: .75rem; align-items: center; }
.row > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
svg { width: 100%; height: 48px; display: block; overflow: visible; }
.short svg { height: 20px; }
.mark { stroke: #8888; vector-effect: non-scaling-stroke; }
.cursor { stroke: #e11d48; vector-effect: non-scaling-stroke; }
polyline { fill: none; stroke-width: 1.6; vector-effect: non-scaling-stroke; }
.names { position: relative; height: 20px; font-size: 12px; }
.names span { position: absolute; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
output { font-variant-numeric: tabular-nums; font-size: 12px; }
"""

_SCRIPT = """
const film = JSON.parse(document.getElementById("film").textContent);
const plots = document.querySelectorAll(".plot");
document.getElementById("plots").addEventListener("pointermove", event => {
  const box = plots[0] && plots[0].getBoundingClientRect();
  if (!box) return;
  const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  const frame = Math.min(film.frames - 1, Math.floor(part * film.frames));
  document.getElementById("now").textContent =
    `frame ${frame}, ${(frame / film.fps).toFixed(2)} s`;
  plots.forEach((plot, number) => {
    const cursor = plot.querySelector(".cursor");
    const x = (frame + .5) / film.frames * film.width;
    cursor.setAttribute("x1", x); cursor.setAttribute("x2", x);
    const value = film.values[number][frame];
    plot.parentElement.querySelector("output").textContent = value === null ? "" : `${value}`;
  });
});
"""


def write_page(outline: Outline, path: Path) -> None:
    """Write the page. Raises OutputError."""
    write_atomic(path, "".join(_page(outline)))


def _page(outline: Outline) -> Iterator[str]:
    tracks = pick_tracks(outline)
    title = escape(outline.title)
    about = (
        f"{outline.frames} frames, {outline.seconds:.6g} s at {outline.fps:.6g} fps, "
        f"{outline.width}x{outline.height}; {outline.painted} painted frames, {outline.steps} steps"
    )
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1><p>{escape(about)}; "
    yield '<span id="now">point at a curve</span></p>\n<div id="plots">'
    yield _names([(shot.at / outline.seconds, shot.name) for shot in outline.shots])
    for track in tracks:
        yield _row(track, outline)
    yield _names([(second / outline.seconds, f"{second:g}s") for second in ticks(outline.seconds)])
    yield '</div>\n<script type="application/json" id="film">'
    yield _film(tracks, outline)
    yield f"</script><script>{_SCRIPT}</script></body></html>\n"


def _row(track: Track, outline: Outline) -> str:
    color = COLORS.get(track.group, OTHER)
    lines = lines_of(track, (0, 2, WIDTH, HEIGHT - 2), MOST_POINTS)
    drawn = "".join(
        f'<polyline stroke="{color}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in _visible(line))}"/>'
        for line in lines
    )
    marks = "".join(
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT}"/>'
        for x in (WIDTH * shot.at / outline.seconds for shot in outline.shots)
    )
    unit = f" ({track.unit})" if track.unit else ""
    name = escape(f"{track.name}{unit}", quote=True)
    return (
        f'<div class="row"><span style="color:{color}" title="{name}">{name}</span>'
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">{marks}{drawn}'
        f'<line class="cursor" x1="-1" x2="-1" y1="0" y2="{HEIGHT}"/></svg>'
        f"<output>{track.low:.4g} to {track.high:.4g}</output></div>\n"
    )


def _visible(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A single point as a short line, which is drawn."""
    return line if len(line) > 1 else [line[0], (line[0][0] + 1, line[0][1])]


def _names(marks: list[tuple[float, str]]) -> str:
    """Words at parts of the width, each with the room up to the next one."""
    ends = [*(part for part, _ in marks[1:]), 1.0]
    spans = "".join(
        f'<span style="left:{100 * part:.3f}%;width:{100 * max(0.0, max(end, part + 0.001) - part):.3f}%">'
        f"{escape(name)}</span>"
        for (part, name), end in zip(marks, ends, strict=True)
    )
    return f'<div class="row short"><span></span><div class="names">{spans}</div><span></span></div>\n'


def _film(tracks: list[Track], outline: Outline) -> str:
    """The values for the pointer, as JSON that cannot end the element that it stands in."""
    values = [
        [None if value != value else float(f"{value:.5g}") for value in track.values.tolist()]
        for track in tracks
    ]
    document = {"frames": outline.frames, "fps": outline.fps, "width": WIDTH, "values": values}
    return json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
