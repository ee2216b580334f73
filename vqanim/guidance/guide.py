"""The optimisation of one frame: latents are moved a few steps so that the perceptor sees the prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from vqanim.guidance.adam import TensorAdam
from vqanim.guidance.cutouts import cut, draw_boxes, draw_noise
from vqanim.guidance.losses import View, make_terms
from vqanim.guidance.smoothing import add_averages
from vqanim.timeline.plan import FramePlan
from vqanim.types import Generator, Latents, Perceptor

Similarities: TypeAlias = tuple[tuple[str, float], ...]
"""(prompt, mean cosine of the cutouts to it, -1..1) at the last step; empty without steps."""


@dataclass(frozen=True)
class GuideResult:
    """What became of the latents."""

    latents: Latents
    similarities: Similarities
    finite: bool
    """False when the optimisation ran away to inf or nan."""


class Guide:
    """Moves latents towards the prompts of a plan. Prompts are embedded once, when it is made."""

    def __init__(self, generator: Generator, perceptor: Perceptor, prompts: Sequence[str]) -> None:
        self.generator = generator
        self.perceptor = perceptor
        texts = list(prompts)
        vectors: Sequence[Tensor] = tuple(perceptor.encode_text(texts)) if texts else ()
        self.targets: Mapping[str, Tensor] = dict(zip(texts, vectors, strict=True))

    def optimise(self, latents: Latents, plan: FramePlan, rng: torch.Generator) -> GuideResult:
        """Run `plan.steps` steps from `latents`; rng is a CPU generator of this frame's own."""
        moving = {name: z.detach().clone().requires_grad_(True) for name, z in latents.items()}
        if plan.steps == 0 or not plan.losses:
            return GuideResult({k: z.detach() for k, z in moving.items()}, (), True)
        device = next(iter(moving.values())).device
        terms = make_terms(plan.losses, self.targets, device)
        optimisers = {name: TensorAdam(z.data) for name, z in moving.items()}
        rate = plan.learning_rate * strength(plan)
        boxes, noise = None, None
        size = self.perceptor.input_size
        embeddings = torch.empty(0)
        for index in range(plan.steps):
            image = self.generator.decode(moving)
            if boxes is None:
                height, width = image.shape[2:]
                boxes = draw_boxes(plan.steps, plan.cutouts, height, width, rng).to(device)
                noise = draw_noise(plan.cutout_noise, plan.steps, plan.cutouts, size, rng, device)
            views = cut(image, boxes.step(index), size)
            if noise is not None:
                views = noise.over(views, index)
            embeddings = self.perceptor.encode_image(views)
            loss = torch.stack([term(View(embeddings)) for term in terms]).sum()
            gradients = torch.autograd.grad(loss, list(moving.values()))
            for (name, z), gradient in zip(moving.items(), gradients, strict=True):
                optimisers[name].step(add_averages(gradient, plan.smoothing), rate)
                self.generator.project({name: z.data})
        done = {name: z.detach() for name, z in moving.items()}
        return GuideResult(done, self._similarities(plan, embeddings.detach()), all_finite(done))

    def _similarities(self, plan: FramePlan, embeddings: Tensor) -> Similarities:
        texts = [term.text for term in plan.losses if term.kind == "prompt"]
        if not texts:
            return ()
        targets = torch.stack([self.targets[text] for text in texts]).to(embeddings.device)
        cosines = (embeddings @ targets.T).mean(0).tolist()
        return tuple(zip(texts, cosines, strict=True))


def strength(plan: FramePlan) -> float:
    """min(1, sum of |weights|): Adam forgets the scale of a gradient, so weights must set the step."""
    return min(1.0, sum(abs(term.weight) for term in plan.losses))


def all_finite(latents: Latents) -> bool:
    """Whether no value is inf or nan."""
    return all(bool(torch.isfinite(z).all()) for z in latents.values())
