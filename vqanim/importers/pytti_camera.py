"""pytti's camera: pixels and degrees a frame in 2D, and a flight through depth in 3D."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

from vqanim.importers.deforum_values import number_of
from vqanim.importers.draft import Draft, plain
from vqanim.importers.formulas import Untranslatable, constant, shortened, translate
from vqanim.importers.motion import flat_move, put_curve
from vqanim.importers.values import Curve, Formula, constant_of, line, number

FLAT = ("translate_x", "translate_y", "rotate_2d", "zoom_x_2d", "zoom_y_2d")
DEEP = ("translate_x", "translate_y", "translate_z_3d", "rotate_3d", "field_of_view", "lock_camera")
FAR = 2500.0
"""Pixels; as far as things are thought to be in 3D, a quarter of what pytti's farthest are."""
_BORDERS = {"wrap": "wrap", "mirror": "reflect", "smear": "edge", "black": '"#000000"'}


def put_camera(
    settings: Mapping[str, Any], draft: Draft, fps: float, signals: frozenset[str] = frozenset()
) -> None:
    """Write the camera, and what became of its keys. signals: what formulas may hear."""
    mode = str(settings.get("animation_mode", "off"))
    infill = str(settings.get("infill_mode", "wrap"))
    if mode in ("2D", "3D") and infill in _BORDERS:
        draft.put("camera.border", _BORDERS[infill], f"infill_mode {infill}")
        draft.take(*(["infill_mode"] if "infill_mode" in settings else []))
    used: tuple[str, ...] = ()
    if mode == "2D":
        used = FLAT
        _flat(settings, draft, fps, signals)
    elif mode == "3D":
        used = DEEP
        _deep(settings, draft, fps, signals)
    elif mode == "Video Source":
        draft.leave("video_path", "a film cannot be painted over")
    for key in {*FLAT, *DEEP, "infill_mode"}:
        if key in settings and key not in draft.known:
            if key in used:
                draft.take(key)
            else:
                draft.leave(key, f"does nothing with animation_mode {plain(mode)}")


def _curve(settings: Mapping[str, Any], key: str, draft: Draft, signals: frozenset[str]) -> Curve:
    text = str(settings.get(key, 0)).strip()
    try:
        written = translate(text, {"t": "t"}, signals)
        found = constant(written)
    except Untranslatable as error:
        draft.leave(key, f"{shortened(text)}: {error}")
        return 0.0
    return Formula(written) if found is None else found


def _size(settings: Mapping[str, Any]) -> tuple[int, int]:
    return (max(1, int(number_of(settings, "width", 180))), max(1, int(number_of(settings, "height", 112))))


def _flat(settings: Mapping[str, Any], draft: Draft, fps: float, signals: frozenset[str]) -> None:
    """zoom_x_2d pixels less of the width are seen of the picture, which fill the frame."""
    width, height = _size(settings)
    wide, high = _curve(settings, "zoom_x_2d", draft, signals), _curve(settings, "zoom_y_2d", draft, signals)
    x, y = constant_of(wide), constant_of(high)
    if x is not None and y is not None:
        left = [1 - x / width, 1 - y / height]
        if abs(left[0] - left[1]) > 1e-6:
            draft.near(("zoom_x_2d", "zoom_y_2d"), "differ: here both sides grow alike, by the mean")
        scale: Curve = 1 / math.sqrt(left[0] * left[1]) if min(left) > 0 else 1.0
        if min(left) <= 0:
            draft.leave(("zoom_x_2d", "zoom_y_2d"), "leave nothing of the picture")
    else:
        scale = _inverse(wide if x is None else high, width if x is None else height)
        draft.near(("zoom_x_2d", "zoom_y_2d"), "here both sides grow alike")
    shift = (
        _curve(settings, "translate_x", draft, signals),
        line(_curve(settings, "translate_y", draft, signals), -1.0),
    )
    origins = {
        "zoom": "zoom_x_2d and zoom_y_2d: pixels per frame",
        "rotate": "rotate_2d: degrees per frame, the other way round",
        "x": "translate_x: pixels per frame, the picture goes right",
        "y": "translate_y: pixels per frame, the picture goes up",
    }
    flat_move(
        draft, scale, _curve(settings, "rotate_2d", draft, signals), shift, (width, height), fps, origins
    )


