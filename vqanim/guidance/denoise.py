"""Denoising: a picture comes out of noise, step by step, and an objective pulls at each guess of it.

CLIP guided diffusion as Katherine Crowson's notebooks (2021) and Disco Diffusion have it: of the picture x0
that a network sees in the noisy x, the mix x0 f + x (1 - f) with f = sqrt(1 - alphabar) is shown to the
objective, and the gradient is followed back to x, through the network or through a small one beside it. That
gradient moves the noise that is taken away (Dhariwal and Nichol 2021, "Diffusion Models Beat GANs").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vqanim.errors import InputError
from vqanim.guidance.cutouts import Cutouts
from vqanim.guidance.descent import DescentResult, OptimizerState, pull_share, values_of
from vqanim.guidance.memory import LEVELS, Memory, MemoryLevel, MemoryPolicy
from vqanim.guidance.objective import LossSums, Objective, Terms, sum_losses
from vqanim.losses import Context
from vqanim.models.families.diffusion import Sampling
from vqanim.timeline.plan import FramePlan, Segment
from vqanim.types import Generator, Params

_SEED = 2**62


class Denoiser(Generator, Protocol):
    """A generator that finds noise. Its parameters are `x`, the picture float [1, 3, H, W] in -1..1."""

    sampling: Sampling

    @property
    def alphabars(self) -> Sequence[float]:
        """Share of the picture's variance that is left after each step of the noising, from the first on."""

    def find_noise(self, x: Tensor, index: int, recompute: bool = False) -> tuple[Tensor, Tensor | None]:
        """The noise of unit spread in x at a step of the noising, and how much to add again in ddpm, from the
        least (-1) to the most (1), where the network tells; differentiable."""

    def guess_picture(self, x: Tensor, alpha: float, sigma: float) -> Tensor | None:
        """The guess of a small network of the picture in x, in -1..1, differentiable; None where gradients go
        through `find_noise`."""


@dataclass(frozen=True)
class Place:
    """A place on the way from noise to a picture."""

    index: int
    """Step of the noising that it undoes."""
    kept: float
    """Share of the picture's variance here, above 0."""
    after: float
    """At the next place; 1 at the end."""

    @property
    def alpha(self) -> float:
        """How much of the picture is in x."""
        return math.sqrt(self.kept)

    @property
    def sigma(self) -> float:
        """How much noise is in x."""
        return math.sqrt(1 - self.kept)

    @property
    def posterior(self) -> float:
        """Variance of x at the next place when x here and the picture are known; 0 at the end."""
        return self.beta * (1 - self.after) / (1 - self.kept)

    @property
    def beta(self) -> float:
        """Variance that the noising adds from the next place to here."""
        return 1 - self.kept / self.after


def plan_way(alphabars: Sequence[float], steps: int, strength: float) -> tuple[Place, ...]:
    """The places of so many steps, evenly spaced over the noising, from that share of it down to the picture.

    Steps that are more than the noising has stay where they are.
    """
    if steps < 1:
        return ()
    top = max(0, round(strength * len(alphabars)) - 1)
    indices = [round(top * (steps - 1 - n) / max(1, steps - 1)) for n in range(steps - 1)] + [0]
    if steps == 1:
        indices = [top]
    kept = [alphabars[index] for index in indices]
    return tuple(map(Place, indices, kept, [*kept[1:], 1.0]))


class StepInputs(NamedTuple):
    """What a step depends on, besides the models."""

    x: Tensor
    cutouts: tuple[Cutouts, ...]
    terms: Terms
    scale: float
    """Of all that the objective asks for."""


class Guided(NamedTuple):
    """What a step sees."""

    noise: Tensor
    """That the network finds in x."""
    spread: Tensor | None
    gradient: Tensor
    """Of all losses on x, clamped."""
    seen: tuple[Tensor, ...]
    losses: Mapping[str, Tensor]


