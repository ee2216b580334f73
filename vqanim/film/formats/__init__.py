"""What a film can be delivered as. A new format is a file here, with a Format, and a line in PRESETS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from vqanim.errors import UsageError
from vqanim.film.formats.gif import GifFormat
from vqanim.film.formats.pictures import FramesFormat, PosterFormat
from vqanim.film.formats.video import APNG, INSTAGRAM, PRORES, WEB, WEBM, YOUTUBE
from vqanim.film.reel import Film, Format, Output

PRESETS: Mapping[str, Format] = MappingProxyType(
    {
        "web": WEB,
        "youtube": YOUTUBE,
        "instagram": INSTAGRAM,
        "prores": PRORES,
        "webm": WEBM,
        "gif": GifFormat(),
        "apng": APNG,
        "frames": FramesFormat(),
    }
)
"""By the name that is asked for."""
RENDERED: Mapping[str, Format] = MappingProxyType(
    {"web": WEB, "gif": PRESETS["gif"], "poster": PosterFormat()}
)
"""What a render makes."""
MAX_SIDE = 16_384  # pixels of an enlarged film; x264 knows no larger ones


def outputs_of(names: Sequence[str], film: Film) -> list[Output]:
    """The files of some formats, or, where none is named, what a render makes: MP4, GIF and poster.

    Raises UsageError for options that a format cannot fulfil.
    """
    options = film.options
    largest = max(film.timeline.width, film.timeline.height) * options.upscale
    if largest > MAX_SIDE:
        raise UsageError(f"--upscale {options.upscale}: makes {largest} pixels a side, allowed {MAX_SIDE}")
    if options.crf is not None:
        _check_crf(names or ("web",), options.crf)
    formats = {name: PRESETS[name] for name in names} or RENDERED
    return [each.output(name, film) for name, each in formats.items()]


def _check_crf(names: Sequence[str], crf: int) -> None:
    """Raises UsageError for a quality that no format, or not each that has one, can take."""
    formats = {name: PRESETS[name] for name in names if PRESETS[name].crf is not None}
    if not formats:
        raise UsageError(f"--crf: {' and '.join(names)} have no such number, leave it out")
    for name, each in formats.items():
        if crf > each.highest_crf:
            raise UsageError(f"--crf {crf}: allowed for {name} are 0 to {each.highest_crf}")
