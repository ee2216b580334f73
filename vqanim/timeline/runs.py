"""Takes that are seen as one movement, and which of their saved frames are seen at a film frame.

The edit blends the end of a loop into its start. Two pictures that have nothing in common would only shine
through each other, so the frames of this seam are painted towards the first one as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from vqanim.camera.homography import Matrix, step_matrix
from vqanim.camera.step import CameraStep, Move
from vqanim.scene.model import Scene
from vqanim.timeline.camera import ShotCamera, Way, ways_of_run
from vqanim.timeline.clips import Clip, Cut, carries_on, cuts_of, tidy
from vqanim.timeline.plan import FrameRef, Look, ShotPlan, StartPlan, WeightedTerm

SEAM_SECONDS = 1
"""How long the end of a loop is blended with its start; half of a loop that is shorter than twice this."""
_KIND = "stay_near_pixels"
_PULL = 3.0
"""Weight at the end of the seam. It rises with the cube of the share: a little of it moves a picture a lot
already, and so the way back is spread over the seam."""


def seam_share(place: Fraction | int, end: Fraction | int, seam: Fraction) -> float:
    """How much of its start there is at a place of a loop, 0..1, which ends with a seam; level at both ends.
    Level, so that the step from the last picture to the first is the smallest of all, however far the
    pictures have gone from where they began."""
    way = min(max(float((place - (end - seam)) / seam), 0.0), 1.0)
    return way * way * (3 - 2 * way)


class Run:
    """Takes that are seen as one movement: a shot, and those that are carried on from it."""

    ways: Mapping[Fraction, Way] = MappingProxyType({})
    """The camera's ways at places between two painted frames; elsewhere parts of steps must do."""

    def __init__(
        self, scene: Scene, cut: Cut, shots: Sequence[ShotPlan], fps: Fraction, whole_loops: bool
    ) -> None:
        """cut: of its first shot. whole_loops: whether it is a whole film that is a loop."""
        first, frames = cut.clip.shot, [frame for shot in shots for frame in shot.frames]
        self.first = cut.first  # number of its first film frame
        self.pace = scene.rate / fps  # painted frames from one film frame to the next
        # What repeats, plays backwards or leads back to its start begins with a whole frame.
        whole = first.repeat > 1 or first.reverse or first.loop
        late = cut.first * self.pace - cut.clip.first - cut.clip.shown
        self.begin = Fraction(0) if whole else late
        """Painted frames from its first painted frame to its first film frame; below 0 where that is
        earlier."""
        self.frames = tuple(FrameRef(frame.shot, frame.index) for frame in frames)
        """Saved frames, those under the dissolve that follows included."""
        self.own = len(frames) - shots[-1].overhang  # frames without those
        self.steps = (*(frame.camera for frame in frames), shots[-1].after)
        """The step into every frame, and that on from the last one, in a loop to the first one. The first
        step leads into the run and is never undone."""
        self.loop, self.repeats, self.reverse = whole_loops or first.loop, first.repeat > 1, first.reverse
        self.held = cut.played if first.freeze is not None or first.reverse else None
        """Film frames after which the picture stands still."""
        self.seam = min(SEAM_SECONDS * scene.rate, Fraction(self.own, 2)) if self.loop else Fraction(0)
        """Painted frames over which a loop is led back to its first frame."""
        moved = self.loop or self.repeats or self.reverse or self.held is not None
        self.plain = self.pace == 1 and self.begin.denominator == 1 and not moved
        """Whether every film frame is one painted frame after the other, which takes no computing."""

    def looks(self, film_frame: int) -> tuple[Look, ...]:
        """What is seen at a film frame, which may lie under the dissolve that follows."""
        if self.plain and 0 <= (index := int(self.begin) + film_frame - self.first) < len(self.frames):
            return (Look(self.frames[index]),)
        place = self.place(film_frame - self.first)
        here, share = self._between(place), self.pull(place)
        if share == 0:
            return here
        kept = tuple(replace(look, share=tidy(look.share * (1 - share))) for look in here)
        # The way back along the camera from the first frame, where a loop ends, to the place before it.
        whole = [(self.steps[n], -1.0) for n in range(self.own, math.floor(place) + 1, -1)]
        _, last = self._moves_at(math.floor(place), place)
        start = Look(self.frames[0], tidy(share), (*_moves(*whole), *last))
        return tuple(look for look in (*kept, start) if look.share > 0)

    def pull(self, place: Fraction) -> float:
        """How far a loop is back at its start, 0..1: smoothly over the seam, 1 at its end. The term that
        draws the painted frames to the first one has its weight from here (see `lead_back`)."""
        return seam_share(place, self.own, self.seam) if self.seam else 0.0

    def place(self, film_frame: int) -> Fraction:
        """The place of one of its film frames among the painted ones, in painted frames from the first."""
        if self.held is not None:
            film_frame = min(film_frame, self.held - 1)
        place = max(Fraction(0), self.begin + film_frame * self.pace)
        if self.loop or self.repeats:
            place -= self.own * math.floor(place / self.own)
        last = (math.ceil(self.own / self.pace) - 1) * self.pace
        return max(Fraction(0), last - place) if self.reverse else place

    def _between(self, place: Fraction) -> tuple[Look, ...]:
        """Both neighbors of a place, moved there along the camera, the nearer one more."""
        index = min(math.floor(place), len(self.frames) - 1)
        part = min(place - index, Fraction(1))
        if part == 0:
            return (Look(self.frames[index]),)
        share, last = tidy(float(part)), index + 1 == len(self.frames)
        there, back = self._moves_at(index, place)
        if last and not self.loop:
            return (Look(self.frames[index], 1.0, there),)
        following = self.frames[0 if last else index + 1]
        return (Look(self.frames[index], tidy(1 - share), there), Look(following, share, back))

    def _moves_at(self, index: int, place: Fraction) -> tuple[tuple[Move, ...], tuple[Move, ...]]:
        """From frame `index` on to a place before the next one, and from that one back to there."""
        # Past the end, a place may be farther from the last frame than a step.
        if place - index < 1 and (way := self.ways.get(place)) is not None:
            back = [(step, -1.0) for step in reversed(way.on)]
            return _moves(*((step, 1.0) for step in way.there)), _moves(*back)
        step, part = self.steps[index + 1], float(min(place - index, Fraction(1)))
        return _moves((step, tidy(part))), _moves((step, tidy(part - 1)))


