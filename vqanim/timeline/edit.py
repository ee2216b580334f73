"""The edit list: what is seen at every frame of the film. Nothing of it is ever painted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from vqanim.camera.homography import farthest_move, path_matrix
from vqanim.effects import EFFECTS, EffectNow, changes_nothing
from vqanim.scene.fields.effects import Each, Effect, Hit
from vqanim.scene.model import Scene
from vqanim.scene.sound import BEAT
from vqanim.scene.times import SAME_MOMENT, TimeBase, nearest_frame
from vqanim.timeline.camera import ShotCamera
from vqanim.timeline.clips import Clip, Cut, Floats, Sampler, cuts_of, seconds_of, tidy
from vqanim.timeline.plan import Chapter, FilmFrame, Layer, ShotPlan
from vqanim.timeline.runs import SEAM_SECONDS, Run, make_runs, seam_share

CLOSED = 0.002  # frame widths: a loop's camera is back where it began when no corner is farther off than this
KEYS_PAST_END = 3  # ffmpeg ends so many frames before those that it is given do
_NEAR_BEAT = 0.02
"""Beats: a beat that hits are counted from may lie so little before the moment that was written."""
_NEAR = 0.02  # seconds, for the same reason


def cut_film(
    scene: Scene, shots: Sequence[ShotPlan], sampler: Sampler, cameras: Sequence[ShotCamera]
) -> tuple[tuple[FilmFrame, ...], tuple[Chapter, ...]]:
    """Every frame of the film, and where its shots begin. Mistakes in the curves of effects, and loops whose
    camera does not close, are noted in `sampler`. cameras: of all shots. Raises SceneError with every shot
    that the film does not show."""
    cuts = cuts_of([camera.clocks.clip for camera in cameras], scene, scene.fps)
    runs = make_runs(scene, cuts, shots, scene.fps, cameras)
    for cut, run in zip(cuts, runs, strict=True):
        _check_loop(scene, cut, run, cameras[0].aspect, sampler)
    seen = _seen(scene, cuts, runs, scene.fps, sampler)
    base = TimeBase(float(cuts[-1].clip.ends), scene.fps, sound=scene.sound, frame=float(1 / scene.fps))
    clock = _Clock(len(seen), base, scene.fps)
    effects = effects_at(scene.effects, scene.hits, clock, sampler)
    times = [tidy(float(index / scene.fps)) for index in range(len(seen))]
    film = tuple(map(FilmFrame, times, seen, effects))
    return film, tuple(Chapter(cut.clip.shot.name, cut.first) for cut in cuts)


def cut_keys(
    scene: Scene, clips: Sequence[Clip], shots: Sequence[ShotPlan], sampler: Sampler
) -> tuple[FilmFrame, ...]:
    """The film at the painted rate and without its own effects, for something that finds frames between."""
    cuts = cuts_of(clips, scene, scene.rate)
    runs = make_runs(scene, cuts, shots, scene.rate)
    seen = _seen(scene, cuts, runs, scene.rate, sampler)
    past = [replace(seen[-1][-1], looks=runs[-1].looks(len(seen) + more)) for more in range(KEYS_PAST_END)]
    seen += [(layer,) for layer in past]
    return tuple(FilmFrame(tidy(float(index / scene.rate)), layers) for index, layers in enumerate(seen))


def _seen(
    scene: Scene, cuts: Sequence[Cut], runs: Sequence[Run], fps: Fraction, sampler: Sampler
) -> list[tuple[Layer, ...]]:
    """The layers of every frame: one shot, or two where one dissolves into the next."""
    # A float's last bit must not add a frame.
    covers = [round(Fraction(cut.clip.dissolve) * fps, 9) for cut in cuts[1:]] + [Fraction(0)]
    clocks = [_clock_of_shot(scene, cut, cover, fps) for cut, cover in zip(cuts, covers, strict=True)]
    shots = [(cut.clip.shot, clock) for cut, clock in zip(cuts, clocks, strict=True)]
    effects = [effects_at(shot.effects, shot.hits, clock, sampler) for shot, clock in shots]
    seen: list[tuple[Layer, ...]] = []
    for number, (cut, run) in enumerate(zip(cuts, runs, strict=True)):
        for index in range(cut.count):
            here = Layer(run.looks(cut.first + index), 1.0, effects[number][index])
            cover = covers[number - 1] if number else Fraction(0)
            if index >= cover:
                seen.append((here,))
                continue
            share, frame, last = tidy(float(index / cover)), cut.first + index, number - 1
            now = effects[last][frame - cuts[last].first]
            outgoing = Layer(runs[last].looks(frame), tidy(1 - share), now)
            seen.append((outgoing, replace(here, share=share)) if share > 0 else (outgoing,))
    return _led_back(seen, fps) if scene.loop and not runs[0].loop else seen


def _clock_of_shot(scene: Scene, cut: Cut, cover: Fraction, fps: Fraction) -> _Clock:
    """Of every frame of a shot and those under the dissolve that follows."""
    name, start = cut.clip.shot.name if len(scene.shots) > 1 else "", float(cut.first / fps)
    late = start - cut.clip.written
    base = TimeBase(cut.seconds, scene.fps, start, scene.sound, late, frame=float(1 / fps))
    return _Clock(cut.count + math.ceil(cover), base, fps, name)


def _led_back(seen: Sequence[tuple[Layer, ...]], fps: Fraction) -> list[tuple[Layer, ...]]:
    """A film of several movements as a loop: its end dissolves into its first picture."""
    seam = min(SEAM_SECONDS * fps, Fraction(len(seen), 2))
    shares = [tidy(seam_share(index, len(seen), seam)) for index in range(len(seen))]
    return [
        (*_faded(layers, 1 - share), *_faded(seen[0], share)) if share else layers
        for layers, share in zip(seen, shares, strict=True)
    ]


def _faded(layers: Sequence[Layer], share: float) -> list[Layer]:
    return [replace(layer, share=tidy(layer.share * share)) for layer in layers]


def _check_loop(scene: Scene, cut: Cut, run: Run, aspect: float, sampler: Sampler) -> None:
    """Note a loop whose camera ends elsewhere than it began."""
    if not run.loop or sampler.problems:  # a camera without values is no camera to judge
        return
    far = farthest_move(path_matrix(run.steps[1 : run.own + 1]), aspect)
    if far > CLOSED:
        allowed = "a camera that comes back, with poses such as angle: {0s: 0, 50%: 20, 100%: 0}"
        ends = f"the camera ends elsewhere than it began, up to {far:.3g} frame widths off"
        place = cut.clip.shot.loop_place if cut.clip.shot.loop else scene.loop_place
        sampler.note(place, f"{ends}: allowed in a loop is {allowed}")


class _Clock:
    """The moments of the first `count` film frames on the time of the effects: the film's, or a shot's."""

    def __init__(self, count: int, base: TimeBase, rate: Fraction, shot: str = "") -> None:
        """rate: frames per second. shot: its name for a message, where there are several."""
        self.base, self.rate, self.shot = base, rate, shot
        self.seconds = seconds_of(np.arange(count), rate)  # [F]

    def name(self, index: int) -> str:
        """A frame for people: `at frame 57 (4.75 s)`."""
        shot = f" of shot {self.shot}" if self.shot else ""
        return f"at frame {index}{shot} ({round(float(self.seconds[index]), 3):.12g} s)"


def effects_at(
    effects: Sequence[Effect], hits: Sequence[Hit], clock: _Clock, sampler: Sampler
) -> list[tuple[EffectNow, ...]]:
    """The effects that change something, at every moment [F]: those of the list, then the hits."""
    # A curve that fails changes nothing.
    moments = (clock.seconds, clock.base, clock.name)
    tracks = [(effect, sampler.values(effect.amount, *moments, math.nan)) for effect in effects]
    tracks += [track for hit in hits for track in _hit_tracks(hit, clock)]
    found: list[list[EffectNow]] = [[] for _ in clock.seconds]
    for effect, amounts in tracks:
        for index, amount in enumerate(amounts.tolist()):
            now = EffectNow(effect.name, tidy(amount), effect.settings)
            if not changes_nothing(now):
                found[index].append(now)
    return [tuple(each) for each in found]


def _hit_tracks(hit: Hit, clock: _Clock) -> list[tuple[Effect, Floats]]:
    said = [moment.seconds(clock.base) for moment in hit.on] if hit.each is None else _said(hit.each, clock)
    frames = sorted(nearest_frame(moment, clock.rate) for moment in said)
    moments = seconds_of(np.array(frames, dtype=np.int64), clock.rate)
    strength = envelope(clock.seconds, moments, hit.fade.seconds(clock.base))
    ranges = [(EFFECTS[peak.name].neutral, peak.amount.constant_value or 0.0) for peak in hit.peaks]
    amounts = [neutral + (full - neutral) * strength for neutral, full in ranges]
    return list(zip(hit.peaks, amounts, strict=True))


def _said(each: Each, clock: _Clock) -> list[float]:
    """The moments that a song says, on the time of the effects."""
    base, lasts = clock.base, float(clock.seconds[-1] + 1 / clock.rate) if len(clock.seconds) else 0.0
    first = 0.0 if each.start is None else each.start.seconds(base)
    last = lasts if each.end is None else min(lasts, each.end.seconds(base))
    if each.signal != BEAT:
        found = base.sound.signals[each.signal].rises(each.above) - base.start
        return [moment for moment in found.tolist() if first <= moment + SAME_MOMENT and moment <= last]
    beats = base.sound.clock
    assert beats is not None
    start = base.start + first
    offset = 0.0 if each.start is None else float(math.ceil(beats.beat_at(start) - _NEAR_BEAT))
    moments = beats.moments(start - _NEAR, base.start + last, float(each.every), offset)
    return [moment - base.start for moment in moments]


def envelope(seconds: Floats, moments: Floats, fade: float) -> Floats:
    """How much there is of a hit at frames [F], 0..1. 1 at the frames of its moments, then straight down to
    0, `fade` seconds later. Where two overlap, the later counts. Moments are those of frames, ascending."""
    latest = np.searchsorted(moments, seconds + SAME_MOMENT, side="right") - 1
    if not len(moments):
        return np.zeros(seconds.shape)
    age = np.where(latest >= 0, seconds - moments[np.clip(latest, 0, None)], math.inf)
    fading = 1 - age / fade if fade > 0 else np.where(age > SAME_MOMENT, 0.0, 1.0)
    return np.asarray(np.clip(fading, 0.0, 1.0))
