"""H.264 for every player: 4:2:0, eight bits, BT.709, the index in front."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from vqanim.files import staged
from vqanim.film.ffmpeg import BITEXACT, encode, raw_input
from vqanim.film.pictures import even, read_frame, read_frames

THREADS = 4
"""x264's bytes depend on its thread count, so it is the same on every machine."""
PRESET = "medium"

# RGB of the frames to limited-range BT.709. Without a word ffmpeg converts by BT.601 and tags nothing, and
# players, which take large pictures for BT.709, show greens and reds shifted.
_COLOR = (
    "scale=in_range=full:out_range=limited:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int,"
    "format=yuv420p,"
    "setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
)


def write_mp4(frames: Sequence[Path], path: Path, fps: Fraction, crf: int, title: str = "") -> None:
    """Encode saved frames of one size, each shown for 1 / fps seconds, to an MP4.

    `crf` is x264's quality, 0 (lossless) to 51. The file appears at `path` whole or not at all; the same
    frames and settings give the same bytes. Raises OutputError.
    """
    first = read_frame(frames[0])
    height, width, _ = first.shape
    even_height, even_width, _ = even(first).shape
    arguments = [
        *raw_input(even_width, even_height, f"{fps.numerator}/{fps.denominator}"),
        *("-vf", _COLOR, "-c:v", "libx264", "-preset", PRESET, "-crf", str(crf), "-threads", str(THREADS)),
        *BITEXACT,
        *("-metadata", f"title={_one_line(title)}", "-movflags", "+faststart", "-f", "mp4"),
    ]
    with staged(path) as temporary:
        encode(arguments, map(even, read_frames(frames, width, height)), temporary)


def _one_line(title: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in title).split())
