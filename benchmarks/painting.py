"""What the benchmarks share: scenes from data, models loaded once, frames painted in order, no files."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import torch
import yaml

from vqanim.api import prepare
from vqanim.engine.device import choose_device
from vqanim.engine.frame import Painter
from vqanim.engine.loading import make_objective
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.descent import Descent
from vqanim.models.load import load_generator, load_perceptor
from vqanim.pictures import Picture
from vqanim.scene import load_scene_text
from vqanim.timeline.plan import FramePlan, FrameRef, Timeline
from vqanim.types import Generator, Perceptor


@dataclass(frozen=True)
class Frame:
    """A painted frame."""

    plan: FramePlan
    picture: Picture
    """uint8 [H, W, 3]."""
    seconds: float
    """Spent on painting it."""


def add_options(parser: argparse.ArgumentParser, size: str | None) -> None:
    """The options of every benchmark; `size` is the default, None for that of the scene."""
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        help="another value in the scene, as for `vqanim render`; repeatable",
    )
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", default=size, help=f"pixels; {size or 'the scene'}")
    parser.add_argument("--threads", type=int, help="of torch; as many as it wants if not given")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps; cpu if not given")


def use_device(options: argparse.Namespace) -> torch.device:
    """Set the threads and choose the device that the options ask for."""
    if options.threads:
        torch.set_num_threads(options.threads)
    return choose_device(options.device)


def describe(timeline: Timeline, device: torch.device) -> str:
    """One line about what was measured with what."""
    names = [timeline.generator, *(plan.name for plan in timeline.perceptors)]
    models = " + ".join(dict.fromkeys(names))
    threads = f"{torch.get_num_threads()} threads"
    return f"{timeline.width}x{timeline.height}, {models}, {device}, {threads}, torch {torch.__version__}"


def read_scene(scene: Mapping[str, Any], overrides: Sequence[str] = ()) -> Timeline:
    """Check and compile a scene given as data. Raises SceneError with every mistake."""
    text = yaml.safe_dump(dict(scene), sort_keys=False)
    return prepare(load_scene_text(text, "benchmark.yaml", overrides=overrides)).timeline


def plans(timeline: Timeline) -> list[FramePlan]:
    """The frames of a timeline in the order in which they are painted."""
    return [plan for shot in timeline.shots for plan in shot.frames]


@cache
def get_generator(name: str, device: torch.device) -> Generator:
    """The generator called `name`, loaded once."""
    return load_generator(name, device)


@cache
def get_perceptor(name: str, device: torch.device) -> Perceptor:
    """The perceptor called `name`, loaded once."""
    return load_perceptor(name, device)


def make_painter(timeline: Timeline, device: torch.device) -> Painter:
    """What paints the frames of a timeline; only its prompts are embedded anew."""
    generator = get_generator(timeline.generator, device)
    viewers = [Viewer(get_perceptor(plan.name, device), plan.share) for plan in timeline.perceptors]
    objective = make_objective(timeline, viewers, device)
    return Painter(generator, Descent(generator, objective), device, timeline.height, timeline.width)


def paint(
    painter: Painter, wanted: Iterable[FramePlan], known: Mapping[FrameRef, Picture] = MappingProxyType({})
) -> Iterator[Frame]:
    """Paint frames in the order given, each from those that its plan names; some may be known already."""
    pictures = dict(known)
    for plan in wanted:
        inputs = {one: pictures[one.frame] for one in plan.inputs if one.frame is not None}
        began = time.perf_counter()
        picture = painter.finish(plan, inputs).picture
        seconds = time.perf_counter() - began
        pictures[FrameRef(plan.shot, plan.index)] = picture
        yield Frame(plan, picture, seconds)


def paint_film(timeline: Timeline, device: torch.device) -> list[Frame]:
    """All frames of a timeline."""
    return list(paint(make_painter(timeline, device), plans(timeline)))
