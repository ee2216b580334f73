"""The command line of nerdyrodent's VQGAN-CLIP, `python generate.py -p "a castle:1 | fog:-0.5" -i 500`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers.draft import Draft, Field, path_of, plain, quoted
from vqanim.importers.formulas import shortened
from vqanim.importers.motion import pan, put_curve
from vqanim.importers.values import Curve, Point, number, simplified, time, yaml
from vqanim.importers.vqgan_options import LEFT, is_given, parse_options

MOST = 10_000
"""Steps of a frame or of a timelapse; larger numbers of iterations are cut."""
LEAST_FPS, MOST_FPS = 10, 60
"""Between these the program brings the frames of its films."""
GENERATORS: Mapping[str, str] = {
    "imagenet_f16_1024": "imagenet-1024",
    "imagenet_f16_16384": "imagenet-16384",
    "openimages": "openimages",
    "wikiart_1024": "wikiart-1024",
    "wikiart_16384": "wikiart-16384",
    "wikiart": "wikiart-16384",
    "coco": "coco-stuff",
    "faceshq": "faceshq",
    "sflckr": "sflckr",
    "ade20k": "ade20k",
    "celebahq": "celebahq",
    "ffhq": "ffhq",
}
"""Parts of a checkpoint's name, those that are parts of others last."""
PERCEPTORS = "RN50 RN101 RN50x4 RN50x16 RN50x64 ViT-B/32 ViT-B/16 ViT-L/14 ViT-L/14@336px".split()


def convert(words: tuple[list[str], int], name: str, folders: Sequence[Path], scene_folder: Path) -> Draft:
    """The draft of a scene. words: those behind generate.py, and how many such commands there were.

    Raises UsageError for options that the program does not have.
    """
    given, commands = words
    options = parse_options(given)
    written = {key: value for key, value in options.items() if value is not None and is_given(key, given)}
    draft = Draft("a VQGAN-CLIP command line", name)
    if commands > 1:
        draft.leave(f"{commands - 1} more commands", "each makes a scene of its own")
    if unset := sorted(set(re.findall(r"\$\{?\w+\}?", " ".join(given)))):
        draft.near(unset, "names of the shell, whose values are not known here")
    film = _Film(options)
    _frame(options, written, draft, film)
    _models(options, draft, written)
    _start(options, written, draft, folders, scene_folder)
    _prompts(options, written, draft, film, folders, scene_folder)
    if options["zoom_video"]:
        _zoom(options, draft, film)
    _guidance(options, written, draft, film)
    for key in written:
        if key not in draft.known:
            draft.leave(key, LEFT.get(key, "does nothing without a film"))
    if film.kind != "zoom":
        draft.hint = f"for the picture alone: {_image_command(options)}"
    return draft


class _Film:
    """How long the film is and how fast, as the program has it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        steps = min(max(int(options["iterations"]), 1), MOST)
        every = max(1, int(options["zoom_save_every"]))
        self.kind = "zoom" if options["zoom_video"] else "video" if options["video"] else "picture"
        self.steps, self.every = steps, every
        self.frames = max(1, steps // every) if self.kind == "zoom" else max(2, steps - 1)
        self.between = float(options["output_video_fps"]) > 9
        length = max(0.1, float(options["video_length"]))
        wanted = options["input_video_fps"] if self.between else self.frames / length
        low, high = (1, 240) if self.between else (LEAST_FPS, MOST_FPS)
        self.fps = Fraction(min(max(float(wanted), low), high)).limit_denominator(1001)

    def second_of(self, iteration: int) -> Fraction:
        """When an iteration is seen."""
        return Fraction(iteration, self.every if self.kind == "zoom" else 1) / self.fps


def _frame(options: Mapping[str, Any], written: Mapping[str, Any], draft: Draft, film: _Film) -> None:
    sides = _sides(options)
    draft.put("size", f"[{sides[0]}, {sides[1]}]", "-s" if options["size"] else "not said; 512 is usual")
    rate = film.fps
    shown = f"{rate.numerator}/{rate.denominator}".removesuffix("/1")
    if film.between:
        whole = min(max(float(options["output_video_fps"]), float(rate)), 240)
        draft.put("fps", number(whole), "-ofps")
        draft.put("guidance.rate", shown, "-ifps")
        draft.put("output.smooth", "minterpolate", "-ofps")
        draft.take(*(key for key in ("output_video_fps", "input_video_fps") if key in written))
    else:
        draft.put("fps", shown, "the frames over -vl, from 10 to 60")
    seconds = Fraction(film.frames) / rate
    draft.put("duration", time(seconds), f"{film.frames} frames")
    draft.take(*(key for key in ("size", "video_length", "iterations") if key in written))
    if options["iterations"] > MOST:
        draft.near("iterations", f"{options['iterations']}: at most {MOST} are possible")
    if options["seed"] is not None:
        draft.put("seed", str(abs(options["seed"]) % 2**63), "-sd")
        draft.take("seed")
    if film.kind != "zoom":
        draft.put("kind", "timelapse", "one picture, filmed while it comes into being")
        draft.put("pace", "linear")
        said = "every iteration is a frame" if film.kind == "video" else "the way to it, as a film"
        draft.near([key for key in ("video",) if key in written] or ["one picture"], said)
    else:
        draft.take(*(key for key in ("zoom_video", "video") if key in written))


def _sides(options: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height in pixels, as far as a film may have them."""
    width, height = (min(max(side, 16), 4096) for side in options["size"] or (512, 512))
    return width, height


