"""What prompts of other programs hold, from AUTOMATIC1111's web UI to Midjourney: here it is only text, and a
note says how the same is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vqanim.scene.tree import quoted

_N = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_DASHED = "ar|aspect|s|stylize|chaos|c|seed|q|quality|v|version|niji|iw|w|width|h|height|steps|scale|style"
_NEGATIVE = re.compile(
    r"(?:^|\s)(?:--|\u2014|\u2013)(neg|no|negative|negative_prompt)\b[\s=:]*(.*)", re.IGNORECASE | re.DOTALL
)
_NEGATIVE_PART = re.compile(r"(?:^|\W)(negative[ _]prompt)\s*:?\s+(.*)", re.IGNORECASE | re.DOTALL)
_SETTING = re.compile(
    rf"(?:^|\s)(?:--[a-z][\w-]*|[\u2013\u2014](?:{_DASHED})(?=[\s=:]*\d))[\s=:]*[\w.:,-]*", re.IGNORECASE
)
"""Word processors make one long dash of two."""


@dataclass(frozen=True)
class _Form:
    """One form, and what to say of it."""

    pattern: re.Pattern[str]
    remedy: Callable[[re.Match[str]], str]
    """What comes behind `'...' is only text here: `."""


def _own(words: str, weight: str = "1.3") -> str:
    """How a word gets a weight."""
    inner = quoted(words.strip(" ,()[]{}") or "word")[1:-1]
    return f'a weight is that of a prompt of its own, as in "a castle | {inner}:{weight}"'


def _avoided(match: re.Match[str]) -> str:
    before = quoted(match.string[: match.start()].strip(" ,") or "a castle")[1:-1]
    what = re.split(r"\s--", match.group(2).strip(" ,:"))[0]
    what = quoted(re.sub(r":\s*" + _N + "$", "", what) or "fog")[1:-1]
    return f'what to avoid is a prompt with a weight below 0: "{before} | {what}:-0.5"'


_FORMS = (
    _Form(
        re.compile(r"<(?:lora|lyco|locon|loha|hypernet|ti|embedding)\s*:[^<>]*>|<[\w-]+>", re.IGNORECASE),
        lambda match: "there are no LoRAs and embeddings; describe the look in words",
    ),
    _Form(
        re.compile(r"\(((?:[^():]*\s)?[^():\s]*[^\d():\s.,][^():\s]*):\s*(" + _N + r")\s*\)"),
        lambda match: _own(match[1], match[2]),
    ),
    _Form(re.compile(r"\({2,}([^()]*)\){2,}"), lambda match: _own(match[1])),
    _Form(re.compile(r"\([^()]*\)(?:\++|-+(?!\w))"), lambda match: _own(match[0].rstrip("+-"))),
    _Form(re.compile(r"(?<![\w+])[^\W\d_]{2,}\+{2,}"), lambda match: _own(match[0].rstrip("+"))),
    _Form(
        re.compile(r"\[([^\[\]:|]+):([^\[\]:|]*):\s*" + _N + r"\s*\]"),
        lambda match: "texts that follow one another are a `story: {0s: a forest, 2s: a city}`",
    ),
    _Form(
        re.compile(r"\[[^\[\]|]*\|[^\[\]]*\]|\{[^{}|,]*[|,][^{}]*\}|\([^()|]*\|[^()]*\)"),
        lambda match: '"|" separates prompts, wherever it stands; leave the brackets out',
    ),
    _Form(re.compile("[\uff5c\u00a6\u2502]"), lambda match: 'prompts are separated by a plain "|"'),
    _Form(re.compile(r"\[+([^\[\]]+)\]+"), lambda match: _own(match[1], "0.7")),
    _Form(re.compile(r"\{+([^{}]+)\}+"), lambda match: _own(match[1])),
    _Form(_NEGATIVE, _avoided),
    _Form(_NEGATIVE_PART, _avoided),
    _Form(_SETTING, lambda match: "settings are keys of a scene, such as `size`, or options of a command"),
    _Form(
        re.compile(r"[^\s:][^:]{0,40}::(?:" + _N + r")?(?=\s|$|,)"),
        lambda match: 'one colon makes a weight and "|" separates prompts: "a castle:2 | fog:-0.5"',
    ),
    _Form(
        re.compile(r"(?:^|\s)(AND|BREAK)(?=\s|$)"),
        lambda match: 'prompts are separated by "|": "a castle | a lake:2"',
    ),
    _Form(
        re.compile(r":\s*`[^`]*`?|`[^`]*`"),
        lambda match: 'a weight that changes is written {text: a castle, weight: "0.5 + 0.5*sin(t)"}',
    ),
    _Form(
        re.compile(r"\bembedding:\S+", re.IGNORECASE),
        lambda match: "there are no embeddings; describe the look in words",
    ),
    _Form(
        re.compile(r"\bhttps?://\S+", re.IGNORECASE),
        lambda match: "no address is opened; a picture beside the scene is {image: picture.png}",
    ),
)  # fmt: skip
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_SHOUTED = ("AND", "BREAK")
_PICTURE = re.compile(
    r"\S(?:.*\S)?\.(?:a?png|jpe?g|jfif|mpo|webp|bmp|gif|tiff?|hei[cf]|avif|jp2|j2k|jpx|ico)",
    re.IGNORECASE | re.DOTALL,
)
_SUFFIX = re.compile(r"[^\s].*\.[A-Za-z]\w{1,4}", re.DOTALL)
LONGEST_NAME = 200  # characters of a file's name


def foreign_notes(text: str) -> tuple[str, ...]:
    """What in a text belongs to other programs, a line for each form that occurs."""
    return tuple(
        f"{quoted(match.group().strip(' ,'))} is only text here: {form.remedy(match)}"
        for form, match in _found(text)
    )


def file_notes(text: str, folder: Path, instead: str) -> Iterator[str]:
    """That a text is the name of a file, which nobody opens. folder: in which it may lie. instead: how a
    picture is asked for."""
    if _ADDRESS.match(text):  # foreign_notes say it
        return
    is_picture = _PICTURE.fullmatch(text) is not None
    if len(text) <= LONGEST_NAME and (is_picture or _SUFFIX.fullmatch(text)):
        there = _is_file(text, folder)
        if is_picture and (there or " " not in text):
            missing = "" if there else "; no such file is there now"
            yield f"{quoted(text)} is only text here: a picture is asked for by {instead}{missing}"
        elif there:
            yield f"{quoted(text)} is only text here, and the file of that name is not read"


def _is_file(name: str, folder: Path) -> bool:
    """Whether a file of this name lies in a folder, and not elsewhere."""
    try:
        path = (folder / name.replace("\\", "/")).resolve()
        return path.is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, RuntimeError, ValueError):  # too long a name, or a circle of links
        return False


def without_foreign(text: str) -> str:
    """The text with blanks in place of all that has colons for other reasons, and as many characters."""
    for form in _FORMS:
        text = form.pattern.sub(lambda match: re.sub(r"[^\s,;]", "_", match.group()), text)
    return text


def _found(text: str) -> Iterator[tuple[_Form, re.Match[str]]]:
    """The first of each form, in a text from which those before are taken out."""
    rest = text
    for form in _FORMS:
        match = form.pattern.search(rest)
        if match is None or (match.group().strip() in _SHOUTED and text.isupper()):
            continue
        yield form, match
        rest = form.pattern.sub(lambda each: " " * len(each.group()), rest)
