"""Checkpoints that are damaged at random: an error of ours or tensors, nothing else, and nothing large."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.models.official import FORMS, taming_vq
from vqanim.errors import InputError
from vqanim.models.checkpoint import read_checkpoint
from vqanim.models.config_file import ConfigError
from vqanim.models.contents import find_fault
from vqanim.models.families.vqgan import VQGANConfig

STATE = {
    "a.weight": torch.arange(12.0).reshape(4, 3),
    "a.bias": torch.zeros(4).half(),
    "count": torch.tensor(3),
}
EXAMPLES = 150
CHUNKS = (
    b"",
    b"\x00",
    b"\xff" * 8,
    b"\x80\x02",
    b"cos\nsystem\n",
    b"R",
    b".",
    b"PK\x05\x06",
    b"9" * 30,
    b"{",
    b"]",
)
"""What is put into files: bytes that mean something to one format or the other."""


@pytest.fixture(scope="module", params=sorted(FORMS))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good checkpoint in one of the forms."""
    path = tmp_path_factory.mktemp("whole") / request.param
    FORMS[request.param](STATE, path)
    return path.read_bytes()


def damage(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes changed, cut out or put in, or cut off at the end."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at:at] = chance.choice(CHUNKS)
            case 2:
                del changed[at : at + chance.randint(1, 40)]
            case _:
                del changed[max(at, 1) :]
    return bytes(changed)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_a_damaged_checkpoint_is_refused_or_read(whole: bytes, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.ckpt"
        path.write_bytes(damage(whole, chance))
        find_fault(path, "weights")
        try:
            tensors = read_checkpoint(path)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017
            assert len(str(error)) < 1000  # noqa: PT017
            return
        assert all(tensor.numel() < 10**6 for tensor in tensors.values())


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    head=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x08\0\0\0\0\0\0\0{", b"\x89HDF"]),
    rest=st.binary(max_size=300),
)
def test_any_bytes_are_refused(head: bytes, rest: bytes) -> None:
    descriptor, name = tempfile.mkstemp()
    with os.fdopen(descriptor, "wb") as file:
        file.write(head + rest)
    try:
        read_checkpoint(Path(name))
    except InputError:
        pass
    finally:
        Path(name).unlink()


CONFIG = yaml.safe_dump(taming_vq(3).config()).encode()
PIECES = (
    b"&a ", b"*a", b"<<: *a\n", b"${", b"${model.params}", b"${.x}", b"!!python/tuple ", b"\t", b"{", b"]",
    b"!!python/object/apply:os.system ", b"1e3", b"\x00", b"- ", b"? ", b"---\n", b"'", b"\xff", b": ",
    b"null",
)  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_a_damaged_config_is_refused_or_read(chance: random.Random) -> None:
    changed = bytearray(CONFIG)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(changed))
        changed[at : at + chance.choice([0, 0, 1, 20])] = chance.choice(PIECES)
    try:
        found = VQGANConfig.from_bytes(bytes(changed))
    except ConfigError as error:
        assert len(str(error)) < 1000  # noqa: PT017
        return
    assert VQGANConfig.from_mapping(found.to_mapping()).ddconfig == found.ddconfig
