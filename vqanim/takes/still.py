"""A single picture's file: a PNG that says how it was made, well enough to make it again.

`parameters` is the text that viewers of image generators read; `vqanim` is JSON: {"still": settings, ...}.
Settings name pictures by paths relative to the file, with their content hashes.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from vqanim.errors import InputError
from vqanim.files import Picture, make_folder, write_atomic
from vqanim.scene.still import IconInit, Still, Target
from vqanim.takes.digest import ENGINE_VERSION, content_hash
from vqanim.takes.metadata import encodable, parameters_text, version
from vqanim.timeline.plan import FramePlan


def write_still(path: Path, picture: Picture, still: Still, plan: FramePlan, models: str, steps: int) -> None:
    """Save a picture, uint8 [H, W, 3]. `steps` are those done. Raises OutputError and InputError."""
    height, width, _ = picture.shape
    fields = {
        "still": _settings(still, path.parent),
        "steps_done": steps,
        "models": models,
        "version": version(),
        "engine": ENGINE_VERSION,
    }
    info = PngImagePlugin.PngInfo()
    info.add_itxt("parameters", parameters_text(replace(plan, steps=steps), width, height, models))
    info.add_itxt("vqanim", encodable(json.dumps(fields)))
    write_picture(path, picture, info)


def write_picture(path: Path, picture: Picture, info: PngImagePlugin.PngInfo | None = None) -> None:
    """Save a picture, uint8 [H, W, 3], as a PNG, whole or not at all. Raises OutputError."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", pnginfo=info)
    make_folder(path.parent)
    write_atomic(path, buffer.getvalue())


def read_still(path: Path) -> tuple[Still, tuple[str, ...]]:
    """The settings in a picture's file, paths relative to the current folder; and what has changed since.

    Raises InputError when the file is missing, broken or has no settings in it.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            fields = json.loads(image.info.get("vqanim", ""))
        found = fields["still"]
        targets = [_target(target, path.parent) for target in found["targets"]]
        init = found["init"] and _picture(found["init"], path.parent)
        pictures = [target[1] for target in targets] + ([init] if init else [])
        still = Still(
            prompt=_as(str, found["prompt"]),
            targets=tuple(target for target, _ in targets),
            init=init[0] if init else None,
            fit=_as(str, found["fit"]),
            icon=_icon(found.get("icon")),
            also_target=float(found.get("also_target", 0)),
            steps=_as(int, found["steps"]),
            learning_rate=None if found["learning_rate"] is None else float(found["learning_rate"]),
            width=_as(int, found["width"]),
            height=_as(int, found["height"]),
            seed=_as(int, found["seed"]),
            models=_as(str, found["models"]),
            strength=None if found.get("strength") is None else float(found["strength"]),
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such picture") from error
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path}: has no settings of a picture by `vqanim image` in it") from error
    changed = [file for file, hash_ in pictures if Path(file).is_file() and content_hash(Path(file)) != hash_]
    notes = [f"{file} is not what it was when {path} was made" for file in dict.fromkeys(changed)]
    if fields.get("engine") != ENGINE_VERSION:
        notes.append(f"{path} was made by another version of vqanim, the new picture will differ")
    return still, tuple(notes)


def _settings(still: Still, folder: Path) -> dict[str, Any]:
    targets = [
        {**_named(target.path, folder), "weight": target.weight, "through": target.through}
        for target in still.targets
    ]
    return {**asdict(still), "targets": targets, "init": still.init and _named(still.init, folder)}


def _named(picture: str, folder: Path) -> dict[str, str]:
    path = Path(picture).resolve()
    try:
        name = Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # another drive
        name = path.as_posix()
    return {"path": name, "sha256": content_hash(path)}


def _target(found: Mapping[str, Any], folder: Path) -> tuple[Target, tuple[str, str]]:
    picture = _picture(found, folder)
    return Target(picture[0], float(found["weight"]), _as(str, found["through"])), picture


def _icon(found: Mapping[str, Any] | None) -> IconInit | None:
    if not found:
        return None
    return IconInit(*(_as(str, found[key]) for key in ("name", "color", "background")))


def _picture(found: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    """Path from the current folder, and content hash."""
    return os.path.normpath(folder / _as(str, found["path"])), _as(str, found["sha256"])


def _as(kind: type, value: Any) -> Any:
    """The value, which is of the kind. Raises TypeError."""
    if type(value) is not kind:
        raise TypeError
    return value
