"""The whole of a timeline: sizes, prompts, steps, numbers, and every mistake in a curve."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.timeline.films import compiled, frames_of, mistakes, weights
from vqanim.camera.step import CameraStep
from vqanim.errors import SceneError
from vqanim.scene import load_scene_text
from vqanim.scene.model import Size
from vqanim.timeline import FramePlan, Limits, ViewLimits, compile_timeline
from vqanim.timeline.plan import PerceptorPlan, WeightedTerm
from vqanim.timeline.tracks import find_tracks

ROOT = Path(__file__).resolve().parents[2]
ONE = "duration: 1s\nprompts: [a lake]\n"


def test_sizes_are_rounded_to_the_generator_and_that_is_said() -> None:
    film = compiled("size: [250, 140]\n" + ONE)
    assert (film.width, film.height) == (248, 144)
    assert film.warnings == ("size: 250x140 becomes 248x144: the generator needs multiples of 8",)


@pytest.mark.parametrize(
    ("wanted", "limits", "got"),
    [
        ("[256, 144]", Limits(), (256, 144)),
        ("[255, 137]", Limits(multiple=16), (256, 144)),
        ("[1, 33]", Limits(), (32, 32)),
        ("[4096, 4095]", Limits(multiple=16), (4096, 4096)),
        ("[40, 100]", Limits(multiple=16, min_side=40), (48, 96)),
        ("[4096, 64]", Limits(multiple=24), (4080, 72)),
    ],
)
def test_every_side_is_a_multiple_within_bounds(wanted: str, limits: Limits, got: tuple[int, int]) -> None:
    film = compiled(f"size: {wanted}\n{ONE}", limits)
    assert (film.width, film.height) == got
    assert len(film.warnings) == (f"[{got[0]}, {got[1]}]" != wanted)


def test_a_size_below_the_least_says_so() -> None:
    assert "16x64 becomes 32x64" in compiled("size: [16, 64]\n" + ONE).warnings[0]
    assert "32 at least" in compiled("size: [16, 64]\n" + ONE).warnings[0]


def test_sizes_and_lengths_beyond_measure_are_refused() -> None:
    scene = load_scene_text("vqanim: 1\nsize: [64, 32]\n" + ONE)
    with pytest.raises(SceneError, match="found 9000x32, allowed 4096 pixels"):
        compile_timeline(replace(scene, size=Size(9000, 32)))
    with pytest.raises(SceneError, match="found 200000 frames, allowed 100000"):
        compile_timeline(replace(scene, fps=Fraction(200_000)))


def test_the_warnings_of_the_scene_come_first() -> None:
    scene = load_scene_text("vqanim: 1\nsize: [65, 32]\n" + ONE)
    timeline = compile_timeline(replace(scene, warnings=("scene.yaml:7: look",)))
    assert timeline.warnings[0] == "scene.yaml:7: look"
    assert timeline.warnings[1].startswith("size: 65x32 becomes 64x32")


def test_gifs_are_as_the_film_but_bounded() -> None:
    small, large = compiled(ONE), compiled("size: [640, 360]\nfps: 30\n" + ONE)
    assert (small.gif_width, small.gif_fps) == (64, 12)
    assert (large.gif_width, large.gif_fps) == (480, 25)
    own = compiled("fps: 30\noutput: {crf: 20, gif: {width: 300, fps: 10}}\n" + ONE)
    assert (own.crf, own.gif_width, own.gif_fps) == (20, 64, 10)


def test_a_plan_holds_the_settings_of_the_scene() -> None:
    film = compiled("seed: 99\nfps: 24000/1001\ntitle: T\nmodels: {generator: g, perceptor: p}\n" + ONE)
    assert (film.seed, film.fps, film.title) == (99, Fraction(24000, 1001), "T")
    assert (film.generator, film.perceptors) == ("g", (PerceptorPlan("p", 1.0),))
    assert {frame.seed for frame in frames_of(film)} == {99}
    assert film.prompts == ("a lake",)


def test_the_style_is_appended_to_every_text() -> None:
    film = compiled("duration: 1s\nstyle: matte painting\nprompts: ['a lake:2', {text: 'b: c'}]\n")
    assert frames_of(film)[3].losses == (
        WeightedTerm("prompt", "a lake, matte painting", 2.0),
        WeightedTerm("prompt", "b: c, matte painting", 1.0),
    )


def test_only_terms_with_a_weight_are_named() -> None:
    film = compiled(
        "fps: 10\nduration: 1s\nprompts:\n  - {text: a, weight: {0s: 1, 0.5s: 0}, stop: 0.4}\n  - 'b:-0.5'\n"
    )
    assert weights(film, "a") == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0, 0, 0])
    assert [len(frame.losses) for frame in frames_of(film)] == [2] * 5 + [1] * 5
    assert frames_of(film)[1].losses[0] == WeightedTerm("prompt", "a", 0.8, 0.4)
    assert set(weights(film, "b")) == {-0.5}


def test_what_is_pushed_away_has_no_end_but_its_stop() -> None:
    """With an end at distance 0, where it begins, it would not be pushed at all."""
    film = compiled("fps: 10\nduration: 0.2s\nprompts: ['a:-1', {text: b, weight: -1, stop: 0.9}]\n")
    assert [term.stop for term in frames_of(film)[0].losses] == [-10, -0.9]


def test_stay_near_holds_frames_that_carry_something_and_are_painted() -> None:
    text = "fps: 10\nduration: 0.5s\nprompts: [{text: a, weight: {0s: 1, 0.4s: [0, step]}}]\n"
    film = frames_of(compiled(text + "guidance: {stay_near: {0s: 2, 0.2s: [0, step], 0.3s: [1, step]}}\n"))
    kinds = [[term.kind for term in frame.losses] for frame in film]
    held, free = ["prompt", "stay_near_latents"], ["prompt"]
    assert kinds == [free, held, free, held, []]
    start = frames_of(
        compiled(text + "start: {color: red}\nguidance: {stay_near: {to: start, in: pixels}}\n")
    )
    assert all(frame.losses[1].target == start[0].start for frame in start[:4])
    assert {frame.losses[1].kind for frame in start[:4]} == {"stay_near_pixels"}
    content = frames_of(compiled(text + "guidance: {stay_near: {in: content, weight: 2}}\n"))
    holds = [(term.kind, term.weight) for term in content[1].losses[1:]]
    assert holds == [("stay_near_features", 2.0), ("stay_near_edges", 2.0)]
    for grown_from, first in (("{icon: twitter}", holds), ("noise", [])):
        near = "guidance: {first_steps: 3, stay_near: {in: content, weight: 2}}\n"
        (begun, *_) = frames_of(compiled(f"{text}start: {grown_from}\n{near}"))
        assert [(term.kind, term.weight) for term in begun.losses[1:]] == first


def test_a_frame_without_weights_takes_no_steps() -> None:
    film = compiled(
        "fps: 10\nduration: 1s\nprompts: [{text: a, weight: {0s: 0, 0.4s: [1, step], 0.6s: [0, step]}}]\n"
    )
    assert [frame.steps for frame in frames_of(film)] == [0, 0, 0, 0, 6, 6, 0, 0, 0, 0]
    assert all(frame.steps == 0 for frame in frames_of(compiled("duration: 1s\n")))


def test_steps_are_rounded_with_halves_up() -> None:
    film = compiled("fps: 10\nduration: 1s\nguidance: {steps: '0.5 * frame'}\nprompts: [a]\n")
    assert [frame.steps for frame in frames_of(film)[1:]] == [1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_a_first_frame_has_first_steps_and_no_carry() -> None:
    carry = "carry: {noise: 0.5, sharpen: 0.4, match_colors: 0.3}\n"
    first, second = frames_of(compiled(carry + ONE))[:2]
    assert first.steps == 60
    assert (first.noise, first.sharpen, first.match_colors) == (0, 0, 0)
    assert (second.noise, second.sharpen, second.match_colors) == (0.5, 0.4, 0.3)
    assert frames_of(compiled("guidance: {first_steps: 9}\n" + ONE))[0].steps == 9


def test_an_image_start_is_the_first_frame_itself_unless_steps_are_given(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    text = "vqanim: 1\nsize: [64, 32]\nstart: {image: a.png}\n" + ONE
    plain = compile_timeline(load_scene_text(text, folder=tmp_path))
    first = frames_of(plain)[0]
    assert first.steps == 0
    assert first.start is not None
    assert first.start.image is not None
    assert Path(first.start.image).samefile(tmp_path / "a.png")
    worked = compile_timeline(load_scene_text(text + "guidance: {first_steps: 5}\n", folder=tmp_path))
    assert frames_of(worked)[0].steps == 5


@pytest.mark.parametrize("start", ["{icon: twitter}", "{text: MORDOR}"])
def test_an_icon_start_is_the_first_frame_itself_unless_steps_are_given(start: str) -> None:
    first, second = frames_of(compiled(f"start: {start}\n" + ONE))[:2]
    assert first.steps == 0
    assert second.steps > 0
    assert first.start is not None
    assert first.start.icon is not None
    assert first.start.icon.figure.hash
    assert frames_of(compiled(f"start: {start}\nguidance: {{first_steps: 5}}\n" + ONE))[0].steps == 5


def test_what_the_scene_leaves_open_comes_from_the_limits() -> None:
    limits = Limits(learning_rate=0.7, views={"pocket": ViewLimits(cutouts=33)})
    frame = frames_of(compiled(ONE, limits))[1]
    assert (frame.learning_rate, frame.cutouts) == (0.7, (33,))
    frame = frames_of(compiled("guidance: {learning_rate: 0.05, cutouts: 4}\n" + ONE, limits))[1]
    assert (frame.learning_rate, frame.cutouts) == (0.05, (4,))


def floats_in(value: object) -> list[float]:
    """Every float in a plan."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, tuple):
        return [number for item in value for number in floats_in(item)]
    if isinstance(value, FramePlan | CameraStep | WeightedTerm):
        return [number for field in fields(value) for number in floats_in(getattr(value, field.name))]
    return []


