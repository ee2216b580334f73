"""`vqanim import` from end to end: what it writes, what it says, what it never does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

DEFORUM = {
    "W": 64,
    "H": 48,
    "fps": 10,
    "max_frames": 20,
    "animation_mode": "2D",
    "zoom": "0:(1.02)",
    "angle": "0:(sin(t/5))",
    "prompts": {"0": "a lake --neg fog", "10": "a volcano"},
    "strength_schedule": "0:(0.65)",
    "cfg_scale_schedule": "0:(7)",
    "sampler": "Euler a",
}


@pytest.fixture
def given(here: Path) -> Path:
    path = here / "20230401_settings.txt"
    path.write_text(json.dumps(DEFORUM))
    return path


def test_a_scene_is_written_that_passes_check_and_can_be_previewed(run: Run, given: Path) -> None:
    done = run("import", given.name)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "wrote 20230401_settings.yaml from Deforum settings"
    assert lines[-1] == "next: vqanim preview 20230401_settings.yaml"
    assert any(line.startswith("  taken over  ") and "max_frames" in line for line in lines)
    assert any(line.startswith("  close       --neg: ") for line in lines)
    assert any("cfg_scale_schedule, sampler: the sampler" in line for line in lines)
    assert Path("vqanim.schema.json").exists()
    checked = run("check", "20230401_settings.yaml")
    assert (checked.code, checked.err) == (0, "")
    assert "20 frames" in checked.out
    assert run("preview", "20230401_settings.yaml", "--frames", ":0.2s").code == 0


def test_no_file_is_overwritten_unless_that_is_wanted(run: Run, given: Path) -> None:
    Path("film.yaml").write_text("mine")
    done = run("import", given.name, "--out", "film.yaml")
    assert done.code == 2
    assert "film.yaml exists already; choose another name, or --force to overwrite" in done.err
    assert Path("film.yaml").read_text() == "mine"
    assert run("import", given.name, "--out", "film.yaml", "--force").code == 0
    assert "a volcano" in Path("film.yaml").read_text()
    given.rename("same.yaml")
    assert run("import", "same.yaml", "--force").code == 2
    assert json.loads(Path("same.yaml").read_text()) == DEFORUM
    assert run("import", "same.yaml", "--out", "no/such/folder.yaml").code == 2
    assert run("import", "same.yaml", "--out", "film.txt").code == 2


def test_a_command_may_stand_on_the_command_line(run: Run, here: Path) -> None:
    done = run("import", 'python generate.py -p "a castle | fog:-0.5" -i 40 -s 64 48')
    assert done.code == 0
    assert "wrote imported.yaml" in done.out
    assert 'for the picture alone: vqanim image "a castle | fog:-0.5" --steps 40 --size 64x48' in done.out
    assert run("check", "imported.yaml").code == 0


@pytest.mark.parametrize("text", ["", "{", "Dear diary", '{"nodes": [], "last_node_id": 3}', "\0"])
def test_what_is_no_settings_ends_with_exit_code_2_and_writes_nothing(
    run: Run, here: Path, text: str
) -> None:
    Path("x.txt").write_text(text)
    done = run("import", "x.txt")
    assert done.code == 2
    assert done.err.startswith("Error: x.txt")
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in here.iterdir()) == ["x.txt"]


def test_the_command_is_found_under_its_name_and_help_is_quick(run: Run, here: Path) -> None:
    assert "import" in run("--help").out
    done = run("import", "--help")
    assert done.code == 0
    assert "--from" in done.out
    assert run("imprt").code == 2
    assert "did you mean 'import'?" in run("imprt").err


def test_no_character_of_a_stranger_reaches_the_terminal_as_a_command(run: Run, here: Path) -> None:
    escape = "\x1b[2J\x07\u202e"
    texts = {"0": f"a {escape} :`{escape}` AND b", "10": f"(c{escape}:`t.x`)"}
    settings = {**DEFORUM, "prompts": texts, f"key{escape}": f"v{escape}", "zoom": f"0:({escape})"}
    settings |= {
        "color_coherence": escape,
        "use_init": True,
        "init_image": f"{escape}.png",
        "animation_mode": "2D",
    }
    Path("x.txt").write_text(json.dumps(settings))
    Path("y.yaml").write_text("scenes: 'a:{x} | b_c'\nsteps_per_scene: 100\nvqgan_model: \"\\x1b[2J\"\n")
    for arguments in (("x.txt",), ("y.yaml", "--out", "z.yaml"), (f"generate.py -p {escape} --{escape} 3",)):
        done = run("import", *arguments)
        assert done.code in (0, 2)
        assert not {"\x1b", "\x07", "\u202e"} & set(done.out + done.err)
    assert not {"\x1b", "\x07", "\u202e"} & set(Path("x.yaml").read_text("utf-8"))
