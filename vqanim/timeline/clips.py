"""Where every shot begins and ends, as it is painted and in the film, and curves sampled at its moments.
Every curve that fails is noted, not just the first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqanim.errors import CurveError, Place, Problem, SceneError
from vqanim.scene.curves import Curve
from vqanim.scene.durations import Written, lay_out
from vqanim.scene.limits import MAX_FRAMES
from vqanim.scene.model import Scene, Shot
from vqanim.scene.times import SAME_MOMENT, Span, TimeBase, around, nearest_frame


@dataclass(frozen=True)
class Clip(Span):
    """A shot and its span, with what the timeline of its neighbors does to it."""

    shot: Shot
    start: float  # seconds of its first frame among the painted frames of all shots
    blend: float  # seconds over which it is blended with the shot before as it is painted; 0 for none
    dissolve: float  # seconds over which the shot before dissolves into it in the film; 0 for none
    overhang: int  # frames that are painted past its end, for the dissolve that follows
    shown: int  # painted frames by which the film comes to its frames later than they are painted
    seen: float
    """Film time for which its first frame is painted: the painted frame nearest to the cut, whatever
    fps is, so that another fps asks for no other frame."""


def clips_of(scene: Scene) -> tuple[Clip, ...]:
    """The shots of a scene one after another. Raises SceneError with every shot that shows no frame or is
    shorter than its transition, or when the film is too long."""
    base = TimeBase(0.0, scene.fps)
    lengths = [shot.duration.seconds(base) if shot.duration else None for shot in scene.shots]
    held = [shot.freeze.seconds(base) if shot.freeze else 0.0 for shot in scene.shots]
    written = list(map(Written, lengths, (shot.repeat for shot in scene.shots), held))
    total = None if scene.duration is None else scene.duration.seconds(base)
    spans = lay_out(written, total, scene.rate)
    _check_length(spans[-1].first + spans[-1].count, scene)
    lasts = [shot.transition.duration for shot in scene.shots]
    bases = [TimeBase(span.duration, scene.fps) for span in spans]
    overs = [time.seconds(base) if time else 0.0 for time, base in zip(lasts, bases, strict=True)]
    overs[0] = 0.0  # nothing comes before the first shot
    clips: list[Clip] = []
    for number, (shot, span, over) in enumerate(zip(scene.shots, spans, overs, strict=True)):
        one_movement = number > 0 and carries_on(scene.shots[number - 1], shot)
        shown = clips[-1].shown if one_movement else nearest_frame(span.begins, scene.rate) - span.first
        dissolves = [each.transition.kind == "dissolve" for each in scene.shots[number : number + 2]]
        under = overs[number + 1] if dissolves[1:] == [True] and _goes_on(shot) else 0.0
        clips.append(
            Clip(
                **vars(span),
                shot=shot,
                start=float(span.first / scene.rate),
                blend=over if shot.transition.kind == "carry" else 0.0,
                dissolve=over if dissolves[0] else 0.0,
                overhang=math.ceil(round(Fraction(under) * scene.rate, 6)),
                shown=shown,
                seen=float((shown + span.first) / scene.rate),
            )
        )
    if problems := [problem for clip in clips for problem in _problems(clip, scene)]:
        raise SceneError(problems)
    return tuple(clips)


def carries_on(before: Shot, shot: Shot) -> bool:
    """Whether two shots are seen as one movement."""
    simple = all(each.repeat == 1 and _goes_on(each) for each in (before, shot))
    return simple and shot.transition.kind == "carry"


def _goes_on(shot: Shot) -> bool:
    """Whether the film could go on past the end of a shot."""
    return shot.freeze is None and not shot.reverse and not shot.loop


def _check_length(frames: int, scene: Scene) -> None:
    if frames > MAX_FRAMES:
        message = f"found {frames} frames, allowed {MAX_FRAMES} in a film: shorten it or lower fps"
        raise SceneError([Problem(Place(scene.file, 0, "duration"), message)])


def _problems(clip: Clip, scene: Scene) -> list[Problem]:
    length, what = clip.duration * clip.shot.repeat + float(clip.freeze), ""
    if clip.count < 1:
        length = max(clip.duration, 0.0)
        rate = f"{float(scene.rate):.6g}"
        said = f"{rate} fps" if scene.rate == scene.fps else f"{rate} painted frames a second"
        what = f"and shows no frame: one is {float(1 / scene.rate):.3g} s at {said}"
    elif clip.blend > clip.duration + SAME_MOMENT:
        length = clip.duration
        what = f"but its transition {clip.blend:.6g} s, allowed is the shot's duration at most"
    elif clip.dissolve > length + SAME_MOMENT:
        what = f"but its dissolve {clip.dissolve:.6g} s, allowed is the shot's duration at most"
    return [Problem(clip.shot.place, f"shot {clip.shot.name} lasts {length:.6g} s {what}")] if what else []


@dataclass(frozen=True)
class Cut:
    """The place of one shot in the film, in film frames."""

    clip: Clip
    first: int
    count: int
    played: int  # film frames before the last picture is held

    @property
    def seconds(self) -> float:
        """How long it is in the film, not rounded to frames."""
        return float(self.clip.ends - self.clip.begins)


def cuts_of(clips: Sequence[Clip], scene: Scene, fps: Fraction) -> tuple[Cut, ...]:
    """The film frames of every shot at `fps`; borders are the cumulated time, rounded to the nearest frame.
    Raises SceneError with every shot without a film frame, or when the film is too long."""
    cuts: list[Cut] = []
    for clip in clips:
        first, end = nearest_frame(clip.begins, fps), nearest_frame(clip.ends, fps)
        held = nearest_frame(clip.begins + clip.played, fps)
        cuts.append(Cut(clip, first, end - first, max(1, held - first)))
    _check_length(cuts[-1].first + cuts[-1].count, scene)
    what = f"and shows no frame of the film: one is {float(1 / fps):.3g} s at {float(fps):.6g} fps"
    empty = [cut for cut in cuts if cut.count < 1]
    lasts = [f"shot {cut.clip.shot.name} lasts {cut.seconds:.6g} s {what}" for cut in empty]
    if empty:
        raise SceneError(map(Problem, (cut.clip.shot.place for cut in empty), lasts))
    return tuple(cuts)


Floats = NDArray[np.float64]
Indices = NDArray[np.int64] | NDArray[np.float64]  # numbers of frames, or moments between them in frames
DIGITS = 9  # digits behind the point of every number of a plan


@dataclass(frozen=True)
class Moments:
    """The same moments on both clocks, in seconds."""

    film: Floats
    shot: Floats


@dataclass(frozen=True)
class Clocks:
    """Film time and the time of one shot. Before its shot, a curve of a shot holds its first value: the
    interval that leads to the first frame of a carried shot is already that shot's. From `until` on, every
    curve holds its value: beyond the end of a transition nobody asks for the outgoing shot, so nothing there
    can be a mistake."""

    clip: Clip
    film_base: TimeBase
    several: bool = False  # True when the film has more than one shot, so that a message names the shot
    until: float = math.inf  # seconds of film
    rate: Fraction | None = None  # painted frames per second; those of the film where it is None
    frame: float | None = None
    """Seconds around a moment in which a step counts to it; those of a painted frame where it is None."""

    @property
    def painted(self) -> Fraction:
        """Frames per second of the takes."""
        return self.rate or self.film_base.fps

    @property
    def last_frame(self) -> float:
        """Seconds of the shot at which its last frame lies."""
        return float((self.clip.count - 1) / self.painted)

    def base_of(self, curve: Curve) -> TimeBase:
        """The time on which a curve runs, and how it lies to what is heard while its frames are seen."""
        return self._bases[curve.base == "film"]

    @cached_property
    def _bases(self) -> tuple[TimeBase, TimeBase]:
        """Of curves that run on the shot, and on the film: all of a shot's curves share them."""
        seen, frame = self.clip.seen, float(1 / self.painted) if self.frame is None else self.frame
        late, start = seen - self.clip.written, seen - self.clip.start
        shot = replace(self.film_base, duration=self.clip.duration, start=seen, late=late, frame=frame)
        return shot, replace(self.film_base, start=start, late=start - self.clip.lag, frame=frame)

    def at(self, film_seconds: Floats) -> Moments:
        """Both clocks at moments of the film."""
        return self._held(film_seconds, film_seconds - self.clip.start)

    def at_frames(self, frames: Indices) -> Moments:
        """Both clocks at frames of the film, each rounded only once."""
        inside = frames - self.clip.first
        return self._held(seconds_of(frames, self.painted), seconds_of(inside, self.painted))

    def breaks(self, curve: Curve) -> list[float]:
        """Moments of the film, in seconds, at which a curve may have a corner or a jump."""
        offset = 0.0 if curve.base == "film" else self.clip.start
        return [moment + offset for moment in curve.breakpoints(self.base_of(curve))]

    def name(self, curve: Curve, seconds: float) -> str:
        """A moment of a curve's own time, for people: `at frame 57 (4.75 s)`."""
        # A moment between two frames counts to the frame that it leads to.
        frame = max(0, math.ceil(seconds * float(self.film_base.fps) - 1e-6))
        shot = f" of shot {self.clip.shot.name}" if self.several and curve.base == "shot" else ""
        return f"at frame {frame}{shot} ({round(seconds, 3):.12g} s)"

    def _held(self, film: Floats, shot: Floats) -> Moments:
        return Moments(np.minimum(film, self.until), np.clip(shot, 0.0, self.until - self.clip.start))