def test_numbers_have_nine_digits_and_zero_has_no_sign() -> None:
    film = compiled(
        "fps: 7\nduration: 2s\n"
        "prompts: [{text: a, weight: 'sin(t) / 3', stop: 't / 7'}, {text: b, stop: '0 * -t'}]\n"
        "camera: {zoom: 1.1, rotate: '-10 * t', pan: {x: '-sin(9 * t)'}}\ncarry: {noise: 't / 9'}\n"
        "guidance: {learning_rate: '0.1 + t / 3'}\n"
    )
    numbers = floats_in(tuple(frames_of(film)))
    assert len(numbers) > 100
    assert all(number == round(number, 9) for number in numbers)
    assert all(math.copysign(1, number) == 1 for number in numbers if number == 0)
    assert {type(frame.steps) for frame in frames_of(film)} == {int}


def test_the_same_scene_gives_the_same_timeline() -> None:
    text = "camera: {zoom: '1 + t'}\n" + ONE
    assert compiled(text) == compiled(text)


def test_a_later_change_leaves_the_frames_before_it_as_they_were() -> None:
    text = "fps: 10\nduration: 2s\nprompts: [a]\ncamera:\n  zoom: 1.2\n  rotate: {0s: 10, 1s: 0, 2s: %s}\n"
    calm, wild = frames_of(compiled(text % 0)), frames_of(compiled(text % 90))
    assert calm[:11] == wild[:11]
    assert calm[11] != wild[11]


