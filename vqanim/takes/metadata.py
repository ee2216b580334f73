"""What saved pictures say about themselves, as iTXt chunks of their PNG (tEXt is Latin-1, prompts are not).

`parameters` is the text that the viewers of image generators read, as AUTOMATIC1111's web UI writes it.
`vqanim` is JSON for programs: of a frame its digest, of a single picture all that it takes to make it again.
All are functions of the plan and the models: no time, host or device, so that equal frames are equal files.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from vqanim import __version__
from vqanim.errors import InputError
from vqanim.files import exists, make_folder, write_atomic
from vqanim.own_files import Damaged, parse_json
from vqanim.pictures import Picture, read_texts
from vqanim.scene.still import IconInit, Still, Target
from vqanim.takes.digest import ENGINE_VERSION, content_hash
from vqanim.timeline.plan import FramePlan, WeightedTerm

_NAMED = {"path": str, "sha256": str}
_STILL = {
    "still": {
        **dict.fromkeys(("prompt", "fit", "models"), str),
        **dict.fromkeys(("steps", "width", "height", "seed"), int),
        **dict.fromkeys(("learning_rate", "strength"), (float, None)),
        "targets": [{**_NAMED, "weight": float, "through": str}],
        "init": (_NAMED, None),
        "icon": ({"name": str, "color": str, "background": str}, None),
        "also_target": float,
    },
    "engine?": object,
}
"""What `vqanim image` writes of a picture."""
COMPRESSION = 6  # zlib level of the PNGs, fixed so that equal frames are equal files


@dataclass(frozen=True)
class FrameMetadata:
    """What a frame says about itself, however its pixels were changed afterwards."""

    digest: str  # chain digest of the plan that it was painted for
    pixels: str  # hash of the pixels that were painted
    params: str = ""  # hash of the file with the generator's parameters beside it; empty where there is none


def png_bytes(picture: Picture, texts: Mapping[str, str] | None = None) -> bytes:
    """A picture, uint8 [H, W, 3], as a PNG with some texts in it."""
    info = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        info.add_itxt(name, text)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=COMPRESSION, pnginfo=info)
    return buffer.getvalue()


def write_picture(path: Path, picture: Picture, texts: Mapping[str, str] | None = None) -> None:
    """Save a picture, uint8 [H, W, 3], as a PNG, whole or not at all. Raises OutputError."""
    make_folder(path.parent)
    write_atomic(path, png_bytes(picture, texts))


def frame_texts(
    plan: FramePlan, width: int, height: int, metadata: FrameMetadata, models: str
) -> dict[str, str]:
    """The texts of a frame of `width` x `height` pixels, by name of the chunk."""
    prompts = [term for term in plan.losses if term.is_prompt]
    fields = {
        "digest": metadata.digest,
        "pixels": metadata.pixels,
        **({"params": metadata.params} if metadata.params else {}),
        "shot": plan.shot,
        "frame": plan.index,
        "seed": plan.seed,
        "size": [width, height],
        "prompts": [{"text": term.text, "weight": term.weight, "stop": term.stop} for term in prompts],
        "steps": plan.steps,
        "learning_rate": plan.learning_rate,
    }
    return {
        "parameters": parameters_text(plan, width, height, models),
        "vqanim": _program_text(fields, models),
    }


def parameters_text(plan: FramePlan, width: int, height: int, models: str = "") -> str:
    """Prompts and negative prompts with their weights, `a forest:1.2 | fog:0.3`, one line for each of both;
    then `Name: value` pairs."""
    prompts = [term for term in plan.losses if term.is_prompt]
    lines = [_short_form(term for term in prompts if term.weight >= 0)]
    if negative := _short_form(term for term in prompts if term.weight < 0):
        lines.append(f"Negative prompt: {negative}")
    pairs = {
        "Steps": str(plan.steps),
        "Sampler": "Adam",
        "Seed": str(plan.seed),
        "Size": f"{width}x{height}",
        "Model": models,
        "Learning rate": f"{plan.learning_rate:.9g}",
        "Shot": plan.shot,
        "Frame": str(plan.index),
        "Version": f"vqanim {__version__}",
    }
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in pairs.items() if value))
    return "\n".join(lines)


def _program_text(fields: Mapping[str, Any], models: str) -> str:
    everything = {**fields, "models": models, "version": __version__, "engine": ENGINE_VERSION}
    return _encodable(json.dumps(everything, ensure_ascii=False))


def _short_form(terms: Iterable[WeightedTerm]) -> str:
    return _encodable(" | ".join(f"{' '.join(term.text.split())}:{abs(term.weight):.9g}" for term in terms))


def _quoted(value: str) -> str:
    """A value as the web UI quotes it: JSON when it holds what separates pairs."""
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:\n"') else value


def _encodable(text: str) -> str:
    """Half a surrogate pair, which YAML can spell and UTF-8 cannot, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_metadata(path: Path) -> FrameMetadata | None:
    """What a frame says in its own `vqanim` chunk; None when there is nothing to be read."""
    with suppress(InputError, Damaged):
        fields = parse_json(
            read_texts(path).get("vqanim", ""), {"digest": str, "pixels": str, "params?": str}
        )
        return FrameMetadata(fields["digest"], fields["pixels"], fields.get("params", ""))
    return None


def write_still(path: Path, picture: Picture, still: Still, plan: FramePlan, models: str, steps: int) -> None:
    """Save a single picture, uint8 [H, W, 3], with its settings, which name other pictures by paths relative
    to the file, and their content hashes. `steps` are those done. Raises OutputError and InputError."""
    height, width, _ = picture.shape
    texts = {
        "parameters": parameters_text(replace(plan, steps=steps), width, height, models),
        "vqanim": _program_text({"still": _settings(still, path.parent), "steps_done": steps}, models),
    }
    write_picture(path, picture, texts)


def read_still(path: Path) -> tuple[Still, tuple[str, ...]]:
    """The settings in a picture's file, paths relative to the current folder; and what has changed since.
    Raises InputError when the file is missing, broken or has no settings in it."""
    hashes: dict[str, str] = {}

    def picture(found: Mapping[str, Any]) -> str:
        file = os.path.normpath(path.parent / found["path"])
        hashes[file] = found["sha256"]
        return file

    def number(value: float | None) -> float | None:
        return None if value is None else float(value)

    if not exists(path):
        raise InputError(f"{path}: there is no such picture")
    if (written := read_texts(path).get("vqanim")) is None:
        raise InputError(f"{path}: has no settings of a picture by `vqanim image` in it")
    try:
        fields = parse_json(written, _STILL)
    except Damaged as error:
        about = f"what `vqanim image` wrote there {error}"
        raise InputError(f"{path}: has no settings of a picture in it that can be used: {about}") from error
    found = fields["still"]
    icon = found["icon"]
    still = Still(
        prompt=found["prompt"],
        targets=tuple(Target(picture(one), float(one["weight"]), one["through"]) for one in found["targets"]),
        init=picture(found["init"]) if found["init"] else None,
        fit=found["fit"],
        icon=IconInit(icon["name"], icon["color"], icon["background"]) if icon else None,
        also_target=float(found["also_target"]),
        learning_rate=number(found["learning_rate"]),
        models=found["models"],
        strength=number(found["strength"]),
        **{name: found[name] for name in ("steps", "width", "height", "seed")},
    )
    notes = [
        f"{file} is not what it was when {path} was made"
        for file, known in hashes.items()
        if Path(file).is_file() and content_hash(Path(file)) != known
    ]
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
