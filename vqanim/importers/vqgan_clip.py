"""The command line of nerdyrodent's VQGAN-CLIP, `python generate.py -p "a castle:1 | fog:-0.5" -i 500`, and
scripts that call it."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from vqanim.errors import UsageError
from vqanim.importers.curves import Point, constant_of, number, shortened, simplified, time
from vqanim.importers.draft import Draft, Note, plain, quoted
from vqanim.importers.motion import pan, put_flat_move
from vqanim.importers.reading import Settings, SettingsFile, is_command
from vqanim.importers.recognition import Evidence
from vqanim.importers.shell import feedback
from vqanim.importers.shell.commands import Option, read_calls, told
from vqanim.importers.shell.expansion import GIVEN, text_of
from vqanim.importers.shell.feedback import Move, Run, Story, story_of
from vqanim.importers.vqgan_clip_film import MAX_STEPS, USUAL_SECONDS, Film
from vqanim.scene.fields.prompts import MAX_PROMPTS

READS = "a VQGAN-CLIP command line"
PROGRAM = "generate.py"
OUTPUT = "output.png"  # what it writes where nothing is said
MAX_CHANGES = 4000  # of prompts; a scene has no room for the keys of more
STRAY = "belongs to no option; a text stands in quotes"
MAX_HINT = 300  # characters of a prompt in a command that is proposed
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
_MOST_VALUES: Mapping[Any, int] = {None: 1, "?": 1, 2: 2}  # by nargs; all others take what there is
_KNOWN = {
    written: (name, 0 if kind is SWITCH else _MOST_VALUES.get(kind.get("nargs"), 1000))
    for name, short, _, kind, _ in OPTIONS
    for written in (f"-{short}", f"--{name}")
}


def recognizes(file: SettingsFile) -> Evidence:
    """By a call of generate.py, or options where there is no file."""
    is_call = file.json is None and is_command(file.text)
    return Evidence(100, "a call of generate.py, or its options") if is_call else Evidence(0)


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every option. Raises UsageError for what the program does not know."""
    calls = read_calls(file, PROGRAM, *feedback.PROGRAMS)
    story = story_of(calls, PROGRAM, _KNOWN, OUTPUT)
    given = _given(story.main)
    settings = Settings({name: given[name] for name in _DEFAULTS if name in given})
    options = {**_DEFAULTS, **given}
    draft = Draft(READS, file.name, settings, (file.folder, scene_folder))
    _tell_script(draft, story)
    stages = [{**_DEFAULTS, **_given(run)} for run in story.before]
    film = Film(options, story, stages)
    _put_frame(draft, options, film)
    _put_models(draft, options)
    _put_start(draft, options, film)
    _put_prompts(draft, options, film)
    if film.kind == "zoom":
        _put_zoom(draft, options, film)
    elif film.kind == "loop":
        _put_move(draft, film, story)
    _put_guidance(draft, film)
    draft.leave_others(lambda key: _REASONS[key] or "does nothing without a film")
    if file.arguments is None and any(gap.why == GIVEN for run in story.main.options for gap in run.gaps):
        draft.hint = f"with what it is started with: vqanim import '{plain(file.name)} \"a castle\" ...'"
    elif film.kind in ("video", "picture") and 0 < len(options["prompts"] or "") <= MAX_HINT:
        text = plain(options["prompts"].partition("^")[0]).replace('"', "'")
        sides, steps = "x".join(map(str, options["size"])), options["iterations"]
        draft.hint = f'for the picture alone: vqanim image "{text}" --steps {steps} --size {sides}'
    return draft


def _given(run: Run) -> dict[str, Any]:
    """The options of a call that are known and right. Raises UsageError where there are none but others."""
    parser = _parser()
    words = [word for option in run.options if not _fault(option, parser) for word in option.words]
    faults = [fault for option in run.options if not option.gaps and (fault := _fault(option, parser))]
    if faults and not words:
        raise UsageError(f"this is no command of VQGAN-CLIP: {faults[0]}")
    return vars(parser.parse_args(words))


def _parser() -> _Parser:
    parser = _Parser(prog=PROGRAM, add_help=False, argument_default=argparse.SUPPRESS)
    for name, short, _, kind, _ in OPTIONS:
        parser.add_argument(f"-{short}", f"--{name}", dest=name, **{"default": argparse.SUPPRESS, **kind})
    return parser


