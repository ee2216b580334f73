"""The one reader of files that vqanim wrote itself: records, cards, caches, notes of downloads.

They come back otherwise than they were written: cut short, filled with zeros after a power cut, by another
version, edited by hand, swapped by a stranger. So they are read like files of strangers: of limited size and
depth, whole, and compared with a schema before anything is done with them. A cache that is damaged is told of
in one line and made anew; of all others the caller says what to do.

A schema is plain data. `str`, `bool`, `int`, `float` (whole numbers too) and `object` (anything) stand for
values of that kind, None for null, a tuple for one of several, `[x]` for a list of x, `{str: x}` for an
object with any names, `{"name": x, "other?": y}` for one with these names, of which the second may be
missing. What an object holds besides is no fault: a later version may know more.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from vqanim import files

Schema: TypeAlias = Any

MAX_BYTES = 4_000_000
MAX_NESTING = 64
MAX_DIGITS = 40
"""Of a whole number; seeds have up to 20."""
LARGEST = 2**64
"""Whole numbers of a schema lie below it, so that they fit whatever they are given to."""
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", object: "a value"}

log = logging.getLogger("vqanim")
"""What is worth a line to the user, and comes from where nothing else can tell it."""


class Damaged(ValueError):
    """What is wrong with the contents of a file, as it goes on after its name."""


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes | None:
    """A file's contents, at most `limit` bytes; None where there is none. Raises Damaged; a pipe, or a device
    that never ends, is no file."""
    try:
        return files.read_bytes(path, limit)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except files.NotAFile as error:
        raise Damaged(error.reason) from error
    except OSError as error:
        raise Damaged(f"cannot be read ({error.strerror})") from error


def read_json(path: Path, schema: Schema, limit: int = MAX_BYTES) -> Any:
    """The value in a JSON file, which fits the schema; None where there is no file. Raises Damaged."""
    content = read_bytes(path, limit)
    return None if content is None else parse_json(content, schema, limit)


def read_cache(path: Path, schema: Schema, limit: int = MAX_BYTES) -> Any:
    """The same of what can be made anew: also None for a damaged file, of which a line is told."""
    try:
        return read_json(path, schema, limit)
    except Damaged as error:
        drop(path, error)
        return None


def drop(path: Path, reason: object) -> None:
    """Tell that a file of a cache is not used."""
    log.warning("%s: %s; it is made anew", path, reason)


def read_lines(path: Path, longest: int, limit: int) -> Iterator[bytes]:
    """The lines of a file without their ends; those that are longer are passed over, and of more than `limit`
    bytes only the last are read. None where it cannot be read."""
    try:
        with files.open_file(path) as file:
            begin = max(0, os.fstat(file.fileno()).st_size - limit)
            file.seek(begin)
            if begin:
                file.readline(longest)  # the rest of one
            whole = True
            while line := file.readline(longest):
                ends = line.endswith(b"\n")
                if whole and (ends or len(line) < longest):
                    yield line.rstrip(b"\r\n")
                whole = ends
    except OSError:
        return


def read_array(path: Path, limit: int = MAX_BYTES) -> Any:
    """The array in a .npy file; None where there is no file. Raises Damaged, also for objects, and for a file
    that claims more numbers than it holds, before there is memory for them."""
    import numpy as np

    if (content := read_bytes(path, limit)) is None:
        return None
    stream = io.BytesIO(content)
    try:
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, by_columns, dtype = read_header[np.lib.format.read_magic(stream)](stream)
        if dtype.hasobject or by_columns or not all(type(side) is int and side >= 0 for side in shape):
            raise Damaged("is no plain array of numbers")
        if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
            raise Damaged("is cut short, or no array")
        return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape)
    except Damaged:
        raise
    except Exception as error:  # a damaged header raises nearly anything, from the tokenizer's errors on
        raise Damaged("is no array in NumPy's format") from error


def read_tensors(path: Path, limit: int) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The NumPy arrays of a safetensors file by name, and its texts; None where there is no file. Raises
    Damaged."""
    from safetensors import safe_open

    try:
        with files.open_file(path) as file:
            if (size := os.fstat(file.fileno()).st_size) > limit:
                raise Damaged(f"has {size:,} bytes, allowed are {limit:,}")
        with safe_open(path, framework="numpy") as archive:
            arrays = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
            return arrays, dict(archive.metadata() or {})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Damaged:
        raise
    except Exception as error:  # each kind of damage its own: a dtype that NumPy lacks is a TypeError
        raise Damaged("is no whole safetensors file") from error


