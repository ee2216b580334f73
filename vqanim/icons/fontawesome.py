"""The names of Font Awesome's free icons, from the package `fontawesomefree`, and its fonts.

The JSON of the package is read rather than its YAML: it is seven times as large and parsed a hundred times
as fast (23 ms against 2 s).
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from vqanim.errors import InputError
from vqanim.own_files import Damaged, read_json

PACKAGE = "fontawesomefree"
FONTS = {"solid": "fa-solid-900.ttf", "regular": "fa-regular-400.ttf", "brands": "fa-brands-400.ttf"}
"""By style, in the order in which a style is chosen where none is given."""
PREFIXES = {"solid": "fas", "regular": "far", "brands": "fab"}
_STYLES = {
    spelling: style for style, prefix in PREFIXES.items() for spelling in (prefix, f"fa-{style}", style)
}
_ANY_STYLE = "fa"
_PRO = re.compile(r"fa[lstdr]|fas[slrt]|fasds?|fa-(?:light|thin|duotone|sharp|sharp-duotone)")
"""Styles that are not free; `fas` and `far` are looked for before."""
_LONGEST = 200  # characters that are looked for
_MAX_BYTES = 50_000_000  # of a file of the package
_WORD = re.compile(r"[a-z0-9]+")


class UnknownIcon(ValueError):
    """No icon has this name in this style; the message names the nearest."""


@dataclass(frozen=True)
class Icon:
    """One icon of the catalogue."""

    name: str  # without `fa-`
    label: str
    styles: tuple[str, ...]  # solid, regular, brands: those that are free
    code: int  # code point in the fonts of its styles
    aliases: tuple[str, ...]
    terms: tuple[str, ...]  # words that people look for
    outlines: Mapping[str, str]  # hex digest of the outline, by style

    def full_name(self, style: str | None = None) -> str:
        """`fas fa-eye`."""
        return f"{PREFIXES[style or self.styles[0]]} fa-{self.name}"


@dataclass(frozen=True)
class Catalogue:
    """All icons, and the other names that they have or had."""

    icons: Mapping[str, Icon]
    aliases: Mapping[str, tuple[str | None, str]]  # another name to (style or None, name)


def find_icon(text: str) -> tuple[Icon, str]:
    """The icon and the style that a text such as `fas fa-eye`, `fa-robot` or `twitter` names. Raises
    UnknownIcon with the nearest names, and InputError when the package is not installed."""
    style, name = _parse(text)
    catalogue = load_catalogue()
    icon = catalogue.icons.get(name)
    if icon is None and name in catalogue.aliases:
        usual, target = catalogue.aliases[name]
        icon, style = catalogue.icons[target], style or usual
    if icon is None:
        short = text if len(text) <= 60 else text[:57] + "..."
        raise UnknownIcon(f"there is no icon {short!r}{_suggest(name)}")
    if style is not None and style not in icon.styles:
        there = " or ".join(map(icon.full_name, icon.styles))
        raise UnknownIcon(f"there is no {style} icon {icon.name!r}, did you mean {there}?")
    return icon, style or icon.styles[0]


def search_icons(text: str) -> list[Icon]:
    """The icons that have to do with every word of a text, the likeliest first."""
    words = _WORD.findall(text[:_LONGEST].lower())
    ranked = [(_score(words, icon), icon) for icon in load_catalogue().icons.values()]
    found = [(score, icon) for score, icon in ranked if score]
    return [icon for _, icon in sorted(found, key=lambda pair: (-pair[0], pair[1].name))]


def font_path(style: str) -> Path:
    """The font of a style. Raises InputError when the package is not installed."""
    return _folder() / "webfonts" / FONTS[style]


def license() -> str:
    """Whose the icons are, on one line."""
    version = metadata.version(PACKAGE)
    return (
        f"Font Awesome Free {version} by Fonticons, Inc. (https://fontawesome.com), "
        "icons CC BY 4.0, fonts SIL OFL 1.1; brand icons are trademarks of their owners"
    )


@cache
def load_catalogue() -> Catalogue:
    """All icons, read once. Raises InputError when the package is missing or has another form."""
    folder = _folder() / "metadata"
    try:
        entries = _read(folder / "icons.json", {str: object})
        shims = _read(folder / "shims.json", [object])
        icons = {name: _icon(name, entry) for name, entry in entries.items()}
        aliases = _aliases(icons, shims)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder}: no catalogue of icons; reinstall it: pip install {PACKAGE}") from error
    return Catalogue(icons, aliases)


def _read(path: Path, schema: Any) -> Any:
    if (found := read_json(path, schema, _MAX_BYTES)) is None:
        raise Damaged("is missing")
    return found


def _folder() -> Path:
    try:
        return Path(str(resources.files(PACKAGE))) / "static" / PACKAGE
    except ModuleNotFoundError as error:
        raise InputError(f"the package {PACKAGE} is missing; run: pip install {PACKAGE}") from error


def _icon(name: str, entry: Mapping[str, Any]) -> Icon:
    styles = tuple(style for style in FONTS if style in entry["styles"] and style in entry["svg"])
    drawn = {style: f"{entry['svg'][style]['viewBox']} {entry['svg'][style]['path']}" for style in styles}
    return Icon(
        name=name,
        label=str(entry["label"]),
        styles=styles,
        code=int(entry["unicode"], 16),
        aliases=tuple(entry.get("aliases", {}).get("names", ())),
        terms=tuple(map(str, entry["search"]["terms"])),
        outlines={style: hashlib.sha256(path.encode()).hexdigest() for style, path in drawn.items()},
    )


def _aliases(icons: Mapping[str, Icon], shims: Iterable[Any]) -> dict[str, tuple[str | None, str]]:
    """Names of today's aliases, and of version 4, in which `heart-o` was what `far fa-heart` is now."""
    found: dict[str, tuple[str | None, str]] = {
        alias: (None, icon.name) for icon in icons.values() for alias in icon.aliases
    }
    for old, prefix, new in shims:
        target = str(new or old)  # some names are numbers
        target = found[target][1] if target in found else target
        if target in icons:
            found.setdefault(str(old), (_STYLES.get(prefix or ""), target))
    return found


