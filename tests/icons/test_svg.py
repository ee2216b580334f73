"""SVG files of strangers read nothing, fetch nothing and end in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vqanim.errors import InputError
from vqanim.icons.svg import is_svg, rasterize

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'


def drawn(tmp_path: Path, text: str, side: int = 32) -> np.ndarray:
    """Opacity of what an SVG draws, [H, W]."""
    path = tmp_path / "a.svg"
    path.write_text(text, encoding="utf-8")
    return rasterize(path, side)[..., 3]


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="{0}" width="9" height="9"/>',
        '<image xlink:href="file://{0}" width="9" height="9"/>',
        '<image href="secret.png" width="9" height="9"/>',
        '<defs><image id="i" href="{0}" width="9" height="9"/></defs><use href="#i"/>',
        '<use href="{1}#r"/>',
        '<filter id="f"><feImage href="{0}"/></filter>'
        '<rect width="9" height="9" fill="none" filter="url(#f)"/>',
        '<pattern id="p" width="9" height="9"><image href="{0}" width="9" height="9"/></pattern>'
        '<rect width="9" height="9" fill="url(#p)"/>',
        '<style>@import "{1}"; rect {{ fill: url({1}#r) }}</style><rect width="9" height="9" fill="none"/>',
        '<foreignObject width="9" height="9"><img src="{0}"/></foreignObject>',
    ],
)
def test_other_files_are_never_seen(tmp_path: Path, inside: str) -> None:
    Image.new("RGB", (9, 9), (1, 2, 3)).save(tmp_path / "secret.png")
    (tmp_path / "other.svg").write_text(f'{HEAD}<rect id="r" width="9" height="9" fill="#010203"/></svg>')
    path = tmp_path / "a.svg"
    path.write_text(HEAD + inside.format(tmp_path / "secret.png", tmp_path / "other.svg") + "</svg>")
    try:
        layer = rasterize(path, 32)
    except InputError:
        return
    seen = layer[layer[..., 3] > 0][:, :3]
    assert not (seen == (1, 2, 3)).all(axis=-1).any()


def test_what_drawing_programs_write_is_drawn(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
        'width="90mm" height="45mm" viewBox="0 0 90 45" inkscape:version="1.0">'
        "<title>x</title><metadata>x</metadata><style>.a{fill:#f00}</style>"
        '<defs><clipPath id="c"><rect width="45" height="45"/></clipPath>'
        '<rect id="r" width="90" height="45"/></defs>'
        '<g clip-path="url(#c)" inkscape:label="layer"><use href="#r" class="a"/></g></svg>'
    )
    opacity = drawn(tmp_path, text, 64)
    assert opacity.shape == (32, 64)
    assert (opacity[:, :31] == 255).all()
    assert (opacity[:, 33:] == 0).all()


def test_the_ending_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"\ufeff\n{HEAD}</svg>", encoding="utf-8")
    (tmp_path / "b.svg").write_bytes(b"\x89PNG")
    assert is_svg(tmp_path / "a.txt")
    assert not is_svg(tmp_path / "b.svg")
    assert not is_svg(tmp_path / "none.svg")


LEVELS = "".join(f'<g id="g{i + 1}">' + f'<use href="#g{i}"/>' * 10 + "</g>" for i in range(9))
MASKS = "".join(
    f'<clipPath id="c{i + 1}">' + f'<rect width="9" height="9" clip-path="url(#c{i})"/>' * 10 + "</clipPath>"
    for i in range(9)
)
"""Nine levels that each repeat the one below ten times."""


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{HEAD}<g id="g0"><rect width="1" height="1"/></g>{LEVELS}</svg>', "draws too much"),
        (f'{HEAD}<clipPath id="c0"/>{MASKS}</svg>', "draws too much"),
        (HEAD + "<rect width='1' height='1'/>" * 20_001 + "</svg>", "draws too much"),
        (f'{HEAD}<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g></svg>', "in a circle"),
        (f'{HEAD}<g id="a"><use href="#a"/></g></svg>', "in a circle"),
        (HEAD + "<g>" * 200 + "</g>" * 200 + "</svg>", "nested more than 100 deep"),
        (HEAD + "<g>" * 100_000, "nested more than 100 deep"),
        (f"{HEAD}<path d='{'M0 0L9 9' * 600_000}'/></svg>", "more than 4 MB"),
        (
            f'<!DOCTYPE svg [<!ENTITY a "aaaa">]>{HEAD}<title>&a;</title></svg>',
            "declares a language of its own",
        ),
        (f'<!DOCTYPE svg [<!ENTITY a SYSTEM "/etc/passwd">]>{HEAD}</svg>', "declares a language of its own"),
        (f'<!DOCTYPE svg [<!ENTITY % a "b">]>{HEAD}</svg>', "declares a language of its own"),
        ("<html><body/></html>", "this is no SVG: its root is 'html'"),
        ("<svg", "this is no SVG"),
        ("", "this is no SVG"),
        (f"{HEAD}&nbsp;</svg>", "this is no SVG"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="0" height="9"/>', "cannot be drawn"),
    ],
)
def test_what_is_too_much_or_no_svg_is_refused_in_time(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        drawn(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("view_box", ["0 0 1 100000", "0 0 100000 1", "0 0 1e9 1e9"])
def test_the_size_of_the_page_does_not_decide_the_memory(tmp_path: Path, view_box: str) -> None:
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view_box}"><rect width="1e9" height="1e9"/></svg>'
    )
    assert max(drawn(tmp_path, text, 100_000).shape) <= 4096
