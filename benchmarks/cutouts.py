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

from vqanim.engine.start import start_picture
from vqanim.guidance.cutouts import cut, draw_boxes
from vqanim.guidance.guide import Guide
from vqanim.timeline.plan import FramePlan, StartPlan
from vqanim.types import Generator, Latents, Perceptor

PROMPTS = ("a castle on a hill", "a red sports car", "a beach")
COUNTS = (2, 4, 6, 8, 12, 16, 24, 32)
BUDGETS = (2.0, 4.0)
JUDGING = 64
"""Cutouts of the fixed set."""


@dataclass(frozen=True)
class Trial:
    """What every count is tried with."""

    generator: Generator
    perceptor: Perceptor
    guide: Guide
    plan: FramePlan
    latents: Latents
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
        painter.guide,
        timeline.shots[0].frames[0],
        generator.start(picture, rng),
        dict(painter.guide.targets[0]),
    )
    return trial, describe(timeline, device)


def paint(trial: Trial, prompt: str, count: int, steps: int) -> tuple[Latents, float]:
    """The latents after so many steps, and the seconds of compute that a step took."""
    terms = tuple(term for term in trial.plan.losses if term.text == prompt)
    plan = replace(trial.plan, losses=terms, steps=steps, cutouts=(count,))
    began = time.process_time()
    result = trial.guide.optimise(trial.latents, plan, torch.Generator().manual_seed(7))
    return result.latents, (time.process_time() - began) / steps


@torch.no_grad()
def similarity(trial: Trial, latents: Latents, prompt: str) -> float:
    """Mean cosine of the fixed set of cutouts to a prompt, -1..1."""
    image = trial.generator.decode(latents)
    boxes = draw_boxes(1, JUDGING, *image.shape[2:], torch.Generator().manual_seed(99)).to(image.device)
    views = cut(image, boxes.step(0), trial.perceptor.input_size)
    return float((trial.perceptor.encode_image(views) @ trial.targets[prompt]).mean())


def try_count(trial: Trial, count: int, budgets: Sequence[float]) -> str:
    """A row of the table."""
    _, pace = paint(trial, PROMPTS[0], count, 4)
    cells = []
    for budget in budgets:
        steps = max(1, round(budget / pace))
        reached, spent = [], []
        for prompt in PROMPTS:
            latents, seconds = paint(trial, prompt, count, steps)
            reached.append(similarity(trial, latents, prompt))
            spent.append(seconds * steps)
        mean, seconds = sum(reached) / len(reached), sum(spent) / len(spent)
        cells.append(f"{mean:.3f} ({steps} steps, {seconds:.1f} s)")
    return f"| {count} | {pace:.3f} | {' | '.join(cells)} |"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, "160x96")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help=" ".join(map(str, COUNTS)))
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS, help="seconds of compute; 2 4")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    trial, about = prepare(options)
    start = sum(similarity(trial, trial.latents, prompt) for prompt in PROMPTS) / len(PROMPTS)
    heads = " | ".join(f"after {budget:g} s" for budget in options.budgets)
    print(f"similarity of the start: {start:.3f}; {about}\n")
    print(f"| cutouts | s a step | {heads} |\n|--:|--:|{'--:|' * len(options.budgets)}", flush=True)
    for count in options.counts:
        print(try_count(trial, count, options.budgets), flush=True)


if __name__ == "__main__":
    main()
