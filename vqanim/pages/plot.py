"""The curves of a film that is not painted yet, as a page that needs nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path

from vqanim.files import write_atomic
from vqanim.pages.curves import Marks, lane, plots
from vqanim.pages.kit import page
from vqanim.preview.chart import pick_tracks
from vqanim.preview.outline import Outline


def write_plot(outline: Outline, path: Path) -> None:
    """Write the page. Raises OutputError."""
    about = (
        f"{outline.frames} frames, {outline.seconds:.6g} s at {outline.fps:.6g} fps, "
        f"{outline.width}x{outline.height}; {outline.painted} painted frames, {outline.steps} steps"
    )
    marks = Marks(outline.seconds, tuple((shot.at, shot.name) for shot in outline.shots), outline.beats)
    body = [
        f"<h1>{escape(outline.title)}</h1><p>{escape(about)}; "
        f'<span id="now" data-frames="{outline.frames}" data-fps="{outline.fps:.9g}">'
        "point at a curve</span></p>",
        plots([lane(track) for track in pick_tracks(outline)], marks, titles=False),
    ]
    write_atomic(path, page(outline.title, body, ["curves.js", "plot.js"]))
