"""`vqanim icon`: a flat figure on a noisy ground, to start a picture or a film from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from vqanim import icons
from vqanim.cli import params
from vqanim.cli.formatting import count, rows, say, short_path
from vqanim.cli.params import COLOR, number, sides
from vqanim.errors import UsageError
from vqanim.icons import Figure, IconSpec, spec
from vqanim.scene.colors import color_text

SIZE = (512, 512)
MOST = 60  # icons that a search shows
_shown = partial(click.option, show_default=True)
_color = partial(click.option, type=COLOR)
_stroke = partial(_shown, "--stroke", type=number(0, spec.MAX_STROKE))
_scale = partial(click.option, "--scale", type=number(0.01, 1), show_default="5/6")
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
@click.option("--glyph", metavar="CHARACTER", help="A character of --font, or its code such as U+F099.")
@_color("--color", default=spec.COLOR, show_default=color_text(spec.COLOR), help="Of the figure.")
@_shown("--opacity", type=number(0, 1), default=spec.OPACITY, help="Of the figure.")
@_color("--background", default=spec.BACKGROUND, show_default="white", help="Color of the ground.")
@_shown("--noise", type=number(0, 1), default=spec.NOISE, help="Opacity of the noise on the ground.")
@_shown("--noise-colors", type=click.Choice(spec.NOISE_COLORS), default="gray", help="Of the noise.")
@_shown("--size", type=sides(), default=SIZE, show_default="512", help="Of the picture, N or WxH pixels.")
@_scale(default=spec.SCALE, help="The figure fits into this share of width and height.")
@_shown("--align", type=click.Choice(spec.ALIGNS), default="center", help="The border that it touches.")
@_stroke(default=spec.STROKE, help="How much the outline grows on every side, in pixels of a picture of 512.")
@_shown("--seed", type=click.IntRange(0, 2**63 - 1), default=spec.SEED, help="Another one gives other noise.")
@params.out_file(help="PNG to write; ./<name of the icon>.png if not given.")
@params.force(help="Overwrite a file of that name.")
def icon(
    name: Sequence[str],
    search: str | None,
    size: tuple[int, int],
    out: str | None,
    force: bool,
    **look: Any,
) -> None:
    """Draw the icon NAME to a PNG: fa-robot, "fas fa-eye", far fa-heart, twitter.

    Icons make good starting images, especially when their color is close to the result you want.
    """
    if search is not None:
        _list_icons(search)
        return
    what = {key: look.pop(key) for key in ("shape", "text", "font", "glyph")}
    figure, stem = _figure(" ".join(name), **what)
    path = _path(out, stem, force)

    from vqanim.api.icon import describe_figure, write_icon

    width, height = size
    write_icon(path, IconSpec(figure, **look), width, height)
    say(f"wrote {short_path(path)}: {describe_figure(figure)}, {width}x{height}")
    if figure.kind == "icon":
        say(icons.license())


def _list_icons(words: str) -> None:
    found = icons.search_icons(words)
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
        return icons.shape_figure(Path(shape)), f"{Path(shape).stem}-icon"
    if name:
        try:
            figure = icons.icon_figure(name)
        except icons.UnknownIcon as error:
            raise UsageError(str(error)) from error
        return figure, figure.name.partition(" fa-")[2]
    written = _character(glyph) if glyph is not None else (text or "").replace("\\n", "\n")
    try:
        figure = icons.text_figure(written, None if font is None else Path(font))
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
    from vqanim.api.project import check_free

    path = Path(out or f"{_NOT_IN_NAMES.sub('-', stem).strip('-.')[:60] or 'icon'}.png")
    if path.suffix.lower() not in ("", ".png") or not path.name.strip("."):
        raise UsageError(f"--out: found {out!r}, allowed is the name of a PNG such as icon.png")
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    check_free([path], force)
    return path