@dataclass(frozen=True)
class Sampler:
    """Samples curves; one that fails is noted at its first bad moment and goes on as its fallback."""

    problems: dict[tuple[Place, str], Problem] = field(default_factory=dict)
    """By place and source text, because a top-level curve is sampled in every shot."""

    def sample(self, curve: Curve, clocks: Clocks, moments: Moments, fallback: float = 0.0) -> Floats:
        """Values float64 of a curve, finite, in the shape of the moments."""
        seconds = moments.film if curve.base == "film" else moments.shot
        flat, name = seconds.ravel(), lambda index: clocks.name(curve, float(seconds.ravel()[index]))
        return self.values(curve, flat, clocks.base_of(curve), name, fallback).reshape(seconds.shape)

    def values(
        self, curve: Curve, seconds: Floats, base: TimeBase, name: Callable[[int], str], fallback: float
    ) -> Floats:
        """The same for moments [N] on a base. name: what people call one of them, by its index."""
        try:
            return curve.sample(seconds, base)
        except CurveError as error:
            where = "" if curve.constant_value is not None else " " + name(error.index)
            self.note(curve.place, error.reason + where, source=curve.text)
            return np.full(seconds.shape, fallback)

    def note(self, place: Place, message: str, source: str = "") -> None:
        """Keep a problem, unless one with the same place and source is there already."""
        self.problems.setdefault((place, source), Problem(place, message))


