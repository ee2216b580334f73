"""The pocket models, loaded once for each file of tests."""

from __future__ import annotations

import pytest

from vqanim.models.load import load_generator, load_perceptor
from vqanim.types import Generator, Perceptor


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator("pocket")


@pytest.fixture(scope="module")
def perceptor() -> Perceptor:
    return load_perceptor("pocket")
