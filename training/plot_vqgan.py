"""Draw the log of a training: `python training/plot_vqgan.py DIR/log.jsonl training/vqgan_curve.png`.

Needs matplotlib besides what training needs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

TERMS = ("l1", "colour", "features", "codes", "cycle")
SMOOTH = 15
"""Rows of the log that are averaged."""


def smoothed(values: list[float]) -> np.ndarray:
    """Running mean over SMOOTH values, shorter at the ends."""
    width = min(SMOOTH, len(values))
    ones = np.ones(width)
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def draw(log: Path, output: Path) -> None:
    """Two plots: the terms of the loss, and what was measured on held-out photographs."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for term in TERMS:
        points = [(row["step"], row[term]) for row in rows if term in row]
        if points:
            steps, values = zip(*points, strict=True)
            left.semilogy(steps, smoothed(list(values)), label=term)
    left.set(title="terms of the loss", xlabel="step")
    left.legend()
    measured = [(row["step"], row["measured"]) for row in rows if "measured" in row]
    steps = [step for step, _ in measured]
    right.plot(steps, [found["mean psnr"] for _, found in measured], "o-", label="PSNR, dB")
    right.set(title="held-out photographs at 256 px", xlabel="step", ylabel="PSNR, dB")
    other = right.twinx()
    other.plot(steps, [found["features"] for _, found in measured], "s--", color="tab:red")
    other.set_ylabel("distance of features (dashed)", color="tab:red")
    figure.tight_layout()
    figure.savefig(output, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    draw(options.log, options.output)


if __name__ == "__main__":
    main()
