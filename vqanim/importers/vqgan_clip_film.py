"""How long a film of VQGAN-CLIP is and how fast, whether of one call or of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from vqanim.importers.shell.feedback import Story

USUAL_SECONDS = 10  # of a film whose length is not known
MAX_TURNS = 90_000  # of a loop
MAX_STEPS = 10_000  # of a frame or of a timelapse; larger numbers of iterations are cut
MIN_FPS, MAX_FPS = 10, 60  # between these the program brings the frames of its films


class Film:
    """How long the film is and how fast, as the program has it."""

    def __init__(self, options: Mapping[str, Any], story: Story, stages: Sequence[Mapping[str, Any]]) -> None:
        steps = min(max(int(options["iterations"]), 1), MAX_STEPS)
        self.every = max(1, int(options["zoom_save_every"]))
        is_zoom, is_loop = options["zoom_video"], story.loop is not None
        self.kind = "zoom" if is_zoom else "loop" if is_loop else "video" if options["video"] else "picture"
        self.width, self.height = (min(max(side, 16), 4096) for side in options["size"])
        self.stages = stages
        before = sum(min(max(int(stage["iterations"]), 0), MAX_STEPS) for stage in stages)
        self.first_steps = min(before or steps, MAX_STEPS)  # of the picture with which a loop begins
        if self.kind in ("video", "picture"):  # one picture, painted in stages
            steps = min(before + steps, MAX_STEPS)
        self.steps = steps
        self.frames = max(1, steps // self.every) if self.kind == "zoom" else max(2, steps - 1)
        self.between = options["output_video_fps"] if float(options["output_video_fps"]) > 9 else None
        length = max(0.1, float(options["video_length"]))
        fps = options["input_video_fps"] if self.between else self.frames / length
        low, high = (1, 240) if self.between else (MIN_FPS, MAX_FPS)
        self.fps = Fraction(min(max(float(fps), low), high)).limit_denominator(1001)
        self.turns = story.loop.turns if story.loop else None
        if self.kind == "loop":
            self.fps, self.between = story.fps, story.shown_fps
            self.turns = min(self.turns, MAX_TURNS) if self.turns else None
            self.frames = 1 + (self.turns or math.ceil(USUAL_SECONDS * self.fps))

    def second(self, iteration: int) -> Fraction:
        """When an iteration is seen."""
        return Fraction(iteration, self.every if self.kind == "zoom" else 1) / self.fps

    @property
    def begins(self) -> Iterator[Fraction]:
        """When each of the stages before begins to paint, and then what comes after them."""
        done = 0
        for place, stage in enumerate(self.stages):
            yield self.second(done) if self.kind in ("video", "picture") else Fraction(place, 1000)
            done = min(done + max(int(stage["iterations"]), 0), self.steps)
        yield self.second(done) if self.kind in ("video", "picture") else 1 / self.fps
