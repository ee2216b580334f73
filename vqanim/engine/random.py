"""Random numbers: every use has its own generator, seeded by what it is for and never by global state."""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, shot: str, index: int, purpose: str) -> torch.Generator:
    """A CPU generator that depends on the four arguments and nothing else."""
    key = hashlib.sha256(f"{seed}\0{shot}\0{index}\0{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)