def test_a_division_by_zero_names_curve_frame_and_time() -> None:
    lines = mistakes("fps: 12\nduration: 6s\nprompts: [a]\ncamera:\n  zoom: 1 / abs(t - 4.75)\n")
    assert lines == ["scene.yaml:7: camera.zoom: division by zero at frame 57 (4.75 s)"]


def test_a_mistake_between_two_frames_is_found_and_named_by_the_frame_that_it_leads_to() -> None:
    # Below zero only from 0.52 s to 0.58 s, where no frame is.
    lines = mistakes("fps: 10\nduration: 1s\nprompts: [a]\ncamera:\n  zoom: abs(t - 0.55) - 0.03 + 0 * t\n")
    assert len(lines) == 1
    assert lines[0].startswith("scene.yaml:7: camera.zoom: found ")
    assert "at frame 6 (0.52" in lines[0]


def test_all_bad_curves_are_named_at_once() -> None:
    lines = mistakes(
        "fps: 10\nduration: 1s\nprompts:\n  - text: a\n    weight: 1 / (frame - 3)\n"
        "camera:\n  scale: 0.4 - t\n  center: {x: log(t)}\n"
        "carry: {noise: t * 2}\nguidance: {steps: 3 - frame, learning_rate: 0.1 - t}\n"
    )
    assert [line.split(": ")[1] for line in lines] == [
        "prompts[0].weight",
        "camera.scale",
        "camera.center.x",
        "carry.noise",
        "guidance.steps",
        "guidance.learning_rate",
    ]
    assert "at frame 3 (0.3 s)" in lines[0]
    assert "at frame 4 (0.4 s)" in lines[1]
    assert "at frame 6 (0.6 s)" in lines[3]


