"""Where the time of a film goes: `python benchmarks/film.py [SCENE] [--frames N]`.

Paints the first frames of a scene with a watch around each part of the work. The product carries no
watches: generator and perceptor are wrapped, and functions of the engine are replaced for as long as it runs.
"""

from __future__ import annotations

import argparse
import copy
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from unittest import mock

import torch
from painting import add_options, describe, make_painter, paint, plans, use_device

from vqanim.api import prepare
from vqanim.engine import frame as frame_module
from vqanim.engine.frame import Painter
from vqanim.guidance import cutouts as cutouts_module
from vqanim.guidance import descent as descent_module
from vqanim.guidance import objective as objective_module
from vqanim.guidance.adam import Adam
from vqanim.guidance.descent import Descent, DescentResult, OptimizerState
from vqanim.guidance.objective import Objective
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan
from vqanim.types import Generator, Params, Perceptor

SCENE = Path(__file__).resolve().parents[1] / "scenes" / "mordor.yaml"
PARTS = (
    "warp",
    "feed back",
    "encode",
    "decode",
    "cutouts",
    "perceptor",
    "loss",
    "backward",
    "optimizer step",
    "write",
    "other",
)
MODELS = frozenset({"encode", "decode", "perceptor", "backward"})
"""Parts that are the networks' own work. `backward` goes through cutouts and loss as well."""
GENERATOR_PARTS = {"start": "encode", "carry": "encode", "decode": "decode", "project": "optimizer step"}
PERCEPTOR_PARTS = {"encode_image": "perceptor"}


class Watch:
    """Sums seconds by part. A part inside another one is not counted for the outer."""

    def __init__(self, device: torch.device) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._device = device
        self._inner = [0.0]
        """Seconds of the parts inside those that are running, outermost first."""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside for the part `name`."""
        began = self.now()
        self._inner.append(0.0)
        try:
            yield
        finally:
            spent = self.now() - began
            self.seconds[name] += spent - self._inner.pop()
            self._inner[-1] += spent

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, counted for the part `name`."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return timed

    def take(self) -> dict[str, float]:
        """Seconds by part since the last call."""
        taken = dict(self.seconds)
        self.seconds.clear()
        return taken

    def now(self) -> float:
        """Seconds on a clock, once the device has done what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


class Timed:
    """Stands for a model; its methods named in `parts` are counted for the part given there."""

    def __init__(self, model: object, watch: Watch, parts: Mapping[str, str]) -> None:
        self._model, self._watch, self._parts = model, watch, parts

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._model, name)
        return self._watch.around(self._parts[name], value) if name in self._parts else value


@dataclass(frozen=True)
class Optimized:
    """The steps of a frame, or of a stage of it."""

    steps: int
    seconds: float
    carried: bool
    """False for the stages of a first frame, most of which are smaller."""


class TimedDescent(Descent):
    """A descent that remembers how long its steps took."""

    def __init__(self, generator: Generator, objective: Objective, watch: Watch) -> None:
        super().__init__(generator, objective)
        self.calls: list[Optimized] = []
        self._watch = watch

    def steps(self, params: Params, plan: FramePlan, *rest: Any) -> Iterator[OptimizerState | DescentResult]:
        """As a descent does them."""
        began = self._watch.now()
        for event in super().steps(params, plan, *rest):
            if isinstance(event, DescentResult):
                seconds = self._watch.now() - began
                self.calls.append(Optimized(plan.steps, seconds, plan.previous is not None))
            yield event

    def seconds_a_step(self) -> float:
        """Of the frames that carry another, at full size; of all calls when there is no such frame."""
        calls = [call for call in self.calls if call.carried and call.steps] or self.calls
        return sum(call.seconds for call in calls) / max(1, sum(call.steps for call in calls))


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Count the engine's own functions, for as long as the block runs."""

    def counted(owner: Any, name: str, part: str) -> Any:
        return mock.patch.object(owner, name, watch.around(part, getattr(owner, name)))

    with ExitStack() as stack:
        for patch in (
            counted(Painter, "_carried", "warp"),
            counted(frame_module, "feed_back", "feed back"),
            counted(frame_module, "hold", "feed back"),
            counted(cutouts_module, "draw_boxes", "cutouts"),
            counted(cutouts_module, "draw_noise", "cutouts"),
            counted(cutouts_module, "cut", "cutouts"),
            counted(Objective, "prepare", "loss"),
            counted(objective_module, "sum_losses", "loss"),
            counted(descent_module, "sum_losses", "loss"),
            counted(torch.autograd, "grad", "backward"),
            counted(Adam, "step", "optimizer step"),
        ):
            stack.enter_context(patch)
        yield


