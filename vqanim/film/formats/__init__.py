"""What a film can be delivered as. A new format is a file here, with a Format, and a line in PRESETS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vqanim.errors import UsageError
from vqanim.film.formats.gif import GifFormat
from vqanim.film.formats.pictures import FramesFormat, PosterFormat
from vqanim.film.formats.video import APNG, INSTAGRAM, PRORES, WEB, WEBM, YOUTUBE
from vqanim.film.reel import Film, Format, Output

PRESETS: Mapping[str, Format] = {  # by the name that is asked for
    "web": WEB,
    "youtube": YOUTUBE,
    "instagram": INSTAGRAM,
    "prores": PRORES,
    "webm": WEBM,
    "gif": GifFormat(),
    "apng": APNG,
    "frames": FramesFormat(),
}
RENDERED: Mapping[str, Format] = {"web": WEB, "gif": PRESETS["gif"], "poster": PosterFormat()}  # by a render
MAX_SIDE = 16_384  # pixels of an enlarged film; x264 knows no larger ones


def outputs_of(names: Sequence[str], film: Film) -> list[Output]:
    """The files of some formats, or, where none is named, what a render makes: MP4, GIF and poster. Raises
    UsageError for options that a format cannot fulfil."""
    options = film.options
    largest = max(film.timeline.width, film.timeline.height) * options.upscale
    if largest > MAX_SIDE:
        raise UsageError(f"--upscale {options.upscale}: makes {largest} pixels a side, allowed {MAX_SIDE}")
    formats = {name: PRESETS[name] for name in names} or RENDERED
    if options.crf is not None:
        compressed = {name: each for name, each in formats.items() if each.crf is not None}
        if not compressed:
            raise UsageError(f"--crf: {' and '.join(names)} have no such number, leave it out")
        for name, each in compressed.items():
            if options.crf > each.highest_crf:
                raise UsageError(f"--crf {options.crf}: allowed for {name} are 0 to {each.highest_crf}")
    return [each.output(name, film) for name, each in formats.items()]
