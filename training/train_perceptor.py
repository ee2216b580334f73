"""Train the robust classifier of the pocket perceptor: `python training/train_perceptor.py --out DIR`; run
again, it goes on.

An ordinary classifier's gradient is full of patterns that only it sees; one that answers alike to a picture
and to its small adversarial perturbations has gradients that look like things (Santurkar et al. 2019, "Image
Synthesis with a Single (Robust) Classifier"). There are no labels here: the student starts from the
ordinary EfficientNet-lite0 and keeps its logits, on pictures and on their perturbations (as FARE does with
embeddings, Schlarmann et al. 2024, "Robust CLIP").
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import pictures
from crops import Photographs, random_crop, recolour

from vqanim.models.catalogue import package_catalogue
from vqanim.models.conse.perceptor import load_classifier, scaled
from vqanim.models.entries import read_verified

SIDES = (96, 128, 160)
"""Sizes of the pictures, drawn by turns; cutouts are shown at 128."""
SHARES = (0.25, 0.55, 0.20)
BATCH = 12
EPSILON = 1.2
"""Length of a perturbation of a picture of 128 px in 0..1; it grows with the side."""
RAMP = 300
"""Steps in which the perturbations reach their length."""
INNER_STEPS = 2
INNER_SIZE = 0.8
"""Length of an inner step, of epsilon."""
ADVERSARIAL = 1.0
"""Weight of the term of perturbed pictures beside that of clean ones."""
PEAK = 2e-4
WARM_UP = 50
STEPS = 20_000
SAVE_EVERY = 50
MEASURE_EVERY = 500
EMA = 0.998


class Pictures:
    """Crops of photographs, things pasted on them, mixes of two, and what else lies in a folder."""

    def __init__(self, photographs: list[np.ndarray], things: list[np.ndarray], more: Path | None) -> None:
        self.photographs = Photographs(photographs)
        self.things = things
        self.more = [np.asarray(Image.open(p).convert("RGB")) for p in sorted(more.glob("*"))] if more else []

    def draw(self, count: int, side: int, rng: np.random.Generator) -> Tensor:
        """Pictures [count, 3, side, side] in 0..1."""
        batch = self.photographs.draw(count, side, rng)
        for number in range(count):
            kind = rng.random()
            if kind < 0.55 and self.things:
                batch[number] = self._paste(batch[number], side, rng)
            elif kind < 0.70 and self.more:
                chosen = self.more[rng.integers(len(self.more))]
                batch[number] = random_crop(chosen, side, rng)
            elif kind < 0.85:
                other = batch[rng.integers(count)]
                share = float(rng.uniform(0.2, 0.8))
                batch[number] = share * batch[number] + (1 - share) * other
        return batch

    def _paste(self, image: Tensor, side: int, rng: np.random.Generator) -> Tensor:
        """A thing of random size somewhere on the picture, or on a plain ground."""
        thing = Image.fromarray(self.things[rng.integers(len(self.things))])
        scale = side * rng.uniform(0.4, 1.3) / max(thing.size)
        size = [max(2, round(length * scale)) for length in thing.size]
        pasted = np.asarray(thing.resize((size[0], size[1]), Image.Resampling.LANCZOS), np.float32) / 255
        if rng.random() < 0.5:
            pasted = pasted[:, ::-1].copy()
        if rng.random() < 0.3:
            image = torch.from_numpy(rng.uniform(0, 1, 3).astype(np.float32))[:, None, None] + 0.3 * (
                image - 0.5
            )
        canvas = torch.zeros(4, side, side)
        top, left = (int(rng.uniform(-0.25, 0.75) * (side - length)) for length in pasted.shape[:2])
        part = pasted[max(0, -top) :, max(0, -left) :][: side - max(0, top), : side - max(0, left)]
        height, width = part.shape[:2]
        place = canvas[:, max(0, top) : max(0, top) + height, max(0, left) : max(0, left) + width]
        place.copy_(torch.from_numpy(part).permute(2, 0, 1))
        color, opacity = recolour(canvas[:3], rng), canvas[3:]
        return (opacity * color + (1 - opacity) * image).clamp(0, 1)


def classifier() -> nn.Module:
    """The ordinary one, its norms folded into the convolutions."""
    file = package_catalogue()["perceptor"]["pocket"].files["features"]
    return load_classifier(read_verified(file), file).to(memory_format=torch.channels_last)


def distance(answer: Tensor, target: Tensor) -> Tensor:
    """Mean square difference of centered logits [B, K], one a picture, in units of the target's."""
    answer, target = (logits - logits.mean(1, keepdim=True) for logits in (answer, target))
    return (answer - target).square().mean(1) / target.square().mean(1)


def normalized(perturbation: Tensor) -> Tensor:
    """Each picture's perturbation [B, 3, S, S] to length 1."""
    return F.normalize(perturbation.flatten(1), dim=1).view_as(perturbation)


