from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from vqanim.errors import InputError
from vqanim.models.entries import LocalFile, read_verified, verify
from vqanim.models.weights import load_into, parse_tensors

REMEDY = "reinstall it"


def test_a_file_with_the_right_hash_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights")
    assert read_verified(LocalFile(path, REMEDY, hashlib.sha256(b"weights").hexdigest())) == b"weights"


def test_a_changed_file_is_named_with_both_hashes_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weightz")
    wanted = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(InputError) as caught:
        read_verified(LocalFile(path, REMEDY, wanted))
    found = hashlib.sha256(b"weightz").hexdigest()
    for part in (str(path), wanted[:12], found[:12], "7 bytes", REMEDY):
        assert part in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"gone\.bin: cannot be read \(No such file or directory\); reinstall it"
    ):
        read_verified(LocalFile(tmp_path / "gone.bin", REMEDY, "0" * 64))


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", save({"a": torch.ones(9)})[:-5]])
def test_what_is_no_safetensors_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"a\.safetensors: not a safetensors file .*reinstall it"):
        parse_tensors(content, LocalFile(Path("a.safetensors"), REMEDY))


def test_tensors_are_compared_by_name_and_shape_before_anything_is_loaded() -> None:
    module = nn.Linear(2, 3)
    before = module.weight.clone()
    with pytest.raises(InputError) as caught:
        load_into(module, {"weight": torch.ones(2, 3), "extra": torch.ones(1)}, LocalFile(Path("w"), REMEDY))
    message = str(caught.value)
    assert "missing: bias" in message
    assert "unexpected: extra" in message
    assert "of another shape: weight [2, 3], expected [3, 2]" in message
    assert torch.equal(module.weight, before)


def test_names_from_a_file_cannot_write_to_the_terminal() -> None:
    tensors = {"weight": torch.ones(3, 2), "bias": torch.ones(3), "\x1b[2J\nall is well": torch.ones(1)}
    with pytest.raises(InputError) as caught:
        load_into(nn.Linear(2, 3), tensors, LocalFile(Path("w"), REMEDY))
    assert "unexpected: ?[2J?all is well; reinstall it" in str(caught.value)


def test_counters_stay_whole_numbers_and_no_memory_is_shared() -> None:
    module = nn.BatchNorm2d(2)
    tensors = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    load_into(module, tensors, LocalFile(Path("w"), REMEDY))
    assert module.num_batches_tracked is not None
    assert module.num_batches_tracked.dtype == torch.int64
    assert module.weight.data_ptr() != tensors["weight"].data_ptr()


def test_a_file_of_any_size_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights" * 1_000_000)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert verify(LocalFile(path, REMEDY, found)) == verify(LocalFile(path, REMEDY, None)) == found
    with pytest.raises(InputError, match=r"\(7,000,000 bytes\), expected 000000000000\.\.\.; reinstall it"):
        verify(LocalFile(path, REMEDY, "0" * 64))
    with pytest.raises(InputError, match="cannot be read"):
        verify(LocalFile(tmp_path / "gone", REMEDY, None))


def test_half_precision_weights_become_float32() -> None:
    module = nn.Linear(2, 1)
    load_into(
        module,
        {"weight": torch.tensor([[1.5, -2]]).half(), "bias": torch.zeros(1).half()},
        LocalFile(Path("w"), REMEDY),
    )
    assert module.weight.dtype == torch.float32
    assert module.weight.tolist() == [[1.5, -2.0]]
