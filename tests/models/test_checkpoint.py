from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.models.official import FORMS
from tests.models.test_unpickle import TITLES, hostile
from vqanim.errors import InputError
from vqanim.models.checkpoint import read_checkpoint
from vqanim.models.contents import find_fault


@pytest.fixture
def state() -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return {
        "a.weight": torch.randn(4, 3, generator=rng),
        "a.bias": torch.randn(4, generator=rng).half(),
        "b": torch.arange(5),
        "scalar": torch.tensor(224),
        "bfloat": torch.randn(2, 2, generator=rng).bfloat16(),
        "bool": torch.tensor([True, False]),
    }


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == tensor.dtype and torch.equal(found[name], tensor) and found[name].is_contiguous()
        for name, tensor in expected.items()
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_tensors_that_were_saved(
    form: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / form
    FORMS[form](state, path)
    assert same(read_checkpoint(path), state)


def test_a_safetensors_file_may_begin_like_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for length in range(1, 400):
        save_file({"a" * length: torch.ones(1)}, path)
        if path.read_bytes()[0] == 0x80:  # the header's length, by chance
            break
    assert path.read_bytes()[:1] == pickle.PROTO
    assert read_checkpoint(path)["a" * length].tolist() == [1]
    assert find_fault(path, "weights") is None
    path.write_bytes(path.read_bytes()[:-1])
    assert find_fault(path, "weights") == "it is cut short"


def test_a_torchscript_archive_is_read_as_data(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4)))
    save_script(module, torch.ones(1, 3, 2, 2), path)
    assert same(read_checkpoint(path), module.state_dict())


def save_script(module: nn.Module, example: Tensor, path: Path) -> None:
    """A TorchScript archive by tracing, as OpenAI made theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would like another format
        torch.jit.save(torch.jit.trace(module.eval(), example), str(path))


def test_views_of_shared_numbers_become_tensors_of_their_own(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    views = {"t": base.T, "row": base[1], "part": base[1:, 2:], "all": base, "none": base[:0]}
    for legacy in (False, True):
        path = tmp_path / f"{legacy}.pt"
        torch.save(views, path, _use_new_zipfile_serialization=not legacy)
        found = read_checkpoint(path, lambda tensors: {k: v for k, v in tensors.items() if k != "all"})
        assert same(found, {name: view for name, view in views.items() if name != "all"})
        assert len({tensor.data_ptr() for tensor in found.values() if tensor.numel()}) == 3


def test_what_is_refused_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.ones(1)}, path)
    call = pickle.PROTO + b"\x02cos\nsys\x1b[2Jtem\n" + pickle.EMPTY_TUPLE + pickle.REDUCE + pickle.STOP
    rewrite(path, {"data.pkl": call})
    with pytest.raises(InputError, match=r"it wants to call os\.sys\?\[2Jtem, which is refused"):
        read_checkpoint(path)


def test_attributes_of_tensors_do_not_matter(tmp_path: Path) -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.note = {"frozen": True}  # type: ignore[attr-defined]
    torch.save({"a": weight, "b": nn.Buffer(torch.zeros(1))}, tmp_path / "a.pt")
    assert same(read_checkpoint(tmp_path / "a.pt"), {"a": torch.ones(2), "b": torch.zeros(1)})


def test_only_what_is_selected_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"wanted": torch.ones(2), "broken": torch.ones(3)}, path)
    rewrite(path, {"data/1": b""})
    assert read_checkpoint(path, lambda found: {"new": found["wanted"]})["new"].tolist() == [1, 1]
    with pytest.raises(InputError, match=r"part 'data/1' has 0 bytes, expected 12"):
        read_checkpoint(path)


def rewrite(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Replace parts of a zip checkpoint; None leaves one out."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    folder = next(name for name in found if name.endswith("data.pkl")).removesuffix("data.pkl")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in {**found, **{folder + part: content for part, content in parts.items()}}.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("title", TITLES)
def test_a_hostile_checkpoint_runs_nothing(title: str, tmp_path: Path) -> None:
    path, marker = tmp_path / "a.ckpt", tmp_path / "marker"
    torch.save({"state_dict": {"a": torch.ones(1)}}, path)
    body = hostile(marker)[title]
    whole = (
        pickle.PROTO
        + b"\x02"
        + pickle.EMPTY_DICT
        + b"X\x01\x00\x00\x00x"
        + body
        + pickle.SETITEM
        + pickle.STOP
    )
    rewrite(path, {"data.pkl": whole})
    with pytest.raises(InputError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3
    assert [file.name for file in tmp_path.iterdir()] == ["a.ckpt"]
    path.write_bytes(whole)
    with pytest.raises(InputError):
        read_checkpoint(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.ckpt"]


class Touch:
    """Would leave a file behind when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_hostile_object_beside_good_weights_is_refused(legacy: bool, tmp_path: Path) -> None:
    path, marker = tmp_path / "a.ckpt", tmp_path / "marker"
    content = {"state_dict": {"a": torch.ones(1)}, "hyper_parameters": Touch(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(InputError, match="which is refused; nothing was run; get it again"):
        read_checkpoint(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><title>not found</title>", "it is a web page instead of the file"),
        (b"\n <html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "pointer of Git LFS"),
        (b"\x00" * 257 + b"ustar", "tar archive"),
        (b"GIF89a and more", "it is no checkpoint"),
        (b"PK\x03\x04 and then nothing", "damaged or cut short"),
        (b"\x40\x00\x00\x00\x00\x00\x00\x00{not json", "damaged or cut short"),
        (pickle.dumps({"a": 1}, 2), "it holds no weights by name, but 'a'"),
        (pickle.dumps([1], 4), "it holds no weights by name"),
    ],
)
def test_what_is_no_checkpoint_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, remedy="fetch it again")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert words in message
    assert message.endswith("; fetch it again")
    assert "\n" not in message


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone: cannot be read \(No such file"):
        read_checkpoint(tmp_path / "gone")
    with pytest.raises(InputError, match="is a folder, not a file"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_cut_short_is_refused(form: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / form
    FORMS[form](state, path)
    content = path.read_bytes()
    for length in range(1, len(content), max(1, len(content) // 40)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            read_checkpoint(path)


def test_a_flipped_bit_in_the_numbers_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.full((8,), 7.0)}, path)
    content = bytearray(path.read_bytes())
    content[content.index(struct.pack("<f", 7.0)) + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or cut short"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"epoch": 3, "model": [torch.ones(1)]}, "it holds no weights by name, but 'epoch', 'model'"),
        ([torch.ones(1)], "it holds no weights by name"),
        (torch.ones(1), "it holds no weights by name"),
        ({"state_dict": {}}, "it holds no weights by name, but 'state_dict'"),
    ],
)
def test_a_file_without_a_state_dict_is_refused(value: Any, words: str, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "a.pt")
    with pytest.raises(InputError, match=words):
        read_checkpoint(tmp_path / "a.pt")


def changed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert content.count(old) == 1
        return content.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed(b"K\x03K\x02\x86", b"J\xff\xff\xff\x7fK\x02\x86"), "larger than its 6 numbers"),
        (changed(b"K\x03K\x02\x86", b"J\xff\xff\xff\xffK\x02\x86"), "by negative numbers"),
        (changed(b"K\x02K\x01\x86", b"K\x00K\x00\x86"), None),
        (changed(b"K\x02K\x01\x86", b"K\x02K\x01\x87"), "broken|dimensions|no storage"),
        (changed(b"FloatStorage", b"QuintStorage"), "of the kind 'QuintStorage', which is not known"),
        (changed(b"K\x06tq", b"J\xff\xff\xff\x7ftq"), "has 24 bytes, expected 8,589,934,588"),
        (changed(b"X\x01\x00\x00\x000", b"X\x04\x00\x00\x00../0"), r"its part 'data/../0' is missing"),
    ],
)
def test_tensors_that_do_not_fit_their_numbers_are_refused(
    change: Callable[[bytes], bytes], words: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.ones(3, 2)}, path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read("a/data.pkl")
    rewrite(path, {"data.pkl": change(content)})
    if words is None:
        assert read_checkpoint(path)["a"].shape == (3, 2)
        return
    with pytest.raises(InputError, match=words):
        read_checkpoint(path)


