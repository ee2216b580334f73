"""Songs on disk, and a cache of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests.sounds import RATE, Sound

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a sound to a file and gives its path."""

    def write_(sound: Sound, name: str = "song.wav", rate: int = RATE) -> Path:
        path = tmp_path / name
        soundfile.write(path, sound, rate)
        return path

    return write_
