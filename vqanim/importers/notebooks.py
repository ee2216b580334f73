"""What cells of a notebook, or a script in Python, give to names: literals only, of a tree that is never run.

A form field of Colab is a line such as `width = 400 #@param {type: "number"}`. Cells hold anything else too,
lines for the shell and for IPython among them; of a cell that is no Python the form fields still count.
"""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vqanim.errors import UsageError

MAX_CODE = 1_000_000  # characters of a cell or a script that are read as Python, without its texts
_TEXT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
MAX_EXPRESSION = 200  # characters of what a form field is computed from, for messages
_FIELD = re.compile(r"#\s*@param\b")
_FIELD_LINE = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*#\s*@param\b.*")
_FOR_SHELL = re.compile(r"^[^\S\n]*[%!].*", re.MULTILINE)
_ERRORS = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


@dataclass
class Assigned:
    """What was given to names."""

    values: dict[str, Any] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)  # names of form fields
    computed: dict[str, str] = field(default_factory=dict)
    """Form fields that are no literals, and what they are computed from."""

    def settings(self, keys: Iterable[str]) -> dict[str, Any]:
        """All form fields, and whatever else has one of some names."""
        kept = self.fields.union(keys)
        return {name: value for name, value in self.values.items() if name in kept}

    def _take(self, name: str, node: ast.expr, is_field: bool) -> None:
        if name in self.fields and not is_field:
            return  # what the form says is changed by the program later
        with contextlib.suppress(*_ERRORS):
            self.values[name] = ast.literal_eval(_Known(self.values).visit(node))
            self.computed.pop(name, None)
            if is_field:
                self.fields.add(name)
            return
        if is_field and name not in self.values:
            self.computed[name] = ""
            with contextlib.suppress(*_ERRORS):
                self.computed[name] = ast.unparse(node)[:MAX_EXPRESSION]


class _Known(ast.NodeTransformer):
    """Puts the values of names in their place."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._values.get(node.id)
        return ast.Constant(value) if isinstance(value, int | float | str) else node


def is_notebook(data: Any) -> bool:
    """Whether the data of a JSON text are those of an .ipynb file."""
    return isinstance(data, Mapping) and (
        isinstance(data.get("cells"), list) or isinstance(data.get("worksheets"), list)
    )


def cells_of(notebook: Mapping[str, Any]) -> Iterator[str]:
    """The code of the cells; of notebooks before version 4 too, whose cells lie in worksheets."""
    sheets = [notebook, *(notebook.get("worksheets") or ())]
    for sheet in sheets:
        cells = sheet.get("cells") if isinstance(sheet, Mapping) else None
        for cell in cells if isinstance(cells, list) else ():
            if isinstance(cell, Mapping) and cell.get("cell_type") == "code":
                source = cell.get("source", cell.get("input", ""))
                yield "".join(map(str, source)) if isinstance(source, list) else str(source)


def commands_in(cells: Iterable[str], program: str) -> str:
    """The lines for the shell that call a program, one below the other, with the values of the notebook's
    names for `{name}` and `$name`."""
    cells = list(cells)
    values = read_notebook(cells).values
    known = {name: str(value) for name, value in values.items() if isinstance(value, int | float | str)}
    lines = [line.strip() for cell in cells for line in re.sub(r"\\\r?\n", " ", cell).splitlines()]
    calls = [line.lstrip("! ") for line in lines if line.startswith("!") and program in line]

    def value(match: re.Match[str]) -> str:
        return known.get(match[1] or match[2], match[0])

    return "\n".join(re.sub(r"\{(\w+)\}|\$(\w+)", value, call) for call in calls)


def read_notebook(cells: Iterable[str]) -> Assigned:
    """What all cells give to names; the last one counts, and a form field before all else."""
    found = Assigned()
    for code in cells:
        try:
            _read(code, found)
        except _ERRORS:
            for line in code.splitlines():
                _read_line(line, found)
    return found


def read_script(code: str, name: str) -> Assigned:
    """The same of a script, or of a cell in a file of its own. Raises UsageError."""
    found = Assigned()
    try:
        _read(code, found)
    except SyntaxError as error:
        raise UsageError(f"{name}:{error.lineno or 1}: cannot be read: {error.msg}") from None
    except _ERRORS:
        raise UsageError(f"{name}: cannot be read: too long, or nested too deeply") from None
    return found


def _read(code: str, found: Assigned) -> None:
    if len(code) > MAX_CODE and len(_TEXT.sub("", code)) > MAX_CODE:
        raise ValueError("the code is too long")
    # Of the same number of lines, so that places stay what they are.
    plain = _FOR_SHELL.sub(_emptied, code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = ast.parse(plain)
    lines = plain.splitlines()
    for node in _statements(module.body):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is not None and len(targets) == 1 and isinstance(targets[0], ast.Name):
            last = lines[(node.end_lineno or node.lineno) - 1] if lines else ""
            found._take(targets[0].id, node.value, bool(_FIELD.search(last)))


def _emptied(match: re.Match[str]) -> str:
    """`pass` in place of a line for the shell, as it may be all that stands behind an `if`."""
    text = match[0]
    return text[: len(text) - len(text.lstrip())] + "pass"


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.Assign | ast.AnnAssign]:
    """Assignments outside functions, and those within functions that collect settings, as DeforumArgs()."""
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield node
        elif not isinstance(node, ast.FunctionDef) or node.name.lower().endswith("args"):
            for name in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, name, ()) if isinstance(node, ast.stmt) else ())


def _read_line(line: str, found: Assigned) -> None:
    """A form field in a cell that is no Python."""
    if match := _FIELD_LINE.fullmatch(line):
        with contextlib.suppress(*_ERRORS):
            found._take(match[1], ast.parse(match[2], mode="eval").body, True)
