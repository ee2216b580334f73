"""A film in numbers: shots, prompts at their keyframes, models, disk and time. Plain data, for JSON too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from vqanim.effects import EffectNow
from vqanim.engine.memory import fitting_level, free_memory, render_need
from vqanim.engine.timings import Disk, Estimate, Timings, disk_space, estimate
from vqanim.errors import InputError, UsageError
from vqanim.models.entries import GeneratorEntry, PerceptorEntry
from vqanim.plots.curves import Marks
from vqanim.scene.model import Scene
from vqanim.scene.times import TimeBase
from vqanim.timeline.clips import Clocks, clips_of
from vqanim.timeline.part import chapter_parts
from vqanim.timeline.plan import FrameRef, SoundPlan, Timeline
from vqanim.timeline.readings import PromptReading, read_prompts, reading_warnings
from vqanim.timeline.tracks import Track, find_tracks, shown_plans

if TYPE_CHECKING:
    from vqanim.engine.cache_check import CacheCheck  # which brings in what reads pictures


@dataclass(frozen=True)
class ShotLine:
    """A shot, as it lies in the film."""

    name: str
    at: float  # seconds of film
    frames: int  # of the film
    painted: int  # saved frames, those under the dissolve that follows included
    steps: int  # of all of them
    begins: str  # carry, cut or dissolve; start for the first one


@dataclass(frozen=True)
class PromptLine:
    """A text or picture, and how it pulls at its keyframes."""

    text: str
    keys: tuple[tuple[float, float], ...]  # (seconds of film, weight)
    readings: tuple[PromptReading, ...] = ()  # of perceptors that know few things

    def document(self) -> dict[str, Any]:
        """What JSON holds: beside text and weights what the first of the perceptors makes of the text."""
        read = self.readings[0].document() if self.readings else {}
        return {**read, "text": self.text, "keys": self.keys}


@dataclass(frozen=True)
class ModelLine:
    """A model, its license, and whether it must still be fetched."""

    kind: str
    name: str
    license: str
    commercial: str
    bytes: int | None  # of all its files, where that is known
    here: bool  # whether all its files are on this machine
    share: float | None  # of a perceptor: how much it counts
    text: str  # the name, with the settings that are not the defaults


@dataclass(frozen=True)
class Outline:
    """All that `plan` tells of a film."""

    title: str
    scene: str
    width: int
    height: int
    fps: float
    rate: float  # painted frames a second
    seconds: float
    frames: int  # of the film
    painted: int
    steps: int
    seed: int
    shots: tuple[ShotLine, ...]
    prompts: tuple[PromptLine, ...]
    models: tuple[ModelLine, ...]
    disk: Disk
    time: Estimate | None
    tracks: tuple[Track, ...]
    warnings: tuple[str, ...]
    memory: int = 0  # bytes of main memory that a render on the CPU takes, estimated
    sound: SoundPlan | None = None
    beats: tuple[float, ...] = ()  # seconds of film, where the scene has a song whose beats are known
    bars: tuple[float, ...] = ()  # the beats with which bars begin
    kept: int = 0  # frames that are painted already and hold; `time` is that for the others
    stale: int = 0  # painted frames that no longer hold

    @property
    def marks(self) -> Marks:
        """Shots and beats over the time of the film."""
        shots = tuple((shot.at, shot.name) for shot in self.shots)
        return Marks(self.seconds, shots, self.beats, self.bars)

    def document(self) -> dict[str, Any]:
        """What JSON holds; values that do not exist are null."""
        document = asdict(self)
        document["prompts"] = [prompt.document() for prompt in self.prompts]
        if self.time is not None:
            document["time"]["total"] = self.time.total
        for model in document["models"]:
            if model["text"] == model["name"]:  # nothing was set
                del model["text"]
        for track in document["tracks"]:
            track["values"] = [None if math.isnan(v) else round(v, 9) for v in track["values"].tolist()]
        return document


def make_outline(
    scene: Scene,
    timeline: Timeline,
    models: tuple[GeneratorEntry, Sequence[PerceptorEntry]],
    timings: Sequence[Timings],
    device: str | None = None,
    found: CacheCheck | None = None,
) -> Outline:
    """Everything about a film that nothing need be painted for. models: catalogue entries of the generator
    and of the perceptors that count. timings: what was measured on this machine. device: whose times are
    meant; the one used last if None. found: what is painted already."""
    generator, perceptors = models
    readings = read_prompts(timeline, perceptors)
    found_tracks = find_tracks(timeline)
    tracks = without_styles(found_tracks, scene)
    texts = {shown.name: track.name for shown, track in zip(tracks, found_tracks, strict=True)}
    seconds = float(len(timeline.edit) / timeline.fps)
    level_need = partial(render_need, timeline)
    on_cpu = device is None or device.startswith(("auto", "cpu"))
    short = [text] if on_cpu and (text := fitting_level(level_need, free_memory())[1]) else []
    return Outline(
        title=timeline.title,
        scene=scene.file,
        width=timeline.width,
        height=timeline.height,
        fps=float(timeline.fps),
        rate=float(timeline.rate or timeline.fps),
        seconds=seconds,
        frames=len(timeline.edit),
        painted=timeline.frame_count,
        steps=sum(plan.steps for shot in timeline.shots for plan in shot.frames),
        seed=timeline.seed,
        shots=tuple(_shots(scene, timeline)),
        prompts=tuple(
            replace(line, readings=tuple(one for one in readings if one.reading.text == texts[line.text]))
            for line in _prompts(scene, timeline, tracks)
        ),
        models=model_lines(generator, perceptors, timeline),
        disk=disk_space(timeline, timings),
        time=estimate(timeline, timings, device, found.kept if found else ()),
        tracks=tracks,
        warnings=(*timeline.warnings, *reading_warnings(readings, generator.name), *short),
        memory=render_need(timeline),
        sound=timeline.sound,
        beats=beats_of(scene, seconds),
        bars=beats_of(scene, seconds, scene.soundtrack.meter if scene.soundtrack else 1),
        kept=len(found.kept) if found else 0,
        stale=len(found.stale) if found else 0,
    )


def beats_of(scene: Scene, seconds: float, every: int = 1) -> tuple[float, ...]:
    """Seconds of film of the beats of the song up to a moment, or of every few; none where none are known."""
    clock = scene.sound.clock if scene.soundtrack else None
    moments = () if clock is None else clock.moments(0.0, seconds, every)
    return tuple(round(moment, 6) for moment in moments if moment < seconds)


def without_styles(tracks: Sequence[Track], scene: Scene) -> tuple[Track, ...]:
    """The tracks with texts as the scene writes them, unless two would be called the same."""
    styles = {shot.style for shot in scene.shots if shot.style}

    def plain(track: Track) -> str:
        own = (style for style in styles if track.group == "prompts" and track.name.endswith(f", {style}"))
        return next((track.name[: -len(style) - 2] for style in own), track.name)

    names = [plain(track) for track in tracks]
    pairs = zip(tracks, names, strict=True)
    return tuple(replace(track, name=name) if names.count(name) == 1 else track for track, name in pairs)


def frame_document(timeline: Timeline, number: int) -> dict[str, Any]:
    """Everything of one film frame: what it shows, how that is blended, and how each saved frame is painted.
    Raises UsageError for a number that the film does not have."""
    if not 0 <= number < len(timeline.edit):
        raise UsageError(f"--frame {number}: the film has frames 0 to {len(timeline.edit) - 1}")
    frame = timeline.edit[number]
    plans = {FrameRef(plan.shot, plan.index): plan for shot in timeline.shots for plan in shot.frames}
    return {
        "frame": number,
        "time": frame.time,
        "layers": [asdict(layer) | {"effects": _effects(layer.effects)} for layer in frame.layers],
        "effects": _effects(frame.effects),
        "painted": [asdict(plans[saved]) for saved in dict.fromkeys(frame.frames)],
    }


def _shots(scene: Scene, timeline: Timeline) -> Iterator[ShotLine]:
    plans = {shot.name: shot.frames for shot in timeline.shots}
    for number, (name, part) in enumerate(chapter_parts(timeline).items()):
        steps = sum(plan.steps for plan in plans[name])
        begins = scene.shots[number].transition.kind if number else "start"
        at, frames = float(part.first / timeline.fps), part.end - part.first
        yield ShotLine(name, at, frames, len(plans[name]), steps, begins)


def _prompts(scene: Scene, timeline: Timeline, tracks: Sequence[Track]) -> Iterator[PromptLine]:
    """Keyframes are looked up where the film shows them, so that weights are those that are painted with."""
    clips = clips_of(scene)
    base = TimeBase(math.fsum(clip.duration for clip in clips), scene.fps, sound=scene.sound)
    plans = shown_plans(timeline)
    times, names = np.array([plan.time for plan in plans]), np.array([plan.shot for plan in plans])
    keyframes: dict[str, set[int]] = {}
    for clip in clips:
        own = np.flatnonzero(names == clip.shot.name)
        for prompt in clip.shot.prompts if own.size else ():
            breaks = Clocks(clip, base).breaks(prompt.weight)
            inside = [time for time in breaks if clip.start <= time <= clip.start + clip.duration]
            found = {int(own[np.abs(times[own] - time).argmin()]) for time in (clip.start, *inside)}
            name = prompt.text or PurePath(prompt.image or "").name  # as its track is called
            keyframes.setdefault(name, set()).update(found)
    for track in tracks:
        if track.group == "prompts":
            known = np.flatnonzero(~np.isnan(track.values)).tolist()
            indices = sorted(keyframes.get(track.name) or known[:1])
            keys = ((float(i / timeline.fps), float(track.values[i])) for i in indices)
            yield PromptLine(track.name, tuple((at, weight) for at, weight in keys if weight == weight))


def model_lines(
    generator: GeneratorEntry, perceptors: Sequence[PerceptorEntry], timeline: Timeline
) -> tuple[ModelLine, ...]:
    """The models of a film: the generator, then the perceptors."""
    lines, entries = [], (generator, *perceptors)
    texts = [timeline.generator_text, *(entry.name for entry in perceptors)]
    shares = [None, *(plan.share for plan in timeline.perceptors)]
    for entry, share, text in zip(entries, shares, texts, strict=True):
        here = False
        with suppress(InputError, OSError):
            here = all(file.locate().is_file() for file in entry.files.values())
        line = (entry.kind, entry.name, entry.license, entry.commercial, entry.size, here, share, text)
        lines.append(ModelLine(*line))
    return tuple(lines)


def _effects(effects: Iterable[EffectNow]) -> list[dict[str, Any]]:
    return [{"name": now.name, "amount": now.amount, **dict(now.settings)} for now in effects]