def _moves(*way: tuple[CameraStep, float]) -> tuple[Move, ...]:
    return tuple(Move(step, part) for step, part in way if part != 0 and not step.still)


def make_runs(
    scene: Scene,
    cuts: Sequence[Cut],
    shots: Sequence[ShotPlan],
    fps: Fraction,
    cameras: Sequence[ShotCamera] = (),
) -> list[Run]:
    """The run of every shot in a film of `fps`; shots that are one movement share theirs. cameras: of all
    shots; without them parts of steps stand for the camera's way between two frames."""
    taken = [cut.clip.shot for cut in cuts]
    begins = [n for n in range(len(cuts)) if not n or not carries_on(taken[n - 1], taken[n])]
    runs: list[Run] = []
    for begin, end in pairwise([*begins, len(cuts)]):
        run = Run(scene, cuts[begin], shots[begin:end], fps, scene.loop and len(begins) == 1)
        if cameras and scene.rate != fps:
            under = math.ceil((len(run.frames) - run.own) / run.pace)  # the dissolve that follows
            shown = sum(cut.count for cut in cuts[begin:end]) + under
            places = {run.place(index) for index in range(shown)}
            counts = [len(shot.frames) for shot in shots[begin:end]]
            run.ways = ways_of_run(cameras[begin:end], counts, places)
        runs += [run] * (end - begin)
    return runs


def lead_back(scene: Scene, clips: Sequence[Clip], shots: Sequence[ShotPlan]) -> tuple[ShotPlan, ...]:
    """The shots, with a term in the last second of every loop that holds its frames to the first frame. Its
    weight rises with the share that the edit gives to the first frame, slowly at first. Raises SceneError as
    `cuts_of` does."""
    if not (scene.loop or any(shot.loop for shot in scene.shots)):
        return tuple(shots)
    cuts = cuts_of(clips, scene, scene.fps)
    runs = make_runs(scene, cuts, shots, scene.fps)
    loops = {run.first: run for run in runs if run.loop}.values()
    terms = {frame: term for run in loops for frame, term in _way_back(run)}
    last = runs[-1]
    if scene.loop and not runs[0].loop and not (last.reverse or last.repeats or last.held is not None):
        # The first picture was taken by another camera, and the end of the film is that of the last take.
        seam = min(SEAM_SECONDS * scene.rate, clips[-1].ends * scene.rate / 2)  # the same at any fps
        shares = {index: seam_share(index, last.own, seam) for index in range(1, last.own)}
        goal = runs[0].frames[0]
        terms |= {last.frames[index]: _term(goal, share) for index, share in shares.items() if share > 0}
    return tuple(_with_terms(shot, terms) for shot in shots)


def _way_back(run: Run) -> Iterator[tuple[FrameRef, WeightedTerm]]:
    """The terms of a run that leads to its own first frame, which is seen from where the camera is."""
    rest: Matrix = np.eye(3)
    border = "reflect"
    for index in range(run.own - 1, 0, -1):
        share = run.pull(Fraction(index))
        if share == 0:
            break
        if not (step := run.steps[index + 1]).still:
            rest, border = rest @ step_matrix(step), step.border
        yield run.frames[index], _term(run.frames[0], share, np.asarray(np.linalg.inv(rest)), border)


def _term(goal: FrameRef, share: float, view: Matrix | None = None, border: str = "reflect") -> WeightedTerm:
    numbers: tuple[float, ...] = ()
    if view is not None and not np.allclose(view, np.eye(3), atol=1e-9):
        numbers = tuple(tidy(number) for number in (view / view[2, 2]).ravel().tolist())
    target = StartPlan("frame", frame=goal, view=numbers, border=border)
    return WeightedTerm(_KIND, "the first frame", tidy(_PULL * share**3), target=target)


def _with_terms(shot: ShotPlan, terms: Mapping[FrameRef, WeightedTerm]) -> ShotPlan:
    """A frame at which nothing pulls is only moved, and stays so; a timelapse is drawn by nothing else."""
    if shot.frames[0].timelapse or not any(frame.shot == shot.name for frame in terms):
        return shot
    frames = []
    for plan in shot.frames:
        term = terms.get(FrameRef(plan.shot, plan.index))
        wanted = term is not None and term.weight > 0 and plan.losses
        frames.append(replace(plan, losses=(*plan.losses, term)) if term and wanted else plan)
    return replace(shot, frames=tuple(frames))
