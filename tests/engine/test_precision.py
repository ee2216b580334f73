"""The precision of the networks' weights: chosen by device and size, or by the user."""

from __future__ import annotations

import pytest
import torch

from vqanim.engine.loading import LARGE, cpu_multiplies_bfloat16, weights_dtype

CPU = torch.device("cpu")
SMALL = LARGE // 10


@pytest.mark.parametrize("instructions", ["avx512_bf16", "amx_bf16"])
def test_a_cpu_with_instructions_for_it_takes_bfloat16_for_large_models(
    instructions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {instructions: True}, raising=False)
    assert weights_dtype(CPU, "auto", LARGE) == torch.bfloat16
    assert weights_dtype(CPU, "auto", None) == torch.bfloat16
    assert weights_dtype(CPU, "auto", SMALL) == torch.float32, "all CPUs paint the same with small models"
    assert weights_dtype(CPU, "float32", LARGE) == torch.float32
    assert weights_dtype(torch.device("mps"), "auto", LARGE) == torch.float32


def test_a_cpu_without_them_stays_with_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False}, raising=False)
    assert weights_dtype(CPU, "auto", LARGE) == torch.float32
    assert weights_dtype(CPU, "bfloat16", SMALL) == torch.bfloat16, "slow, but asked for"
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not cpu_multiplies_bfloat16(), "an old torch cannot tell"
