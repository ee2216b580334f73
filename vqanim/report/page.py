"""Pages: one HTML file each, from templates, with its style, scripts, data and pictures in it.

Whatever a template is given is escaped, unless it is Markup.
"""

from __future__ import annotations

import base64
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from PIL import Image

from vqanim.errors import UsageError
from vqanim.files import is_there, staged, writing
from vqanim.pictures import Picture
from vqanim.plots.curves import TITLES, moving, svg_labels, svg_marks, svg_rows
from vqanim.preview.outline import Outline
from vqanim.takes.outputs import is_sealed, sealed

MARK = '<meta name="generator" content="vqanim">'
"""Stands near the beginning of each page."""
JPEG_QUALITY = 82


@cache
def _environment() -> Environment:
    loader = PackageLoader("vqanim.report")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    found.trim_blocks = found.lstrip_blocks = True
    found.filters["json"] = to_json
    # A script or style as it is.
    found.globals.update(asset=lambda name: Markup(loader.get_source(found, name)[0]), mark=Markup(MARK))
    found.globals.update(svg_marks=svg_marks, svg_labels=svg_labels, titles=TITLES)
    return found


def render_page(template: str, **values: Any) -> str:
    """HTML from one of the templates."""
    return _environment().get_template(template).render(values)


def plan_page(outline: Outline) -> str:
    """The curves of a film that is not painted yet."""
    rows = svg_rows(moving(outline.tracks))
    return render_page("plan.html", title=outline.title, outline=outline, rows=rows)


def to_json(document: Any) -> Markup:
    """JSON that can stand within HTML and within a script."""
    return htmlsafe_json_dumps(document, json.dumps, allow_nan=False, separators=(",", ":"))


def refuse_foreign(path: Path) -> None:
    """Raise UsageError where a file is in a page's place that was not made here, or was changed since."""
    if is_there(path) and not is_sealed(path):
        raise UsageError(
            f"{path}: is there and was not made here, or was changed since; move it, or choose another name"
        )


def write_page(path: Path, text: str) -> None:
    """Write a page whole, sealed, without waiting for the disk: it can be made again. Raises OutputError."""
    write_quickly(path, sealed(text))


def write_quickly(path: Path, text: str) -> None:
    """Write a text whole, without waiting for the disk. Raises OutputError."""
    with writing(path), staged(path, sync=False) as temporary:
        # Half a surrogate pair, which YAML can spell and UTF-8 cannot, becomes a question mark.
        temporary.write_bytes(text.encode("utf-8", "replace"))


def jpeg(picture: Picture, width: int) -> str:
    """A picture, uint8 [H, W, 3], as the address of a JPEG in the page; shrunk to `width` pixels if wider."""
    image = Image.fromarray(picture)
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")


def data_uri(content: bytes, kind: str) -> str:
    """Contents of a file as an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