class Denoise:
    """Samples a diffusion network towards what a plan asks for."""

    def __init__(
        self, generator: Denoiser, objective: Objective, memory: Memory = "full", graphs: bool = False
    ) -> None:
        """`memory` is the level to begin at; a run goes to the next by itself when memory runs out. Steps are
        never recorded as graphs: a network of this size keeps a GPU busy."""
        self.generator, self.objective = generator, objective
        self.memory = MemoryPolicy(memory)

    def steps(
        self,
        params: Params,
        plan: FramePlan,
        size: tuple[int, int],
        rng: torch.Generator,
        context: Context = Context(),
        since: OptimizerState | None = None,
    ) -> Iterator[OptimizerState | DescentResult]:
        """Take the picture of the parameters up again at the plan's strength, and run `plan.steps` steps: a
        state after each, whose parameters are the guess of the picture, and the result in the end.

        size: height and width of the picture in pixels. rng: a CPU generator of this frame's own.
        since: go on from there, to the same bits. Raises DeviceError when memory suffices on no level, and
        InputError when the numbers are no longer finite.
        """
        picture = params["x"].detach()
        way = plan_way(self.generator.alphabars, plan.steps, plan.strength)
        if not way or not plan.terms:
            yield DescentResult({"x": picture}, (), True)
            return
        seeds = torch.randint(_SEED, (plan.steps + 1,), generator=rng).tolist()
        cutouts = self.objective.draw(plan, size, rng, picture.device)
        segments = [segment for segment in plan.segments for _ in range(segment.steps)]
        x = way[0].alpha * picture + way[0].sigma * noise_like(picture, seeds[0])
        if since is not None:
            x = since.first["x"]
        now: Segment | None = None
        for index in range(since.steps if since else 0, plan.steps):
            if (segment := segments[index]) is not now:
                now, knobs = segment, self.generator.knobs
                terms = self.objective.prepare(segment.losses, context, picture.device, knobs)
                scale = pull_share(segment.losses)
            inputs = StepInputs(x, tuple(drawn.step(index) for drawn in cutouts), terms, scale)
            found = self.memory.run_within_memory(partial(self.look, inputs, way[index]))
            x, shown = self.move(x, found, way[index], seeds[index + 1])
            yield OptimizerState(index + 1, {"x": shown}, {"x": x}, {})
        if not bool(torch.isfinite(x).all()):
            raise InputError(
                f"shot {plan.shot}, frame {plan.index}: the sampling ran away to infinity; lower models."
                f"generator.clip_guidance_scale (here {self.generator.sampling.clip_guidance_scale:g})"
            )
        similarities = self.objective.similarities(plan.segments[-1].losses, found.seen)
        yield DescentResult({"x": x}, similarities, True, values_of(found.losses))

    @property
    def mode(self) -> tuple[str, str]:
        """`eager`, or the level of memory at which steps are made, `chunks` or `checkpoint`."""
        if self.memory.level is not LEVELS[0]:
            return self.memory.level.name, "memory is short"
        return "eager", ""

    def look(self, inputs: StepInputs, place: Place, level: MemoryLevel = LEVELS[0]) -> Guided:
        """What the network finds at a place, and which way the objective pulls x there."""
        leaf = inputs.x.detach().requires_grad_(True)
        guess = self.generator.guess_picture(leaf, place.alpha, place.sigma)
        if guess is None:
            noise, spread = self.generator.find_noise(leaf, place.index, level.recompute)
            guess = (leaf - place.sigma * noise) / place.alpha
        else:
            with torch.no_grad():
                noise, spread = self.generator.find_noise(leaf, place.index)
        mix = guess * place.sigma + leaf * (1 - place.sigma)
        pull, seen, losses = self._pull(mix.detach(), inputs, level)
        back = self.generator.sampling.range_scale * beyond_range(guess.detach())
        (gradient,) = torch.autograd.grad([mix, guess], leaf, [pull, back])
        return Guided(
            noise.detach(),
            None if spread is None else spread.detach(),
            clamped(gradient, self.generator.sampling.clamp_max),
            seen,
            losses,
        )

    def _pull(
        self, mix: Tensor, inputs: StepInputs, level: MemoryLevel
    ) -> tuple[Tensor, tuple[Tensor, ...], Mapping[str, Tensor]]:
        """The gradient of all losses on the mix [1, 3, H, W], what perceptors saw of it, and the losses."""
        sampling, sums = self.generator.sampling, LossSums()
        image = ((mix + 1) / 2).requires_grad_(True)
        found = self.objective.pull(image, inputs.cutouts, inputs.terms, sums, level.chunk)
        gradient = found.gradient / 2  # of a picture in -1..1
        if inputs.terms.params:
            leaf = mix.clone().requires_grad_(True)
            loss = sum_losses({"x": leaf}, inputs.terms.params, sums)
            gradient = gradient + torch.autograd.grad(loss, leaf)[0]
        gradient = gradient * (sampling.clip_guidance_scale * inputs.scale)
        return gradient + sampling.tv_scale * variation(mix), found.seen, dict(sums)

    @torch.no_grad()
    def move(self, x: Tensor, found: Guided, place: Place, seed: int) -> tuple[Tensor, Tensor]:
        """x at the next place, and the guess of the picture from here, which is x itself at the end."""
        if self.generator.sampling.sampler == "ddpm":
            return ddpm_step(x, found, place, seed)
        return ddim_step(x, found, place, seed, self.generator.sampling.eta)


