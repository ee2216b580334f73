"""Icons, texts and silhouettes, drawn as flat figures on a ground that may be noisy. No torch, no
scenes, and Pillow only in the module that draws, so that looking a name up is quick."""

from vqanim.icons.fontawesome import UnknownIcon, find_icon, license, search_icons
from vqanim.icons.spec import Figure, IconSpec, icon_figure, shape_figure, text_figure

__all__ = [
    "Figure",
    "IconSpec",
    "UnknownIcon",
    "find_icon",
    "icon_figure",
    "license",
    "search_icons",
    "shape_figure",
    "text_figure",
]
