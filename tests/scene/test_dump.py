"""A scene that was written out loads to an equal one, and no text makes the loader end in a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vqanim.errors import SceneError
from vqanim.icons.fontawesome import font_path
from vqanim.scene import dump_scene, load_scene, load_scene_text
from vqanim.scene.curves import Formula, Keyframes

FULL = """\
vqanim: 1
title: "Mordor: the film"
size: {aspect: 16:9, width: 320}
fps: 30000/1001
duration: 1:06.5
seed: 7
models: {generator: imagenet-16384, perceptor: ViT-B/32}
style: "a 'matte' \\"painting\\" #1 \u2014 \u96ea \U0001f30b"
start: {gradient: [navy, "#abcdef", orange]}
prompts:
  - {text: "none", weight: {0s: 0.3, 50%: [1.5, ease-in-out], 36f: 2, 1:02.5: [0, step]}, stop: 0.25}
  - "a: b | c:-1e-3"
  - {text: "- x", weight: "1 if t < 3 else 0.5"}
camera:
  zoom: {0s: 1.0, 333ms: [1.3, smooth]}
  rotate: "10 *
    sin(t)"
  pan: {x: 0.05, y: 1e-7}
  offset: {x: t}
  border: "#369"
carry: {match_colors: 0.1, sharpen: none}
guidance: {steps: "mix(6, 3, progress)", first_steps: 0, learning_rate: 0.1, cutouts: 8, rate: 25/2}
output: {crf: 20, gif: {fps: 12.5}}
loop: true
repeat: 3
reverse: true
effects: [{flash: {1s: 1, 50%: 0}}, {fade: {amount: 1, color: red}}, {strobe: {amount: t, rate: 3}}]
hits: [{on: [1s, 36f, 1:02.5], flash: 0.4, punch: 1.05, fade: 150ms}, {on: 2s, shake: 0.1}]
"""
SHOTS = """\
fps: 24
duration: 10s
style: painting
story: {0s: a, 1s: b, 2s: c}
camera: {zoom: "1 + 0.1 * sin(t)", pan: {x: t}}
guidance: {learning_rate: {0s: 0.1, 1s: 0.2}, steps: 3}
shots:
  - {name: a, duration: 2s}
  - {name: b, duration: 3s, prompts: [x, {text: y, weight: t}], camera: none, transition: cut,
     effects: [{hue: "360 * progress"}, {blur: 0.1}], hits: [{on: 0.5s, grain: 0.1}]}
  - {name: c, camera: {zoom: {0s: 1, 50%: 2}, pan: {y: t}}, guidance: {learning_rate: none}, style: none}
  - {name: d, duration: 1s, prompts: none, transition: {carry: 50%}, carry: none, start: {color: red}}
