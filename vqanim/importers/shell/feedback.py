"""What several calls of a painting program in one script make together: a film of pictures that are painted
on, one after another, or a picture that is painted in stages.

A call whose start is what an earlier call wrote goes on with it. In a loop that is a film, which moves by
what ImageMagick does to the picture in every turn, as zoom.sh of VQGAN-CLIP has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from vqanim.importers.shell.commands import Option, options_of, told
from vqanim.importers.shell.expansion import Value, text_of
from vqanim.importers.shell.script import Call, Loop

PROGRAMS = ("convert", "magick", "mogrify", "ffmpeg")
"""Programs whose arguments say how a film moves and how fast it is shown."""
FFMPEG_FPS = 25  # of pictures, where nothing is said

_NUMBERS = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
# Where scale, angle and the new place stand among so many numbers of a distortion.
_SRT: Mapping[int, tuple[int | None, int, int | None]] = {
    1: (None, 0, None),
    2: (0, 1, None),
    3: (None, 2, None),
    4: (2, 3, None),
    5: (2, 4, None),
    6: (2, 3, 4),
    7: (2, 4, 5),
}
_SAYS_NOTHING = frozenset(
    """-gravity -crop +repage -quality -background -virtual-pixel -extent -interpolate -filter -repage -depth
    -strip -verbose -monitor""".split()
)


@dataclass(frozen=True)
class Run:
    """A call of the program."""

    call: Call
    options: tuple[Option, ...]

    def value(self, name: str) -> Value | None:
        """What an option has, gaps and all; the last one counts."""
        found = [option.values[0] for option in self.options if option.name == name and option.values]
        return found[-1] if found else None


@dataclass(frozen=True)
class Move:
    """What happens to the picture from one turn to the next, about its center."""

    scale: float = 1.0
    angle: float = 0.0  # degrees, clockwise
    x: float = 0.0  # pixels to the right, after that
    y: float = 0.0  # pixels down


@dataclass(frozen=True)
class Story:
    """Calls that belong together."""

    main: Run
    before: tuple[Run, ...] = ()  # stages whose picture the main one goes on with
    loop: Loop | None = None  # in which the main one paints on its own pictures
    move: Move = field(default_factory=Move)
    fps: Fraction = Fraction(FFMPEG_FPS)
    shown_fps: float | None = None  # with frames in between
    others: int = 0  # calls that are not read
    unread: tuple[tuple[str, str], ...] = ()
    """(program, what of it is not read)"""


def story_of(
    calls: Sequence[Call], program: str, known: Mapping[str, tuple[str, int]], default: str
) -> Story:
    """The story of a script. known: see options_of; `init_image` and `output` are among the names. default:
    the file that is written where nothing is said."""
    runs = [Run(call, tuple(options_of(call, known))) for call in calls if call.program == program]
    chains: list[list[Run]] = []
    writers: dict[Value, list[Run]] = {}  # the chain that wrote a file last
    for run in runs:
        chain = writers.get(run.value("init_image") or ())
        if chain and not _repeats(chain[-1], default):
            chain.append(run)
        else:
            chains.append(chain := [run])
        writers[_output(run, default)] = chain
    *before, main = next((chain for chain in chains if _repeats(chain[-1], default)), chains[0])
    loop = main.call.loop if _repeats(main, default) else None
    others = len(runs) - len(before) - 1
    if loop is None:
        return Story(main, tuple(before), others=others)
    move, unread = Move(), []
    for call in calls:
        if call.program in PROGRAMS[:3] and call.loop is main.call.loop:
            move, notes = _moved(move, call)
            unread += [(call.program, note) for note in notes]
    fps, shown = _rates([call for call in calls if call.program == "ffmpeg"])
    return Story(main, tuple(before), loop, move, fps, shown, others, tuple(dict.fromkeys(unread)))


def _output(run: Run, default: str) -> Value:
    return run.value("output") or (default,)


def _repeats(run: Run, default: str) -> bool:
    """Whether it paints on its own pictures, in a loop."""
    return run.call.loop is not None and run.value("init_image") == _output(run, default)


def _moved(move: Move, call: Call) -> tuple[Move, list[str]]:
    """A move with what one more program does, and what of it is not read."""
    words, notes = call.arguments, []
    texts = [text_of(word) for word in words]
    for place, option in enumerate(texts[:-1]):
        value = texts[place + 1]
        if option not in ("-distort", "-resize", "-scale", "-rotate"):
            if (
                option
                and option[0] in "-+"
                and option not in _SAYS_NOTHING
                and not _NUMBERS.fullmatch(option)
            ):
                notes.append(option)
            continue
        if option == "-distort":
            kind, value = value, texts[place + 2] if place + 2 < len(texts) else None
            if (
                kind
                and kind.upper() in ("SRT", "SCALEROTATETRANSLATE")
                and (found := _distorted(value or ""))
            ):
                move = Move(
                    move.scale * found.scale, move.angle + found.angle, move.x + found.x, move.y + found.y
                )
                continue
        percent = re.fullmatch(r"(\d+(?:\.\d+)?)%!?", value or "", re.ASCII)
        if option in ("-resize", "-scale") and percent and "-crop" in texts and float(percent[1]) > 0:
            move = Move(move.scale * float(percent[1]) / 100, move.angle, move.x, move.y)
        elif option == "-rotate" and _NUMBERS.fullmatch(value or ""):
            move = Move(move.scale, move.angle + float(value or 0), move.x, move.y)
        else:
            gaps = [part for word in words[place : place + 3] for part in word if not isinstance(part, str)]
            notes.append(f"{option} ({told(gaps)})" if gaps else option)
    return move, notes


def _distorted(text: str) -> Move | None:
    """What `-distort SRT` does; None for what is not understood."""
    parts = text.replace(",", " ").split()
    if len(parts) not in _SRT or not all(map(_NUMBERS.fullmatch, parts)):
        return None
    numbers = [float(part) for part in parts]
    scale, angle, new = _SRT[len(parts)]
    x, y = (numbers[new] - numbers[0], numbers[new + 1] - numbers[1]) if new else (0.0, 0.0)
    return Move(1.0 if scale is None else numbers[scale], numbers[angle], x, y)


def _rates(calls: Sequence[Call]) -> tuple[Fraction, float | None]:
    """Pictures a second, and frames a second with those in between, of the film that ffmpeg makes."""
    for call in calls:
        words: list[Any] = [
            "".join(part for part in value if isinstance(part, str)) for value in call.arguments
        ]
        if "-i" not in words[:-1]:
            continue
        begin = words.index("-i")
        if not set("%*") & set(words[begin + 1]):
            continue  # a film that is cut into pictures
        fps = Fraction(FFMPEG_FPS)
        for option, value in pairwise(words[: begin + 1]):
            if option in ("-r", "-framerate") and re.fullmatch(r"\d{1,4}(?:[./]\d{1,4})?", value, re.ASCII):
                fps = Fraction(value) if not value.endswith("/0") else fps
        between = next(
            (
                re.search(r"minterpolate.*?\bfps=(\d{1,4}(?:\.\d+)?)", word)
                for word in words
                if "minterp" in word
            ),
            None,
        )
        fps = min(max(fps, Fraction(1)), Fraction(240))
        return fps, min(float(between[1]), 240.0) if between and float(between[1]) > fps else None
    return Fraction(FFMPEG_FPS), None