def _inverse(pixels: Curve, side: int) -> Curve:
    """The factor of a frame of which so many pixels less are seen."""
    found = constant_of(pixels)
    if found is not None:
        return side / (side - found) if found < side else 1.0
    assert isinstance(pixels, Formula)
    return Formula(f"{side} / ({side} - ({pixels.text}))")


def _deep(settings: Mapping[str, Any], draft: Draft, fps: float, signals: frozenset[str]) -> None:
    width, height = _size(settings)
    locked = str(settings.get("lock_camera", "true")).lower() == "true"
    across = math.tan(math.radians(min(max(number_of(settings, "field_of_view", 60), 5), 150)) / 2)
    depth = _curve(settings, "translate_z_3d", draft, signals)
    far = constant_of(depth)
    if far is None:
        assert isinstance(depth, Formula)
        zoom: Curve = Formula(f"({number(FAR)} / ({number(FAR)} - ({depth.text}))) ** {number(fps)}")
    else:
        zoom = (FAR / (FAR - far)) ** fps if far < FAR / 2 else 1.0
    put_curve(draft, "camera.zoom", zoom, 1.0, f"translate_z_3d, as if all were {FAR:g} pixels away")
    moved = ["translate_z_3d"] if "translate_z_3d" in settings else []
    if locked:
        draft.leave(
            [key for key in ("translate_x", "translate_y") if key in settings],
            "lock_camera takes out all of it but parallax, which needs depth",
        )
    else:
        factor = height / (2 * FAR * across) / width * fps
        put_curve(
            draft,
            "camera.pan.x",
            line(_curve(settings, "translate_x", draft, signals), -factor),
            0.0,
            "translate_x",
        )
        put_curve(
            draft,
            "camera.pan.y",
            line(_curve(settings, "translate_y", draft, signals), factor),
            0.0,
            "translate_y",
        )
        moved += [key for key in ("translate_x", "translate_y") if key in settings]
    _turn(settings, draft, fps, locked=locked)
    seen = math.degrees(2 * math.atan(across * width / height))
    put_curve(draft, "camera.fov", round(min(max(seen, 5.0), 150.0), 3), 60.0, "field_of_view")
    draft.near(
        [key for key in moved if key not in draft.known]
        + [key for key in ("lock_camera", "field_of_view") if key in settings],
        "flown as if the whole picture lay in one plane: nothing here knows how far things are",
    )


def _turn(settings: Mapping[str, Any], draft: Draft, fps: float, *, locked: bool) -> None:
    """A quaternion [w, x, y, z] of numbers: a turn by 2 atan(|v| / w) about v."""
    text = str(settings.get("rotate_3d", "[1, 0, 0, 0]"))
    try:
        w, *axis = _numbers(text)
    except Untranslatable as error:
        draft.leave("rotate_3d", f"{shortened(text)}: {error}; write camera.rotate, yaw and tilt")
        return
    length = math.hypot(*axis)
    degrees = math.degrees(2 * math.atan2(length, w)) if length else 0.0
    x, y, z = (degrees * part / length if length else 0.0 for part in axis)
    put_curve(draft, "camera.rotate", z * fps, 0.0, "rotate_3d")
    if not locked:
        put_curve(draft, "camera.yaw", y * fps, 0.0, "rotate_3d")
        put_curve(draft, "camera.tilt", -x * fps, 0.0, "rotate_3d")
    elif x or y:
        draft.near(
            "rotate_3d", "lock_camera takes the way out of a turn; only the turn in the picture is here"
        )


def _numbers(text: str) -> list[float]:
    """The four numbers of a list that is written as a text."""
    try:
        node = ast.parse(" ".join(text.split())[:1000], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Untranslatable("cannot be read") from None
    if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) != 4:
        raise Untranslatable("is no list of four numbers")
    found = [constant(translate(ast.unparse(part), {"t": "t"})) for part in node.elts]
    if None in found:
        raise Untranslatable("changes over time")
    return [value for value in found if value is not None]
