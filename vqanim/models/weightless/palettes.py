"""Palettes by name: the colors of old machines, and a few made by hand. As `rrggbb`, in their usual order."""

from __future__ import annotations

from collections.abc import Mapping

from vqanim.settings import Colors

_HEX = {
    "1-bit": "000000 ffffff",
    "gray-4": "000000 555555 aaaaaa ffffff",
    "gray-8": "000000 242424 494949 6d6d6d 929292 b6b6b6 dbdbdb ffffff",
    "sepia": "1b120a 4a3520 8a6a45 c4a57b f3e6cf",
    "game-boy": "0f380f 306230 8bac0f 9bbc0f",
    "cga": "000000 55ffff ff55ff ffffff",
    "ega": "000000 0000aa 00aa00 00aaaa aa0000 aa00aa aa5500 aaaaaa "
    "555555 5555ff 55ff55 55ffff ff5555 ff55ff ffff55 ffffff",
    "teletext": "000000 ff0000 00ff00 ffff00 0000ff ff00ff 00ffff ffffff",
    "zx-spectrum": "000000 0000d7 d70000 d700d7 00d700 00d7d7 d7d700 d7d7d7 "
    "0000ff ff0000 ff00ff 00ff00 00ffff ffff00 ffffff",
    "c64": "000000 ffffff 68372b 70a4b2 6f3d86 588d43 352879 b8c76f "
    "6f4f25 433900 9a6759 444444 6c6c6c 9ad284 6c5eb5 959595",
    "pico-8": "000000 1d2b53 7e2553 008751 ab5236 5f574f c2c3c7 fff1e8 "
    "ff004d ffa300 ffec27 00e436 29adff 83769c ff77a8 ffccaa",
    "sweetie-16": "1a1c2c 5d275d b13e53 ef7d57 ffcd75 a7f070 38b764 257179 "
    "29366f 3b5dc9 41a6f6 73eff7 f4f4f4 94b0c2 566c86 333c57",
}


def _colors(digits: str) -> Colors:
    return tuple(
        (int(one[:2], 16) / 255, int(one[2:4], 16) / 255, int(one[4:], 16) / 255) for one in digits.split()
    )


PALETTES: Mapping[str, Colors] = {name: _colors(digits) for name, digits in _HEX.items()}
"""sRGB in 0..1."""
