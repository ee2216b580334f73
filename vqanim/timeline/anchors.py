"""Which frame's look a frame holds to.

Guidance makes a film a little more colorful and contrasty with every frame. Holding each frame to the one
before does not stop that; holding it to an anchor, an earlier frame of the same prompts, does. When the
prompts change, the anchor is given up, and a new one found once they have been steady for a while.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from vqanim.timeline.plan import WeightedTerm

STEADY = 0.985
"""Cosine between two mixes of prompts from which on they are the same."""
SETTLE_SECONDS = 1.0
"""How long prompts must be steady before a carried picture shows them and can be an anchor."""


def find_anchors(
    losses: Sequence[tuple[WeightedTerm, ...]], fresh: bool, fps: float
) -> tuple[int | None, ...]:
    """Index of the anchor of each frame of a shot, or None: then the frame before must do.

    losses: the terms of every frame. fresh: whether the first frame carries nothing; it was painted with
    many steps and so is an anchor at once.
    """
    settle = max(1, round(SETTLE_SECONDS * fps))
    mixes = [{term_name(term): term.weight for term in terms if term.is_prompt} for terms in losses]
    anchor = 0 if fresh else None
    since = 0
    found: list[int | None] = []
    for index, mix in enumerate(mixes):
        if anchor is not None and similarity(mix, mixes[anchor]) < STEADY:
            anchor, since = None, index
        elif anchor is None and similarity(mix, mixes[since]) < STEADY:
            since = index
        if anchor is None and index - since > settle:
            anchor = index - 1
        found.append(anchor if anchor != index else None)
    return tuple(found)


def term_name(term: WeightedTerm) -> str:
    """What tells terms apart: two pictures may have one name, a picture may be named like a text, and what
    pulls in one part of the frame is another term in another part."""
    name = term.text if term.target is None else f"{term.kind} {term.target}"
    return name if term.area is None else f"{name} {term.area}"


def similarity(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Cosine of two mixes of prompts, -1..1; 1 when both are empty."""
    lengths = [math.sqrt(sum(weight**2 for weight in mix.values())) for mix in (a, b)]
    if 0.0 in lengths:
        return 1.0 if lengths[0] == lengths[1] else 0.0
    return sum(weight * b.get(text, 0.0) for text, weight in a.items()) / (lengths[0] * lengths[1])
