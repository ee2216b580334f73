"""Declarations of the fields of a scene: each says once what it means, takes, and is when nobody writes it.

A field has a type, which reads its values from a file, writes them back, and describes them to editors and
people. The loader, `dump_scene`, the JSON schema and the list of fields walk these declarations; none of them
knows a field by its name.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from vqanim.errors import Place
from vqanim.scene.curves import Constant, Curve
from vqanim.scene.tree import Node, Scalar, quoted

if TYPE_CHECKING:
    from vqanim.scene.fields.context import Reader

Schema: TypeAlias = dict[str, Any]
Parts: TypeAlias = "Iterator[tuple[str, dict[str, Option]]]"
Declare: TypeAlias = "Callable[..., Option]"
"""A declaration to which only the description is added."""
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
"""A text, whatever YAML takes it for: a title may be 2001, off or null."""
MAX_VALUE = 500
"""Characters of a value that is no text for people: a number, a time, a color, an expression."""
REQUIRED: Any = object()
_SAME: Any = object()
_BLANK: tuple[Any, ...] = (None, "", ())


class Quoted(str):
    """A text that is always written in quotes, because it may look like anything."""


class Flow(list[Any]):
    """A list on one line."""


@dataclass(frozen=True)
class Writer:
    """What a value must know to be written."""

    folder: Path  # of the scene; files are written as paths from here
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Names of files by their absolute paths, where they get others."""
    on_film: bool | None = None
    """True: only what changes with the time of the film; False: only all else; None: everything."""

    def file(self, path: str) -> Quoted:
        """How a file is named in the text."""
        return Quoted(self.names.get(path) or Path(os.path.relpath(path, self.folder)).as_posix())

    def wants(self, curves: Iterable[Curve]) -> bool:
        """Whether a value with these curves is written now."""
        moving = any(not isinstance(curve, Constant) and curve.base == "film" for curve in curves)
        return self.on_film is None or self.on_film == moving


@dataclass(frozen=True)
class FieldType:
    """What a field takes."""

    allowed: str  # what may be written, for a message after `allowed `
    name: ClassVar[str] = "value"

    def parse(self, node: Node, reader: Reader) -> Any:
        """The value that is written at a node. Raises Refused after noting what is wrong."""
        raise NotImplementedError

    def dump(self, value: Any, writer: Writer) -> Any:
        """Plain data that is read as an equal value; None for nothing at all."""
        return value

    def schema(self) -> list[Schema]:
        """JSON schemas of the forms in which a value may be written."""
        raise NotImplementedError

    def parts(self) -> Parts:
        """(what follows the field's path, declarations by key) of fields in a value that is no section."""
        yield from ()

    def curves(self, value: Any) -> Iterator[Curve]:
        """The curves in a value."""
        return curves_of(value) if isinstance(value, Declared) else iter(())

    def default(self, value: Any) -> Any:
        """The value that a declared default stands for."""
        return value

    def declare(self, default: Any = REQUIRED, unit: str = "", **more: Any) -> Declare:
        """What Option takes besides the type and the description."""
        return lambda description, **added: Option(self, description, default, unit, **more, **added)

    def absent(self, value: Any, place: Place, reader: Reader) -> Any:
        """The same, where it would have been written at `place`."""
        return self.default(value)

    def write(self, value: Any, writer: Writer) -> Any:
        """`dump`, of what the writer wants now."""
        wanted = writer.wants(self.curves(value))  # a value is never part here and part there
        return self.dump(value, dataclasses.replace(writer, on_film=None)) if wanted else None


class Reason(ValueError):
    """What is wrong with a text, in words that stand for the usual ones."""


@dataclass(frozen=True)
class ScalarType(FieldType):
    """A value that is written as one text."""

    read: Callable[[str], Any]
    """The value of a text without spaces around it. Raises ValueError."""
    forms: Callable[[], list[Schema]] = lambda: [SCALAR]  # see `schema`
    text: Callable[[Any], Any] = lambda value: value  # see `dump`
    hint: Callable[[str], str] = lambda text: ""
    """What was probably meant by a text that cannot be read, for the end of a message; often nothing."""
    longest: int = MAX_VALUE  # characters that are looked at

    def parse(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.allowed, reader, self.longest)
        try:
            return self.read(text)
        except Reason as reason:
            raise reader.refuse(node, str(reason)) from None
        except ValueError:
            raise reader.wrong(node, f"{self.allowed}{self.hint(text)}", quoted(text)) from None

    def dump(self, value: Any, writer: Writer) -> Any:
        return self.text(value)

    def schema(self) -> list[Schema]:
        return self.forms()


