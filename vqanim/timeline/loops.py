"""The way back of a loop: what draws its last frames to its first one.

The edit blends a loop's end into its start (see Run.looks). Two pictures that have nothing in common would
only shine through each other, so the frames of the seam are painted towards the first one as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from vqanim.camera.homography import Matrix, step_matrix
from vqanim.scene.model import Scene
from vqanim.timeline.clips import Clip, cuts_of
from vqanim.timeline.plan import FrameRef, ShotPlan, StartPlan, WeightedTerm
from vqanim.timeline.runs import SEAM_SECONDS, Run, make_runs, seam_share
from vqanim.timeline.view import tidy

KIND = "stay_near_pixels"
PULL = 3.0
"""Weight at the end of the seam. It rises with the cube of the share: a little of it moves a picture a lot
already, and so the way back is spread over the seam."""


def lead_back(scene: Scene, clips: Sequence[Clip], shots: Sequence[ShotPlan]) -> tuple[ShotPlan, ...]:
    """The shots, with a term in the last second of every loop that holds its frames to the first frame.

    Its weight rises with the share that the edit gives to the first frame, slowly at first. Raises
    SceneError as `cuts_of` does.
    """
    if not (scene.loop or any(shot.loop for shot in scene.shots)):
        return tuple(shots)
    cuts = cuts_of(clips, scene, scene.fps)
    runs = make_runs(scene, cuts, shots, scene.fps)
    terms: dict[FrameRef, WeightedTerm] = {}
    for run in {run.first: run for run in runs if run.loop}.values():
        terms |= _way_back(run)
    if scene.loop and not runs[0].loop and _ends_as_painted(runs[-1]):
        half = sum(Fraction(cut.seconds) for cut in cuts) * scene.rate / 2  # in seconds, the same at any fps
        terms |= _way_to(runs[0].frames[0], runs[-1], min(SEAM_SECONDS * scene.rate, half))
    return tuple(_with_terms(shot, terms) for shot in shots)


def _way_back(run: Run) -> dict[FrameRef, WeightedTerm]:
    """The terms of a run that leads to its own first frame, which is seen from where the camera is."""
    terms: dict[FrameRef, WeightedTerm] = {}
    rest: Matrix = np.eye(3)
    border = "reflect"
    for index in range(run.own - 1, 0, -1):
        share = run.pull(Fraction(index))
        if share == 0:
            break
        step = run.after if index + 1 == run.own else run.steps[index + 1]
        if not step.still:
            rest, border = rest @ step_matrix(step), step.border
        terms[run.frames[index]] = _term(run.frames[0], share, np.asarray(np.linalg.inv(rest)), border)
    return terms


def _way_to(goal: FrameRef, run: Run, seam: Fraction) -> dict[FrameRef, WeightedTerm]:
    """The terms of the last run of a film whose first picture was taken by another camera.

    seam: painted frames over which the film ends in that picture.
    """
    shares = {index: seam_share(float((index - (run.own - seam)) / seam)) for index in range(1, run.own)}
    return {run.frames[index]: _term(goal, share) for index, share in shares.items() if share > 0}


def _ends_as_painted(run: Run) -> bool:
    """Whether the end of a run in the film is the end of its take."""
    return not run.reverse and not run.repeats and run.held is None


def _term(goal: FrameRef, share: float, view: Matrix | None = None, border: str = "reflect") -> WeightedTerm:
    numbers: tuple[float, ...] = ()
    if view is not None and not np.allclose(view, np.eye(3), atol=1e-9):
        numbers = tuple(tidy(number) for number in (view / view[2, 2]).ravel().tolist())
    target = StartPlan("frame", frame=goal, view=numbers, border=border)
    return WeightedTerm(KIND, "the first frame", tidy(PULL * share**3), target=target)


def _with_terms(shot: ShotPlan, terms: Mapping[FrameRef, WeightedTerm]) -> ShotPlan:
    """A frame at which nothing pulls is only moved, and stays so; a timelapse is drawn by nothing else."""
    if shot.frames[0].lapse or not any(frame.shot == shot.name for frame in terms):
        return shot
    frames = []
    for plan in shot.frames:
        term = terms.get(FrameRef(plan.shot, plan.index))
        wanted = term is not None and term.weight > 0 and plan.losses
        frames.append(replace(plan, losses=(*plan.losses, term)) if term and wanted else plan)
    return replace(shot, frames=tuple(frames))
