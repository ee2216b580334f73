"""Settings of Deforum: of the notebook, and of the extension for the web UIs (A1111, Forge)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.deforum_camera import put_camera
from vqanim.importers.deforum_keys import AT_REST, reason_for
from vqanim.importers.deforum_values import is_on, number_of, size_of
from vqanim.importers.draft import Draft, Field, path_of, plain, quoted
from vqanim.importers.formulas import Untranslatable, shortened
from vqanim.importers.schedules import MAX_FRAMES, Clock, curves_of
from vqanim.importers.values import Curve, constant_of, line, within, yaml
from vqanim.importers.words import NEGATIVE, prompt_keys, tell

STEPS, STRENGTH = 6.0, 0.65
"""Our steps a frame stand for what Deforum's usual strength leaves of its own."""
NOISE = 0.3
"""Of Deforum's amount: half, as its pictures run from -1 to 1, and less, as Perlin noise is calmer."""
USUAL_FPS, USUAL_FRAMES = 15, 120
_SCHEDULES = ("strength_schedule", "noise_schedule", "amount_schedule")
_POSITIVE = ("animation_prompts_positive", "positive_prompts")
_NEGATIVE = ("animation_prompts_negative", "negative_prompts")


def convert(settings: Mapping[str, Any], name: str, folders: Sequence[Path], scene_folder: Path) -> Draft:
    """The draft of a scene. folders: where the files that are named may lie.

    Raises UsageError for what is no settings at all, or beyond all measure.
    """
    draft = Draft("Deforum settings", name)
    seed = _seed(settings, draft)
    clock = _clock(settings, draft, seed)
    _size(settings, draft)
    if seed:
        draft.put("seed", str(seed), "seed")
    draft.put("models", "pocket", "come along with vqanim; large ones: see vqanim models list")
    _start(settings, draft, folders, scene_folder)
    _sound(settings, draft, folders, scene_folder)
    _prompts(settings, draft, clock, folders, scene_folder)
    refused: dict[str, str] = {}
    put_camera(settings, draft, clock, lambda key, why: refused.__setitem__(key, why))
    curves = curves_of(settings, _SCHEDULES, clock, lambda key, why: refused.__setitem__(key, why))
    _doses(settings, draft, curves)
    for key, why in refused.items():
        draft.leave(key, f"{shortened(str(settings[key]))}: {why}")
    _rest(settings, draft)
    return draft


def _seed(settings: Mapping[str, Any], draft: Draft) -> int:
    seed = number_of(settings, "seed", 0)
    if "seed" in settings:
        if 0 <= seed < 2**63:
            draft.take("seed")
        else:
            draft.near("seed", f"{seed:g} takes another one each time; here it is 0 until you change it")
    return int(seed) if 0 <= seed < 2**63 else 0


def _clock(settings: Mapping[str, Any], draft: Draft, seed: int) -> Clock:
    frames, rate = number_of(settings, "max_frames", USUAL_FRAMES), number_of(settings, "fps", USUAL_FPS)
    if not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"max_frames: found {frames:g}, allowed are 1 to {MAX_FRAMES}")
    if not 1 <= rate <= 240:
        draft.near("fps", f"{rate:g} is no frame rate; {USUAL_FPS} is taken")
        rate = USUAL_FPS
    clock = Clock(Fraction(str(rate)), int(frames), seed)
    draft.put("fps", clock.fps_text, "fps" if "fps" in settings else f"not said; {USUAL_FPS} is usual")
    draft.put("duration", _duration(clock), f"max_frames {clock.frames}")
    draft.take(*(key for key in ("fps", "max_frames") if key in settings))
    return clock


def _duration(clock: Clock) -> str:
    """In seconds where that is short, else in frames."""
    seconds = clock.second(clock.frames) * 1000
    return f"{float(seconds / 1000):g}s" if seconds.denominator == 1 else f"{clock.frames}f"


def _size(settings: Mapping[str, Any], draft: Draft) -> None:
    width, height = size_of(settings)
    draft.put("size", f"[{width}, {height}]", "W, H; half of it is four times as fast")
    draft.take(*(key for key in ("W", "H") if key in settings))


def _start(settings: Mapping[str, Any], draft: Draft, folders: Sequence[Path], home: Path) -> None:
    keys = [key for key in ("use_init", "init_image") if key in settings]
    name = str(settings.get("init_image") or "")
    if not is_on(settings, "use_init") or name in ("", "None"):
        draft.take(*keys)
        return
    path, why = path_of(name, folders, home)
    if path is None:
        draft.leave(keys, f"{shortened(name)}: {why}, then write start: {{image: ...}}")
        return
    draft.put("start", f"{{image: {quoted(path)}}}", "init_image")
    draft.take(*keys)
    if "strength" in settings:
        draft.near("strength", "an image is the first frame as it is; guidance.first_steps paints on it")


def _sound(settings: Mapping[str, Any], draft: Draft, folders: Sequence[Path], home: Path) -> None:
    keys = [key for key in ("add_soundtrack", "soundtrack_path") if key in settings]
    name = str(settings.get("soundtrack_path") or "")
    if str(settings.get("add_soundtrack", "None")) == "None" or not name:
        draft.take(*keys)
        return
    path, why = path_of(name, folders, home)
    if path is None:
        draft.leave(keys, f"{shortened(name)}: {why}, then write soundtrack: song.mp3")
        return
    draft.put("soundtrack", quoted(path), "soundtrack_path")
    draft.take(*keys)


