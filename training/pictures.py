"""The photographs that the pocket VQGAN learns from: wallpapers and the pictures of a children's
encyclopedia, all in Debian packages with free licenses.

Install them with `apt-get install --no-install-recommends` and the names in PACKAGES. Each package's
`copyright` file names the photographers and licenses; `vqanim/models/pocket/NOTICE` sums them up.
"""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

PACKAGES = (
    "mate-backgrounds",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "ukui-wallpapers",
    "gnome-backgrounds",
    "plasma-workspace-wallpapers",
)
ARCHIVES = "gcompris-qt-data"
"""Package with archives of WebP pictures: monuments, animals, paintings, instruments."""
ARCHIVE_NAMES = ("details", "erase", "explore_farm_animals", "explore_monuments", "explore_world_animals",
                 "explore_world_music")  # fmt: skip
STAMPS = "tuxpaint-stamps-default"
"""Package with hundreds of things cut out: animals, food, vehicles, tools; photographs and drawings."""
LEAST_ARCHIVED = 250
"""Pixels of the short side of an archived picture; smaller ones are icons."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SHORT_SIDE = 448
MIN_DETAIL = 0.0035
"""Mean absolute difference to the picture shrunk 4x, in 0..1: empty backgrounds lie below it."""
DRAWINGS = re.compile(
    r"gnome/|Arc-|Silk|Spring|Waves|Stripes|-no-logo|city|desert|firstgeneration|focal|fluent"
    r"|Elephants_|GreenTraditional|Float-into|Opal/|Volna/|Grey/.*png|FlyingKonqui|Shell/"
)
"""Wallpapers that are logos, icons, patterns or the same picture again."""
HELD_OUT_EVERY = 12
"""Every twelfth photograph is kept for measuring and never trained on."""


def installed(packages: Iterable[str]) -> list[Path]:
    """Files of Debian packages, sorted; none of a package that is not installed."""
    listing = subprocess.run(["dpkg", "-L", *packages], check=False, capture_output=True, text=True).stdout
    return [Path(name) for name in sorted(set(listing.splitlines()))]


def archived() -> Iterator[Image.Image]:
    """Opaque WebP pictures inside Qt resource archives, where they lie uncompressed in RIFF chunks."""
    for path in installed([ARCHIVES]):
        if path.suffix != ".rcc" or path.stem not in ARCHIVE_NAMES:
            continue
        content = path.read_bytes()
        for found in re.finditer(rb"RIFF(....)WEBP", content, re.DOTALL):
            size = 8 + int.from_bytes(found[1], "little")
            picture = Image.open(io.BytesIO(content[found.start() : found.start() + size]))
            if picture.mode == "RGB" and min(picture.size) >= LEAST_ARCHIVED:
                yield picture


def stamps(short_side: int = 224) -> list[np.ndarray]:
    """Things cut out, as uint8 [H, W, 4] with opacity, the long side at most `short_side` pixels."""
    found = []
    for path in installed([STAMPS]):
        if path.suffix != ".png" or path.stem.endswith("_mirror"):
            continue
        picture = Image.open(path).convert("RGBA")
        picture.thumbnail((short_side, short_side), Image.Resampling.LANCZOS)
        if min(picture.size) >= short_side // 6:
            found.append(np.asarray(picture))
    return found


def files(packages: tuple[str, ...] = PACKAGES) -> Iterator[Path]:
    """Picture files of the packages, one for each wallpaper (the largest of its sizes), sorted."""
    found: dict[str, Path] = {}
    for path in installed(packages):
        name = str(path)
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("screenshot"):
            continue
        if DRAWINGS.search(name):
            continue
        same = str(path.parent) if "contents" in path.parts else str(path)
        if same not in found or path.stat().st_size > found[same].stat().st_size:
            found[same] = path
    yield from sorted(found.values())


def load(path: Path, short_side: int = SHORT_SIDE) -> np.ndarray:
    """The picture as uint8 [H, W, 3], its short side shrunk to `short_side` pixels."""
    return shrink(Image.open(path), short_side)


def shrink(picture: Image.Image, short_side: int = SHORT_SIDE) -> np.ndarray:
    """As `load`, of an open picture."""
    picture.draft("RGB", (2 * short_side, 2 * short_side))
    picture = picture.convert("RGB")
    scale = short_side / min(picture.size)
    if scale < 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(picture)


def detail(picture: np.ndarray) -> float:
    """How much of the picture a 4x shrink loses: mean absolute difference, in 0..1."""
    image = Image.fromarray(picture)
    small = image.resize((image.width // 4, image.height // 4), Image.Resampling.BOX)
    back = small.resize(image.size, Image.Resampling.BICUBIC)
    return float(np.abs(np.asarray(back, np.float32) - picture.astype(np.float32)).mean() / 255)


def photographs() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(training, held-out) pictures with enough detail, as uint8 [H, W, 3], in the files' order."""
    training: list[np.ndarray] = []
    held_out: list[np.ndarray] = []
    for source in (map(load, files()), map(shrink, archived())):
        for number, picture in enumerate(p for p in source if detail(p) > MIN_DETAIL):
            last = number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
            (held_out if last else training).append(picture)
    return training, held_out
