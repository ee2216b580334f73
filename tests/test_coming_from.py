"""The page for those who come from other tools names what there is, and what the import really does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vqanim.cli.main import COMMANDS
from vqanim.importers import import_settings
from vqanim.scene import load_scene
from vqanim.scene.fields.base import keys_of
from vqanim.scene.functions import CONSTANTS, FUNCTIONS, SIGNALS, VARIABLES
from vqanim.scene.model import Camera, Carry, Guidance, Models, Output, Prompt, Scene, Shot, StayNear

PAGE = (Path(__file__).parent.parent / "docs" / "coming-from.md").read_text("utf-8")
SAMPLES = Path(__file__).parent / "importers" / "samples"
SECTIONS = {"camera": Camera, "carry": Carry, "guidance": Guidance, "output": Output, "models": Models}
KEYS = {
    *keys_of(Scene),
    *keys_of(Shot),
    *keys_of(Prompt),
    *SECTIONS,
    *(f"{name}.{key}" for name, section in SECTIONS.items() for key in keys_of(section)),
    *("camera.pan", "camera.center", "models.perceptor", "guidance.rate", "signals", "progress"),
}
WORDS = {*VARIABLES, *CONSTANTS, *FUNCTIONS, *SIGNALS, *keys_of(StayNear), "lead", "t"}


def rows() -> list[tuple[str, str, str]]:
    """(there, here, remark) of every row of every table."""
    found = []
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| there"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert len(cells) == 3, line
            found.append((cells[0], cells[1], cells[2]))
    return found


def test_every_key_that_is_named_as_ours_exists() -> None:
    named = [code for _, here, _ in rows() for code in re.findall(r"`([^`]+)`", here)]
    assert len(named) > 80
    for code in named:
        if code.startswith("vqanim "):
            assert code.split()[1] in COMMANDS, code
        elif re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", code):
            assert code in KEYS | WORDS, code
        elif match := re.fullmatch(r"([a-z_]+): .*", code):
            assert match[1] in KEYS, code


def test_scenes_and_curves_on_the_page_can_be_read(tmp_path: Path) -> None:
    text = "duration: 8s\nprompts: [{text: a, weight: {0s: 1, 4s: [0, step]}}]\ncamera:\n"
    for number, curve in enumerate(re.findall(r"`(\{0s: [^`]*\})`", PAGE)):
        (tmp_path / f"{number}.yaml").write_text(
            f"{text}  zoom: {curve}\n".replace("[0, step]}\n", "[1, step]}\n")
        )
        load_scene(tmp_path / f"{number}.yaml")


@pytest.mark.parametrize(
    ("said", "settings", "path"),
    [
        ("zoom: 1.346", '{"zoom": "0:(1.02)"', "zoom"),
        ("pan: {x: -0.293}", '{"translation_x": "0:(10)"', "pan.x"),
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_import(
    said: str, settings: str, path: str, tmp_path: Path
) -> None:
    assert f"`{said}`" in PAGE
    (tmp_path / "s.json").write_text(
        f'{settings}, "animation_mode": "2D", "fps": 15, "prompts": {{"0": "a"}}}}'
    )
    draft = import_settings(str(tmp_path / "s.json"), tmp_path)
    shown = re.findall(r"-?\d\.\d+", said)[0]
    assert f"{float(draft.fields[f'camera.{path}'].yaml):.3f}" == shown