def seconds_of(frames: Indices, fps: Fraction) -> Floats:
    """Moments of frames, correctly rounded: numerator and denominator are exact."""
    return np.asarray(frames * float(fps.denominator) / float(fps.numerator), dtype=np.float64)


def tidy(value: float) -> float:
    """A number of a plan: rounded, and zero without a sign."""
    return round(value, DIGITS) + 0.0


def tidied(values: Floats) -> list[float]:
    """Numbers of a plan, one a frame: rounded, and zero without a sign."""
    rounded: list[float] = (np.round(values, DIGITS) + 0.0).tolist()
    return rounded


@dataclass(frozen=True)
class Side:
    """A shot on its clocks, seen from the frames of the shot that is planned: itself, or a neighbor."""

    clocks: Clocks
    moments: Moments  # both clocks at the frames
    share: Floats  # how much of it there is at every frame, 0..1

    @property
    def shot(self) -> Shot:
        """What the scene says of it."""
        return self.clocks.clip.shot

    def sample(self, curve: Curve, sampler: Sampler) -> Floats:
        """A curve at the frames, [F]."""
        return sampler.sample(curve, self.clocks, self.moments)


def sides_of(clocks: Clocks, before: Clocks | None, frames: Indices) -> list[Side]:
    """The shot, and before it the outgoing one where they are blended."""
    moments, blend = clocks.at_frames(frames), clocks.clip.blend
    if before is None or blend <= 0:
        return [Side(clocks, moments, np.ones(len(frames)))]
    share = np.clip(moments.shot / blend, 0.0, 1.0)
    outgoing = Side(before, before.at_frames(frames), 1.0 - share)
    return [outgoing, Side(clocks, moments, share)]


def sides_ahead(
    clocks: Clocks, before: Clocks | None, after: Clocks | None, frames: Indices, lead: float
) -> list[Side]:
    """The sides as they will be `lead` seconds later, for what takes so long to be seen. after: the shot that
    carries on from this one; beyond its end time stands, as it does at the end of a shot that is followed by
    a cut, and of the film."""
    if lead <= 0:
        return sides_of(clocks, before, frames)
    now, blend = clocks.at_frames(frames), clocks.clip.blend
    then = now.film + lead
    own: Floats = np.ones(len(frames))
    found = []
    if before is not None and blend > 0:
        own = np.asarray(np.clip((now.shot + lead) / blend, 0.0, 1.0), np.float64)
        found.append(Side(before, before.at(then), 1.0 - own))
    if after is not None:
        since, length = then - after.clip.start, after.clip.blend
        # At once is at the nearest painted frame, as steps of keyframes are.
        half = around(float(1 / clocks.painted))
        taken = np.asarray(np.clip(since / length, 0, 1) if length > 0 else since > -half, np.float64)
        own = np.asarray(own * (1.0 - taken), np.float64)
        moments = after.at(then)
        past = np.maximum(moments.shot - after.last_frame, 0.0)
        found.append(Side(after, Moments(moments.film - past, moments.shot - past), taken))
    # Not past the last frame of the shot, unless it was there already.
    by = np.maximum(np.minimum(now.shot + lead, clocks.last_frame) - now.shot, 0.0)
    return [*found, Side(clocks, Moments(now.film + by, now.shot + by), own)]
