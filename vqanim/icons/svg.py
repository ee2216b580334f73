"""SVG files of strangers to pixels.

The renderer (resvg) runs no scripts and asks no network, but it does open pictures that a file names. So it
never sees the file itself: the elements that draw shapes are copied to a new document, references lead
inside it only, and there are limits to size, depth and to what references multiply. What is small and takes
long all the same (dashes, selectors, masks within masks) is drawn by a process of its own that is ended.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np
import numpy.typing as npt
from PIL import Image

from vqanim.errors import InputError
from vqanim.files import NotAFile, open_file, read_bytes
from vqanim.icons import svg_process

MAX_BYTES = 4_000_000
MAX_ELEMENTS = 20_000  # elements drawn, those that references repeat included
MAX_DEPTH = 100
MAX_PARSED = 100_000  # elements in a file, those that editors leave for themselves included
MAX_SIDE = 4096  # pixels
MAX_ADDRESS = 1000  # characters of the address of a namespace, which is a part of every name
PATIENCE = 10.0
"""Seconds until the process that draws is ended, where other programs let it have less of the processor than
its own limit."""

_SVG = "{http://www.w3.org/2000/svg}"
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_DRAWN = frozenset(
    "svg g defs symbol use switch a path rect circle ellipse line polyline polygon style "
    "linearGradient radialGradient stop clipPath mask".split()
)
"""Texts need fonts, and images, filters and patterns are no outlines."""
_REFERENCE = re.compile(r"url\(\s{0,9}['\"]?([^'\"()]{0,200})['\"]?\s{0,9}\)", re.IGNORECASE)
"""Bounded, so that brackets that nobody closes are passed by at once."""
_OPENED = re.compile(r"url\(", re.IGNORECASE)


def is_svg(path: Path) -> bool:
    """True for a file that is written in XML, whatever its ending."""
    try:
        with open_file(path) as file:
            return file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    except (OSError, ValueError):
        return False


def rasterize(path: Path, side: int) -> npt.NDArray[np.uint8]:
    """The drawing, its longer side `side` pixels (MAX_SIDE at most), as uint8 [H, W, 4]. Raises InputError
    when the file is missing, is no SVG, draws nothing or far too much."""
    side = min(side, MAX_SIDE)
    png = _drawn(_safe_document(path), side, path)
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            return np.array(image.convert("RGBA"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: the SVG cannot be drawn ({' '.join(str(error).split())})") from error


def _drawn(document: str, side: int, path: Path) -> bytes:
    """The PNG of a document, by a process of its own, which ends with this one. Raises InputError."""
    command = [sys.executable, "-I", svg_process.__file__]
    content = f"{side}\n{document}".encode("utf-8", "replace")
    try:
        # Ctrl-C is ours to handle: it is ended then, as on any other exception.
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=PATIENCE, start_new_session=True, check=False
        )
    except (subprocess.TimeoutExpired, OSError):
        done = None
    if done is not None and done.returncode == 0 and done.stdout:
        return done.stdout
    if done is not None and done.returncode == 1 and done.stdout:
        raise InputError(f"{path}: the SVG cannot be drawn ({done.stdout.decode('utf-8', 'replace')})")
    limits = f"{svg_process.CPU_SECONDS} s and {svg_process.MEGABYTES} MB"
    raise InputError(f"{path}: the SVG takes more than {limits} to be drawn, which is refused; simplify it")


def _safe_document(path: Path) -> str:
    """The outlines of a file as an SVG that refers to nothing outside itself. Raises InputError."""
    root = _parse(path)
    if root.tag not in (f"{_SVG}svg", "svg"):
        raise InputError(f"{path}: this is no SVG: its root is {root.tag.rpartition('}')[2][:40]!r}")
    copy = _copy(root)
    copy.set("xmlns", _SVG[1:-1])
    _check_amount(copy, path)
    return ElementTree.tostring(copy, encoding="unicode")


def _parse(path: Path) -> ElementTree.Element:
    builder = ElementTree.TreeBuilder()
    # Expat itself, because ElementTree's parser in C gives no hold on entities.
    parser = expat.ParserCreate(namespace_separator="}")
    depth = count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1 + len(attributes) // 8
        if count > MAX_PARSED:
            raise InputError(f"{path}: the SVG has more than {MAX_PARSED} elements, which is refused")
        if depth > MAX_DEPTH:
            raise InputError(f"{path}: the SVG is nested more than {MAX_DEPTH} deep, which is refused")
        builder.start(_name(name), {_name(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_name(name))

    def refuse(name: str, *_: object) -> None:
        raise InputError(f"{path}: the SVG declares the entity {name[:40]!r}, which is refused")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data

    def doctype(name: str, system: str | None, public: str | None, has_declarations: int) -> None:
        if has_declarations:  # of attributes, which then stand in every element, or of entities
            raise InputError(f"{path}: the SVG declares a language of its own (DTD), which is refused")

    def namespace(prefix: str | None, address: str | None) -> None:
        if len(address or "") > MAX_ADDRESS:
            raise InputError(f"{path}: the SVG has a namespace of {len(address or '')} letters; refused")

    parser.EntityDeclHandler = refuse
    parser.StartDoctypeDeclHandler = doctype
    parser.StartNamespaceDeclHandler = namespace
    try:
        parser.Parse(read_bytes(path, MAX_BYTES), True)
    except NotAFile as error:
        raise InputError(f"{path}: the SVG {error.reason}, which is refused") from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"{path}: this is no SVG: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: the SVG cannot be read ({error.strerror})") from error
    return builder.close()


def _name(name: str) -> str:
    """Expat's `uri}name` as ElementTree spells it."""
    return f"{{{name}" if "}" in name else name


