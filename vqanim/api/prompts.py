"""Words that people add to prompts, by what they do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import yaml


@dataclass(frozen=True)
class Modifier:
    """Words that change what a prompt gives."""

    effect: str
    text: str
    does: str  # one line
    pocket: bool = False  # whether the pocket perceptor reacts to it


def load_modifiers() -> tuple[dict[str, str], list[Modifier]]:
    """What each effect is about, and all modifiers in order."""
    source = resources.files("vqanim.api").joinpath("modifiers.yaml")
    groups = yaml.safe_load(source.read_text(encoding="utf-8"))
    about = {effect: str(group["about"]) for effect, group in groups.items()}
    return about, [Modifier(effect, **entry) for effect, group in groups.items() for entry in group["words"]]
