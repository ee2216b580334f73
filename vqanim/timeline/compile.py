"""`compile_timeline`: a scene becomes numbers, and every mistake in its curves is found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from vqanim.errors import Place, Problem, SceneError
from vqanim.models.catalogue import generator_remark, generator_trouble, is_crisp, method_of
from vqanim.scene.limits import MAX_SIDE, MAX_WEIGHTS
from vqanim.scene.model import Scene
from vqanim.scene.sound import Clock, Signal, Sound
from vqanim.scene.times import TimeBase
from vqanim.timeline.camera import ShotCamera
from vqanim.timeline.clips import Clip, Clocks, Sampler, clips_of, tidy
from vqanim.timeline.edit import cut_film, cut_keys
from vqanim.timeline.frames import Limits, plan_shot
from vqanim.timeline.motion import cell_length
from vqanim.timeline.plan import PerceptorPlan, SoundPlan, Timeline
from vqanim.timeline.runs import lead_back

_GIF_WIDTH, _GIF_FPS = 480, Fraction(25)
_GIF_LEAST_WIDTH, _GIF_LEAST_FPS = 160, Fraction(8)
_GIF_PIXELS = 40_000_000
"""Of all frames together, some thirty megabytes; first it gets slower than this, then smaller."""


def compile_timeline(
    scene: Scene,
    clock: Clock | None = None,
    signals: Mapping[str, Signal] | None = None,
    limits: Limits = Limits(),
) -> Timeline:
    """Plan every frame of a scene: plain numbers, the same whenever the scene and the limits are.

    Painted frame k shows the moment k / rate, film frame k the moment k / fps. `clock` and `signals` are what
    was heard of its soundtrack, unless the scene brings them. `limits` come from the catalogue of models. The
    timeline's warnings begin with the scene's own.

    Raises SceneError with every curve that has no usable value somewhere (its place, frame and time), every
    shot without a frame, and sizes or lengths beyond all measure.
    """
    scene = _with_sound(scene, clock, signals)
    (width, height), resized = _fitted_size(scene, limits)
    generator, settings = scene.models.generator, scene.models.settings
    if wrong := generator_trouble(generator, dict(settings), (height, width)):
        raise SceneError([Problem(replace(scene.models.place, path="models.generator"), wrong)])
    _check_guidance(scene, limits)
    _check_strength(scene, generator)
    remark = generator_remark(generator, (height, width))
    clips = clips_of(scene)
    _check_amount(clips, scene)
    duration = math.fsum(clip.duration for clip in clips)
    sampler = Sampler()
    base = TimeBase(duration, scene.fps, sound=scene.sound)
    clocks = [Clocks(clip, base, several=len(clips) > 1, rate=scene.rate) for clip in clips]
    # Of the shot before, if its last picture is carried on; it stops with the transition.
    carries = [clip.shot.transition.kind == "carry" for clip in clips[1:]]
    held = [replace(last, until=here.clip.start + here.clip.blend) for last, here in pairwise(clocks)]
    before = [None, *(last if carry else None for last, carry in zip(held, carries, strict=True))]
    aspect, cell = height / width, cell_length(duration)
    cameras = [ShotCamera(here, last, aspect, cell) for here, last in zip(clocks, before, strict=True)]
    carried = [camera.clocks if camera.before is not None else None for camera in cameras]
    pairs = zip(cameras, [*carried[1:], None], strict=True)
    taken = [plan_shot(scene, limits, camera, sampler, following) for camera, following in pairs]
    shots = lead_back(scene, clips, taken)
    edit, chapters = cut_film(scene, shots, sampler, cameras)
    smooth = scene.output.smooth is not None and scene.rate < scene.fps
    keys = cut_keys(scene, clips, shots, sampler) if smooth else ()
    if sampler.problems:
        raise SceneError(sampler.problems.values())
    crisp = is_crisp(generator)
    gif_width, gif_fps = _gif(scene, width, height, len(edit), crisp)
    used = scene.models.used  # shares add up to 1
    total = sum(use.weight for use in used)
    jumps = tuple(
        f"{after.place} carries on from the last picture of {last.name}, which plays backwards: "
        "the picture will jump there"
        for last, after in pairwise(scene.shots)
        if last.reverse and after.transition.kind == "carry"
    )
    return Timeline(
        title=scene.title,
        width=width,
        height=height,
        fps=scene.fps,
        seed=scene.seed,
        generator=generator,
        generator_settings=settings,
        perceptors=tuple(PerceptorPlan(use.name, tidy(float(use.weight / total))) for use in used),
        shots=shots,
        edit=edit,
        crf=scene.output.crf,
        gif_width=gif_width,
        gif_fps=gif_fps,
        crisp=crisp,
        chapters=chapters,
        rate=scene.rate,
        keys=keys,
        sound=None if scene.soundtrack is None else SoundPlan(scene.soundtrack.file, scene.soundtrack.start),
        warnings=(*scene.warnings, *resized, *filter(None, [remark]), *jumps),
    )


def _check_guidance(scene: Scene, limits: Limits) -> None:
    """Raise SceneError where a shot asks for what its generator cannot do."""
    name, problems = scene.models.generator, []
    for shot in scene.shots:
        near, place = shot.guidance.stay_near, shot.place
        if shot.guidance.fit is not None and not limits.keeps_params:
            message = f"{name} finds its parameters in any picture, there is nothing to fit: leave it out"
            problems.append(Problem(replace(place, path="guidance.fit"), message))
        if near is not None and near.space == "latents" and not limits.grid:
            message = f"the latents of {name} have no places in the picture; allowed are pixels and content"
            problems.append(Problem(replace(near.weight.place, path="guidance.stay_near.in"), message))
    if problems:
        raise SceneError(problems)


def _check_strength(scene: Scene, generator: str) -> None:
    """Raise SceneError where a scene says how much noise is put on a picture, and nothing denoises it."""
    if method_of(generator) == "denoise":
        return
    curves = (shot.guidance.strength for shot in scene.shots)
    places = dict.fromkeys(curve.place for curve in curves if curve is not None)
    said = f"the generator {generator} does not denoise, so that it has no strength; how far a frame may go "
    said += "from the one before is set by guidance.steps and guidance.stay_near"
    if places:
        raise SceneError([Problem(place, said) for place in places])


def _check_amount(clips: Sequence[Clip], scene: Scene) -> None:
    """Raise SceneError where so many prompts meet so many frames that planning them takes minutes."""
    weights = [clip.count * len(clip.shot.prompts) for clip in clips]
    if (total := sum(weights)) > MAX_WEIGHTS:
        most = clips[weights.index(max(weights))]
        place, found = most.shot.prompts[0].place, f"{len(most.shot.prompts)} prompts at {most.count} frames"
        allowed = f"in all of the film prompts times frames are {total:,}, allowed {MAX_WEIGHTS:,}"
        message = f"found {found}; {allowed}: make it several films, each with fewer of them"
        raise SceneError([Problem(replace(place, file=place.file or scene.file), message)])


def _with_sound(scene: Scene, clock: Clock | None, signals: Mapping[str, Signal] | None) -> Scene:
    """The scene with what was heard. Raises SceneError where it needs what nobody listened to."""
    sound = Sound(clock or scene.sound.clock, scene.sound.signals if signals is None else signals)
    if missing := sorted(name for name in scene.heard if name not in sound):
        said = f"nobody has listened to {', '.join(missing)}: load the scene with vqanim.load_scene"
        raise SceneError([Problem(Place(scene.file, 0, "soundtrack"), said)])
    return replace(scene, sound=sound)


def _gif(scene: Scene, width: int, height: int, count: int, crisp: bool) -> tuple[int, Fraction]:
    """Width and fps of the GIF: what the scene says; else so little that it can still be sent around. crisp:
    it is shrunk by whole numbers alone."""
    columns = min(width, scene.output.gif_width or _GIF_WIDTH)
    fps = min(scene.fps, scene.output.gif_fps or _GIF_FPS)
    seconds = count / scene.fps
    too_many = float(seconds * fps * columns * columns * height / width) / _GIF_PIXELS
    if too_many > 1 and scene.output.gif_fps is None:
        slower = max(fps / Fraction(too_many), min(fps, _GIF_LEAST_FPS)).limit_denominator(1000)
        too_many *= float(slower / fps)
        fps = slower
    if too_many > 1 and scene.output.gif_width is None:
        columns = max(min(columns, _GIF_LEAST_WIDTH), math.floor(columns / math.sqrt(too_many)))
    return width // math.ceil(width / columns) if crisp else columns, fps


def _fitted_size(scene: Scene, limits: Limits) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Width and height as near to the requested ones as the generator can, and warnings."""
    wanted = (scene.size.width, scene.size.height)
    if max(wanted) > MAX_SIDE:
        message = f"found {wanted[0]}x{wanted[1]}, allowed {MAX_SIDE} pixels a side at most"
        raise SceneError([Problem(Place(scene.file, 0, "size"), message)])
    multiple = limits.multiple
    nearest = ((2 * side + multiple) // (2 * multiple) for side in wanted)
    least, most = -(-limits.min_side // multiple), MAX_SIDE // multiple
    width, height = (multiple * min(max(side, least), most) for side in nearest)
    if wanted == (width, height):
        return wanted, ()
    smallest = f", {limits.min_side} at least" if min(wanted) < limits.min_side else ""
    needs = f"the generator needs multiples of {multiple}{smallest}"
    return (width, height), (f"size: {wanted[0]}x{wanted[1]} becomes {width}x{height}: {needs}",)
