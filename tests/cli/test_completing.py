"""Tab completes commands, scenes, shots, models and keys, in the way of each shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from vqanim.cli.main import COMMANDS, cli

SHOTS = "fps: 10\nprompts: [a lake]\nshots: [{name: dawn, duration: 1s}, {name: dusk, duration: 1s}]\n"


def offered(*words: str, shell: type[ShellComplete] = BashComplete) -> list[str]:
    """What is offered for the last word."""
    *before, last = words
    completer = shell(cli, {}, "vqanim", "_VQANIM_COMPLETE")
    return [item.value for item in completer.get_completions(list(before), last)]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.yml").write_text(SHOTS)
    (tmp_path / "notes.txt").write_text("no scene")
    (tmp_path / "day.yaml").write_text(SHOTS)
    return tmp_path / "day.yaml"


def test_commands(scene: Path) -> None:
    assert offered("") == list(COMMANDS)
    assert offered("pr") == ["preview", "prompts"]
    assert offered("models", "") == ["list", "show", "fetch", "verify", "add", "path", "remove"]
    assert "--help" in offered("--")


@pytest.mark.parametrize("command", ["render", "plan", "preview", "check", "encode"])
def test_scenes_of_this_folder_and_the_next(command: str, scene: Path) -> None:
    assert offered(command, "") == ["day.yaml", "sub/inner.yml"]
    assert offered(command, "su") == ["sub/inner.yml"]
    assert offered(command, "./da") == ["./day.yaml"]
    completer = BashComplete(cli, {}, "vqanim", "_VQANIM_COMPLETE")
    (item,) = completer.get_completions([command], "nothing")
    assert (item.value, item.type) == ("nothing", "file")


def test_shots_of_the_scene(scene: Path) -> None:
    assert offered("render", "day.yaml", "--shot", "") == ["dawn", "dusk"]
    assert offered("preview", "sub/inner.yml", "--shot", "du") == ["dusk"]
    assert offered("render", "--shot", "d") == []
    scene.write_text("shots: [")
    assert offered("render", "day.yaml", "--shot", "") == []
    assert offered("render", "missing.yaml", "--shot", "") == []


def test_models_devices_keys_and_choices(scene: Path) -> None:
    assert {"imagenet-16384", "ViT-B/32", "pocket"} <= set(offered("models", "fetch", ""))
    assert offered("models", "show", "wiki") == ["wikiart-1024", "wikiart-16384"]
    assert offered("render", "day.yaml", "--models", "") == ["pocket", "pixels", "fft", "rgb"]
    assert offered("render", "day.yaml", "--device", "c") == ["cpu", "cuda", "cuda:0"]
    assert offered("render", "day.yaml", "--quality", "") == ["draft", "normal", "high"]
    assert offered("render", "day.yaml", "--set", "camera.z") == ["camera.zoom="]
    assert {"fps=", "duration=", "guidance.steps="} <= set(offered("plan", "day.yaml", "--set", ""))
    assert offered("plan", "day.yaml", "--set", "fps=") == []
    assert offered("import", "x.txt", "--from", "") == [
        "deforum",
        "vqgan-clip",
        "pytti",
        "disco",
        "parseq",
        "vqgan-notebook",
    ]


def test_a_broken_catalogue_is_no_trouble(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken.yaml").write_text("[")
    monkeypatch.setenv("VQANIM_CATALOGUE", "broken.yaml")
    assert isinstance(offered("models", "fetch", ""), list)


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_every_shell_gets_its_script(shell: type[ShellComplete], root: Path, tmp_path: Path) -> None:
    name = shell.name
    done = subprocess.run(
        [sys.executable, "-m", "vqanim"],
        env={**os.environ, "PYTHONPATH": str(root), "_VQANIM_COMPLETE": f"{name}_source"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"_VQANIM_COMPLETE={name}_complete" in done.stdout
    if shutil.which(name):
        checked = subprocess.run([name, "-n"], input=done.stdout, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_what_a_shell_asks_is_answered_without_torch(root: Path, scene: Path) -> None:
    asked = {"COMP_WORDS": "vqanim render day.yaml --shot d", "COMP_CWORD": "4"}
    program = (
        "import sys; from vqanim.cli.main import main\n"
        "try: main([])\nfinally: assert 'torch' not in sys.modules and 'PIL' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **asked, "PYTHONPATH": str(root), "_VQANIM_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,dawn\nplain,dusk\n", "")
