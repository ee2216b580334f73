"""Hostile pickles, written by hand; each would leave a file behind if anything of it ran."""

from __future__ import annotations

import collections
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest

from vqanim.models import unpickle
from vqanim.models.pickled import (
    Name,
    StandIn,
    StorageRef,
    TensorRef,
    Unreadable,
)
from vqanim.models.unpickle import makes_value, read_pickle


def text(value: str) -> bytes:
    """Opcode that pushes a text."""
    content = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(content)) + content


def blob(content: bytes) -> bytes:
    """Opcode that pushes bytes."""
    return pickle.BINBYTES + struct.pack("<I", len(content)) + content


def name(module: str, attribute: str) -> bytes:
    """Opcode that pushes a name."""
    return pickle.GLOBAL + f"{module}\n{attribute}\n".encode()


def read(body: bytes, protocol: int = 2) -> Any:
    """What our reader makes of opcodes."""
    return read_pickle(io.BytesIO(pickle.PROTO + bytes([protocol]) + body + pickle.STOP))


SYSTEM = name("os", "system")
ORDERED = name("collections", "OrderedDict")


def hostile(marker: Path) -> dict[str, bytes]:
    """Ways to run `touch marker`, by title."""
    command = text(f"touch {marker}")
    arguments = command + pickle.TUPLE1
    python = text(f"open({str(marker)!r}, 'w').close()") + pickle.TUPLE1
    nested = pickle.PROTO + b"\x02" + SYSTEM + arguments + pickle.REDUCE + pickle.STOP
    system_by_parts = name("builtins", "getattr") + name("builtins", "__import__")
    storage = (
        pickle.MARK + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu")
        + pickle.BININT1 + b"\x01" + pickle.TUPLE + pickle.BINPERSID
    )  # fmt: skip
    return {
        "REDUCE": SYSTEM + arguments + pickle.REDUCE,
        "posix": name("posix", "system") + arguments + pickle.REDUCE,
        "eval": name("builtins", "eval") + python + pickle.REDUCE,
        "Python 2": name("__builtin__", "eval") + python + pickle.REDUCE,
        "subprocess": name("subprocess", "Popen") + command + pickle.TUPLE1 + pickle.REDUCE,
        "runpy": name("runpy", "run_path") + arguments + pickle.REDUCE,
        "inside a mapping": pickle.EMPTY_DICT + text("state_dict") + SYSTEM + arguments + pickle.REDUCE
        + pickle.SETITEM,
        "discarded": SYSTEM + arguments + pickle.REDUCE + pickle.POP + pickle.NONE,
        "INST": pickle.MARK + command + pickle.INST + b"os\nsystem\n",
        "OBJ": pickle.MARK + SYSTEM + command + pickle.OBJ,
        "NEWOBJ_EX": SYSTEM + arguments + pickle.EMPTY_DICT + pickle.NEWOBJ_EX,
        "copyreg": name("copyreg", "__newobj__") + SYSTEM + command + pickle.TUPLE2 + pickle.REDUCE,
        "dotted name": text("posix") + text("system.__call__") + pickle.STACK_GLOBAL + arguments
        + pickle.REDUCE,
        "dotted allowed name": text("torch") + text("_utils.os.system") + pickle.STACK_GLOBAL + arguments
        + pickle.REDUCE,
        "getattr": system_by_parts + text("__call__") + pickle.TUPLE2 + pickle.REDUCE + arguments
        + pickle.REDUCE,
        "a call of what a call gave": ORDERED + pickle.EMPTY_TUPLE + pickle.REDUCE + arguments
        + pickle.REDUCE,
        "a call of a stand-in": name("x", "Y") + pickle.EMPTY_TUPLE + pickle.NEWOBJ + arguments
        + pickle.REDUCE,
        "memo": ORDERED + pickle.BINPUT + b"\x00" + pickle.POP + SYSTEM + pickle.BINPUT + b"\x00" + pickle.POP
        + pickle.BINGET + b"\x00" + arguments + pickle.REDUCE,
        "BUILD of a name": SYSTEM + pickle.EMPTY_DICT + text("__call__") + SYSTEM + pickle.SETITEM
        + pickle.BUILD,
        "BUILD of a list": pickle.EMPTY_LIST + pickle.EMPTY_DICT + pickle.BUILD,
        "SETITEM of a name": ORDERED + text("__reduce__") + SYSTEM + pickle.SETITEM,
        "APPEND to a name": SYSTEM + command + pickle.APPEND,
        "nested": name("pickle", "loads") + blob(nested) + pickle.TUPLE1 + pickle.REDUCE,
        "nested by torch": name("torch.storage", "_load_from_bytes") + blob(nested) + pickle.TUPLE1
        + pickle.REDUCE,
        "numpy's object arrays": name("numpy", "load") + arguments + pickle.REDUCE,
        "torch.load": name("torch", "load") + arguments + pickle.REDUCE,
        "persistent id": SYSTEM + arguments + pickle.BINPERSID,
        "persistent text": pickle.PERSID + f"os.system('touch {marker}')\n".encode(),
        "persistent storage of a stranger": pickle.MARK + text("storage") + SYSTEM + command + text("cpu")
        + pickle.BININT1 + b"\x01" + pickle.TUPLE + pickle.BINPERSID,
        "a hook of a tensor": name("torch._utils", "_rebuild_tensor_v2") + pickle.MARK + storage
        + pickle.BININT1 + b"\x00" + pickle.BININT1 + b"\x01" + pickle.TUPLE1 + pickle.BININT1 + b"\x01"
        + pickle.TUPLE1 + pickle.NEWFALSE + SYSTEM + arguments + pickle.REDUCE + pickle.TUPLE + pickle.REDUCE,
        "a tensor of a type": name("torch._tensor", "_rebuild_from_type_v2") + pickle.MARK + SYSTEM
        + name("torch", "Tensor") + arguments + pickle.NONE + pickle.TUPLE + pickle.REDUCE,
        "extension registry": pickle.EXT1 + b"\x01",
        "defaultdict's factory": name("collections", "defaultdict") + SYSTEM + pickle.TUPLE1 + pickle.REDUCE
        + arguments + pickle.REDUCE,
        "partial": name("functools", "partial") + SYSTEM + command + pickle.TUPLE2 + pickle.REDUCE
        + pickle.EMPTY_TUPLE + pickle.REDUCE,
        "a method by getattr": name("builtins", "getattr") + name("pathlib", "Path") + text("touch")
        + pickle.TUPLE2 + pickle.REDUCE + arguments + pickle.REDUCE,
        "a function of a stranger": name("stranger.tools", "system") + arguments + pickle.REDUCE,
        "a class of Python's own": name("multiprocessing", "Process") + arguments + pickle.REDUCE,
    }  # fmt: skip


