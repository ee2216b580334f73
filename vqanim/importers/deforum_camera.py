"""Deforum's camera, computed at every frame: the modes 2D and 3D, and the flip in perspective."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.clock import Clock
from vqanim.importers.curves import Curve, Formula, number, scaled
from vqanim.importers.draft import Draft, plain
from vqanim.importers.motion import MOST_LOG, most_turn, put_flat_move, put_turns
from vqanim.importers.reading import Settings
from vqanim.importers.schedules import Schedule, read_schedules
from vqanim.scene.limits import LARGEST_FACTOR

Floats = NDArray[np.float64]

FLAT = "zoom angle translation_x translation_y transform_center_x transform_center_y".split()
DEEP = [f"{move}_{axis}" for move in ("translation", "rotation_3d") for axis in "xyz"]
DEEP += ["fov_schedule", "aspect_ratio_schedule"]
FLIP = [f"perspective_flip_{name}" for name in ("theta", "phi", "gamma", "fv")]
SWITCHES = ("enable_perspective_flip", "flip_2d_perspective")
UNIT = 1 / 200  # of a translation in 3D, in depths of the flat picture
FOV = 70.0  # degrees, where the settings do not say it
LEAST_LEFT = 1e-9  # of a picture that is flown into
_BORDERS = {
    "2D": ("border", {"wrap": "wrap", "replicate": "edge"}),
    "3D": ("padding_mode", {"border": "edge", "reflection": "reflect", "zeros": '"#000000"'}),
}
_SIZES = ("W", "width"), ("H", "height")


def size_of(settings: Settings) -> tuple[int, int]:
    """Width and height in pixels, as far as a film may have them."""
    keys = [next((key for key in names if key in settings), names[0]) for names in _SIZES]
    return settings.whole(keys[0], 512, 16, 4096), settings.whole(keys[1], 512, 16, 4096)


def put_camera(draft: Draft, clock: Clock) -> None:
    """Write the camera, and what became of its keys."""
    draft.clock = clock
    mode = _mode(draft)
    if mode in _BORDERS:
        draft.take("animation_mode")
        key, borders = _BORDERS[mode]
        if (border := draft.settings.word(key)) in borders:
            draft.put("camera.border", borders[border], f"{key} {border}")
            draft.take(key)
        (_put_flat if mode == "2D" else _put_deep)(draft, clock)
    elif mode == "Video Input":
        draft.leave("animation_mode", f"{mode}: a film cannot be painted over; its prompts are here alone")
    elif mode == "Interpolation":
        draft.near("animation_mode", f"{mode}: one text becomes the other in a straight line")
    else:
        differs = "single pictures; here one text follows the other, without a camera"
        draft.near("animation_mode", f"{plain(mode)}: {differs}")


def _mode(draft: Draft) -> str:
    """The mode; where it is not said, the one that the settings are of."""
    mode = draft.settings.word("animation_mode").strip()
    if mode:
        return mode.upper() if mode.upper() in _BORDERS else mode
    deep = draft.settings.given(*DEEP[2:6], "fov_schedule")
    if not deep or draft.settings.given("zoom", "angle"):
        return "2D"
    draft.near(deep, "animation_mode is not said: taken as 3D, which these are of")
    return "3D"


def _put_flat(draft: Draft, clock: Clock) -> None:
    given = read_schedules(draft, FLAT, clock)
    flips = draft.settings.is_on(*SWITCHES)
    if flips:
        unused = [key for key in ("translation_x", "translation_y") if given.pop(key, None) is not None]
        draft.leave(unused, "do nothing there either beside a flip")
    shift = (_curve(given, "translation_x"), _curve(given, "translation_y"))
    fps = float(clock.fps)
    origins = {
        "zoom": f"zoom: a factor per frame, to the power of {number(fps)}",
        "rotate": "angle: degrees per frame, the other way round",
        "pan.x": "translation_x: the camera goes left, so that the picture goes right",
        "pan.y": "translation_y",
    }
    width, _ = size_of(draft.settings)
    scale, angle = _curve(given, "zoom", 1.0), _curve(given, "angle")
    put_flat_move(draft, scale, angle, shift, width, fps, ("zoom",), origins)
    for axis in "xy":
        key = f"transform_center_{axis}"
        values = _values(given, key, clock, 0.5)
        draft.put_values(f"camera.center.{axis}", values, key, _curve(given, key, 0.5))
    if flips:
        flip = _flip(draft, clock)
        moves = {path: flip[path] for path in ("tilt", "yaw", "pan.x", "pan.y")}
        if np.any(flip["rotate"]):
            moves["rotate"] = flip["rotate"] - fps * _values(given, "angle", clock)
        draft.put_values("camera.fov", flip["fov"], "perspective_flip_fv")
        _put_moves(draft, moves, flip["fov"])
    draft.take(*given)


def _curve(given: Mapping[str, Schedule], key: str, default: float = 0.0) -> Curve:
    return given[key].curve if key in given else default


def _values(given: Mapping[str, Schedule], key: str, clock: Clock, default: float = 0.0) -> Floats:
    return given[key].values if key in given else np.full(clock.frames, default)


def _flip(draft: Draft, clock: Clock) -> Mapping[str, Floats]:
    """The picture turned in space about its middle: our camera turns and moves back, as far as that goes. A
    plane at the distance h that turns by a small angle a has the keystone of a camera of focal length h that
    turns by a, without the shift a h of that; so the pan undoes the shift. Values at every frame."""
    given = read_schedules(draft, FLIP, clock)
    width, height = size_of(draft.settings)
    fps = float(clock.fps)
    theta, phi, gamma = (_values(given, key, clock) for key in FLIP[:3])
    half = np.radians(np.clip(_values(given, FLIP[3], clock, 53.0), 1.0, 179.0) / 2)
    focal = math.hypot(width, height) / (2 * np.sin(half)) / width
    differs = "here the picture turns about its middle, there about a point right of it and below"
    draft.near(draft.settings.given(*FLIP, *SWITCHES), differs)
    back = math.radians(1) * focal * fps
    moves = {"tilt": -fps * phi, "yaw": fps * gamma, "rotate": fps * theta}
    moves |= {"pan.x": -back * moves["yaw"] / fps, "pan.y": back * phi}
    return {**moves, "fov": _fov_of(focal)}


_ORIGINS = {
    "tilt": "perspective_flip_phi",
    "yaw": "perspective_flip_gamma",
    "rotate": "perspective_flip_theta and angle",
    "pan.x": "perspective_flip_gamma: back from where the turn leads",
    "pan.y": "perspective_flip_phi: back from where the turn leads",
}


def _put_moves(
    draft: Draft,
    moves: Mapping[str, Floats],
    fov: Floats,
    origins: Mapping[str, str] = _ORIGINS,
    readable: Mapping[str, Curve] | None = None,
) -> None:
    """Write moves by their values at every frame. fov: in degrees, at every frame; with it a camera may turn
    so far in a frame that no corner looks behind the picture."""
    width, height = size_of(draft.settings)
    assert draft.clock is not None
    readable = readable or {}
    turns = {path: moves[path] for path in ("tilt", "yaw")}
    put_turns(draft, turns, most_turn(fov, height / width, float(draft.clock.fps)), origins, readable)
    for path, values in moves.items():
        if path not in turns:
            draft.put_values(f"camera.{path}", values, origins[path], readable.get(path))


def _fov_of(focal: Floats) -> Floats:
    """The angle in degrees that the frame's width spans at a focal length in frame widths."""
    return np.round(np.degrees(2 * np.arctan(0.5 / focal)), 3)


