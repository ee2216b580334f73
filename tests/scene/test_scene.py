"""What a scene file without mistakes means."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqanim.models.families import FAMILIES
from vqanim.scene import Scene, describe_fields, load_scene, load_scene_text
from vqanim.scene.colors import color_text, parse_color
from vqanim.scene.curves import Curve, Formula, Keyframes
from vqanim.scene.model import Models, PerceptorUse, Shot, Size, Start
from vqanim.scene.times import TimeBase

HEAD = "duration: 6s\nprompts: a lake\n"


def read(text: str, folder: Path = Path(), overrides: tuple[str, ...] = ()) -> Scene:
    """A scene after two lines that every scene needs."""
    return load_scene_text(HEAD + text, folder=folder, overrides=overrides)


def shot(text: str) -> Shot:
    """Its only shot."""
    (only,) = read(text).shots
    return only


def at(curve: Curve, *seconds: float) -> list[float]:
    """Values of a curve in a film of 6 s."""
    return [float(value) for value in curve.sample(np.array(seconds), TimeBase(6.0, Fraction(12)))]


def test_defaults() -> None:
    scene = load_scene_text(HEAD, file="some/mordor.yaml")
    assert (scene.title, scene.size, scene.fps, scene.seed) == ("mordor", Size(256, 144), 12, 0)
    assert (scene.output.crf, scene.output.gif_width, scene.output.gif_fps) == (17, None, None)
    assert scene.models == Models("pocket", (PerceptorUse("pocket"),))
    (main,) = scene.shots
    assert (main.name, main.duration, main.style, main.start.kind) == ("main", None, "", "noise")
    camera = main.camera
    still = [
        camera.zoom,
        camera.scale,
        camera.rotate,
        camera.angle,
        camera.pan.x,
        camera.offset.y,
        camera.center.x,
    ]
    assert [curve.constant_value for curve in still] == [1, 1, 0, 0, 0, 0, 0.5]
    assert camera.border == "reflect"
    carry = main.carry
    amounts = [carry.match_colors, carry.sharpen, main.guidance.steps]
    assert [curve.constant_value for curve in amounts] == [0.7, 0, 6]
    assert (carry.match_detail, carry.noise) == (None, None)  # each painter has its own
    assert (main.guidance.first_steps, main.guidance.learning_rate, main.guidance.cutouts) == (
        None,
        None,
        None,
    )
    assert scene.warnings == ()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("size: [320, 180]", Size(320, 180)),
        ("size: 320x180", Size(320, 180)),
        ("size: {width: 320, height: 180}", Size(320, 180)),
        ("size: {aspect: 16:9, width: 256}", Size(256, 144)),
        ('size: {aspect: "9:16", height: 256}', Size(144, 256)),
        ("size: {aspect: 2.35, width: 1000}", Size(1000, 426)),
    ],
)
def test_size(text: str, size: Size) -> None:
    assert read(text).size == size


@pytest.mark.parametrize(
    ("text", "fps"),
    [("24", 24), ("30000/1001", Fraction(30000, 1001)), ("29.97", Fraction(2997, 100)), ("010", 10)],
)
def test_fps(text: str, fps: Fraction) -> None:
    assert read(f"fps: {text}").fps == fps


def test_the_traps_of_yaml_do_not_bite() -> None:
    scene = read("seed: 010\ntitle: NO\nmodels: 1e3\nstyle: 2024-01-01\n")
    assert (scene.seed, scene.title, scene.models.generator, scene.shots[0].style) == (
        10,
        "NO",
        "1e3",
        "2024-01-01",
    )
    assert (
        load_scene_text("duration: 1:30\nprompts: NO").duration
        == load_scene_text("duration: 90s\nstory: {0: a}").duration
    )


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_bytes("\ufeffduration: 2s\r\nprompts: a caf\u00e9\r\n".encode())
    assert load_scene(tmp_path / "s.yaml").shots[0].prompts[0].text == "a café"


def test_prompts_in_all_forms() -> None:
    scene = load_scene_text(
        """\
duration: 6s
style: matte painting
prompts:
  - a castle
  - "green meadow:-0.5 | at 9:30 sharp | ratio 16:9 | reeds:2:0.3"
  - {text: "b | c:3", weight: {0s: 1, 6s: [3, smooth]}, stop: 0.4}
