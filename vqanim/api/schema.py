"""The scene language as a JSON schema for editors and as a page of Markdown, from its declarations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

from vqanim.effects import EFFECTS
from vqanim.files import read_text, write_atomic
from vqanim.scene import FieldInfo, describe_fields
from vqanim.scene.curves import EASINGS
from vqanim.scene.functions import CONSTANTS, FUNCTIONS
from vqanim.scene.schema import TITLE, scene_schema

SCHEMA_FILE = "vqanim.schema.json"
"""Beside each new scene, which names it in its first line, so that editors complete and check."""

SECTIONS: tuple[tuple[str, str, str], ...] = (
    ("", "The film", "At the top of the file."),
    ("output.", "output", "How the films are written."),
    ("soundtrack.", "soundtrack", "The song, and what is known of its beats; its file alone will do too."),
    ("models.perceptor[].", "models.perceptor", "Each perceptor, where they are written as a list."),
    (
        "models.generator.",
        "models.generator",
        "Beside its `name`, of generators that have such a setting.",
    ),
    (
        "prompts[].",
        "prompts",
        "Each prompt in its long form. In the short form, `text:weight` or `text:weight:stop`, a weight is "
        "a number from -100 to 100 without spaces around the colon, behind a word that is no number; else it "
        "is text.",
    ),
    ("start.", "start", "Beside `icon`, `text` or `shape`: how it is drawn."),
    ("camera.", "camera", "Speeds add up over time; poses say where the camera is."),
    ("guidance.", "guidance", "How hard each frame is worked towards the prompts."),
    ("guidance.stay_near.", "guidance.stay_near", "What holds a frame back."),
    ("guidance.losses.", "guidance.losses", "Terms beside the prompts, each with its weight and settings."),
    ("effects[].", "effects", "What may be set beside the amount of an effect."),
    ("carry.", "carry", "What is done to a picture on its way to the next frame."),
    ("shots[].", "shots", "What a shot says for itself; all else it takes from the top of the file."),
)
"""(where paths begin, heading, a sentence)."""


def schema_text() -> str:
    """The schema as JSON."""
    return json.dumps(scene_schema(), indent=1, ensure_ascii=True)


def write_schema(folder: Path) -> None:
    """Write the schema beside a scene, in the place of an older one; a file that is no schema of ours stays.

    Raises OutputError.
    """
    path = folder / SCHEMA_FILE
    try:
        ours = not path.exists() or TITLE in read_text(path)[:400]
    except (OSError, UnicodeDecodeError):
        ours = False
    if ours:
        write_atomic(path, schema_text() + "\n")


def reference() -> str:
    """The language as a page of Markdown."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield resources.files("vqanim.api").joinpath("reference.md").read_text(encoding="utf-8")
    fields = list(describe_fields())
    rest = {field.path: field for field in fields}
    sections = sorted(SECTIONS, key=lambda section: -len(section[0]))
    home = {path: next(prefix for prefix, _, _ in sections if path.startswith(prefix)) for path in rest}
    for prefix, heading, about in SECTIONS:
        own = [field for field in fields if home[field.path] == prefix]
        yield f"\n## {heading}\n\n{about}\n\n{_table(own, prefix)}"
    yield f"\n## Easings\n\n{_names(EASINGS)}\n"
    yield "\n## Functions and constants of expressions\n\n"
    yield f"{_names(sorted(FUNCTIONS))}; {_names(CONSTANTS)}\n"
    yield "\n## Effects\n\nFor `effects` and `hits`.\n\n"
    yield "| effect | amount | changes nothing at |\n|---|---|---|\n"
    for name, kind in EFFECTS.items():
        yield f"| `{name}` | {_cell(kind.meaning)} | {kind.neutral:g} |\n"


def _table(fields: Sequence[FieldInfo], prefix: str) -> str:
    rows = ["| field | what it is | takes | default | example |", "|---|---|---|---|---|"]
    for field in fields:
        unit = f" ({field.unit})" if field.unit else ""
        example = f"`{_cell(field.example)}`" if field.example and field.kind != "section" else ""
        about = f"`{field.path[len(prefix) :]}` | {_cell(field.description)}{unit}"
        rows.append(f"| {about} | {_cell(field.allowed)} | {_cell(field.default)} | {example} |")
    return "\n".join(rows) + "\n"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
