"""A generator's parameters beside a frame whose picture they cannot be found from: `000012.safetensors`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

Arrays: TypeAlias = "Mapping[str, NDArray[np.float32]]"
"""By name, float32 and finite, of any shape."""
MOST_PARAMS = 256 * 2**20
"""Bytes of a file."""


def params_bytes(params: Arrays) -> bytes:
    """The content of the file; equal parameters are equal files."""
    return save({name: np.ascontiguousarray(params[name], np.float32) for name in sorted(params)})


def params_hash(content: bytes) -> str:
    """Hex digest of the content of a file; empty for none."""
    return hashlib.sha256(content).hexdigest() if content else ""


def parse_params(content: bytes) -> Arrays:
    """What a file holds. Raises ValueError when that is not some finite float32 tensors."""
    try:
        found = load(content)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"no parameters: {error}") from error
    if not found or any(one.dtype != np.float32 or not np.isfinite(one).all() for one in found.values()):
        raise ValueError("no finite float32 tensors")
    return found
