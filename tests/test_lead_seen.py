"""With `lead: auto` a change of prompts is seen on its bar in a film that is really painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests import sounds
from tests.seen import half_way, nearness
from vqanim import api
from vqanim.engine.events import ResponseMeasured

BPM, FIRST, FPS = 150, 0.3, 12
TEXTS = (
    "a lake in the mountains",
    "a volcano erupting at night",
    "a snowy forest",
    "a coral reef",
    "a castle on a hill",
)
HEAD = f"""\
size: [64, 48]
fps: {FPS}
duration: soundtrack
soundtrack: {{file: song.wav, bpm: {BPM}, first_beat: {FIRST}s}}
guidance: {{steps: 2, learning_rate: 0.07, first_steps: 30, cutouts: 8}}
"""
AROUND = 8
"""Frames before and after a bar that are looked at; a bar lasts 19."""


def weight(number: int) -> str:
    """Of a prompt that reigns for one bar."""
    keys = ["0s: 1"] if number == 0 else [f"0s: 0, bar {number + 1}: [1, step]"]
    return ", ".join([*keys, *([f"bar {number + 2}: [0, step]"] if number + 1 < len(TEXTS) else [])])


def late_by(folder: Path, lead: str) -> tuple[list[int], int]:
    """Frames from each bar until its change is half done, and the response that was measured."""
    folder.mkdir()
    truth, sound = sounds.clicks(BPM, FIRST, FIRST + len(TEXTS) * 240 / BPM + 0.2)
    soundfile.write(folder / "song.wav", sound, sounds.RATE)
    prompts = [f"- {{text: {text}, weight: {{{weight(number)}}}}}" for number, text in enumerate(TEXTS)]
    (folder / "scene.yaml").write_text(HEAD + f"lead: {lead}\nprompts:\n" + "\n".join(prompts) + "\n")
    events = list(api.render(folder / "scene.yaml", folder / "out"))
    response = [event.frames for event in events if isinstance(event, ResponseMeasured)]
    files = sorted((folder / "out" / "takes" / "main").glob("*.png"))
    pictures = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    found = []
    for number in range(1, len(TEXTS)):
        bar = round(truth[4 * number] * FPS)
        part = pictures[bar - AROUND : bar + AROUND + 1]
        found.append(half_way(nearness(part, TEXTS[number - 1], TEXTS[number]), 3) - AROUND)
    return found, response[0] if response else 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_change_of_prompts_is_seen_on_its_bar(tmp_path: Path) -> None:
    with_lead, response = late_by(tmp_path / "auto", "auto")
    without, _ = late_by(tmp_path / "none", "0s")
    assert response >= 2
    assert all(abs(frames) <= 2 for frames in with_lead), with_lead
    assert abs(float(np.mean(with_lead))) <= 1, with_lead
    assert float(np.mean(without)) >= float(np.mean(with_lead)) + response / 2, (with_lead, without)
    assert float(np.mean(without)) >= 1.5, without
