"""The camera of an imported scene flies as Deforum does, whose formulas stand here once more."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import vqanim
from vqanim.api.create import checked
from vqanim.camera.homography import step_matrix
from vqanim.importers import import_settings
from vqanim.importers.draft import Draft
from vqanim.scene.curves import Curve
from vqanim.scene.model import Scene
from vqanim.scene.times import TimeBase

Floats = NDArray[np.float64]
FRAMES, FPS = 61, 15
FUNCTIONS = {"sin": np.sin, "cos": np.cos, "where": np.where}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # without making failures smaller, which is slow here
Keys = Mapping[int, str]


def flown(folder: Path, **given: Any) -> tuple[Draft, Scene]:
    """A draft and the scene that it becomes, which passes `vqanim check`."""
    plain = {"W": 512, "H": 512, "fps": FPS, "max_frames": FRAMES, "prompts": {"0": "a castle"}}
    (folder / "s.txt").write_text(json.dumps({**plain, "animation_mode": "3D", **given}))
    draft = import_settings(str(folder / "s.txt"), folder, "deforum")
    (folder / "scene.yaml").write_text(checked(draft, folder / "scene.yaml"))
    assert not draft.dropped
    return draft, vqanim.load_scene(folder / "scene.yaml")


def at_frames(curve: Curve, frames: int = FRAMES, fps: float = FPS) -> Floats:
    """What a curve of the scene is at every frame."""
    base = TimeBase(duration=frames / fps, fps=Fraction(fps))
    return curve.sample(np.arange(frames) / fps, base)


def logs_of(scene: Scene) -> Floats:
    """Logarithms of how much the camera flies in up to every frame, [frames]."""
    (shot,) = vqanim.compile_timeline(scene).shots
    steps = [step_matrix(plan.camera, (512, 512)) for plan in shot.frames[1:]]
    return np.cumsum([0.0, *(math.log(abs(np.linalg.det(step[:2, :2]))) / 2 for step in steps)])


def approach(depth: Floats, fov: Floats) -> Floats:
    """How much one frame of the mode 3D flies in, as a logarithm: transform_image_3d of a plane at depth 1
    looks up the picture at 1 - f d / (1 - d) of the way from its middle."""
    way, focal = depth / 200, 1 / np.tan(np.radians(fov) / 2)
    return np.asarray(-np.log(1 - focal * way / (1 - way)))


def same_way(found: Floats, steps: Floats) -> None:
    """At every frame the camera is where the tool's is, which holds a value for the frame that it leads to:
    to 1 % of the picture, and what keyframes are off."""
    expected = np.concatenate([[0.0], np.cumsum(steps[1:])])
    assert np.abs(found - expected).max() < 0.0101 + 1e-3 * np.abs(steps).sum()


def written(keys: Keys) -> str:
    return ", ".join(f"{frame}:({value})" for frame, value in keys.items())


def values(low: float, high: float) -> st.SearchStrategy[str]:
    """Numbers and formulas between two numbers."""
    middle, swing = (low + high) / 2, (high - low) / 2
    formulas = (
        f"{middle}+{swing}*sin(t/9)",
        f"{low}+{2 * swing}*t/max_f",
        f"{middle} - {swing} * cos(3.141*(t+8)/15)**0.9",
        f"where(t%10<0.5, {high}, {low})",
        f"{low}+{2 * swing}*abs(cos(3.14*t/20)**30)",
        f"{middle}+{swing / 4}*(t%5-2)",
    )
    return st.one_of(st.floats(low, high).map(lambda value: f"{value:.4f}"), st.sampled_from(formulas))


def schedules(low: float, high: float) -> st.SearchStrategy[dict[int, str]]:
    """Numbers, formulas and mixtures of both."""
    more = st.dictionaries(st.integers(1, 70), values(low, high), max_size=4)
    return st.builds(
        lambda first, others: {0: first, **dict(sorted(others.items()))}, values(low, high), more
    )


def series(keys: Keys) -> Floats:
    """Values of a schedule at every frame, by the rule of the tool: numbers stand at their frame, formulas at
    all up to the next key; a line leads across the rest."""
    found, value = np.full(FRAMES, np.nan), ""
    for frame in range(FRAMES):
        is_key, value = frame in keys, keys.get(frame, value)
        if not value.replace(".", "").replace("-", "").isdigit():
            names = {
                "t": np.float64(frame),
                "max_f": FRAMES - 1,
                "sin": np.sin,
                "cos": np.cos,
                "where": np.where,
            }
            with np.errstate(all="ignore"):
                found[frame] = eval(value, names)
        elif is_key:
            found[frame] = float(value)
    known = np.flatnonzero(np.isfinite(found))
    return np.asarray(np.interp(np.arange(FRAMES), known, found[known]))


@example(keys={0: "0", 60: "10"}, fov={0: "70"})
@example(keys={0: "0", 60: "30"}, fov={0: "70"})
@example(keys={0: "-5"}, fov={0: "120", 47: "30"})
@settings(max_examples=10, deadline=None, phases=PHASES)
@given(keys=schedules(-30, 25), fov=schedules(50, 120))
def test_a_flight_in_3d_leads_as_far_as_deforums(
    keys: dict[int, str], fov: dict[int, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flight")
    _, scene = flown(folder, translation_z=written(keys), fov_schedule=written(fov))
    steps = approach(series(keys), series(fov))
    assert at_frames(scene.shots[0].camera.zoom) == pytest.approx(np.exp(steps * FPS), rel=0.005)
    assert at_frames(scene.shots[0].camera.fov) == pytest.approx(series(fov), rel=0.005)
    same_way(logs_of(scene), steps)


@example(keys={0: "1.0", 60: "1.3"})
@example(keys={0: "where(t%15<0.5, 1.3, 1)"})
@settings(max_examples=10, deadline=None, phases=PHASES)
@given(keys=schedules(0.8, 1.3))
def test_a_zoom_in_2d_leads_as_far_as_deforums(
    keys: dict[int, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, scene = flown(tmp_path_factory.mktemp("flight"), animation_mode="2D", zoom=written(keys))
    assert at_frames(scene.shots[0].camera.zoom) == pytest.approx(series(keys) ** FPS, rel=0.005)
    same_way(logs_of(scene), np.log(series(keys)))


def test_keyframes_fly_as_far_as_the_formula_of_the_same_values(tmp_path: Path) -> None:
    for top in (10, 30):
        ways = []
        for schedule in (f"0:(0), 60:({top})", f"0:({top}*t/60)", f"0:(0), 30:({top / 2}), 31:({top}*t/60)"):
            ways.append(float(logs_of(flown(tmp_path, translation_z=schedule)[1])[-1]))
        steps = approach(top * np.arange(61) / 60, np.full(61, 70.0))
        expected = float(steps[1:].sum())  # the logarithms of 10.1 and 2884
        assert ways == pytest.approx([expected] * 3, rel=1e-3)


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(
    x=schedules(-20, 20),
    y=schedules(-20, 20),
    zoom=st.sampled_from(["1.04", "1+0.05*sin(t/7)"]),
    angle=values(-3, 3),
)
def test_a_shift_in_2d_goes_with_the_zoom_and_the_turn(
    x: dict[int, str], y: dict[int, str], zoom: str, angle: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One frame of Deforum: shift by pixels, then scale and turn. A steady flow does the same."""
    _, scene = flown(
        tmp_path_factory.mktemp("shift"),
        animation_mode="2D",
        translation_x=written(x),
        translation_y=written(y),
        zoom=written({0: zoom}),
        angle=written({0: angle}),
    )
    camera = scene.shots[0].camera
    rate = np.log(at_frames(camera.zoom)) + 1j * np.radians(at_frames(camera.rotate))
    pan = at_frames(camera.pan.x) + 1j * at_frames(camera.pan.y)
    rate = np.where(np.abs(rate) < 1e-12, 1e-12, rate)
    step = np.exp(rate / FPS)
    moved = -pan / rate * (step - 1) * 512  # of the flow z' = rate z - pan over a frame
    expected = step * (series(x) + 1j * series(y))
    assert np.abs(moved - expected).max() < 0.005 * np.abs(expected).max() + 1e-3


