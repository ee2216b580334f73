"""How many everyday prompts become what they say: `python benchmarks/prompts.py --sheet sheet.png`.

Makes a film of one second of each, with the settings that a scene has if it says nothing, and shows the
last frame to a classifier that is not the perceptor.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from judge import Classifier, best_seen, contact_sheet, independent_classifier, probability, rank
from painting import add_options, describe, paint_film, read_scene, use_device

from vqanim.engine.pictures import to_tensor
from vqanim.pictures import Picture
from vqanim.timeline.plan import Timeline

PROMPTS: Mapping[str, tuple[int, ...]] = {
    "a cat": (281, 282, 283, 284, 285),
    "a red sports car": (511, 751, 817),
    "a beach": (977, 978),
    "a pizza": (963,),
    "a snowy mountain": (970,),
    "a castle on a hill": (483, 698),
    "a school bus": (779,),
    "a cup of coffee": (504, 967, 968),
    "a sailing boat on a lake": (484, 780, 871, 914),
    "a library": (453, 624),
    "a steam train": (820,),
    "a bowl of oranges": (950,),
    "a tiger in the grass": (292,),
    "a grand piano": (579,),
    "a church": (442, 497),
    "a suspension bridge": (839,),
    "a lighthouse": (437,),
    "a volcano": (980,),
    "a butterfly on a flower": (321, 322, 323, 324, 325, 326),
    "a parrot": (87, 88, 89, 90),
    "a bicycle": (444, 671),
    "a laptop on a desk": (620, 681),
    "a goldfish": (1,),
    "a teddy bear": (850,),
    "a fountain in a park": (562,),
    "a hot air balloon": (417,),
    "a wooden barn": (425,),
    "a coral reef": (973,),
    "an elephant": (101, 385, 386),
    "a clock": (409, 530, 892),
}
"""Prompts, and the numbers of the ImageNet-1k classes that are a fair reading of each."""

SHEET_COLUMNS = 6


@dataclass(frozen=True)
class Result:
    """What became of one prompt."""

    prompt: str
    picture: Picture
    """The last frame, uint8 [H, W, 3]."""
    rank: int
    """Place of the best of the wanted classes, from 1 to 1000."""
    probability: float
    """Of all wanted classes together, 0..1."""
    seen: Sequence[int]
    """Numbers of the likeliest classes, best first."""
    seconds: float
    """Spent on painting the film; loading and judging left out."""

    def __str__(self) -> str:
        seen = ", ".join(f"{number:3}" for number in self.seen)
        judged = f"{self.rank:4} | {self.probability:11.3f} | {seen:13}"
        return f"| {self.prompt:24} | {judged} | {self.seconds:7.1f} |"


HEADER = f"""\
| {"prompt":24} | rank | probability | sees          | seconds |
|{"-" * 26}|-----:|------------:|---------------|--------:|"""


def read_film(prompt: str, options: argparse.Namespace) -> Timeline:
    """A film of one second of a prompt."""
    scene = {"size": options.size, "seed": options.seed, "duration": "1s", "prompts": [{"text": prompt}]}
    return read_scene(scene, options.overrides)


def try_prompt(prompt: str, timeline: Timeline, device: torch.device, classify: Classifier) -> Result:
    """Paint the film of a prompt and judge its last frame."""
    frames = paint_film(timeline, device)
    picture, wanted = frames[-1].picture, PROMPTS[prompt]
    seen = classify(to_tensor(picture))[0]
    return Result(
        prompt,
        picture,
        rank(seen, wanted),
        probability(seen, wanted),
        best_seen(seen),
        sum(frame.seconds for frame in frames),
    )


def summary(results: Sequence[Result]) -> str:
    """How many were recognized, and at what price."""
    first, fifth = (sum(result.rank <= place for result in results) for place in (1, 5))
    seconds = sum(result.seconds for result in results)
    return (
        f"Recognized in first 1: {first}, in first 5: {fifth} of {len(results)}; {seconds:.1f} s of compute, "
        f"{60 * fifth / seconds:.2f} recognized in first 5 per minute of compute"
    )


def choose(options: argparse.Namespace) -> list[str]:
    """The prompts that `--only` and `--every` leave."""
    return [prompt for prompt in PROMPTS if options.only in prompt][:: options.every]


def parse_options() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser, "160x160")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="SUBSTRING", default="", help="prompts that contain this")
    parser.add_argument("--every", metavar="N", type=int, default=1, help="each Nth prompt, for a quick look")
    parser.add_argument("--sheet", metavar="FILE.png", type=Path, help="where to save the last frames")
    return parser, parser.parse_args()


def main() -> None:
    parser, options = parse_options()
    chosen = choose(options)
    if not chosen:
        parser.error(f"no prompt contains {options.only!r}")
    device = use_device(options)
    timelines = {prompt: read_film(prompt, options) for prompt in chosen}
    classify = independent_classifier()
    print(HEADER, flush=True)
    results = []
    for prompt, timeline in timelines.items():
        results.append(try_prompt(prompt, timeline, device, classify))
        print(results[-1], flush=True)
    print(f"\n{summary(results)} ({describe(timelines[chosen[0]], device)}).")
    if options.sheet:
        contact_sheet([result.picture for result in results], SHEET_COLUMNS, options.sheet)


if __name__ == "__main__":
    main()
