"""What effects, loss terms, generators and methods let people set, declared as plain data. No torch.

Whoever offers a setting declares it once, with one of the functions below; the scene language reads, checks,
writes and documents it from there. Values are plain: float, int, str, bool, a color as sRGB in 0..1, or, of a
palette, a name, a number of colors or the colors; of names, a number of them or the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

SettingType: TypeAlias = Literal["number", "whole", "choice", "flag", "color", "text", "palette", "names"]
Colors: TypeAlias = tuple[tuple[float, float, float], ...]
"""Some colors, sRGB in 0..1."""
LEAST_COLORS, MOST_COLORS = 2, 256  # of a palette
MOST_NAMES = 16  # in a list of names
Settings: TypeAlias = tuple[tuple[str, Any], ...]
"""Values by name as they are kept in plans: only those that somebody wrote, sorted by name."""


@dataclass(frozen=True)
class Setting:
    """One thing that may be set."""

    name: str
    type: SettingType
    description: str
    default: Any
    """The value where none is written; None where the owner decides then."""
    low: float | None = None  # smallest number; None for all other types
    high: float | None = None  # largest number, or the most characters of a text
    words: tuple[str, ...] = ()  # the words of a choice, the names of palettes
    unit: str = ""

    @property
    def allowed(self) -> str:
        """What may be written, for a message after `Use `."""
        if self.type == "choice":
            return " or ".join([part for part in (", ".join(self.words[:-1]), self.words[-1]) if part])
        return {
            "number": f"a number from {_plain(self.low)} to {_plain(self.high)}",
            "whole": f"a whole number from {self.low} to {self.high}",
            "flag": "true or false",
            "color": "a color such as \"#334455\" or 'navy'",
            "text": f"a text of at most {self.high} characters",
            "names": f"a whole number from {self.low} to {self.high}, a name, "
            f"or a list of at most {MOST_NAMES} names",
            "palette": f"free, a name ({', '.join(self.words)}), a number of colors from {self.low} to "
            f"{self.high} that are found, {{colors: [...]}} or {{image: picture.png, colors: 16}}",
        }[self.type]

    def accepts(self, value: Any) -> bool:
        """Whether a plain value is one of this setting; None is where it is the default."""
        if value is None:
            return self.default is None
        if self.type == "flag":
            return isinstance(value, bool)
        if self.type == "color":
            return _is_color(value)
        if self.type == "palette" and isinstance(value, tuple):
            return LEAST_COLORS <= len(value) <= MOST_COLORS and all(map(_is_color, value))
        if self.type == "names" and isinstance(value, tuple):
            return 1 <= len(value) <= MOST_NAMES and all(isinstance(name, str) and name for name in value)
        if self.type == "choice" or (self.type == "palette" and isinstance(value, str)):
            return value in self.words
        if self.type == "text":
            return isinstance(value, str) and (self.high is None or len(value) <= self.high)
        if isinstance(value, bool) or not isinstance(value, (int, float) if self.type == "number" else int):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def number(
    name: str, low: float, high: float, default: float | None, description: str, unit: str = ""
) -> Setting:
    """A number from `low` to `high`."""
    return Setting(name, "number", description, default, low, high, unit=unit)


def whole(name: str, low: int, high: int, default: int | None, description: str, unit: str = "") -> Setting:
    """A whole number from `low` to `high`."""
    return Setting(name, "whole", description, default, low, high, unit=unit)


def choice(name: str, words: Iterable[str], default: str | None, description: str) -> Setting:
    """One of a few words."""
    return Setting(name, "choice", description, default, words=tuple(words))


def flag(name: str, default: bool, description: str) -> Setting:
    """True or false."""
    return Setting(name, "flag", description, default)


def color(name: str, default: tuple[float, float, float] | None, description: str) -> Setting:
    """A color; the value is sRGB in 0..1."""
    return Setting(name, "color", description, default)


def text(name: str, default: str | None, description: str, longest: int = 200) -> Setting:
    """A text on one line."""
    return Setting(name, "text", description, default, high=longest)


def palette(name: str, names: Iterable[str], description: str, most: int = 64) -> Setting:
    """A palette by name, the colors themselves, or how many are to be found; None, the default, is free."""
    return Setting(name, "palette", description, None, LEAST_COLORS, most, words=tuple(names))


def names(name: str, most: int, description: str) -> Setting:
    """How many of some things, at most so many, or which by their names; None, the default, is all."""
    return Setting(name, "names", description, None, 1, most)


def with_defaults(declared: Iterable[Setting], written: Settings | Mapping[str, Any] = ()) -> dict[str, Any]:
    """The value of every declared setting by name. Raises ValueError for a name or value not allowed."""
    by_name = {setting.name: setting for setting in declared}
    values = {name: setting.default for name, setting in by_name.items()}
    for name, value in dict(written).items():
        if name not in by_name:
            raise ValueError(f"unknown setting {name!r}. Use one of: {', '.join(by_name) or 'none'}.")
        if not by_name[name].accepts(value):
            raise ValueError(f"{name}: {value!r} is not allowed. Use {by_name[name].allowed}.")
        values[name] = value
    return values


def _is_color(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 3
        and all(isinstance(channel, (int, float)) and 0 <= channel <= 1 for channel in value)
    )


def _plain(value: float | None) -> str:
    return "any" if value is None else f"{value:.12g}"
