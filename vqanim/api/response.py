"""How many frames a change of prompts takes to be seen: measured in a short trial, kept with the run."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vqanim.engine.events import FrameDone, ResponseMeasured, TrialStarted
from vqanim.files import make_folder
from vqanim.leftovers import scratch_folder
from vqanim.own_files import read_cache
from vqanim.scene.curves import Curve, Key, Keyframes
from vqanim.scene.limits import AUTO
from vqanim.scene.model import Prompt, Scene, Transition
from vqanim.scene.times import Time
from vqanim.takes.digest import RunKey, content_hashes
from vqanim.takes.outputs import write_keeping_old
from vqanim.timeline import Timeline

FILE = "response.json"
VERSION = 2  # bumped by hand whenever the trial changes
SETTLE, AFTER = 4, 12
"""Frames before the first change, and from each change on."""
CHANGES = 3
"""At most so many changes are tried: pictures are led to some things sooner than to others."""
SEEN = 0.5  # part of the way from the old prompt to the new one at which the change counts as seen
_USUAL = 4  # frames where a trial shows no change at all
_LEAST_CHANGE = 0.01  # of similarity
_HINT = 0.001
"""Weight of the prompt that does not count yet, or no more: enough that its similarity is measured."""
_FALLBACK = ("a lake in the mountains", "a volcano erupting at night")


def waits(scene: Scene) -> bool:
    """Whether a shot's lead is to be measured."""
    return any(shot.lead == AUTO for shot in scene.shots)


def trial_scene(scene: Scene) -> Scene:
    """A short film of some of the scene's prompts, one after the other, painted as the scene's shot is."""
    shot = next(shot for shot in scene.shots if shot.lead == AUTO)
    written = [prompt.text for each in (shot, *scene.shots) for prompt in each.prompts if prompt.text]
    least = _FALLBACK if len(set(written)) < 2 else ()
    texts = list(dict.fromkeys((*written, *least)))[: CHANGES + 1]
    frames = SETTLE + (len(texts) - 1) * AFTER
    trial = replace(
        shot,
        name="trial",
        duration=None,
        prompts=tuple(
            Prompt(text, _reign(number, len(texts), scene.rate)) for number, text in enumerate(texts)
        ),
        transition=Transition(),
        freeze=None,
        repeat=1,
        reverse=False,
        loop=False,
        effects=(),
        hits=(),
        start=replace(shot.start, also_target=None),
        lead=None,
    )
    return replace(
        scene,
        fps=scene.rate,
        painted_rate=None,
        duration=Time.of_seconds(Fraction(frames) / scene.rate),
        shots=(trial,),
        effects=(),
        hits=(),
        loop=False,
        soundtrack=None,
        output=replace(scene.output, smooth=None),
    )


def _reign(number: int, count: int, rate: Fraction) -> Curve:
    """The weight of one of so many prompts, which counts alone from one change to the next."""
    begins, ends = (Time.of_seconds(Fraction(_change(at)) / rate) for at in (number - 1, number))
    keys = [Key(Time.of_seconds(0), _HINT if number else 1.0)]
    keys += [Key(begins, 1.0, "step")] if number else []
    keys += [Key(ends, _HINT, "step")] if number < count - 1 else []
    return Keyframes(tuple(keys))


def _change(number: int) -> int:
    """The first frame of a trial that is painted towards the next prompt."""
    return SETTLE + number * AFTER


def mean_response(likes: Sequence[Sequence[float]], steps: int = 0) -> int:
    """Frames until a change of prompts is seen, in the mean over the changes of a trial.

    likes: of every frame, its similarity to each of the prompts. steps: of a frame; of its last step the
    similarity is what the picture had before, so that it comes late by a step. 0: it does not.
    """
    found = []
    for number in range(len(likes[0]) - 1 if likes else 0):
        part = likes[_change(number) - SETTLE : _change(number + 1)]
        seen = _seen_after([frame[number + 1] - frame[number] for frame in part], SETTLE)
        found += [] if seen is None else [seen]
    if not found:
        return _USUAL
    late = 1 / steps if steps else 0.0
    return max(0, math.ceil(sum(found) / len(found) - late - 0.5))


def response_frames(nearness: Sequence[float], change: int) -> int:
    """Frames from one change of prompts until it is seen.

    nearness: of every frame, how much more it is like the new prompt than like the old one.
    change: the number of the first frame that was painted towards the new one.
    """
    seen = _seen_after(nearness, change)
    return _USUAL if seen is None else seen


def _seen_after(nearness: Sequence[float], change: int) -> int | None:
    """The same; None where no change is seen."""
    before = sum(nearness[1:change]) / max(1, change - 1)
    last = nearness[-3:]
    after = sum(last) / len(last)
    if after - before < _LEAST_CHANGE:
        return None
    seen = before + SEEN * (after - before)
    # Once may be chance; the last frame has no next one to compare with.
    follows = [*nearness[change + 1 :], nearness[-1]]
    pairs = zip(nearness[change:], follows, strict=True)
    stays = (index for index, (here, following) in enumerate(pairs) if min(here, following) >= seen)
    return next(stays, len(nearness) - change - 1)


def trial_key(trial: Timeline, run: RunKey) -> str:
    """What the response depends on: the models, and everything that the trial is painted with."""
    return hashlib.sha256(repr((VERSION, run, trial.shots)).encode()).hexdigest()


def read_response(folder: Path, key: str) -> int | None:
    """The response that was measured before, in frames; None where it was measured for something else."""
    record = read_cache(folder / FILE, {"frames": int, "key": str})
    if record is None or record["key"] != key:
        return None
    return int(record["frames"]) if 0 <= record["frames"] <= AFTER else None


def with_lead(scene: Scene, frames: int) -> Scene:
    """The scene with a lead of so many painted frames wherever it was to be measured."""
    lead = replace(Time.of_seconds(Fraction(frames) / scene.rate), text=AUTO)
    shots = (replace(shot, lead=lead) if shot.lead == AUTO else shot for shot in scene.shots)
    return replace(scene, shots=tuple(shots))


def measure(
    trial: Timeline, run: RunKey, folder: Path, device: str, deterministic: bool
) -> Generator[TrialStarted | ResponseMeasured, None, int]:
    """Paint a trial in a folder of its own and keep what it shows beside the run; gives the frames.

    Raises DeviceError, InputError and OutputError.
    """
    from vqanim.engine.job import Job
    from vqanim.engine.render import paint_takes
    from vqanim.takes.store import TakeStore

    yield TrialStarted(trial.frame_count)
    began, likes = time.monotonic(), list[list[float]]()
    files = {plan.file for shot in trial.shots for plan in (shot.frames[0].start,) if plan and plan.file}
    with scratch_folder() as scratch:
        hashes = content_hashes(files)
        job = Job(trial, TakeStore(Path(scratch)), run, hashes, device.split(",")[0], deterministic)
        for event in paint_takes(job):
            if isinstance(event, FrameDone):
                likes.append([value for _, value in event.similarities])
    frames = mean_response(likes, trial.shots[0].frames[-1].steps)
    rounded = [[round(value, 4) for value in frame] for frame in likes]
    record = {"frames": frames, "similarities": rounded, "key": trial_key(trial, run)}
    make_folder(folder)
    write_keeping_old(folder / FILE, json.dumps(record, indent=2) + "\n")
    yield ResponseMeasured(frames, time.monotonic() - began)
    return frames
