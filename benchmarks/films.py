"""What holds a film together: `python benchmarks/films.py [--variants FILE.yaml]`.

Makes two films for each variant and prints a row of a Markdown table: a long one of one prompt, for flicker
and for what creeps in over time, and one whose prompt changes at a stroke, for how fast a film can answer.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from judge import Classifier, contact_sheet, independent_classifier, probability
from painting import Frame, add_options, describe, get_generator, paint_film, read_scene, use_device
from prompts import PROMPTS
from torch import Tensor

from vqanim.camera import warp_for
from vqanim.camera.step import CameraStep
from vqanim.engine.pictures import to_tensor
from vqanim.timeline.plan import Timeline
from vqanim.types import Generator

HELD = "a castle on a hill"
"""The prompt of the long film."""
BEFORE, AFTER = "a tiger in the grass", "a school bus"
"""The prompts of the film that changes."""
CHANGE = 1.0
"""Seconds into the film at which BEFORE gives way to AFTER."""
JUDGED_FROM = 0.8
"""Seconds; the frames before the change tell whether it was there to be seen at all."""
CAMERA = {"zoom": 1.05, "rotate": 2}
"""Factor and degrees per second."""
FPS = 12

LOOKS = ("mean", "spread", "saturation", "sharpness")
COMPARED = 0.8
"""Share of the height and of the width whose flicker counts; what comes in at the edges does not."""
TINY = 1e-6
"""Looks below this count as this, so that a change in percent is a number."""

PICTURE_EVERY, CHANGE_PICTURE_EVERY = 50, 4
"""Frames between the pictures of the contact sheets."""
SHEET_COLUMNS = 4


@dataclass(frozen=True)
class Films:
    """The films of a variant, compiled."""

    held: Timeline
    changing: Timeline


@dataclass(frozen=True)
class Drift:
    """How the looks of a film leave those of its first second; tensors are [4] in the order of LOOKS."""

    last: Tensor
    """Percent, from the mean over the first second to that over the last."""
    farthest: Tensor
    """Percent, likewise to that second of all which is farthest from the first; with its sign."""


@dataclass(frozen=True)
class Row:
    """What was measured of one variant."""

    name: str
    flicker: float
    """Mean absolute difference of a frame to the one before it as the camera moved it, 0..1."""
    drift: Drift
    response: str
    """Seconds from the change until AFTER is likelier than BEFORE, or `response` says why there are none."""
    seconds: float
    """A frame of the long film, the first left out."""

    def __str__(self) -> str:
        looks = zip(self.drift.last.tolist(), self.drift.farthest.tolist(), strict=True)
        cells = [f"{last:+.1f} / {farthest:+.1f}" for last, farthest in looks]
        row = [self.name, f"{self.flicker:.4f}", *cells, self.response, f"{self.seconds:.2f}"]
        return f"| {' | '.join(row)} |"


HEADER = f"""\
| variant | flicker | {" | ".join(f"{name}, %" for name in LOOKS)} | response, s | s a frame |
|---|--:|{"--:|" * len(LOOKS)}--:|--:|"""


def held_scene(options: argparse.Namespace) -> dict[str, Any]:
    """A film of one prompt and a slow camera."""
    return {
        "size": options.size,
        "fps": FPS,
        "duration": f"{options.frames}f",
        "seed": options.seed,
        "prompts": [{"text": HELD}],
        "camera": CAMERA,
    }


def changing_scene(options: argparse.Namespace) -> dict[str, Any]:
    """A film of three seconds, of which the first has one prompt and the rest another."""
    at = f"{CHANGE:g}s"
    return {
        **held_scene(options),
        "duration": "3s",
        "prompts": [
            {"text": BEFORE, "weight": {"0s": 1, at: [0, "step"]}},
            {"text": AFTER, "weight": {"0s": 0, at: [1, "step"]}},
        ],
    }


def read_films(options: argparse.Namespace, overrides: Sequence[str]) -> Films:
    """Both films with a variant's overrides. Raises SceneError with every mistake."""
    every = [*options.overrides, *overrides]
    return Films(read_scene(held_scene(options), every), read_scene(changing_scene(options), every))


def look(picture: Tensor) -> Tensor:
    """The LOOKS [4] of a picture [1, 3, H, W], all in 0..1.

    Mean and standard deviation of all values, mean difference of the largest and the smallest channel, and
    mean absolute gradient of grey (across plus down, per pixel).
    """
    grey = picture.mean(1)
    gradient = grey.diff(dim=2).abs().mean() + grey.diff(dim=1).abs().mean()
    saturation = (picture.amax(1) - picture.amin(1)).mean()
    return torch.stack([picture.mean(), picture.std(), saturation, gradient])


def difference(before: Tensor, after: Tensor, step: CameraStep) -> float:
    """Mean absolute difference, 0..1, of the middles of two frames [1, 3, H, W] in the view of the second."""
    warp = warp_for(step, (before.shape[2], before.shape[3]))
    moved = before if warp is None else warp.apply(before)[0]
    return float((middle(moved) - middle(after)).abs().mean())


