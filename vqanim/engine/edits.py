"""Frames that somebody changed after they were painted: never lost, never taken for ours without a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from vqanim.errors import InputError
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FrameRef

Edits: TypeAlias = Literal["refuse", "accept", "repair"]
"""What to do with them: stop, paint on from them as they are now, or move them aside and paint them anew."""


def settle(edited: Sequence[FrameRef], store: TakeStore, edits: Edits) -> None:
    """Do what `edits` says with frames whose pixels were changed.

    Raises InputError where that is to refuse them, and OutputError.
    """
    if not edited:
        return
    if edits == "refuse":
        raise InputError(_message(edited, store))
    if edits == "repair":
        store.archive(edited)
        return
    for frame in edited:
        store.accept(frame.shot, frame.index)


def _message(edited: Sequence[FrameRef], store: TakeStore) -> str:
    first = store.find(edited[0])
    more = f" (and {len(edited) - 1} more)" if len(edited) > 1 else ""
    return (
        f"{first}{more}: was changed after it was painted; --accept-edits keeps it as it is and paints on "
        "from it, --repair moves it to superseded/ and paints it anew"
    )
