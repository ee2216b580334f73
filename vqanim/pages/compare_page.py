"""compare.html: two renders side by side, in one file that needs no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from vqanim.pages.compare import MOST_MOMENTS, Comparison, pictures_at, place_at
from vqanim.pages.curves import plots
from vqanim.pages.kit import data_element, jpeg, notes, page
from vqanim.pages.rendered import Rendered

WIDTH = 400
"""Pixels of a frame in the page."""
CHARACTERS, LEAST_MOMENTS = 5_500_000, 24
"""Of all frames of a page together; what is longer shows fewer moments."""
MOST_ROWS = 300
"""Settings that are listed."""


def comparison_page(found: Comparison) -> str:
    """The page. Raises OutputError when a saved frame is broken."""
    lanes, same = found.lanes
    names = [escape(name) for name in found.names]
    times = found.times(_affordable(found))
    title = f"{found.names[0]} and {found.names[1]}"
    body = [
        f'<header><h1><span class="chip a">A</span> {names[0]} <span class="chip b">B</span> {names[1]}</h1>'
        f"<p>{escape(_about(found))}</p></header>\n",
        notes(found.notes),
        _stage(found),
        f"<section><h2>curves</h2>{_legend()}{plots(lanes, found.marks)}",
        f"{notes(_same(same), 'plain')}</section>\n",
        f"<section><h2>figures</h2>{_table(found.figures, ('', 'A', 'B'))}</section>\n",
        f"<section><h2>settings that differ</h2>{_settings(found)}</section>\n",
        data_element("film", _film(found, times)),
    ]
    return page(title, body, ["curves.js", "compare.js"], ["compare.css"], closed=True)


def _about(found: Comparison) -> str:
    distance = found.distance
    differing = len(found.settings)
    settings = f"{differing} settings differ" if differing > 1 else f"{differing or 'no'} setting differs"
    if distance is None:
        return f"{settings}; there is no moment at which both are painted"
    same = "; at equal times they are the same" if distance == 0 else ""
    return f"{settings}; frames at equal times differ by {distance:.3g} of 255 in the mean{same}"


def _stage(found: Comparison) -> str:
    """Where the frames are shown, and what moves them."""
    figures = "".join(
        f'<figure class="{letter.lower()}"><div class="picture" style="aspect-ratio:{_ratio(rendered)}">'
        f'<img alt="{letter}"><span></span></div><figcaption><b class="chip {letter.lower()}">{letter}</b> '
        f"{escape(name)}</figcaption></figure>"
        for letter, name, rendered in zip("AB", found.names, found.both, strict=True)
    )
    return (
        f'<section><div class="pair">{figures}</div><div class="controls"><button type="button" id="play">'
        'play</button><input id="time" type="range" min="0" value="0" step="1" aria-label="moment">'
        '<output id="now"></output></div></section>\n'
    )


def _ratio(rendered: Rendered) -> str:
    return f"{rendered.shown.timeline.width}/{rendered.shown.timeline.height}"


def _affordable(found: Comparison) -> int:
    """Moments that the page has room for, judged by a frame of each from the middle."""
    size = 0
    for rendered in found.both:
        places = sorted(rendered.there)
        (picture,) = rendered.pictures([places[len(places) // 2]])
        size += len(jpeg(picture, WIDTH))
    return max(LEAST_MOMENTS, min(MOST_MOMENTS, CHARACTERS // size))


def _film(found: Comparison, times: Sequence[float]) -> dict[str, Any]:
    """Frames by moment: numbers of pictures, null where there is none."""
    sides = [_side(rendered, times) for rendered in found.both]
    return {"seconds": found.seconds, "times": [round(time, 4) for time in times], "sides": sides}


def _side(rendered: Rendered, times: Sequence[float]) -> dict[str, Any]:
    places = [place_at(rendered, time) for time in times]
    known = [place for place in dict.fromkeys(places) if place is not None]
    numbers = {place: number for number, place in enumerate(known)}
    pictures = [jpeg(picture, WIDTH) for picture in pictures_at(rendered, known)]
    at = [None if place is None else numbers[place] for place in places]
    return {"pictures": pictures, "at": at, "seconds": rendered.shown.seconds}


def _legend() -> str:
    return '<p class="legend"><b class="chip a">A</b> <b class="chip b">B</b> values are those of A / B</p>'


def _same(names: Sequence[str]) -> list[str]:
    return [f"the same in both: {', '.join(names)}"] if names else []


def _settings(found: Comparison) -> str:
    shown, more = found.settings[:MOST_ROWS], len(found.settings) - MOST_ROWS
    if not shown:
        return "<p>none</p>"
    rest = [f"and {more} more"] if more > 0 else []
    return _table(shown, ("setting", "A", "B")) + notes(rest, "plain")


def _table(rows: Iterable[tuple[str, str, str]], head: tuple[str, str, str]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    lines = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(one) or '–'}</td><td>{escape(other) or '–'}</td></tr>\n"
        for name, one, other in rows
    )
    table = f'<table class="facts two"><tr class="head">{titles}</tr>\n{lines}</table>'
    return f'<div class="scroll">{table}</div>\n'
