"""How many cutouts are worth their time: `python benchmarks/cutouts.py`.

Fewer cutouts make quicker and noisier steps. For each number of cutouts and the same seconds of compute, how
near does the picture come to its prompt, judged by a fixed set of cutouts that no step ever uses?
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from painting import add_options, describe, get_generator, get_perceptor, make_painter, read_scene, use_device
from torch import Tensor

from vqanim.engine.pictures import start_picture
from vqanim.guidance.cutouts import cut, draw_boxes
from vqanim.guidance.descent import Descent, OptimizerState
from vqanim.timeline.plan import FramePlan, StartPlan
from vqanim.types import Generator, Params, Perceptor

PROMPTS = (
    "a castle on a hill",
    "a red sports car",
    "a beach",
    "a volcano erupting at night",
    "a coral reef",
    "a portrait of a tiger",
)
COUNTS = (2, 4, 6, 8, 12, 16, 24)
BUDGETS = (0.5, 1.5, 5.0, 10.0)
JUDGING = 64
"""Cutouts of the fixed set."""
WARMING = 4
"""Steps before those that are timed."""


@dataclass(frozen=True)
class Trial:
    """What every count is tried with."""

    generator: Generator
    perceptor: Perceptor
    descent: Descent
    plan: FramePlan
    size: tuple[int, int]
    """Height and width in pixels."""
    params: Params
    """Of smooth noise."""
    targets: dict[str, Tensor]


def prepare(options: argparse.Namespace) -> tuple[Trial, str]:
    """Load the models and begin with smooth noise; and one line about what is measured."""
    device = use_device(options)
    scene = {"size": options.size, "seed": options.seed, "duration": "1s", "prompts": list(PROMPTS)}
    timeline = read_scene(scene, options.overrides)
    painter = make_painter(timeline, device)
    generator = get_generator(timeline.generator, device)
    rng = torch.Generator().manual_seed(options.seed)
    picture = start_picture(StartPlan("noise"), timeline.height, timeline.width, rng).to(device)
    trial = Trial(
        generator,
        get_perceptor(timeline.perceptors[0].name, device),
        painter.method,
        timeline.shots[0].frames[0],
        (timeline.height, timeline.width),
        generator.carry(picture),
        dict(painter.method.objective.targets[0]),
    )
    return trial, describe(timeline, device)


def reach(trial: Trial, prompt: str, count: int, budgets: Sequence[float]) -> tuple[list[float], int, float]:
    """Similarity after each number of seconds; and how many steps were made in how many of compute.

    Looking at the picture is not counted.
    """
    terms = tuple(term for term in trial.plan.losses if term.text == prompt)
    plan = replace(trial.plan, losses=terms, cutouts=(count,))
    plan = replace(plan, steps=round(1 + max(budgets) / seconds_a_step(trial, plan)))
    left, reached, made, spent, params = sorted(budgets), list[float](), 0, 0.0, trial.params
    while left:
        since = time.process_time()
        for event in trial.descent.steps(params, plan, trial.size, torch.Generator().manual_seed(7 + made)):
            params = event.params
            if not isinstance(event, OptimizerState):
                break
            spent, made = spent + time.process_time() - since, made + 1
            while left and spent >= left[0]:
                reached.append(similarity(trial, params, prompt))
                del left[0]
            if not left:
                break
            since = time.process_time()
    return reached, made, spent


def seconds_a_step(trial: Trial, plan: FramePlan) -> float:
    """Seconds of compute that a step takes, once warm."""
    few = replace(plan, steps=WARMING)
    for _ in range(2):
        began = time.process_time()
        list(trial.descent.steps(trial.params, few, trial.size, torch.Generator().manual_seed(7)))
    return (time.process_time() - began) / WARMING


@torch.no_grad()
def similarity(trial: Trial, params: Params, prompt: str) -> float:
    """Mean cosine of the fixed set of cutouts to a prompt, -1..1."""
    image = trial.generator.decode(params, trial.size)
    boxes = draw_boxes(1, JUDGING, *image.shape[2:], torch.Generator().manual_seed(99)).to(image.device)
    views = cut(image, boxes.part(0), trial.perceptor.input_size)
    return float((trial.perceptor.encode_image(views) @ trial.targets[prompt]).mean())


def try_count(trial: Trial, count: int, budgets: Sequence[float]) -> str:
    """A row of the table."""
    results = [reach(trial, prompt, count, budgets) for prompt in PROMPTS]
    reached = torch.tensor([similarities for similarities, _, _ in results]).mean(0)
    steps, spent = (sum(values) for values in ((r[1] for r in results), (r[2] for r in results)))
    return f"| {count} | {spent / steps:.3f} | {' | '.join(f'{mean:.3f}' for mean in reached.tolist())} |"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, "160x96")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help=" ".join(map(str, COUNTS)))
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS, help="seconds of compute")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    trial, about = prepare(options)
    start = sum(similarity(trial, trial.params, prompt) for prompt in PROMPTS) / len(PROMPTS)
    heads = " | ".join(f"after {budget:g} s" for budget in options.budgets)
    print(f"similarity of the start: {start:.3f}; {about}\n")
    print(f"| cutouts | s a step | {heads} |\n|--:|--:|{'--:|' * len(options.budgets)}", flush=True)
    for count in options.counts:
        print(try_count(trial, count, options.budgets), flush=True)


if __name__ == "__main__":
    main()
