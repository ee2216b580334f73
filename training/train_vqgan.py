"""Train the pocket VQGAN: `python training/train_vqgan.py --out DIR [--steps N]`; run again, it goes on.

The first part (FIRST_PART steps) learns to rebuild photographs: L1, L1 of brightness and color differences
of the pictures shrunk 8x, a distance of features of the first EfficientNet-lite0 blocks, and the codebook
and commitment terms of VQ-VAE (van den Oord et al. 2017). It begins without quantization, and three of the
four latents are pulled to mean brightness and color differences of their patch: left alone, all four learn
brightness first and color takes thousands of steps. Then the codebook is seeded from encoder outputs.

The second part makes it fit for films, where each frame is encoded and decoded again and again: a part of
the batches are pictures that went through the model many times, to be led back to their photographs, and
the encoder must find the codes again that a picture was decoded from, also of codes that no photograph
has. Late, some crops grow.

The third part goes on with both at a steady learning rate, which falls only in its last steps, so that
`--steps` may be changed while it runs.

`--begin-with FILE` begins a new folder from weights instead of from nothing, at the third part.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from safetensors.torch import load_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import pictures
from crops import Photographs, Pool
from losses import FeatureDistance, colour_distance, opponent
from measure_vqgan import measure, sample_sheet

from vqanim.models.codebook import look_up, nearest_codes
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.models.vqgan import VQGAN

CONFIG = Path(__file__).resolve().parents[1] / "vqanim/models/pocket/vqgan.yaml"
FIRST_PART, SECOND_PART = 1500, 1960
"""Steps at which the first and the second part end."""
PEAKS = {0: 1e-3, FIRST_PART: 4e-4, SECOND_PART: 5e-4}
"""Highest learning rate of each part."""
FIRST_END = 2000
"""Step at which the first part's learning rate would have reached its least."""
WARM_UP = 100
UNQUANTISED = 200
LEAD_UNTIL = 600
"""The pull of the latents to brightness and color fades out between UNQUANTISED and this step."""
REVIVE_UNTIL = 1300
REVIVE_EVERY = 100
LARGE_FROM = 0.5
"""Share of the second part after which some crops are larger."""
FALL = 0.3
"""Share of the third part in which the learning rate falls."""
CYCLE = 1.0
"""Weight of finding the codes again."""
STEPS = 3500
SAVE_EVERY = 100
MEASURE_EVERY = 1000
EMA = 0.999


def learning_rate(step: int, steps: int) -> float:
    """In each part a linear warm-up, then a cosine to a fiftieth of the peak; in the third a late one."""
    begin = max(start for start in PEAKS if start <= step)
    end = {0: FIRST_END, FIRST_PART: SECOND_PART, SECOND_PART: steps}[begin]
    warm = min(1.0, (step - begin + 1) / WARM_UP)
    share = (step - begin) / max(1, end - begin)
    if begin == SECOND_PART:
        share = max(0.0, (share - (1 - FALL)) / FALL)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return PEAKS[begin] * warm * (0.02 + 0.98 * cosine)


def lead(step: int) -> float:
    """Weight of the pull of the latents."""
    return min(1.0, max(0.0, (LEAD_UNTIL - step) / (LEAD_UNTIL - UNQUANTISED)))


def seed_codebook(model: VQGAN, photographs: Photographs, step: int) -> None:
    """Set every code to an encoder output of a training crop."""
    rng = np.random.default_rng((step, 1))
    outputs: list[Tensor] = []
    with torch.no_grad():
        while sum(len(o) for o in outputs) < 2 * model.config.n_embed:
            z = model.encode(photographs.draw(12, 64, rng))
            outputs.append(z.movedim(1, -1).reshape(-1, z.shape[1]))
        flat = torch.cat(outputs)
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randperm(len(flat), generator=generator)[: model.config.n_embed]
        model.codebook.copy_(flat[chosen])


