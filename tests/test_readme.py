"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vqanim
from tests.documents import ROOT, blocks_of
from vqanim import errors
from vqanim.cli.stopping import SIGNALS, Stopped

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return [block.text for block in blocks_of(ROOT / "README.md") if block.language == language]


@pytest.mark.parametrize("number", [1, 2])
def test_each_of_the_two_commands_is_one_line_that_ci_runs(number: int) -> None:
    found = re.findall(rf"^<!-- command {number} -->\n```sh\n(.*)\n```$", README, re.MULTILINE)
    assert len(found) == 1
    assert found[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert f"readme_command {number}" in (ROOT / ".ci" / "run").read_text()


def test_scenes_in_the_readme_are_right(tmp_path: Path) -> None:
    scenes = blocks("yaml")
    assert scenes
    for text in scenes:
        (tmp_path / "scene.yaml").write_text(text)
        timeline = vqanim.compile_timeline(vqanim.load_scene(tmp_path / "scene.yaml"))
        assert timeline.warnings == ()


def test_python_in_the_readme_uses_the_public_names() -> None:
    (code,) = blocks("python")
    compile(code, "README.md", "exec")
    assert set(re.findall(r"vqanim\.(\w+)\(", code)) <= set(vqanim.__all__)


def test_files_that_the_readme_names_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    named = re.findall(r"scenes/\w+\.yaml|vqanim/[\w/]+NOTICE", README)
    headings = {
        re.sub(r"\W+", "-", title.lower()) for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    files = {name for name in (*links, *named) if name.removeprefix("#") not in headings}
    missing = {name for name in files if not (ROOT / name).exists()}
    assert not missing


def test_every_exit_code_is_named() -> None:
    table = README.partition("| exit code |")[2].partition("\n\n")[0]
    documented = {
        int(code)
        for row in table.splitlines()
        for code in re.findall(r"\d+", row.split("|")[1] if "|" in row else "")
    }
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.VqanimError)
    ]
    codes = {kind.exit_code for kind in kinds if isinstance(kind.exit_code, int)}
    stops = {Stopped(number).exit_code for number in SIGNALS}
    assert documented == {0, 1} | codes | stops
