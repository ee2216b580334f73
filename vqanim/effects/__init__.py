"""What is done to the pictures of a film, and never to the frames that they are made from. No torch.

An effect is one function (picture, its values now, the moment) -> picture, and a declaration beside it of
what may be written for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from vqanim.camera.resample import from_bytes, to_bytes
from vqanim.effects.base import EffectKind, EffectNow, Moment
from vqanim.pictures import Picture
from vqanim.registry import collect

__all__ = ["EFFECTS", "EffectKind", "EffectNow", "Moment", "apply_effects", "changes_nothing"]

EFFECTS = collect(
    __name__,
    (
        "color",
        "space",
    ),
    EffectKind,
)
"""Every effect, by the name that scenes give it; the files of this folder that define them."""


def changes_nothing(now: EffectNow) -> bool:
    """True for an effect that leaves every picture as it is."""
    return now.amount == EFFECTS[now.name].neutral


def apply_effects(picture: Picture, effects: Iterable[EffectNow], moment: Moment) -> Picture:
    """The effects one after another; the very same picture where none changes anything.

    picture: uint8 [H, W, 3]. Between two effects nothing is rounded to bytes, except by those that move or
    soften the picture; each one's result is brought back to 0..1.
    """
    wanted = [now for now in effects if not changes_nothing(now)]
    if not wanted:
        return picture
    image = from_bytes(picture)
    for now in wanted:
        image = EFFECTS[now.name].apply(image, now, moment).clip(0.0, 1.0)
    return to_bytes(image)
