"""What is done to the pictures of a film, and never to the frames that they are made from. No torch.

An effect is one function (picture, its values now, the moment) -> picture, and one line of EFFECTS.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from vqanim.camera.resample import from_bytes, to_bytes
from vqanim.effects.color import brightness, contrast, flash, grain, hue, saturation, strobe, vignette
from vqanim.effects.kinds import BLACK, WHITE, EffectKind, EffectNow, Moment, factor, share
from vqanim.effects.space import blur, punch, shake
from vqanim.files import Picture

__all__ = ["EFFECTS", "EffectKind", "EffectNow", "Moment", "apply_effects", "changes_nothing"]

EFFECTS = MappingProxyType(
    {
        "brightness": factor(brightness, "brightness is a factor"),
        "contrast": factor(contrast, "contrast is a factor"),
        "saturation": factor(saturation, "saturation is a factor"),
        "hue": EffectKind(hue, -1e6, 1e6, 0.0, "hue is degrees about the color wheel (0: as it is)"),
        "flash": share(flash, "flash is how much of the color is mixed in", color=WHITE),
        "fade": share(flash, "fade is how much of the color is mixed in", color=BLACK),
        "strobe": share(strobe, "strobe is how much of the color blinks", color=BLACK, rate=4.0),
        "shake": share(shake, "shake is how many frame widths the picture moves at most", high=0.5),
        "punch": factor(punch, "punch is a zoom factor", 0.1),
        "vignette": share(vignette, "vignette is how dark the corners are"),
        "blur": share(blur, "blur is a spread in frame widths", high=0.2),
        "grain": share(grain, "grain is the spread of noise"),
    }
)


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
