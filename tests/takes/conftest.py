"""A plan with a value other than the default in every field, and pictures to save."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vqanim.camera.step import CameraStep
from vqanim.pictures import Picture
from vqanim.takes.digest import RunKey
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef, WeightedTerm


@pytest.fixture
def plan() -> FramePlan:
    return FramePlan(
        shot="main",
        index=3,
        time=0.25,
        seed=7,
        previous=FrameRef("main", 2),
        start=None,
        camera=CameraStep(scale=1.02, angle=0.5, shift_x=-0.01, shift_y=0.02, border="edge"),
        losses=(
            WeightedTerm("prompt", "ein Schloß über dem Fluß, 城", 1.2, 0.1),
            WeightedTerm("prompt", "fog", 0.3),
            WeightedTerm("prompt", "green meadow", -0.5),
        ),
        steps=6,
        learning_rate=0.12,
        cutouts=(10,),
        match_colors=0.2,
        match_detail=0.3,
        sharpen=0.05,
        noise=0.02,
    )


@pytest.fixture
def key() -> RunKey:
    return RunKey("g" * 64, "p" * 64, 24, 16)


@pytest.fixture
def picture() -> Picture:
    return np.random.default_rng(1).integers(0, 256, (16, 24, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> TakeStore:
    return TakeStore(tmp_path / "render")
