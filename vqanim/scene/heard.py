"""What of a song a scene wants to hear, and what its times mean once it was heard."""

from __future__ import annotations

from vqanim.scene.curves import Curve, Formula
from vqanim.scene.fields.base import curves_of
from vqanim.scene.model import Scene
from vqanim.scene.musical import SongTimes


def signals_of(scene: Scene) -> frozenset[str]:
    """The names of all signals in expressions and hits: `beat`, `bass`, `drums.onset`."""
    curves: list[Curve] = [*curves_of(scene)]
    hits = [*scene.hits]
    for shot in scene.shots:
        curves += shot.curves()
        hits += shot.hits
    said = [name for curve in curves if isinstance(curve, Formula) for name in curve.signals]
    return frozenset([*said, *(hit.each.signal for hit in hits if hit.each is not None)])


def song_times(scene: Scene) -> SongTimes | None:
    """What bars, beats and markers mean on the time of the film; None without a song."""
    track = scene.soundtrack
    if track is None:
        return None
    markers = {name: second - track.start for name, second in scene.markers}
    return SongTimes(scene.sound.clock or track.clock(), markers)
