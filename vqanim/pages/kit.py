"""What all pages are built of: one file of HTML with its style, scripts, data and pictures in it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from PIL import Image

from vqanim.errors import UsageError
from vqanim.files import Picture, staged, writing

GENERATOR = "vqanim"
_MARK = f'<meta name="generator" content="{GENERATOR}">'
_CLOSED = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    "media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
)
_HEAD = 400
"""Characters of a page in which the mark stands."""
QUALITY = 82
"""Of JPEGs in pages."""


@cache
def asset(name: str) -> str:
    """A script or style that lies beside this module."""
    return resources.files("vqanim.pages").joinpath(name).read_text("utf-8")


def page(
    title: str,
    body: Iterable[str],
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    closed: bool = False,
) -> str:
    """A whole page; `body` is HTML, `scripts` and `styles` name assets, which come after base.css.

    closed: browsers are told that it may load nothing from anywhere.
    """
    style = "".join(asset(name) for name in ("base.css", *styles))
    script = "".join(f"<script>{asset(name)}</script>\n" for name in scripts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{_MARK}{_CLOSED if closed else ""}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>\n'
        f"<style>{style}</style></head>\n<body>\n{''.join(body)}\n{script}</body></html>\n"
    )


def is_ours(path: Path, mark: str = _MARK) -> bool:
    """Whether a file is a page that was made here, or bears another mark near its beginning."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return mark in file.read(_HEAD)
    except OSError:
        return False


def refuse_foreign(path: Path, mark: str = _MARK) -> None:
    """Raise UsageError where a file is in a page's place that was not made here."""
    if path.is_dir() or (path.exists() and not is_ours(path, mark)):
        raise UsageError(f"{path}: is there and was not made here; move it, or choose another name")


def write_page(path: Path, text: str) -> None:
    """Write a page whole, without waiting for the disk: it can be made again. Raises OutputError."""
    with writing(path), staged(path, sync=False) as temporary:
        # Half a surrogate pair, which YAML can spell and UTF-8 cannot, becomes a question mark.
        temporary.write_bytes(text.encode("utf-8", "replace"))


def plain_json(document: Any) -> str:
    """JSON that can stand within HTML and within a script."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def data_element(name: str, document: Any) -> str:
    """Data for scripts, as an element with the id `name`."""
    return f'<script type="application/json" id="{name}">{plain_json(document)}</script>\n'


def jpeg(picture: Picture, width: int | None = None, quality: int = QUALITY) -> str:
    """A picture, uint8 [H, W, 3], as the address of a JPEG in the page; shrunk to `width` pixels if wider."""
    image = Image.fromarray(picture)
    if width is not None and image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")


def data_uri(content: bytes, kind: str) -> str:
    """Contents of a file as an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """A table of names and values, both plain text."""
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>\n" for name, value in pairs)
    return f'<div class="scroll"><table class="facts">{cells}</table></div>\n'


def notes(lines: Sequence[str], kind: str = "warning") -> str:
    """Lines of plain text in a box; nothing where there are none."""
    if not lines:
        return ""
    return f'<ul class="notes {kind}">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>\n"
