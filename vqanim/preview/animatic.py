"""A film of a test picture: the camera, the edit and the curves of a scene, without models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np

from vqanim.errors import UsageError
from vqanim.files import Picture
from vqanim.film.compose import compose_all
from vqanim.film.formats.gif import choose_frames, open_gif
from vqanim.film.formats.video import WEB, VideoSettings, open_video
from vqanim.film.make import FilmDone, Manifest, write_stale
from vqanim.film.reel import Output, Reel
from vqanim.film.sound import sound_digest
from vqanim.preview.outline import without_styles
from vqanim.preview.pictures import PreviewFrames
from vqanim.preview.strip import Strip
from vqanim.scene.model import Scene
from vqanim.takes.lock import lock_folder
from vqanim.timeline.part import Part, cut_part
from vqanim.timeline.plan import Timeline
from vqanim.timeline.tracks import find_tracks


@dataclass(frozen=True)
class PictureDone:
    """A picture of a preview was made."""

    done: int
    """Pictures that are made."""
    pictures: int
    """Of all that are to be made."""


PreviewEvent = PictureDone | FilmDone

MANIFEST = Manifest("preview.json")
VERSION = 3
"""Bumped by hand whenever the same scene would give another preview."""
WIDTH, MOST_HEIGHT = 384, 512
"""Pixels of the picture of a preview: large enough to read, small enough to be quick."""
LONG, LONG_WIDTH = 480, 304
"""A film of more frames has a smaller preview."""
CRF = 20
MOST_GIF_FPS = Fraction(25, 2)
"""Frames a second; the MP4 has those of the film."""
KEPT = 32
"""Saved frames in memory; a film mostly goes straight on."""


def make_preview(
    scene: Scene,
    timeline: Timeline,
    folder: Path,
    render_folder: Path,
    picture: str = "grid",
    part: Part | None = None,
    on_event: Callable[[PreviewEvent], None] = lambda event: None,
) -> list[FilmDone]:
    """Write an MP4 and a GIF, with an event after each picture and film; those up to date are left alone.

    render_folder: of the render, whose frames may be shown; the films are called `<its name>-preview`.
    picture: see PreviewFrames.
    Raises UsageError before anything is written, also when a file is there that was not made here;
    InputError for pictures that are missing or broken; LockedError when another preview is made there;
    OutputError.
    """
    part = part or Part(0, len(timeline.edit))
    width, height = preview_size(timeline)
    small = replace(cut_part(timeline, part), width=width, height=height)
    frames = PreviewFrames(timeline, (width, height), render_folder, picture)
    frames.check(saved for frame in small.edit for saved in frame.frames)
    tracks = (
        replace(track, values=track.values[part.first : part.end])
        for track in without_styles(find_tracks(timeline), scene)
    )
    shown = tuple(track for track in tracks if not np.isnan(track.values).all())
    strip = Strip(width, float(small.fps), part.first, shown, small.chapters)
    reel = _reel(small, frames, strip, on_event)
    outputs = _outputs(small, reel, folder / f"{render_folder.name}-preview")
    for output in outputs:
        if output.path.is_dir() or (output.path.exists() and not MANIFEST.knows(output.path)):
            raise UsageError(f"{output.path}: is there and was not made here; choose another --out")
    content = _digest(small, frames, strip)
    digests = {output.path: f"{content} {output.settings!r}" for output in outputs}
    with lock_folder(folder, "making a preview") as lock:
        films = []
        for film in write_stale(reel, outputs, digests, MANIFEST, lock.check):
            films.append(film)
            on_event(film)
        return films


def preview_size(timeline: Timeline) -> tuple[int, int]:
    """Width and height of the picture, in pixels: even, and of the film's shape."""
    wide = WIDTH if len(timeline.edit) <= LONG else LONG_WIDTH
    width = min(wide, MOST_HEIGHT * timeline.width / timeline.height)
    sides = (width, width * timeline.height / timeline.width)
    across, down = (max(2, 2 * round(side / 2)) for side in sides)
    return across, down


def _reel(
    small: Timeline, frames: PreviewFrames, strip: Strip, on_event: Callable[[PreviewEvent], None]
) -> Reel:
    """The film with the strip under it."""
    load = lru_cache(KEPT)(frames.picture)

    def play(indices: Iterable[int]) -> Iterator[Picture]:
        chosen = list(indices)
        composed = compose_all((small.edit[index] for index in chosen), load, small.seed)
        for done, (index, above) in enumerate(zip(chosen, composed, strict=True), 1):
            on_event(PictureDone(done, len(chosen)))
            yield np.concatenate([above, strip.draw(index)])

    return Reel(small.width, small.height + strip.height, small.fps, len(small.edit), play)


def _outputs(small: Timeline, reel: Reel, stem: Path) -> list[Output]:
    mp4, gif = (stem.with_name(f"{stem.name}{ending}") for ending in (".mp4", ".gif"))
    settings = VideoSettings(WEB, CRF, f"{small.title} (preview)", small.chapters)
    fps, width = min(small.gif_fps, MOST_GIF_FPS), min(small.gif_width, reel.width)
    return [
        Output(
            "mp4",
            mp4,
            {"video": settings, "sound": sound_digest(small.sound)},
            range(reel.count),
            lambda: open_video(reel, mp4, settings, small.sound),
        ),
        Output(
            "gif",
            gif,
            {"fps": fps, "width": width},
            choose_frames(reel.count, reel.fps, fps)[0],
            lambda: open_gif(reel, gif, fps, width),
        ),
    ]


def _digest(small: Timeline, frames: PreviewFrames, strip: Strip) -> str:
    """Digest of all that is seen."""
    saved = dict.fromkeys(saved for frame in small.edit for saved in frame.frames)
    views = [(view.origin, view.new_from_old.tolist(), view.border) for view in map(frames.view, saved)]
    tracks = [(track.name, track.group, track.values.tolist()) for track in strip.tracks]
    starts = [shot.frames[0].start for shot in small.shots]
    size = (VERSION, small.width, small.height, str(small.fps), small.seed, strip.first)
    digest = hashlib.sha256(
        repr((size, small.edit, small.chapters, views, tracks, starts, frames.kind)).encode()
    )
    for path in frames.files():
        digest.update(path.read_bytes())
    return digest.hexdigest()
