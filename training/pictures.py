"""The photographs that the pocket VQGAN learns from: wallpapers of Debian packages with free licences.

Install them with `apt-get install --no-install-recommends` and the names in PACKAGES. Each package's
`copyright` file names the photographers and licences; `vqanim/models/pocket/NOTICE` sums them up.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
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


def files(packages: tuple[str, ...] = PACKAGES) -> Iterator[Path]:
    """Picture files of the packages, one for each wallpaper (the largest of its sizes), sorted."""
    listing = subprocess.run(["dpkg", "-L", *packages], check=False, capture_output=True, text=True).stdout
    found: dict[str, Path] = {}
    for name in sorted(set(listing.splitlines())):
        path = Path(name)
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
    picture = Image.open(path)
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
    kept = [picture for picture in map(load, files()) if detail(picture) > MIN_DETAIL]
    held_out = kept[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]
    training = [p for i, p in enumerate(kept) if i % HELD_OUT_EVERY != HELD_OUT_EVERY - 1]
    return training, held_out
