"""What a saved frame says about itself, as iTXt chunks of its PNG (tEXt is Latin-1, prompts are not).

`parameters` is the text that the viewers of image generators read, as AUTOMATIC1111's web UI writes it.
`vqanim` is JSON for programs, the digest among it. Both are functions of the plan and the models: no time,
path, host or device, so that equal frames are equal files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata as packages
from pathlib import Path

from PIL import Image, PngImagePlugin

from vqanim.takes.digest import ENGINE_VERSION
from vqanim.timeline.plan import FramePlan, WeightedTerm


@dataclass(frozen=True)
class Written:
    """What a frame says about itself, however its pixels were changed afterwards."""

    digest: str
    """Chain digest of the plan that it was painted for."""
    pixels: str
    """Hash of the pixels that were painted; empty in frames of early versions."""


@cache
def version() -> str:
    """Version of the installed package; `source` when it runs from a tree that is not installed."""
    try:
        return packages.version("vqanim")
    except packages.PackageNotFoundError:
        return "source"


def png_text(
    plan: FramePlan, width: int, height: int, written: Written, models: str = ""
) -> PngImagePlugin.PngInfo:
    """The iTXt chunks of a frame of `width` x `height` pixels."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("parameters", parameters_text(plan, width, height, models))
    info.add_itxt("vqanim", json_text(plan, width, height, written, models))
    return info


def parameters_text(plan: FramePlan, width: int, height: int, models: str = "") -> str:
    """Prompts, then negative prompts, then `Name: value` pairs on the last line.

    Prompts are written with their weights, `a forest:1.2 | fog:0.3`, one line for all.
    """
    prompts = [term for term in plan.losses if term.is_prompt]
    lines = [_short_form(term for term in prompts if term.weight >= 0)]
    negative = _short_form(term for term in prompts if term.weight < 0)
    if negative:
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
        "Version": f"vqanim {version()}",
    }
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in pairs.items() if value))
    return "\n".join(lines)


def json_text(plan: FramePlan, width: int, height: int, written: Written, models: str = "") -> str:
    """One JSON object with everything that a person or program may want to know about the frame."""
    fields = {
        "digest": written.digest,
        "pixels": written.pixels,
        "shot": plan.shot,
        "frame": plan.index,
        "seed": plan.seed,
        "size": [width, height],
        "prompts": [
            {"text": term.text, "weight": term.weight, "stop": term.stop}
            for term in plan.losses
            if term.is_prompt
        ],
        "steps": plan.steps,
        "learning_rate": plan.learning_rate,
        "models": models,
        "version": version(),
        "engine": ENGINE_VERSION,
    }
    return encodable(json.dumps(fields, ensure_ascii=False))


def read_written(path: Path) -> Written | None:
    """What a frame says in its own `vqanim` chunk; None when there is nothing to be read."""
    try:
        with Image.open(path) as image:
            fields = json.loads(image.info.get("vqanim", ""))
    except (OSError, ValueError, SyntaxError, TypeError, RecursionError):
        return None
    if not isinstance(fields, dict) or not isinstance(fields.get("digest"), str):
        return None
    return Written(fields["digest"], str(fields.get("pixels", "")))


def _short_form(terms: Iterable[WeightedTerm]) -> str:
    written = (f"{' '.join(term.text.split())}:{abs(term.weight):.9g}" for term in terms)
    return encodable(" | ".join(written))


def _quoted(value: str) -> str:
    """A value as the web UI quotes it: JSON when it holds what separates pairs."""
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:\n"') else value


def encodable(text: str) -> str:
    """Half a surrogate pair, which YAML can spell and UTF-8 cannot, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
