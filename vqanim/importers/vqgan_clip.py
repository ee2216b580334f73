"""The command line of nerdyrodent's VQGAN-CLIP, `python generate.py -p "a castle:1 | fog:-0.5" -i 500`."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from vqanim.errors import UsageError
from vqanim.importers.curves import Point, constant_of, number, shortened, simplified, time
from vqanim.importers.draft import Draft, Note, plain, quoted
from vqanim.importers.motion import pan
from vqanim.importers.reading import Settings, SettingsFile, is_command, parse_command
from vqanim.importers.recognition import Evidence

READS = "a VQGAN-CLIP command line"
MAX_STEPS = 10_000  # of a frame or of a timelapse; larger numbers of iterations are cut
MIN_FPS, MAX_FPS = 10, 60  # between these the program brings the frames of its films
GENERATORS: Mapping[str, str] = {
    "imagenet_f16_1024": "imagenet-1024",
    "imagenet_f16_16384": "imagenet-16384",
    "wikiart_1024": "wikiart-1024",
    "wikiart": "wikiart-16384",
    "coco": "coco-stuff",
    **{name: name for name in "openimages faceshq sflckr ade20k celebahq ffhq".split()},
}
"""Parts of a checkpoint's name, those that are parts of others last."""
PERCEPTORS = "RN50 RN101 RN50x4 RN50x16 RN50x64 ViT-B/32 ViT-B/16 ViT-L/14 ViT-L/14@336px".split()
SWITCH: Mapping[str, Any] = {"action": "store_true"}
REPEATED: Mapping[str, Any] = {"nargs": "+", "action": "append"}
# Name, short name, the program's own value, what else argparse is told, and what there is here instead.
OPTIONS: tuple[tuple[str, str, Any, Mapping[str, Any], str], ...] = (
    ("prompts", "p", None, {}, ""),
    ("image_prompts", "ip", None, {}, ""),
    ("iterations", "i", 500, {"type": int}, ""),
    ("save_every", "se", None, {"type": int}, "pictures on the way are all kept"),
    ("size", "s", (512, 512), {"type": int, "nargs": 2}, ""),
    ("init_image", "ii", None, {}, ""),
    ("init_noise", "in", None, {}, ""),
    ("init_weight", "iw", None, {"type": float}, ""),
    ("clip_model", "m", None, {}, ""),
    ("vqgan_config", "conf", None, {}, ""),
    ("vqgan_checkpoint", "ckpt", None, {}, ""),
    ("noise_prompt_seeds", "nps", None, {"nargs": "*", "type": int}, "prompts of noise"),
    ("noise_prompt_weights", "npw", None, {"nargs": "*", "type": float}, "prompts of noise"),
    ("learning_rate", "lr", None, {"type": float}, ""),
    ("cut_method", "cutm", None, {}, "how pieces are cut; guidance.cutouts says how many"),
    ("num_cuts", "cuts", None, {"type": int}, ""),
    ("cut_power", "cutp", None, {"type": float}, "how pieces are cut"),
    ("seed", "sd", None, {"type": int}, ""),
    ("optimiser", "opt", None, {}, "there is one optimizer, a kind of Adam"),
    ("output", "o", None, {}, "vqanim render --out says where films go"),
    ("video", "vid", False, SWITCH, ""),
    ("zoom_video", "zvid", False, SWITCH, ""),
    ("zoom_start", "zs", 0, {"type": int}, ""),
    ("zoom_save_every", "zse", 10, {"type": int}, ""),
    ("zoom_scale", "zsc", 0.99, {"type": float}, ""),
    ("zoom_shift_x", "zsx", 0, {"type": int}, ""),
    ("zoom_shift_y", "zsy", 0, {"type": int}, ""),
    ("change_prompt_every", "cpe", 0, {"type": int}, ""),
    ("video_length", "vl", 10.0, {"type": float}, ""),
    ("output_video_fps", "ofps", 0.0, {"type": float}, ""),
    ("input_video_fps", "ifps", 15.0, {"type": float}, ""),
    ("deterministic", "d", None, {"nargs": "?", "const": "True"}, "vqanim render --deterministic"),
    ("augments", "aug", None, REPEATED, "how pieces are changed before they are looked at"),
    ("video_style_dir", "vsd", None, {}, "a film cannot be painted over"),
    ("cuda_device", "cd", None, {}, "vqanim render --device"),
)
_DEFAULTS = {name: default for name, _, default, _, _ in OPTIONS}
_REASONS = {name: reason for name, *_, reason in OPTIONS}