class Training:
    """Everything that a step changes."""

    def __init__(self, photographs: Photographs, steps: int) -> None:
        self.photographs, self.steps = photographs, steps
        torch.manual_seed(0)
        self.model = VQGAN(VQGANConfig.from_mapping(yaml.safe_load(CONFIG.read_text())))
        self.model = self.model.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=PEAKS[0], betas=(0.9, 0.99), weight_decay=1e-4
        )
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.used = torch.zeros(self.model.config.n_embed)
        self.features = FeatureDistance()
        self.bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        self.pools = {64: Pool(photographs, 64, 12, 48), 128: Pool(photographs, 128, 3, 18)}
        self.step = 0

    def state(self) -> dict[str, Any]:
        """What a file must hold to go on from; the pools fill up again by themselves."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "used": self.used,
            "step": self.step,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average, self.used, self.step = state["average"], state["used"], state["step"]

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """Begin at the third part, from the weights of an earlier training."""
        self.model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.step = SECOND_PART

    @property
    def large(self) -> bool:
        """Whether some crops are larger."""
        return self.step > FIRST_PART + LARGE_FROM * (SECOND_PART - FIRST_PART)

    def _encode(self, x: Tensor) -> Tensor:
        with self._fast():
            return self.model.encode(x).float()

    def _decode(self, z: Tensor) -> Tensor:
        with self._fast():
            return self.model.decode(z).float()

    def _fast(self) -> torch.autocast:
        """The networks run in bfloat16 where the processor has it; codes and losses never do."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)

    def draw(self) -> tuple[Tensor, Tensor, Pool | None]:
        """(picture, what it should become, the pool it came from)."""
        rng = np.random.default_rng(self.step)
        large = self.step % 3 == 2
        if self.step >= FIRST_PART and self.step % 5 in (1, 3):
            pool = self.pools[128 if large else 64]
            return (*pool.draw(rng), pool)
        if self.large and self.step % 6 == 5:
            x = self.photographs.draw(1, 224, rng)
        else:
            x = self.photographs.draw(3 if large else 12, 128 if large else 64, rng)
        return x, x, None

    def advance(self) -> dict[str, float]:
        """One step; the values of its terms."""
        if self.step == UNQUANTISED:
            seed_codebook(self.model, self.photographs, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.steps)
        source, target, pool = self.draw()
        z, e, y = self._pass(source)
        terms = {
            "l1": 4 * (target - y).abs().mean(),
            "colour": 2.5 * colour_distance(target, y),
        }
        with self._fast():
            terms["features"] = 0.4 * self.features(y, target)
        terms["codes"] = self._code_loss(z, e)
        if lead(self.step) > 0:
            wanted = F.avg_pool2d(opponent(source), self.model.config.factor)
            terms["lead"] = lead(self.step) * (z[:, :3] - wanted).square().mean()
        if self.step >= FIRST_PART and self.step % 2:
            terms["cycle"] = CYCLE * self._cycle(e.detach(), y)
        elif self.step >= FIRST_PART and y.shape[-1] <= 128:
            moved, shaken = self._shaken(e.detach())
            terms["cycle"] = CYCLE * self._cycle(moved, shaken)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        if pool:
            pool.put_back(y)
        self._follow(z.detach())
        self.step += 1
        return {name: round(float(value.detach()), 4) for name, value in terms.items()}

    def _pass(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Continuous latents, their codes and the picture decoded from these (straight through)."""
        z = self._encode(x)
        if self.step < UNQUANTISED:
            return z, z, self._decode(z)
        codes = nearest_codes(z.detach(), self.model.codebook.detach())
        self.used[codes.flatten()] = self.step
        e = look_up(codes, self.model.codebook)
        return z, e, self._decode(z + (e - z).detach())

    def _code_loss(self, z: Tensor, e: Tensor) -> Tensor:
        if self.step < UNQUANTISED:
            return 0.01 * z.square().mean()
        return (e - z.detach()).square().mean() + 0.25 * (z - e.detach()).square().mean()

    def _cycle(self, codes: Tensor, y: Tensor) -> Tensor:
        """Codes [B, C, h, w] must come back from their picture y, and the film keeps what it painted."""
        return (self._encode(y.clamp(-0.05, 1.05)) - codes).square().mean()

    def _shaken(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes moved away from those of photographs, as guidance moves them, and their picture.

        The noise has several octaves: each patch moved on its own would teach the decoder to show patches.
        """
        generator = torch.Generator().manual_seed(self.step)
        count = max(1, len(codes) // 2)
        noise = octaves((count, *codes.shape[1:]), generator)
        amount = 1.2 * torch.rand(count, 1, 1, 1, generator=generator)
        codebook = self.model.codebook.detach()
        moved = look_up(nearest_codes(codes[:count] + amount * noise, codebook), codebook)
        return moved, self._decode(moved)

    @torch.no_grad()
    def _follow(self, z: Tensor) -> None:
        """Move the averaged weights; revive dead codes."""
        decay = min(EMA, (self.step + 1) / (self.step + 50))
        for key, value in self.model.state_dict().items():
            self.average[key].lerp_(value, 1 - decay)
        if UNQUANTISED < self.step < REVIVE_UNTIL and self.step % REVIVE_EVERY == 0:
            dead = (self.used < self.step - REVIVE_EVERY).nonzero().flatten()
            flat = z.movedim(1, -1).reshape(-1, z.shape[1])
            pick = np.random.default_rng((self.step, 2)).integers(0, len(flat), len(dead))
            self.model.codebook[dead] = flat[torch.from_numpy(pick)]
            self.average["quantize.embedding.weight"][dead] = flat[torch.from_numpy(pick)]

    def averaged(self) -> VQGAN:
        """A model with the averaged weights."""
        model = VQGAN(self.model.config)
        model.load_state_dict(self.average)
        return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def octaves(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Noise [B, C, h, w] with a spread of about 1, more of it coarse than fine."""
    total = torch.zeros(shape)
    for octave in (1, 2, 4):
        small = (*shape[:2], max(1, shape[2] // octave), max(1, shape[3] // octave))
        grid = torch.randn(small, generator=generator)
        total += octave**0.5 * F.interpolate(grid, shape[2:], mode="bicubic", align_corners=False)
    return total / total.std()


def rows(training: Training, stop_at: int) -> Iterator[dict[str, float]]:
    """Train up to a step, with a row for the log now and then."""
    began, first = time.time(), training.step
    while training.step < stop_at:
        terms = training.advance()
        if training.step % 20 == 0:
            alive = int((training.used > training.step - 300).sum())
            pace = round((time.time() - began) / (training.step - first), 3)
            yield {"step": training.step, **terms, "alive": alive, "s": pace}


def train(out: Path, steps: int, stop_at: int, weights: Path | None = None) -> None:
    """Train up to `stop_at` of `steps` steps; state, log and samples go to the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    photographs, held_out = pictures.photographs()
    print(f"{len(photographs)} training pictures, {len(held_out)} held out", flush=True)
    training = Training(Photographs(photographs), steps)
    state_file = out / "state.pt"
    if state_file.exists():
        training.load(torch.load(state_file, weights_only=True))
    elif weights is not None:
        training.begin_with(load_file(weights))
    with (out / "log.jsonl").open("a") as log:
        for row in rows(training, min(steps, stop_at)):
            print(json.dumps(row), file=log, flush=True)
            at_end = training.step >= min(steps, stop_at)
            if training.step % SAVE_EVERY == 0 or at_end:
                save(training.state(), state_file)
            if training.step % MEASURE_EVERY == 0 or at_end:
                model = training.averaged()
                found = measure(model, held_out, training.features, drift_of=2)
                print(json.dumps({"step": training.step, "measured": found}), file=log, flush=True)
                sample_sheet(model, held_out[1::3], out / f"samples-{training.step:05}.png")


def save(state: dict[str, Any], path: Path) -> None:
    """Replace the file in one go."""
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--begin-with", metavar="FILE", type=Path, help="weights as safetensors")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--stop-at", type=int, default=sys.maxsize)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.out, options.steps, options.stop_at, options.begin_with)


if __name__ == "__main__":
    main()
