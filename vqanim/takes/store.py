"""The store of painted frames: one folder a shot, one PNG a frame, and a record beside them.

    <folder>/takes/<shot>/000000.png
    <folder>/takes/<shot>/record.jsonl
    <folder>/superseded/001/<shot>/000000.png      frames of older scenes

A frame is on the disk whole or not at all, whatever stops the process.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from vqanim import files
from vqanim.errors import InputError, OutputError
from vqanim.files import Guard, make_folder_in, read_bytes, write_atomic, writing
from vqanim.pictures import Picture, read_picture
from vqanim.takes import records
from vqanim.takes.digest import pixel_hash
from vqanim.takes.metadata import FrameMetadata, frame_texts, png_bytes, read_metadata
from vqanim.takes.outputs import move_into, next_archive
from vqanim.takes.params import MOST_PARAMS, Arrays, params_hash, parse_params
from vqanim.takes.records import FrameRecord, Metrics
from vqanim.timeline.plan import FramePlan, FrameRef

PNG_SHARE = 0.6  # of raw pixels: what a painted frame takes as a PNG; 0.55 was measured
FRAME_FILE = re.compile(r"\d{6,}\.png")


class BrokenFrame(OutputError):
    """A saved frame that cannot be shown, whatever is recorded of it."""

    def __init__(self, frame: FrameRef, message: str) -> None:
        super().__init__(message)
        self.frame = frame


def _unguarded() -> None:
    """Of a folder that nobody else can take over."""


class TakeStore:
    """The frames under one render's folder. Who saves or moves frames holds the folder's lock.

    One thread may save while another looks frames up. Of several processes of one render each may save into
    shots of its own at the same time, with a copy of the holder's store, while the others look them up.
    """

    def __init__(self, folder: Path, guard: Guard = _unguarded, cleaned: bool = False) -> None:
        """guard: called before each rename; raises when the folder's lock was lost. cleaned: what killed
        writers left behind is gone already, or somebody else's to remove."""
        self.folder = folder
        self._guard = guard
        self._changing = threading.RLock()
        self._records: dict[str, tuple[object, dict[int, FrameRecord]]] = {}
        """Of each shot, with size and time of the file that they were read from."""
        self._cleaned = cleaned

    def __reduce__(self) -> tuple[type[TakeStore], tuple[Path, Guard, bool]]:
        """A copy that is sent to another process is that of a worker: what looks left behind there may be
        what another worker writes, so that only the holder of the folder cleans up, before it sends any."""
        return TakeStore, (self.folder, self._guard, True)

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
        try:
            return read_picture(self.frame_path(shot, index))
        except InputError as error:
            self.forget(FrameRef(shot, index))
            raise InputError(f"{error}; run again, and it will be painted again") from error

    def params_path(self, shot: str, index: int) -> Path:
        """The file with the generator's parameters of a frame, whether it exists or not."""
        return self.shot_folder(shot) / f"{index:06d}.safetensors"

    def load_params(self, frame: FrameRef) -> Arrays:
        """The parameters that are kept beside a frame. Raises InputError when they are missing or broken."""
        path = self.params_path(frame.shot, frame.index)
        try:
            return parse_params(read_bytes(path, MOST_PARAMS))
        except (OSError, ValueError) as error:
            self.forget(frame)
            about = f"{path}: the parameters of this frame are missing or broken"
            raise InputError(f"{about}; run again, and it will be painted again") from error

    def forget(self, frame: FrameRef) -> None:
        """Drop what is recorded of a frame that turned out to be broken though size and time of its file are
        as recorded, so that it is looked at anew: the next run paints it again."""
        with suppress(OutputError, OSError), self._changing:
            self._guard()
            record = self.shot_folder(frame.shot) / records.NAME
            if frame.index in self._records_of(frame.shot):
                records.append_moved(record, [frame.index], "broken")

    @contextmanager
    def forgetting_broken(self) -> Iterator[None]:
        """Forget a frame because of which this ends."""
        try:
            yield
        except BrokenFrame as error:
            self.forget(error.frame)
            raise

    def save(
        self,
        plan: FramePlan,
        picture: Picture,
        digest: str,
        models: str = "",
        metrics: Metrics | None = None,
        params: bytes = b"",
    ) -> FrameRecord:
        """Save a frame, then its record; after a power cut, too, the frame is whole or not there.

        `params` are written first, so that a picture that is there has its own.

        `picture` is uint8 [H, W, 3], `digest` its chain digest, `models` names generator and perceptor for
        people who look into the file, `metrics` tell how it was painted. Whatever else was in the file's
        place moves to superseded/. Raises OutputError.
        """
        pixels, (height, width, _) = pixel_hash(picture), picture.shape
        held = params_hash(params)
        frame = FrameRecord(plan.index, digest, pixels, pixels, metrics=metrics, params=held)
        path = self.frame_path(plan.shot, plan.index)
        content = png_bytes(
            picture, frame_texts(plan, width, height, FrameMetadata(digest, pixels, held), models)
        )
        with self._changing:
            self._guard()  # before folders are made where somebody has moved the render away
            self.clean()
            with writing(path):
                taken = files.is_there(path) and not files.holds(path, content)
            if taken:  # by a broken frame, or somebody's own picture
                self.archive([FrameRef(plan.shot, plan.index)])
            make_folder_in(self.folder, path.parent)
            if params:
                write_atomic(self.params_path(plan.shot, plan.index), params, self._guard)
            write_atomic(path, content, self._guard)
            self._remember(plan.shot, frame, path)
        return frame

    def record(self, shot: str, index: int) -> FrameRecord | None:
        """What is known about the file of a frame; None when it is missing, broken or not one of ours.

        A file that changed since it was recorded is decoded and hashed again. One that was painted over has
        the digest that it was saved with (its own metadata tells, or the record where an editor dropped
        that) and new pixels: it is `edited`.
        """
        path = self.frame_path(shot, index)
        known = self._records_of(shot).get(index)
        try:
            if known and known.describes(path.stat()):
                return known if self._params_hold(shot, known) else None
            pixels = pixel_hash(read_picture(path))
        except (OSError, InputError):
            return None
        # What the file says of itself counts, then what was recorded.
        metadata = read_metadata(path)
        source = metadata or known
        if source is None:
            return None
        theirs = [metadata.pixels] if metadata else []
        if known and known.digest == source.digest:
            theirs.append(known.painted)
        painted = pixels if pixels in theirs else theirs[-1]
        found = FrameRecord(index, source.digest, pixels, painted, params=source.params)
        if not self._params_hold(shot, found):
            return None
        with suppress(OutputError), self._changing:
            # This only spares hashing next time; a read-only folder can be read too.
            self._remember(shot, found, path)
        return found

    def accept(self, shot: str, index: int) -> FrameRecord:
        """Take the pixels of a frame as they are now for those that belong to it. Raises InputError when
        there is no such frame, and OutputError."""
        record = self.record(shot, index)
        if record is None:
            raise InputError(f"{self.frame_path(shot, index)}: is no frame of this render")
        accepted = replace(record, painted=record.pixels)
        with self._changing:
            self._guard()
            self._remember(shot, accepted, self.frame_path(shot, index))
        return accepted

    def metrics(self, shot: str) -> Mapping[int, Metrics]:
        """How the frames of a shot were painted, by index, as far as that was recorded."""
        known = list(self._records_of(shot).values())  # which another thread may add to
        return {record.index: record.metrics for record in known if record.metrics is not None}

    def list_shots(self) -> tuple[str, ...]:
        """Names of all shots with frames on the disk, also those of older scenes."""
        folders = sorted((self.folder / "takes").glob("[!.]*"))
        return tuple(path.name for path in folders if _frames_in(path))

    def find_frames(self, shot: str) -> tuple[int, ...]:
        """Indices of the frames of a shot that are on the disk, whole or broken, in order."""
        return _frames_in(self.shot_folder(shot))

    def archive(self, frames: Iterable[FrameRef]) -> Path | None:
        """Move frames to the next free superseded/NNN/<shot>/ and give that superseded/NNN.

        Frames that are not there are passed over; None when nothing was to be moved. Nothing is overwritten.
        A shot without frames left takes its record along. Raises OutputError.
        """
        present = sorted({(frame.shot, frame.index) for frame in frames if self.find(frame).exists()})
        if not present:
            return None
        with self._changing:
            self._guard()
            self.clean()
            target = next_archive(self.folder)
            for shot, group in groupby(present, itemgetter(0)):
                self._move_shot(shot, [index for _, index in group], target)
        return target

    def clean(self) -> None:
        """Remove what killed writers left behind; done by itself before the first change of this store."""
        if not self._cleaned:
            for pattern in ("takes/*", "superseded/*", "superseded/*/*"):
                for folder in filter(Path.is_dir, self.folder.glob(pattern)):
                    files.remove_temporary(folder)
            self._cleaned = True

    def _move_shot(self, shot: str, indices: list[int], target: Path) -> None:
        folder = self.shot_folder(shot)
        make_folder_in(self.folder, target / shot)
        moved = dict(self._records_of(shot))
        for index in indices:
            for path in sorted(folder.glob(f"{index:06d}.*")):  # with what may lie beside the picture
                self._guard()
                move_into(path, target / shot)
        with writing(target):
            files.sync_folder(target / shot)
            files.sync_folder(folder)
        self._records.pop(shot, None)
        record = folder / records.NAME
        if _frames_in(folder):
            records.append_records(target / shot / records.NAME, (moved[i] for i in indices if i in moved))
            records.append_moved(record, indices, target.name)
            return
        if record.exists():
            move_into(record, target / shot)
        with suppress(OSError):  # something else lies in it
            folder.rmdir()

    def _params_hold(self, shot: str, frame: FrameRecord) -> bool:
        """Whether the parameters that a frame was painted with are beside it; of one without any, always."""
        if not frame.params:
            return True
        with suppress(OSError, InputError):
            return params_hash(read_bytes(self.params_path(shot, frame.index), MOST_PARAMS)) == frame.params
        return False

    def _records_of(self, shot: str) -> dict[int, FrameRecord]:
        """What is recorded of a shot; read again where another process has added to it."""
        path = self.shot_folder(shot) / records.NAME
        stamp, known = _stamp(path), self._records.get(shot)
        if known is None or known[0] != stamp:
            known = self._records[shot] = stamp, records.read_records(path)
        return known[1]

    def _remember(self, shot: str, frame: FrameRecord, path: Path) -> None:
        """Note what is known about a frame; how it was painted stays known for as long as it is the same."""
        with writing(path):
            stat = path.stat()
        known = self._records_of(shot)
        before = known.get(frame.index)
        metrics = frame.metrics or (before.metrics if before and before.digest == frame.digest else None)
        record = path.with_name(records.NAME)
        noted = replace(frame, size=stat.st_size, mtime_ns=stat.st_mtime_ns, metrics=metrics)
        records.append_records(record, [noted])
        known[frame.index] = noted
        self._records[shot] = _stamp(record), known


