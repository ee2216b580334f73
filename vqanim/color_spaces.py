"""Color spaces that pictures name without an ICC profile, as such a profile.

A PNG may give a gamma and chromaticities (gAMA, cHRM) or numbers for all that (cICP); AVIF and HEIC have the
same numbers (nclx), those of ITU-T H.273. JPEG 2000 has a profile that Pillow does not give.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

HEAD = 1 << 16
"""Bytes at the beginning of a file that hold what is read here."""

_D65, _D50 = (0.3127, 0.329), (0.9642, 1.0, 0.8249)
_BT709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_PRIMARIES: Mapping[int, Sequence[float]] = {
    1: (*_D65, *_BT709),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
"""White, red, green and blue, x and y each, by their number: BT.709, BT.2020, DCI-P3, Display P3."""
_SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES: Mapping[int, Sequence[float]] = {13: _SRGB, 8: (1.0,), 4: (2.2,), 5: (2.8,)} | dict.fromkeys(
    (1, 6, 14, 15), _SRGB
)
"""Parameters of curves by their number. BT.709's is shown as sRGB's, as players do; HDR has none here."""
_USUAL_GAMMA = 1 / 2.2
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def named_profile(head: bytes, info: Mapping[Any, Any]) -> bytes | None:
    """The ICC profile of the color space that a picture names by numbers, which outrank a profile in a PNG;
    None where it names none, or sRGB.

    head: the first bytes of the file; info: what Pillow says of it.
    """
    if head[4:8] == b"jP  ":  # of which Pillow gives no profile
        at = head.find(b"colr\2") + 7
        return head[at : at + int.from_bytes(head[at : at + 4], "big")] if at > 7 else None
    png = head.startswith(b"\x89PNG")
    numbers: tuple[int, int] | None = None
    if png and (at := head[: head.find(b"IDAT")].find(b"\0\0\0\x04cICP")) > 0:
        numbers = head[at + 8], head[at + 9]
    elif not png and head[4:8] == b"ftyp" and 0 < (at := head.find(b"colrnclx")) <= len(head) - 12:
        numbers = struct.unpack_from(">2H", head, at + 8)
    if numbers is not None:
        primaries, curve = _PRIMARIES.get(numbers[0]), _CURVES.get(numbers[1])
        return matrix_profile(primaries, curve) if primaries and curve and numbers != (1, 13) else None
    if not png or "srgb" in info or info.get("icc_profile"):
        return None
    gamma, corners = info.get("gamma"), info.get("chromaticity")
    if not isinstance(gamma, float) or not 0.1 <= gamma <= 2:
        return None
    usual = abs(gamma - _USUAL_GAMMA) < 0.01
    if usual and corners is None:
        return None
    return matrix_profile(corners or _PRIMARIES[1], _SRGB if usual else (1 / gamma,))


def matrix_profile(primaries: Sequence[float], curve: Sequence[float]) -> bytes | None:
    """An ICC profile of an RGB space; None where the primaries span none.

    primaries: x and y of white, red, green and blue. curve: a gamma, or the five numbers of ICC's third
    parametric curve. Source: ICC.1:2022, and Lindbloom for the matrix.
    """
    xy = np.array(primaries, np.float64).reshape(4, 2)
    if not (xy[:, 1] > 1e-3).all():
        return None
    columns = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    white, corners = columns[:, 0], columns[:, 1:]
    if abs(np.linalg.det(corners)) < 1e-3:
        return None
    scaled = corners * np.linalg.solve(corners, white)
    cones = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ scaled
    if not np.isfinite(adapted).all() or np.abs(adapted).max() > 4:
        return None
    kind = 3 if len(curve) > 1 else 0
    trc = b"para" + struct.pack(">IHH", 0, kind, 0) + b"".join(map(_fixed, curve))
    tags = {b"desc": _text("RGB"), b"cprt": _text("CC0"), b"wtpt": _xyz(_D50)}
    tags |= {name + b"XYZ": _xyz(adapted[:, place]) for place, name in enumerate((b"r", b"g", b"b"))}
    tags |= {name + b"TRC": trc for name in (b"r", b"g", b"b")}
    return _profile(tags)


def _profile(tags: Mapping[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI", 128 + len(table) + len(body), b"", 0x04300000) + b"mntrRGB XYZ "
    head = (head + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp").ljust(68, b"\0")
    return (head + b"".join(map(_fixed, _D50))).ljust(128, b"\0") + table + body


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(float(number) * 65536))


def _xyz(values: Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III4sII", 0, 1, 12, b"enUS", len(content), 28) + content