def _prompts(
    settings: Mapping[str, Any], draft: Draft, clock: Clock, folders: Sequence[Path], home: Path
) -> None:
    key = next((key for key in ("prompts", "animation_prompts") if settings.get(key)), "prompts")
    fade = str(settings.get("animation_mode")) == "Interpolation"
    try:
        keys = prompt_keys(settings.get(key, {}), clock)
    except Untranslatable as error:
        draft.leave(key, str(error))
        return
    told = tell(_extended(settings, keys), clock, fade=fade, old=is_on(settings, "prompt_weighting"))
    mask = _mask(settings, draft, folders, home)
    for part in told.prompts:
        fields = {"text": Field(quoted(part.text))}
        if constant_of(part.weight) != 1.0:
            fields["weight"] = Field(yaml(part.weight, "      "))
        draft.prompts.append(fields | mask)
    draft.take(*(one for one in (key, *_POSITIVE, *_NEGATIVE, "prompt_weighting") if one in settings))
    if told.negative:
        draft.near("--neg", f"what stands behind it weighs {NEGATIVE:g}; try others")
    if told.emphasis:
        draft.near("(words:1.3), [words]", "words within a text cannot weigh more; the brackets are gone")
    if told.networks:
        draft.leave("<lora:...>", "networks for Stable Diffusion")
    for trouble in told.troubles:
        draft.near(key, f"{trouble}; the weight is 1")


def _extended(settings: Mapping[str, Any], keys: Mapping[int, str]) -> dict[int, str]:
    """With the texts that stand before, and behind --neg of, every prompt; unless they are there already."""
    before = next((str(settings[key]).strip() for key in _POSITIVE if settings.get(key)), "")
    against = next((str(settings[key]).strip() for key in _NEGATIVE if settings.get(key)), "")
    extended = {}
    for frame, text in keys.items():
        full = text if before in text else f"{before}, {text}"
        if against and against not in full:
            full += f", {against}" if "--neg" in full else f" --neg {against}"
        extended[frame] = full
    return extended


def _mask(settings: Mapping[str, Any], draft: Draft, folders: Sequence[Path], home: Path) -> dict[str, Field]:
    keys = [key for key in ("use_mask", "mask_file", "invert_mask") if key in settings]
    name = str(settings.get("mask_file") or "")
    if not is_on(settings, "use_mask") or not name:
        draft.take(*keys)
        return {}
    path, why = path_of(name, folders, home)
    if path is None:
        draft.leave(keys, f"{shortened(name)}: {why}, then write inside: {{image: ...}} into prompts")
        return {}
    draft.near(keys, "a part of the frame in which the prompts pull")
    side = "outside" if is_on(settings, "invert_mask") else "inside"
    return {side: Field(f"{{image: {quoted(path)}}}", "mask_file")}


def _doses(settings: Mapping[str, Any], draft: Draft, curves: Mapping[str, Curve]) -> None:
    coherence = str(settings.get("color_coherence", ""))
    if coherence == "None":
        draft.put("carry.match_colors", "0", "color_coherence None")
        draft.take("color_coherence")
    elif coherence:
        draft.near(
            "color_coherence",
            f"{plain(coherence)}: carry.match_colors holds colors to an earlier frame with the same prompts",
        )
    if "noise_schedule" in curves:
        draft.put("carry.noise", yaml(within(line(curves["noise_schedule"], NOISE), 0, 1)), "noise_schedule")
        draft.near("noise_schedule", f"carry.noise is {NOISE:g} of it: another kind of noise")
    if "amount_schedule" in curves:
        draft.put("carry.sharpen", yaml(within(curves["amount_schedule"], 0, 1)), "amount_schedule")
        draft.take("amount_schedule")
    if "strength_schedule" in curves:
        scaled = line(curves["strength_schedule"], -STEPS / (1 - STRENGTH), STEPS / (1 - STRENGTH))
        draft.put("guidance.steps", yaml(within(scaled, 0, 100)), "strength_schedule: weaker is more steps")
        draft.near(
            "strength_schedule",
            f"how much of a frame is painted anew: {STEPS:g} guidance.steps for a strength of {STRENGTH:g}",
        )
    cadence = number_of(settings, "diffusion_cadence", 1)
    if "diffusion_cadence" in settings:
        _cadence(cadence, settings, draft)


def _cadence(cadence: float, settings: Mapping[str, Any], draft: Draft) -> None:
    fps = number_of(settings, "fps", USUAL_FPS)
    if cadence > 1 and fps / cadence >= 1 and 1 <= fps <= 240:
        rate = Fraction(str(fps)) / int(cadence)
        draft.put(
            "guidance.rate", f"{rate.numerator}/{rate.denominator}".removesuffix("/1"), "diffusion_cadence"
        )
    draft.take("diffusion_cadence")


def _rest(settings: Mapping[str, Any], draft: Draft) -> None:
    """Name all that has no fate yet, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for key in settings:
        if key not in draft.known:
            reasons.setdefault(reason_for(key, settings), []).append(plain(str(key))[:60])
    for reason in sorted(reasons, key=lambda reason: reason == AT_REST):
        draft.leave(reasons[reason], reason)