@dataclass(frozen=True)
class ReadElsewhere(FieldType):
    """A value that the loader itself reads."""

    forms: Callable[[], list[Schema]]  # see `schema`
    plain: Callable[[Any], Any] = lambda value: value  # see `dump`

    def dump(self, value: Any, writer: Writer) -> Any:
        return self.plain(value)

    def schema(self) -> list[Schema]:
        return self.forms()


def text_of(node: Node, allowed: str, reader: Reader, longest: int = MAX_VALUE) -> str:
    """The text of a scalar, of at most so many characters: what reads it may take long. Raises Refused for
    longer ones, lists, mappings and nothing at all."""
    if not isinstance(node, Scalar) or not (text := node.text.strip()):
        raise reader.wrong(node, allowed)
    if len(text) > longest:
        raise reader.wrong(node, allowed, f"{len(text)} characters ({quoted(text)})")
    return text


@dataclass(frozen=True)
class Option:
    """The declaration of one field."""

    type: FieldType
    description: str
    default: Any = REQUIRED
    """None where it has none; without a default it must be written."""
    unit: str = ""
    _: dataclasses.KW_ONLY
    default_text: str = ""  # the default in words, where it does not speak for itself
    example: str = ""
    key: str = ""
    """Its name in a scene file; `gif.width` for a field in a mapping of its own. Empty: the field's name."""
    inherited: bool = True  # True when a shot takes it from the top level of the scene
    brief: bool = False  # True when it is not written out where it has its default
    none: Any = _SAME  # what the word `none` means; the default unless given

    def __post_init__(self) -> None:
        written = "" if self.required or self.default in _BLANK else _written(self.default)
        text = self.default_text or written or ("" if self.required else "none")
        object.__setattr__(self, "example", self.example or self.default_text or written)
        object.__setattr__(self, "default_text", text)

    @property
    def required(self) -> bool:
        """True when it must be written."""
        return self.default is REQUIRED

    def make_default(self) -> Any:
        """The value of the field when nobody wrote it."""
        return self.type.default(None if self.required else self.default)

    def make_none(self) -> Any:
        """The value of the field where somebody wrote `none`."""
        return self.make_default() if self.none is _SAME else self.type.default(self.none)

    def write(self, value: Any, writer: Writer) -> Any:
        """Plain data for a value, None for nothing."""
        if (self.brief and value == self.make_default()) or (value is None and writer.on_film):
            return None
        return "none" if value is None else self.type.write(value, writer)


def option(description: str, declare: Declare, **more: Any) -> Any:
    """A dataclass field with its declaration, as in `option("How many", whole(1, 9).declare(4))`."""
    declared = declare(description, **more)
    default: Any = {} if declared.required else {"default_factory": declared.make_default}
    return dataclasses.field(metadata={"option": declared}, **default)


def own(description: str, declare: Declare) -> Any:
    """`option`, for what a shot never takes from the top level and which is written only where it counts."""
    return option(description, declare, inherited=False, brief=True)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


class Declared:
    """A part of a scene whose fields are declared by `option`."""

    extra_keys: ClassVar[Mapping[str, Option]] = {}
    """Keys that are no fields because the loader turns them into others."""
    later: ClassVar[tuple[str, ...]] = ()  # keys of later versions


@cache
def fields_of(part: type) -> Mapping[str, tuple[str, Option]]:
    """Key to (name of the field, declaration), in the order of the declarations; extra keys are left out."""
    fields = [field for field in dataclasses.fields(part) if "option" in field.metadata]
    declared = [(field.name, field.metadata["option"]) for field in fields]
    return {option.key or name: (name, option) for name, option in declared}


def options_of(part: type) -> dict[str, tuple[str, Option]]:
    """The same with the extra keys."""
    extra: Mapping[str, Option] = getattr(part, "extra_keys", {})
    return {**fields_of(part), **{key: (key, declared) for key, declared in extra.items()}}


def declared_in(part: type) -> dict[str, Option]:
    """The declarations of a part by key."""
    return {key: declared for key, (_, declared) in options_of(part).items()}


def keys_of(part: type) -> list[str]:
    """The keys that may be written, without those of mappings within."""
    return list(dict.fromkeys(key.partition(".")[0] for key in options_of(part)))


def curves_of(part: Any) -> Iterator[Curve]:
    """Every curve in the declared fields of a part."""
    of: type = type(part)
    for name, declared in fields_of(of).values():
        value = getattr(part, name)
        if value is not None:
            yield from declared.type.curves(value)
