"""kill -9 at every point where a file changes: the render that goes on ends with the same bits."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.engine.killing import SCENE, contents

ROOT = Path(__file__).resolve().parents[2]


def try_points(folder: Path, before: str, every: int) -> dict[str, Any]:
    """The answer of tests.engine.killing."""
    command = [sys.executable, "-m", "tests.engine.killing", str(folder), before, str(every)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    ("before", "every"),
    [
        ("new", 31),
        pytest.param("new", 1, marks=pytest.mark.slow),
        pytest.param("edited", 1, marks=pytest.mark.slow),
    ],
)
def test_a_render_that_was_killed_at_any_point_goes_on_to_the_same_bits(
    tmp_path: Path, before: str, every: int
) -> None:
    answer = try_points(tmp_path, before, every)
    assert answer["wrong"] == {}
    assert answer["kills"] >= 50 // every
    assert {"out/film.mp4", "out/film.gif", "out/takes/main/000002.png"} <= set(answer["files"])
    assert any("superseded" in name for name in answer["files"]) == (before == "edited")


@pytest.mark.slow
def test_a_render_that_was_killed_at_random_moments_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Twenty kills at moments that no one chose, of the command itself."""
    command = [sys.executable, "-m", "vqanim", "render", "film.yaml", "--out", "out", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    expected, here = tmp_path / "whole", tmp_path / "killed"
    for folder in (expected, here):
        folder.mkdir()
        (folder / "film.yaml").write_text(SCENE.replace("0.3s", "2s"))
    began = time.monotonic()
    subprocess.run(command, cwd=expected, env=environment, check=True)
    whole = time.monotonic() - began
    rng = random.Random(7)
    for _ in range(20):
        with subprocess.Popen(command, cwd=here, env=environment) as process:
            time.sleep(rng.uniform(0.2, 0.9) * whole)
            process.kill()
    subprocess.run(command, cwd=here, env=environment, check=True)
    assert contents(here) == contents(expected)
