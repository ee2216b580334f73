"""The scene language as a page of Markdown, from the declarations of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vqanim.effects import EFFECTS
from vqanim.scene import FieldInfo, describe_fields
from vqanim.scene.curves import EASINGS
from vqanim.scene.functions import CONSTANTS, FUNCTIONS

SECTIONS: tuple[tuple[str, str, str], ...] = (
    ("", "The film", "At the top of the file."),
    ("output.", "output", "How the films are written."),
    ("soundtrack.", "soundtrack", "The song, and what is known of its beats; its file alone will do too."),
    ("models.perceptor[].", "models.perceptor", "Each perceptor, where they are written as a list."),
    (
        "models.generator.",
        "models.generator",
        "Beside its `name`, of the generators that have such a setting.",
    ),
    ("prompts[].", "prompts", "Each prompt in its long form."),
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

HEAD = """\
# The scene language

This page is made from the program itself: `vqanim schema --docs` prints it. `vqanim schema` prints the same
as a JSON schema, for editors that complete and check as you type.

A **time** is written `2s`, `500ms`, `36f` (frames of the film), `1:02.5` or `50%`; a plain number is seconds.
With a `soundtrack` also in its words: `8beats`, `2bars`, `bar 33`, `bar 33 beat 2`, a marker, or one of these
with an offset, `drop+2beats`.

A **curve** is a number; keyframes, `{0s: 1, 2s: 1.5}`, with a value and the easing that leads to it where it
shall not be a straight line, `{0s: 1, 2s: [1.5, ease-in]}`; or an expression such as `"1 + 0.2 * sin(t)"`,
over `t` (seconds), `frame` and `progress` (0 to 1), and with a `soundtrack` over its signals: `loudness`,
`bass`, `mid`, `treble`, `onset`, `brightness` (0 to 1), those of a stem (`drums.onset`), and `beat`, a count.
At the top of the file curves run on the film's time, in a shot on the shot's own.

Every field takes `none`, which stands for its default or switches it off.
"""


def reference() -> str:
    """The whole page."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield HEAD
    fields = list(describe_fields())
    rest = {field.path: field for field in fields}
    sections = sorted(SECTIONS, key=lambda section: -len(section[0]))
    home = {path: next(prefix for prefix, _, _ in sections if path.startswith(prefix)) for path in rest}
    for prefix, heading, about in SECTIONS:
        own = [field for field in fields if home[field.path] == prefix]
        yield f"\n## {heading}\n\n{about}\n\n{_table(own, prefix)}"
    yield f"\n## Easings\n\n{', '.join(f'`{name}`' for name in EASINGS)}\n"
    yield "\n## Functions and constants of expressions\n\n"
    yield f"{', '.join(f'`{name}`' for name in sorted(FUNCTIONS))}; "
    yield f"{', '.join(f'`{name}`' for name in CONSTANTS)}\n"
    yield "\n## Effects\n\nFor `effects` and `hits`.\n\n"
    yield "| effect | amount | changes nothing at |\n|---|---|---|\n"
    for name, kind in EFFECTS.items():
        yield f"| `{name}` | {_cell(kind.meaning)} | {kind.neutral:g} |\n"


def _table(fields: Sequence[FieldInfo], prefix: str) -> str:
    rows = ["| field | what it is | takes | default | example |", "|---|---|---|---|---|"]
    for field in fields:
        unit = f" ({field.unit})" if field.unit else ""
        example = f"`{_cell(field.example)}`" if field.example and field.kind != "section" else ""
        cells = (
            f"`{field.path[len(prefix) :]}`",
            f"{_cell(field.description)}{unit}",
            _cell(field.allowed),
            _cell(field.default),
            example,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
