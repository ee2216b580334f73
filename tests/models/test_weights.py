from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from vqanim.errors import InputError
from vqanim.models.weights import load_into, parse_tensors, read_verified

REMEDY = "reinstall it"


def test_a_file_with_the_right_hash_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights")
    assert read_verified(path, hashlib.sha256(b"weights").hexdigest(), REMEDY) == b"weights"


def test_a_changed_file_is_named_with_both_hashes_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weightz")
    wanted = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(InputError) as caught:
        read_verified(path, wanted, REMEDY)
    found = hashlib.sha256(b"weightz").hexdigest()
    for part in (str(path), wanted[:12], found[:12], "7 bytes", REMEDY):
        assert part in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"gone\.bin: cannot be read \(No such file or directory\); reinstall it"
    ):
        read_verified(tmp_path / "gone.bin", "0" * 64, REMEDY)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", save({"a": torch.ones(9)})[:-5]])
def test_what_is_no_safetensors_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"a\.safetensors: not a safetensors file .*reinstall it"):
        parse_tensors(content, Path("a.safetensors"), REMEDY)


def test_tensors_are_compared_by_name_and_shape_before_anything_is_loaded() -> None:
    module = nn.Linear(2, 3)
    before = module.weight.clone()
    with pytest.raises(InputError) as caught:
        load_into(module, {"weight": torch.ones(2, 3), "extra": torch.ones(1)}, Path("w"), REMEDY)
    message = str(caught.value)
    assert "missing: bias" in message
    assert "unexpected: extra" in message
    assert "of another shape: weight [2, 3], expected [3, 2]" in message
    assert torch.equal(module.weight, before)


def test_half_precision_weights_become_float32() -> None:
    module = nn.Linear(2, 1)
    load_into(
        module, {"weight": torch.tensor([[1.5, -2]]).half(), "bias": torch.zeros(1).half()}, Path("w"), REMEDY
    )
    assert module.weight.dtype == torch.float32
    assert module.weight.tolist() == [[1.5, -2.0]]
