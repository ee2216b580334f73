"""What a long optimization has painted so far: its pictures, and a state from which it goes on.

    <folder>/recording.json     of what: the digest of all that decides the pictures
    <folder>/000012.png         the picture after 12 steps
    <folder>/state.safetensors  numbers, read as data; every few pictures a newer one

It lasts as long as the optimization does. Pictures are on the disk before the state that follows them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vqanim import files
from vqanim.errors import InputError, OutputError
from vqanim.files import write_atomic, writing
from vqanim.own_files import Damaged, log, read_bytes, read_json, read_tensors
from vqanim.pictures import Picture, read_picture
from vqanim.takes.digest import content_hash
from vqanim.takes.metadata import write_picture
from vqanim.takes.outputs import move_into, next_archive
from vqanim.takes.store import FRAME_FILE

RECORDING_VERSION = 1  # bumped by hand whenever a state of before would go on to other pictures
RECORDINGS = "recordings"  # folder of a render, with one a take
LABEL = "recording.json"
STATE = "state.safetensors"
SEAL = "seal"
"""Of a state: the name of the SHA-256 of all else in it."""
MADE = "made.json"
"""By name, the content hash of a file that was made from it; null while it is being made."""

_COUNT = re.compile("[0-9]{1,12}", re.ASCII)
_LARGEST_STATE = 2**31  # bytes; far more than the latents of the largest frame


@dataclass(frozen=True)
class State:
    """What an optimization needs to go on."""

    arrays: Mapping[str, npt.NDArray[np.float32]]
    counts: Mapping[str, int]


def _seal(state: State) -> str:
    total = hashlib.sha256(json.dumps(sorted(state.counts.items())).encode("ascii"))
    for name, array in sorted(state.arrays.items()):
        total.update(f"{name} {array.dtype} {array.shape}\n".encode("utf-8", "replace"))
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


class Recording:
    """One optimization's folder. Who uses it holds a lock on the folder above."""

    def __init__(self, folder: Path, digest: str) -> None:
        """`digest` stands for all that decides the pictures, which of the steps are recorded included."""
        self.folder = folder
        self._label = json.dumps({"version": RECORDING_VERSION, "digest": digest}) + "\n"

    @property
    def is_there(self) -> bool:
        """Whether there is a recording of just this."""
        with suppress(Damaged):
            return read_bytes(self.folder / LABEL) == self._label.encode("utf-8")
        return False

    def open(self, home: Path) -> Path | None:
        """Make the folder, or go on with it. One of something else moves to a superseded/NNN of `home`, and
        is never overwritten; gives where it went. Raises OutputError, also when the folder is somebody's."""
        moved = None
        files.make_folder(self.folder)
        files.remove_temporary(self.folder)
        if not self.is_there and any(self.folder.iterdir()):
            if not (self.folder / LABEL).is_file():
                reason = "is in the way, and no recording of a timelapse; move it, or choose another folder"
                raise OutputError(f"{self.folder}: {reason}")
            moved = next_archive(home)
            move_into(self.folder, moved)
            files.make_folder(self.folder)
        if not self.is_there:
            write_atomic(self.folder / LABEL, self._label)
        return moved

    def add(self, step: int, picture: Picture) -> None:
        """Save the picture, uint8 [H, W, 3], after a step. Raises OutputError."""
        write_picture(self.folder / f"{step:06d}.png", picture)

    def pictures(self) -> list[tuple[int, Path]]:
        """Steps, ascending, and the files of the pictures after them."""
        with suppress(OSError):
            pictures = (path for path in self.folder.iterdir() if FRAME_FILE.fullmatch(path.name))
            return sorted((int(path.stem), path) for path in pictures)
        return []

    def load(self, step: int) -> Picture:
        """The picture after a step, uint8 [H, W, 3]. Raises InputError when it is missing or broken."""
        path = self.folder / f"{step:06d}.png"
        try:
            return read_picture(path)
        except InputError as error:
            raise InputError(f"{error}; delete it and run again, it will be painted again") from error

    def save_state(self, state: State) -> None:
        """Put a state in the place of the one before, whole or not at all. Raises OutputError."""
        from safetensors.numpy import save

        counts = {name: str(count) for name, count in state.counts.items()}
        write_atomic(self.folder / STATE, save(dict(state.arrays), {**counts, SEAL: _seal(state)}))

    def read_state(self) -> State | None:
        """The last state; None when there is none, or none that can be read, of which a line is told."""
        path = self.folder / STATE
        try:
            if (found := read_tensors(path, _LARGEST_STATE)) is None:
                return None
            arrays, texts = found
            seal = texts.pop(SEAL, None)
            if not all(_COUNT.fullmatch(text) for text in texts.values()):
                raise Damaged("counts with what is no number")
            state = State(arrays, {name: int(text) for name, text in texts.items()})
            if seal is not None and seal != _seal(state):  # there was none in the first recordings
                raise Damaged("is not as it was written")
            return state
        except Damaged as error:
            log.warning("%s: %s; the timelapse begins anew", path, error)
            return None

    def claim(self, files: Sequence[Path]) -> None:
        """Remember that files are going to be made from this, and may be made again. Raises OutputError."""
        self._write_made({path.name: None for path in files})

    def note_made(self, files: Sequence[Path]) -> None:
        """Remember files that were made from this before it was finished. Raises OutputError."""
        self._write_made({path.name: content_hash(path) for path in files})

    def has_made(self, file: Path) -> bool:
        """Whether a file was made from this, and not changed since by somebody else."""
        with suppress(InputError, Damaged):
            made = read_json(self.folder / MADE, {str: (str, None)}) or {}
            return self.is_there and file.name in made and made[file.name] in (None, content_hash(file))
        return False

    def _write_made(self, made: Mapping[str, str | None]) -> None:
        write_atomic(self.folder / MADE, json.dumps(made, indent=2) + "\n")

    def discard(self) -> None:
        """Remove the recording, if it is of this: what came of it is elsewhere. Raises OutputError."""
        if not self.is_there:
            return
        with writing(self.folder):
            shutil.rmtree(self.folder)
        with suppress(OSError):  # others lie beside it
            self.folder.parent.rmdir()
