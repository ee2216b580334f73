from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from vqanim import __version__
from vqanim.pictures import Picture
from vqanim.takes.metadata import parameters_text, read_metadata
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, WeightedTerm


def chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of a PNG's chunks."""
    content = path.read_bytes()
    position = 8
    while position < len(content):
        length, name = struct.unpack(">I4s", content[position : position + 8])
        yield name, content[position + 8 : position + 8 + length]
        position += length + 12


def text(path: Path) -> dict[str, str]:
    with Image.open(path) as image:
        return {str(name): str(value) for name, value in image.info.items()}


def test_parameters_are_what_viewers_read(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    store.save(plan, picture, "d1", "pocket + pocket")
    lines = text(store.frame_path("main", 3))["parameters"].split("\n")
    assert lines[0] == "ein Schloß über dem Fluß, 城:1.2 | fog:0.3"
    assert lines[1] == "Negative prompt: green meadow:0.5"
    assert lines[2] == (
        "Steps: 6, Sampler: Adam, Seed: 7, Size: 24x16, Model: pocket + pocket, Learning rate: 0.12, "
        f"Shot: main, Frame: 3, Version: vqanim {__version__}"
    )
    assert len(lines) == 3


def test_the_json_holds_all_that_was_asked_of_it(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    store.save(plan, picture, "d1")
    fields = json.loads(text(store.frame_path("main", 3))["vqanim"])
    assert fields["digest"] == "d1"
    assert (fields["shot"], fields["frame"], fields["seed"], fields["size"]) == ("main", 3, 7, [24, 16])
    assert (fields["steps"], fields["learning_rate"]) == (6, 0.12)
    assert fields["prompts"][0] == {"text": "ein Schloß über dem Fluß, 城", "weight": 1.2, "stop": 0.1}
    assert [prompt["weight"] for prompt in fields["prompts"]] == [1.2, 0.3, -0.5]
    assert {"version", "engine"} <= set(fields)


@pytest.mark.parametrize("prompt", ["plain", "Schloß", "城"])
def test_the_png_holds_two_itxt_chunks_and_nothing_else(
    store: TakeStore, plan: FramePlan, picture: Picture, prompt: str
) -> None:
    store.save(replace(plan, losses=(WeightedTerm("prompt", prompt, 1.0),)), picture, "d1")
    found = list(chunks(store.frame_path("main", 3)))
    assert [name for name, _ in found if name != b"IDAT"] == [b"IHDR", b"iTXt", b"iTXt", b"IEND"]
    assert all(prompt.encode() in content for name, content in found if name == b"iTXt")


def test_prompts_cannot_break_the_lines(plan: FramePlan) -> None:
    hostile = WeightedTerm("prompt", "a\nNegative prompt: b\r\n\tSteps: 9", 1.0)
    lines = parameters_text(replace(plan, losses=(hostile,)), 24, 16).split("\n")
    assert lines[0] == "a Negative prompt: b Steps: 9:1"
    assert len(lines) == 2


def test_values_with_commas_are_quoted(plan: FramePlan) -> None:
    assert 'Model: "a, b: c"' in parameters_text(plan, 24, 16, "a, b: c")


def test_a_frame_without_prompts_still_has_its_settings(plan: FramePlan) -> None:
    lines = parameters_text(replace(plan, losses=()), 24, 16).split("\n")
    assert lines[0] == ""
    assert lines[1].startswith("Steps: 6, ")


def test_half_a_surrogate_pair_does_not_stop_the_render(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    store.save(replace(plan, losses=(WeightedTerm("prompt", "a\ud800b", 1.0),)), picture, "d1")
    assert text(store.frame_path("main", 3))["parameters"].startswith("a?b:1\n")
    assert store.record("main", 3) is not None


@pytest.mark.parametrize("chunk", [None, "not JSON", "[1]", '{"digest": 5}', "[" * 100_000])
def test_a_foreign_picture_has_no_digest(tmp_path: Path, chunk: str | None) -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    if chunk is not None:
        info.add_itxt("vqanim", chunk)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    assert read_metadata(tmp_path / "a.png") is None
