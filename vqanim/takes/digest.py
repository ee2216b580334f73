"""What decides whether a saved frame still holds: the chain digest.

The digest of frame k is a hash of its plan, the pixels of the saved frames and pictures that it begins from,
the models, the size and the engine version. A frame is kept if and only if its digest is the same; since the
pixels of frame k-1 go into the digest of frame k, one changed frame changes all that follow it in its take.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from vqanim.camera.step import DEFAULT_FOV
from vqanim.errors import InputError
from vqanim.files import sha256_of
from vqanim.pictures import Picture
from vqanim.timeline.plan import FramePlan, TimelapsePlan

ENGINE_VERSION = 5  # bumped by hand whenever the same plan would give other pixels
_LATER = {"tilt": 0.0, "yaw": 0.0, "roll": 0.0, "fov": DEFAULT_FOV}
"""Fields of a camera step that came after the first frames were painted, and what says nothing in them."""


@dataclass(frozen=True)
class RunKey:
    """The settings of a run that every frame depends on."""

    generator_hash: str
    perceptor_hash: str  # of several, what `join_perceptors` makes of theirs
    width: int
    height: int  # both in pixels


def join_perceptors(perceptors: Sequence[tuple[str, float]]) -> str:
    """One text for the (hash, share) of all perceptors; the hash itself for one that is alone."""
    if len(perceptors) == 1:
        return perceptors[0][0]
    return "+".join(f"{digest}*{share:.9g}" for digest, share in perceptors)


def chain_digest(plan: FramePlan, inputs: Sequence[str], key: RunKey) -> str:
    """Hex digest of all that decides the pixels of a frame.

    `inputs` are the hashes of the saved things that the plan begins from, in order: the pixel hash of the
    frame before, or the content hash of the start image, and those of the pictures that terms name. The
    names of these files are left out of the digest; that of an icon's outline stands in the plan itself.
    """
    document: dict[str, Any] = {
        "engine": ENGINE_VERSION,
        "plan": _nameless(asdict(replace(plan, timelapse=None))),
        "inputs": list(inputs),
        "run": asdict(key),
    }
    if plan.timelapse is not None:  # left out where there is none, as before there were any
        document["lapse"] = _timelapse_digest(plan.timelapse)
    return _hash(document)


def _hash(document: Mapping[str, Any]) -> str:
    text = json.dumps(_canonical(document), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _nameless(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan without what does not reach the pixels: its moment in the film, names of pictures."""
    # The value of a perceptor that is alone is as it was written before there could be several.
    views = {
        name: plan[name][0] if len(plan[name]) == 1 else plan[name] for name in ("cutouts", "cutout_noise")
    }
    losses = [_nameless_term(term) for term in plan["losses"]]
    camera = dict(plan["camera"].items() - _LATER.items())
    start = _nameless_start(plan["start"])
    del plan["timelapse"]
    if plan["fit"] is None:
        del plan["fit"]
    if plan["strength"] == 1:  # as before there was any
        del plan["strength"]
    return {**plan, **views, "time": None, "start": start, "losses": losses, "camera": camera}


@lru_cache(maxsize=8)
def _timelapse_digest(timelapse: TimelapsePlan) -> str:
    """Of a timelapse, which all frames of its take share and which may have a segment for each of them."""
    segments = [asdict(segment) for segment in timelapse.segments]
    nameless = [{**one, "losses": [_nameless_term(term) for term in one["losses"]]} for one in segments]
    return _hash({"frames": timelapse.frames, "even": timelapse.even, "stretches": nameless})


def _nameless_start(start: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without the path; what a plan has had only since a later version is left out while it says nothing."""
    if start is None:
        return None
    named = {**start, "image": None}
    if named["fit"] == "cover":
        del named["fit"]
    if named["frame"] is None:
        for name in ("frame", "view", "border"):
            del named[name]
    if icon := named.pop("icon"):
        named["icon"] = {**icon, "figure": icon["figure"]["hash"]}
    return named


def _nameless_term(term: dict[str, Any]) -> dict[str, Any]:
    """A term without the names of its pictures; what it lacks is left out, as before there was any."""
    named = dict(term)
    if target := named.pop("target"):
        named |= {"text": "", "target": _nameless_start(target)}
    if not named["settings"]:
        del named["settings"]
    if area := named.pop("area"):
        named["area"] = {**area, "shape": _nameless_start(area["shape"])}
    return named


def _canonical(value: Any) -> Any:
    """The same value with one spelling for equal numbers: 1.0 is 1 and -0.0 is 0, as `==` says."""
    if isinstance(value, Mapping):
        return {name: _canonical(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def pixel_hash(picture: Picture) -> str:
    """Hex digest of a picture's size and pixels, uint8 [H, W, 3]; the file around them does not matter."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(f"a picture is uint8 [H, W, 3], got {picture.dtype} {list(picture.shape)}")
    shape = "x".join(map(str, picture.shape))
    return hashlib.sha256(f"{shape}:".encode("ascii") + picture.tobytes()).hexdigest()


def frame_hash(pixels: str, params: str) -> str:
    """What a frame is to those that are painted from it: the hash of its pixels, joined with that of the file
    with its parameters; this is empty where there is none."""
    return hashlib.sha256(f"{pixels}:{params}".encode("ascii")).hexdigest() if params else pixels


def content_hashes(paths: Iterable[str]) -> dict[str, str]:
    """Hex digest of each file's bytes, by path. Raises InputError when one cannot be read."""
    return {path: content_hash(Path(path)) for path in paths}


def content_hash(path: Path) -> str:
    """Hex digest of a file's bytes. Raises InputError when it cannot be read."""
    try:
        return sha256_of(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
