from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from tests.models.official import FORMS, taming_vq, write_config
from vqanim.models.contents import find_fault


@pytest.mark.parametrize("form", FORMS)
def test_checkpoints_of_every_form_are_believed(form: str, tmp_path: Path) -> None:
    FORMS[form]({"w": torch.ones(1000)}, tmp_path / form)
    assert find_fault(tmp_path / form, "weights") is None


@pytest.mark.parametrize("form", ["lightning.ckpt", "model.safetensors"])
@pytest.mark.parametrize("cut", [1, 500, 4000])
def test_a_checkpoint_that_is_cut_short_is_found_out(form: str, cut: int, tmp_path: Path) -> None:
    path = tmp_path / form
    FORMS[form]({"w": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert "cut short" in str(find_fault(path, "weights"))


def test_an_archive_with_a_damaged_end_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "plain.pth"
    FORMS[path.name]({"w": torch.ones(10)}, path)
    content = path.read_bytes()
    disks = content.index(b"PK\x06\x07") + 16  # number of disks in the locator of a large archive's end
    path.write_bytes(content[:disks] + b"\x02" + content[disks + 1 :])
    assert (
        find_fault(path, "weights") == "it is damaged (zipfiles that span multiple disks are not supported)"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf \n<html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        (b"plain text, long enough", "no checkpoint"),
        (b"\xff" * 8 + b"{}", "no checkpoint"),
        (b"\x02" + bytes(7) + b"{}", None),
        (b"\x02" + bytes(7) + b"[]", "no checkpoint"),
        (b"\x10" + bytes(7) + b'{"a": 1}', "no checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_told(content: bytes, words: str | None, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(content)
    fault = find_fault(tmp_path / "w", "weights")
    assert fault is None if words is None else words in str(fault)


def test_configs_are_read(tmp_path: Path) -> None:
    path = write_config(tmp_path, taming_vq(2).config())
    assert find_fault(path, "config") is None
    path.write_text(yaml.safe_dump({"model": {"target": "ldm.AutoencoderKL"}}))
    assert "found 'ldm.AutoencoderKL'" in str(find_fault(path, "config"))
    with zipfile.ZipFile(path, "w"):
        pass
    assert "this config cannot be used" in str(find_fault(path, "config"))