TITLES = tuple(hostile(Path("marker")))


@pytest.mark.parametrize("title", TITLES)
def test_nothing_runs(title: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(Unreadable):
        read(hostile(marker)[title])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("title", ["REDUCE", "eval", "INST", "OBJ", "nested", "memo", "a hook of a tensor"])
def test_the_same_runs_in_pythons_own_reader(title: str, tmp_path: Path) -> None:
    class Careless(pickle.Unpickler):
        def persistent_load(self, pid: Any) -> object:
            return pid

    body = pickle.PROTO + b"\x02" + hostile(tmp_path / "marker")[title] + pickle.STOP
    try:
        Careless(io.BytesIO(body)).load()
    except Exception:
        assert title == "a hook of a tensor"  # torch trips over the hook after it ran
    assert (tmp_path / "marker").exists()


def test_what_is_refused_is_named() -> None:
    with pytest.raises(Unreadable, match=r"it wants to call os\.system, which is refused; nothing was run"):
        read(hostile(Path("marker"))["REDUCE"])
    with pytest.raises(Unreadable, match="it uses INST, which can run code; that is refused"):
        read(hostile(Path("marker"))["INST"])


def test_objects_of_unknown_classes_are_empty_stand_ins() -> None:
    state = pickle.EMPTY_DICT + text("__setstate__") + SYSTEM + pickle.SETITEM
    found = read(
        name("os", "system") + text("touch marker") + pickle.TUPLE1 + pickle.NEWOBJ + state + pickle.BUILD
    )
    assert type(found) is StandIn
    assert found.state == {"__setstate__": Name("os", "system")}
    assert not callable(found)
    assert found.items is None


def test_containers_and_values_come_as_they_are() -> None:
    value = {
        "a": [1, -(2**70), 2.5, None, True, "é"], "b": (b"x", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "c": collections.OrderedDict(d={"e": []}),
    }  # fmt: skip
    for protocol in (0, 1, 2, 3, 4, 5):
        if protocol >= 3:  # before, bytes are a call of _codecs.encode
            assert read_pickle(io.BytesIO(pickle.dumps(value, protocol))) == value
        else:
            found = read_pickle(io.BytesIO(pickle.dumps(value, protocol)))
            assert (found["a"], found["c"]) == (value["a"], value["c"])
            assert type(found["b"][0]) is StandIn


def test_the_file_stands_behind_the_pickle() -> None:
    file = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("two", 4) + b"rest")
    assert read_pickle(file) == [1]
    assert read_pickle(file) == "two"
    assert file.read() == b"rest"


def test_tensors_are_described() -> None:
    storages: dict[str, StorageRef] = {}
    body = hostile(Path("marker"))["a hook of a tensor"]
    harmless = body.replace(SYSTEM + text("touch marker") + pickle.TUPLE1, ORDERED + pickle.EMPTY_TUPLE)
    found = read_pickle(io.BytesIO(b"\x80\x02" + harmless + pickle.STOP), storages)
    assert isinstance(found, TensorRef)
    assert (found.offset, found.shape, found.strides) == (0, (1,), (1,))
    assert found.storage is storages["0"]
    assert (found.storage.kind, found.storage.count) == ("FloatStorage", 1)


def test_keys_that_take_forever_to_compare_are_replaced() -> None:
    nested = pickle.EMPTY_TUPLE + (pickle.DUP + pickle.TUPLE2) * 200
    found = read(pickle.EMPTY_DICT + nested + pickle.NONE + pickle.SETITEM)
    assert [type(key) for key in found] == [StandIn]


def test_deep_nesting_is_no_trouble() -> None:
    assert read(pickle.EMPTY_LIST * 200_000 + pickle.APPEND * 199_999)


@pytest.mark.parametrize(
    "body",
    [
        pickle.REDUCE, pickle.POP, pickle.BINGET + b"\x07", pickle.TUPLE, pickle.MARK, pickle.SETITEM,
        b"\xff", pickle.LONG4 + b"\xff\xff\xff\x7f", b"I" + b"9" * 5000 + b"\n", pickle.STACK_GLOBAL, b"ca\n",
        pickle.EMPTY_DICT + pickle.MARK + pickle.NONE + pickle.SETITEMS,
        pickle.NONE + pickle.NONE + pickle.NEWOBJ,
        ORDERED + text("ab") + pickle.TUPLE1 + pickle.REDUCE, text("a")[:-1] + b"\xff",
        name("torch._utils", "_rebuild_tensor_v2") + pickle.EMPTY_TUPLE + pickle.REDUCE,
    ],
)  # fmt: skip
def test_broken_pickles_are_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


def test_a_pickle_that_is_cut_short_is_refused() -> None:
    whole = pickle.dumps({"a": [1, 2, "three"]}, 2)
    for length in range(len(whole)):
        with pytest.raises(Unreadable):
            read_pickle(io.BytesIO(whole[:length]))


def test_absurd_sizes_are_refused_before_anything_is_read() -> None:
    for opcode, reason in (
        (pickle.BINBYTES8, "cut short"),
        (pickle.BYTEARRAY8, "cut short"),
        (pickle.BINUNICODE8, "larger than 128 MB"),
    ):
        for size in (2**40, 2**62):
            with pytest.raises(Unreadable, match=reason):
                read(opcode + struct.pack("<Q", size))


def test_endless_pickles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "MAX_READS", 1000)
    with pytest.raises(Unreadable, match="more than 1,000 steps"):
        read(pickle.NONE * 2000)


