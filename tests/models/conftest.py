"""The pocket pair, loaded once for all tests of this room."""

from __future__ import annotations

import pytest
import torch

from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.models.vqgan import VQGANGenerator, load_vqgan


@pytest.fixture(scope="session")
def generator() -> VQGANGenerator:
    return load_vqgan(get_generator_entry("pocket"), torch.device("cpu"))


@pytest.fixture(scope="session")
def perceptor() -> ConsePerceptor:
    return ConsePerceptor(get_perceptor_entry("pocket"), torch.device("cpu"))
