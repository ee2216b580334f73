"""Every mistake gets one clear line, an exit code, no traceback, and leaves nothing behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Run

HEAD = "vqanim: 1\nsize: [64, 48]\nfps: 10\nduration: 1s\n"
PROMPT = "prompts: [a lake]\n"


@dataclass(frozen=True)
class Broken:
    """A scene with one mistake."""

    text: str | bytes
    line: int
    """Line of the message."""
    said: tuple[str, ...]
    """Words of the message: the field, what was found, what is allowed."""
    code: int = 2


BROKEN = {
    "empty file": Broken("", 1, ("empty",)),
    "only comments": Broken("# nothing\n", 1, ("empty",)),
    "not a mapping": Broken("- a\n- b\n", 1, ("mapping",)),
    "unknown key": Broken(HEAD + "promts: [a lake]\n" + PROMPT, 5, ("promts", "prompts")),
    "unknown key deep": Broken(HEAD + PROMPT + "camera:\n  zom: 1.1\n", 7, ("camera", "zom", "zoom")),
    "duplicate key": Broken(HEAD + PROMPT + "fps: 12\n", 6, ("fps", "line 3")),
    "wrong type": Broken(HEAD + PROMPT + "camera: fast\n", 6, ("camera", "fast")),
    "alias bomb": Broken(
        HEAD + PROMPT + "title: &a [x, x]\nstyle: [*a, *a]\n",
        6,
        ("&a", "anchors are not allowed"),
    ),
    "deep nesting": Broken(HEAD + "prompts: " + "[" * 20_000 + "\n", 5, ("nest",)),
    "tab": Broken(HEAD + PROMPT + "camera:\n\tzoom: 1.1\n", 7, ("tab",)),
    "tag": Broken(HEAD + PROMPT + "title: !!python/object/apply:os.system [ls]\n", 6, ("tag",)),
    "unclosed quote": Broken(HEAD + PROMPT + 'title: "Mordor\n', 6, ("quotes", "line 6")),
    "yes is no number": Broken(HEAD + "prompts: [{text: a lake, weight: NO}]\n", 5, ("weight", "NO")),
    "zero duration": Broken(HEAD.replace("1s", "0s") + PROMPT, 4, ("duration", "0s")),
    "negative duration": Broken(HEAD.replace("1s", "-2s") + PROMPT, 4, ("duration", "-2s")),
    "zero fps": Broken(HEAD.replace("10", "0") + PROMPT, 3, ("fps", "0")),
    "zero size": Broken(HEAD.replace("64", "0") + PROMPT, 2, ("size", "0")),
    "absurd size": Broken(HEAD.replace("64", "640000") + PROMPT, 2, ("size", "640000", "4096")),
    "absurd length": Broken(HEAD.replace("1s", "1000000s") + PROMPT, 4, ("100000", "frames")),
    "mixed units": Broken(
        HEAD + "prompts: [{text: a lake, weight: {0.5s: 1, 5f: 2}}]\n", 5, ("weight", "0.5s", "5f")
    ),
    "hostile expression": Broken(
        HEAD + PROMPT + "camera: {zoom: \"__import__('os').system('touch owned')\"}\n",
        6,
        ("camera.zoom", "no expression"),
    ),
    "endless expression": Broken(
        HEAD + PROMPT + "camera: {rotate: 9**9**9**9**9}\n", 6, ("camera.rotate", "finite")
    ),
    "division by zero": Broken(
        HEAD + PROMPT + 'camera: {rotate: "1 / (frame - 7)"}\n',
        6,
        ("camera.rotate", "frame 7", "0.7", "zero"),
    ),
    "a zoom of zero": Broken(HEAD + PROMPT + "camera: {zoom: 0}\n", 6, ("camera.zoom", "0")),
    "not yet": Broken(HEAD + PROMPT + "guidance: {palette: red}\n", 6, ("palette", "not yet")),
    "unknown models": Broken(HEAD + PROMPT + "models: pockt\n", 6, ("pockt", "pocket")),
    "unknown easing": Broken(
        HEAD + "prompts: [{text: a lake, weight: {0s: 1, 1s: [2, ease-inn]}}]\n", 5, ("ease-inn", "ease-in")
    ),
    "a path that leaves the folder": Broken(
        HEAD + PROMPT + "start: {image: ../secret.png}\n", 6, ("start.image", "../secret.png", "folder")
    ),
    "a missing picture": Broken(
        HEAD + PROMPT + "start: {image: gone.png}\n", 6, ("start.image", "gone.png"), code=3
    ),
    "a broken picture": Broken(
        HEAD + PROMPT + "start: {image: broken.png}\n", 6, ("start.image", "broken.png"), code=3
    ),
}


@pytest.fixture
def broken_scene(here: Path, request: pytest.FixtureRequest) -> Broken:
    """A broken scene, written as scene.yaml."""
    broken = BROKEN[request.param]
    text = broken.text.encode() if isinstance(broken.text, str) else broken.text
    (here / "scene.yaml").write_bytes(text)
    if "broken.png" in str(broken.text):
        (here / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"not a picture" * 9)
    return broken


@pytest.mark.parametrize("command", ["check", "render"])
@pytest.mark.parametrize("broken_scene", BROKEN, indirect=True)
def test_one_mistake_is_one_clear_line(broken_scene: Broken, command: str, run: Run, here: Path) -> None:
    before = sorted(here.iterdir())
    result = run(command, "scene.yaml")
    lines = result.err.splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith(f"scene.yaml:{broken_scene.line}:")
    assert all(word in lines[0] for word in broken_scene.said), lines[0]
    assert len(lines[0]) < 400
    assert result.code == broken_scene.code
    assert result.out == ""
    assert sorted(here.iterdir()) == before


def test_all_mistakes_come_at_once_in_the_order_of_the_file(run: Run, here: Path) -> None:
    (here / "scene.yaml").write_text(
        "vqanim: 1\nsize: [64, 48]\nfps: -1\nduration: soon\nprompts: [{txt: a lake}]\ncamera: {zoom: fast}\n"
    )
    result = run("check", "scene.yaml")
    assert result.code == 2
    lines = [int(line.split(":")[1]) for line in result.err.splitlines()]
    assert lines == sorted(lines)
    assert {3, 4, 5, 6} <= set(lines)


def test_a_missing_scene_is_a_missing_file(run: Run) -> None:
    result = run("check", "gone.yaml")
    assert result.code == 3
    assert result.err.startswith("gone.yaml:")
    assert len(result.err.splitlines()) == 1


def test_the_worst_of_several_scenes_decides_and_the_good_one_is_summed_up(run: Run, here: Path) -> None:
    (here / "good.yaml").write_text(TINY)
    (here / "bad.yaml").write_text("fps: 0\n" + PROMPT)
    assert run("check", "good.yaml", "gone.yaml").code == 3
    result = run("check", "gone.yaml", "good.yaml", "bad.yaml")
    assert result.code == 2
    assert "good.yaml: 6 frames, 0.6 s at 10 fps, 64x48" in result.out
    assert "gone.yaml" in result.err
    assert "bad.yaml:1:" in result.err


def test_the_summary_names_models_prompts_and_shots(run: Run, here: Path) -> None:
    (here / "scene.yaml").write_text(
        HEAD.replace("duration: 1s\n", "")
        + "shots:\n"
        + "  - {name: day, duration: 1s, prompts: [a lake]}\n"
        + "  - {name: night, duration: 0.5s, prompts: [a city]}\n"
    )
    out = run("check", "scene.yaml").out
    assert "15 frames, 1.5 s at 10 fps" in out
    assert "day (10 frames), night (5 frames)" in out
    assert "a lake" in out
    assert "a city" in out
    assert "pocket" in out


@pytest.mark.parametrize("transition", ["cut", "{dissolve: 500ms}"])
def test_check_and_plan_count_frames_alike(transition: str, run: Run, here: Path) -> None:
    (here / "scene.yaml").write_text(
        "size: [64, 48]\nfps: 12\nguidance: {rate: 4}\nprompts: [a lake]\nshots:\n"
        f"  - {{name: day, duration: 1s}}\n  - {{name: night, duration: 1s, transition: {transition}}}\n"
    )
    checked, planned = run("check", "scene.yaml").out, run("plan", "scene.yaml").out
    plan = json.loads(run("plan", "scene.yaml", "--json").out)
    assert f"{plan['frames']} frames, 2 s at 12 fps" in checked
    for text in (checked, planned):
        assert f"{plan['painted']} frames, 4 a second" in text
    for shot in plan["shots"]:
        assert f"{shot['name']} ({shot['frames']} frames, {shot['painted']} painted)" in checked


def test_set_replaces_a_value(run: Run, here: Path) -> None:
    (here / "scene.yaml").write_text(TINY)
    assert "20 frames, 2 s" in run("check", "scene.yaml", "--set", "duration=2s").out


@pytest.mark.parametrize(
    ("value", "said"), [("camera.zom=1", "zoom"), ("fps=fast", "fast"), ("fps", "="), ("duration=-1s", "-1s")]
)
def test_a_mistake_in_set_is_named_as_such(run: Run, here: Path, value: str, said: str) -> None:
    (here / "scene.yaml").write_text(TINY)
    result = run("check", "scene.yaml", "--set", value)
    assert result.code == 2
    assert "--set" in result.err
    assert said in result.err
    assert len(result.err.splitlines()) == 1


def test_models_of_the_command_line_are_checked_too(run: Run, here: Path) -> None:
    (here / "scene.yaml").write_text(TINY)
    result = run("check", "scene.yaml", "--models", "pockt")
    assert result.code == 2
    assert "pockt" in result.err
    assert "pocket" in result.err


def test_brackets_and_colors_of_texts_are_printed_as_they_are(run: Run, here: Path) -> None:
    (here / "scene.yaml").write_text(HEAD + 'prompts: [{text: "[bold]a lake[/bold] at 9:30"}]\n')
    assert "[bold]a lake[/bold] at 9:30" in run("check", "scene.yaml").out


def test_a_misspelled_generator_with_settings_is_told_by_its_name(run: Run, here: Path) -> None:
    text = TINY.replace("seed: 4", "seed: 4\nmodels: {generator: {name: pixles, cells: 40}}")
    (here / "scene.yaml").write_text(text)
    made = run("check", "scene.yaml")
    assert made.code == 2
    assert "unknown generator 'pixles'; did you mean 'pixels'?" in made.err + made.out