"""


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        SHOTS,
        "duration: 2s\nprompts: a",
        "duration: 2s\nprompts: a\n"
        "models: {perceptor: [a, {name: b, weight: 1/3, cutouts: 9, cutout_noise: 0.1}]}",
        "duration: 2s\nprompts: a\nmodels: {perceptor: {name: b, weight: 0.5}}",
        "prompts: a\nshots: [{name: main, duration: 2s}]",
        "duration: 2s\nprompts: a\nshots: [{name: main, camera: {zoom: 1 + t}}]",
        "guidance: {rate: 10}\nprompts: a\nduration: 2s\nfreeze: 500ms",
        "loop: true\nprompts: a\nduration: 9s\nfps: 24000/1001\nguidance: {rate: 8}\n"
        "shots: [{name: a, repeat: 3}, {name: b, at: 50f, loop: true, transition: dissolve}, {name: c, "
        "transition: {dissolve: 50%}, at: 5s, duration: 2s, reverse: true, freeze: 2s}]",
        "prompts: a\nduration: 2s\nshots: [{name: main, loop: true}]",
        "duration: 2s\nprompts: a\nkind: timelapse\npace: linear",
        "prompts: a\nshots: [{name: a, duration: 1s, kind: timelapse}, {name: b, duration: 2s}]",
        "duration: 7s\nfps: 23.976\nstory: {1f: a, 33.3%: b, 5.123456s: c}",
    ],
)
def test_round_trip(text: str) -> None:
    scene = load_scene_text(text)
    again = dump_scene(scene)
    assert load_scene_text(again) == scene
    assert dump_scene(load_scene_text(again)) == again


def test_picture_prompts_and_stay_near_come_back(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    path = tmp_path / "scene.yaml"
    path.write_text(
        "duration: 4s\n"
        "prompts: [{image: a.png, weight: {0s: 1, 2s: 0}, stop: 0.2}, {image: a.png, through: pixels},\n"
        "  {image: a.png, through: style}]\n"
        "start: {image: a.png, fit: contain}\n"
        "guidance: {stay_near: {to: start, in: pixels, weight: {0s: 3, 4s: 0}}}\n"
        "shots: [{name: a, duration: 1s},\n"
        "  {name: b, duration: 2s, guidance: {stay_near: {in: content, weight: t}}},\n"
        "  {name: c, duration: 1s, guidance: {stay_near: none}}]"
    )
    scene = load_scene(path)
    again = dump_scene(scene)
    assert load_scene_text(again, str(path), tmp_path) == scene
    assert [shot.guidance.stay_near and shot.guidance.stay_near.to for shot in scene.shots] == [
        "start", "previous", None
    ]  # fmt: skip
    image = scene.shots[0].prompts[0].image
    assert image is not None
    assert dump_scene(scene, {image: "assets/1.png"}).count('"assets/1.png"') == 3 + 3


def test_areas_and_targets_of_starts_come_back(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 200).save(tmp_path / "a.png")
    path = tmp_path / "scene.yaml"
    path.write_text(
        "duration: 4s\n"
        "start: {icon: eye, color: red, also_target: {0s: 1.5, 2s: [0, smooth]}}\n"
        "prompts: [{text: a, inside: start}, {text: b, outside: {text: M, stroke: 3, align: left}},\n"
        "  {image: a.png, inside: {image: a.png}}]\n"
        "shots: [{name: a, duration: 1s}, {name: b, duration: 2s, start: {image: a.png, also_target: t}},\n"
        "  {name: c, duration: 1s, start: {shape: a.png, also_target: 2}, prompts: c}]"
    )
    Image.new("RGBA", (8, 8)).save(tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as picture:
        shape = picture.convert("RGB")
    shape.putpixel((3, 3), (0, 0, 0))
    shape.save(tmp_path / "a.png")
    scene = load_scene(path)
    again = dump_scene(scene)
    assert load_scene_text(again, str(path), tmp_path) == scene
    assert dump_scene(load_scene_text(again, str(path), tmp_path)) == again
    image = scene.shots[1].start.image
    assert image is not None
    assert dump_scene(scene, {image: "assets/1.png"}).count('"assets/1.png"') == 2 * 2 + 1 + 1


def test_pictures_get_the_names_of_the_assets(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    path = tmp_path / "scene.yaml"
    path.write_text("duration: 1s\nprompts: a\nstart: {image: a.png}")
    scene = load_scene(path)
    assert load_scene_text(dump_scene(scene), str(path), tmp_path) == scene
    image = scene.shots[0].start.image
    assert image is not None
    assert '"assets/1.png"' in dump_scene(scene, {image: "assets/1.png"})


@pytest.mark.parametrize(
    "start",
    [
        "{icon: twitter}",
        "{icon: far eye, color: red, background: black, noise: 0.05, noise_colors: rainbow, opacity: 0.9,"
        " align: left, scale: 0.5, stroke: 3, seed: 0}",
        '{text: "MOR\\nDOR", stroke: 8}',
        "{text: none}",
        "{text: A, font: font.ttf}",
        "{shape: logo.png}",
    ],
)
def test_round_trip_of_icons_texts_and_shapes(tmp_path: Path, start: str) -> None:
    ring = Image.new("L", (8, 8), 255)
    ring.putpixel((4, 4), 0)
    ring.save(tmp_path / "logo.png")
    (tmp_path / "font.ttf").write_bytes(font_path("solid").read_bytes())
    path = tmp_path / "scene.yaml"
    path.write_text(f"duration: 1s\nprompts: a\nstart: {start}")
    scene = load_scene(path)
    assert load_scene_text(dump_scene(scene), str(path), tmp_path) == scene
    icon = scene.shots[0].start.icon
    assert icon is not None
    if icon.figure.file:
        written = dump_scene(scene, {icon.figure.file: "assets/1"})
        assert '"assets/1"' in written


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=30
).filter(lambda text: text.strip())
NUMBERS = st.floats(-1000, 1000)
TIMES = st.integers(0, 5_000).map(lambda ms: f"{ms}ms")
KEYS = st.dictionaries(TIMES, NUMBERS, min_size=1, max_size=4)


@given(TEXTS, NUMBERS, KEYS)
@settings(max_examples=50)
def test_round_trip_of_any_text_and_number(text: str, number: float, keys: dict[str, float]) -> None:
    weight = "{" + ", ".join(f"{time}: {value!r}" for time, value in keys.items()) + "}"
    escaped = "".join(f"\\U{ord(character):08x}" for character in text)
    source = (
        f'duration: 5s\nprompts: [{{text: "{escaped}", weight: {weight}}}]\ncamera: {{rotate: {number!r}}}'
    )
    scene = load_scene_text(source)
    (prompt,) = scene.shots[0].prompts
    assert prompt.text == " ".join(text.split())
    assert isinstance(prompt.weight, Keyframes)
    assert sorted(key.value for key in prompt.weight.keys) == sorted(keys.values())
    assert scene.shots[0].camera.rotate.constant_value == number
    assert load_scene_text(dump_scene(scene)) == scene


WORDS = (
    "\n  ",
    "none",
    "null",
    "<<: ",
    "1e400",
    "shots: ",
    "- name: ",
    "t",
    "0s",
    "\u2028",
    "\ufeff",
    "\x85",
    "---",
)
PIECES = (*"\n :-[]{},|>'\"#&*!%@`?\t\\~.=+0123456789", *WORDS)


@given(st.randoms(use_true_random=False), st.sampled_from([FULL, SHOTS]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_scene_with_typing_errors_never_ends_in_a_traceback(chance: random.Random, text: str) -> None:
    for _ in range(chance.randint(1, 6)):
        begin = chance.randint(0, len(text))
        end = min(len(text), begin + chance.choice([0, 0, 1, 1, 2, 8, 40]))
        text = text[:begin] + chance.choice([*PIECES, "", "", text[end : end + 12]]) + text[end:]
    try:
        scene = load_scene_text(text)
    except SceneError as error:
        lines = [str(problem) for problem in error.problems]
    else:
        lines = ["fine"]
        assert load_scene_text(dump_scene(scene)) == scene
    assert lines
    assert all("\n" not in line and len(line) < 500 for line in lines)


@given(st.text(max_size=80))
def test_any_text_at_all_is_read_or_refused(text: str) -> None:
    with pytest.raises(SceneError):
        load_scene_text(text)


def test_an_expression_on_several_lines_is_one() -> None:
    rotate = load_scene_text(FULL).shots[0].camera.rotate
    assert isinstance(rotate, Formula)
    assert rotate.expression == "10 * sin(t)"


def test_a_key_that_swallowed_half_of_the_file_is_told_on_a_short_line() -> None:
    with pytest.raises(SceneError) as caught:
        load_scene_text("vqanim: 1\nprompts: [x]\nduration: 1s\n" + "guidance steps " * 40 + ": 3\n")
    (problem,) = caught.value.problems
    assert len(str(problem)) < 500
    assert "unknown key 'guidance steps" in str(problem)
    with pytest.raises(SceneError) as caught:
        load_scene_text("vqanim: 1\nprompts: [x]\nduration: 1s\nsize: {aspe\n\n 16:9, width: 320}\n")
    assert all("\n" not in str(problem) for problem in caught.value.problems)
