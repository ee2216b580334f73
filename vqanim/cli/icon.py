"""`vqanim icon`: a flat figure on a noisy ground, to start a picture or a film from."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli.values import ColorType, NumberType, SizeType
from vqanim.cli.words import count, rows, say, short_path
from vqanim.errors import UsageError
from vqanim.files import make_folder, write_atomic
from vqanim.icons import (
    Figure,
    IconSpec,
    UnknownIcon,
    icon_figure,
    license,
    search_icons,
    shape_figure,
    spec,
    text_figure,
)
from vqanim.scene.colors import color_text

if TYPE_CHECKING:
    from PIL import PngImagePlugin

SIZE = (512, 512)
MOST = 60
"""Icons that a search shows."""
_CODE = re.compile(r"(?:U\+|0x|\\u|&#x)?([0-9a-f]{4,6});?", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@click.command(
    epilog="The icons are those of Font Awesome Free by Fonticons, Inc. (https://fontawesome.com): "
    "icons CC BY 4.0, fonts SIL OFL 1.1. Brand icons are trademarks of their owners."
)
@click.argument("name", nargs=-1)
@click.option("--search", metavar="WORDS", help="List the icons that have to do with these words.")
@click.option("--shape", metavar="FILE", help="Draw the silhouette in an SVG or a picture instead.")
@click.option("--text", metavar="TEXT", help="Draw a text instead; \\n begins a new line.")
@click.option("--font", metavar="FILE", help="TTF or OTF font for --text or --glyph.")
@click.option(
    "--glyph", metavar="CHARACTER", help="One character of --font instead, as such or as its code: U+F099."
)
@click.option(
    "--color", type=ColorType(), default=spec.COLOR, help=f"Of the figure.  [{color_text(spec.COLOR)}]"
)
@click.option(
    "--opacity", type=NumberType(0, 1), default=spec.OPACITY, show_default=True, help="Of the figure."
)
@click.option("--background", type=ColorType(), default=spec.BACKGROUND, help="Color of the ground.  [white]")
@click.option(
    "--noise",
    type=NumberType(0, 1),
    default=spec.NOISE,
    show_default=True,
    help="Opacity of the noise on the ground, under the figure.",
)
@click.option(
    "--noise-colors",
    type=click.Choice(spec.NOISE_COLORS),
    default="gray",
    show_default=True,
    help="Of the noise.",
)
@click.option("--size", type=SizeType(), default=SIZE, help="Of the picture, N or WxH pixels.  [512]")
@click.option(
    "--scale",
    type=NumberType(0.01, 1),
    default=spec.SCALE,
    help="The figure fits into this share of width and height.  [5/6]",
)
@click.option(
    "--align",
    type=click.Choice(spec.ALIGNS),
    default="center",
    show_default=True,
    help="The border that the figure touches.",
)
@click.option(
    "--stroke",
    type=NumberType(0, spec.MAX_STROKE),
    default=spec.STROKE,
    show_default=True,
    help="How much the outline grows on every side, in pixels of a picture of 512.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=spec.SEED,
    show_default=True,
    help="Another one gives other noise.",
)
@click.option("--out", metavar="FILE", help="PNG to write; ./<name of the icon>.png if not given.")
@click.option("--force", is_flag=True, help="Overwrite a file of that name.")
def icon(
    name: Sequence[str],
    search: str | None,
    shape: str | None,
    text: str | None,
    font: str | None,
    glyph: str | None,
    size: tuple[int, int],
    out: str | None,
    force: bool,
    **look: Any,
) -> None:
    """Draw the icon NAME to a PNG: fa-robot, "fas fa-eye", far fa-heart, twitter.

    It makes a good start of a film or picture, above all when its color is near that of the result.
    """
    if search is not None:
        _list_icons(search)
        return
    figure, stem = _figure(" ".join(name), shape, text, font, glyph)
    path = _path(out, stem, force)
    made = IconSpec(figure, **look)

    from vqanim.icons.draw import draw_icon  # --help and --search need no Pillow

    picture = draw_icon(made, size[1], size[0])
    make_folder(path.parent)
    write_atomic(path, _png(picture, made, size))
    say(f"wrote {short_path(path)}: {_title(figure)}, {size[0]}x{size[1]}")
    if figure.kind == "icon":
        say(license())


def _list_icons(words: str) -> None:
    found = search_icons(words)
    if not found:
        raise UsageError(f"no icon has to do with {words!r}; try a simpler word")
    say(rows([(", ".join(map(one.full_name, one.styles)), one.label) for one in found[:MOST]]))
    more = f", {len(found) - MOST} more with a word beside it" if len(found) > MOST else ""
    say(f"{count(len(found), 'icon')}{more}; draw one: vqanim icon {found[0].full_name()}")


def _figure(
    name: str, shape: str | None, text: str | None, font: str | None, glyph: str | None
) -> tuple[Figure, str]:
    """What to draw, and the name of its file without ending."""
    given = {"NAME": name or None, "--shape": shape, "--text": text, "--glyph": glyph}
    named = [key for key, value in given.items() if value is not None]
    if len(named) != 1:
        found = " and ".join(named) or "nothing to draw"
        raise UsageError(f"found {found}, allowed one of {', '.join(given)}; --search finds names")
    if glyph is not None and font is None:
        raise UsageError("--glyph is a character of a font: give --font FILE too")
    if font is not None and glyph is None and text is None:
        raise UsageError("--font goes with --text or --glyph")
    if shape is not None:
        return shape_figure(Path(shape)), f"{Path(shape).stem}-icon"
    if name:
        try:
            figure = icon_figure(name)
        except UnknownIcon as error:
            raise UsageError(str(error)) from error
        return figure, figure.name.partition(" fa-")[2]
    written = _character(glyph) if glyph is not None else (text or "").replace("\\n", "\n")
    try:
        figure = text_figure(written, None if font is None else Path(font))
    except ValueError as error:
        raise UsageError(f"--text: {error}") from error
    return figure, f"U+{ord(written):04X}" if glyph is not None else written


def _character(glyph: str) -> str:
    if len(glyph) == 1:
        return glyph
    match = _CODE.fullmatch(glyph)
    code = int(match[1], 16) if match else 0
    if not 0x20 <= code < 0x110000 or 0xD800 <= code < 0xE000:
        raise UsageError(f"--glyph: found {glyph!r}, allowed one character or its code such as U+F099")
    return chr(code)


def _path(out: str | None, stem: str, force: bool) -> Path:
    """Where to write. Raises UsageError for names that are no PNG, and for files that exist."""
    if out is None:
        path = Path(f"{_NOT_IN_NAMES.sub('-', stem).strip('-.')[:60] or 'icon'}.png")
    else:
        path = Path(out)
        if path.suffix.lower() not in ("", ".png") or not path.name.strip("."):
            raise UsageError(f"--out: found {out!r}, allowed is the name of a PNG such as icon.png")
        path = path if path.suffix else path.with_name(f"{path.name}.png")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; take another name with --out, or overwrite it with --force")
    return path


def _title(figure: Figure) -> str:
    if figure.kind == "icon":
        return figure.name
    if figure.kind == "shape":
        return f"the shape of {Path(figure.file or '').name}"
    return f"the text {figure.name!r}"


def _png(picture: Any, made: IconSpec, size: tuple[int, int]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", pnginfo=_chunks(made, size))
    return buffer.getvalue()


def _chunks(made: IconSpec, size: tuple[int, int]) -> PngImagePlugin.PngInfo:
    """What the PNG says about itself: a text for viewers, JSON for programs, and whose icon it is."""
    from PIL import PngImagePlugin

    from vqanim import __version__

    figure = made.figure
    look = {
        field.name: color_text(value) if isinstance(value := getattr(made, field.name), tuple) else value
        for field in fields(IconSpec)
        if field.name != "figure"
    }
    # Names only: where a file lies is nobody's business.
    what: dict[str, str] = {
        figure.kind: Path(figure.file or "").name if figure.kind == "shape" else figure.name
    }
    if figure.kind == "text" and figure.file:
        what["font"] = Path(figure.file).name
    everything = {**what, **look, "size": list(size), "hash": figure.hash, "version": __version__}
    pairs = {key.replace("_", " ").capitalize(): value for key, value in look.items()}
    last = {**pairs, "Size": f"{size[0]}x{size[1]}", "Version": f"vqanim {__version__}"}
    info = PngImagePlugin.PngInfo()
    title = " ".join(_title(figure).split())
    info.add_itxt(
        "parameters", f"{title}\n" + ", ".join(f"{key}: {_value(value)}" for key, value in last.items())
    )
    info.add_itxt("vqanim", json.dumps(everything, ensure_ascii=False))
    if figure.kind == "icon":
        info.add_itxt("Copyright", license())
    return info


def _value(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
