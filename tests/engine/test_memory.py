"""What painting needs is known before it is asked for, since Linux does not refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vqanim import api
from vqanim.engine import loading
from vqanim.engine.memory import fitting_level, free_memory, render_need, step_need
from vqanim.guidance.graphs import Choice
from vqanim.guidance.memory import LEVELS
from vqanim.preview import outline
from vqanim.scene import load_scene_text

SCENE = "vqanim: 1\nsize: [{}, {}]\nduration: 1s\nprompts: [a volcano]\nguidance: {{cutouts: {}}}\n"


def film(width: int = 256, height: int = 144, cutouts: int = 12) -> api.Prepared:
    return api.prepare(load_scene_text(SCENE.format(width, height, cutouts), "film.yaml"))


def test_larger_pictures_and_more_cutouts_need_more_and_each_level_less() -> None:
    small = film().timeline
    needs = [step_need(small, level) for level in LEVELS]
    assert needs == sorted(needs, reverse=True)
    assert len(set(needs)) == len(LEVELS)
    assert step_need(film(512, 288).timeline) > step_need(small)
    assert step_need(film(cutouts=32).timeline) > step_need(small)
    assert step_need(small, share=0.5) < step_need(small) < render_need(small)


@pytest.mark.parametrize(("free", "level"), [(None, 0), (99, 0), (80, 1), (45, 2), (10, 2)])
def test_painting_begins_at_the_first_level_that_fits(free: int | None, level: int) -> None:
    needs = dict(zip(LEVELS, (90, 60, 40), strict=True))
    found, said = fitting_level(needs.__getitem__, free)
    assert found == LEVELS[level]
    assert bool(said) == (level > 0)
    assert ("end the program" in said) == (free == 10)


def test_this_system_says_what_is_free() -> None:
    free = free_memory()
    assert free is None or 2**20 < free < 2**50


def test_plan_and_render_know_what_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = film(64, 48, 4)
    known = api.outline(prepared)
    assert known.memory == render_need(prepared.timeline)
    assert not any("memory" in warning for warning in known.warnings)
    monkeypatch.setattr(outline, "free_memory", lambda: 100 * 2**20)
    assert any("lower size" in warning for warning in api.outline(prepared).warnings)
    assert not any("lower size" in warning for warning in api.outline(prepared, "cuda").warnings)
    monkeypatch.setattr(loading, "free_memory", lambda: step_need(prepared.timeline) - 1)
    painter, loaded = loading.load_painter(
        prepared.timeline, torch.device("cpu"), Choice("eager", "a test"), "float32"
    )
    assert painter.method.mode[0] != "eager"
    assert any("memory" in warning for warning in loaded.warnings)


def test_a_container_may_have_less(tmp_path: Path) -> None:
    free = free_memory()
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1500000\n")
    (tmp_path / "memory.stat").write_text("anon 900000\ninactive_file 500000\nactive_file 100000\n")
    limited = free_memory(tmp_path)
    assert limited == (None if free is None else 2_000_000)
    (tmp_path / "memory.max").write_text("max\n")
    unlimited = free_memory(tmp_path)
    assert (unlimited is None) == (free is None)
    assert unlimited is None or unlimited > 2_000_000