def _models(options: Mapping[str, Any], draft: Draft, written: Mapping[str, Any]) -> None:
    checkpoint = str(options["vqgan_checkpoint"] or options["vqgan_config"] or "imagenet_f16_16384").lower()
    generator = next((name for part, name in GENERATORS.items() if part in checkpoint), None)
    keys = [key for key in ("vqgan_checkpoint", "vqgan_config") if key in written]
    if generator is None:
        draft.near(keys, "a checkpoint of your own: vqanim models add NAME --config ... --checkpoint ...")
    else:
        draft.take(*keys)
    perceptor = str(options["clip_model"] or "ViT-B/32")
    if perceptor not in PERCEPTORS:
        draft.near("clip_model", f"{shortened(perceptor)}: not known; ViT-B/32 judges instead")
        perceptor = "ViT-B/32"
    elif options["clip_model"]:
        draft.take("clip_model")
    draft.put(
        "models",
        f"{{generator: {generator or 'imagenet-16384'}, perceptor: {perceptor}}}",
        "fetched with the first render; for a quick look: --models pocket",
    )


def _start(
    options: Mapping[str, Any], written: Mapping[str, Any], draft: Draft, folders: Sequence[Path], home: Path
) -> None:
    if options["init_image"]:
        path, why = path_of(options["init_image"], folders, home)
        if path is None:
            draft.leave("init_image", f"{shortened(options['init_image'])}: {why}")
        else:
            draft.put("start", f"{{image: {quoted(path)}, fit: stretch}}", "-ii")
            draft.take("init_image")
    elif options["init_noise"] == "gradient":
        draft.put("start", "{gradient: [navy, orange]}", "-in gradient")
        draft.near("init_noise", "there the colors of the gradient are random")
    elif options["init_noise"]:
        draft.near("init_noise", "start: noise is smooth, which gives a composition")
    if options["init_weight"]:
        weight = number(min(max(options["init_weight"], 0), 1000))
        draft.put("guidance.stay_near", f"{{to: start, in: latents, weight: {weight}}}", "-iw")
        draft.near("init_weight", "there the pull dies away with the iterations")
    elif "init_weight" in written:
        draft.take("init_weight")


def parts_of(text: str) -> list[tuple[str, float, float | None]]:
    """(text, weight, stop) of `a:1 | b:-0.5:-0.9`; no stop where none is written."""
    parts = []
    for part in text.split("|"):
        found = part.rsplit(":", 2)
        numbers: list[float] = []
        while len(found) > 1 and len(numbers) < 2 and _is_number(found[-1]):
            numbers.insert(0, float(found.pop()))
        words = plain(":".join(found))
        if words:
            weight, stop = ([*numbers, None] if numbers else [1.0, None])[:2]
            parts.append((words, float(weight or 0.0), stop))
    return parts


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _prompts(
    options: Mapping[str, Any],
    written: Mapping[str, Any],
    draft: Draft,
    film: _Film,
    folders: Sequence[Path],
    home: Path,
) -> None:
    phrases = [phrase for phrase in str(options["prompts"] or "").split("^") if phrase.strip()]
    if not phrases and not options["image_prompts"]:
        phrases = ["A cute, smiling, Nerdy Rodent"]
        draft.near("prompts", "none given; the program's own text")
    every = options["change_prompt_every"]
    if len(phrases) > 1 and every <= 0:
        draft.leave("what stands behind ^", "is never shown without -cpe there either")
        phrases = phrases[:1]
    changes = range(0, film.steps, every) if every > 0 and len(phrases) > 1 else range(1)
    if len(changes) > MOST // 10:
        raise UsageError(f"the prompts change {len(changes)} times, allowed are at most {MOST // 10}")
    for place, phrase in enumerate(phrases):
        for text, weight, stop in parts_of(phrase):
            fields = {"text": Field(quoted(text))}
            draft.prompts.append(fields | _pull(_when(place, len(phrases), changes, weight, film), stop))
    for text, weight, stop in parts_of(options["image_prompts"] or ""):
        path, why = path_of(text, folders, home)
        if path is None:
            draft.leave("image_prompts", f"{shortened(text)}: {why}, then write {{image: ...}} into prompts")
        else:
            draft.prompts.append({"image": Field(quoted(path))} | _pull(weight, stop))
    draft.take(*(key for key in ("prompts", "image_prompts", "change_prompt_every") if key in written))


