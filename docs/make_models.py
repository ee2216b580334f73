"""Writes the tables of docs/models.md from the catalogue of models.

    python docs/make_models.py

They stand between two comments in that page; the text around them is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vqanim.cli.formatting import file_size, with_reason
from vqanim.models.catalogue import package_catalogue
from vqanim.models.entries import GeneratorEntry, ModelEntry, PackageFile, RemoteFile

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "models.md"
TABLES = re.compile(r"(?<=<!-- catalogue: begin -->\n).*?(?=<!-- catalogue: end -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with fresh tables."""
    tables = "".join(_tables())
    return TABLES.sub(lambda _: tables, text, count=1)


def _tables() -> Iterator[str]:
    catalogue = package_catalogue()
    yield "\n### What paints\n\n"
    yield from _table([*catalogue["generator"].values()])
    yield "\n### What judges\n\n"
    yield from _table([*catalogue["perceptor"].values()])
    yield "\n"


def _table(entries: list[ModelEntry]) -> Iterator[str]:
    sized = isinstance(entries[0], GeneratorEntry)
    steps = " sizes in steps of |" if sized else ""
    yield f"| model | good at | to fetch |{steps} license | commercial use |\n"
    yield f"|---|---|--:|{'--:|' if sized else ''}---|---|\n"
    for entry in entries:
        cells = [f"`{entry.name}`", entry.good_at, _size(entry), entry.license, with_reason(entry.commercial)]
        if isinstance(entry, GeneratorEntry):
            cells.insert(3, f"{entry.multiple} px")
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _size(entry: ModelEntry) -> str:
    files = entry.files.values()
    if all(isinstance(file, PackageFile) for file in files):
        return "nothing"
    rough = any(isinstance(file, RemoteFile) and file.size is None for file in files)
    return f"{'about ' if rough else ''}{file_size(entry.size or 0)}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
