"""A reader of pickles that runs nothing: checkpoints of strangers become plain data. No torch.

A pickle is a program. Python's own machine looks names up, calls what it finds and sets attributes on it;
here it has only those of its opcodes that make data. A name stays a `Name` and is never looked up. An object
of any class becomes a `StandIn`, which has no behavior. A call (REDUCE) is answered by a function of this
module if it is on the list CALLS, by a stand-in if it would make a value (`makes_value`), and otherwise
refused; so are all opcodes that call in other ways (INST, OBJ, NEWOBJ_EX), the extension registry, and state
that is set on anything but data. What is made is counted, so that a small file takes little memory.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from vqanim.models.pickled import (
    MAX_DIMENSIONS,
    MAX_NAME,
    ArrayRef,
    Held,
    Name,
    NumberType,
    PassedOver,
    PlainKeys,
    StandIn,
    StorageRef,
    TensorRef,
    Unreadable,
)

MAX_READS = 3_000_000
"""Of opcodes and of their arguments. A checkpoint of a thousand tensors with the state of its optimizer has
about two hundred thousand."""
MAX_OBJECTS = 1_000_000
"""Of containers, objects, marks and memos that are made, and of items that a call copies; the same checkpoint
has some ten thousand."""
MAX_BYTES = 128 * 2**20
"""Of one pickle, without longer bytes: they are passed over, as they hold the numbers of tensors."""
MAX_SIZE = 2**48
"""Of bytes that are passed over."""

LEGACY_START = (0x1950A86A20F9469CFC6C, 1001)
"""Magic number and version of the format of torch before 1.6, a pickle each."""


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorRef:
    if max(len(shape), len(strides)) > MAX_DIMENSIONS:
        raise Unreadable("it describes a tensor of impossible dimensions")
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, StorageRef) or any(type(number) is not int for number in numbers):
        raise Unreadable("it describes a tensor by something that is no storage and numbers")
    return TensorRef(storage, offset, tuple(shape), tuple(strides))


def _of_type(rebuild: Any, _cls: Any, arguments: Any, *_: Any) -> Any:
    """A tensor that has attributes or a class of its own, which do not matter."""
    if str(rebuild) not in _TENSORS or type(arguments) is not tuple:
        raise Unreadable(f"it wants to call {rebuild}, which is refused; nothing was run")
    return _TENSORS[str(rebuild)](*arguments)


def _first(value: Any, *_: Any) -> Any:
    return value


def _attribute(thing: Any, name: Any, *_: Any) -> Any:
    """The name of a class within a class, or of a member of an enumeration; of objects nothing is known."""
    if not isinstance(thing, Name):
        return StandIn()
    if type(name) is not str or len(thing.name) > MAX_NAME:
        raise Unreadable("it asks for an attribute whose name is no text, or too long; that is refused")
    return Name(thing.module, f"{thing.name}.{name}")


def _persistent(meta: Any, *_: Any) -> StandIn:
    """An object that NVIDIA's `torch_utils.persistence` wrote; the source of its class stays unread."""
    return StandIn(as_mapping(as_mapping(meta).get("state")))


def as_mapping(thing: Any) -> dict[Any, Any]:
    """The items of a mapping, or of an object that is one; empty of anything else."""
    if isinstance(thing, StandIn):
        return thing.items or {}
    return thing if isinstance(thing, dict) else {}


def _array(content: Any, kind: Any, shape: Any, order: Any = "C", *_: Any) -> ArrayRef:
    """An array of numpy's of bytes that lie in the file, in the order of C or Fortran."""
    found = ArrayRef()
    found.fill(content, kind, shape, fortran=order == "F")
    return found