def _when(place: int, count: int, changes: range, weight: float, film: _Film) -> Curve:
    """The weight of a phrase, which is on whenever its turn comes."""
    if count == 1:
        return weight
    return simplified(
        Point(film.second_of(iteration), weight if turn % count == place else 0.0, step=True)
        for turn, iteration in enumerate(changes)
    )


def _pull(weight: Curve, stop: float | None) -> dict[str, Field]:
    """Weight and stop; of what is pushed away our stop is how far, without a sign."""
    fields = {} if weight == 1.0 else {"weight": Field(yaml(weight, "      "))}
    if stop is not None and stop != 0:
        fields["stop"] = Field(number(min(abs(stop), 10)))
    return fields


def _zoom(options: Mapping[str, Any], draft: Draft, film: _Film) -> None:
    size = _sides(options)
    scale, fps = options["zoom_scale"], float(film.fps)
    shift = (options["zoom_shift_x"], options["zoom_shift_y"])
    if not 0.01 <= scale <= 100:
        draft.leave("zoom_scale", f"{scale:g} is no factor to move by, allowed is a number above 0")
        scale = 1.0
    # Here the shift comes after the scale.
    moved = pan(scale, 0.0, (shift[0] / scale, shift[1] / scale), size[0], fps)
    begin = options["zoom_start"]
    put_curve(draft, "camera.zoom", _from(begin, 1.0, scale**fps, film), 1.0, "-zsc, per second")
    for axis, curve, key in zip("xy", moved, ("-zsx", "-zsy"), strict=True):
        put_curve(draft, f"camera.pan.{axis}", _from(begin, 0.0, curve, film), 0.0, f"{key}, against it")
    if any(shift):
        draft.put("camera.border", "wrap", "as there")
    elif scale < 1:
        draft.put("camera.border", '"#000000"', "as there; reflect looks better")
    draft.take(*(key for key in options if key.startswith("zoom_")))


def _from(begin: int, before: float, after: Curve, film: _Film) -> Curve:
    """A value that comes only after some iterations."""
    assert isinstance(after, float | int)
    if begin <= 0:
        return after
    return simplified([Point(Fraction(0), before), Point(film.second_of(begin), float(after), step=True)])


def _guidance(options: Mapping[str, Any], written: Mapping[str, Any], draft: Draft, film: _Film) -> None:
    if film.kind == "zoom":
        draft.put("guidance.steps", str(min(film.every, MOST)), "-zse")
        draft.put("guidance.first_steps", str(min(film.every, MOST)))
    else:
        draft.put("guidance.first_steps", str(film.steps), "-i: all of them")
        draft.put("guidance.steps", "0")
    if options["learning_rate"] is not None:
        draft.put("guidance.learning_rate", number(options["learning_rate"]), "-lr")
    if options["num_cuts"] is not None:
        draft.put("guidance.cutouts", str(min(max(options["num_cuts"], 1), 256)), "-cuts")
    draft.take(*(key for key in ("learning_rate", "num_cuts") if key in written))


def _image_command(options: Mapping[str, Any]) -> str:
    text = plain(str(options["prompts"] or "").partition("^")[0]).replace('"', "'")
    size = options["size"] or (512, 512)
    return f'vqanim image "{text}" --steps {options["iterations"]} --size {size[0]}x{size[1]}'
