"""Prompts: words that people add to them, by what they do, and what they will be painted as."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import yaml

from vqanim.api.project import Prepared
from vqanim.engine.events import PromptsRead
from vqanim.timeline.readings import read_prompts as read_texts
from vqanim.timeline.readings import reading_warnings


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


def read_prompts(prepared: Prepared) -> PromptsRead:
    """What each prompt will be painted as, where a perceptor knows few things, as that of the pocket
    models; empty where all know about everything. Without torch.

    Raises InputError when a file of a perceptor is missing or damaged.
    """
    readings = read_texts(prepared.timeline, prepared.perceptors)
    return PromptsRead(readings, reading_warnings(readings, prepared.timeline.generator))
