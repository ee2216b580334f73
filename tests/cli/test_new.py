from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize("name", ["my-scene", "my-scene.yaml", "folder/my-scene"])
def test_new_writes_a_scene_that_passes_check(run: Run, here: Path, name: str) -> None:
    result = run("new", name)
    path = name if name.endswith(".yaml") else f"{name}.yaml"
    assert result.code == 0
    assert f"vqanim render {path}" in result.out
    checked = run("check", path)
    assert (checked.code, checked.err) == (0, "")
    assert "36 frames" in checked.out


def test_new_never_overwrites_unless_forced(run: Run, here: Path) -> None:
    mine = here / "mine.yaml"
    mine.write_text("precious")
    result = run("new", "mine")
    assert result.code == 2
    assert result.err == "Error: mine.yaml exists already; choose another name, or --force to overwrite\n"
    assert mine.read_text() == "precious"
    assert run("new", "mine", "--force").code == 0
    assert mine.read_text().splitlines()[1].startswith("# A scene for vqanim")


@pytest.mark.parametrize("name", ["", "folder/", "."])
def test_new_wants_a_name_of_a_file(run: Run, here: Path, name: str) -> None:
    result = run("new", name)
    assert result.code == 2
    assert "names no file" in result.err
    assert list(here.iterdir()) == []