def _fault(option: Option, parser: _Parser) -> str:
    """Why an option cannot be read."""
    if option.gaps:
        return told(option.gaps)
    if not option.written:
        return f"{shortened(text_of(option.values[0]) or '')}: {STRAY}"
    try:
        parser.parse_args(list(option.words))
    except UsageError as error:
        return str(error)
    return ""


def _tell_script(draft: Draft, story: Story) -> None:
    """What is not known without running the script, and what else is in it."""
    parser, stray = _parser(), list[str]()
    for option in story.main.options:
        key = option.name or option.written
        is_own = key == "init_image" and (story.before or story.loop)  # what the script has painted itself
        if not option.written and not option.gaps:
            stray.append(text_of(option.values[0]) or "")
        elif (fault := _fault(option, parser)) and not is_own:
            then = "; write your text into prompts" if key == "prompts" else ""
            draft.leave(key or option.gaps[0].name, _REASONS[key] if key == "output" else fault + then)
    if stray:
        draft.leave(shortened(" ".join(stray)), STRAY)
    for name, note in story.main.call.notes:
        draft.near(name, note)
    for program, what in story.unread:
        draft.leave(f"{program} {what}", "of ImageMagick only -distort SRT, -resize and -rotate are read")
    if story.others:
        draft.leave(f"{story.others} more commands", "each makes a scene of its own")
    if (loop := story.main.call.loop) and not story.loop:
        turns = "each of its turns" if loop.turns is None else f"each of its {loop.turns} turns"
        draft.near(plain(loop.header), f"{turns} makes a picture of its own there; this is the first")


