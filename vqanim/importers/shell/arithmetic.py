"""Whole numbers as a shell calculates them, `$((A * 2))`; nothing is evaluated as code."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterator

MAX_TEXT = 200  # characters
LARGEST = 2**63

_NAME = re.compile(r"\$\{?(\w+)\}?", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:0|[1-9]\d{0,18})\s*", re.ASCII)  # 010 is 8 to a shell
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*([-+*/%]?)=(?!=)(.+)", re.ASCII | re.DOTALL)
_COUNT = re.compile(r"\s*(?:([A-Za-z_]\w*)\s*(\+\+|--)|(\+\+|--)\s*([A-Za-z_]\w*))\s*", re.ASCII)
_ARGUMENT = "_argument_"  # before the number of $1


def arithmetic(text: str, value_of: Callable[[str], str | None]) -> int | None:
    """The result; None where a variable has no whole number, or for what is not understood. value_of: the
    text that a variable has, of which `1` is the first argument."""
    if len(text) > MAX_TEXT:
        return None
    written = _NAME.sub(lambda found: (_ARGUMENT if found[1].isdecimal() else "") + found[1], text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _result(ast.parse(written.strip(), mode="eval").body, value_of)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def assigned_by(text: str) -> Iterator[tuple[str, str]]:
    """(variable, expression) of `A = B * 2, COUNT++`."""
    for part in text[: 10 * MAX_TEXT].strip("\"'").split(","):
        if match := _COUNT.fullmatch(part):
            name = match[1] or match[4]
            yield name, f"{name} {(match[2] or match[3])[0]} 1"
        elif match := _ASSIGNMENT.fullmatch(part):
            yield match[1], f"{match[1]} {match[2]} ({match[3]})" if match[2] else match[3]


def _result(node: ast.expr, value_of: Callable[[str], str | None]) -> int:
    """Raises ValueError and ArithmeticError."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name):
        found = value_of(node.id.removeprefix(_ARGUMENT))
        if found is None or not _NUMBER.fullmatch(found):
            raise ValueError
        return int(found)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        value = _result(node.operand, value_of)
        return -value if isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp):
        raise ValueError
    left, right = _result(node.left, value_of), _result(node.right, value_of)
    result = _operation(node.op, left, right)
    if abs(result) >= LARGEST:
        raise ValueError
    return result


def _operation(sign: ast.operator, left: int, right: int) -> int:
    if isinstance(sign, ast.Add | ast.Sub):
        return left + right if isinstance(sign, ast.Add) else left - right
    if isinstance(sign, ast.Mult):
        return left * right
    if isinstance(sign, ast.Div | ast.Mod):  # towards zero
        whole = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return whole if isinstance(sign, ast.Div) else left - whole * right
    if isinstance(sign, ast.Pow) and 0 <= right < 64 and right * math.log2(abs(left) + 1) <= 64:
        return int(left**right)
    raise ValueError
