"""Single pictures, photos in other styles, and films of how a picture comes into being."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vqanim import ffmpeg
from vqanim.api.project import Prepared, chain_of, check_free
from vqanim.api.prompts import read_prompts
from vqanim.engine.events import ModelsLoaded, PromptsRead, StepDone
from vqanim.errors import UsageError
from vqanim.models.catalogue import get_generator_entry
from vqanim.pictures import Picture, picture_size
from vqanim.scene.fields.models import models_called
from vqanim.scene.fields.short_prompts import parse_short
from vqanim.scene.still import Still, size_like
from vqanim.takes.lock import lock_folder

if TYPE_CHECKING:
    from vqanim.engine.still import StillEvent
    from vqanim.takes.recording import Recording

STRENGTH = 0.6  # of a style, by default
FPS = 24  # of a timelapse
RECORDING = "recording"  # folder of what is painted of a timelapse, until the film is made
LONGEST_NAME = 60  # characters of a file name made from a prompt


def paint_images(
    still: Still,
    prepared: Prepared,
    paths: Sequence[Path],
    on_event: Callable[[StillEvent], None] = lambda event: None,
    device: str = "auto",
) -> None:
    """Paint a picture, or several with seeds in a row and their grid, each saved with all its settings.

    prepared: from `prepare_still`, with the models fetched. paths: PNGs of the pictures; where there are
    several, that of the grid last. on_event: called with each event, with StillDone once a picture is saved.

    What stops it, such as Ctrl-C, is raised again after the picture so far was saved.
    Raises InputError, DeviceError and OutputError.
    """
    from vqanim.engine.still import StillDone, paint_stills
    from vqanim.takes.metadata import write_picture, write_still

    pictures: list[Picture] = []

    def save(event: StillEvent) -> None:
        if isinstance(event, StillDone):
            painted = replace(still, seed=event.seed)
            models = prepared.timeline.models
            write_still(paths[event.number], event.picture, painted, event.plan, models, event.steps)
            pictures.append(event.picture)
        on_event(event)

    on_event(read_prompts(prepared))
    seeds = [still.seed + number for number in range(max(1, len(paths) - 1))]
    try:
        paint_stills(prepared.timeline, seeds, device, save)
    finally:
        if len(paths) > 1 and pictures:
            write_picture(paths[-1], _grid(pictures))


def _grid(pictures: Sequence[Picture]) -> Picture:
    """Pictures of one size in rows, nearly square, on white."""
    columns = math.ceil(math.sqrt(len(pictures)))
    white = np.full_like(pictures[0], 255)
    cells = [*pictures, *[white] * (-len(pictures) % columns)]
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    return np.concatenate([np.concatenate(row, 1) for row in rows])


def restyled(still: Still, photo_size: bool = True) -> Still:
    """Settings of a photo (`init`) in another style: with a strength, and where `photo_size` is asked for in
    the photo's shape.

    Raises UsageError where there is no style, and InputError for a photo that cannot be read.
    """
    if still.init is None:
        raise UsageError('give a photo, as in: vqanim style photo.jpg "Starry Night by Vincent van Gogh"')
    if not still.prompt and not still.targets:
        raise UsageError('give a style: words such as "ukiyo-e, woodcut", or --style-image painting.jpg')
    if photo_size:
        multiple = get_generator_entry(models_called(still.models).generator).multiple
        width, height = size_like(*picture_size(Path(still.init)), multiple)
        still = replace(still, width=width, height=height)
    return still if still.strength is not None else replace(still, strength=STRENGTH)


def depends_on_seed(still: Still) -> bool:
    """Whether another seed gives another picture: where a perceptor looks, it looks at random cutouts."""
    return bool(still.prompt) or any(target.through == "perceptor" for target in still.targets)


def file_stem(still: Still) -> str:
    """A file name for a picture, from its prompt."""
    texts: list[str] = []
    with suppress(ValueError):  # reported later, with what is wrong
        texts = [part.text for part in parse_short(still.prompt)]
    name = re.sub(r"[^\w]+", "-", " ".join(texts).lower()).strip("-_")[:LONGEST_NAME].strip("-_")
    return name or "picture"


def style_stem(still: Still) -> str:
    """A file name for a photo in another style, from those of the photo and of the style."""
    style = file_stem(still) if still.prompt else Path(still.targets[0].path).stem
    return f"{Path(still.init or '').stem}-{style}"


@dataclass(frozen=True)
class TimelapseRun:
    """The film of one picture as it comes into being, in a folder that is locked; see `open_timelapse`."""

    still: Still
    prepared: Prepared
    paths: tuple[Path, Path, Path]  # of the last picture, the MP4 and the GIF
    recording: Recording
    moved: Path | None  # where an unfinished timelapse of other settings was put

    @property
    def steps(self) -> int:
        """Steps whose pictures are there; 0: none is."""
        return max((step for step, _ in self.recording.pictures()), default=0)

    def paint(self, device: str = "auto") -> Generator[PromptsRead | ModelsLoaded | StepDone, None, None]:
        """Record the picture step by step, from where an earlier run was stopped, and give what happens.

        Closing the iterator at any moment leaves a recording that can be continued.
        Raises InputError, DeviceError and OutputError.
        """
        from vqanim.engine.still import record_timelapse
        from vqanim.engine.timelapse import Timelapse

        yield read_prompts(self.prepared)
        for event in record_timelapse(self.prepared.timeline, self.recording, device):
            if not isinstance(event, Timelapse):
                yield event

    def make(self, frames: int) -> None:
        """Write the picture and its film of so many frames, of which the last stand still, from what is
        recorded; a recording of all steps is then removed. Raises InputError and OutputError."""
        from vqanim.engine.timelapse import Timelapse
        from vqanim.film.formats.gif import write_gif
        from vqanim.film.formats.video import VideoSettings, write_video
        from vqanim.film.reel import Reel
        from vqanim.takes.metadata import write_still

        timeline, recording = self.prepared.timeline, self.recording
        plan, steps = timeline.shots[0].frames[0], self.steps
        lapse = Timelapse(recording, plan)
        recording.claim(self.paths)
        write_still(self.paths[0], lapse.frame(frames).picture, self.still, plan, timeline.models, steps)
        size = timeline.width, timeline.height
        reel = Reel(*size, timeline.fps, frames, lambda ks: (lapse.frame(k).picture for k in ks))
        write_video(reel, self.paths[1], VideoSettings(crf=timeline.crf, title=self.still.prompt))
        write_gif(reel, self.paths[2], Fraction(FPS) / 2, timeline.gif_width)
        if steps < plan.steps:
            recording.note_made(self.paths)
        else:
            recording.discard()


def timelapse_paths(folder: Path, stem: str) -> tuple[Path, Path, Path]:
    """The picture, the MP4 and the GIF of a timelapse."""
    return folder / f"{stem}.png", folder / f"{stem}.mp4", folder / f"{stem}.gif"


@contextmanager
def open_timelapse(
    still: Still, prepared: Prepared, folder: Path, *, force: bool = False
) -> Iterator[TimelapseRun]:
    """A timelapse in a folder, to be painted and then made; locked until it is left.

    prepared: from `prepare_lapse`, with the models fetched, so that their hashes are known.
    force: overwrite files that were not made from this recording.
    Raises UsageError where such files are there, InputError, LockedError and OutputError.
    """
    from vqanim.takes.recording import Recording

    ffmpeg.check_usable(("libx264", "gif", "png"))  # before hours of painting
    with lock_folder(folder):
        digest = chain_of(prepared).digest(prepared.timeline.shots[0].frames[0])
        assert digest is not None, "it begins from nothing that must be painted before"
        recording, paths = Recording(folder / RECORDING, digest), timelapse_paths(folder, prepared.stem)
        check_free([path for path in paths if not recording.has_made(path)], force)
        lapse = TimelapseRun(still, prepared, paths, recording, recording.open(folder))
        try:
            yield lapse
        finally:
            if not lapse.steps:
                recording.discard()
