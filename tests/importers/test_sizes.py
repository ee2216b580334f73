"""Settings as large as real ones, and larger: they are read, and what a scene has no room for is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vqanim
from vqanim.api.create import checked
from vqanim.importers import import_settings
from vqanim.importers.draft import Draft
from vqanim.importers.layout import MAX_TEXT
from vqanim.scene.fields.prompts import MAX_PROMPTS
from vqanim.scene.model import Scene


def draft_of(text: str, folder: Path, tool: str | None = None) -> Draft:
    (folder / "given.txt").write_text(text)
    return import_settings(str(folder / "given.txt"), folder, tool)


def scene_of(draft: Draft, folder: Path) -> Scene:
    (folder / "scene.yaml").write_text(checked(draft, folder / "scene.yaml"))
    return vqanim.prepare(folder / "scene.yaml").scene


def told(draft: Draft, key: str) -> list[str]:
    return [note.message for note in draft.notes if key in note.keys and note.fate != "taken"]


def test_a_long_prompt_is_cut_and_that_is_told_once(tmp_path: Path) -> None:
    long = "a castle in the mist, " * 50_000
    settings = {"animation_mode": "2D", "max_frames": 20, "prompts": {"0": long, "10": f"no {long}"}}
    draft = draft_of(json.dumps(settings), tmp_path)
    assert (tmp_path / "given.txt").stat().st_size > 1_000_000
    scene = scene_of(draft, tmp_path)
    assert [len(prompt.text) <= MAX_TEXT for prompt in scene.shots[0].prompts] == [True, True]
    assert len([message for message in told(draft, "prompts") if "longer" in message]) == 1
    scene_of(draft_of(f'python generate.py -p "{long}" -i 20', tmp_path), tmp_path)
    cell = f"strength_schedule = '0:(0.6)'\nmax_frames = 20\nanimation_prompts = {{0: '{long}'}}\n"
    assert scene_of(draft_of(cell, tmp_path), tmp_path).shots[0].prompts


def test_a_text_with_apostrophes_that_is_just_short_enough_stays(tmp_path: Path) -> None:
    text = "it's " * (MAX_TEXT // 5)
    draft = draft_of(f'python generate.py -p "{text}" -i 20', tmp_path)
    assert scene_of(draft, tmp_path).shots[0].prompts[0].text == text.strip()
    assert told(draft, "prompts") == []


def test_more_prompts_than_a_scene_has_room_for_are_told(tmp_path: Path) -> None:
    parts = " | ".join(f"a castle {number}" for number in range(130))
    draft = draft_of(f'python generate.py -p "{parts}" -i 20', tmp_path)
    assert len(scene_of(draft, tmp_path).shots[0].prompts) == MAX_PROMPTS
    assert any("30 texts, from 'a castle 100'" in message for message in told(draft, "prompts"))
    scenes = " || ".join(f"a castle {number}" for number in range(130))
    text = f"scenes: {scenes}\nsteps_per_scene: 100\nsteps_per_frame: 10\nanimation_mode: 2D\n"
    draft = draft_of(text, tmp_path)
    assert len(scene_of(draft, tmp_path).shots[0].prompts) == MAX_PROMPTS
    assert told(draft, "prompts")


@pytest.mark.slow
def test_a_long_story_that_changes_often_is_a_scene(tmp_path: Path) -> None:
    draft = draft_of('python generate.py -p "a ^ b ^ c" -cpe 1 -i 5000 -vid', tmp_path)
    assert len(scene_of(draft, tmp_path).shots[0].prompts) == 3
    assert told(draft, "change_prompt_every")


def test_thousands_of_unknown_keys_are_counted(tmp_path: Path) -> None:
    settings = {"animation_mode": "2D", "max_frames": 20} | {f"odd_{number}": 1 for number in range(30_000)}
    draft = draft_of(json.dumps(settings), tmp_path, "deforum")
    assert scene_of(draft, tmp_path)
    assert set(settings) <= draft.known