LOST: Mapping[str, Mapping[str, Any]] = {
    "too long once converted": {
        "translation_z": "0:(-1), 10:((2*cos(3.14159*(t+10)/15)**3 + 4*cos(3.14159*(t+20)/80)**90)), "
        "30:((2*cos(3.14159*(t+30)/15)**3 + 4*cos(3.14159*(t+60)/80)**90)), 59:(0)"
    },
    "one long formula": {"rotation_3d_y": f"0:({' + '.join(f'sin(t/{n})/{n}' for n in range(2, 60))})"},
    "deep": {"rotation_3d_z": "0:(" + "sin(" * 25 + "t" + ")" * 26},
    "functions that are not ours": {"rotation_3d_z": "0:(arctan2(sin(t), 2) + log1p(t) * tanh(t/9))"},
    "undefined": {"translation_x": "0:(5*cos(t/9)**0.5)", "fov_schedule": "0:(60 + 9*log(t-10))"},
    "a pole": {"rotation_3d_x": "0:(tan(3.14159265*t/30))", "translation_y": "0:(1/(t-20))"},
    "a peak": {"translation_z": "0:(1), 29:(1), 30:(59), 31:(1)", "rotation_3d_y": "0:(1), 30:(90), 31:(1)"},
    "through the picture": {"translation_z": "0:(300)"},
    "backwards": {"translation_z": "0:(-100000)"},
    "a lens that is none": {"fov_schedule": "0:(0), 30:(200)", "translation_z": "0:(1)"},
    "an odd key": {"translation_z": "0:(1), 20:(2 +), 30:(4)", "translation_x": "0:(1), x:(2)"},
    "a huge shift": {"translation_x": "0:(1e300)", "rotation_3d_z": "0:(1e9), 5:(0)"},
    "a flip": {"enable_perspective_flip": True, "perspective_flip_phi": "0:(t%15)"},
    "a wide lens that turns": {
        "fov_schedule": "0:(150)",
        "rotation_3d_y": "0:(20)",
        "rotation_3d_x": "0:(9)",
    },
    "doses": {"strength_schedule": "0:(0.5), 30:(7)", "noise_schedule": "0:(5)", "amount_schedule": "0:(-1)"},
    "an aspect of 0": {"aspect_ratio_schedule": "0:(0)", "aspect_ratio_use_old_formula": False},
}


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("mode", ["2D", "3D"])
def test_no_schedule_is_lost_for_one_awkward_moment(kind: str, mode: str, tmp_path: Path) -> None:
    draft, scene = flown(tmp_path, animation_mode=mode, **LOST[kind])
    assert set(LOST[kind]) <= draft.known
    used = [key for key in LOST[kind] if mode == "3D" or "schedule" in key]
    left = {key for note in draft.notes if note.fate == "left" for key in note.keys}
    assert not left & {key for key in used if key != "aspect_ratio_use_old_formula"} or mode == "2D"
    vqanim.compile_timeline(scene)


