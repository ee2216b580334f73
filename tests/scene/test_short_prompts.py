"""Which numbers of a prompt are weights, and what is said of those that are text."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from PIL import Image as Pillow

from vqanim.scene import load_scene, load_scene_text
from vqanim.scene.fields.short_prompts import parse_short, short_notes

HEAD = "duration: 1s\n"

WEIGHTS = {
    "cat:2": ("cat", 2.0, 0.0),
    "cat:-0.5": ("cat", -0.5, 0.0),
    "cat:+1": ("cat", 1.0, 0.0),
    "cat:.5": ("cat", 0.5, 0.0),
    "cat:2.": ("cat", 2.0, 0.0),
    "cat:1e-1": ("cat", 0.1, 0.0),
    "cat:0": ("cat", 0.0, 0.0),
    "cat:100": ("cat", 100.0, 0.0),
    "C:1": ("C", 1.0, 0.0),
    "R2D2:3": ("R2D2", 3.0, 0.0),
    "in the 1980s:2": ("in the 1980s", 2.0, 0.0),
    "\u732b:2": ("\u732b", 2.0, 0.0),
    "a cat (sitting):2": ("a cat (sitting)", 2.0, 0.0),
    "a castle, matte painting:2": ("a castle, matte painting", 2.0, 0.0),
    "a:b:1.5": ("a:b", 1.5, 0.0),
    "at 7:15 pm:2": ("at 7:15 pm", 2.0, 0.0),
    "lake:2:0.5": ("lake", 2.0, 0.5),
    "fog:-1:-0.9": ("fog", -1.0, 0.9),
    "fog:-1:0.9": ("fog", -1.0, 0.9),
    "lake:2:-inf": ("lake", 2.0, 0.0),
}


@pytest.mark.parametrize("text", WEIGHTS)
def test_a_number_directly_behind_a_word_is_a_weight(text: str) -> None:
    (part,) = parse_short(text)
    assert (part.text, float(part.weight), float(part.stop)) == WEIGHTS[text]
    assert short_notes(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "a clock at 12:30",
        "12:30:15 on a clock at 23:59",
        "(16:9)",
        "ratio=4:3",
        "a still in 2.39:1",
        "a model, scale 1:100",
        "at 7:15 pm",
        "score 3:0",
        "Re:Zero",
        "std::vector",
        "a well-known (very old) thing",
        "C++",
        "WAR AND PEACE",
    ],
)
def test_times_and_ratios_are_text_and_nothing_is_said(text: str) -> None:
    assert [(part.text, part.weight) for part in parse_short(text)] == [(text, "1")]
    assert short_notes(text) == ()


TEXT = {
    "Psalm 23:4": '{text: "Psalm 23", weight: 4}',
    "2001:1": '{text: "2001", weight: 1}',
    "apollo 11:1.5": '{text: "apollo 11", weight: 1.5}',
    "a film in 16:9:2": '{text: "a film in 16:9", weight: 2}',
    "Blade Runner:2049": "from -100 to 100",
    "James Bond:007": "from -100 to 100",
    "cat:1e3": '{text: "cat", weight: 1e3}',
    "cat:1e999": "from -100 to 100",
    "cat:nan": "from -100 to 100",
    "lake:2:30": '{text: "lake:2", weight: 30}',
    "Alien: 3": '"Alien:3"',
    "cat :2": '"cat:2"',
    "cat : -0.5": '"cat:-0.5"',
    "cat:1,5": '"cat:1.5"',
    "cat:50%": '"cat:0.5"',
    "cat:1/2": '"cat:0.5"',
    "cat\uff1a2": '"cat:2"',
    "cat:\uff12": '"cat:2"',
    "fog:\u22121": '"fog:-1"',
    "fog:\u20130.5": '"fog:-0.5"',
    "rain:2, umbrella:-1": '"rain:2 | umbrella:-1"',
    "rain:2,umbrella:-1,": '"rain:2 | umbrella:-1"',
    "rain:2 umbrella:-1 dog": '"rain:2 | umbrella:-1 | dog"',
    "rain:2; a big umbrella": '"rain:2 | a big umbrella"',
    "rain:2:0.4, umbrella:-1": '"rain:2:0.4 | umbrella:-1"',
    "http://example.com:80": "{image: picture.png}",
    "a castle --neg fog": '"a castle | fog:-0.5"',
    "a castle --no fog --ar 16:9": '"a castle | fog:-0.5"',
    "a castle \u2014no fog": '"a castle | fog:-0.5"',
    "a castle Negative prompt: fog, mist": '"a castle | fog, mist:-0.5"',
    "a castle --ar 16:9": "`size`",
    "a (red:1.3) castle": '"a castle | red:1.3"',
    "a ((red)) castle": '"a castle | red:1.3"',
    "a [red] castle": '"a castle | red:0.7"',
    "a {red} castle": '"a castle | red:1.3"',
    "a red++ castle": '"a castle | red:1.3"',
    "[a forest:a city:0.5]": "`story:",
    "a castle <lora:lego:0.8>": "LoRA",
    "a castle, style of <my-cat>": "LoRA",
    "a castle --neg fog:2": '"a castle | fog:-0.5"',
    "a castle:2 --neg fog": '"a castle:2 | fog:-0.5"',
    "a {red, green} castle": '"|"',
    "castle::2": "a castle:2 | fog:-0.5",
    "hot dog::1.5 food::-1": "a castle:2 | fog:-0.5",
    "a cat AND a dog": '"|"',
    "cat:`t / 10`": "weight: ",
    "cat \uff5c dog": '"|"',
}


@pytest.mark.parametrize("text", TEXT)
def test_what_could_have_been_a_weight_stays_text_and_is_pointed_out(text: str) -> None:
    assert [(part.text, part.weight, part.stop) for part in parse_short(text)] == [(text, "1", "0")]
    assert TEXT[text] in short_notes(text)[0]


def test_notes_of_parts_and_of_brackets_around_the_separator() -> None:
    assert len(short_notes("a castle:2 | Alien: 3 | rain:2, fog:-1")) == 2
    (note,) = short_notes("[cat|dog] in a field")
    assert "'[cat|dog]'" in note


def test_a_warning_names_the_place_and_comes_once_for_all_shots() -> None:
    scene = load_scene_text(
        "duration: 1s\nprompts:\n  - a clock at 12:30\n  - rain:2, umbrella:-1\n"
        "shots: [{name: a, duration: 1s}, {name: b, duration: 1s}]\n".replace("duration: 1s\np", "p")
    )
    assert len(scene.warnings) == 1
    assert scene.warnings[0].startswith("scene.yaml:3: prompts[1]: 'rain:2, umbrella:-1'")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('prompts: [{text: "cat:2"}]', "weight: 2"),
        ('prompts: [{text: "cat:2 | dog"}]', '"|"'),
        ('prompts: [{text: "rain:2, fog:-1"}]', "weight: 2"),
        ('prompts: [{text: "a (red:1.3) cat", weight: 2}]', "red:1.3"),
        ('story: {0s: "cat:2"}', "`prompts`"),
        ('story: {0s: "cat --neg fog"}', "--neg"),
        ('style: "oil painting:2"\nprompts: a', "style"),
    ],
)
def test_where_no_weight_is_read_one_is_pointed_out(written: str, said: str) -> None:
    (warning,) = load_scene_text(HEAD + written).warnings
    assert said in warning


def test_where_all_is_avoided_nothing_is_asked_for() -> None:
    (warning,) = load_scene_text(HEAD + "prompts: ['a castle, fog:-1']").warnings
    assert "'a castle, fog'" in warning
    assert load_scene_text(HEAD + "prompts: ['a castle', 'fog, mist:-1']").warnings == ()


@pytest.mark.parametrize("text", ["a clock at 12:30", "Psalm 23:4", "Alien: 3", "Blade Runner:2049", "a | b"])
def test_a_text_with_a_weight_of_its_own_is_taken_literally(text: str) -> None:
    scene = load_scene_text(f'{HEAD}prompts: [{{text: "{text}", weight: 1}}]')
    assert (scene.shots[0].prompts[0].text, scene.warnings) == (text, ())


@pytest.mark.parametrize(
    "written", ["photo.png", "photo.png:2", "{text: photo.png}", "my photo.png", "old.jpg"]
)
def test_a_picture_that_is_written_as_a_text_is_pointed_out(written: str, tmp_path: Path) -> None:
    for name in ("photo.png", "my photo.png"):
        Pillow.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / name)
    path = tmp_path / "scene.yaml"
    path.write_text(f"{HEAD}prompts:\n  - {written}\n")
    (warning,) = load_scene(path).warnings
    assert "{image: " in warning
    assert ("no such file" in warning) == (written == "old.jpg")


def test_an_address_is_told_once_and_is_no_file_that_is_missing() -> None:
    (warning,) = load_scene_text(f'{HEAD}prompts: ["https://example.org/a.png"]').warnings
    assert "no such file" not in warning


def test_no_text_takes_long_to_look_at() -> None:
    began = perf_counter()
    for unit in ("(", "[", "{", "<lora:", "a:1,", "((a", "::", "--no ", "a:1 ", "http://", "`", "\uff1a"):
        parse_short(unit * 250 + "x")
        short_notes((unit * 1000)[:998] + "x")
    parse_short("a:1," * 100_000)
    assert perf_counter() - began < 3
