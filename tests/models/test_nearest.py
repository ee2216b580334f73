from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.official import nearest_classes
from vqanim.errors import InputError
from vqanim.models.catalogue import get_perceptor_entry
from vqanim.models.conse.nearest import ClassReader, class_names, unit
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.models.entries import LocalFile

NEAR = (
    "a lighthouse", "a tiger in the jungle", "volcanoes", "strawberries, oil painting", "a horse on a meadow",
    "an owl", "a dog", "some fish", "a turtle", "a whale", "a peacock", "a lake with mountains",
    "a cat sleeping on a couch", "a vintage convertible on Route 66",
)  # fmt: skip
FAR = (
    "an astronaut floating in space", "a neon city in the rain", "a dragon over the sea", "a robot",
    "love", "a portrait of a woman", "Salvador Dali", "ein Leuchtturm im Sturm", "the moon", "a queen",
    "a unicorn", "stars", "桜の木", "qwrtzp", "", "don't look back in anger",
)  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> ClassReader:
    return ClassReader(get_perceptor_entry("pocket"))


@pytest.mark.parametrize(
    "text",
    [
        *NEAR,
        *FAR,
        "a golden house at night",
        "an orange cat",
        "oranges under orange light",
        "black and white",
    ],
)
def test_what_is_named_is_what_the_target_is_made_of(
    perceptor: ConsePerceptor, reader: ClassReader, text: str
) -> None:
    """The target, made of the meaning and the shares that the reader tells, is that of the perceptor."""
    meaning = reader.meaning(text)
    shares = reader.shares(text)
    seen = unit(unit(meaning + unit(shares @ reader.classes)) @ perceptor.whitening.numpy())
    target = unit(perceptor.encode_text([text, "a castle"])[0, : len(seen)].numpy())
    assert seen == pytest.approx(target, abs=1e-5)
    order = np.argsort(-shares, kind="stable")[:5]
    nearest = reader.read(text).nearest
    if not nearest:  # it means what all classes have in common
        assert meaning == pytest.approx(unit(reader.classes.mean(0)), abs=1e-6)
        return
    assert nearest == tuple((class_names()[number][0], float(shares[number])) for number in order)


def test_names_are_those_of_the_classes(perceptor: ConsePerceptor, reader: ClassReader) -> None:
    """In the classifier's order, so that a text that is a class's name is drawn to that class."""
    names = [names[0] for names in class_names()]
    assert len(set(names)) == len(names) == len(reader.classes) == 1000
    assert not any(set(name) & set(",;()/") for name in names)
    drawn = [reader.read(name).nearest[0][0] == name for name in names]
    assert np.mean(drawn) > 0.95
    assert nearest_classes(perceptor, names[980], 1) == [980]


@pytest.mark.parametrize("text", NEAR)
def test_what_it_knows_is_near(reader: ClassReader, text: str) -> None:
    assert not reader.read(text).far
    assert reader.read(text).shown


@pytest.mark.parametrize("text", FAR)
def test_what_it_does_not_know_is_far(reader: ClassReader, text: str) -> None:
    assert reader.read(text).far


def test_what_stands_in_for_an_unknown_thing_is_told(reader: ClassReader) -> None:
    assert reader.read("a neon city in the rain").shown[:2] == ("movie theater", "umbrella")
    assert reader.read("an astronaut").shown == ("crash helmet", "space shuttle")
    assert reader.read("ein Leuchtturm im Sturm").shown == ()


@pytest.mark.parametrize(
    ("text", "subject", "setting"),
    [
        ("an astronaut on a beach", "space shuttle", "beach"),
        ("a spaceship over a city", "space shuttle", "tram"),
        ("a castle by the sea", "castle", "promontory"),
        ("a lighthouse, a volcano", "lighthouse", "volcano"),
    ],
)
def test_a_subject_leaves_room_for_its_setting(
    reader: ClassReader, text: str, subject: str, setting: str
) -> None:
    shares = dict(reader.read(text).nearest)
    assert shares[subject] > 0.15
    assert shares[setting] > 0.05


@pytest.mark.parametrize(
    "text", ["a lighthouse at dawn", "a lighthouse, oil painting", "a lighthouse at night"]
)
def test_what_is_no_thing_takes_nothing_from_the_subject(reader: ClassReader, text: str) -> None:
    assert dict(reader.read(text).nearest)["lighthouse"] > 0.9


@pytest.mark.parametrize("text", ["fog", "golden light", "a sunset", "black and white"])
def test_a_text_about_colors_alone_is_known(reader: ClassReader, text: str) -> None:
    assert (reader.read(text).colors, reader.read(text).far) == (True, False)
    assert not reader.read(f"a lighthouse, {text}").colors


def test_unknown_words_are_named(reader: ClassReader) -> None:
    assert reader.read("a qwrtzp volcano").unknown == ("qwrtzp",)
    assert not reader.read("a qwrtzp volcano").far
    assert reader.read("qwrtzp").unknown == ("qwrtzp",)


@pytest.mark.parametrize("content", [b"", b"no table at all", bytes(range(256)) * 40])
@pytest.mark.parametrize("role", ["table", "palettes"])
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, role: str, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    entry = get_perceptor_entry("pocket")
    files = {**entry.files, role: LocalFile(tmp_path / "file", "get it again")}
    with pytest.raises(InputError, match="get it again"):
        ClassReader(replace(entry, files=files))
