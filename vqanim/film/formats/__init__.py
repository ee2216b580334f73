"""What a film can be delivered as. A new format is a file here, with a Format, and a line in PRESETS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from vqanim.errors import UsageError

if TYPE_CHECKING:
    from vqanim.film.reel import Film, Format, Output


@dataclass(frozen=True)
class Preset:
    """A format by name; its file is read when it is used, so that a help page need not wait for it."""

    place: str  # `file.NAME` in this folder
    about: str = ""  # for people

    def load(self) -> Format:
        """The format itself."""
        module, _, name = self.place.partition(".")
        found: Format = getattr(import_module(f"{__name__}.{module}"), name)
        return found


PRESETS: Mapping[str, Preset] = {  # by the name that is asked for
    "web": Preset("video.WEB", "H.264 for every player (the default MP4)"),
    "youtube": Preset("video.YOUTUBE", "H.264 of high quality"),
    "instagram": Preset("video.INSTAGRAM", "H.264, 1080 pixels wide, 23 fps or more"),
    "mp4-444": Preset("video.FULL_COLOR", "H.264 with a color for every pixel (4:4:4); not in every player"),
    "prores": Preset("video.PRORES", "ProRes 422 HQ, for editing programs"),
    "webm": Preset("video.WEBM", "VP9"),
    "gif": Preset("gif.GIF", "looping, bounded in size unless --gif-full"),
    "apng": Preset("video.APNG", "animated PNG without loss"),
    "frames": Preset("pictures.FRAMES", "every frame of the film as a PNG"),
}
RENDERED = {"web": PRESETS["web"], "gif": PRESETS["gif"], "poster": Preset("pictures.POSTER")}  # by a render
MAX_SIDE = 16_384  # pixels of an enlarged film; x264 knows no larger ones


def outputs_of(names: Sequence[str], film: Film) -> list[Output]:
    """The files of some formats, or, where none is named, what a render makes: MP4, GIF and poster. Raises
    UsageError for options that a format cannot fulfill."""
    options = film.options
    largest = max(film.timeline.width, film.timeline.height) * options.upscale
    if largest > MAX_SIDE:
        raise UsageError(f"--upscale {options.upscale}: makes {largest} pixels a side, allowed {MAX_SIDE}")
    presets = {name: PRESETS[name] for name in names} or RENDERED
    formats = {name: preset.load() for name, preset in presets.items()}
    if options.crf is not None:
        compressed = {name: each for name, each in formats.items() if each.crf is not None}
        if not compressed:
            raise UsageError(f"--crf: {' and '.join(names)} have no such number, leave it out")
        for name, each in compressed.items():
            if options.crf > each.highest_crf:
                raise UsageError(f"--crf {options.crf}: allowed for {name} are 0 to {each.highest_crf}")
    return [each.output(name, film) for name, each in formats.items()]