def wrap_models(painter: Painter, watch: Watch) -> tuple[Painter, TimedDescent]:
    """The same painter with watches around its models."""
    generator = cast(Generator, Timed(painter.generator, watch, GENERATOR_PARTS))
    objective = copy.copy(painter.method.objective)
    objective.viewers = tuple(
        replace(viewer, perceptor=cast(Perceptor, Timed(viewer.perceptor, watch, PERCEPTOR_PARTS)))
        for viewer in objective.viewers
    )
    descent = TimedDescent(generator, objective, watch)
    return replace(painter, generator=generator, method=descent), descent


def time_frames(
    painter: Painter, wanted: Sequence[FramePlan], store: TakeStore, watch: Watch
) -> list[dict[str, float]]:
    """Seconds by part of every frame, painted and saved one after the other."""
    frames = []
    with watched(watch):
        for frame in paint(painter, wanted):
            with watch.part("write"):
                store.save(frame.plan, frame.picture, "0" * 64, "benchmark")
            parts = watch.take()
            parts["other"] = frame.seconds - sum(parts.values()) + parts["write"]
            frames.append(parts)
    return frames


def table(frames: Sequence[Mapping[str, float]]) -> str:
    """Seconds and share of every part, as Markdown."""
    rows = ["| part | seconds | share | s a frame after the first |", "|---|--:|--:|--:|"]
    total, later = total_of(frames), frames[1:]
    for part in PARTS:
        seconds = total_of(frames, {part})
        a_frame = f"{total_of(later, {part}) / len(later):.4f}" if later else "-"
        rows.append(f"| {part} | {seconds:.3f} | {100 * seconds / total:.1f} % | {a_frame} |")
    return "\n".join(rows)


def total_of(frames: Sequence[Mapping[str, float]], parts: frozenset[str] | set[str] | None = None) -> float:
    """Seconds of some parts, of all when None, over all frames."""
    chosen = set(PARTS) if parts is None else parts
    return sum(seconds for frame in frames for part, seconds in frame.items() if part in chosen)


def summary(frames: Sequence[Mapping[str, float]], seconds_a_step: float) -> str:
    """The other numbers, one line each. What is saved is left out of the times: the engine saves beside."""
    painting = set(PARTS) - {"write"}
    total, write = total_of(frames), total_of(frames, {"write"})
    outside = total - total_of(frames, MODELS)
    later = frames[1:]
    a_frame = f"{total_of(later, painting) / len(later):.3f} s" if later else "-"
    return "\n".join(
        [
            f"a step: {seconds_a_step:.3f} s",
            f"the first frame: {total_of(frames[:1], painting):.2f} s",
            f"a frame after it: {a_frame}",
            f"outside the models: {100 * outside / total:.1f} %, "
            f"{100 * (outside - write) / (total - write):.1f} % without the write",
            f"peak memory: {peak_memory():.0f} MiB",
        ]
    )


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scene", type=Path, nargs="?", default=SCENE, help="a scene file; scenes/mordor.yaml")
    add_options(parser, None)
    parser.add_argument("--frames", type=int, default=12, help="the first so many of the film; 12")
    parser.add_argument("--folder", type=Path, help="where frames are saved for a moment; the system's own")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    device = use_device(options)
    size = [f"size={options.size}"] if options.size else []
    timeline = prepare(options.scene, [*size, *options.overrides]).timeline
    watch = Watch(device)
    painter, descent = wrap_models(make_painter(timeline, device), watch)
    wanted = plans(timeline)[: max(1, options.frames)]
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=options.folder) as folder:
        frames = time_frames(painter, wanted, TakeStore(Path(folder)), watch)
    print(f"{len(frames)} frames, {describe(timeline, device)}\n")
    print(f"{table(frames)}\n\n{summary(frames, descent.seconds_a_step())}")


if __name__ == "__main__":
    main()
