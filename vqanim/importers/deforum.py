"""Settings of Deforum: of the notebook, and of the extension for the web UIs (A1111, Forge)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.curves import clamped, scaled
from vqanim.importers.deforum_camera import put_camera, size_of
from vqanim.importers.deforum_keys import reason_for
from vqanim.importers.deforum_prompts import put_prompts
from vqanim.importers.draft import Draft, plain
from vqanim.importers.reading import SettingsFile, notebook_code, parse_python, settings_from
from vqanim.importers.registry import Importer
from vqanim.importers.schedules import MAX_FRAMES, Clock, read_curves

KEYS = frozenset(("animation_mode", "max_frames", "translation_x", "strength_schedule", "animation_prompts"))
"""One of them makes sure that settings are Deforum's."""
KEYS_OF_ANY = frozenset(("prompts", "zoom", "angle"))
"""One of them is enough where its name was given."""
IN_NOTEBOOKS = frozenset(
    ("animation_mode", "max_frames", "animation_prompts", "zoom", "angle", "translation_x", "prompts")
)
"""A cell that sets one of them holds settings."""
STEPS, STRENGTH = 6.0, 0.65
"""Our steps a frame stand for what Deforum's usual strength leaves of its own."""
NOISE = 0.3
"""Of Deforum's amount: half, as its pictures run from -1 to 1, and less, as Perlin noise is calmer."""
DEFAULT_FPS, DEFAULT_FRAMES = 15, 120
_DOSES = (
    (
        "noise_schedule",
        ("carry.noise", NOISE, 0.0, 1),
        "noise_schedule",
        f"carry.noise is {NOISE:g} of it: another kind of noise",
    ),
    ("amount_schedule", ("carry.sharpen", 1.0, 0.0, 1), "amount_schedule", ""),
    (
        "strength_schedule",
        ("guidance.steps", -STEPS / (1 - STRENGTH), STEPS / (1 - STRENGTH), 100),
        "strength_schedule: weaker is more steps",
        f"how much of a frame is painted anew: {STEPS:g} guidance.steps for a strength of {STRENGTH:g}",
    ),
)
"""Of each schedule: (path, factor, offset, most) of the scene's curve, its comment, and what differs."""


class Deforum:
    """The importer of Deforum's settings."""

    title = "Deforum"
    reads = "Deforum settings"

    def recognizes(self, file: SettingsFile) -> float:
        """By one of its own keys: in JSON, in a notebook's cells, or in a script."""
        if file.json is None:
            pattern = r"^\s*(animation_mode|max_frames|animation_prompts)\s*="
            return 0.5 if re.search(pattern, file.text, re.MULTILINE) else 0.0
        return 0.9 if isinstance(file.json, Mapping) and not KEYS.isdisjoint(_data(file)) else 0.0

    def read(self, file: SettingsFile, scene_folder: Path) -> Draft:
        """A draft with a note on every key. Raises UsageError and NotRecognized."""
        settings = settings_from(_data(file), file, self.reads, KEYS | KEYS_OF_ANY)
        draft = Draft(self.reads, file.name, settings, (file.folder, scene_folder))
        clock = _put_clock(draft, _put_seed(draft))
        width, height = size_of(settings)
        draft.put("size", f"[{width}, {height}]", "W, H; half of it is four times as fast")
        draft.take("W", "H")
        draft.put("models", "pocket", "come along with vqanim; large ones: see vqanim models list")
        _put_start(draft)
        _put_sound(draft)
        put_prompts(draft, clock)
        put_camera(draft, clock)
        _put_doses(draft, clock)
        _put_cadence(draft)
        draft.leave_others(lambda key: reason_for(key, settings))
        return draft


IMPORTER: Importer = Deforum()


def _data(file: SettingsFile) -> Any:
    if file.json is None:
        return parse_python(file.text, file.name)
    if isinstance(file.json, Mapping) and "cells" in file.json:
        return parse_python(notebook_code(file.json, IN_NOTEBOOKS), file.name)
    return file.json


def _put_seed(draft: Draft) -> int:
    seed = draft.settings.number("seed", 0)
    if not 0 <= seed < 2**63:
        draft.near("seed", f"{seed:g} takes another one each time; here it is 0 until you change it")
        return 0
    draft.take("seed")
    if int(seed):
        draft.put("seed", str(int(seed)), "seed")
    return int(seed)


def _put_clock(draft: Draft, seed: int) -> Clock:
    settings = draft.settings
    frames, rate = settings.number("max_frames", DEFAULT_FRAMES), settings.number("fps", DEFAULT_FPS)
    if not 1 <= frames <= MAX_FRAMES:
        raise UsageError(f"max_frames: found {frames:g}, allowed are 1 to {MAX_FRAMES}")
    if not 1 <= rate <= 240:
        draft.near("fps", f"{rate:g} is no frame rate; {DEFAULT_FPS} is taken")
        rate = DEFAULT_FPS
    clock = Clock(Fraction(str(rate)), int(frames), seed)
    draft.put("fps", clock.fps_text, "fps" if "fps" in settings else f"not said; {DEFAULT_FPS} is usual")
    # In seconds where that is short, else in frames.
    milliseconds = clock.second(clock.frames) * 1000
    seconds = f"{float(milliseconds / 1000):g}s" if milliseconds.denominator == 1 else f"{clock.frames}f"
    draft.put("duration", seconds, f"max_frames {clock.frames}")
    draft.take("fps", "max_frames")
    return clock


def _put_start(draft: Draft) -> None:
    settings = draft.settings
    keys = settings.given("use_init", "init_image")
    name = str(settings.get("init_image") or "")
    if not settings.is_on("use_init") or name in ("", "None"):
        draft.take(*keys)
    elif path := draft.file(name, keys, "start: {image: ...}"):
        draft.put("start", f"{{image: {path}}}", "init_image")
        draft.take(*keys)
        if "strength" in settings:
            draft.near("strength", "an image is the first frame as it is; guidance.first_steps paints on it")


def _put_sound(draft: Draft) -> None:
    keys = draft.settings.given("add_soundtrack", "soundtrack_path")
    name = str(draft.settings.get("soundtrack_path") or "")
    if draft.settings.word("add_soundtrack", "None") == "None" or not name:
        draft.take(*keys)
    elif path := draft.file(name, keys, "soundtrack: song.mp3"):
        draft.put("soundtrack", path, "soundtrack_path")
        draft.take(*keys)


def _put_doses(draft: Draft, clock: Clock) -> None:
    curves = read_curves(draft, [key for key, *_ in _DOSES], clock)
    coherence = draft.settings.word("color_coherence")
    if coherence == "None":
        draft.put("carry.match_colors", "0", "color_coherence None")
        draft.take("color_coherence")
    elif coherence:
        draft.near(
            "color_coherence",
            f"{plain(coherence)}: carry.match_colors holds colors to an earlier frame with the same prompts",
        )
    for key, (path, factor, offset, most), origin, differs in _DOSES:
        if key in curves:
            draft.put(path, clamped(scaled(curves[key], factor, offset), 0, most), origin)
            if differs:
                draft.near(key, differs)
            else:
                draft.take(key)


def _put_cadence(draft: Draft) -> None:
    cadence = draft.settings.number("diffusion_cadence", 1)
    fps = draft.settings.number("fps", DEFAULT_FPS)
    if cadence > 1 and fps / cadence >= 1 and 1 <= fps <= 240:
        draft.put("guidance.rate", str(Fraction(str(fps)) / int(cadence)), "diffusion_cadence")
    draft.take("diffusion_cadence")
