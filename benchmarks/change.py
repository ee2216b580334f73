"""What `change` does: `python benchmarks/change.py [--values 0,0.25,0.5,0.75,1]`.

Makes a film for each value, whose prompt changes at a stroke, and prints a row of a Markdown table: how much
a frame differs from the one before while the prompt stays, and how fast the new one shows. The perceptor that
guides also judges: what is asked is how soon it is satisfied, not whether the picture is good.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from films import flicker
from painting import (
    Frame,
    add_options,
    describe,
    get_perceptor,
    make_painter,
    paint,
    plans,
    read_scene,
    use_device,
)

from vqanim.engine.pictures import to_tensor
from vqanim.pictures import Picture
from vqanim.scene.change import TABLE
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline

FPS = 8
CHANGE = 1.0
"""Seconds into the film at which one prompt gives way to the other."""
AFTER_SECONDS = 2.5
SETTLED = 0.25
"""Seconds into the film from which on its frames are compared."""
PAIRS = (("a green forest", "an erupting volcano"), ("a coral reef", "a castle on a hill"))
SOON = 0.5
"""Seconds after the change at which the new prompt is looked for."""


def film(before: str, after: str, change: str, options: argparse.Namespace) -> Timeline:
    """A film of a prompt and then of another."""
    at = f"{CHANGE:g}s"
    scene = {
        "size": options.size,
        "fps": FPS,
        "duration": f"{CHANGE + AFTER_SECONDS:g}s",
        "seed": options.seed,
        "prompts": [
            {"text": before, "weight": {"0s": 1, at: [0, "step"]}},
            {"text": after, "weight": {"0s": 0, at: [1, "step"]}},
        ],
        "change": change,
    }
    return read_scene(scene, options.overrides)


def paint_after(first: dict[FramePlan, Picture], timeline: Timeline, device: torch.device) -> list[Frame]:
    """The frames of a film; its first one is the same at any `change`, and painted once."""
    painter, (begin, *rest) = make_painter(timeline, device), plans(timeline)
    if begin not in first:
        first[begin] = painter.finish(begin).picture
    start = Frame(begin, first[begin], 0.0)
    return [start, *paint(painter, rest, {FrameRef(begin.shot, begin.index): start.picture})]


def leads_of(frames: Sequence[Frame], texts: Sequence[str], name: str, device: torch.device) -> list[float]:
    """How much nearer each frame is to the second text than to the first: the difference of its cosines."""
    perceptor = get_perceptor(name, device)
    wanted = perceptor.encode_text(list(texts))
    leads = []
    for frame in frames:
        picture = F.interpolate(to_tensor(frame.picture), (perceptor.input_size,) * 2, mode="bicubic")
        with torch.no_grad():
            cosines = perceptor.encode_image(picture.clamp(0, 1).to(device))[0] @ wanted.T
        leads.append(float(cosines[1] - cosines[0]))
    return leads


def measure(
    change: str, first: dict[FramePlan, Picture], options: argparse.Namespace, device: torch.device
) -> list[float]:
    """Flicker, how far the new prompt came SOON after the change, seconds until it leads."""
    rows = []
    for before, after in PAIRS[: options.pairs]:
        timeline = film(before, after, change, options)
        frames = paint_after(first, timeline, device)
        still = [frame for frame in frames if SETTLED * FPS <= frame.plan.index < CHANGE * FPS]
        leads = leads_of(frames, (before, after), timeline.perceptors[0].name, device)
        changed = round(CHANGE * FPS)
        soon = leads[changed + round(SOON * FPS) - 1] - leads[changed - 1]
        led = [index for index in range(changed, len(frames)) if leads[index] > 0]
        until = (led[0] - changed + 1) / FPS if led else math.inf
        rows.append((flicker(still, [to_tensor(frame.picture) for frame in still]), soon, until))
    return [sum(values) / len(values) for values in zip(*rows, strict=True)]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, "64x48")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--values", default=",".join(f"{row.change:g}" for row in TABLE))
    parser.add_argument("--pairs", type=int, default=len(PAIRS), help="of prompts; all")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    device = use_device(options)
    first: dict[FramePlan, Picture] = {}
    print(f"| change | flicker | way to the new prompt after {SOON:g} s | seconds until it leads |")
    print("|--:|--:|--:|--:|", flush=True)
    for value in options.values.split(","):
        found, soon, until = measure(value, first, options, device)
        when = f"{until:.2f}" if math.isfinite(until) else f"more than {AFTER_SECONDS:g}"
        print(f"| {value} | {found:.4f} | {soon:+.3f} | {when} |", flush=True)
    print(f"\n{describe(film(*PAIRS[0], '0.5', options), device)}.")


if __name__ == "__main__":
    main()
