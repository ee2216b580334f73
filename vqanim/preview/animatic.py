"""A film of a test picture: the camera, the edit and the curves of a scene, without models. Under the picture
stand the place in the film, the weights of prompts, and the curves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vqanim.errors import UsageError
from vqanim.files import sha256_of
from vqanim.film.compose import compose_all
from vqanim.film.formats.gif import choose_frames, open_gif
from vqanim.film.formats.video import WEB, VideoSettings, open_video
from vqanim.film.make import FilmDone, write_stale
from vqanim.film.reel import Output, Reel
from vqanim.film.sound import sound_digest
from vqanim.pictures import Picture
from vqanim.plots.curves import Box, moving, spans
from vqanim.plots.picture import draw_curve, fitted, font
from vqanim.preview.outline import without_styles
from vqanim.preview.pictures import PreviewFrames
from vqanim.scene.model import Scene
from vqanim.takes.lock import lock_folder
from vqanim.takes.outputs import Manifest
from vqanim.timeline.part import Part, cut_part
from vqanim.timeline.plan import Chapter, Timeline
from vqanim.timeline.tracks import Track, find_tracks


@dataclass(frozen=True)
class PictureDone:
    """A picture of a preview was made."""

    done: int  # pictures that are made
    pictures: int  # of all that are to be made


PreviewEvent = PictureDone | FilmDone
MANIFEST = Manifest("preview.json")
VERSION = 3  # bumped by hand whenever the same scene would give another preview
WIDTH, MOST_HEIGHT = 384, 512
"""Pixels of the picture of a preview: large enough to read, small enough to be quick."""
LONG, LONG_WIDTH = 480, 304  # a film of more frames has a smaller preview
CRF = 20
MOST_GIF_FPS = Fraction(25, 2)  # frames a second; the MP4 has those of the film
KEPT = 32  # saved frames in memory; a film mostly goes straight on


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
    picture: see PreviewFrames. Raises UsageError before anything is written, also when a file is there that
    was not made here; InputError for pictures that are missing or broken; LockedError when another preview is
    made there; OutputError.
    """
    part = part or Part(0, len(timeline.edit))
    width, height = size = preview_size(timeline)
    small = replace(cut_part(timeline, part), width=width, height=height)
    frames = PreviewFrames(timeline, size, render_folder, picture)
    frames.check(saved for frame in small.edit for saved in frame.frames)
    whole = without_styles(find_tracks(timeline), scene)
    tracks = (replace(track, values=track.values[part.first : part.end]) for track in whole)
    shown = tuple(track for track in tracks if not np.isnan(track.values).all())
    strip = Strip(width, float(small.fps), part.first, shown, small.chapters)
    load = lru_cache(KEPT)(frames.picture)

    def play(indices: Iterable[int]) -> Iterator[Picture]:
        """The film with the strip under it."""
        chosen = list(indices)
        composed = compose_all((small.edit[index] for index in chosen), load, small.seed)
        for done, (index, above) in enumerate(zip(chosen, composed, strict=True), 1):
            on_event(PictureDone(done, len(chosen)))
            yield np.concatenate([above, strip.draw(index)])

    reel = Reel(small.width, small.height + strip.height, small.fps, len(small.edit), play)
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


def _outputs(small: Timeline, reel: Reel, stem: Path) -> list[Output]:
    mp4, gif = (stem.with_name(f"{stem.name}.{kind}") for kind in ("mp4", "gif"))
    settings = VideoSettings(WEB, CRF, f"{small.title} (preview)", small.chapters)
    video = {"video": settings, "sound": sound_digest(small.sound)}
    fps, width = min(small.gif_fps, MOST_GIF_FPS), min(small.gif_width, reel.width)
    chosen, _ = choose_frames(reel.count, reel.fps, fps)
    return [
        Output("mp4", mp4, video, range(reel.count), lambda: open_video(reel, mp4, settings, small.sound)),
        Output("gif", gif, {"fps": fps, "width": width}, chosen, lambda: open_gif(reel, gif, fps, width)),
    ]


def _digest(small: Timeline, frames: PreviewFrames, strip: Strip) -> str:
    saved = dict.fromkeys(saved for frame in small.edit for saved in frame.frames)
    found = (frames.views[frame] for frame in saved)
    views = [(view.origin, view.new_from_old.tolist(), view.border) for view in found]
    tracks = [(track.name, track.group, track.values.tolist()) for track in strip.tracks]
    starts = [shot.frames[0].start for shot in small.shots]
    size = (VERSION, small.width, small.height, str(small.fps), small.seed, strip.first)
    seen = (size, small.edit, small.chapters, views, tracks, starts, frames.kind)
    digest = hashlib.sha256(repr(seen).encode())
    for path in frames.files():
        digest.update(sha256_of(path).encode())
    return digest.hexdigest()


