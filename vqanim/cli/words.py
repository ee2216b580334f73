"""Texts for people: lines on the terminal, lengths of time, sizes of files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TextIO

Row = tuple[str, str]

SECONDS_BETWEEN_LINES = 4.0
"""Of progress, where no line can be drawn again."""


def prepare_streams() -> None:
    """Let any text be written to any terminal: what its encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def can_redraw() -> bool:
    """Whether standard output is a terminal that can draw a line again."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """Write lines to standard output as they are, never wrapped."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Write lines to standard error as they are, never wrapped; a terminal that is gone is no trouble."""
    _try_to_write(text, sys.stderr)


def warn(warnings: Iterable[str]) -> None:
    """Write each warning as a line on standard error."""
    for warning in warnings:
        complain(f"Warning: {warning}")


def _try_to_write(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:
        pass


def number(value: Fraction | float) -> str:
    """12 for 12, 23.976 for 24000/1001: at most three decimals, no empty ones."""
    return f"{float(value):.3f}".rstrip("0").rstrip(".")


def count(n: int, noun: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `1 h 05 min`."""
    if seconds < 9.95:
        return f"{number(round(seconds, 1))} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def clock(seconds: float) -> str:
    """`0:07`, `3:20`, `1:05:00`, for a place that changes while one looks."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def file_size(bytes_: int) -> str:
    """`512 B`, `34 kB`, `1.2 MB`, `4.26 GB`."""
    if bytes_ < 1000:
        return f"{bytes_} B"
    if bytes_ < 1_000_000:
        return f"{bytes_ / 1000:.0f} kB"
    if bytes_ < 1_000_000_000:
        return f"{bytes_ / 1_000_000:.1f} MB"
    return f"{bytes_ / 1_000_000_000:.2f} GB"


def with_reason(text: str) -> str:
    """`no: because` as `no (because)`."""
    answer, _, reason = text.partition(": ")
    return f"{answer} ({reason})" if reason else answer


def short_path(path: str | Path) -> str:
    """The path from the current folder where it lies below it, else as it is."""
    absolute = Path(path).absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells under each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def film_row(film: str) -> Row:
    """A film's path, and how large it is; of a folder, how many files are in it."""
    path = Path(film)
    if path.is_dir():
        return short_path(path), count(sum(1 for _ in path.iterdir()), "file")
    return short_path(path), file_size(path.stat().st_size) if path.exists() else "missing"


def rows(items: Sequence[Row]) -> str:
    """Lines of `name  value` with the values under each other."""
    width = max((len(name) for name, _ in items), default=0)
    return "\n".join(f"  {name:<{width}}  {value}".rstrip() for name, value in items)
