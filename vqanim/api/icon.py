"""Icons, texts and silhouettes as pictures that say what they are."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from vqanim.icons import Figure, IconSpec, license
from vqanim.scene.colors import color_text


def write_icon(path: Path, icon: IconSpec, width: int, height: int) -> None:
    """Draw a figure to a PNG of so many pixels. Raises InputError and OutputError."""
    from vqanim.icons.draw import draw_icon
    from vqanim.takes.metadata import write_picture

    write_picture(path, draw_icon(icon, height, width), _chunks(icon, width, height))


def describe_figure(figure: Figure) -> str:
    """What a figure is, for people."""
    if figure.kind == "icon":
        return figure.name
    if figure.kind == "shape":
        return f"the shape of {Path(figure.file or '').name}"
    return f"the text {figure.name!r}"


def _chunks(icon: IconSpec, width: int, height: int) -> dict[str, str]:
    """What the PNG says about itself: a text for viewers, JSON for programs, and whose icon it is."""
    from vqanim import __version__

    figure = icon.figure
    look = {
        field.name: color_text(value) if isinstance(value := getattr(icon, field.name), tuple) else value
        for field in fields(IconSpec)
        if field.name != "figure"
    }
    # Names only: where a file lies is nobody's business.
    file = Path(figure.file or "").name
    what: dict[str, Any] = {figure.kind: file if figure.kind == "shape" else figure.name}
    if figure.kind == "text" and file:
        what["font"] = file
    everything = {**what, **look, "size": [width, height], "hash": figure.hash, "version": __version__}
    pairs = {key.replace("_", " ").capitalize(): value for key, value in look.items()}
    pairs |= {"Size": f"{width}x{height}", "Version": f"vqanim {__version__}"}
    written = {key: f"{value:.9g}" if isinstance(value, float) else value for key, value in pairs.items()}
    settings = ", ".join(f"{key}: {value}" for key, value in written.items())
    texts = {"parameters": f"{' '.join(describe_figure(figure).split())}\n{settings}"}
    texts["vqanim"] = json.dumps(everything, ensure_ascii=False)
    return texts | {"Copyright": license()} if figure.kind == "icon" else texts
