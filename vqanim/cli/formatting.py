"""Texts for people: lines on the terminal, tables, lengths of time, sizes of files, films in a few lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from vqanim.cli import terminal
from vqanim.cli.terminal import visible
from vqanim.errors import SceneError, VqanimError

if TYPE_CHECKING:
    from vqanim.timeline.part import Part
    from vqanim.timeline.plan import ShotPlan, Timeline
    from vqanim.timeline.readings import PromptReading

Row = tuple[str, str]


def can_redraw(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can draw a line again."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """Write lines to standard output, never wrapped. Raises ReaderGone where nobody reads them."""
    terminal.write_line(sys.stdout, text)


def complain(text: str, whole: bool = False) -> None:
    """Write lines to standard error, never wrapped; a terminal that is gone is no trouble.

    whole: also what is very long, such as a command that is to be copied.
    """
    with suppress(OSError, terminal.ReaderGone):
        cut = text if whole else "\n".join(map(terminal.cut, text.split("\n")))
        terminal.write_line(sys.stderr, cut)


def warn(warnings: Iterable[str]) -> None:
    """Write each warning as a line on standard error."""
    for warning in warnings:
        complain(f"Warning: {terminal.visible(warning)}")


def error_lines(error: VqanimError) -> str:
    """An error as it is printed: of a scene a line for each of the first mistakes, of all others one line."""
    problems = error.problems if isinstance(error, SceneError) else (error,)
    told = [visible(str(problem)) for problem in problems[:MOST_PROBLEMS]]
    if (more := len(problems) - len(told)) > 0:
        told.append(f"and {more:,} more; mend these first, and check again")
    return "\n".join(told)


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
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def file_size(bytes_: int) -> str:
    """`512 B`, `34 kB`, `1.2 MB`, `4.26 GB`."""
    for size, unit, decimals in ((10**9, "GB", 2), (10**6, "MB", 1), (1000, "kB", 0)):
        if bytes_ >= size:
            return f"{bytes_ / size:.{decimals}f} {unit}"
    return f"{bytes_} B"


def with_reason(text: str) -> str:
    """`no: because` as `no (because)`."""
    answer, _, reason = text.partition(": ")
    return f"{answer} ({reason})" if reason else answer


def short_path(path: str | Path) -> str:
    """The path from the current folder where it lies below it, else as it is."""
    try:
        absolute, here = Path(path).absolute(), Path.cwd()
    except OSError:  # the current folder is gone
        return visible(str(path))
    return visible(str(absolute.relative_to(here) if absolute.is_relative_to(here) else path))


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells under each other."""
    lines = [[visible(cell) for cell in line] for line in lines]
    columns = list(zip(*lines, strict=True))
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in columns]
    return "\n".join("  ".join(line).rstrip() for line in zip(*padded, strict=True))


def film_row(film: str | Path) -> Row:
    """A film's path, and how large it is; of a folder, how many files are in it."""
    path = Path(film)
    if path.is_dir():
        return short_path(path), count(sum(1 for _ in path.iterdir()), "file")
    return short_path(path), file_size(path.stat().st_size) if path.exists() else "missing"


def rows(items: Sequence[Row]) -> str:
    """Lines of `name  value` with the values under each other."""
    items = [(visible(name), visible(value)) for name, value in items]
    width = max((len(name) for name, _ in items), default=0)
    return "\n".join(f"  {name:<{width}}  {value}".rstrip() for name, value in items)


def shortened(text: str, width: int) -> str:
    """The text, cut to so many columns."""
    return text if len(text) <= width else f"{text[: width - 2].rstrip()}.."


def headline(timeline: Timeline) -> str:
    """`72 frames, 6 s at 12 fps, 256x144`."""
    frames, seconds = len(timeline.edit), float(len(timeline.edit) / timeline.fps)
    film = f"{count(frames, 'frame')}, {duration(seconds)} at {number(timeline.fps)} fps"
    return f"{film}, {timeline.width}x{timeline.height}"


def describe(timeline: Timeline) -> list[Row]:
    """What a person wants to know of a timeline before it is rendered."""
    items = [("models", models(timeline))]
    if len(timeline.shots) > 1:
        from vqanim.timeline.part import chapter_parts  # the timeline's own imports are done already

        parts = chapter_parts(timeline) if timeline.chapters else {}
        told = (f"{one.name} ({_counts(one, parts.get(one.name))})" for one in timeline.shots)
        items.append(("shots", ", ".join(told)))
    elif lapse := _lapse(timeline.shots[0]):
        items.append(("shot", lapse.removeprefix(", ")))
    rate = timeline.rate or timeline.fps
    if rate != timeline.fps or timeline.frame_count != len(timeline.edit):
        items.append(("painted", painted_frames(timeline.frame_count, rate, timeline.fps)))
    if timeline.sound is not None:
        start = f", from {duration(timeline.sound.start)} on" if timeline.sound.start else ""
        items.append(("sound", Path(timeline.sound.file).name + start))
    return items


MOST_PROBLEMS = 100  # of a scene that are told
MOST_PROMPTS = 12  # that are listed


def prompt_rows(texts: Sequence[str], readings: Sequence[PromptReading] = ()) -> list[Row]:
    """The prompts of a film, and what they will be painted as; the first ones where they are many."""
    items: list[Row] = []
    for text in texts[:MOST_PROMPTS]:
        items.append(("prompt", text))
        items += [("", f"  {one.phrase}") for one in readings if one.reading.text == text]
    if len(texts) > MOST_PROMPTS:
        items.append(("", f"and {len(texts) - MOST_PROMPTS} more; plan --json has all"))
    return items


def painted_frames(frames: int, rate: Fraction | float, fps: Fraction | float) -> str:
    """`36 frames, 6 a second`, or `36 frames` where as many are shown in a second."""
    return count(frames, "frame") + ("" if rate == fps else f", {number(rate)} a second")


def _counts(shot: ShotPlan, part: Part | None) -> str:
    """The film's frames of a shot, and those that are painted where these are not as many."""
    painted = len(shot.frames)
    shown = part.end - part.first if part else painted
    return count(shown, "frame") + ("" if painted == shown else f", {painted} painted") + _lapse(shot)


def _lapse(shot: ShotPlan) -> str:
    first = shot.frames[0]
    return f", timelapse in {count(first.steps, 'step')}" if first.timelapse else ""


def models(timeline: Timeline) -> str:
    """`pocket`, or all names where they differ, with the generator's settings."""
    names = [plan.name for plan in timeline.perceptors]
    if names == [timeline.generator_text]:
        return timeline.generator
    return f"{timeline.generator_text} and {', '.join(names)}"
