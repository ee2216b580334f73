"""Whose settings a file holds, by what only one tool has; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vqanim
from tests.importers.importing import imported, notebook
from vqanim.cli.main import main as command
from vqanim.errors import UsageError
from vqanim.importers import TOOLS, import_settings, importer_of
from vqanim.scene.model import Scene

DEFORUM = {"W": 64, "H": 48, "animation_mode": "2D", "max_frames": 10, "prompts": {"0": "a lake"}}
PYTTI = {"scenes": "a castle", "animation_mode": "2D", "steps_per_scene": 200, "steps_per_frame": 20}
DISCO = {"text_prompts": {"0": ["a lake"]}, "animation_mode": "2D", "max_frames": 10, "zoom": "0: (1.02)"}
FRAMES = [{"frame": frame, "zoom": 1.0, "deforum_prompt": "a lake"} for frame in range(10)]
PARSEQ = {"options": {"output_fps": 10}, "rendered_frames": FRAMES}
CELL = (
    "text_prompts = '0: (a castle), 20: (a lake)' #@param\nmax_frames = 50 #@param\nzoom = '1.02' #@param\n"
)
OWN: dict[str, Any] = {
    "deforum": DEFORUM,
    "deforum with one name more": {
        **DEFORUM,
        "strength_schedule": "0:(0.6)",
        "fov": 40,
        "translation_x": "0:(0)",
    },
    "deforum, still": {"W": 64, "H": 64, "seed": 7, "prompts": {"a": "0"}, "strength": 0.1, "steps": 80},
    "deforum, width": {"width": 64, "height": 64, "fps": 12, "animation_mode": "2D", "max_frames": 4},
    "pytti": PYTTI,
    "pytti with much of Deforum's": {**PYTTI, "max_frames": 9, "zoom": "0:(1)", "translation_x": "0:(1)"},
    "disco": {**DISCO, "clip_guidance_scale": 5000},
    "disco, by its prompts": DISCO,
    "disco of version 3": {"text_prompts": ["a lake"], "cutn_batches": 1, "skip_timesteps": 5, "width": 64},
    "parseq": PARSEQ,
    "parseq in deforum": {**DEFORUM, "parseq_manifest": json.dumps(PARSEQ)},
    "vqgan-notebook": notebook(CELL),
    "deforum, notebook": notebook(
        "def DeforumArgs():\n    W = 64 #@param\n    strength_schedule = '0:(1)' #@param\n"
    ),
    "disco, notebook": notebook(
        "text_prompts = {0: ['a lake']}\n", "turbo_mode = False #@param\nsteps = 9 #@param\n"
    ),
    "pytti, notebook": notebook("scenes = 'a lake' #@param\nsteps_per_frame = 20 #@param\n"),
}


def tool_of(name: str) -> str:
    return "parseq" if name == "parseq in deforum" else name.split(",")[0].split()[0]


@pytest.mark.parametrize("name", OWN)
def test_a_file_is_recognized_by_what_only_its_tool_has(name: str, tmp_path: Path) -> None:
    draft, _ = imported(tmp_path, OWN[name])
    reads = importer_of(tool_of(name)).READS
    assert draft.source.startswith("Deforum settings with" if name == "parseq in deforum" else reads)
    assert draft.recognized_by


STRANGE: dict[str, Any] = {
    "a name that several have": {"animation_mode": "2D", "color": "red"},
    "few of many": {
        "animation_mode": "x",
        "max_frames": 9,
        **{f"key{number}": number for number in range(9)},
    },
    "two of many": {"tv_scale": 1, "range_scale": 2, **{f"key{number}": number for number in range(9)}},
    "one of many": {"scenes": "x", **{f"key{number}": number for number in range(9)}},
    "settings of a web UI": {"sampler_name": "Euler a", "width": 512, "height": 512, "steps": 20},
    "a workflow of ComfyUI": {"last_node_id": 9, "nodes": []},
    "a request to another service": {
        "text_prompts": [{"text": "a lake", "weight": 1}],
        "cfg_scale": 7,
        "width": 512,
        "height": 512,
        "steps": 30,
    },
    "scenes of another program": {"scenes": [{"name": "a"}], "name": "b"},
    "keyframes of another program": {"keyframes": [{"offset": 0}], "options": {"duration": 5}},
    "nothing": {},
    "a notebook of somebody": notebook("import torch\nmodel = 'resnet'\n", "epochs = 3 #@param\n"),
    "a notebook without cells": {"cells": [], "nbformat": 4},
    "a notebook with other text": notebook("width = 400 #@param\nheight = 300 #@param\n"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_tool_explains_is_refused_with_all_that_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(json.dumps(STRANGE[name]))
    with pytest.raises(UsageError) as caught:
        import_settings(str(tmp_path / "given.json"), tmp_path)
    message = str(caught.value)
    assert all(importer_of(tool).READS in message and tool in message for tool in TOOLS)
    assert "\n" not in message


def test_the_command_says_what_was_recognized_and_by_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(json.dumps(PYTTI))
    assert command(["import", "a.txt"]) in (0, None)
    shown = capsys.readouterr().out
    assert "pytti" in shown
    assert "steps_per_scene" in shown
    Path("b.txt").write_text(json.dumps(STRANGE["few of many"]))
    assert command(["import", "b.txt"]) == 2
    assert not Path("b.yaml").exists()


@pytest.mark.parametrize("seed", [2**63 - 1, 3024054553251595568, 2**53 + 1, 7])
@pytest.mark.parametrize("tool", ["deforum", "pytti", "disco", "vqgan-notebook"])
def test_a_seed_keeps_all_its_digits(tool: str, seed: int, tmp_path: Path) -> None:
    given = (
        notebook(f"{CELL}seed = {seed} #@param\n")
        if tool == "vqgan-notebook"
        else {**OWN[tool], "seed": seed}
    )
    _, scene = imported(tmp_path, given)
    assert scene.seed == seed
    if tool == "pytti":
        assert imported(tmp_path, {**PYTTI, "seed": str(seed)})[1].seed == seed


def test_a_seed_beyond_all_that_a_scene_takes_is_told(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, {**PYTTI, "seed": 2**64 - 5})
    assert scene.seed == 2**63 - 5
    assert "close" in {note.fate for note in draft.notes if "seed" in note.keys}
    for given in ({**DEFORUM, "seed": -1}, {**DISCO, "seed": -1}):
        draft, scene = imported(tmp_path, given)
        assert scene.seed == 0
        assert {note.fate for note in draft.notes if "seed" in note.keys} == {"close"}


def test_a_tool_that_is_named_reads_what_would_be_another_s(tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, {**DISCO, "prompts": {"0": "a castle"}}, "deforum")
    assert (draft.source, draft.recognized_by) == (importer_of("deforum").READS, "")
    assert scene.shots[0].prompts[0].text == "a castle"


def frames_of(scene: Scene) -> int:
    return sum(len(shot.frames) for shot in vqanim.compile_timeline(scene).shots)


@pytest.mark.parametrize(
    "wrapped",
    [
        {"input": {"settings": DEFORUM}},
        {"job": DEFORUM, "id": 3},
        [DEFORUM],
        {"deforum_settings": [DEFORUM], "options_overrides": {}},
    ],
)
def test_settings_that_a_service_wraps_are_found_inside(wrapped: Any, tmp_path: Path) -> None:
    draft, scene = imported(tmp_path, wrapped)
    assert draft.source == "Deforum settings"
    assert (scene.size.width, frames_of(scene)) == (64, 10)


def test_nodes_of_a_workflow_are_no_wrapped_settings(tmp_path: Path) -> None:
    camera = {"class_type": "Camera", "inputs": {"zoom": "0:(1.02)", "translation_x": "0:(3)", "fov": 40}}
    with pytest.raises(UsageError, match="ComfyUI"):
        imported(tmp_path, {"8": camera})


@pytest.mark.parametrize(
    "edited",
    [
        '{"W": 64, "H": 48, "animation_mode": "2D", "max_frames": 10, "prompts": {"0": "a, } lake",},}',
        '// mine\n{"W": 64, // http://x\n"H": 48, "animation_mode": "2D",\n# "fps": 3,\n"max_frames": 10,'
        ' "prompts": {"0": "a, } lake"}}',
    ],
)
def test_json_that_people_edited_is_read(edited: str, tmp_path: Path) -> None:
    _, scene = imported(tmp_path, edited)
    assert scene.shots[0].prompts[0].text == "a, lake"
    assert frames_of(scene) == 10


@pytest.mark.parametrize("settings", [DEFORUM, DISCO, PYTTI])
def test_a_seed_of_64_bits_is_whole_as_far_as_a_scene_has_them(settings: Any, tmp_path: Path) -> None:
    for seed in (2**53 + 1, 2**63 - 1):
        assert imported(tmp_path, {**settings, "seed": seed})[1].seed == seed
    draft, scene = imported(tmp_path, {**settings, "seed": 2**63 + 12345})
    assert scene.seed == 12345
    assert any("seed" in note.keys and note.fate == "close" for note in draft.notes)