PAPER, INK, FAINT, MARK, CURSOR = "#14171f", "#e6e9f0", "#6b7280", "#3b4252", "#f43f5e"
COLORS = ("#60a5fa", "#fb923c", "#4ade80", "#e879f9", "#facc15", "#2dd4bf", "#f87171", "#a78bfa")
MOST_TEXTS = 6  # prompts that are listed; those that pull hardest at the moment
MOST_CURVES = 12


class Strip:
    """Draws the strip of every frame; what does not change is drawn once."""

    def __init__(
        self, width: int, fps: float, first: int, tracks: Sequence[Track], chapters: Sequence[Chapter]
    ) -> None:
        """width: pixels. first: number of the first film frame that is shown. tracks, chapters: of those that
        are shown."""
        self.width, self.fps, self.first, self.tracks, self.chapters = width, fps, first, tracks, chapters
        self.prompts = [track for track in tracks if track.group == "prompts"]
        self.others = [track for track in tracks if track.group in ("camera", "effects")]  # as numbers
        self.curves = moving([*self.prompts, *self.others])[:MOST_CURVES]
        self.text_size = max(11, width // 32)
        self.line = round(self.text_size * 1.45)  # pixels, as all sizes
        self.listed = min(MOST_TEXTS, len(self.prompts))
        lines = 1.5 + self.listed + bool(self.others) + 5 * bool(self.curves)
        self.height = round(lines * self.line)
        self.height += self.height % 2  # films need it even
        bottom = self.height - self.line * 0.3
        self._box: Box = (6.0, bottom - 4.1 * self.line, float(width - 6), bottom)
        self._background = self._drawn()

    def draw(self, index: int) -> Picture:
        """The strip under a shown frame, uint8 [height, width, 3]."""
        image = self._background.copy()
        draw, letters = ImageDraw.Draw(image), font(self.text_size)
        number = self.first + index
        at = f"{number / self.fps:.2f} s   frame {number}"
        draw.text((self.width - 6, self.line * 0.25), at, INK, letters, anchor="ra")
        shot = [chapter.name for chapter in self.chapters if chapter.first <= index][-1]
        room = self.width - 18 - letters.getlength(at)
        draw.text((6, self.line * 0.25), fitted(shot, letters, room), INK, letters)
        strength = [-abs(float(np.nan_to_num(track.values[index]))) for track in self.prompts]
        listed = sorted(range(len(strength)), key=strength.__getitem__)[:MOST_TEXTS]  # that pull hardest
        for row, number in enumerate(sorted(listed)):
            self._draw_weight(draw, self.line * (1.25 + row), number, index)
        values = ((track.name, float(track.values[index])) for track in self.others)
        text = "   ".join(f"{name} {value:.3g}" for name, value in values if value == value)
        top = self.line * (1.25 + self.listed)
        draw.text((6, top), fitted(text, letters, self.width - 12), FAINT, letters)
        if self.curves:
            left, top, right, bottom = self._box
            x = left + (right - left) * (index + 0.5) / len(self.curves[0].values)
            draw.line([(x, top - 2), (x, bottom + 2)], CURSOR, width=max(1, self.width // 256))
        return np.array(image, dtype=np.uint8)

    def _draw_weight(self, draw: ImageDraw.ImageDraw, top: float, number: int, index: int) -> None:
        letters, track, color = font(self.text_size), self.prompts[number], COLORS[number % len(COLORS)]
        value = float(track.values[index])
        strongest = max(np.nanmax(np.abs(one.values)) for one in self.prompts)
        if strongest and value == value:
            long = (self.width - 12) * abs(value) / strongest
            draw.rectangle((6, top + self.line * 0.86, 6 + long, top + self.line * 0.97), fill=color)
        shown = "" if value != value else f"{value:.2f}"
        draw.text((self.width - 6, top), shown, color, letters, anchor="ra")
        name = fitted(track.name, letters, self.width - 24 - letters.getlength("-0.00"))
        draw.text((6, top), name, color if abs(value) > 0 else FAINT, letters)

    def _drawn(self) -> Image.Image:
        """Paper, names of shots, and curves: each fills the height, for their ranges differ."""
        image = Image.new("RGB", (self.width, self.height), PAPER)
        if not self.curves:
            return image
        draw, small = ImageDraw.Draw(image), font(max(9, self.text_size - 3))
        left, top, right, bottom = self._box
        chapters = [(chapter.first, chapter.name) for chapter in self.chapters]
        for start, share, name in spans(chapters, len(self.curves[0].values)):
            x = left + (right - left) * start
            draw.line([(x, top), (x, bottom)], MARK)
            room = (right - left) * share - 4
            draw.text((x + 2, top - 2), fitted(name, small, room), FAINT, small, anchor="ls")
        draw.line([(left, bottom), (right, bottom)], MARK)
        for number, track in enumerate(self.curves):
            color = COLORS[number % len(COLORS)] if track.group == "prompts" else FAINT
            draw_curve(draw, track.values, (track.low, track.high), self._box, color)
        return image
