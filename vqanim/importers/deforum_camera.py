"""Deforum's camera: the modes 2D and 3D, and the flip in perspective."""

from __future__ import annotations

import math

import numpy as np

from vqanim.importers import curves
from vqanim.importers.curves import Curve, Untranslatable, constant_of, first_value, number, scaled
from vqanim.importers.draft import Draft, plain
from vqanim.importers.motion import fov_of, put_flat_move
from vqanim.importers.reading import Settings
from vqanim.importers.schedules import Clock, read_curves

FLAT = "zoom angle translation_x translation_y transform_center_x transform_center_y".split()
DEEP = [f"{move}_{axis}" for move in ("translation", "rotation_3d") for axis in "xyz"]
DEEP += ["fov_schedule", "aspect_ratio_schedule"]
FLIP = [f"perspective_flip_{name}" for name in ("theta", "phi", "gamma", "fv")]
SWITCHES = ("enable_perspective_flip", "flip_2d_perspective")
UNIT = 1 / 200  # of a translation in 3D, in depths of the flat picture
_BORDERS = {
    "2D": ("border", {"wrap": "wrap", "replicate": "edge"}),
    "3D": ("padding_mode", {"border": "edge", "reflection": "reflect", "zeros": '"#000000"'}),
}


def size_of(settings: Settings) -> tuple[int, int]:
    """Width and height in pixels, as far as a film may have them."""
    return settings.whole("W", 512, 16, 4096), settings.whole("H", 512, 16, 4096)


def put_camera(draft: Draft, clock: Clock) -> None:
    """Write the camera, and what became of its keys."""
    mode = draft.settings.word("animation_mode", "2D")
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


def _put_flat(draft: Draft, clock: Clock) -> None:
    given = read_curves(draft, FLAT, clock)
    flips = draft.settings.is_on(*SWITCHES)
    if flips:
        unused = [key for key in ("translation_x", "translation_y") if given.pop(key, None) is not None]
        draft.leave(unused, "do nothing there either beside a flip")
    shift = (given.get("translation_x", 0.0), given.get("translation_y", 0.0))
    fps = float(clock.fps)
    origins = {
        "zoom": f"zoom: a factor per frame, to the power of {number(fps)}",
        "rotate": "angle: degrees per frame, the other way round",
        "pan.x": "translation_x: the camera goes left, so that the picture goes right",
        "pan.y": "translation_y",
    }
    scale, angle = given.get("zoom", 1.0), given.get("angle", 0.0)
    width, _ = size_of(draft.settings)
    put_flat_move(draft, scale, angle, shift, width, fps, ("zoom",), origins)
    for axis in "xy":
        key = f"transform_center_{axis}"
        draft.put_curve(f"camera.center.{axis}", given.get(key, 0.5), key)
    draft.take(*given)
    if flips:
        _put_flip(draft, clock, angle)


def _put_flip(draft: Draft, clock: Clock, angle: Curve) -> None:
    """The picture turned in space about its middle: our camera turns and moves back, as far as that goes. A
    plane at the distance h that turns by a small angle a has the keystone of a camera of focal length h that
    turns by a, without the shift a h of that; so the pan undoes the shift."""
    given = read_curves(draft, FLIP, clock)
    width, height = size_of(draft.settings)
    fps = float(clock.fps)
    half = math.radians((constant_of(given.get("perspective_flip_fv", 53.0)) or 53.0) / 2)
    focal = math.hypot(width, height) / (2 * math.sin(half)) / width
    theta, tilt, yaw = (given.get(key, 0.0) for key in FLIP[:3])
    back = math.radians(1) * focal * fps
    draft.put_curve("camera.fov", fov_of(focal), "perspective_flip_fv")
    draft.put_curve("camera.tilt", scaled(tilt, -fps), "perspective_flip_phi")
    draft.put_curve("camera.yaw", scaled(yaw, fps), "perspective_flip_gamma")
    draft.put_curve("camera.pan.x", scaled(yaw, -back), "back from where the turn leads")
    draft.put_curve("camera.pan.y", scaled(tilt, back), "back from where the turn leads")
    if constant_of(theta) != 0:
        turn = constant_of(angle)
        if turn is None or (constant_of(theta) is None and turn != 0):
            draft.refuse("perspective_flip_theta", "two turns that change over time")
        else:
            turned = scaled(theta, fps, -fps * turn)
            draft.put("camera.rotate", turned, "perspective_flip_theta and angle")
    differs = "here the picture turns about its middle, there about a point right of it and below"
    draft.near(draft.settings.given(*FLIP, *SWITCHES), differs)


def _put_deep(draft: Draft, clock: Clock) -> None:
    """The mode 3D as it is with use_depth_warping off: all lies in one plane, at the depth 1. A point (x, y)
    in -1..1 is seen at (x / (f a), y / f) with f = tan(fov / 2) and the aspect a of the settings; the picture
    is moved by the difference of what the camera sees before and after it moved."""
    given = read_curves(draft, DEEP, clock)
    width, height = size_of(draft.settings)
    fps, ratio = float(clock.fps), height / width
    fov = min(max(first_value(given.get("fov_schedule", 70.0)), 5.0), 150.0)
    old = draft.settings.word("aspect_ratio_use_old_formula", "True").lower() == "true"
    aspect = 1 / ratio if old else max(first_value(given.get("aspect_ratio_schedule", 1.0)), 0.1)
    down = 1 / math.tan(math.radians(fov) / 2)
    sideways = down / aspect
    draft.put_curve("camera.fov", min(max(fov_of(0.5 * sideways), 5.0), 150.0), "fov_schedule")
    depth = given.get("translation_z", 0.0)
    try:
        draft.put_curve("camera.zoom", _approach(depth, (sideways + down) / 2, clock), "translation_z")
    except Untranslatable as error:
        draft.refuse("translation_z", str(error))
    moves = (
        ("pan.x", "translation_x", UNIT * fps * sideways / 2),
        ("pan.y", "translation_y", -UNIT * fps * down * ratio / 2),
        ("yaw", "rotation_3d_y", fps),
        ("tilt", "rotation_3d_x", -fps * down * ratio / sideways),
        ("rotate", "rotation_3d_z", -fps * (sideways + down) / 2),
    )
    for path, key, factor in moves:
        draft.put_curve(f"camera.{path}", scaled(given.get(key, 0.0), factor), key)
    plane = "flown as if the whole picture lay in one plane, as with use_depth_warping off, since how far"
    draft.near(tuple(given), f"{plane} things are is not known here")


def _approach(depth: Curve, focal: float, clock: Clock) -> Curve:
    """The zoom a second of a translation along the view: each frame samples 1 - focal d / (1 - d) of it."""

    def zoom(value: float) -> float:
        way = value * UNIT
        left = 1 - focal * way / (1 - way) if way < 1 else 0.0
        if left <= 0.01:
            raise Untranslatable(f"{value:g} a frame leads through the picture")
        return float(left ** -float(clock.fps))

    if isinstance(depth, curves.Formula):
        for value in curves.values_at(depth.text, np.arange(clock.frames) / float(clock.fps)):
            zoom(float(value))
    share = f"({{0}}) / ({number(1 / UNIT)} - ({{0}}))"
    return curves.mapped(depth, zoom, f"(1 - {number(focal)} * {share}) ** -{number(float(clock.fps))}")