def test_a_peak_is_kept_at_the_limit_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    draft, scene = flown(tmp_path, fov_schedule="0:(45)", translation_z="0:(1), 29:(1), 30:(59), 31:(1)")
    assert any("translation_z" in note.keys and "at frame 30" in note.message for note in draft.notes)
    zoom = at_frames(scene.shots[0].camera.zoom)
    expected = np.exp(FPS * approach(np.array(1.0), np.array(45.0)))
    assert np.delete(zoom, 30) == pytest.approx(np.full(60, expected))
    assert zoom[30] == 1000
    assert logs_of(scene)[-1] == pytest.approx(math.log(expected) * 59 / FPS + math.log(1000) / FPS, rel=1e-3)


def test_the_fov_of_an_old_notebook_is_its_own(tmp_path: Path) -> None:
    _, scene = flown(tmp_path, fov=40, translation_z="0:(10)", fps=12)
    zoom = scene.shots[0].camera.zoom.constant_value
    assert zoom == pytest.approx(float(np.exp(12 * approach(np.array(10.0), np.array(40.0)))), rel=1e-5)
    _, scene = flown(tmp_path, fov=40, fov_schedule="0:(70)", translation_z="0:(10)", fps=12)
    assert scene.shots[0].camera.fov.constant_value == 70


@pytest.mark.slow
def test_a_long_film_has_as_few_keys_as_keep_near(tmp_path: Path) -> None:
    """Nine schedules of which none fits into an expression, in a film of 5,000 frames."""
    busy = "0:(" + " + ".join(f"cos(t/{7 + n})**{n % 3 + 1}" for n in range(30)) + ")"
    keys = "translation_x translation_y translation_z rotation_3d_x rotation_3d_y rotation_3d_z".split()
    given = dict.fromkeys(keys, busy) | {"strength_schedule": busy.replace("0:(", "0:(0.5 + 0.01*(") + ")"}
    given |= {
        "fov_schedule": busy.replace("0:(", "0:(80 + (") + ")",
        "noise_schedule": "0:(abs(sin(t)*t%7)/7)",
    }
    draft, scene = flown(tmp_path, max_frames=5000, fps=24, **given)
    assert (tmp_path / "scene.yaml").stat().st_size < 900_000
    assert not [note for note in draft.notes if note.fate == "left"]
    turn = at_frames(scene.shots[0].camera.rotate, 5000, 24)
    frames = np.arange(5000)
    there = sum(np.cos(frames / (7 + n)) ** (n % 3 + 1) for n in range(30))
    fov = np.clip(80 + there, 1, 179)
    expected = -24 / np.tan(np.radians(fov) / 2) * there
    assert np.abs(turn - expected).max() < 0.02 * np.abs(expected).max()