def parse_json(content: bytes | str, schema: Schema = object, limit: int = MAX_BYTES) -> Any:
    """The value of a JSON text, which fits the schema. Raises Damaged for all else, such as names that stand
    twice, numbers without end, NaN, half surrogate pairs."""
    if len(content) > limit:
        raise Damaged(f"has {len(content):,} bytes, allowed are {limit:,}")
    text = content if isinstance(content, str) else _decoded(content)
    if not text.strip("\0 \t\r\n\ufeff"):
        raise Damaged("is empty" if "\0" not in text else "holds nothing but zeros")
    try:
        value = json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except Damaged:
        raise
    except RecursionError:
        raise Damaged(f"is nested more than {MAX_NESTING} deep") from None
    except json.JSONDecodeError as error:
        raise Damaged(f"is no whole JSON (line {error.lineno}: {error.msg})") from None
    _check_nesting(value)
    if _HALF_PAIR.search(text):
        _check_texts(value)
    if fault := find_fault(value, schema):
        raise Damaged(fault)
    return value


def find_fault(value: Any, schema: Schema, where: str = "") -> str | None:
    """Why a value does not fit a schema, or None."""
    if isinstance(schema, tuple):
        faults = [find_fault(value, one, where) for one in schema]
        return None if None in faults else faults[0]
    if isinstance(schema, list):
        if not isinstance(value, list):
            return _fault(where, "a list", value)
        return _first(find_fault(item, schema[0], f"{where}[{at}]") for at, item in enumerate(value))
    if isinstance(schema, dict):
        return _object_fault(value, schema, where)
    if _is(value, schema):
        return None
    return _fault(where, "null" if schema is None else _KINDS[schema], value)


def _object_fault(value: Any, schema: dict[Any, Schema], where: str) -> str | None:
    if not isinstance(value, dict):
        return _fault(where, "an object", value)
    if str in schema:
        return _first(find_fault(item, schema[str], _inside(where, name)) for name, item in value.items())
    for written, kind in schema.items():
        name = written.removesuffix("?")
        if name not in value:
            if name == written:
                return f"has no {_inside(where, name)}"
        elif fault := find_fault(value[name], kind, _inside(where, name)):
            return fault
    return None


def _is(value: Any, kind: Any) -> bool:
    if kind is None or kind is object:
        return kind is object or value is None
    if isinstance(value, bool) or kind not in (int, float):
        return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if isinstance(value, float) and kind is float:
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < LARGEST


def _first(faults: Iterator[str | None]) -> str | None:
    return next((fault for fault in faults if fault), None)


def _inside(where: str, name: str) -> str:
    return f"{where}.{name[:60]}" if where else name[:60]


def _fault(where: str, expected: str, found: Any) -> str:
    kind = {dict: "an object", list: "a list", type(None): "null"}.get(type(found)) or repr(found)[:60]
    return f"has {kind} where {where or 'it'} should be {expected}"


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged("is no text in UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise Damaged(f"has {twice[:60]!r} twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Damaged(f"has a number of {len(digits):,} digits")
    return int(digits)


def _fraction(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise Damaged(f"has a number that is too large ({text[:40]})")
    return number


def _constant(name: str) -> float:
    raise Damaged(f"has {name} for a number")


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [item for each in level for item in _items(each)]
        if not level:
            return
    raise Damaged(f"is nested more than {MAX_NESTING} deep")


def _items(value: Any) -> Iterator[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, (dict, list)))


def _check_texts(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Damaged("has half of a surrogate pair in a text") from None