PAIRS = (
    pickle.EMPTY_LIST + pickle.MARK + (pickle.NONE + pickle.NONE + pickle.TUPLE2) * 500 + pickle.APPENDS
    + pickle.TUPLE1 + pickle.BINPUT + b"\x01"
)  # fmt: skip
LONG = pickle.MARK + pickle.NONE * 500 + pickle.TUPLE + pickle.BINPUT + b"\x01"
AGAIN = pickle.BINGET + b"\x00" + pickle.BINGET + b"\x01" + pickle.REDUCE


@pytest.mark.parametrize(
    "body",
    [
        ORDERED + pickle.BINPUT + b"\x00" + PAIRS + AGAIN * 60,
        name("torch", "Size") + pickle.BINPUT + b"\x00" + LONG + AGAIN * 60,
        pickle.EMPTY_SET * 20_001, pickle.EMPTY_DICT * 20_001, pickle.EMPTY_LIST * 20_001,
        pickle.MARK * 20_001, pickle.NONE + pickle.TUPLE1 * 20_001, pickle.NONE + pickle.MEMOIZE * 20_001,
        name("x", "Y") * 20_001, (pickle.MARK + pickle.FROZENSET) * 10_001,
        (name("x", "Y") + pickle.EMPTY_TUPLE + pickle.NEWOBJ) * 10_001,
    ],
)  # fmt: skip
def test_small_pickles_make_no_large_things(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "MAX_OBJECTS", 20_000)
    with pytest.raises(Unreadable, match="makes more than 20,000 objects"):
        read(body, 4)


