"""What was heard of a song, kept by the song's content, so that no song is listened to twice."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.cache import cache_folder, sha256_of
from vqanim.errors import InputError, OutputError
from vqanim.files import make_folder, write_atomic

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """The part of the cache that belongs to one song. A cache that cannot be written is done without."""

    folder: Path
    digest: str
    """SHA-256 of the song's file."""

    @classmethod
    def of(cls, song: Path) -> Kept:
        """Raises InputError when the song cannot be read."""
        try:
            digest = sha256_of(song)
        except OSError as error:
            raise InputError(f"{song}: cannot be read ({error.strerror})") from error
        return cls(cache_folder() / "sound" / digest[:32], digest)

    def text(self, name: str, find: Callable[[], str], is_whole: Callable[[str], bool]) -> str:
        """A kept text, or a new one."""
        path = self.folder / f"{name}.json"
        try:
            text = path.read_text("utf-8")
        except (OSError, ValueError):
            text = ""
        if text and is_whole(text):
            return text
        text = find()
        self._keep(path, text.encode())
        return text

    def numbers(self, name: str, find: Callable[[], Floats]) -> Floats:
        """Kept numbers [T], or new ones; of both the rounded form."""
        path = self.folder / f"{name}.npy"
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            found = None
        if found is not None and found.dtype == np.float32 and found.ndim == 1:
            return np.asarray(found, np.float64)
        rounded = np.asarray(find(), np.float32)
        buffer = io.BytesIO()
        np.save(buffer, rounded, allow_pickle=False)
        self._keep(path, buffer.getvalue())
        return np.asarray(rounded, np.float64)

    def _keep(self, path: Path, content: bytes) -> None:
        try:
            make_folder(self.folder)
            write_atomic(path, content)
        except OutputError:
            pass
