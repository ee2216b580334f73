from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.models.official import FORMS, local
from vqanim.cache import converted_path
from vqanim.errors import InputError, OutputError
from vqanim.models.entries import LocalFile
from vqanim.models.weights import VERSION, read_weights, seal


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def state() -> dict[str, Tensor]:
    return {
        "w": torch.randn(3, 2),
        "h": torch.ones(2).half(),
        "n": torch.tensor(5),
        "loss.logvar": torch.ones(1),
    }


@pytest.fixture
def checkpoint(state: dict[str, Tensor], tmp_path: Path) -> Path:
    FORMS["lightning.ckpt"](state, tmp_path / "a.ckpt")
    return tmp_path / "a.ckpt"


def without_loss(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """A selection."""
    return {name: value for name, value in tensors.items() if not name.startswith("loss.")}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_checkpoint_is_converted_once(checkpoint: Path, state: dict[str, Tensor], cache: Path) -> None:
    digest = sha256(checkpoint)
    first = read_weights(LocalFile(checkpoint, "get it again", digest), without_loss)
    target = cache / "converted" / f"{digest}.safetensors"
    assert target == converted_path(digest)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    stored = load_file(target)
    assert first.keys() == stored.keys() == {"w", "h", "n"}
    assert all(
        torch.equal(stored[name], state[name]) and torch.equal(first[name], state[name]) for name in stored
    )
    checkpoint.write_bytes(b"")  # not needed any more
    again = read_weights(LocalFile(checkpoint, "get it again", digest), without_loss)
    assert all(
        torch.equal(again[name], state[name]) and again[name].dtype == state[name].dtype for name in stored
    )


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "another version"])
def test_a_damaged_conversion_is_made_anew(
    damage: str, checkpoint: Path, state: dict[str, Tensor], cache: Path
) -> None:
    digest = sha256(checkpoint)
    read_weights(LocalFile(checkpoint, "get it again", digest), dict)
    target = converted_path(digest)
    whole = target.read_bytes()
    changed = {
        "empty": b"",
        "cut": whole[:-3],
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "another version": whole.replace(f'"vqanim":"{VERSION} '.encode(), b'"vqanim":"0 '),
    }[damage]
    assert changed != whole
    target.write_bytes(changed)
    found = read_weights(LocalFile(checkpoint, "get it again", digest), dict)
    assert torch.equal(found["w"], state["w"])
    assert target.read_bytes() == whole


def test_a_changed_checkpoint_is_refused_and_leaves_nothing(checkpoint: Path, cache: Path) -> None:
    digest = sha256(checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes() + b"x")
    with pytest.raises(InputError, match=r"damaged or changed: its SHA-256 is .*; get it again"):
        read_weights(LocalFile(checkpoint, "get it again", digest), dict)
    assert not cache.exists()


def test_a_hash_that_is_not_known_is_found_out(checkpoint: Path, cache: Path) -> None:
    read_weights(LocalFile(checkpoint, "get it again", None), dict)
    assert converted_path(sha256(checkpoint)).exists()


def test_processes_may_convert_at_the_same_time(checkpoint: Path, cache: Path, root: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from vqanim.models.weights import read_weights; "
        "from vqanim.models.entries import LocalFile; "
        "print(read_weights(LocalFile(Path(sys.argv[1]), 'get it again', sys.argv[2]), dict)['h'].tolist())"
    )
    command = [sys.executable, "-c", program, str(checkpoint), sha256(checkpoint)]
    running = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in running] == ["[1.0, 1.0]\n"] * 2
    assert len(list((cache / "converted").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_named(checkpoint: Path, cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cache/converted: cannot be written"):
        read_weights(LocalFile(checkpoint, "get it again", None), dict)


@pytest.mark.parametrize("form", FORMS)
def test_weights_of_every_form_are_read_and_verified(
    form: str, state: dict[str, Tensor], cache: Path, tmp_path: Path
) -> None:
    path = tmp_path / form
    FORMS[form](state, path)
    file = local(path)
    found = read_weights(file, without_loss)
    assert found.keys() == {"w", "h", "n"}
    assert torch.equal(found["w"], state["w"])
    assert cache.exists() == (form != "model.safetensors")
    path.write_bytes(path.read_bytes() + b"x")
    converted_path(file.sha256 or "").unlink(missing_ok=True)
    with pytest.raises(InputError, match="damaged or changed"):
        read_weights(file, without_loss)


def test_the_seal_depends_on_everything() -> None:
    plain = {"a": torch.zeros(2), "b": torch.zeros(0), "c": torch.tensor(1)}
    others = [
        {**plain, "a": torch.zeros(2).int()}, {**plain, "a": torch.zeros(2, 1)},
        {**plain, "d": torch.zeros(0)}, {**plain, "a": torch.tensor([0.0, 1.0])},
    ]  # fmt: skip
    assert len({seal(tensors) for tensors in (plain, *others)}) == 5
    assert seal(dict(reversed(plain.items()))) == seal(plain)