_NUMPY = ("numpy.core", "numpy._core")
"""Where numpy keeps what makes arrays, before version 2 and since."""

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
    "torch.jit._pickle.restore_type_tag": _first,
    **{f"torch.jit._pickle.build_{kind}list": _first for kind in ("int", "double", "bool", "tensor")},
    "numpy.dtype": lambda code="", *_: NumberType(code) if isinstance(code, str) else StandIn(),
    **{f"{numpy}.multiarray._reconstruct": lambda *_: ArrayRef() for numpy in _NUMPY},
    **{f"{numpy}.numeric._frombuffer": _array for numpy in _NUMPY},
    "collections.OrderedDict": PlainKeys,
    "collections.defaultdict": lambda *_: PlainKeys(),
    **{f"{module}.getattr": _attribute for module in ("builtins", "__builtin__")},
    **{f"{module}.set": lambda items=None: StandIn(items) for module in ("builtins", "__builtin__")},
}
"""What a pickle may call, and which function of this module answers instead. The named one never runs."""

_BUILTIN = """frozenset bytearray complex list tuple dict range xrange slice type object int long float str
    unicode bool bytes"""
_VALUES = frozenset(
    [f"{module}.{name}" for module in ("builtins", "__builtin__") for name in _BUILTIN.split()]
    + [f"{numpy}.multiarray.scalar" for numpy in _NUMPY]
    + """_codecs.encode
    numpy.random._pickle.__randomstate_ctor numpy.random._pickle.__generator_ctor
    numpy.random._pickle.__bit_generator_ctor torch.device torch.nn.backends.thnn._get_thnn_function_backend
    copy_reg._reconstructor copyreg._reconstructor collections.Counter collections.deque
    collections.ChainMap datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone
    zoneinfo.ZoneInfo functools.partial argparse.Namespace types.SimpleNamespace types.MappingProxyType
    types.GenericAlias typing.Union operator.getitem _operator.getitem operator.itemgetter
    operator.attrgetter operator.methodcaller re._compile decimal.Decimal fractions.Fraction uuid.UUID
    logging.getLogger pathlib.Path pathlib.PurePath pathlib.PosixPath pathlib.PurePosixPath
    pathlib.WindowsPath pathlib.PureWindowsPath pathlib._local.Path pathlib._local.PurePath
    pathlib._local.PosixPath pathlib._local.PurePosixPath pathlib._local.WindowsPath
    pathlib._local.PureWindowsPath enum.Enum random.Random""".split()
)  # fmt: skip
"""Of Python and its packages what makes values that lie beside weights: of callbacks, of hyperparameters."""


_PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
"""How the name of NVIDIA's function ends, wherever people keep that package."""
_PACKED = "torch.storage._load_from_bytes"
"""The one call that is answered by reading on."""


def makes_value(name: str) -> bool:
    """Whether a call would make a value or an object, so that a stand-in may take its place.

    That is so for a few names, and for classes of all packages but Python's own, whose classes can start
    programs. Either way nothing runs; the others are refused because only a file that means ill names them.
    """
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    strange = package not in sys.stdlib_module_names and package not in ("__builtin__", "copy_reg")
    makes_object = last.lstrip("_")[:1].isupper() or last.startswith("__pyx_unpickle_")  # of Cython's classes
    return name in _VALUES or (strange and makes_object)