def ddim_step(x: Tensor, found: Guided, place: Place, seed: int, eta: float) -> tuple[Tensor, Tensor]:
    """A step of DDIM (Song et al. 2020), whose noise the gradient has moved.

    eta: how much fresh noise there is, from 0 to the 1 of DDPM.
    """
    noise = found.noise + place.sigma * found.gradient
    picture = (x - place.sigma * noise) / place.alpha
    fresh = eta * math.sqrt(place.posterior)
    rest = math.sqrt(max(0.0, 1 - place.after - fresh**2))
    following = math.sqrt(place.after) * picture + rest * noise
    if fresh:
        following = following + fresh * noise_like(x, seed)
    return following, picture


def ddpm_step(x: Tensor, found: Guided, place: Place, seed: int) -> tuple[Tensor, Tensor]:
    """A step of DDPM (Ho et al. 2020), whose mean the gradient has moved; how much noise is added again is
    what the network says (Nichol and Dhariwal 2021), else the most."""
    picture = (x - place.sigma * found.noise) / place.alpha
    weight = math.sqrt(place.after) * place.beta / (1 - place.kept)
    mean = weight * picture + math.sqrt(1 - place.beta) * (1 - place.after) / (1 - place.kept) * x
    if place.after == 1:
        return mean, mean
    variance = torch.full_like(x, place.beta)
    if found.spread is not None:
        share = (found.spread + 1) / 2
        low, high = math.log(max(place.posterior, 1e-20)), math.log(max(place.beta, 1e-20))
        variance = (share * high + (1 - share) * low).exp()
    following = mean - variance * found.gradient + variance.sqrt() * noise_like(x, seed)
    return following, picture


def noise_like(x: Tensor, seed: int) -> Tensor:
    """Unit noise in the shape of x, of a seed and nothing else: a run that goes on sees the same."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(x.shape, generator=rng).to(x.device)


def clamped(gradient: Tensor, most: float) -> Tensor:
    """A gradient whose root mean square is at most so much, if that is not 0; nothing if it is not finite."""
    size = gradient.square().mean().sqrt()
    held = gradient * (size.clamp(max=most) / size.clamp(min=1e-30)) if most else gradient
    return torch.where(torch.isfinite(size), held, torch.zeros_like(gradient))


def variation(picture: Tensor) -> Tensor:
    """Gradient of the mean squared difference of neighbors in a picture [1, 3, H, W]."""
    right, below = picture.diff(dim=3), picture.diff(dim=2)
    gradient = torch.zeros_like(picture)
    gradient[..., 1:] += right
    gradient[..., :-1] -= right
    gradient[:, :, 1:] += below
    gradient[:, :, :-1] -= below
    return gradient * (2 / picture.numel())


def beyond_range(picture: Tensor) -> Tensor:
    """Gradient of the mean square of what lies outside of -1..1."""
    return (picture - picture.clamp(-1, 1)) * (2 / picture.numel())
