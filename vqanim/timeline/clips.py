"""Where every shot begins and ends: as it is painted, and in the film."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vqanim.errors import Place, Problem, SceneError
from vqanim.scene.durations import Written, lay_out
from vqanim.scene.limits import MAX_FRAMES
from vqanim.scene.model import Scene, Shot
from vqanim.scene.times import SAME_MOMENT, Span, TimeBase, nearest_frame


@dataclass(frozen=True)
class Clip(Span):
    """A shot and its span, with what the timeline of its neighbors does to it."""

    shot: Shot
    start: float
    """Seconds of its first frame among the painted frames of all shots."""
    blend: float
    """Seconds over which it is blended with the shot before as it is painted; 0 for none."""
    dissolve: float
    """Seconds over which the shot before dissolves into it in the film; 0 for none."""
    overhang: int
    """Frames that are painted past its end, for the dissolve that follows."""
    shown: int
    """Painted frames by which the film comes to its frames later than they are painted."""
    seen: float
    """Film time for which its first frame is painted: the painted frame nearest to the cut, whatever
    fps is, so that another fps asks for no other frame."""


def clips_of(scene: Scene) -> tuple[Clip, ...]:
    """The shots of a scene one after another.

    Raises SceneError with every shot that shows no frame or is shorter than its transition, or when the film
    is too long.
    """
    base = TimeBase(0.0, scene.fps)
    written = [
        Written(
            None if shot.duration is None else shot.duration.seconds(base),
            shot.repeat,
            shot.freeze.seconds(base) if shot.freeze else 0.0,
        )
        for shot in scene.shots
    ]
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
    return shot.transition.kind == "carry" and all(
        each.repeat == 1 and _goes_on(each) for each in (before, shot)
    )


def _goes_on(shot: Shot) -> bool:
    """Whether the film could go on past the end of a shot."""
    return shot.freeze is None and not shot.reverse and not shot.loop


def _check_length(frames: int, scene: Scene) -> None:
    """Raises SceneError for a film that is too long."""
    if frames > MAX_FRAMES:
        message = f"found {frames} frames, allowed {MAX_FRAMES} in a film: shorten it or lower fps"
        raise SceneError([Problem(Place(scene.file, 0, "duration"), message)])


def _problems(clip: Clip, scene: Scene) -> list[Problem]:
    """What cannot be meant about a shot's times."""
    length = clip.duration * clip.shot.repeat + float(clip.freeze)
    what = ""
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
    played: int
    """Film frames before the last picture is held."""

    @property
    def seconds(self) -> float:
        """How long it is in the film, not rounded to frames."""
        return float(self.clip.ends - self.clip.begins)


def cuts_of(clips: Sequence[Clip], scene: Scene, fps: Fraction) -> tuple[Cut, ...]:
    """The film frames of every shot at `fps`; borders are the cumulated time, rounded to the nearest frame.

    Raises SceneError with every shot without a film frame, or when the film is too long.
    """
    cuts: list[Cut] = []
    for clip in clips:
        first, end = nearest_frame(clip.begins, fps), nearest_frame(clip.ends, fps)
        held = nearest_frame(clip.begins + clip.played, fps)
        cuts.append(Cut(clip, first, end - first, max(1, held - first)))
    _check_length(cuts[-1].first + cuts[-1].count, scene)
    what = f"and shows no frame of the film: one is {float(1 / fps):.3g} s at {float(fps):.6g} fps"
    empty = [cut for cut in cuts if cut.count < 1]
    if problems := [
        Problem(cut.clip.shot.place, f"shot {cut.clip.shot.name} lasts {cut.seconds:.6g} s {what}")
        for cut in empty
    ]:
        raise SceneError(problems)
    return tuple(cuts)
