"""A family of models is one file and one registration: everything else learns of it from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from vqanim.cli.main import main
from vqanim.engine.loading import bytes_of, weights_dtype
from vqanim.errors import UsageError
from vqanim.lazy import F, LazyModule
from vqanim.models.catalogue import find_entries, generator_settings, get_generator_entry, list_models
from vqanim.models.entries import GeneratorEntry, UnknownModel
from vqanim.models.families import FAMILIES
from vqanim.models.family import Family
from vqanim.models.fetch import fetch_model, find_damage, is_installed, remove_model
from vqanim.models.load import load_generator
from vqanim.settings import whole

ENTRY = GeneratorEntry(
    name="squares", kind="generator", family="squares", version="squares 1", multiple=2, learning_rate=0.05,
    license="the same as vqanim's", good_at="squares",
)  # fmt: skip


@dataclass
class Squares:
    """As much of a generator as a test needs."""

    name: str
    device: torch.device
    side: int


def load(entry: GeneratorEntry, device: torch.device, settings: Mapping[str, Any]) -> Squares:
    return Squares(entry.name, device, settings["side"])


SQUARES = Family(
    "squares", "generator", load, settings=(whole("side", 1, 64, 4, "Pixels of a square."),), entry=ENTRY
)


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Family:
    monkeypatch.setitem(FAMILIES, "squares", SQUARES)
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    return SQUARES


def test_a_registered_family_is_a_model(squares: Family, capsys: pytest.CaptureFixture[str]) -> None:
    assert get_generator_entry("squares") == ENTRY
    assert ("generator", "squares") in list_models()
    assert main(["models", "list"]) == 0
    assert "squares" in capsys.readouterr().out
    assert main(["models", "show", "squares"]) == 0
    assert "multiples of 2 pixels" in capsys.readouterr().out
    assert main(["models", "verify", "squares"]) == 0
    assert main(["models", "fetch", "squares"]) == 0
    assert main(["models", "path", "squares"]) == 0


def test_a_model_without_weights_is_known_and_always_here(squares: Family) -> None:
    (entry,) = find_entries("squares")
    assert (entry.is_known, entry.size, is_installed(entry), find_damage(entry)) == (True, 0, True, [])
    assert list(fetch_model(entry)) == []
    with pytest.raises(UsageError, match="not in the cache"):
        remove_model(entry)


def test_its_hash_is_that_of_its_version() -> None:
    from dataclasses import replace

    assert ENTRY.hash == replace(ENTRY, good_at="other things").hash
    assert ENTRY.hash != replace(ENTRY, version="squares 2").hash


@pytest.mark.parametrize("wanted", ["auto", "bfloat16"])
def test_a_model_without_weights_is_computed_in_single_precision(wanted: Any) -> None:
    assert bytes_of(ENTRY) == 0
    assert weights_dtype(torch.device("cpu"), wanted, bytes_of(ENTRY)) == torch.float32


def test_it_is_loaded_with_its_settings(squares: Family) -> None:
    assert generator_settings("squares") == SQUARES.settings
    plain: Any = load_generator("squares")
    assert plain == Squares("squares", torch.device("cpu"), 4)
    chosen: Any = load_generator("squares", settings={"side": 8})
    assert chosen.side == 8
    with pytest.raises(ValueError, match="side: 100 is not allowed"):
        load_generator("squares", settings={"side": 100})
    with pytest.raises(ValueError, match="unknown setting 'sides'"):
        load_generator("squares", settings={"sides": 8})


def test_other_names_have_no_settings() -> None:
    assert generator_settings("pocket") == ()
    assert generator_settings("nothing like that") == ()
    with pytest.raises(UnknownModel):
        get_generator_entry("squares")


def test_the_entry_of_a_family_bears_its_name() -> None:
    with pytest.raises(ValueError, match="has its name, and a version"):
        Family("circles", "generator", load, entry=ENTRY)


def test_a_lazy_module_is_the_module_once_it_is_used() -> None:
    assert F.relu is torch.nn.functional.relu
    nothing = LazyModule("vqanim.no_such_module")
    assert not hasattr(nothing, "__path__")
    with pytest.raises(ModuleNotFoundError):
        _ = nothing.something
