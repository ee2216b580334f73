"""The recipes of the article: right as they are, and each of them paints on the models that come along."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.plans import make_descent
from vqanim.api import prepare
from vqanim.cli.main import main
from vqanim.engine.frame import Painter
from vqanim.guidance.cutouts import Viewer
from vqanim.models.load import load_generator, load_perceptor
from vqanim.types import Generator, Perceptor

FOLDER = Path(__file__).parent.parent / "scenes" / "article"
RECIPES = sorted(FOLDER.glob("*.yaml"))
STEPS = 2
SMALL = ("size=64x64", f"guidance.first_steps={STEPS}", "guidance.cutouts=4")


def test_all_recipes_pass_check_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *map(str, RECIPES)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("1 frame, 1 s at 1 fps, 512x512") == len(RECIPES) == 19
    assert said.out.count("imagenet-16384 and ViT-B/32") == 19


@pytest.fixture(scope="module")
def models() -> tuple[Generator, Perceptor]:
    return load_generator("pocket"), load_perceptor("pocket")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_paints(path: Path, models: tuple[Generator, Perceptor]) -> None:
    generator, perceptor = models
    timeline = prepare(path, SMALL, models="pocket").timeline
    guide = make_descent(generator, [Viewer(perceptor)], timeline.prompts)
    painter = Painter(generator, guide, torch.device("cpu"), timeline.height, timeline.width)
    (plan,) = timeline.shots[0].frames
    painted = painter.finish(plan)
    assert (plan.steps, painted.picture.shape) == (STEPS, (64, 64, 3))
    assert np.std(painted.picture) > 5
    assert all(np.isfinite(similarity) for _, similarity in painted.similarities)
    begun = painter.finish(replace(plan, steps=0)).picture
    assert np.abs(painted.picture.astype(int) - begun).mean() > 1


@pytest.mark.parametrize(
    ("name", "start", "targets", "rate"),
    [
        ("05", "noise", 0, None),
        ("08", "image", 0, 0.1),
        ("12", "icon", 0, None),
        ("13", "icon", 1, None),
    ],
)
def test_a_recipe_begins_and_aims_as_the_article_does(
    name: str, start: str, targets: int, rate: float | None
) -> None:
    (path,) = FOLDER.glob(f"{name}-*.yaml")
    plan = prepare(path).timeline.shots[0].frames[0]
    assert plan.steps == 300
    assert plan.start is not None
    assert plan.start.kind == start
    assert sum(term.target == plan.start for term in plan.losses) == targets
    assert rate is None or plan.learning_rate == rate
    assert len([term for term in plan.losses if term.kind == "prompt"]) == {"05": 3, "08": 2}.get(name, 1)
