"""Steps on a CUDA GPU, recorded once as a CUDA graph and then replayed.

A step is about a thousand small operations; started one by one they leave a fast GPU waiting. A graph starts
them all at once, but only with the very same shapes. So it is chosen from the whole plan, and whatever goes
wrong while it is recorded leads back to steps without it, with the reason kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from vqanim.guidance.memory import LEVELS, MemoryLevel, is_out_of_memory
from vqanim.models.catalogue import method_of
from vqanim.timeline.plan import Timeline

if TYPE_CHECKING:
    from vqanim.guidance.descent import Gradient, Step, StepInputs

MAX_GRAPHS = 8
"""Recordings of a run. All of them share one pool of memory."""
LEAST_STEPS = 30
"""Recording takes as long as a few steps, and a graph must be worth it."""
WARM_UP = 3
"""Steps before the recording, in which libraries settle on algorithms and allocate what they need."""

Leaves: TypeAlias = "list[Tensor | None]"
"""What a step depends on, one after the other; None stands for noise where there is none."""


@dataclass(frozen=True)
class Choice:
    """How the steps of a run are made: `graph` or `eager`, and why."""

    mode: str
    reason: str


def choose(timeline: Timeline, device: torch.device) -> Choice:
    """Whether graphs are worth it: the carried frames repeat few enough shapes often enough."""
    if device.type != "cuda":
        return Choice("eager", f"graphs need a CUDA device, this is {device.type}")
    if (method := method_of(timeline.generator)) != "descent":
        return Choice("eager", f"graphs are for descent, this is {method}")
    shapes: Counter[Hashable] = Counter()
    for plan in (plan for shot in timeline.shots for plan in shot.frames):
        if plan.steps and (plan.carries_view or (plan.timelapse and not plan.index)):
            noisy = tuple(amount > 0 for amount in plan.cutout_noise)
            for segment in plan.segments:
                kinds = tuple(sorted((term.kind, repr(term.area)) for term in segment.losses))
                shapes[kinds, plan.cutouts, noisy] += segment.steps
    if not shapes:
        return Choice("eager", "no frame carries another and has steps")
    count, most = f"terms and cutouts come in {len(shapes)} combinations", max(shapes.values())
    if len(shapes) > MAX_GRAPHS:
        return Choice("eager", f"{count}, allowed {MAX_GRAPHS}")
    if most < LEAST_STEPS:
        return Choice("eager", f"there are {most} steps of a kind, a graph needs {LEAST_STEPS}")
    return Choice("graph", count)


@dataclass
class Recorded:
    """A graph with the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: Leaves
    output: Gradient


@dataclass
class GraphedStep:
    """A step that is recorded once for each set of shapes; a stand-in for `Step`.

    Only steps at the first level of memory are recorded, and sizes that come up often enough to be worth it.
    """

    step: Step
    failure: str = ""
    """Why there are no graphs (any more), for people; empty while there are."""
    _recorded: dict[Hashable, Recorded] = field(default_factory=dict)
    _met: dict[Hashable, int] = field(default_factory=dict)
    _pool: Any = None

    def __call__(self, inputs: StepInputs, size: tuple[int, int], level: MemoryLevel = LEVELS[0]) -> Gradient:
        """The gradient at the parameters as they are."""
        if level is not LEVELS[0]:
            self._give_up("memory is short")
        if self.failure:
            return self.step(inputs, size, level)
        tensors, layout = pytree.tree_flatten(inputs)
        key = (size, str(layout), tuple(one is not None and (one.shape, one.dtype) for one in tensors))
        if key not in self._recorded:
            self._met[key] = self._met.get(key, 0) + 1
            if self._met[key] <= WARM_UP or len(self._recorded) >= MAX_GRAPHS:
                return self.step(inputs, size, level)
            failed = ""
            try:
                self._recorded[key] = self._record(tensors, layout, size)
            except (RuntimeError, AssertionError) as error:  # the latter where torch knows no CUDA
                first_line = (str(error) or type(error).__name__).splitlines()[0]
                failed = "memory is short" if is_out_of_memory(error) else first_line
            if failed:  # out here, because the traceback keeps the tensors of the failed attempt alive
                self._give_up(failed)
                return self.step(inputs, size, level)
        with on_device(next(iter(inputs_of(tensors))).device):
            return replay(self._recorded[key], tensors)

    def _record(self, tensors: Leaves, layout: pytree.TreeSpec, size: tuple[int, int]) -> Recorded:
        """Record the step with tensors of its own, after a few steps on a stream beside, on their device."""
        with on_device(next(iter(inputs_of(tensors))).device):
            return self._record_here(tensors, layout, size)

    def _record_here(self, tensors: Leaves, layout: pytree.TreeSpec, size: tuple[int, int]) -> Recorded:
        static = [
            one if one is None else one.detach().clone().requires_grad_(one.requires_grad) for one in tensors
        ]
        inputs = pytree.tree_unflatten(static, layout)
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self.step(inputs, size)
        torch.cuda.current_stream().wait_stream(beside)
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            output = self.step(inputs, size)
        return Recorded(graph, static, output)

    def _give_up(self, reason: str) -> None:
        """From now on there are no graphs, and what they held is free."""
        self.failure = self.failure or reason
        self._recorded.clear()
        self._pool = None


def inputs_of(leaves: Leaves) -> Iterator[Tensor]:
    """Those that are tensors."""
    return (one for one in leaves if one is not None)


def on_device(device: torch.device) -> AbstractContextManager[object]:
    """While this lasts, a GPU is the current one, whose streams graphs are recorded and replayed on."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@torch.no_grad()
def replay(recorded: Recorded, tensors: Leaves) -> Gradient:
    """Run a graph with other numbers. What it gives is copied: the next graph may write over it."""
    for static, fresh in zip(recorded.inputs, tensors, strict=True):
        if static is not None and fresh is not None:
            static.copy_(fresh)
    recorded.graph.replay()
    return pytree.tree_map(torch.clone, recorded.output)
