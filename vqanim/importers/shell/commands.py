"""The calls of a program in a command line or a script of any shell, and their options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vqanim.errors import UsageError
from vqanim.importers.reading import SettingsFile
from vqanim.importers.shell.batch import calls_in_batch, is_batch
from vqanim.importers.shell.expansion import Gap, Value, gaps_of, text_of
from vqanim.importers.shell.python_calls import shell_script_of
from vqanim.importers.shell.script import Call, calls_in
from vqanim.importers.shell.words import ShellError

MAX_WORDS = 2000  # of a call

_POWERSHELL = re.compile(r"^[ \t]*\$(\w+)[ \t]*=[ \t]*", re.MULTILINE)
_OPTION = re.compile(r"(--?[A-Za-z][\w-]*)(=?)", re.ASCII)


@dataclass(frozen=True)
class Option:
    """An option of a call with its values."""

    name: str  # one of those that are known, else as it is written
    written: str
    values: tuple[Value, ...]
    attached: bool  # by an equals sign

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is not known of its values."""
        return tuple(gap for value in self.values for gap in gaps_of(value))

    @property
    def words(self) -> Iterator[str]:
        """The words of an option without gaps, as the program gets them."""
        texts = [text_of(value) or "" for value in self.values]
        if self.attached:
            yield f"{self.written}={texts[0]}"
            texts = texts[1:]
        else:
            yield self.written
        yield from texts


def read_calls(file: SettingsFile, *programs: str) -> list[Call]:
    """The calls of programs; those of the first one may be options alone. Raises UsageError."""
    try:
        calls = _calls(file, file.text, programs)
        if not any(call.program == programs[0] for call in calls):
            calls = [
                call for call in map(_options_alone, _calls(file, file.text, ("",))[:1]) if call.arguments
            ]
            calls = [replace(call, program=programs[0]) for call in calls]
    except ShellError as error:
        # A text around the commands, perhaps, in which an apostrophe begins nothing.
        calls = list(_salvaged(file, programs, error))
    if not any(call.program == programs[0] for call in calls):
        raise UsageError(f"{file.name}: holds no command")
    if any(len(call.arguments) > MAX_WORDS for call in calls):
        raise UsageError(f"{file.name}: the command has more than {MAX_WORDS} words")
    return calls


def _calls(file: SettingsFile, text: str, programs: Sequence[str]) -> list[Call]:
    if is_batch(file.name, text) and "" not in programs:
        return calls_in_batch(text, programs, file.arguments)
    if file.name.lower().endswith(".py"):
        text = shell_script_of(text) or text
    if file.name.lower().endswith(".ps1"):
        text = re.sub(r"`[ \t]*(\r?\n)", r"\\\1", _POWERSHELL.sub(r"\1=", text))
        # A variable is one word there, whatever is in it.
        text = re.sub(r"(?<=\s)\$\{?(\w+)\}?(?=\s|$)", r'"$\1"', text)
    return calls_in(text, programs, file.arguments)


def _options_alone(call: Call) -> Call:
    """A call from its first option on."""
    begin = next((place for place, word in enumerate(call.arguments) if _option(word)), len(call.arguments))
    return replace(call, arguments=call.arguments[begin:])


def _salvaged(file: SettingsFile, programs: Sequence[str], error: ShellError) -> Iterator[Call]:
    """The calls in the lines that name the first program, each with those on which it goes on."""
    lines = rf"^[^\n]*{re.escape(programs[0])}(?:[^\\\n]|\\\r?\n|\\.)*"
    for match in re.finditer(lines, file.text, re.MULTILINE):
        try:
            yield from _calls(file, match[0], programs)
        except ShellError:
            raise _broken(file, error) from None
    if not re.search(lines, file.text, re.MULTILINE):
        raise _broken(file, error)


def _broken(file: SettingsFile, error: ShellError) -> UsageError:
    where, _, what = str(error).partition(": ")
    return UsageError(f"{file.name}: {where}: the command has {what}")


def options_of(call: Call, known: Mapping[str, tuple[str, int]]) -> Iterator[Option]:
    """The options of a call. known: by their written forms, such as `-p`, their names and how many values
    they have at most. Words that belong to none are options without a name."""
    words = list(call.arguments)
    place = 0
    while place < len(words):
        match = _option(words[place])
        if match is None:
            yield Option("", "", (words[place],), attached=False)
            place += 1
            continue
        written = match[1]
        name, most = _known(written, known)
        attached = bool(match[2])
        values = []
        if attached:
            first, *others = words[place]
            values.append((str(first)[match.end() :], *others))
        place += 1
        while len(values) < most and not attached and place < len(words) and not _option(words[place]):
            values.append(words[place])
            place += 1
        yield Option(name, written, tuple(values), attached)


def _option(word: Value) -> re.Match[str] | None:
    """The begin of an option; a text that happens to begin with a hyphen is none."""
    first = word[0] if word else ""
    match = _OPTION.match(first) if isinstance(first, str) else None
    return match if match and (match[2] or (match.end() == len(str(first)) and len(word) == 1)) else None


def _known(written: str, known: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
    """As argparse has it, `--iter` is `--iterations`."""
    begins = {found for form, found in known.items() if written.startswith("--") and form.startswith(written)}
    return known.get(written) or (begins.pop() if len(begins) == 1 else (written, 10))


def told(gaps: Iterable[Gap]) -> str:
    """What is not known, for messages."""
    return ", ".join(dict.fromkeys(f"{gap.name} is {gap.why}" for gap in gaps))