class ReadOnlyStore(TakeStore):
    """Looks frames up and writes nothing, so it needs no lock."""

    def _remember(self, shot: str, frame: FrameRecord, path: Path) -> None:
        """Leave the records as they are."""

    def forget(self, frame: FrameRef) -> None:
        """Likewise."""


def check_space(folder: Path, frames: int, width: int, height: int) -> None:
    """Raise OutputError unless so many new frames of `width` x `height` pixels fit beside what is there."""
    needed = frames * width * height * 3 * PNG_SHARE
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    with writing(folder):
        free = shutil.disk_usage(there).free
    if needed > free:
        raise OutputError(
            f"{folder}: {frames} frames of {width}x{height} pixels need about {in_words(needed)} and "
            f"{in_words(free)} are free; free some space, or choose another folder"
        )


def in_words(size: float) -> str:
    """Bytes as `3.20 GB`, `45 MB`, `12 kB`."""
    if size >= 1e9:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _stamp(path: Path) -> object:
    with suppress(OSError):
        stat = path.stat()
        return stat.st_size, stat.st_mtime_ns
    return None


def _frames_in(folder: Path) -> tuple[int, ...]:
    with suppress(OSError):
        frames = (path for path in folder.iterdir() if FRAME_FILE.fullmatch(path.name))
        return tuple(sorted(int(path.stem) for path in frames))
    return ()
