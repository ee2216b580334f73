"""Deforum's camera: the modes 2D and 3D, and the flip in perspective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from vqanim.importers.deforum_values import is_on, size_of
from vqanim.importers.draft import Draft, plain
from vqanim.importers.formulas import Untranslatable
from vqanim.importers.motion import flat_move, put_curve
from vqanim.importers.schedules import Clock, curves_of
from vqanim.importers.values import (
    Curve,
    Formula,
    Keys,
    Point,
    constant_of,
    line,
    number,
    sample,
    simplified,
    yaml,
)

Refuse = Callable[[str, str], None]
"""Hears which key has no equal, and why."""

FLAT = ("zoom", "angle", "translation_x", "translation_y")
CENTER = ("transform_center_x", "transform_center_y")
DEEP = (
    "translation_x",
    "translation_y",
    "translation_z",
    "rotation_3d_x",
    "rotation_3d_y",
    "rotation_3d_z",
    "fov_schedule",
    "aspect_ratio_schedule",
)
FLIP = ("perspective_flip_theta", "perspective_flip_phi", "perspective_flip_gamma", "perspective_flip_fv")
SWITCHES = ("enable_perspective_flip", "flip_2d_perspective")
UNIT = 1 / 200
"""Of a translation in 3D, in depths of the flat picture."""
_BORDERS = {"wrap": "wrap", "replicate": "edge"}
_PADDINGS = {"border": "edge", "reflection": "reflect", "zeros": '"#000000"'}


def put_camera(settings: Mapping[str, Any], draft: Draft, clock: Clock, refuse: Refuse) -> None:
    """Write the camera, and what became of its keys."""
    mode = str(settings.get("animation_mode", "2D"))
    if mode in ("2D", "3D"):
        draft.take(*(["animation_mode"] if "animation_mode" in settings else []))
        _border(settings, draft, mode)
        (_flat if mode == "2D" else _deep)(settings, draft, clock, refuse)
    elif mode == "Interpolation":
        draft.near("animation_mode", "Interpolation: one text becomes the other in a straight line")
    elif mode == "Video Input":
        draft.leave(
            "animation_mode", "Video Input: a film cannot be painted over; its prompts are here alone"
        )
    else:
        draft.near(
            "animation_mode",
            f"{plain(mode)}: single pictures; here one text follows the other, without a camera",
        )


def _border(settings: Mapping[str, Any], draft: Draft, mode: str) -> None:
    key, table = ("border", _BORDERS) if mode == "2D" else ("padding_mode", _PADDINGS)
    found = str(settings.get(key, ""))
    if found in table:
        draft.put("camera.border", table[found], f"{key} {found}")
        draft.take(key)


def _flat(settings: Mapping[str, Any], draft: Draft, clock: Clock, refuse: Refuse) -> None:
    curves = curves_of(settings, (*FLAT, *CENTER), clock, refuse)
    flips = is_on(settings, *SWITCHES)
    still = (0.0, 0.0) if flips else (curves.get(FLAT[2], 0.0), curves.get(FLAT[3], 0.0))
    _move(draft, clock, settings, curves.get("zoom", 1.0), curves.get("angle", 0.0), still, refuse)
    for name, path in zip(CENTER, ("camera.center.x", "camera.center.y"), strict=True):
        if name in curves:
            put_curve(draft, path, curves[name], 0.5, name)
    draft.take(*(name for name in curves if not (flips and name in FLAT[2:])))
    if flips:
        draft.leave([name for name in FLAT[2:] if name in curves], "do nothing there either beside a flip")
        _flip(settings, draft, clock, refuse, curves)


def _move(
    draft: Draft,
    clock: Clock,
    settings: Mapping[str, Any],
    scale: Curve,
    angle: Curve,
    shift: tuple[Curve, Curve],
    refuse: Refuse,
) -> None:
    fps = float(clock.fps)
    origins = {
        "zoom": f"zoom: a factor per frame, to the power of {number(fps)}",
        "rotate": "angle: degrees per frame, the other way round",
        "x": "translation_x: the camera goes left, so that the picture goes right",
        "y": "translation_y",
    }
    try:
        flat_move(draft, scale, angle, shift, size_of(settings), fps, origins)
    except Untranslatable as error:
        refuse("zoom", str(error))
        flat_move(draft, 1.0, angle, shift, size_of(settings), fps, origins)


def _flip(
    settings: Mapping[str, Any], draft: Draft, clock: Clock, refuse: Refuse, flat: Mapping[str, Curve]
) -> None:
    """The picture turned in space about its middle: our camera turns and moves back, as far as that goes.

    A plane at the distance h that turns by a small angle a has the keystone of a camera of focal length h
    that turns by a, without the shift a h of that; so the pan undoes the shift.
    """
    curves = curves_of(settings, FLIP, clock, refuse)
    width, height = size_of(settings)
    fps = float(clock.fps)
    half = math.radians((constant_of(curves.get("perspective_flip_fv", 53.0)) or 53.0) / 2)
    focal = math.hypot(width, height) / (2 * math.sin(half)) / width
    tilt, yaw = curves.get("perspective_flip_phi", 0.0), curves.get("perspective_flip_gamma", 0.0)
    put_curve(draft, "camera.fov", number_of_fov(focal), 60.0, "perspective_flip_fv")
    put_curve(draft, "camera.tilt", line(tilt, -fps), 0.0, "perspective_flip_phi")
    put_curve(draft, "camera.yaw", line(yaw, fps), 0.0, "perspective_flip_gamma")
    back = math.radians(1) * focal * fps
    put_curve(draft, "camera.pan.x", line(yaw, -back), 0.0, "back from where the turn leads")
    put_curve(draft, "camera.pan.y", line(tilt, back), 0.0, "back from where the turn leads")
    theta = curves.get("perspective_flip_theta", 0.0)
    if constant_of(theta) != 0:
        both = [constant_of(curve) for curve in (theta, flat.get("angle", 0.0))]
        if None in both and both[1] != 0:
            refuse("perspective_flip_theta", "two turns that change over time")
        else:
            whole = line(theta, fps, -fps * (both[1] or 0.0))
            draft.put("camera.rotate", yaml(whole), "perspective_flip_theta and angle")
    draft.near(
        [name for name in (*FLIP, *SWITCHES) if name in settings],
        "here the picture turns about its middle, there about a point right of it and below",
    )


def number_of_fov(focal: float) -> float:
    """The angle in degrees that the frame's width spans at a focal length in frame widths."""
    return round(math.degrees(2 * math.atan(0.5 / focal)), 3)


