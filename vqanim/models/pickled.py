"""What a pickle that is read as data becomes: names, stand-ins, places of tensors' numbers. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_KEY = 2**60
"""Of numbers as keys: those from 2**61 - 1 on can share one hash, and then a mapping takes forever."""
MAX_DIMENSIONS = 8
"""Of a tensor."""
MAX_NAME = 500
"""Characters in a name that is put together of parts."""


class Unreadable(ValueError):
    """The pickle is broken, or does something that is refused; the message says what."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the pickle mentions: a class, a function or anything else. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class PlainKeys(dict[Any, Any]):
    """A mapping whose keys are quick to hash. Nested tuples can take forever, and nobody asks for them."""

    __slots__ = ()

    def __init__(self, items: Iterable[tuple[Any, Any]] = ()) -> None:
        super().__init__()
        for key, value in items:
            self[key] = value

    def __setitem__(self, key: Any, value: Any) -> None:
        plain = isinstance(key, str | int | float | bytes | Name | StandIn) or key is None
        if type(key) is int and abs(key) >= MAX_KEY:
            plain = False
        super().__setitem__(key if plain else StandIn(), value)


@dataclass(eq=False, slots=True)
class StandIn:
    """In the place of an object whose class is not needed; forgets items of lists and sets."""

    state: Any = None
    """What the pickle would have set on the object."""
    items: PlainKeys | None = None
    """Of an object that is a mapping, what the pickle would have put into it."""
    cls: Name | None = None
    """Its class, where that is known."""

    def append(self, item: Any) -> None: ...

    add = extend = append

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.items is None:
            self.items = PlainKeys()
        self.items[key] = value


@dataclass(frozen=True, eq=False, slots=True)
class StorageRef:
    """Numbers of tensors, which lie outside the pickle."""

    kind: str
    """The type in torch, such as `FloatStorage`."""
    key: str
    count: int
    """Number of elements."""
    start: int | None = None
    """Where they lie in the file, after their number, when the pickle holds them; else the archive knows."""


@dataclass(frozen=True, eq=False, slots=True)
class TensorRef:
    """A view of a storage, as the pickle describes it. Nothing about it is checked yet."""

    storage: StorageRef
    offset: int
    """In elements, as are the strides."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class PassedOver:
    """Bytes that a pickle holds, which were not read: where they lie in the file."""

    start: int
    size: int


class Held(bytes):
    """A few bytes that a pickle holds."""

    start: int
    """Where they lie in the file."""

    @classmethod
    def of(cls, start: int, content: bytes) -> Held:
        """Bytes with their place."""
        found = cls(content)
        found.start = start
        return found

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self)


_KINDS = {
    "f2": "Half", "f4": "Float", "f8": "Double", "i1": "Char", "i2": "Short", "i4": "Int", "i8": "Long",
    "u1": "Byte", "b1": "Bool",
}  # fmt: skip
"""Torch's names of numpy's types."""


@dataclass(eq=False, slots=True)
class NumberType:
    """A type of numpy's numbers, such as `f4`."""

    code: str
    big: bool = False
    """Whether the largest byte of a number comes first."""

    def set_state(self, state: Any) -> None:
        """Take what numpy says besides: version, order of bytes, and more of types that are put together."""
        if isinstance(state, tuple) and len(state) > 1:
            self.big = state[1] == ">"


@dataclass(eq=False, slots=True)
class ArrayRef:
    """An array of numpy's, once its state is there."""

    tensor: TensorRef | None = None
    """None for an array of other things than numbers, or of numbers that do not lie in the file."""

    def set_state(self, state: Any) -> None:
        """Take what numpy says: version, shape, type, whether in Fortran's order, bytes."""
        if isinstance(state, tuple) and len(state) == 5:
            _, shape, kind, fortran, content = state
            self.fill(content, kind, shape, fortran=fortran is True)

    def fill(self, content: Any, kind: Any, shape: Any, *, fortran: bool) -> None:
        """Describe the array by its bytes. What does not fit stays unknown."""
        if not isinstance(content, Held | PassedOver) or not isinstance(kind, NumberType) or kind.big:
            return
        name = _KINDS.get(kind.code.lstrip("<=|"))
        shape = (shape,) if type(shape) is int else shape
        plain = isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS
        if name is None or not plain or any(type(n) is not int or n < 0 for n in shape):
            return
        steps, step = [], 1
        for side in shape if fortran else reversed(shape):
            steps.append(step)
            step *= max(side, 1)
        count = content.size // int(kind.code[-1])
        storage = StorageRef(f"{name}Storage", f"array at {content.start}", count, content.start)
        self.tensor = TensorRef(storage, 0, shape, tuple(steps if fortran else reversed(steps)))
