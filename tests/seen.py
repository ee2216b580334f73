"""What is seen in finished pictures, by the pocket perceptor on fixed pieces of them, and when it changes."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from vqanim.ffmpeg import executable
from vqanim.models.load import load_perceptor
from vqanim.types import Perceptor

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]


def decoded(path: Path, width: int, height: int) -> Pictures:
    """Every frame of a film, [T, H, W, 3]."""
    command = [executable(), "-v", "error", "-i", str(path), "-map", "0:v", "-f", "rawvideo"]
    done = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


@cache
def _judge() -> Perceptor:
    return load_perceptor("pocket", torch.device("cpu"))


@torch.no_grad()
def nearness(pictures: Sequence[Pictures] | Pictures, before: str, after: str) -> Floats:
    """How much more pictures [T, H, W, 3] are like one text than like another, [T]: of the whole picture and
    of its left, middle and right square."""
    judge = _judge()
    old, new = judge.encode_text([before, after])
    found = []
    for picture in pictures:
        image = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
        height, width = image.shape[2:]
        pieces = [image, *(image[..., x : x + height] for x in (0, (width - height) // 2, width - height))]
        size = (judge.input_size, judge.input_size)
        sized = torch.cat([F.interpolate(piece, size, mode="bicubic").clamp(0, 1) for piece in pieces])
        found.append(float(judge.encode_image(sized).mean(0) @ (new - old)))
    return np.array(found)


def half_way(near: Floats, edge: int) -> int:
    """Index at which a change is half done, for good: between the first and the last `edge` values."""
    middle = (near[:edge].mean() + near[-edge:].mean()) / 2
    assert near[-edge:].mean() > near[:edge].mean(), "there is no change"
    pairs = zip(near[edge:-1], near[edge + 1 :], strict=True)
    return next(index for index, pair in enumerate(pairs, edge) if min(pair) >= middle)