"""
    )
    (main,) = scene.shots
    first, meadow, sharp, ratio, reeds, long = main.prompts
    assert [p.text for p in main.prompts] == [
        "a castle",
        "green meadow",
        "at 9:30 sharp",
        "ratio 16:9",
        "reeds",
        "b | c:3",
    ]
    assert [p.weight.constant_value for p in (first, meadow, sharp, ratio)] == [1, -0.5, 1, 1]
    assert (reeds.weight.constant_value, reeds.stop.constant_value) == (2, 0.3)
    assert at(long.weight, 0, 3, 6) == [1, 2, 3]
    assert long.stop.constant_value == 0.4
    assert main.style == "matte painting"
    assert long.place.line == 6


def test_prompts_can_be_one_text_or_none() -> None:
    assert [p.text for p in load_scene_text("duration: 1s\nprompts: a:3 | b").shots[0].prompts] == ["a", "b"]
    scene = load_scene_text("duration: 1s\nprompts: none")
    assert scene.shots[0].prompts == ()
    assert scene.warnings == ("scene.yaml: there are no prompts: pictures are only moved, not painted",)


def test_only_the_bare_word_none_takes_away() -> None:
    assert load_scene_text('duration: 1s\nprompts: "none"').shots[0].prompts[0].text == "none"


def test_a_story_fades_around_its_times_and_its_weights_add_up_to_1() -> None:
    main = load_scene_text(
        "duration: 6s\nstory: {0s: a forest, 2s: a city, 50%: a sea}\ncrossfade: 0.5s"
    ).shots[0]
    assert [p.text for p in main.prompts] == ["a forest", "a city", "a sea"]
    forest, city, sea = (p.weight for p in main.prompts)
    assert at(forest, 0, 1.75, 2, 2.25, 6) == [1, 1, 0.5, 0, 0]
    assert at(city, 0, 1.75, 2, 2.25, 2.75, 3, 3.25) == [0, 0, 0.5, 1, 1, 0.5, 0]
    assert at(sea, 2, 3, 6) == [0, 0.5, 1]
    moments = np.linspace(0, 6, 500)
    total = sum(curve.sample(moments, TimeBase(6.0, Fraction(12))) for curve in (forest, city, sea))
    assert total == pytest.approx(np.ones(500))


def test_a_story_without_crossfade_jumps() -> None:
    main = load_scene_text("duration: 6s\nstory: {0s: a, 2s: b, 4s: c}\ncrossfade: 0s").shots[0]
    assert [at(p.weight, 0, 1.99, 2, 3.99, 4) for p in main.prompts] == [
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_the_default_crossfade_gives_way_where_texts_are_near_to_each_other() -> None:
    main = load_scene_text("duration: 6s\nstory: {0s: a, 3s: b, 3.2s: c}").shots[0]
    assert at(main.prompts[1].weight, 2.9, 3.1, 3.3) == pytest.approx([0, 1, 0])
    only = load_scene_text("duration: 6s\nstory: {2s: a}").shots[0].prompts[0]
    assert only.weight.constant_value == 1


def test_start(tmp_path: Path) -> None:
    assert shot("start: noise").start == Start()
    assert shot('start: {color: "#ff0000"}').start == Start("color", colors=((1.0, 0.0, 0.0),))
    assert shot('start: {gradient: [navy, "#fff"]}').start.colors == ((0, 0, 128 / 255), (1, 1, 1))
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "a.png")
    start = read("start: {image: pictures/a.png}", folder=tmp_path).shots[0].start
    assert start == Start("image", image=str((tmp_path / "pictures" / "a.png").resolve()))


def test_colors_come_back() -> None:
    for text in ("#336699", "#000000", "#ffffff"):
        assert color_text(parse_color(text)) == text
    assert parse_color("#369") == parse_color("#336699")


def test_camera_in_all_forms_of_curves() -> None:
    camera = shot(
        'camera: {zoom: {0s: 1, 2s: 1.3}, rotate: "10 * sin(t)", pan: {x: 0.05}, '
        "offset: {y: {0s: 0, 6s: [1, step]}}, border: wrap}"
    ).camera
    assert isinstance(camera.zoom, Keyframes)
    assert isinstance(camera.rotate, Formula)
    assert at(camera.zoom, 1) == pytest.approx([1.15])
    assert (camera.pan.x.constant_value, camera.pan.y.constant_value, camera.border) == (0.05, 0, "wrap")
    assert at(camera.offset.y, 5.9, 6) == [0, 1]
    assert str(camera.rotate.place) == "scene.yaml:3: camera.rotate:"
    assert (camera.rotate.text, camera.rotate.base) == ("10 * sin(t)", "film")
    assert camera.zoom.range.exclusive_minimum
    assert shot("camera: {border: '#369'}").camera.border == "#336699"


def test_the_border_may_stand_under_carry() -> None:
    assert shot("carry: {border: edge}").camera.border == "edge"
    zoom = shot("carry: {border: edge}\ncamera: {zoom: 1.1}").camera.zoom
    assert zoom is not None
    assert zoom.constant_value == 1.1


def test_carry_none_does_nothing_to_the_picture() -> None:
    for text in ("carry: none", "carry: {match_colors: none, sharpen: none, noise: none}"):
        carry = shot(text).carry
        curves = (carry.match_colors, carry.sharpen, carry.noise)
        assert [None if curve is None else curve.constant_value for curve in curves] == [0, 0, 0]


def test_guidance_and_output() -> None:
    scene = read(
        "guidance: {steps: {0s: 3, 1s: 9}, first_steps: 0, learning_rate: 0.1, cutouts: 8}\n"
        "output: {crf: 20, gif: {width: 320, fps: 25/2}}"
    )
    guidance = scene.shots[0].guidance
    assert at(guidance.steps, 0.5) == [6]
    assert (guidance.first_steps, guidance.cutouts) == (0, 8)
    assert guidance.learning_rate is not None
    assert guidance.learning_rate.constant_value == 0.1
    assert (scene.output.crf, scene.output.gif_width, scene.output.gif_fps) == (20, 320, Fraction(25, 2))


def test_a_bare_key_past_the_end_warns() -> None:
    scene = read("camera: {rotate: {0: 1, 30: 2}}\n")
    assert scene.warnings == (
        "scene.yaml:3: camera.rotate: the key 30 means 30 s, which lies past the end of the film (6 s): "
        "did you mean 30f?",
    )
    assert read("camera: {rotate: {0: 1, 30f: 2, 6s: 1}}\n").warnings == ()


def test_scenes_are_equal_when_they_say_the_same() -> None:
    assert read("camera: {zoom: 1.10}\n") == load_scene_text(
        "prompts: [a lake:1]\n\ncamera:\n  zoom: 1.1\nduration: 6000ms"
    )
    assert read("camera: {zoom: 1.1}\n") != read("camera: {zoom: 1.2}\n")


def test_fields_are_described() -> None:
    fields = {field.path: field for field in describe_fields()}
    assert len(fields) == len(list(describe_fields()))
    expected = {
        "vqanim",
        "size",
        "story",
        "prompts[].weight",
        "camera.pan.x",
        "output.gif.fps",
        "shots[].transition",
    }
    assert expected <= set(fields)
    assert fields["camera.zoom"].unit == "factor per second"
    assert fields["guidance.first_steps"].default == "60, or 0 where the start is an image or icon"
    for field in fields.values():
        assert field.description
        assert field.kind
        required = ("shots[].name", "soundtrack.file", "models.perceptor[].name")
        assert field.default or field.path in required, field.path


@pytest.mark.parametrize(
    "path", [f.path for f in describe_fields() if f.example and "[]" not in f.path and f.kind != "section"]
)
def test_examples_are_right(path: str, tmp_path: Path) -> None:
    example = next(field for field in describe_fields() if field.path == path).example
    keys = path.split(".")
    if example.startswith("{x: ") and keys[-1] in ("x", "y"):
        keys = keys[:-1]
    inner = example if example[0] in "[{0123456789" else f"'{example}'"
    if keys[:-1] == ["start"]:
        keys, inner = ["start"], f"{{icon: robot, {keys[-1]}: {inner}}}"
    if keys[:-1] == ["models", "generator"]:
        (owner, *_) = [f.name for f in FAMILIES.values() if keys[-1] in [s.name for s in f.settings]]
        keys, inner = ["models"], f"{{generator: {{name: {owner}, {keys[-1]}: {inner}}}}}"
    text = "duration: 6s\n" if path not in ("duration", "shots") else ""
    for level, key in enumerate(keys):
        text += "  " * level + key + ":" + (f" {inner}\n" if level == len(keys) - 1 else "\n")
    text += _song_for(path, tmp_path)
    load_scene_text(text if path != "shots" else text + "duration: 6s", folder=tmp_path)


def _song_for(path: str, folder: Path) -> str:
    """What else the example of a field of the soundtrack needs."""
    for name in ("song.mp3", "drums.wav"):
        (folder / name).touch()  # nobody listens here
    (folder / "taps.txt").write_text("0.5\n1.0\n")
    (folder / "song.lrc").write_text("[00:12.50]A line")
    if path in ("stems", "markers", "signals", "lyrics"):
        return "soundtrack: {file: song.mp3, bpm: 120, first_beat: 0s}\n"
    return "  file: song.mp3\n" if path.startswith("soundtrack.") and path != "soundtrack.file" else ""


def test_the_room_imports_neither_torch_nor_pillow(root: Path) -> None:
    program = "import sys, vqanim.scene; print(sorted({'torch', 'PIL'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_perceptors_may_be_a_list_each_with_its_own_say() -> None:
    scene = read(
        "models: {generator: g, perceptor: [a, {name: b, weight: 1/2, cutouts: 16, cutout_noise: 0.1}]}\n"
    )
    assert scene.models.perceptors == (
        PerceptorUse("a"),
        PerceptorUse("b", Fraction(1, 2), 16, Fraction(1, 10)),
    )
    assert read("models: {perceptor: {name: b, weight: 2}}\n").models == Models(
        "pocket", (PerceptorUse("b", Fraction(2)),)
    )
    both = read("models: {perceptor: [a, {name: b, weight: 0}]}\n").models
    assert [use.name for use in both.used] == ["a"]