def recognizes(file: SettingsFile) -> Evidence:
    """By a call of generate.py, or options where there is no file."""
    is_call = file.json is None and is_command(file.text)
    return Evidence(100, "a call of generate.py, or its options") if is_call else Evidence(0)


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every option. Raises UsageError for what the program does not know."""
    words, commands = parse_command(file, "generate.py")
    parser = _Parser(prog="generate.py", add_help=False, argument_default=argparse.SUPPRESS)
    for name, short, _, kind, _ in OPTIONS:
        parser.add_argument(f"-{short}", f"--{name}", dest=name, **{"default": argparse.SUPPRESS, **kind})
    given = vars(parser.parse_args(words))  # only those that are there
    settings = Settings({name: given[name] for name in _DEFAULTS if name in given})
    options = {**_DEFAULTS, **given}
    draft = Draft(READS, file.name, settings, (file.folder, scene_folder))
    if commands > 1:
        draft.leave(f"{commands - 1} more commands", "each makes a scene of its own")
    if unset := sorted(set(re.findall(r"\$\{?\w+\}?", " ".join(words)))):
        draft.near(unset, "names of the shell, whose values are not known here")
    film = _Film(options)
    _put_frame(draft, options, film)
    _put_models(draft, options)
    _put_start(draft, options)
    _put_prompts(draft, options, film)
    if options["zoom_video"]:
        _put_zoom(draft, options, film)
    _put_guidance(draft, film)
    draft.leave_others(lambda key: _REASONS[key] or "does nothing without a film")
    if film.kind != "zoom":
        text = plain(str(options["prompts"] or "").partition("^")[0]).replace('"', "'")
        sides, steps = "x".join(map(str, options["size"])), options["iterations"]
        draft.hint = f'for the picture alone: vqanim image "{text}" --steps {steps} --size {sides}'
    return draft


class _Parser(argparse.ArgumentParser):
    """Complains instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"this is no command of VQGAN-CLIP: {plain(message)}")


