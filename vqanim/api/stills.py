"""Single pictures, and films of their coming into being."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vqanim.api.prepared import Prepared, picture_files, run_key

if TYPE_CHECKING:
    from vqanim.engine.still import OnEvent, TimelapseEvent
    from vqanim.takes.recording import Recording


def paint(prepared: Prepared, seeds: Sequence[int], on_event: OnEvent, device: str = "auto") -> None:
    """Paint the first frame of a film once for each seed, and call `on_event` with everything that happens.

    Nothing is saved. What stops it, such as Ctrl-C, is raised again after the picture so far was told of.
    Raises InputError and DeviceError.
    """
    from vqanim.engine.still import paint_stills

    paint_stills(prepared.timeline, seeds, device, on_event)


def lapse_recording(prepared: Prepared, folder: Path) -> Recording:
    """The recording in a folder of a film that is one timelapse. The hashes of its models are known.

    Raises InputError when a picture that it is made with cannot be read.
    """
    from vqanim.engine.cache_check import Chain
    from vqanim.takes.digest import content_hashes
    from vqanim.takes.recording import Recording

    timeline = prepared.timeline
    hashes = content_hashes(picture_files(timeline))
    digest = Chain(run_key(prepared), hashes).digest(timeline.shots[0].frames[0])
    assert digest is not None, "it begins from nothing that must be painted before"
    return Recording(folder, digest)


def record(
    prepared: Prepared, recording: Recording, device: str = "auto"
) -> Generator[TimelapseEvent, None, None]:
    """Record the timelapse, or go on with it, and report what happens; in the end, what its frames show.

    Closing the iterator at any moment leaves a recording that can be continued.
    Raises InputError, DeviceError and OutputError.
    """
    from vqanim.engine.still import record_timelapse

    return record_timelapse(prepared.timeline, recording, device)