def _deep(settings: Mapping[str, Any], draft: Draft, clock: Clock, refuse: Refuse) -> None:
    """The mode 3D as it is with use_depth_warping off: all lies in one plane, at the depth 1.

    A point (x, y) in -1..1 is seen at (x / (f a), y / f) with f = tan(fov / 2) and the aspect a of the
    settings; the picture is moved by the difference of what the camera sees before and after it moved.
    """
    curves = curves_of(settings, DEEP, clock, refuse)
    width, height = size_of(settings)
    fps, ratio = float(clock.fps), height / width
    fov = curves.get("fov_schedule", 70.0)
    across = math.tan(math.radians(min(max(_first(fov), 5.0), 150.0)) / 2)
    old = str(settings.get("aspect_ratio_use_old_formula", True)).lower() == "true"
    aspect = 1 / ratio if old else max(_first(curves.get("aspect_ratio_schedule", 1.0)), 0.1)
    sideways, down = 1 / (across * aspect), 1 / across
    seen = number_of_fov(0.5 * sideways)
    put_curve(draft, "camera.fov", min(max(seen, 5.0), 150.0), 60.0, "fov_schedule")
    depth = curves.get("translation_z", 0.0)
    try:
        put_curve(draft, "camera.zoom", _approach(depth, (sideways + down) / 2, clock), 1.0, "translation_z")
    except Untranslatable as error:
        refuse("translation_z", str(error))
    moves = (
        ("camera.pan.x", "translation_x", UNIT * fps * sideways / 2),
        ("camera.pan.y", "translation_y", -UNIT * fps * down * ratio / 2),
        ("camera.yaw", "rotation_3d_y", fps),
        ("camera.tilt", "rotation_3d_x", -fps * down * ratio / sideways),
        ("camera.rotate", "rotation_3d_z", -fps * (sideways + down) / 2),
    )
    for path, name, factor in moves:
        put_curve(draft, path, line(curves.get(name, 0.0), factor), 0.0, name)
    draft.near(
        [name for name in curves if name in DEEP],
        "flown as if the whole picture lay in one plane, as with use_depth_warping off, since how far things "
        "are is not known here",
    )


def _first(curve: Curve) -> float:
    """What a curve has in the beginning."""
    return float(sample(curve, [0.0])[0])


def _approach(depth: Curve, focal: float, clock: Clock) -> Curve:
    """The zoom a second of a translation along the view: each frame samples 1 - focal d / (1 - d) of it."""

    def zoom(value: float) -> float:
        way = value * UNIT
        left = 1 - focal * way / (1 - way) if way < 1 else 0.0
        if left <= 0.01:
            raise Untranslatable(f"{value:g} a frame leads through the picture")
        return float(left ** -float(clock.fps))

    found = constant_of(depth)
    if found is not None:
        return zoom(found)
    if isinstance(depth, Keys):
        return simplified(Point(p.second, zoom(p.value), p.step) for p in depth.points)
    assert isinstance(depth, Formula)
    for value in sample(depth, [float(clock.second(frame)) for frame in range(clock.frames)]):
        zoom(float(value))
    share = f"({depth.text}) / ({number(1 / UNIT)} - ({depth.text}))"
    return Formula(f"(1 - {number(focal)} * {share}) ** -{number(float(clock.fps))}")