def _parse(text: str) -> tuple[str | None, str]:
    """(style or None, name) of a text. Raises UnknownIcon."""
    style = None
    words = text.lower().replace("_", "-").split()
    while len(words) > 1 and (words[0] in _STYLES or words[0] == _ANY_STYLE or _PRO.fullmatch(words[0])):
        first = words.pop(0)
        if first not in _STYLES and first != _ANY_STYLE:
            raise UnknownIcon(
                f"{first!r} is a style of Font Awesome Pro, free are {', '.join(PREFIXES.values())}"
            )
        style = _STYLES.get(first, style)
    return style, "-".join(word.removeprefix("fa-") for word in words)


def _suggest(name: str) -> str:
    """A hint at what was meant: names that are spelled nearly so, and icons about the word."""
    catalogue = load_catalogue()
    spelled = difflib.get_close_matches(name[:60], {*catalogue.icons, *catalogue.aliases}, n=2)
    near = dict.fromkeys([*spelled, *(icon.name for icon in search_icons(name)[:2])])
    if not near:
        return f", Font Awesome Free has {len(catalogue.icons)}: `vqanim icon --search WORD` looks for them"
    return f", did you mean {' or '.join(map(repr, near))}?"


def _score(words: list[str], icon: Icon) -> int:
    """How well an icon fits all words; 0 where it does not fit one of them."""
    texts = (icon.name, " ".join((*icon.aliases, icon.label.lower())), " ".join(icon.terms).lower())
    named, known, about = (set(_WORD.findall(text)) for text in texts)
    levels = ((10, {icon.name}), (8, named), (6, known), (4, about))

    def score(word: str) -> int:
        worth = next((worth for worth, names in levels if word in names), 0)
        return worth or int(any(other.startswith(word) for other in named | known | about))

    scores = list(map(score, words))
    return sum(scores) if all(scores) else 0
