"""Examples of docs/extending.md: one file and one line each, in a copy of the package, used by commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import DOCS, ROOT, blocks_of

PAGE = DOCS / "extending.md"
LINES = {
    "models/families/__init__.py": ('    "pixels",\n', '    "stripes",\n'),
    "losses/__init__.py": ('        "tv",\n', '        "brightness",\n'),
    "effects/__init__.py": ('        "color",\n', '        "tint",\n'),
    "film/formats/__init__.py": (
        '    "apng": Preset("video.APNG", "animated PNG without loss"),\n',
        '    "webp": Preset("webp.WEBP", "an animated WebP"),\n',
    ),
}
"""Of each registry, a line that is there and the one that is added."""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package to which the examples were added, and with the scene."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "vqanim", folder / "vqanim", ignore=shutil.ignore_patterns("__pycache__"))
    for block in blocks_of(PAGE):
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
    for name, (old, new) in LINES.items():
        registry = folder / "vqanim" / name
        text = registry.read_text(encoding="utf-8")
        assert text.count(old) == 1
        assert new.strip() in PAGE.read_text(encoding="utf-8"), "the page shows the line"
        registry.write_text(text.replace(old, old + new), encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "VQANIM_CACHE": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "vqanim", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_added_is_in_schema_reference_and_lists(extended: Path) -> None:
    schema = json.dumps(json.loads(run(extended, "schema")))
    reference = run(extended, "schema", "--docs")
    for words in ("brightness", "Mean brightness to come near to", "tint", "Stripes from top to bottom"):
        assert words in schema
        assert words in reference
    assert "stripes" in run(extended, "models", "list")


def test_what_is_added_paints_a_film(extended: Path) -> None:
    run(extended, "check", "stripes.yaml")
    run(extended, "render", "stripes.yaml")
    render = extended / "renders" / "stripes"
    assert len(list(render.glob("takes/main/*.png"))) == 4
    assert (render / "stripes.mp4").stat().st_size > 0
    report = (render / "report.html").read_text(encoding="utf-8")
    assert "brightness" in report
    run(extended, "encode", "stripes.yaml", "--preset", "webp")
    assert (render / "stripes.webp").read_bytes()[8:12] == b"WEBP"


def test_a_mistake_in_a_new_setting_is_told_like_any_other(extended: Path) -> None:
    text = (extended / "stripes.yaml").read_text(encoding="utf-8")
    (extended / "wrong.yaml").write_text(text.replace("rows: 12", "row: 12"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"wrong.yaml:4: .*row.*rows"):
        run(extended, "check", "wrong.yaml")
