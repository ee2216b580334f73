"""Renders of this process share the pocket models."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once(models_read_once: None) -> None:
    """For all renders of these tests."""