def test_numbers_that_share_a_hash_are_no_keys() -> None:
    numbers = [i * (2**61 - 1) for i in range(1, 2000)]
    keys = b"".join(pickle.LONG1 + b"\x0a" + n.to_bytes(10, "little") + pickle.NONE for n in numbers)
    found = read(pickle.EMPTY_DICT + pickle.MARK + keys + pickle.SETITEMS)
    assert {type(key) for key in found} == {StandIn}


def test_a_shape_of_many_numbers_is_refused() -> None:
    shape = pickle.MARK + (pickle.BININT1 + b"\x01") * 5000 + pickle.TUPLE
    arguments = pickle.NONE + pickle.BININT1 + b"\x00" + shape + pickle.DUP
    with pytest.raises(Unreadable, match="impossible dimensions"):
        read(name("torch._utils", "_rebuild_tensor") + pickle.MARK + arguments + pickle.TUPLE + pickle.REDUCE)


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("collections.Counter", True), ("mylab.train.Stage", True), ("mylab.train._Stage", True),
        ("os.system", False), ("subprocess.Popen", False), ("builtins.eval", False), ("torch.load", False),
        ("__builtin__.file", False), ("webbrowser.Chrome", False), ("mylab.run", False), ("", False),
    ],
)  # fmt: skip
def test_calls_that_make_values_are_told_from_others(called: str, expected: bool) -> None:
    assert makes_value(called) == expected


def test_items_of_a_mapping_of_unknown_class_are_kept() -> None:
    made = name("lab.config", "AttributeDict") + pickle.EMPTY_TUPLE + pickle.NEWOBJ
    found = read(made + text("a") + pickle.BININT1 + b"\x07" + pickle.SETITEM)
    assert found.items == {"a": 7}
