"""What the perceptors of a film make of its prompts, where they know few things. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from vqanim.models.entries import PerceptorEntry
from vqanim.models.families import FAMILIES
from vqanim.models.family import TextReading
from vqanim.timeline.plan import Timeline

Pull: TypeAlias = Literal["to", "from", "both"]
"""Whether a prompt's weight is above 0, below 0, or now this and now that."""

WIDE = "ViT-B/32"
"""A perceptor that knows about everything."""
MOST_FAR, MOST_UNKNOWN = 3, 5
"""Prompts that a warning names."""
LONGEST_TEXT = 60
"""Characters of a prompt within a warning."""


@dataclass(frozen=True)
class PromptReading:
    """What one perceptor makes of one prompt."""

    perceptor: str
    reading: TextReading
    pull: Pull = "to"
    alone: bool = True
    """Whether no other perceptor counts."""

    @property
    def phrase(self) -> str:
        """`will be painted as: fountain, rain barrel, umbrella`."""
        things = _things(self.reading)
        if not self.alone:
            things += f" (as {self.perceptor} reads it)"
        if self.pull == "from":
            return f"will be kept away from: {things}"
        also = ", or kept away from where its weight is below 0" if self.pull == "both" else ""
        return f"will be painted as{also}: {things}"

    def document(self) -> dict[str, Any]:
        """What JSON holds."""
        nearest = [{"name": name, "share": round(share, 4)} for name, share in self.reading.nearest]
        return {
            "text": self.reading.text,
            "perceptor": self.perceptor,
            "pull": self.pull,
            "nearest": nearest,
            "far": self.reading.far,
            "unknown": list(self.reading.unknown),
            "colors": self.reading.colors,
        }


def read_prompts(timeline: Timeline, perceptors: Sequence[PerceptorEntry]) -> tuple[PromptReading, ...]:
    """What perceptors that know few things make of every text of a film, in order of first use.

    perceptors: entries of those that count. Empty where they all know about everything. Raises InputError
    when a file of one is missing or damaged.
    """
    describing = [(entry, FAMILIES[entry.family].describe) for entry in perceptors]
    if not any(describe for _, describe in describing):
        return ()
    pulls, alone = pulls_of(timeline), len(describing) == 1
    return tuple(
        PromptReading(entry.name, reading, pulls[reading.text], alone)
        for entry, describe in describing
        if describe is not None
        for reading in describe(entry, tuple(pulls))
    )


def pulls_of(timeline: Timeline) -> dict[str, Pull]:
    """Which way every prompt text pulls, in order of first use."""
    signs: dict[str, set[bool]] = {text: set() for text in timeline.prompts}
    for shot in timeline.shots:
        for frame in shot.frames:
            for term in frame.losses:
                if term.kind == "prompt" and term.weight:
                    signs[term.text].add(term.weight > 0)
    return {
        text: "both" if len(found) == 2 else "from" if found == {False} else "to"
        for text, found in signs.items()
    }


def reading_warnings(readings: Sequence[PromptReading], generator: str) -> tuple[str, ...]:
    """What a person should know of the prompts, one line each. generator: its name, for a command."""
    return (*_far(readings, generator), *_unknown(readings))


def _far(readings: Sequence[PromptReading], generator: str) -> Iterator[str]:
    far = [one for one in readings if one.reading.far]
    if not far:
        return
    texts = [f"{_quoted(one.reading.text)} (taken for {_things(one.reading)})" for one in far[:MOST_FAR]]
    more = len(far) - len(texts)
    named = f"{', '.join(texts)}{f' and {more} more' if more else ''}"
    names = " and ".join(dict.fromkeys(one.perceptor for one in far))
    which = f"{named} is" if len(far) == 1 else f"{len(far)} of {len(readings)} prompts are"
    listed = "" if len(far) == 1 else f": {named}"
    known = "name things that it knows, such as animals, vehicles, tools, buildings and landscapes"
    clip = f"or let a CLIP judge, which knows far more: --models {generator}+{WIDE}"
    yield f"{which} far from all that {names} knows{listed}; {known}, {clip}"


def _unknown(readings: Sequence[PromptReading]) -> Iterator[str]:
    told = [(one, [word for word in one.reading.unknown if not _is_small(word)]) for one in readings]
    found = [(one, words) for one, words in told if words]
    for one, words in found[:MOST_UNKNOWN]:
        named = ", ".join(map(_quoted, words))
        yield f"{one.perceptor} does not know {named} of the prompt {_quoted(one.reading.text)}"
    if len(found) > MOST_UNKNOWN:
        more = len(found) - MOST_UNKNOWN
        yield f"{more} more prompts have words that are not known (plan --json names them)"


def _is_small(word: str) -> bool:
    """Whether nobody misses a word: the "I" of a song, the "4" of "4 cats"."""
    return len(word) == 1 and word.isascii()


def _things(reading: TextReading) -> str:
    shown = ", ".join(reading.shown)
    if reading.colors:
        return f"its colors above all, and {shown}" if shown else "its colors"
    return shown or "nothing in particular"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 2].rstrip()}..")
