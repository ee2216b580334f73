"""Files of other tools, written into a folder and imported."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import vqanim
from vqanim.api.create import checked
from vqanim.importers import import_settings
from vqanim.importers.draft import Draft
from vqanim.scene.curves import Curve
from vqanim.scene.model import Scene
from vqanim.scene.times import TimeBase


def imported(
    folder: Path, given: Any, tool: str | None = None, name: str = "settings.txt"
) -> tuple[Draft, Scene]:
    """The draft and the scene that a text, or data as JSON, becomes; the scene passes `vqanim check`."""
    text = given if isinstance(given, str) else json.dumps(given)
    (folder / name).write_text(text, encoding="utf-8")
    draft = import_settings(str(folder / name), folder, tool)
    (folder / "scene.yaml").write_text(checked(draft, folder / "scene.yaml"), encoding="utf-8")
    assert not draft.dropped
    return draft, vqanim.prepare(folder / "scene.yaml").scene


def notebook(*cells: str) -> dict[str, Any]:
    """The data of an .ipynb file with code cells."""
    code = [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells]
    return {"cells": [{"cell_type": "markdown", "source": ["# A notebook"]}, *code], "nbformat": 4}


def weights(draft: Draft) -> dict[str, str]:
    """What is written as the weight of each text."""
    found = {}
    for prompt in draft.prompts:
        text = prompt["text"].yaml[1:-1]
        assert text not in found
        found[text] = prompt["weight"].yaml if "weight" in prompt else "1"
    return found


def told(draft: Draft, key: str) -> set[str]:
    """The fates of a key."""
    return {note.fate for note in draft.notes if key in note.keys}


def value_at(curve: Curve, second: float, fps: int = 12, duration: float = 1.0) -> float:
    """The value of a curve at a moment."""
    return float(curve.sample(np.array([second]), TimeBase(float(duration), Fraction(fps)))[0])