class _Film:
    """How long the film is and how fast, as the program has it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        steps = min(max(int(options["iterations"]), 1), MAX_STEPS)
        every = max(1, int(options["zoom_save_every"]))
        self.kind = "zoom" if options["zoom_video"] else "video" if options["video"] else "picture"
        self.steps, self.every = steps, every
        self.width, self.height = (min(max(side, 16), 4096) for side in options["size"])
        self.frames = max(1, steps // every) if self.kind == "zoom" else max(2, steps - 1)
        self.between = float(options["output_video_fps"]) > 9
        length = max(0.1, float(options["video_length"]))
        fps = options["input_video_fps"] if self.between else self.frames / length
        low, high = (1, 240) if self.between else (MIN_FPS, MAX_FPS)
        self.fps = Fraction(min(max(float(fps), low), high)).limit_denominator(1001)

    def second(self, iteration: int) -> Fraction:
        """When an iteration is seen."""
        return Fraction(iteration, self.every if self.kind == "zoom" else 1) / self.fps


def _put_frame(draft: Draft, options: Mapping[str, Any], film: _Film) -> None:
    origin = "-s" if "size" in draft.settings else "not said; 512 is usual"
    draft.put("size", f"[{film.width}, {film.height}]", origin)
    if film.between:
        draft.put("fps", min(max(float(options["output_video_fps"]), float(film.fps)), 240), "-ofps")
        draft.put("guidance.rate", str(film.fps), "-ifps")
        draft.put("output.smooth", "minterpolate", "-ofps")
        draft.take("output_video_fps", "input_video_fps")
    else:
        draft.put("fps", str(film.fps), "the frames over -vl, from 10 to 60")
    draft.put("duration", time(Fraction(film.frames) / film.fps), f"{film.frames} frames")
    draft.take("size", "video_length", "iterations")
    if options["iterations"] > MAX_STEPS:
        draft.near("iterations", f"{options['iterations']}: at most {MAX_STEPS} are possible")
    if options["seed"] is not None:
        draft.put("seed", str(abs(options["seed"]) % 2**63), "-sd")
    draft.take("seed")
    if film.kind == "zoom":
        draft.take("zoom_video", "video")
    else:
        draft.put("kind", "timelapse", "one picture, filmed while it comes into being")
        draft.put("pace", "linear")
        differs = "every iteration is a frame" if film.kind == "video" else "the way to it, as a film"
        draft.near("video" if "video" in draft.settings else "one picture", differs)


def _put_models(draft: Draft, options: Mapping[str, Any]) -> None:
    checkpoint = str(options["vqgan_checkpoint"] or options["vqgan_config"] or "imagenet_f16_16384").lower()
    generator = next((name for part, name in GENERATORS.items() if part in checkpoint), None)
    keys = draft.settings.given("vqgan_checkpoint", "vqgan_config")
    if generator is None:
        draft.near(keys, "a checkpoint of your own: vqanim models add NAME --config ... --checkpoint ...")
    perceptor = str(options["clip_model"] or "ViT-B/32")
    if perceptor not in PERCEPTORS:
        draft.near("clip_model", f"{shortened(perceptor)}: not known; ViT-B/32 judges instead")
        perceptor = "ViT-B/32"
    draft.take(*keys, "clip_model")
    draft.put_models(generator or "imagenet-16384", perceptor)


def _put_start(draft: Draft, options: Mapping[str, Any]) -> None:
    if name := options["init_image"]:
        if path := draft.file(name, "init_image"):
            draft.put("start", f"{{image: {path}, fit: stretch}}", "-ii")
    elif options["init_noise"] == "gradient":
        draft.put("start", "{gradient: [navy, orange]}", "-in gradient")
        draft.near("init_noise", "there the colors of the gradient are random")
    elif options["init_noise"]:
        draft.near("init_noise", "start: noise is smooth, which gives a composition")
    if options["init_weight"]:
        weight = number(min(max(options["init_weight"], 0), 1000))
        draft.put("guidance.stay_near", f"{{to: start, in: latents, weight: {weight}}}", "-iw")
        draft.near("init_weight", "there the pull dies away with the iterations")
    draft.take("init_image", "init_weight")


def parts_of(text: str) -> Iterator[tuple[str, float, float | None]]:
    """(text, weight, stop) of `a:1 | b:-0.5:-0.9`; no stop where none is written."""
    for part in text.split("|"):
        found = part.rsplit(":", 2)
        numbers: list[float] = []
        while len(found) > 1 and len(numbers) < 2 and _is_number(found[-1]):
            numbers.insert(0, float(found.pop()))
        if words := plain(":".join(found)):
            yield words, numbers[0] if numbers else 1.0, numbers[1] if len(numbers) > 1 else None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _put_prompts(draft: Draft, options: Mapping[str, Any], film: _Film) -> None:
    phrases = [phrase for phrase in str(options["prompts"] or "").split("^") if phrase.strip()]
    if not phrases and not options["image_prompts"]:
        phrases = ["A cute, smiling, Nerdy Rodent"]
        draft.near("prompts", "none given; the program's own text")
    every = options["change_prompt_every"]
    if len(phrases) > 1 and every <= 0:
        draft.leave("what stands behind ^", "is never shown without -cpe there either")
        phrases = phrases[:1]
    changes = range(0, film.steps, every) if every > 0 and len(phrases) > 1 else range(1)
    if len(changes) > MAX_STEPS // 10:
        raise UsageError(f"the prompts change {len(changes)} times, allowed are at most {MAX_STEPS // 10}")
    for place, phrase in enumerate(phrases):
        for text, weight, stop in parts_of(phrase):  # which is on whenever its turn comes
            turns = [weight if turn % len(phrases) == place else 0.0 for turn in range(len(changes))]
            points = [Point(film.second(i), on, step=True) for i, on in zip(changes, turns, strict=True)]
            draft.add_prompt({"text": quoted(text)}, simplified(points), stop)
    for text, weight, stop in parts_of(options["image_prompts"] or ""):
        if path := draft.file(text, "image_prompts", "{image: ...} into prompts"):
            draft.add_prompt({"image": path}, weight, stop)
    draft.take("prompts", "image_prompts", "change_prompt_every")


def _put_zoom(draft: Draft, options: Mapping[str, Any], film: _Film) -> None:
    scale, fps = options["zoom_scale"], float(film.fps)
    shift = (options["zoom_shift_x"], options["zoom_shift_y"])
    if not 0.01 <= scale <= 100:
        draft.leave("zoom_scale", f"{scale:g} is no factor to move by, allowed is a number above 0")
        scale = 1.0
    # Here the shift comes after the scale.
    x, y = pan(scale, 0.0, (shift[0] / scale, shift[1] / scale), film.width, fps)
    begin = options["zoom_start"]
    pans = (("pan.x", 0.0, x, "-zsx, against it"), ("pan.y", 0.0, y, "-zsy, against it"))
    for path, before, curve, origin in (("zoom", 1.0, scale**fps, "-zsc, per second"), *pans):
        if begin > 0 and (value := constant_of(curve)) is not None:
            curve = simplified([Point(Fraction(0), before), Point(film.second(begin), value, step=True)])
        draft.put_curve(f"camera.{path}", curve, origin)
    if any(shift):
        draft.put("camera.border", "wrap", "as there")
    elif scale < 1:
        draft.put("camera.border", '"#000000"', "as there; reflect looks better")
    # Also those that are not given, whose own values move the camera too.
    draft.notes.append(Note("taken", tuple(key for key in options if key.startswith("zoom_"))))


def _put_guidance(draft: Draft, film: _Film) -> None:
    settings = draft.settings
    if film.kind == "zoom":
        draft.put("guidance.steps", min(film.every, MAX_STEPS), "-zse")
        draft.put("guidance.first_steps", min(film.every, MAX_STEPS))
    else:
        draft.put("guidance.first_steps", film.steps, "-i: all of them")
        draft.put("guidance.steps", 0)
    if "learning_rate" in settings:
        draft.put("guidance.learning_rate", settings["learning_rate"], "-lr")
    if "num_cuts" in settings:
        draft.put("guidance.cutouts", min(max(settings["num_cuts"], 1), 256), "-cuts")
    draft.take("learning_rate", "num_cuts")
