"""The documentation says what is so: its scenes are right, its commands run, its pictures are fresh."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml
from PIL import Image

import vqanim
from tests.documents import DOCS, PAGES, ROOT, Block, blocks_of, check_command, vqanim_commands
from vqanim.cli.main import main

CHEAP = ("new", "check", "plan", "schema", "prompts", "listen")
"""Commands that answer in a second or two; of others only the parts named below."""
CHEAP_PARTS = (["models", "list"], ["models", "show"], ["icon", "--search"])
BASE = "duration: 4s\nprompts: [a lake]\n"
"""What a part of a scene is tried in, as far as it has none of its own."""
FIGURES = re.compile(
    r"\b(\d+ min )?[\d.]+ (s|kB|MB|threads?)\b|\d+ of 36 kept, \d+ to|^\d+ (?=frames painted)"
)
"""Times, sizes, threads, and what Ctrl-C left to do in the film of 36 frames."""
SITE_PAGES = [page for page in PAGES if page.parent == DOCS]


def load(name: str) -> ModuleType:
    """A script of docs/."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a reader has at hand: the project's scenes, a photo and a song."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))  # nothing was measured yet
    (tmp_path / "scenes").symlink_to(ROOT / "scenes")
    shutil.copy(ROOT / "scenes" / "music" / "tide.ogg", tmp_path / "tide.ogg")
    Image.new("RGB", (64, 48), "olive").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", SITE_PAGES, ids=lambda page: page.stem)
def test_scenes_are_right_and_whole(page: Path, desk: Path) -> None:
    for block in blocks_of(page):
        if block.language == "yaml" and page.stem != "extending":  # whose scenes need its examples
            (desk / "scene.yaml").write_text(block.text, encoding="utf-8")
            assert vqanim.prepare(desk / "scene.yaml").timeline.warnings == (), block.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_known_with_all_their_options(page: Path) -> None:
    for block in blocks_of(page):
        for arguments in vqanim_commands(block) if block.language == "sh" else ():
            check_command(arguments)


@pytest.mark.parametrize("page", SITE_PAGES, ids=lambda page: page.stem)
def test_commands_in_the_text_are_known(page: Path) -> None:
    for line in re.findall(r"(?<!`)`(vqanim [^`\n]+)`", page.read_text(encoding="utf-8")):
        (arguments,) = vqanim_commands(Block("sh", line))
        with contextlib.suppress(click.exceptions.Exit, click.MissingParameter):  # -h, or a mere name
            check_command(arguments)


def is_cheap(arguments: list[str]) -> bool:
    """Whether the default tests run a command."""
    return arguments[0] in CHEAP or any(arguments[: len(part)] == part for part in CHEAP_PARTS)


