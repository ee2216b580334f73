"""The edit list: what is seen at every frame of the film. Nothing of it is ever painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from vqanim.effects import EffectNow
from vqanim.errors import Place
from vqanim.scene.model import Scene
from vqanim.timeline.effects import EffectClock, effects_at
from vqanim.timeline.homography import farthest_move, path_homography
from vqanim.timeline.plan import FilmFrame, Layer, ShotPlan
from vqanim.timeline.runs import SEAM_SECONDS, Cut, Run, make_runs, seam_share
from vqanim.timeline.sampling import Sampler
from vqanim.timeline.view import tidy

CLOSED = 0.002
"""Frame widths: a loop's camera is back where it began when no corner is farther off than this."""


def cut_film(
    scene: Scene, cuts: Sequence[Cut], shots: Sequence[ShotPlan], sampler: Sampler, aspect: float
) -> tuple[FilmFrame, ...]:
    """Every frame of the film.

    Mistakes in the curves of effects, and loops whose camera does not close, are noted in `sampler`.
    aspect: height / width.
    """
    runs = make_runs(scene, cuts, shots)
    for cut, run in zip(cuts, runs, strict=True):
        _check_loop(scene, cut, run, aspect, sampler)
    seen = _seen_of_shots(scene, cuts, runs, sampler)
    if scene.loop and not runs[0].loop:
        seen = _led_back(seen, scene.fps)
    length = float(sum(Fraction(cut.seconds) for cut in cuts))
    clock = EffectClock.of(len(seen), length, scene.fps)
    effects = effects_at(scene.effects, scene.hits, clock, sampler)
    return tuple(
        FilmFrame(tidy(float(index / scene.fps)), layers, effects[index]) for index, layers in enumerate(seen)
    )


def _seen_of_shots(
    scene: Scene, cuts: Sequence[Cut], runs: Sequence[Run], sampler: Sampler
) -> list[tuple[Layer, ...]]:
    """The layers of every film frame: one shot, or two where one dissolves into the next."""
    covers = [_dissolve_frames(cut, scene.fps) for cut in cuts[1:]] + [Fraction(0)]
    effects = [
        _effects_of_shot(cut, -(-cover // 1), scene.fps, sampler, len(cuts) > 1)
        for cut, cover in zip(cuts, covers, strict=True)
    ]
    seen: list[tuple[Layer, ...]] = []
    for number, (cut, run) in enumerate(zip(cuts, runs, strict=True)):
        for index in range(cut.count):
            here = Layer(run.looks(cut.first + index), 1.0, effects[number][index])
            cover = covers[number - 1] if number else Fraction(0)
            if index >= cover:
                seen.append((here,))
                continue
            share, before = tidy(float(index / cover)), cuts[number - 1]
            outgoing = Layer(
                runs[number - 1].looks(cut.first + index),
                tidy(1 - share),
                effects[number - 1][cut.first + index - before.first],
            )
            seen.append((outgoing, replace(here, share=share)) if share > 0 else (outgoing,))
    return seen


def _dissolve_frames(cut: Cut, fps: Fraction) -> Fraction:
    # A float's last bit must not add a frame.
    return round(Fraction(cut.span.dissolve) * fps, 9)


def _effects_of_shot(
    cut: Cut, more: int, fps: Fraction, sampler: Sampler, several: bool
) -> list[tuple[EffectNow, ...]]:
    """Of every film frame of a shot and `more` under the dissolve that follows."""
    clock = EffectClock.of(cut.count + more, cut.seconds, fps, cut.shot.name if several else "")
    return effects_at(cut.shot.effects, cut.shot.hits, clock, sampler)


def _led_back(seen: Sequence[tuple[Layer, ...]], fps: Fraction) -> list[tuple[Layer, ...]]:
    """A film of several movements as a loop: its end dissolves into its first picture."""
    seam = min(SEAM_SECONDS * fps, Fraction(len(seen), 2))
    blended: list[tuple[Layer, ...]] = []
    for index, layers in enumerate(seen):
        share = tidy(seam_share(float((index - (len(seen) - seam)) / seam)))
        if share == 0:
            blended.append(layers)
            continue
        kept = [replace(layer, share=tidy(layer.share * (1 - share))) for layer in layers]
        start = [replace(layer, share=tidy(layer.share * share)) for layer in seen[0]]
        blended.append((*kept, *start))
    return blended


def _check_loop(scene: Scene, cut: Cut, run: Run, aspect: float, sampler: Sampler) -> None:
    """Note a loop whose camera ends elsewhere than it began."""
    if not run.loop:
        return
    total = path_homography([*run.steps[1 : run.own], run.after])
    far = farthest_move(total, aspect)
    if far <= CLOSED:
        return
    own = cut.shot.loop
    place = Place(
        scene.file, cut.shot.place.line if own else 0, f"{cut.shot.place.path}.loop" if own else "loop"
    )
    sampler.note(
        place,
        f"the camera ends elsewhere than it began, up to {far:.3g} frame widths off: allowed in a loop is a "
        "camera that comes back, with poses such as angle: {0s: 0, 50%: 20, 100%: 0}",
    )