def middle(picture: Tensor) -> Tensor:
    """The middle COMPARED of the height and the width of a picture [1, 3, H, W]."""
    top, left = (round(side * (1 - COMPARED) / 2) for side in picture.shape[2:])
    return picture[..., top : picture.shape[2] - top, left : picture.shape[3] - left]


def flicker(frames: Sequence[Frame], pictures: Sequence[Tensor]) -> float:
    """Mean difference, 0..1, of consecutive frames once the camera's move is undone."""
    steps = [frame.plan.camera for frame in frames[1:]]
    pairs = zip(pictures[:-1], pictures[1:], steps, strict=True)
    values = [difference(before, after, step) for before, after, step in pairs]
    return sum(values) / max(1, len(values))


def drift(looks: Tensor, second: int) -> Drift:
    """How the looks [frames, 4] wander, from means over every `second` consecutive frames."""
    windows = looks.unfold(0, min(second, len(looks)), 1).mean(-1).clamp(min=TINY)
    change = 100 * (windows / windows[:1] - 1)
    farthest = change.abs().argmax(0, keepdim=True)
    return Drift(change[-1], change.gather(0, farthest)[0])


def response(frames: Sequence[Frame], classify: Classifier) -> str:
    """Seconds from the change to the first frame that looks more like AFTER than like BEFORE.

    `-` when none does, and `led before` when the last frame before the change did so already.
    """
    judged = [frame for frame in frames if frame.plan.time >= JUDGED_FROM]
    led = {frame.plan.time: leads(classify(to_tensor(frame.picture))[0]) for frame in judged}
    earlier = [moment for moment in led if moment < CHANGE]
    if earlier and led[earlier[-1]]:
        return "led before"
    since = [moment for moment, leading in led.items() if leading]
    return f"{since[0] - CHANGE:.2f}" if since else "-"


def leads(seen: Tensor) -> bool:
    """Whether AFTER is likelier than BEFORE; seen [1000] are log-probabilities."""
    return probability(seen, PROMPTS[AFTER]) > probability(seen, PROMPTS[BEFORE])


def measure(
    name: str, films: Films, device: torch.device, classify: Classifier, folder: Path | None = None
) -> Row:
    """Paint the films of a variant and measure them; contact sheets go to `folder`."""
    held, changing = paint_film(films.held, device), paint_film(films.changing, device)
    second = round(films.held.fps)
    pictures = [to_tensor(frame.picture) for frame in held]
    if folder:
        save_sheets(folder / file_name(name), held, changing, second)
    carried = held[1:] or held
    return Row(
        name,
        flicker(held, pictures),
        drift(torch.stack([look(picture) for picture in pictures]), second),
        response(changing, classify),
        sum(frame.seconds for frame in carried) / len(carried),
    )


def save_sheets(path: Path, held: Sequence[Frame], changing: Sequence[Frame], second: int) -> None:
    """Save `<path>.png`, the frames 0, one second and every 50th, and `<path>-change.png`, every 4th."""
    shown = sorted({*range(0, len(held), PICTURE_EVERY), *range(second, len(held))[:1]})
    contact_sheet([held[index].picture for index in shown], SHEET_COLUMNS, path.with_name(f"{path.name}.png"))
    changed = [frame.picture for frame in changing[::CHANGE_PICTURE_EVERY]]
    contact_sheet(changed, SHEET_COLUMNS, path.with_name(f"{path.name}-change.png"))


def file_name(name: str) -> str:
    """A variant's name as a plain file name without ending."""
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "variant"


def read_variants(path: Path | None) -> Mapping[str, Sequence[str]]:
    """Overrides by name of the variant. Raises ValueError when the file holds anything else."""
    if path is None:
        return {"default": ()}
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{path}: expected a mapping of names to lists of overrides")
    variants = {str(name): overrides or [] for name, overrides in found.items()}
    for name, overrides in variants.items():
        if not isinstance(overrides, list) or not all(isinstance(item, str) for item in overrides):
            raise ValueError(f"{path}: {name}: expected a list of texts such as carry.noise=0")
    return variants


def use_element_adam(generator: Generator) -> None:
    """Give a generator's parameters Adam's usual second moment, for every element, not one for all."""
    generator.knobs = {name: replace(knob, adam="element") for name, knob in generator.knobs.items()}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, "160x96")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=300, help="of the long film, at 12 a second; 300")
    parser.add_argument("--variants", metavar="FILE.yaml", type=Path, help="names and lists of overrides")
    parser.add_argument("--adam", action="store_true", help="with Adam's second moment for every element")
    parser.add_argument("--pictures", metavar="DIR", type=Path, help="where to save contact sheets")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    device = use_device(options)
    variants = read_variants(options.variants)
    films = {name: read_films(options, overrides) for name, overrides in variants.items()}
    classify = independent_classifier()
    print(HEADER, flush=True)
    for name, both in films.items():
        if options.adam:
            use_element_adam(get_generator(both.held.generator, device))
        print(measure(name, both, device, classify, options.pictures), flush=True)
    first = next(iter(films.values())).held
    print(f"\n{first.frame_count} frames, {describe(first, device)}.")


if __name__ == "__main__":
    main()