def _put_deep(draft: Draft, clock: Clock) -> None:
    """The mode 3D as it is with use_depth_warping off: all lies in one plane, at the depth 1. A point (x, y)
    in -1..1 is seen at (x / (f a), y / f) with f = tan(fov / 2) and the aspect a of the settings; the picture
    is moved by the difference of what the camera sees before and after it moved."""
    given = read_schedules(draft, DEEP, clock)
    if "fov_schedule" not in given and "fov" in draft.settings:  # of the notebook
        given |= read_schedules(draft, ["fov"], clock)
    width, height = size_of(draft.settings)
    fps, ratio = float(clock.fps), height / width
    angle_key = "fov" if "fov" in given else "fov_schedule"
    angle = _values(given, angle_key, clock, FOV)
    draft.tell(angle_key, (angle < 1) | (angle > 179), "no angle of a lens: kept within 1 to 179 degrees")
    old = draft.settings.word("aspect_ratio_use_old_formula", "True").lower() == "true"
    aspect = np.maximum(_values(given, "aspect_ratio_schedule", clock, 1.0), 0.1)
    if old:
        aspect = np.full(clock.frames, 1 / ratio)
    down = 1 / np.tan(np.radians(np.clip(angle, 1, 179)) / 2)
    sideways = down / aspect
    draft.put_values("camera.fov", _fov_of(0.5 * sideways), angle_key)
    _put_approach(draft, given, (sideways + down) / 2, clock)
    factors = {
        "pan.x": ("translation_x", UNIT * fps * sideways / 2),
        "pan.y": ("translation_y", -UNIT * fps * down * ratio / 2),
        "yaw": ("rotation_3d_y", np.full(clock.frames, fps)),
        "tilt": ("rotation_3d_x", -fps * aspect * ratio),
        "rotate": ("rotation_3d_z", -fps * (sideways + down) / 2),
    }
    moves = {path: _values(given, key, clock) * factor for path, (key, factor) in factors.items()}
    readable = {
        path: scaled(_curve(given, key), float(factor[0]))
        for path, (key, factor) in factors.items()
        if np.ptp(factor) < 1e-12
    }
    if draft.settings.is_on(*SWITCHES):
        flip = _flip(draft, clock)
        for path in moves:
            if np.any(flip[path]):
                moves[path] = moves[path] + flip[path]
                readable.pop(path, None)
    _put_moves(
        draft, moves, _fov_of(0.5 * sideways), {path: key for path, (key, _) in factors.items()}, readable
    )
    plane = "flown as if the whole picture lay in one plane, as with use_depth_warping off, since how far"
    draft.near(tuple(given), f"{plane} things are is not known here")


def _put_approach(draft: Draft, given: Mapping[str, Schedule], focal: Floats, clock: Clock) -> None:
    """The zoom a second of a translation along the view: each frame samples 1 - focal d / (1 - d) of it."""
    key, fps = "translation_z", float(clock.fps)
    way = _values(given, key, clock) * UNIT
    left = np.where(way < 1, 1 - focal * way / np.where(way < 1, 1 - way, 1.0), 0.0)
    logs, most = (
        -fps * np.log(np.maximum(left, LEAST_LEFT)),
        f"kept at a factor of {LARGEST_FACTOR:g} a second",
    )
    through = left <= LEAST_LEFT
    draft.tell(key, through, f"leads through the picture: {most}")
    draft.tell(key, ~through & (np.abs(logs) > MOST_LOG), most)
    readable, curve = None, _curve(given, key)
    if isinstance(curve, Formula) and np.ptp(focal) < 1e-12:
        share = f"({curve.text}) / ({number(1 / UNIT)} - ({curve.text}))"
        readable = Formula(f"(1 - {number(float(focal[0]))} * {share}) ** -{number(fps)}")
    draft.put_values("camera.zoom", np.exp(np.clip(logs, -MOST_LOG, MOST_LOG)), key, readable)
