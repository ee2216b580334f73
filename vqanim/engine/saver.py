"""Frames on their way to the disk, and back."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from vqanim.files import Picture
from vqanim.takes.records import Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef

KEPT_IN_MEMORY = 4
"""Frames: the one before, the anchor, the one that a loop leads to, and one being saved."""


class Saver:
    """Saves frames in the background, one at a time and in order, so that painting never waits for the disk.

    A failed save is raised by the next `save` and on leaving the context; leaving it waits for the last one.
    """

    def __init__(self, store: TakeStore) -> None:
        self.store = store
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._pending: Future[object] | None = None
        self._recent: dict[FrameRef, Picture] = {}

    def save(self, plan: FramePlan, picture: Picture, digest: str, models: str, metrics: Metrics) -> None:
        """Begin to save a frame, once the one before is on disk. Raises OutputError of the one before."""
        self._wait()
        self._remember(FrameRef(plan.shot, plan.index), picture)
        self._pending = self._worker.submit(self.store.save, plan, picture, digest, models, metrics)

    def load(self, frame: FrameRef | None) -> Picture | None:
        """A saved frame, if one is named, uint8 [H, W, 3]."""
        return None if frame is None else self.take(frame)

    def take(self, frame: FrameRef) -> Picture:
        """A saved frame, uint8 [H, W, 3]; those used last come from memory."""
        if frame not in self._recent:
            self._wait()
            self._remember(frame, self.store.load(frame.shot, frame.index))
        else:
            self._remember(frame, self._recent[frame])
        return self._recent[frame]

    def flush(self) -> None:
        """Wait until all frames are on disk. Raises OutputError."""
        self._wait()

    def _remember(self, frame: FrameRef, picture: Picture) -> None:
        """Keep the frame in memory, and of the others those used last."""
        self._recent.pop(frame, None)
        self._recent[frame] = picture
        while len(self._recent) > KEPT_IN_MEMORY:
            del self._recent[next(iter(self._recent))]

    def _wait(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._wait()
        finally:
            self._worker.shutdown()