def perturb(
    student: nn.Module, images: Tensor, target: Tensor, epsilon: float, generator: torch.Generator
) -> Tensor:
    """The pictures, moved inside the ball of radius `epsilon` to where the student's answer is farthest."""
    noise = torch.randn(images.shape, generator=generator)
    found = 0.5 * epsilon * normalized(noise)
    for _ in range(INNER_STEPS):
        found = found.requires_grad_()
        loss = distance(student(scaled(images + found)), target).sum()
        (slope,) = torch.autograd.grad(loss, found)
        found = found.detach() + INNER_SIZE * epsilon * normalized(slope)
        lengths = found.flatten(1).norm(dim=1).clamp(min=1e-6)
        found = found * (epsilon / lengths).clamp(max=1)[:, None, None, None]
    return (images + found).clamp(0, 1)


class Training:
    """Everything that a step changes."""

    def __init__(self, source: Pictures, steps: int) -> None:
        self.source, self.steps, self.step = source, steps, 0
        self.teacher = classifier().requires_grad_(False)
        self.student = classifier().requires_grad_(True)
        self.parameters = list(self.student.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=PEAK, betas=(0.9, 0.99), weight_decay=1e-4)
        self.average = {k: v.clone() for k, v in self.student.state_dict().items()}

    def state(self) -> dict[str, Any]:
        parts = {"student": self.student.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**parts, "average": self.average, "step": self.step}

    def resume(self, state: dict[str, Any]) -> None:
        self.student.load_state_dict(state["student"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]

    def learning_rate(self) -> float:
        """A linear warm-up, then a cosine to a fiftieth."""
        share = min(1.0, self.step / self.steps)
        return PEAK * min(1.0, (self.step + 1) / WARM_UP) * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))

    def take_step(self) -> dict[str, float]:
        rng = np.random.default_rng((7, self.step))
        side = int(rng.choice(SIDES, p=SHARES))
        images = self.source.draw(BATCH, side, rng).to(memory_format=torch.channels_last)
        epsilon = EPSILON * side / 128 * min(1.0, (self.step + 1) / RAMP)
        with torch.no_grad():
            target = self.teacher(scaled(images))
        # Frozen weights make the inner steps cheaper.
        for parameter in self.parameters:
            parameter.requires_grad_(False)
        generator = torch.Generator().manual_seed(self.step)
        moved = perturb(self.student, images, target, epsilon, generator)
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        answers = self.student(scaled(torch.cat([images, moved]))).chunk(2)
        clean, adversarial = (distance(answer, target).mean() for answer in answers)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.zero_grad()
        (clean + ADVERSARIAL * adversarial).backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(EMA, self.step / (self.step + 10))
        for name, value in self.student.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)
        return {"clean": clean.item(), "adversarial": adversarial.item()}

    def measure(self, source: Pictures) -> dict[str, float]:
        """Of the averaged weights on pictures that are not trained on."""
        student = classifier().requires_grad_(False)
        student.load_state_dict(self.average)
        rng = np.random.default_rng(99)
        found: list[tuple[float, float, float]] = []
        for number in range(4):
            images = source.draw(16, 128, rng)
            with torch.no_grad():
                target = self.teacher(scaled(images))
                answer = student(scaled(images))
            moved = perturb(student, images, target, EPSILON, torch.Generator().manual_seed(number))
            with torch.no_grad():
                attacked = distance(student(scaled(moved)), target).mean()
            same = (answer.argmax(1) == target.argmax(1)).float().mean()
            found.append((float(distance(answer, target).mean()), float(attacked), float(same)))
        clean, attacked_mean, agreed = np.mean(found, axis=0)
        return {
            "held_clean": float(clean),
            "held_adversarial": float(attacked_mean),
            "same_first": float(agreed),
        }


def save(state: dict[str, Any], path: Path) -> None:
    """Whole or not at all."""
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--more", type=Path, help="folder of further pictures, such as painted ones")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    training_pictures, held_out = pictures.photographs()
    things = pictures.stamps()
    cut = [number % 12 == 11 for number in range(len(things))]
    source = Pictures(training_pictures, [t for t, c in zip(things, cut, strict=True) if not c], options.more)
    held = Pictures(held_out, [t for t, c in zip(things, cut, strict=True) if c], None)
    print(f"{len(training_pictures)} photographs, {len(source.things)} things, {len(source.more)} more")
    training = Training(source, options.steps)
    path = options.out / "state.pt"
    if path.exists():
        training.resume(torch.load(path, weights_only=True))
        print(f"going on from step {training.step}")
    begun = time.monotonic()
    with (options.out / "log.jsonl").open("a") as log:
        while training.step < options.steps:
            row: dict[str, float] = {"step": training.step, **training.take_step()}
            if training.step % MEASURE_EVERY == 0:
                row |= training.measure(held)
            row["seconds"] = round(time.monotonic() - begun, 1)
            print(json.dumps(row), file=log, flush=True)
            if training.step % SAVE_EVERY == 0 or training.step == options.steps:
                save(training.state(), path)


if __name__ == "__main__":
    os.nice(19)
    torch.set_num_threads(1)
    main()
