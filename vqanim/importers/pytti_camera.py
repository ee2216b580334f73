"""pytti's camera: pixels and degrees a frame in 2D, and a flight through depth in 3D."""

from __future__ import annotations

import ast
import math

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.curves import Curve, Untranslatable, constant_of, mapped, number, scaled
from vqanim.importers.draft import Draft, plain
from vqanim.importers.motion import fov_of, most_turn, put_flat_move, put_turns
from vqanim.importers.pytti_prompts import names_of
from vqanim.importers.sampling import curve_of_formula, frame_values

FLAT = ("translate_x", "translate_y", "rotate_2d", "zoom_x_2d", "zoom_y_2d")
DEEP = ("translate_x", "translate_y", "translate_z_3d", "rotate_3d", "field_of_view", "lock_camera")
FAR = 2500.0  # pixels; as far as things are thought to be in 3D, a quarter of what pytti's farthest are
_BORDERS = {"wrap": "wrap", "mirror": "reflect", "smear": "edge", "black": '"#000000"'}


def put_camera(draft: Draft, fps: float) -> None:
    """Write the camera, and what became of its keys."""
    settings = draft.settings
    mode, infill = settings.word("animation_mode") or "off", settings.word("infill_mode", "wrap")
    if mode in ("2D", "3D") and infill in _BORDERS:
        draft.put("camera.border", _BORDERS[infill], f"infill_mode {infill}")
        draft.take("infill_mode")
    if mode == "2D":
        _put_flat(draft, fps)
    elif mode == "3D":
        _put_deep(draft, fps)
    elif mode == "Video Source":
        draft.leave("video_path", "a film cannot be painted over")
    draft.take(*{"2D": FLAT, "3D": DEEP}.get(mode, ()))
    unused = dict.fromkeys(key for key in (*FLAT, *DEEP, "infill_mode") if key not in draft.known)
    draft.leave(settings.given(*unused), f"does nothing with animation_mode {plain(mode)}")


def _curve(draft: Draft, key: str) -> Curve:
    try:
        written = draft.settings.word(key, "0").strip()
        curve, remark = curve_of_formula(written, names_of(draft), draft.clock, draft.signals)
        draft.near(key if remark else (), remark)
        return curve
    except Untranslatable as error:
        draft.refuse(key, str(error))
        return 0.0


def _size(draft: Draft) -> tuple[int, int]:
    return draft.settings.whole("width", 180, 1), draft.settings.whole("height", 112, 1)


def _put_flat(draft: Draft, fps: float) -> None:
    """zoom_x_2d pixels less of the width are seen of the picture, which fill the frame."""
    zooms = ("zoom_x_2d", "zoom_y_2d")
    width, height = _size(draft)
    wide, high = (_curve(draft, key) for key in zooms)
    x, y = constant_of(wide), constant_of(high)
    scale: Curve = 1.0
    if x is None or y is None:
        pixels, side = (wide, width) if x is None else (high, height)
        scale = mapped(pixels, lambda value: side / (side - value), f"{side} / ({side} - ({{0}}))")
        draft.near(zooms, "here both sides grow alike")
    else:
        left = [1 - x / width, 1 - y / height]
        if abs(left[0] - left[1]) > 1e-6:
            draft.near(zooms, "differ: here both sides grow alike, by the mean")
        if min(left) > 0:
            scale = 1 / math.sqrt(left[0] * left[1])
        else:
            draft.leave(zooms, "leave nothing of the picture")
    shift = (_curve(draft, "translate_x"), scaled(_curve(draft, "translate_y"), -1.0))
    origins = {
        "zoom": "zoom_x_2d and zoom_y_2d: pixels per frame",
        "rotate": "rotate_2d: degrees per frame, the other way round",
        "pan.x": "translate_x: pixels per frame, the picture goes right",
        "pan.y": "translate_y: pixels per frame, the picture goes up",
    }
    put_flat_move(draft, scale, _curve(draft, "rotate_2d"), shift, width, fps, zooms, origins)


def _put_deep(draft: Draft, fps: float) -> None:
    width, height = _size(draft)
    locked = draft.settings.word("lock_camera", "true").lower() == "true"
    across = math.tan(math.radians(min(max(draft.settings.number("field_of_view", 60), 5), 150)) / 2)
    depth = _curve(draft, "translate_z_3d")
    template = f"({number(FAR)} / ({number(FAR)} - ({{0}}))) ** {number(fps)}"
    zoom = mapped(depth, lambda x: (FAR / (FAR - x)) ** fps if x < FAR / 2 else 1.0, template)
    draft.put_curve("camera.zoom", zoom, f"translate_z_3d, as if all were {FAR:g} pixels away")
    moved = ["translate_z_3d"]
    if locked:
        shifts = draft.settings.given("translate_x", "translate_y")
        draft.leave(shifts, "lock_camera takes out all of it but parallax, which needs depth")
    else:
        factor = height / (2 * FAR * across) / width * fps
        for axis, sign in (("x", -1), ("y", 1)):
            key = f"translate_{axis}"
            draft.put_curve(f"camera.pan.{axis}", scaled(_curve(draft, key), sign * factor), key)
            moved.append(key)
    seen = min(max(fov_of(height / (2 * across * width)), 5.0), 150.0)
    _put_turn(draft, fps, seen, locked=locked)
    draft.put_curve("camera.fov", seen, "field_of_view")
    unknown = [key for key in moved if key not in draft.known]
    differs = "flown as if the whole picture lay in one plane: nothing here knows how far things are"
    draft.near(draft.settings.given(*unknown, "lock_camera", "field_of_view"), differs)


def _put_turn(draft: Draft, fps: float, seen: float, *, locked: bool) -> None:
    """A quaternion [w, x, y, z] of formulas: a turn by 2 atan(|v| / w) about v. seen: the fov, in degrees."""
    text = draft.settings.word("rotate_3d", "[1, 0, 0, 0]")
    try:
        w, *axis = _numbers(draft, text)
    except Untranslatable as error:
        draft.refuse("rotate_3d", f"{error}; write camera.rotate, yaw and tilt")
        return
    length = np.sqrt(sum(part**2 for part in axis))
    degrees = np.degrees(2 * np.arctan2(length, w))
    x, y, z = (degrees * part / np.where(length > 0, length, 1.0) for part in axis)
    draft.put_values("camera.rotate", z * fps, "rotate_3d")
    if not locked:
        width, height = _size(draft)
        most = most_turn(np.full(z.shape, seen), height / width, fps)
        turns, origins = {"yaw": y * fps, "tilt": -x * fps}, dict.fromkeys(("yaw", "tilt"), "rotate_3d")
        put_turns(draft, turns, most, origins, {})
    elif x.any() or y.any():
        differs = "lock_camera takes the way out of a turn; only the turn in the picture is here"
        draft.near("rotate_3d", differs)


def _numbers(draft: Draft, text: str) -> list[NDArray[np.float64]]:
    """The four numbers of a quaternion at every frame, [frames] each."""
    try:
        node = ast.parse(" ".join(text.split())[:1000], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Untranslatable("cannot be read") from None
    if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) != 4:
        raise Untranslatable("is no list of four numbers")
    clock = draft.clock
    assert clock is not None
    found = []
    for part in node.elts:
        curve, remark = curve_of_formula(ast.unparse(part), names_of(draft), clock, draft.signals)
        draft.near("rotate_3d" if remark else (), remark)
        found.append(frame_values(curve, clock))
    return found