def test_a_tensor_that_repeats_its_numbers_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1).expand(10**12)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="larger than its 1 numbers"):
        read_checkpoint(tmp_path / "a.pt")


def test_many_tensors_of_the_same_numbers_are_refused(tmp_path: Path) -> None:
    numbers = torch.ones(1000)
    torch.save({str(i): numbers for i in range(100)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="far more than the file has"):
        read_checkpoint(tmp_path / "a.pt")


def test_compressed_parts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(100_000)}, path)
    rewrite(path, {}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="is compressed, which torch never does"):
        read_checkpoint(path)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("word/document.xml", "text")
    with pytest.raises(InputError, match="it is a zip archive, but not one of torch"):
        read_checkpoint(tmp_path / "a.pt")


def test_big_endian_numbers_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pt")
    rewrite(tmp_path / "a.pt", {"byteorder": b"big"})
    with pytest.raises(InputError, match="big-endian"):
        read_checkpoint(tmp_path / "a.pt")


def test_numbers_that_are_called_by_no_text_are_refused(tmp_path: Path) -> None:
    parts: tuple[object, ...] = (
        0x1950A86A20F9469CFC6C,
        1001,
        {"little_endian": True},
        {"state_dict": {}},
        [["a"]],
    )
    path = tmp_path / "legacy.ckpt"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    with pytest.raises(InputError, match="which no tensor has"):
        read_checkpoint(path)


def test_arrays_and_tensors_in_pickles_of_pythons_own_are_read(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    things: dict[str, Any] = {
        "rows": rng.random((3, 4)).astype("f4"),
        "columns": np.asfortranarray(rng.random((3, 4))),
        "whole": rng.integers(0, 9, (2, 3, 2)),
        "one": np.float32(rng.random(1)),
        "tensor": torch.rand(2, 3).T,
        "parameter": torch.nn.Parameter(torch.rand(500).half()),
    }
    for protocol in (3, 4, 5):
        path = tmp_path / "a.pkl"
        path.write_bytes(pickle.dumps({"weights": things, "names": np.array(["a", None])}, protocol))
        found = read_checkpoint(path)
        assert found.keys() == things.keys()
        for name, thing in things.items():
            assert torch.equal(found[name], torch.as_tensor(thing).detach()), name


def test_numbers_that_are_packed_otherwise_than_torch_does_are_refused(tmp_path: Path) -> None:
    whole = pickle.dumps({"a": torch.arange(300.0)})
    count = struct.pack("<q", 300)
    assert whole.count(count) == 1
    for content in (whole.replace(count, struct.pack("<q", 301)), whole[: whole.index(count) + 100]):
        (tmp_path / "a.pkl").write_bytes(content)
        with pytest.raises(InputError, match=r"packs numbers in another way|cut short|broken"):
            read_checkpoint(tmp_path / "a.pkl")