def _copy(root: ElementTree.Element) -> ElementTree.Element:
    """The elements that draw."""
    top = ElementTree.Element("svg", _attributes(root))
    waiting = [(root, top)]
    while waiting:
        source, target = waiting.pop()
        for child in source:
            name = child.tag.removeprefix(_SVG)
            if name not in _DRAWN:
                continue
            made = ElementTree.SubElement(target, name, _attributes(child))
            if name == "style":
                # References from a style sheet could multiply unseen; shapes filled by one are black.
                sheet = _REFERENCE.sub("black", "".join(child.itertext()))
                made.text = _OPENED.sub("(", sheet).replace("@", "")
            waiting.append((child, made))
    return top


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    found = {}
    for name, value in element.attrib.items():
        if name in _HREFS:
            if value.strip().startswith("#"):
                found["href"] = value.strip()
        elif not name.startswith("{") and not name.lower().startswith("on"):
            found[name] = _without_outside(value)
    return found


def _without_outside(value: str) -> str:
    """A value in which all references lead inside the document; `none` where one is never closed."""
    value = _REFERENCE.sub(_inside, value)
    return value if len(_OPENED.findall(value)) == len(_REFERENCE.findall(value)) else "none"


def _inside(reference: re.Match[str]) -> str:
    return reference.group() if reference.group(1).strip().startswith("#") else "none"


def _check_amount(root: ElementTree.Element, path: Path) -> None:
    """Refuse documents whose references repeat too much, or go round in circles."""
    by_id: dict[str, ElementTree.Element] = {}
    for element in root.iter():
        by_id.setdefault(element.get("id", ""), element)
    amounts: dict[int, tuple[int, int]] = {}  # elements and depth, by id of the element
    open_now: list[int] = []

    def measure(element: ElementTree.Element) -> tuple[int, int]:
        key = id(element)
        if key in open_now:
            raise InputError(f"{path}: the SVG refers to itself in a circle, which is refused")
        if key not in amounts:
            open_now.append(key)
            too_deep = len(open_now) > MAX_DEPTH
            parts = [] if too_deep else [measure(one) for one in (*element, *_targets(element, by_id))]
            open_now.pop()
            depth = 1 + max((deep for _, deep in parts), default=0)
            amounts[key] = (1 + sum(count for count, _ in parts), depth)
            if too_deep or amounts[key][0] > MAX_ELEMENTS or depth > MAX_DEPTH:
                raise InputError(f"{path}: the SVG draws too much, allowed are {MAX_ELEMENTS} elements")
        return amounts[key]

    measure(root)


def _targets(
    element: ElementTree.Element, by_id: dict[str, ElementTree.Element]
) -> Iterator[ElementTree.Element]:
    """What an element refers to."""
    for name, value in element.attrib.items():
        names = [value] if name == "href" else _REFERENCE.findall(value)
        yield from (by_id[one.strip()[1:]] for one in names if one.strip()[1:] in by_id)