def test_a_mistake_in_a_shot_names_the_shot_and_its_own_time() -> None:
    lines = mistakes(
        "fps: 10\nshots:\n  - {name: near, duration: 1s, prompts: [a]}\n"
        "  - name: far\n    duration: 1s\n    prompts: [b]\n    camera: {rotate: 1 / (t - 0.5)}\n"
    )
    assert lines == ["scene.yaml:9: shots[1].camera.rotate: division by zero at frame 5 of shot far (0.5 s)"]


def test_a_mistake_at_the_top_is_named_once_for_all_shots() -> None:
    lines = mistakes(
        "fps: 10\nprompts: [a]\ncamera: {rotate: 1 / floor(t - 1)}\nshots:\n"
        "  - {name: a, duration: 1s}\n  - {name: b, duration: 1s}\n  - {name: c, duration: 1s}\n"
    )
    assert lines == ["scene.yaml:5: camera.rotate: division by zero at frame 10 (1 s)"]


def test_a_camera_that_leaps_out_of_sight_is_refused() -> None:
    lines = mistakes(
        "fps: 1\nduration: 9s\nprompts: [a]\n"
        "camera:\n  zoom: {0s: 1, 4s: [900, step]}\n  scale: {0s: 1, 5s: 8}\n"
    )
    assert len(lines) == 1
    assert "camera: the picture moves too far in one step at frame 5 (5 s)" in lines[0]


def test_ten_thousand_frames_with_several_prompts_compile_at_once() -> None:
    prompts = "".join(f"  - {{text: p{i}, weight: 'sin(t + {i})'}}\n" for i in range(5))
    scene = load_scene_text(
        "vqanim: 1\nsize: [64, 32]\nfps: 25\nduration: 400s\n"
        "camera: {zoom: '1 + sin(t) / 9', rotate: 'cos(t)', pan: {x: 'sin(2 * t)'}}\nprompts:\n" + prompts
    )
    began = time.process_time()
    assert len(frames_of(compile_timeline(scene))) == 10_000
    assert time.process_time() - began < 5  # about half a second on an idle machine


@pytest.mark.parametrize("module", ["vqanim.timeline", "vqanim.camera"])
def test_the_numbers_of_a_film_need_no_torch(module: str) -> None:
    code = f"import {module}, sys; print('torch' in sys.modules, 'kornia' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_several_perceptors_have_shares_and_their_own_cutouts() -> None:
    limits = Limits(views={"a": ViewLimits(30, 0.3), "b": ViewLimits(40, 0.4)})
    models = "models: {perceptor: [a, {name: b, weight: 0.5, cutouts: 9}, {name: c, weight: 0}]}\n"
    film = compiled(models + ONE, limits)
    assert film.perceptors == (PerceptorPlan("a", 0.666666667), PerceptorPlan("b", 0.333333333))
    frame = frames_of(film)[1]
    assert (frame.cutouts, frame.cutout_noise) == ((30, 9), (0.3, 0.4))
    general = "guidance: {cutouts: 5, cutout_noise: 0.1}\n"
    frame = frames_of(compiled(general + models + ONE, limits))[1]
    assert (frame.cutouts, frame.cutout_noise) == ((5, 9), (0.1, 0.1))
    own = models.replace("cutouts: 9", "cutout_noise: 0.2")
    frame = frames_of(compiled(general + own + ONE, limits))[1]
    assert (frame.cutouts, frame.cutout_noise) == ((5, 5), (0.1, 0.2))


def test_a_prompt_inside_the_start_is_inside_that_of_its_shot() -> None:
    scene = load_scene_text(
        "prompts: [{text: a, inside: start}]\n"
        "shots: [{name: a, duration: 1s, start: {icon: eye}}, {name: b, duration: 1s, start: {text: B}}]"
    )
    terms = [shot.frames[0].losses[0] for shot in compile_timeline(scene).shots]
    figures = [term.area.shape.icon.figure.name for term in terms if term.area and term.area.shape.icon]
    assert figures == ["fas fa-eye", "B"]


def test_weights_of_named_losses_are_curves_of_the_film() -> None:
    text = "fps: 4\nduration: 1s\nprompts: [a]\nguidance: {losses: {tv: {0s: 0, 1s: 1}, symmetry: 0.4}}\n"
    tracks = {track.name: track.values.tolist() for track in find_tracks(compiled(text))}
    assert tracks["losses.tv"] == pytest.approx([0, 0.25, 0.5, 0.75])
    assert tracks["losses.symmetry"] == [0.4] * 4