@pytest.mark.parametrize("page", SITE_PAGES, ids=lambda page: page.stem)
def test_quick_commands_run_in_order_and_print_what_stands_there(
    page: Path, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("my-scene", "move"):
        if page.stem != "first-film":  # that page makes its own
            (desk / f"{name}.yaml").write_text(BASE, encoding="utf-8")
    printed: str | None = None
    for block in blocks_of(page):
        if block.title:
            (desk / block.title).parent.mkdir(parents=True, exist_ok=True)
            (desk / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            printed = None
            for arguments in vqanim_commands(block):
                if is_cheap(arguments) and "--measure" not in arguments:
                    assert main(arguments) == block.exit_code, arguments
                    said = capsys.readouterr()
                    printed = said.err if block.exit_code else said.out
        elif block.language == "text" and printed is not None:
            assert without_figures(printed) == without_figures(block.text)


def without_figures(text: str) -> list[str]:
    """Lines of what is printed, but for figures that differ from machine to machine, and progress."""
    lines = [line.rstrip() for line in text.splitlines() if not re.match(r"[\w-]+: (frame|step) ", line)]
    return [FIGURES.sub("N", line) for line in lines]


@pytest.mark.slow
def test_the_first_film_from_top_to_bottom(desk: Path) -> None:
    stopped_once = False
    printed = ""
    for block in blocks_of(DOCS / "first-film.md"):
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            for arguments in vqanim_commands(block):
                stop = not stopped_once and arguments == ["render", "my-scene.yaml"]
                printed = run(arguments, stop)
                stopped_once |= stop
        elif block.language == "text":
            said, promised = without_figures(printed), without_figures(block.text)
            begins = said[: len(promised)]
            # Of a render that goes on, a page may show the beginning only; of one that was stopped, the end.
            assert promised in (begins, said[-len(promised) :]), printed
    assert Path("renders/my-scene/my-scene.mp4").stat().st_size > 0


def run(arguments: list[str], stop: bool) -> str:
    """What a command prints, stopped once a few frames are painted.

    By SIGTERM, which does what Ctrl-C does and is not ignored where tests run in the background.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "vqanim", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if stop and re.match(r"main: frame ([2-9]|1\d)/", line):
                process.send_signal(signal.SIGTERM)
    assert process.returncode == (143 if stop else 0), said
    return said


def test_parts_of_scenes_are_right_where_they_stand(desk: Path) -> None:
    for page in SITE_PAGES:
        for block in blocks_of(page):
            if block.language == "yml" and not block.title:
                whole = {**yaml.safe_load(BASE), **yaml.safe_load(block.text)}
                (desk / "scene.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
                assert vqanim.prepare(desk / "scene.yaml").timeline.frame_count > 0, block.text


def headings(page: Path) -> set[str]:
    """The anchors of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", SITE_PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), link
        assert not anchor or anchor in headings(target), link


def test_files_that_the_pages_name_exist() -> None:
    for page in SITE_PAGES:
        named = re.findall(
            r"`((?:scenes|benchmarks|training|vqanim|docs)/[\w./-]*)`", page.read_text("utf-8")
        )
        missing = [name for name in named if not (ROOT / name).exists()]
        assert not missing, page


def test_every_page_is_in_the_menu() -> None:
    def leaves(part: object) -> list[str]:
        if isinstance(part, str):
            return [part]
        return [name for item in (part.values() if isinstance(part, dict) else part) for name in leaves(item)]  # type: ignore[attr-defined]

    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert sorted(leaves(yaml.safe_load(text)["nav"])) == [page.name for page in SITE_PAGES]


def test_pictures_of_moves_are_fresh_and_small() -> None:
    moves = load("make_moves")
    assert moves.stale() == [], "run: python docs/make_moves.py"
    files = sorted((DOCS / "moves").glob("*.gif"))
    assert {file.stem for file in files} == set(moves.recipes())
    assert len(files) >= 14
    assert sum(file.stat().st_size for file in files) < 3_000_000
    for file in files:
        with Image.open(file) as picture:
            assert getattr(picture, "n_frames", 1) >= 12, file


def test_the_tables_of_models_are_fresh() -> None:
    models = load("make_models")
    text = models.PAGE.read_text(encoding="utf-8")
    assert models.page(text) == text, "run: python docs/make_models.py"
    assert "| `imagenet-16384` |" in text


def rows(text: str) -> list[list[str]]:
    """The cells of all rows of tables."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_figures_are_those_of_the_benchmarks() -> None:
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    known = {tuple(row) for row in rows(measured)}
    tables = [row for row in rows(text) if re.search(r"\d\.\d", " ".join(row[1:])) and "`" not in row[0]]
    assert len(tables) > 20
    for row in tables:
        assert any(row[0] == other[0] and set(row) <= set(other) for other in known), row
    prose = re.sub(r"^\|.*$|`[^`]*`", "", text, flags=re.MULTILINE)
    for figure in re.findall(r"\d+\.\d+\.\d+|\d+\.\d+|\d{3,}", prose):
        assert figure in measured, figure


@pytest.mark.slow
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="pip install '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    pages = sorted(tmp_path.glob("*.html"))
    assert {page.stem for page in pages} >= {page.stem for page in SITE_PAGES}
    loads = r"<(?:script|img|iframe|source|video|link)\b[^>]*\b(?:src|href)=[\"']?([^\"' >]+)"
    for page in pages:
        for address in re.findall(loads, page.read_text(encoding="utf-8")):
            assert "//" not in address, f"{page.name} loads {address}"
    assert "the path of a song, or {file: song.mp3" in (tmp_path / "scene.html").read_text(encoding="utf-8")
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style
    assert (tmp_path / "search" / "search_index.js").stat().st_size > 10_000
    assert (tmp_path / "project" / "renders" / "sample.gif").exists()