class _Parser(argparse.ArgumentParser):
    """Complains instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(plain(message)[:200])


def _put_frame(draft: Draft, options: Mapping[str, Any], film: Film) -> None:
    origin = "-s" if "size" in draft.settings else "not said; 512 is usual"
    draft.put("size", f"[{film.width}, {film.height}]", origin)
    if film.between:
        origins = ("-ofps", "-ifps") if film.kind != "loop" else ("of ffmpeg", "of ffmpeg")
        draft.put("fps", min(max(float(film.between), float(film.fps)), 240), origins[0])
        draft.put("guidance.rate", str(film.fps), origins[1])
        draft.put("output.smooth", "minterpolate", origins[0])
        draft.take("output_video_fps", "input_video_fps")
    elif film.kind == "loop":
        draft.put("fps", str(film.fps), "of ffmpeg")
    else:
        draft.put("fps", str(film.fps), "the frames over -vl, from 10 to 60")
    draft.put("duration", time(Fraction(film.frames) / film.fps), f"{film.frames} frames")
    draft.take("size", "iterations")
    if film.kind != "loop":
        draft.take("video_length")
    elif film.turns is None:
        draft.near("duration", f"how often the loop turns is not known; {USUAL_SECONDS} s are taken")
    if options["iterations"] > MAX_STEPS:
        draft.near("iterations", f"{options['iterations']}: at most {MAX_STEPS} are possible")
    if options["seed"] is not None:
        draft.put_seed(abs(options["seed"]), "seed", "-sd")
    draft.take("seed")
    if film.kind == "zoom":
        draft.take("zoom_video", "video")
    elif film.kind != "loop":
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


def _put_start(draft: Draft, options: Mapping[str, Any], film: Film) -> None:
    first = film.stages[0] if film.stages else options
    if film.stages or film.kind == "loop":
        draft.take("init_image")  # what the script has painted itself
    if name := first["init_image"] if film.stages or film.kind != "loop" else None:
        if path := draft.file(name, "init_image"):
            draft.put("start", f"{{image: {path}, fit: stretch}}", "-ii")
    elif first["init_noise"] == "gradient":
        draft.put("start", "{gradient: [navy, orange]}", "-in gradient")
        draft.near("init_noise", "there the colors of the gradient are random")
    elif first["init_noise"]:
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


def _put_prompts(draft: Draft, options: Mapping[str, Any], film: Film) -> None:
    turns = list(_turns(draft, options, film))
    weights: dict[tuple[str, float | None, int], list[float]] = {}
    others: dict[str, None] = {}  # texts for which a scene has no room
    phrases: dict[str, dict[tuple[str, float | None, int], float]] = {}
    for place, (_, phrase) in enumerate(turns):
        if phrase not in phrases:
            found = dict(_targets(phrase))
            phrases[phrase] = dict(itertools.islice(found.items(), MAX_PROMPTS))
            others |= dict.fromkeys(text for text, _, _ in itertools.islice(found, MAX_PROMPTS, None))
        for key, weight in phrases[phrase].items():
            if key in weights or len(weights) < MAX_PROMPTS:
                weights.setdefault(key, [0.0] * len(turns))[place] = weight  # on whenever its turn comes
            else:
                others[key[0]] = None
    for (text, stop, _), course in weights.items():
        points = [Point(second, on, step=True) for (second, _), on in zip(turns, course, strict=True)]
        draft.add_prompt({"text": quoted(text)}, simplified(points), stop)
    if others:
        draft.leave_prompts(next(iter(others)), len(others))
    for text, weight, stop in parts_of(options["image_prompts"] or ""):
        if path := draft.file(text, "image_prompts", "{image: ...} into prompts"):
            draft.add_prompt({"image": path}, weight, stop)
    draft.take("prompts", "image_prompts", "change_prompt_every")


def _targets(phrase: str) -> Iterator[tuple[tuple[str, float | None, int], float]]:
    """(text, stop, how often the same stood there before) and the weight of the parts of a phrase."""
    again: dict[tuple[str, float | None], int] = {}
    for text, weight, stop in parts_of(phrase):
        again[text, stop] = again.get((text, stop), -1) + 1
        yield (text, stop, again[text, stop]), weight


def _turns(draft: Draft, options: Mapping[str, Any], film: Film) -> Iterator[tuple[Fraction, str]]:
    """(second, prompts) from each second on."""
    phrases = [phrase.strip() for phrase in str(options["prompts"] or "").split("^") if phrase.strip()]
    if not phrases and not options["image_prompts"] and "prompts" not in draft.known:
        phrases = ["A cute, smiling, Nerdy Rodent"]
        draft.near("prompts", "none given; the program's own text")
    every = options["change_prompt_every"]
    if len(phrases) > 1 and every <= 0:
        draft.leave("what stands behind ^", "is never shown without -cpe there either")
        phrases = phrases[:1]
    befores = [str(stage["prompts"] or "").partition("^")[0].strip() for stage in film.stages]
    *earlier, begin = film.begins
    if film.kind != "zoom" and any(before not in ("", *phrases[:1]) for before in befores):
        yield from zip(earlier, befores, strict=True)
    else:
        begin = Fraction(0)
        if befores and any(before not in ("", *phrases[:1]) for before in befores):
            draft.near("prompts", f"the picture to start with is painted of {shortened(befores[-1])} there")
    changes = range(0, film.steps, every) if every > 0 and len(phrases) > 1 else range(1)
    if len(changes) > MAX_CHANGES:
        draft.near("change_prompt_every", f"of {len(changes)} changes the first {MAX_CHANGES} are kept")
    for turn, iteration in enumerate(changes[:MAX_CHANGES] if phrases else ()):
        yield begin + film.second(iteration), phrases[turn % len(phrases)]


def _put_move(draft: Draft, film: Film, story: Story) -> None:
    """What ImageMagick does to the picture in every turn of a loop."""
    move, fps = story.move, float(film.fps)
    scale = move.scale if 0.01 <= move.scale <= 100 else 1.0
    origins = dict.fromkeys(("zoom", "rotate", "pan.x", "pan.y"), "-distort SRT, per second")
    shift = (move.x / scale, move.y / scale)
    put_flat_move(draft, scale, -move.angle, shift, film.width, fps, ("-distort SRT",), origins)
    if move != Move():
        draft.put("camera.border", "edge", "as ImageMagick has it")
        draft.notes.append(Note("taken", ("-distort SRT",)))


def _put_zoom(draft: Draft, options: Mapping[str, Any], film: Film) -> None:
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


def _put_guidance(draft: Draft, film: Film) -> None:
    settings = draft.settings
    if film.kind == "zoom":
        before = film.first_steps if film.stages else 0
        draft.put("guidance.steps", min(film.every, MAX_STEPS), "-zse")
        draft.put("guidance.first_steps", min(film.every + before, MAX_STEPS))
    elif film.kind == "loop":
        draft.put("guidance.steps", film.steps, "-i in the loop")
        draft.put("guidance.first_steps", film.first_steps, "-i of the first picture")
    else:
        draft.put("guidance.first_steps", film.steps, "-i: all of them")
        draft.put("guidance.steps", 0)
    if "learning_rate" in settings:
        draft.put("guidance.learning_rate", settings["learning_rate"], "-lr")
    if "num_cuts" in settings:
        draft.put("guidance.cutouts", min(max(settings["num_cuts"], 1), 256), "-cuts")
    draft.take("learning_rate", "num_cuts")
