"""A hook of mkdocs: files outside docs/ that a page links to go into the site as they are.

So `../renders/sample.gif` is right where the page lies in the repository, and in the site too, where it is
`project/renders/sample.gif`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<=\]\()\.\./([\w./-]+)(?=[)#])")
FOLDER = "project"


def on_files(files: Files, config: Any) -> Files:
    """Add every file that a page links to and that exists; of the others mkdocs complains itself."""
    linked = {name for page in files.documentation_pages() for name in LINK.findall(page.content_string)}
    for name in sorted(linked):
        source = (ROOT / name).resolve()
        if source.is_relative_to(ROOT) and source.is_file():
            content = source.read_bytes()
            place = f"{FOLDER}/{_place(name)}"
            files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead the links to where the files are in the site."""

    def lead(match: re.Match[str]) -> str:
        place = f"{FOLDER}/{_place(match[1])}"
        return place if files.get_file_from_path(place) else match[0]

    return LINK.sub(lead, markdown)


def _place(name: str) -> str:
    """Where it goes. Texts end in .txt: other kinds a browser would save, and mkdocs makes pages of .md."""
    return name if name.endswith((".gif", ".png", ".mp4")) else f"{name}.txt"
