"""A script in Python that calls programs by os.system or subprocess, as a shell script that does the same."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Iterator

_PLACES = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[sdifrg]|\{[\w.\[\]:]*\}")


def shell_script_of(code: str) -> str | None:
    """Assignments of plain values, loops and commands; None for what is no Python. Nothing is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(code)
        return "\n".join(_statements(module.body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _statements(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.For | ast.While):
            yield f"{_header(statement)}; do"
            yield from _statements(statement.body)
            yield "done"
        elif isinstance(statement, ast.If):
            yield "if condition; then"
            yield from _statements(statement.body)
            yield "else"
            yield from _statements(statement.orelse)
            yield "fi"
        elif isinstance(statement, ast.FunctionDef | ast.With | ast.Try | ast.ClassDef):
            yield from _statements(statement.body)
        elif isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            yield from _commands(statement.value)
            yield f"{target.id}={_quoted(statement.value)}"
        elif isinstance(statement, ast.Expr | ast.Assign | ast.Return) and statement.value is not None:
            yield from _commands(statement.value)


def _header(loop: ast.For | ast.While) -> str:
    if isinstance(loop, ast.While):
        return "while condition"
    name = loop.target.id if isinstance(loop.target, ast.Name) else "each"
    call = loop.iter
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range":
        ends = [ast.unparse(end) for end in call.args]
        if len(ends) <= 2 and all(re.fullmatch(r"\w+", end) for end in ends):
            begin, end = (["0", *ends])[-2:]
            return f"for (({name}={begin}; {name}<{end}; {name}++))"
    return f"for {name} in *"


def _commands(value: ast.expr) -> Iterator[str]:
    """What the calls in an expression run."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if isinstance(first, ast.List | ast.Tuple):
                yield " ".join(_quoted(item) for item in first.elts)
            elif (text := _text(first)) is not None and " " in text:
                yield text.replace("\n", " ")


def _text(value: ast.expr) -> str | None:
    """A text, in which variables are those of a shell; None for what is no text."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, ast.JoinedStr):
        return "".join(_part(part) for part in value.values)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        sides = [_text(side) for side in (value.left, value.right)]
        if any(side is not None for side in sides):
            parts = zip(sides, (value.left, value.right), strict=True)
            return "".join(_part(part) if side is None else side for side, part in parts)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mod) and (text := _text(value.left)):
        right = value.right.elts if isinstance(value.right, ast.Tuple) else [value.right]
        return _filled(text, right)
    is_format = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
    if is_format and value.func.attr == "format" and (text := _text(value.func.value)):  # type: ignore[attr-defined]
        return _filled(text, value.args)  # type: ignore[attr-defined]
    return None


def _filled(text: str, values: list[ast.expr]) -> str:
    left = iter(values)
    return _PLACES.sub(
        lambda _: _part(value) if (value := next(left, None)) is not None else "$(format)", text
    )


def _part(value: ast.expr) -> str:
    if isinstance(value, ast.FormattedValue):
        value = value.value
    if (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "str"
        and value.args
    ):
        value = value.args[0]
    if isinstance(value, ast.Name):
        return f"${{{value.id}}}" if value.id.isascii() else "$(name)"
    if isinstance(value, ast.Constant):
        return str(value.value)
    return f"$({re.sub(r'[^ .A-Za-z0-9_]', ' ', ast.unparse(value))[:40]})"


def _quoted(value: ast.expr) -> str:
    """A value as one word of a shell."""
    if isinstance(value, ast.Constant):
        return shlex.quote(str(value.value))
    text = _text(value)
    if text is None:
        return f'"{_part(value)}"'
    return '"' + re.sub(r'(["`\\])', r"\\\1", text) + '"'
