"""How long making films takes on this machine."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from time import monotonic

from PIL import Image

from vqanim.files import Picture
from vqanim.film.make import make_film
from vqanim.timeline.plan import Timeline

FRAMES = 24
"""Film frames that are enough to know."""


def seconds_a_frame(timeline: Timeline, picture: Picture) -> float:
    """Seconds for one frame in all films that a render makes, if every saved frame were this picture.

    picture: uint8 [H, W, 3] of the film's size. Raises OutputError.
    """
    short = replace(timeline, edit=timeline.edit[:FRAMES], chapters=(), keys=())
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "frame.png"
        Image.fromarray(picture).save(saved)
        began = monotonic()
        list(make_film(short, lambda frame: saved, Path(folder), "film"))
        return (monotonic() - began) / len(short.edit)
