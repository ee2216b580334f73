"""The edit list: what is seen at every frame of the film. Nothing of it is ever painted."""

from __future__ import annotations

from collections.abc import Sequence

from vqanim.scene.model import Scene
from vqanim.timeline.effects import EffectClock, effects_at
from vqanim.timeline.plan import FilmFrame, FrameRef, Layer, Look, ShotPlan
from vqanim.timeline.runs import Cut
from vqanim.timeline.sampling import Sampler
from vqanim.timeline.view import tidy


def cut_film(
    scene: Scene, cuts: Sequence[Cut], shots: Sequence[ShotPlan], sampler: Sampler
) -> tuple[FilmFrame, ...]:
    """Every frame of the film. Mistakes in the curves of effects are noted in `sampler`."""
    count = sum(cut.count for cut in cuts)
    duration = float(count / scene.fps)
    film_effects = effects_at(scene.effects, scene.hits, EffectClock.of(count, duration, scene.fps), sampler)
    layers: list[tuple[Layer, ...]] = []
    for cut, shot in zip(cuts, shots, strict=True):
        name = cut.shot.name if len(cuts) > 1 else ""
        clock = EffectClock.of(cut.count, cut.span.duration, scene.fps, name)
        effects = effects_at(cut.shot.effects, cut.shot.hits, clock, sampler)
        for index in range(cut.count):
            looks = (Look(FrameRef(shot.name, index)),)
            layers.append((Layer(looks, 1.0, effects[index]),))
    return tuple(
        FilmFrame(tidy(float(index / scene.fps)), layers[index], film_effects[index])
        for index in range(count)
    )
