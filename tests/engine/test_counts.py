"""How often the expensive parts of a render run: seen by hooks on the networks themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.models.official import FORMS, perceptor_entry, tiny_clip
from tests.plans import frame_plan, make_descent, paint_from
from vqanim.camera.step import CameraStep
from vqanim.engine.frame import Painter
from vqanim.guidance.cutouts import Viewer
from vqanim.models.catalogue import get_generator_entry
from vqanim.models.clip import load_clip
from vqanim.models.vqgan import load_vqgan
from vqanim.timeline.plan import FrameRef

CPU = torch.device("cpu")


def test_pictures_are_encoded_once_a_frame_and_texts_once_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    FORMS["plain.pth"](tiny_clip("ViT").float().state_dict(), tmp_path / "clip.pt")
    generator, clip = (
        load_vqgan(get_generator_entry("pocket"), CPU),
        load_clip(perceptor_entry(tmp_path / "clip.pt"), CPU),
    )
    runs: Counter[str] = Counter()

    def count(module: nn.Module, name: str) -> None:
        module.register_forward_hook(lambda *_: runs.update([name]))

    count(generator.network.encoder, "encoder")
    count(generator.network.decoder, "decoder")
    count(clip.network.transformer, "texts")
    count(clip.network.visual.ln_pre, "images")
    guide = make_descent(generator, [Viewer(clip)], ["a volcano", "a tiger", "a castle"])
    painter = Painter(generator, guide, CPU, 32, 48)
    first = frame_plan(steps=3)
    frame = painter.finish(first)
    assert runs == {"texts": 1, "encoder": 1, "decoder": 4, "images": 3}
    for index in (1, 2):
        camera = CameraStep(scale=1.1)
        plan = replace(first, index=index, previous=FrameRef("main", index - 1), start=None, camera=camera)
        frame = paint_from(painter, plan, frame.picture)
        assert runs == {"texts": 1, "encoder": 1 + index, "decoder": 4 + 4 * index, "images": 3 + 3 * index}
