"""A reader of pickles that runs nothing: checkpoints of strangers become plain data. No torch.

A pickle is a program. Python's own machine looks names up, calls what it finds and sets attributes on it;
this one knows data only. A name stays a `Name` and is never looked up. An object of any class becomes a
`StandIn`, which has no behavior. A call (REDUCE) is answered by a function of this module if it is on the
list CALLS, and otherwise refused; so are all opcodes that call in other ways (INST, OBJ, NEWOBJ_EX), the
extension registry, and state that is set on anything but data.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

MAX_OPCODES = 10_000_000
"""A checkpoint of a thousand tensors with the state of its optimizer has about a hundred thousand."""
MAX_BYTES = 128 * 2**20
"""Of one pickle; the numbers of tensors lie outside of it."""


class Unreadable(ValueError):
    """The pickle is broken, or does something that is refused; the message says what."""


@dataclass(frozen=True)
class Name:
    """A name that the pickle mentions: a class, a function or anything else. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class StandIn:
    """In the place of an object whose class is not needed."""

    state: Any = None
    """What the pickle would have set on the object."""


@dataclass(frozen=True, eq=False)
class StorageRef:
    """Numbers of tensors, which lie outside the pickle."""

    kind: str
    """The type in torch, such as `FloatStorage`."""
    key: str
    count: int
    """Number of elements."""


