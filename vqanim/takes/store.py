"""The store of painted frames: one folder a shot, one PNG a frame, and a record beside them.

    <folder>/takes/<shot>/000000.png
    <folder>/takes/<shot>/record.jsonl
    <folder>/superseded/001/<shot>/000000.png      frames of older scenes

A frame is on the disk whole or not at all, whatever stops the process.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from vqanim.errors import InputError, OutputError
from vqanim.files import (
    Guard,
    Picture,
    make_folder_in,
    read_picture,
    remove_temporary,
    sync_folder,
    write_atomic,
    writing,
)
from vqanim.takes import records
from vqanim.takes.digest import pixel_hash
from vqanim.takes.metadata import Written, png_text, read_written
from vqanim.takes.superseded import move_into, next_superseded
from vqanim.timeline.plan import FramePlan, FrameRef

COMPRESSION = 6
"""zlib level of the PNGs, fixed so that equal frames are equal files."""

_FRAME_FILE = re.compile(r"\d{6,}\.png")


@dataclass(frozen=True)
class FrameRecord:
    """A frame that is on the disk."""

    index: int
    digest: str
    """Chain digest of the plan that it was painted for."""
    pixels: str
    """Hash of the pixels that are in the file now, even if somebody painted over them."""
    painted: str
    """Hash of the pixels that it was painted with, or that were accepted in their place."""

    @property
    def edited(self) -> bool:
        """Whether somebody changed its pixels, and nobody has accepted that yet."""
        return self.pixels != self.painted


class TakeStore:
    """The frames under one render's folder. Who saves or moves frames holds the folder's lock.

    One thread may save while another looks frames up.
    """

    def __init__(self, folder: Path, guard: Guard = lambda: None) -> None:
        """guard: called before each rename; raises when the folder's lock was lost."""
        self.folder = folder
        self._guard = guard
        self._changing = threading.RLock()
        self._entries: dict[str, dict[int, records.Entry]] = {}
        self._cleaned = False

    def shot_folder(self, shot: str) -> Path:
        """Where the frames of a shot lie. Raises ValueError for a name that is no plain folder name."""
        if not shot or shot.startswith(".") or set(shot) & set("/\\:\0"):
            raise ValueError(f"{shot!r} cannot name a shot's folder")
        return self.folder / "takes" / shot

    def frame_path(self, shot: str, index: int) -> Path:
        """The file of a frame, whether it exists or not."""
        return self.shot_folder(shot) / f"{index:06d}.png"

    def find(self, frame: FrameRef) -> Path:
        """The file of a frame, whether it exists or not."""
        return self.frame_path(frame.shot, frame.index)

    def load(self, shot: str, index: int) -> Picture:
        """Pixels of a saved frame, uint8 [H, W, 3]. Raises InputError when it is missing or broken."""
        return read_picture(self.frame_path(shot, index))

    def save(
        self,
        plan: FramePlan,
        picture: Picture,
        digest: str,
        models: str = "",
        figures: records.Figures | None = None,
    ) -> FrameRecord:
        """Save a frame, then its record; after a power cut, too, the frame is whole or not there.

        `picture` is uint8 [H, W, 3], `digest` its chain digest, `models` names generator and perceptor for
        people who look into the file, `figures` tell how it was painted. Whatever else was in the file's
        place moves to superseded/. Raises OutputError.
        """
        pixels = pixel_hash(picture)
        frame = FrameRecord(plan.index, digest, pixels, pixels)
        path = self.frame_path(plan.shot, plan.index)
        content = _png(plan, picture, Written(digest, pixels), models)
        with self._changing:
            self.clean()
            self._make_room(path, content, plan)
            make_folder_in(self.folder, path.parent)
            write_atomic(path, content, self._guard)
            self._remember(plan.shot, frame, path, figures)
        return frame

    def record(self, shot: str, index: int) -> FrameRecord | None:
        """What is known about the file of a frame; None when it is missing, broken or not one of ours.

        A file that changed since it was recorded is decoded and hashed again. One that was painted over has
        the digest that it was saved with (its own metadata tells, or the record where an editor dropped
        that) and new pixels: it is `edited`.
        """
        path = self.frame_path(shot, index)
        try:
            stat = path.stat()
        except OSError:
            return None
        entry = self._entries_of(shot).get(index)
        if entry and entry.describes(stat):
            return FrameRecord(index, entry.digest, entry.pixels, entry.painted)
        try:
            pixels = pixel_hash(read_picture(path))
        except InputError:
            return None
        found = _identify(index, pixels, read_written(path), entry)
        if found is None:
            return None
        with suppress(OutputError), self._changing:
            # This only spares hashing next time; a read-only folder can be read too.
            self._remember(shot, found, path)
        return found

    def accept(self, shot: str, index: int) -> FrameRecord:
        """Take the pixels of a frame as they are now for those that belong to it.

        Raises InputError when there is no such frame, and OutputError.
        """
        record = self.record(shot, index)
        if record is None:
            raise InputError(f"{self.frame_path(shot, index)}: is no frame of this render")
        accepted = replace(record, painted=record.pixels)
        with self._changing:
            self._guard()
            self._remember(shot, accepted, self.frame_path(shot, index))
        return accepted

    def figures(self, shot: str) -> Mapping[int, records.Figures]:
        """How the frames of a shot were painted, by index, as far as that was recorded."""
        entries = list(self._entries_of(shot).values())
        return {entry.index: entry.figures for entry in entries if entry.figures is not None}

    def list_shots(self) -> tuple[str, ...]:
        """Names of all shots with frames on the disk, also those of older scenes."""
        try:
            folders = sorted(path for path in (self.folder / "takes").iterdir() if path.is_dir())
        except OSError:
            return ()
        return tuple(path.name for path in folders if not path.name.startswith(".") and _frames_in(path))

    def find_frames(self, shot: str) -> tuple[int, ...]:
        """Indices of the frames of a shot that are on the disk, whole or broken, in order."""
        return _frames_in(self.shot_folder(shot))

    def supersede(self, frames: Iterable[FrameRef | tuple[str, int]]) -> Path | None:
        """Move frames to the next free superseded/NNN/<shot>/ and give that superseded/NNN.

        Frames that are not there are passed over; None when nothing was to be moved. Nothing is overwritten.
        A shot without frames left takes its record along. Raises OutputError.
        """
        wanted = {(f.shot, f.index) if isinstance(f, FrameRef) else f for f in frames}
        present = sorted((shot, index) for shot, index in wanted if self.frame_path(shot, index).exists())
        if not present:
            return None
        with self._changing:
            self._guard()
            self.clean()
            target = next_superseded(self.folder)
            for shot in dict.fromkeys(shot for shot, _ in present):
                self._move_shot(shot, [index for name, index in present if name == shot], target)
        return target

    def clean(self) -> None:
        """Remove what killed writers left behind; done by itself before the first change of this store."""
        if not self._cleaned:
            for pattern in ("takes/*", "superseded/*", "superseded/*/*"):
                for folder in filter(Path.is_dir, self.folder.glob(pattern)):
                    remove_temporary(folder)
            self._cleaned = True

    def _make_room(self, path: Path, content: bytes, plan: FramePlan) -> None:
        """Move away a file that is not the frame to be saved: a broken one, or somebody's own picture."""
        with writing(path):
            taken = path.exists() and path.read_bytes() != content
        if taken:
            self.supersede([(plan.shot, plan.index)])

    def _move_shot(self, shot: str, indices: list[int], target: Path) -> None:
        folder = self.shot_folder(shot)
        make_folder_in(self.folder, target / shot)
        entries = dict(self._entries_of(shot))
        for index in indices:
            for path in sorted(folder.glob(f"{index:06d}.*")):  # with what may lie beside the picture
                self._guard()
                move_into(path, target / shot)
        with writing(target):
            sync_folder(target / shot)
            sync_folder(folder)
        self._entries.pop(shot, None)
        if not _frames_in(folder):
            self._move_record(folder, target / shot)
            return
        records.append_entries(target / shot / records.NAME, (entries[i] for i in indices if i in entries))
        records.append_moved(folder / records.NAME, indices, target.name)

    def _move_record(self, folder: Path, target: Path) -> None:
        record = folder / records.NAME
        if record.exists():
            move_into(record, target)
        with suppress(OSError):  # something else lies in it
            folder.rmdir()

    def _entries_of(self, shot: str) -> dict[int, records.Entry]:
        if shot not in self._entries:
            self._entries[shot] = records.read_entries(self.shot_folder(shot) / records.NAME)
        return self._entries[shot]

    def _remember(
        self, shot: str, frame: FrameRecord, path: Path, figures: records.Figures | None = None
    ) -> None:
        """Note what is known about a frame; how it was painted stays known for as long as it is the same."""
        with writing(path):
            stat = path.stat()
        before = self._entries_of(shot).get(frame.index)
        if figures is None and before is not None and before.digest == frame.digest:
            figures = before.figures
        entry = records.Entry(
            frame.index, frame.digest, frame.pixels, stat.st_size, stat.st_mtime_ns, frame.painted, figures
        )
        records.append_entries(path.with_name(records.NAME), [entry])
        self._entries_of(shot)[frame.index] = entry


class Onlooker(TakeStore):
    """Looks frames up and writes nothing, so it needs no lock."""

    def _remember(
        self, shot: str, frame: FrameRecord, path: Path, figures: records.Figures | None = None
    ) -> None:
        """Leave the records as they are."""


def _frames_in(folder: Path) -> tuple[int, ...]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return ()
    return tuple(sorted(int(name[:-4]) for name in names if _FRAME_FILE.fullmatch(name)))


def _identify(
    index: int, pixels: str, written: Written | None, entry: records.Entry | None
) -> FrameRecord | None:
    """Which frame a file is: what it says of itself counts, then what was recorded."""
    digest = written.digest if written else entry.digest if entry else None
    if digest is None:
        return None
    known = [written.pixels] if written and written.pixels else []
    if entry and entry.digest == digest:
        known.append(entry.painted)
    return FrameRecord(index, digest, pixels, pixels if pixels in known or not known else known[-1])


def _png(plan: FramePlan, picture: Picture, written: Written, models: str) -> bytes:
    height, width, _ = picture.shape
    buffer = io.BytesIO()
    info = png_text(plan, width, height, written, models)
    Image.fromarray(picture).save(buffer, "PNG", compress_level=COMPRESSION, pnginfo=info)
    return buffer.getvalue()
