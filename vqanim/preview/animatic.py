"""A film of a test picture: the camera, the edit and the curves of a scene, without models."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from vqanim.errors import UsageError
from vqanim.files import Picture
from vqanim.film.compose import make_reel
from vqanim.film.formats.gif import choose_frames, open_gif
from vqanim.film.formats.video import WEB, VideoSettings, open_video
from vqanim.film.make import FilmDone, Manifest, write_stale
from vqanim.film.reel import Output, Reel
from vqanim.film.sound import sound_digest
from vqanim.preview.outline import without_styles
from vqanim.preview.pictures import Stage, Takes
from vqanim.preview.strip import Strip
from vqanim.scene.model import Scene
from vqanim.takes.lock import lock_folder
from vqanim.timeline.part import Part, cut_part
from vqanim.timeline.plan import FrameRef, Timeline
from vqanim.timeline.tracks import Track, find_tracks

Progress = Callable[[int, int], None]
"""Hears how many pictures are made, and how many there will be."""
MANIFEST = Manifest("preview.json")
VERSION = 2
"""Bumped by hand whenever the same scene would give another preview."""
WIDTH, MOST_HEIGHT = 384, 512
"""Pixels of the picture of a preview: large enough to read, small enough to be quick."""
LONG, LONG_WIDTH = 480, 304
"""A film of more frames has a smaller preview."""
CRF = 20
MOST_GIF_FPS = Fraction(25, 2)
"""Frames a second; the MP4 has those of the film."""
KEPT_FILES = 32
"""Pictures on disk at a time; a film mostly goes straight on."""


@dataclass(frozen=True)
class Wanted:
    """What to preview and where."""

    stem: str
    """Name of the scene file; the films are called `<stem>-preview`."""
    folder: Path
    render_folder: Path
    """Where the scene's takes would be."""
    picture: str = "grid"
    part: Part | None = None


def make_preview(
    scene: Scene, timeline: Timeline, wanted: Wanted, progress: Progress = lambda done, pictures: None
) -> Iterator[FilmDone]:
    """Write an MP4 and a GIF, telling after each; those that are up to date are left alone.

    progress: hears how many pictures are made, of how many.
    Raises UsageError before anything is written, also when a file is there that was not made here;
    InputError for pictures that are missing or broken; LockedError when another preview is made there;
    OutputError.
    """
    part = wanted.part or Part(0, len(timeline.edit))
    width, height = preview_size(timeline)
    small = replace(cut_part(timeline, part), width=width, height=height)
    takes = Takes(Stage(timeline, width, height, wanted.render_folder), wanted.picture)
    takes.check(saved for frame in small.edit for saved in frame.frames)
    strip = _strip(scene, timeline, small, part)
    with tempfile.TemporaryDirectory() as scratch:
        counter = _Counter(progress)
        reel = _with_strip(make_reel(small, _Files(takes, Path(scratch)).find), strip, counter)
        outputs = _outputs(small, reel, wanted)
        counter.pictures = reel.count
        for output in outputs:
            if output.path.is_dir() or (output.path.exists() and not MANIFEST.knows(output.path)):
                raise UsageError(f"{output.path}: is there and was not made here; choose another --out")
        content = _content(small, takes, strip, wanted)
        with lock_folder(wanted.folder, "making a preview") as lock:
            digests = {output.path: f"{content} {output.settings!r}" for output in outputs}
            yield from write_stale(reel, outputs, digests, MANIFEST, lock.check)


def preview_size(timeline: Timeline) -> tuple[int, int]:
    """Width and height of the picture, in pixels: even, and of the film's shape."""
    wide = WIDTH if len(timeline.edit) <= LONG else LONG_WIDTH
    width = min(wide, MOST_HEIGHT * timeline.width / timeline.height)
    sides = (width, width * timeline.height / timeline.width)
    across, down = (max(2, 2 * round(side / 2)) for side in sides)
    return across, down


def _strip(scene: Scene, timeline: Timeline, small: Timeline, part: Part) -> Strip:
    tracks = (
        replace(track, values=track.values[part.first : part.end])
        for track in without_styles(find_tracks(timeline), scene)
    )
    shown: tuple[Track, ...] = tuple(track for track in tracks if not np.isnan(track.values).all())
    return Strip(small.width, float(small.fps), part.first, shown, small.chapters)


def _outputs(small: Timeline, reel: Reel, wanted: Wanted) -> list[Output]:
    sound = sound_digest(small.sound)
    settings = VideoSettings(WEB, CRF, f"{small.title} (preview)", small.chapters)
    gif_fps, gif_width = min(small.gif_fps, MOST_GIF_FPS), min(small.gif_width, reel.width)
    paths = [wanted.folder / f"{wanted.stem}-preview{ending}" for ending in (".mp4", ".gif")]
    return [
        Output(
            "mp4",
            paths[0],
            {"video": settings, "sound": sound},
            range(reel.count),
            lambda: open_video(reel, paths[0], settings, small.sound),
        ),
        Output(
            "gif",
            paths[1],
            {"fps": gif_fps, "width": gif_width},
            choose_frames(reel.count, reel.fps, gif_fps)[0],
            lambda: open_gif(reel, paths[1], gif_fps, gif_width),
        ),
    ]


def _content(small: Timeline, takes: Takes, strip: Strip, wanted: Wanted) -> str:
    """Digest of all that is seen."""
    frames = dict.fromkeys(saved for frame in small.edit for saved in frame.frames)
    seen = map(takes.view, frames)
    views = [(view.origin, view.new_from_old.tolist(), view.border) for view in seen]
    digest = hashlib.sha256()
    texts = [(track.name, track.group, track.values.tolist()) for track in strip.tracks]
    starts = [shot.frames[0].start for shot in small.shots]
    size = (VERSION, small.width, small.height, str(small.fps), small.seed, strip.first)
    for what in (size, small.edit, small.chapters, views, texts, starts, wanted.picture):
        digest.update(repr(what).encode("utf-8"))
    for path in takes.files():
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Files:
    """Puts frames where the film room looks for them, when it does."""

    def __init__(self, takes: Takes, folder: Path) -> None:
        self._takes, self._folder = takes, folder
        self._there: dict[FrameRef, Path] = {}
        self._made = 0

    def find(self, frame: FrameRef) -> Path:
        """The file of a frame, which is drawn unless it was lately."""
        if frame not in self._there:
            path = self._folder / f"{self._made}.bmp"
            self._made += 1
            Image.fromarray(self._takes.picture(frame)).save(path)
            self._there[frame] = path
            while len(self._there) > KEPT_FILES:
                self._there.pop(next(iter(self._there))).unlink()
        return self._there[frame]


@dataclass
class _Counter:
    """Counts the pictures."""

    hear: Progress
    pictures: int = 0
    done: int = 0

    def add(self) -> None:
        """One more."""
        self.done += 1
        self.hear(self.done, self.pictures)


def _with_strip(reel: Reel, strip: Strip, counter: _Counter) -> Reel:
    """The same film with the strip under it."""

    def play(indices: Iterable[int]) -> Iterator[Picture]:
        wanted = list(indices)
        for index, picture in zip(wanted, reel.play(wanted), strict=True):
            counter.add()
            yield np.concatenate([picture, strip.draw(index)])

    return replace(reel, height=reel.height + strip.height, play=play)