def read_pickle(file: BinaryIO, storages: dict[str, StorageRef] | None = None) -> Any:
    """Data of the pickle that begins at the file's position; afterwards the file stands behind it.

    storages: receives every storage that the pickle mentions, by key.
    Raises Unreadable.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in broken texts
            return _Reader(_Limited(file, MAX_BYTES), {} if storages is None else storages).load()
    except Unreadable:
        raise
    except EOFError as error:
        raise Unreadable("its pickle is cut short") from error
    except (
        ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, struct.error,
        pickle.UnpicklingError,
    ) as error:  # fmt: skip
        raise Unreadable(f"its pickle is broken ({error})") from error


@dataclass
class _Limited:
    """A file of which only so many bytes may be read, in so many steps."""

    file: BinaryIO
    left: int
    reads: int = 0
    made: int = 0

    def read(self, count: int) -> bytes:
        """The next bytes."""
        self._take(count)
        return self.file.read(count)

    def readline(self) -> bytes:
        """The rest of the line."""
        line = self.file.readline(self.left + 1)
        self._take(len(line))
        return line

    def skip(self, size: int) -> PassedOver:
        """Pass over the next bytes."""
        self._take(0)
        start = self.file.tell()
        if size > MAX_SIZE:
            raise Unreadable("its pickle is cut short")
        self.file.seek(start + size)
        return PassedOver(start, size)

    def spend(self, count: int) -> None:
        """Note that so many things are made. Raises Unreadable when there are too many."""
        self.made += count
        if self.made > MAX_OBJECTS:
            raise Unreadable(f"its pickle makes more than {MAX_OBJECTS:,} objects")

    def _take(self, count: int) -> None:
        self.reads += 1
        if self.reads > MAX_READS:
            raise Unreadable(f"its pickle has more than {MAX_READS:,} steps")
        if count > self.left:
            raise Unreadable(f"its pickle is larger than {MAX_BYTES // 2**20} MB")
        self.left -= count


class _Opcodes(dict[int, Callable[..., None]]):
    """What each opcode does; all others are refused."""

    def __missing__(self, opcode: int) -> Any:
        name = next((op.name for op in pickletools.opcodes if op.code == chr(opcode)), "an unknown opcode")
        raise Unreadable(f"it uses {name}, which can run code; that is refused")


_KEPT = """PROTO STOP MARK POP POP_MARK DUP PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET NONE
    NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING
    SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS SETITEM SETITEMS ADDITEMS
    GLOBAL STACK_GLOBAL BINPERSID"""
"""Opcodes that do what they do in Python's reader: they move values around and call nothing but what stands
in this module (`find_class`, `persistent_load`, and the methods of StandIn)."""


_MADE = """MARK PUT BINPUT LONG_BINPUT MEMOIZE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST EMPTY_DICT DICT
    EMPTY_SET FROZENSET REDUCE NEWOBJ GLOBAL STACK_GLOBAL BINPERSID SHORT_BINBYTES BINBYTES BINBYTES8
    BYTEARRAY8"""
"""Opcodes of which each makes something that takes far more memory than the opcode itself."""


def _codes(names: str) -> list[int]:
    return [getattr(pickle, name)[0] for name in names.split()]


def _counted(opcode: Callable[[_Reader], None]) -> Callable[[_Reader], None]:
    """The same opcode, which counts as one thing made."""

    def count(reader: _Reader) -> None:
        reader.source.spend(1)
        opcode(reader)

    return count


def _bytes(length: int) -> Callable[[_Reader], None]:
    """An opcode of bytes, of which so many say how long they are."""

    def load(reader: _Reader) -> None:
        size = int.from_bytes(reader.read(length), "little")
        if size >= 2**8:
            reader.append(reader.source.skip(size))
            return
        reader.source.spend(3)  # a few bytes and their place take as much memory
        reader.append(Held.of(reader.source.file.tell(), reader.read(size)))

    return load


class _Reader(pickle._Unpickler):
    """Python's reader with fewer opcodes, and others for all that calls, sets state or hashes keys."""

    stack: list[Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: _Limited, storages: dict[str, StorageRef], inner: bool = False) -> None:
        """inner: whether it reads what another pickle holds."""
        super().__init__(file, encoding="latin-1")
        self.source, self.storages, self.inner = file, storages, inner

    def find_class(self, module: str, name: str) -> Any:
        """The name, which is not looked up."""
        return Name(module, name)

    def persistent_load(self, pid: Any) -> Any:
        """What lies outside the pickle: storages, and the source of classes in old files."""
        match pid:
            case ("storage", Name("torch" | "torch.cuda", kind), str(key), _, int(count), *rest) if rest in (
                [],
                [None],
            ):
                self.storages[key] = StorageRef(kind, key, count)
                return self.storages[key]
            case ("module", Name() as cls, *_):
                return cls
        raise Unreadable("it points to something outside that is no storage of torch")

    def call(self) -> None:
        """Answer a call that is on the list or would make a value, refuse any other."""
        arguments, function = self.stack.pop(), self.stack.pop()
        called = str(function) if isinstance(function, Name) else "something that is no name"
        answer = _persistent if called.endswith(_PERSISTENT) else CALLS.get(called)
        if type(arguments) is not tuple or not (answer or called == _PACKED or makes_value(called)):
            raise Unreadable(f"it wants to call {called}, which is refused; nothing was run")
        if called == _PACKED:
            self.append(self.packed(*arguments))
            return
        if answer is None:
            self.append(StandIn())
            return
        self.source.spend(
            sum(
                len(a) for a in (arguments, *arguments[:MAX_DIMENSIONS]) if isinstance(a, tuple | list | dict)
            )
        )
        self.append(answer(*arguments))

    def packed(self, content: Any) -> StorageRef:
        """The storage in a file of torch before 1.6 that stands within the pickle, as Python's own pickles of
        tensors have it. Its pickles are read as this one is."""
        if self.inner or not isinstance(content, Held | PassedOver):
            raise Unreadable(
                f"it wants to call {_PACKED} of what is no storage, which is refused; nothing was run"
            )
        file, found = self.source.file, dict[str, StorageRef]()
        back = file.tell()
        file.seek(content.start)
        *start, _, top, keys = (_Reader(self.source, found, inner=True).load() for _ in range(5))
        count, begin = int.from_bytes(file.read(8), "little"), file.tell()
        file.seek(back)
        if (
            tuple(start) != LEGACY_START
            or not isinstance(top, StorageRef)
            or keys != [top.key]
            or top.count != count
        ):
            raise Unreadable("it packs numbers in another way than torch does; that is refused")
        return replace(top, key=f"{top.key} at {begin}", start=begin)

    def make_object(self) -> None:
        """A stand-in for an object of a class."""
        arguments, cls = self.stack.pop(), self.stack.pop()
        if not isinstance(cls, Name) or type(arguments) is not tuple:
            raise Unreadable("it makes an object of something that is no class; that is refused")
        self.append(PlainKeys() if str(cls) == "collections.OrderedDict" else StandIn(cls=cls))

    def build(self) -> None:
        """Set the state of a stand-in. Tensors and mappings have none that matters."""
        state, thing = self.stack.pop(), self.stack[-1]
        if isinstance(thing, StandIn):
            thing.state = state
        elif isinstance(thing, NumberType | ArrayRef):
            thing.set_state(state)
        elif not isinstance(thing, TensorRef | dict):
            raise Unreadable("it sets the state of something that has none; that is refused")

    def group_to_dict(self) -> None:
        """All above the mark become a mapping."""
        items = self.pop_mark()
        self.append(PlainKeys(zip(items[::2], items[1::2], strict=True)))

    def group_to_stand_in(self) -> None:
        """All above the mark become one thing that nobody asks for."""
        self.pop_mark()
        self.append(StandIn())

    dispatch = _Opcodes(
        {code: pickle._Unpickler.dispatch[code] for code in _codes(_KEPT)}
        | {
            pickle.FRAME[0]: lambda reader: reader.read(8),
            pickle.REDUCE[0]: call,
            pickle.NEWOBJ[0]: make_object,
            pickle.BUILD[0]: build,
            pickle.DICT[0]: group_to_dict,
            pickle.EMPTY_DICT[0]: lambda reader: reader.append(PlainKeys()),
            pickle.EMPTY_SET[0]: lambda reader: reader.append(StandIn()),
            pickle.FROZENSET[0]: group_to_stand_in,
            pickle.SHORT_BINBYTES[0]: _bytes(1),
            pickle.BINBYTES[0]: _bytes(4),
            pickle.BINBYTES8[0]: _bytes(8),
            pickle.BYTEARRAY8[0]: _bytes(8),
        }
    )


_Reader.dispatch.update({code: _counted(_Reader.dispatch[code]) for code in _codes(_MADE)})