@dataclass(frozen=True, eq=False)
class TensorRef:
    """A view of a storage, as the pickle describes it. Nothing about it is checked yet."""

    storage: StorageRef
    offset: int
    """In elements, as are the strides."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorRef:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, StorageRef) or any(type(number) is not int for number in numbers):
        raise Unreadable("it describes a tensor by something that is no storage and numbers")
    return TensorRef(storage, offset, tuple(shape), tuple(strides))


def _of_type(rebuild: Any, _cls: Any, arguments: Any, *_: Any) -> Any:
    """A tensor that has attributes or a class of its own, which do not matter."""
    if str(rebuild) not in _TENSORS or type(arguments) is not tuple:
        raise Unreadable(f"it wants to call {rebuild}, which is refused; nothing was run")
    return _TENSORS[str(rebuild)](*arguments)


def _pairs(items: Any = (), *_: Any) -> dict[Any, Any]:
    return {_as_key(key): value for key, value in items}


def _empty_mapping(*_: Any) -> dict[Any, Any]:
    return {}


def _inert(*_: Any) -> StandIn:
    return StandIn()


def _first(value: Any, *_: Any) -> Any:
    return value


_TENSORS: Mapping[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
}

CALLS: Mapping[str, Callable[..., Any]] = {
    **_TENSORS,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch.Size": _first,
    "torch.device": _inert,
    "torch.jit._pickle.build_intlist": _first,
    "torch.jit._pickle.build_doublelist": _first,
    "torch.jit._pickle.build_boollist": _first,
    "torch.jit._pickle.build_tensorlist": _first,
    "torch.jit._pickle.restore_type_tag": _first,
    "collections.OrderedDict": _pairs,
    "collections.defaultdict": _empty_mapping,
    # Values beside the weights: of callbacks, of hyperparameters. Nobody asks for them.
    "__builtin__.set": _inert,
    "__builtin__.frozenset": _inert,
    "__builtin__.bytearray": _inert,
    "__builtin__.complex": _inert,
    "builtins.set": _inert,
    "builtins.frozenset": _inert,
    "builtins.bytearray": _inert,
    "builtins.complex": _inert,
    "_codecs.encode": _inert,
    "numpy.dtype": _inert,
    "numpy.core.multiarray.scalar": _inert,
    "numpy.core.multiarray._reconstruct": _inert,
    "numpy._core.multiarray.scalar": _inert,
    "numpy._core.multiarray._reconstruct": _inert,
    "pathlib.PosixPath": _inert,
    "pathlib.WindowsPath": _inert,
}
"""What a pickle may call, and which function of this module answers instead. The named one never runs."""


def read_pickle(file: BinaryIO, storages: dict[str, StorageRef] | None = None) -> Any:
    """Data of the pickle that begins at the file's position; afterwards the file stands behind it.

    storages: receives every storage that the pickle mentions, by key.
    Raises Unreadable.
    """
    machine = _Machine({} if storages is None else storages)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in broken texts
            return machine.run(_Limited(file, MAX_BYTES))
    except Unreadable:
        raise
    except (
        ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, struct.error
    ) as error:  # fmt: skip
        raise Unreadable(f"its pickle is broken ({error})") from error


@dataclass
class _Limited:
    """A file of which only so many bytes may be read."""

    file: BinaryIO
    left: int

    def read(self, count: int) -> bytes:
        """The next bytes."""
        self._take(count)
        return self.file.read(count)

    def readline(self) -> bytes:
        """The rest of the line."""
        line = self.file.readline(self.left + 1)
        self._take(len(line))
        return line

    def _take(self, count: int) -> None:
        if count > self.left:
            raise Unreadable(f"its pickle is larger than {MAX_BYTES // 2**20} MB")
        self.left -= count


class _Mark:
    """Where a group of values begins on the stack."""


_MARK = _Mark()

_VALUES = frozenset(
    """INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES
    SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8""".split()
)
"""Opcodes that push their argument."""


@dataclass
class _Machine:
    """The stack machine of the pickle format, with data only."""

    storages: dict[str, StorageRef]
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self, file: _Limited) -> Any:
        """The value that the pickle ends with."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(cast("IO[bytes]", file))):
            if count > MAX_OPCODES:
                raise Unreadable(f"its pickle has more than {MAX_OPCODES:,} steps")
            if opcode.name == "STOP":
                return self._pop()
            if opcode.name in _VALUES:
                self.stack.append(argument)
            elif opcode.name in _STEPS:
                _STEPS[opcode.name](self, argument)
            else:
                raise Unreadable(f"it uses {opcode.name}, which can run code; that is refused")
        raise Unreadable("its pickle is cut short")

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise Unreadable("its pickle is broken (a mark where a value is expected)")
        return value

    def _group(self) -> list[Any]:
        """Values above the last mark, which is removed as well."""
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                group = self.stack[index + 1 :]
                del self.stack[index:]
                return group
        raise Unreadable("its pickle is broken (a mark is missing)")

    def _top(self) -> Any:
        value = self._pop()
        self.stack.append(value)
        return value

    def put(self, index: int) -> None:
        """Remember the value on top."""
        self.memo[index] = self._top()

    def group_to_tuple(self) -> None:
        """All above the mark become a tuple."""
        self.stack.append(tuple(self._group()))

    def group_to_stand_in(self) -> None:
        """All above the mark become one thing that nobody asks for."""
        self._group()
        self.stack.append(StandIn())

    def some_to_tuple(self, count: int) -> None:
        """The last values become a tuple."""
        values = [self._pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def group_to_dict(self) -> None:
        """All above the mark become a mapping."""
        group = self._group()
        self.stack.append({})
        self._set_items(group)

    def set_item(self) -> None:
        """One entry of the mapping below it."""
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def append(self) -> None:
        """One item of the list below it."""
        self._extend([self._pop()])

    def push_name(self, module: str, name: str) -> None:
        """A name, as it is written."""
        self.stack.append(Name(module, name))

    def push_stack_name(self) -> None:
        """A name whose parts lie on the stack."""
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise Unreadable("it makes up a name from something that is no text; that is refused")
        self.push_name(module, name)

    def call(self) -> None:
        """Answer a call that is on the list, refuse any other."""
        arguments, function = self._pop(), self._pop()
        answer = CALLS.get(str(function)) if isinstance(function, Name) else None
        if answer is None or type(arguments) is not tuple:
            called = function if isinstance(function, Name) else "something that is no name"
            raise Unreadable(f"it wants to call {called}, which is refused; nothing was run")
        self.stack.append(answer(*arguments))

    def make_object(self) -> None:
        """A stand-in for an object of a class."""
        arguments, cls = self._pop(), self._pop()
        if not isinstance(cls, Name) or type(arguments) is not tuple:
            raise Unreadable("it makes an object of something that is no class; that is refused")
        self.stack.append({} if str(cls) == "collections.OrderedDict" else StandIn())

    def build(self) -> None:
        """Set the state of a stand-in. Tensors and mappings have none that matters."""
        state, thing = self._pop(), self._top()
        if isinstance(thing, StandIn):
            thing.state = state
        elif not isinstance(thing, TensorRef | dict):
            raise Unreadable("it sets the state of something that has none; that is refused")

    def load_persistent(self) -> None:
        """What lies outside the pickle: storages, and the source of classes in old files."""
        match self._pop():
            case ("storage", Name("torch", kind), str(key), _, int(count)) | (
                "storage", Name("torch", kind), str(key), _, int(count), None
            ):  # fmt: skip
                storage = StorageRef(kind, key, count)
                self.storages[key] = storage
                self.stack.append(storage)
            case ("module", Name() as cls, *_):
                self.stack.append(cls)
            case _:
                raise Unreadable("it points to something outside that is no storage of torch")

    def _set_items(self, group: list[Any]) -> None:
        target = self._top()
        if len(group) % 2:
            raise Unreadable("its pickle is broken (a key without a value)")
        if isinstance(target, StandIn):
            return
        if type(target) is not dict:
            raise Unreadable("it sets items of something that is no mapping; that is refused")
        for key, value in zip(group[::2], group[1::2], strict=True):
            target[_as_key(key)] = value

    def _extend(self, group: list[Any]) -> None:
        target = self._top()
        if isinstance(target, StandIn):
            return
        if type(target) is not list:
            raise Unreadable("it appends to something that is no list; that is refused")
        target.extend(group)


def _as_key(key: Any) -> Any:
    """A key that is quick to hash. Nested tuples can take forever, and nobody asks for them."""
    plain = isinstance(key, str | int | float | bytes | Name | StandIn) or key is None
    return key if plain else StandIn()


def _ignore(machine: _Machine, argument: Any) -> None:
    pass


_STEPS: Mapping[str, Callable[[_Machine, Any], object]] = {
    "PROTO": _ignore,
    "FRAME": _ignore,
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "EMPTY_SET": lambda m, _: m.stack.append(StandIn()),
    "MARK": lambda m, _: m.stack.append(_MARK),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m._group(),
    "DUP": lambda m, _: m.stack.append(m._top()),
    "PUT": lambda m, index: m.put(index),
    "BINPUT": lambda m, index: m.put(index),
    "LONG_BINPUT": lambda m, index: m.put(index),
    "MEMOIZE": lambda m, _: m.put(len(m.memo)),
    "GET": lambda m, index: m.stack.append(m.memo[index]),
    "BINGET": lambda m, index: m.stack.append(m.memo[index]),
    "LONG_BINGET": lambda m, index: m.stack.append(m.memo[index]),
    "TUPLE": lambda m, _: m.group_to_tuple(),
    "TUPLE1": lambda m, _: m.some_to_tuple(1),
    "TUPLE2": lambda m, _: m.some_to_tuple(2),
    "TUPLE3": lambda m, _: m.some_to_tuple(3),
    "LIST": lambda m, _: m.stack.append(m._group()),
    "DICT": lambda m, _: m.group_to_dict(),
    "FROZENSET": lambda m, _: m.group_to_stand_in(),
    "SETITEM": lambda m, _: m.set_item(),
    "SETITEMS": lambda m, _: m._set_items(m._group()),
    "APPEND": lambda m, _: m.append(),
    "APPENDS": lambda m, _: m._extend(m._group()),
    "ADDITEMS": lambda m, _: m._extend(m._group()),
    "GLOBAL": lambda m, names: m.push_name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.push_stack_name(),
    "REDUCE": lambda m, _: m.call(),
    "NEWOBJ": lambda m, _: m.make_object(),
    "BUILD": lambda m, _: m.build(),
    "BINPERSID": lambda m, _: m.load_persistent(),
}
"""What each opcode does; those that are neither here nor in _VALUES are refused."""
