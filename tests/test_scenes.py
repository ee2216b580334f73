"""The example scenes are right, and each of them renders."""

from __future__ import annotations

from pathlib import Path

import pytest

from vqanim.cli.main import main

FOLDER = Path(__file__).parent.parent / "scenes"
SCENES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("music/*.yaml"), *FOLDER.glob("painters/*.yaml")])
"""But for the recipes, which ask for official models: test_article.py paints those."""
PAINTED = [path for path in SCENES if path.stem not in ("dalle", "diffusion", "stylegan", "biggan")]
"""Those that need no download."""
SMALL = [
    f"--set={change}"
    for change in (
        "size=[64, 48]",
        "fps=1",
        "guidance.steps=1",
        "guidance.first_steps=2",
        "guidance.cutouts=2",
    )
]


def test_the_scenes_that_the_readme_names_are_there() -> None:
    named = {"mordor", "expressions", "story", "shots", "reef", "seasons"}
    named |= {"storm", "dissolve", "loop", "rate", "look", "timelapse", "mask", "change", "tide", "ember"}
    assert {path.stem for path in SCENES} >= named


def warnings_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """All but one: leaves are no thing of their own to the pocket models, and that is said."""
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if "'autumn leaves' (taken for" not in line]


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_scene_passes_check_without_a_warning(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(path)]) == 0
    assert warnings_of(capsys) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", PAINTED, ids=lambda path: path.stem)
def test_scene_renders_small(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(path), "--out", str(tmp_path), *SMALL]) == 0
    assert warnings_of(capsys) == [], "a word that the pocket models do not know?"
    assert (tmp_path / f"{path.stem}.mp4").stat().st_size > 0
    assert (tmp_path / f"{path.stem}.gif").stat().st_size > 0


def test_mordor_is_six_seconds_with_keyframes_zoom_and_rotation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(next(path for path in SCENES if path.stem == "mordor"))]) == 0
    assert "72 frames, 6 s at 12 fps, 384x216" in capsys.readouterr().out
