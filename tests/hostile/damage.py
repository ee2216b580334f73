"""Ways in which a file comes back otherwise than it was written: by a power cut, an editor, a stranger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

NASTY = (
    *("Infinity", "-Infinity", "NaN", "1e308", "-1e308", "1e999", "9" * 5000, "-" + "9" * 400, "1e-400"),
    *("0", "-1", "1.5", "true", "false", "null", "[]", "{}", '""', '"x"', "9223372036854775808", "1" * 30),
    *(r'"\u001b]0;mine\u0007\u009b31m\u202e\r"', r'"\ud800"', r'"\u0000"', '"' + "x" * 100_000 + '"'),
    *("[" * 30 + "]" * 30, "[" * 100_000 + "]" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000),
    *('"../../../etc/passwd"', '"1:30"', '"2026-01-01"', '[1,"a",null]', '{"name": 1}', '["a", "b"]'),
)
"""JSON that takes the place of a value."""

_MARK = "\ue000 here"


def cut(rng: Random, content: bytes) -> bytes:
    """The disk was full, or the power went."""
    return content[: rng.randrange(len(content) + 1)]


def zeros(rng: Random, content: bytes) -> bytes:
    """Blocks that never reached the disk."""
    begin = rng.randrange(len(content) + 1)
    return content[:begin] + bytes(len(content) - begin)


def flipped(rng: Random, content: bytes) -> bytes:
    """Some bytes are others."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 3, 20)) if content else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def encoded(rng: Random, content: bytes) -> bytes:
    """Saved by an editor in an encoding of its own."""
    text = content.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp500")), "replace")


def replaced(rng: Random, content: bytes) -> bytes:
    """Something else altogether."""
    others = (
        b"",
        b"\0" * 4096,
        b"null",
        b"[]",
        b"{}",
        b"7",
        b'"text"',
        b"\x89PNG\r\n\x1a\n",
        b"<html>",
        b"\xff" * 99,
    )
    return rng.choice((*others, *(nasty.encode() for nasty in NASTY)))


def grafted(rng: Random, content: bytes) -> bytes:
    """One value of a JSON document, or of one of its lines, is another."""
    lines = content.split(b"\n")
    whole = _parsed(content)
    at = None if whole is not None else rng.randrange(len(lines))
    document = whole if at is None else _parsed(lines[at])
    if document is None:
        return replaced(rng, content)
    places = list(_places(document))
    if not places:
        return replaced(rng, content)
    holder, key = rng.choice(places)
    if rng.random() < 0.15:
        del holder[key]
        text = json.dumps(document)
    else:
        holder[key] = _MARK
        text = json.dumps(document).replace(json.dumps(_MARK), rng.choice(NASTY))
    if at is None:
        return text.encode()
    lines[at] = text.encode()
    return b"\n".join(lines)


def doubled(rng: Random, content: bytes) -> bytes:
    """Written twice, or with a name that stands twice."""
    if rng.random() < 0.5:
        return content + content
    begin = content.find(b"{") + 1
    return content[:begin] + b'"index": 0, "version": 1, "index": 0, "version": 7, ' + content[begin:]


def _parsed(content: bytes) -> Any:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, (dict, list)) else None


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


DAMAGE: tuple[Callable[[Random, bytes], bytes], ...] = (
    cut, zeros, flipped, encoded, replaced, grafted, grafted, grafted, doubled,
)  # fmt: skip


def damaged(rng: Random, content: bytes) -> bytes:
    """A file's content in one of these ways."""
    return rng.choice(DAMAGE)(rng, content)
