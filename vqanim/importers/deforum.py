"""Settings of Deforum: of the notebook, and of the extension for the web UIs (A1111, Forge).

Its prompts are `a castle :2 AND fog --neg people`, `(cherry:`sin(t)`)`, one text from a frame on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import UsageError
from vqanim.importers import curves
from vqanim.importers.curves import Curve, Formula, Point, Untranslatable, clamped, constant_of, scaled
from vqanim.importers.deforum_camera import put_camera, size_of
from vqanim.importers.draft import AT_REST, UNKNOWN, Draft, Field, plain, quoted
from vqanim.importers.reading import Settings, SettingsFile, settings_from
from vqanim.importers.recognition import SHARED, Evidence, by_names
from vqanim.importers.schedules import MAX_FRAMES, Clock, chained, frame_of, read_curves

READS = "Deforum settings"
OWN = re.compile(
    "animation_prompts.*|prompts_(?:positive|negative)|neg_prompts|.*_schedule|diffusion_cadence|color_coherence|"
    "seed_behavior|seed_iter_N|use_init|strength_0_no_init|n_batch|ddim_eta|border|flip_2d_perspective|"
    "(?:perspective_flip|enable_perspective|transform_center|parseq|hybrid|cn_\\d|freeu|kohya|deforum)_.*"
)
"""What only Deforum has."""
LEADING = (SHARED - {"seed", "width", "height", "fps", "init_image", "steps", "key_frames"}) | {
    "W",
    "H",
    "strength",
}
"""What makes sure of Deforum where no other tool has a part in it."""
SETTINGS = LEADING | {"animation_prompts", "prompts"}
"""One of them is enough where the tool was named."""
STEPS, STRENGTH = 6.0, 0.65  # our steps a frame stand for what Deforum's usual strength leaves of its own
NOISE = 0.3
"""Of Deforum's amount: half, as its pictures run from -1 to 1, and less, as Perlin noise is calmer."""
DEFAULT_FPS, DEFAULT_FRAMES = 15, 120
_ANEW = f"how much of a frame is painted anew: {STEPS:g} guidance.steps for a strength of {STRENGTH:g}"
_DOSES = (
    ("noise_schedule", "carry.noise", (NOISE, 0.0), f"carry.noise is {NOISE:g} of it: another kind of noise"),
    ("amount_schedule", "carry.sharpen", (1.0, 0.0), ""),
    ("strength_schedule", "guidance.steps", (-STEPS / (1 - STRENGTH), STEPS / (1 - STRENGTH)), _ANEW),
)
"""Of each schedule: the curve here, a factor and an offset that lead to it, and what differs."""
_SAMPLER = "the sampler of Stable Diffusion"
_FILES = "files of that program"
_GUIDED = "prompts with {image: ...} and weights over time"
_REASONS: Mapping[str, str] = {
    f"{_SAMPLER}: guidance.steps and weights say how strongly is painted": """
        sampler scheduler scale cfg_scale_schedule distilled_cfg_scale_schedule steps_schedule steps ddim_eta
        dynamic_threshold static_threshold sampler_schedule scheduler_schedule ancestral_eta_schedule
        pix2pix_img_cfg_scale_schedule noise_multiplier_schedule clipskip_schedule precision C f""",
    _SAMPLER: "ddim_eta*",
    "the model: models says which VQGAN paints and which CLIP judges": """
        checkpoint_schedule model_checkpoint model_config sd_*""",
    "depth: the picture is moved as one plane, bicubic": """
        use_depth_warping depth_algorithm midas_weight near_schedule far_schedule near_plane far_plane fov
        sampling_mode aspect_ratio_use_old_formula""",
    "contrast that builds up from frame to frame: carry.match_colors holds it; effects has contrast": """
        contrast_schedule""",
    "how sharpening looks: carry.sharpen is of 1 px, carry.match_detail holds the sharpness besides": """
        kernel_schedule sigma_schedule threshold_schedule""",
    "the kind of noise": "noise_type use_noise_mask noise_mask_schedule perlin_*",
    f"guided images: {_GUIDED}": """
        use_looper blendFactorMax blendFactorSlope tweening_frames_schedule color_correction_factor
        image_*""",
    f"guided images and latents: {_GUIDED}": "init_*",
    "optical flow and repeated painting: frames between are moved along the camera": """
        cadence_flow_factor_schedule redo_flow_factor_schedule diffusion_redo""",
    "optical flow": "optical_flow_*",
    "files and windows of that program: vqanim render --out, vqanim encode, vqanim preview": """
        batch_name outdir timestring filename_format n_batch n_samples make_grid grid_rows display_samples
        image_path mp4_path ffmpeg_location ffmpeg_crf ffmpeg_preset ffmpeg_outdir render_steps
        path_name_modifier store_frames_in_ram delete_imgs delete_input_frames make_gif show_info_on_ui
        motion_preview_mode deforum_git_commit_id show_sample_per_step max_video_frames
        log_weighted_subprompts overwrite_extracted_frames skip_video_for_run_all""",
    f"{_FILES}: frames are always kept, vqanim encode makes films of them": "save_*",
    f"{_FILES}: vqanim encode makes films": "skip_video*",
    "masks: inside and outside of a prompt": """
        full_res_mask full_res_mask_padding fill overlay_mask use_alpha_as_mask use_mask_video mask_*""",
    "details of Stable Diffusion and its extension": """
        tiling restore_faces reroll_blank_frames reroll_patience strength strength_0_no_init
        color_force_grayscale legacy_colormatch normalize_prompt_weights prompt prompt_weighting""",
    "frames between prompts: weights are written as keyframes": """
        interpolate_key_frames interpolate_x_frames""",
    "prompts": "prompts animation_prompts",
    AT_REST: """
        zoom angle translation_x translation_y translation_z border padding_mode fov_schedule
        aspect_ratio_schedule flip_2d_perspective perspective_flip_* rotation_3d_* transform_center_*""",
    "hybrid video: a film cannot be painted over": "hybrid_*",
    "FreeU, of Stable Diffusion": "freeu_*",
    "Kohya HR fix, of Stable Diffusion": "kohya_*",
    "enlarging: vqanim encode --upscale": "r_upscale_*",
    "frames between: a higher fps with guidance.rate, and output.smooth": "frame_interpolation_*",
    "Parseq: its curves are not in the settings; write keyframes or expressions": "parseq_*",
    "color coherence with a video or picture": "color_coherence_*",
    "a switch of what is not here": "enable_*",
    "seeds over time: every frame has random numbers of its own, from seed": "subseed* seed_*",
    "going on: the same vqanim render continues": "resume_*",
    "a film as input": "video_* extract_*",
    "AnimateDiff": "animatediff_*",
    "a shaken camera: effects has shake": "shake_*",
}
"""What there is here instead of keys that have no equal; an asterisk stands for any ending."""
_REASON_OF = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}
_NO_CONTRAST = re.compile(r"\s*0\s*:\s*\(?\s*1(\.0*)?\s*\)?\s*")
# One of them switches all of these keys on.
_SWITCHES = {"hybrid_*": ("hybrid_composite", "hybrid_motion"), "freeu_*": ("freeu_enabled",)}
_SWITCHES |= {"kohya_*": ("kohya_hrfix_enabled",), "r_upscale_*": ("r_upscale_video",)}
_SWITCHES |= {"parseq_*": ("parseq_manifest",), "resume_*": ("resume_from_timestring",)}
_SWITCHES |= {"frame_interpolation_*": ("frame_interpolation_engine",)}
_SWITCHES |= {"optical_flow_*": ("optical_flow_cadence", "optical_flow_redo_generation")}


def recognizes(file: SettingsFile) -> Evidence:
    """By the names that only it has; by those that it shares where there are no others."""
    return by_names(file, "Deforum", lambda name: bool(OWN.fullmatch(name)), knows, LEADING)


def knows(name: str) -> bool:
    """Whether Deforum has a setting of this name."""
    return name in SETTINGS | SHARED or bool(OWN.fullmatch(name)) or bool(_known_reason(name))


def read(file: SettingsFile, scene_folder: Path) -> Draft:
    """A draft with a note on every key. Raises UsageError and NotRecognized."""
    settings = settings_from(_data(file), file, READS, SETTINGS)
    return draft_of(settings, file, scene_folder, READS, put_prompts)


def draft_of(
    settings: Settings,
    file: SettingsFile,
    scene_folder: Path,
    source: str,
    put_texts: Callable[[Draft, Clock], None],
) -> Draft:
    """The draft of Deforum's settings, whoever made them. put_texts: writes prompts. Raises UsageError."""
    draft = Draft(source, file.name, settings, (file.folder, scene_folder))
    clock = _put_clock(draft)
    width, height = size_of(settings)
    draft.put("size", f"[{width}, {height}]", "W, H; half of it is four times as fast")
    draft.take("W", "H")
    draft.put("models", "pocket", "come along with vqanim; large ones: see vqanim models list")
    _put_start_and_sound(draft)
    put_texts(draft, clock)
    put_camera(draft, clock)
    _put_doses(draft, clock)
    draft.leave_others(lambda key: _reason(key, settings))
    return draft


def _data(file: SettingsFile) -> Any:
    if file.json is not None and not file.is_notebook:
        return file.json
    names = [name for name in file.assigned.values if knows(name)]
    return file.assigned.settings(names) if file.has_fields else file.assigned.values


def _put_clock(draft: Draft) -> Clock:
    settings, seed = draft.settings, draft.settings.integer("seed") or 0
    if not 0 <= seed < 2**63:
        draft.near("seed", f"{seed} takes another one each time; here it is 0 until you change it")
        seed = 0
    elif seed:
        draft.put("seed", str(seed), "seed")
    draft.take("seed")
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


def _put_start_and_sound(draft: Draft) -> None:
    name = str(draft.settings.get("init_image") or "None")
    keys = draft.settings.given("use_init", "init_image")
    used = draft.settings.is_on("use_init") and name != "None"
    if used and (path := draft.file(name, keys, "start: {image: ...}")):
        draft.put("start", f"{{image: {path}}}", "init_image")
        strength = draft.settings.given("strength")
        draft.near(strength, "an image is the first frame as it is; guidance.first_steps paints on it")
    draft.take(*keys)
    name = str(draft.settings.get("soundtrack_path") or "")
    keys = draft.settings.given("add_soundtrack", "soundtrack_path")
    used = bool(name) and draft.settings.word("add_soundtrack", "None") != "None"
    if used and (path := draft.file(name, keys, "soundtrack: song.mp3")):
        draft.put("soundtrack", path, "soundtrack_path")
    draft.take(*keys)


def _put_doses(draft: Draft, clock: Clock) -> None:
    coherence = draft.settings.word("color_coherence")
    if coherence == "None":
        draft.put("carry.match_colors", 0, "color_coherence None")
    elif coherence:
        differs = "carry.match_colors holds colors to an earlier frame with the same prompts"
        draft.near("color_coherence", f"{plain(coherence)}: {differs}")
    draft.take("color_coherence")
    curves = read_curves(draft, [key for key, *_ in _DOSES], clock)
    for key, path, (factor, offset), differs in _DOSES:
        if key in curves:
            most, origin = (100, f"{key}: weaker is more steps") if factor < 0 else (1, key)
            draft.put(path, clamped(scaled(curves[key], factor, offset), 0, most), origin)
            draft.near(key if differs else (), differs)
            draft.take(key)
    cadence, fps = draft.settings.number("diffusion_cadence", 1), draft.settings.number("fps", DEFAULT_FPS)
    if cadence > 1 and fps / cadence >= 1 and 1 <= fps <= 240:
        draft.put("guidance.rate", str(Fraction(str(fps)) / int(cadence)), "diffusion_cadence")
    draft.take("diffusion_cadence")


def _reason(key: str, settings: Settings) -> str:
    if key.startswith("cn_"):
        unit = "_".join(key.split("_")[:2])
        return "ControlNet" if _is_on(settings.get(f"{unit}_enabled")) else AT_REST
    if key == "contrast_schedule" and _NO_CONTRAST.fullmatch(settings.word(key)):
        return AT_REST
    family = _family(key)
    reason = _known_reason(key) or UNKNOWN
    on = [_is_on(settings.get(switch)) for switch in _SWITCHES.get(family, [key])]
    return reason if reason == UNKNOWN or (_is_on(settings[key]) and any(on)) else AT_REST


def _family(key: str) -> str:
    return next((name for name in _REASON_OF if name[-1] == "*" and key.startswith(name[:-1])), "")


def _known_reason(key: str) -> str:
    return _REASON_OF.get(key) or _REASON_OF.get(_family(key), "")


def _is_on(value: Any) -> bool:
    return str(value).strip().lower() not in ("", "none", "false", "0", "disabled", "no", "null")


NEGATIVE = -0.5  # weight of what stands behind --neg, whose strength Deforum does not say
MAX_PROMPTS = 1000
POSITIVE_KEYS = ("animation_prompts_positive", "positive_prompts")
NEGATIVE_KEYS = ("animation_prompts_negative", "negative_prompts")
_FORMULA = re.compile(r"\(([^()`]*?):\s*`([^`]+)`\s*\)")
_WEIGHT = re.compile(r"(.*?)\s*:\s*(`[^`]*`|[+-]?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL | re.ASCII)
_OLD = re.compile(r"(?P<text>[^:]+)(?::(?P<weight>\s*[+-]?\d+(?:\.\d+)?))?\s*", re.ASCII)


def put_prompts(draft: Draft, clock: Clock) -> None:
    """Write the prompts, with weights that are on from their frame to the next. In the mode Interpolation one
    text becomes the other in a straight line, else they change at once. Raises UsageError for too many."""
    settings = draft.settings
    key = next((key for key in ("prompts", "animation_prompts") if settings.get(key)), "prompts")
    try:
        texts = _extended(prompt_texts(settings.get(key, {}), clock), settings)
    except Untranslatable as error:
        draft.leave(key, str(error))
        return
    frames = [frame for frame in texts if frame < clock.frames] or list(texts)[:1]
    troubles: list[str] = []
    spans: dict[tuple[str, bool], dict[int, Curve]] = {}
    for frame in frames:
        for words, negative, weight in _parts(texts[frame], settings.is_on("prompt_weighting")):
            curve = scaled(_weight(weight, words, clock, troubles), NEGATIVE if negative else 1.0)
            spans.setdefault((words, negative), {})[frame] = curve
    mask = _mask(draft)
    fade = settings.word("animation_mode") == "Interpolation"
    for (words, _), weights in spans.items():
        course: Curve = 1.0
        try:
            course = _over_time([weights.get(frame, 0.0) for frame in frames], frames, clock, fade=fade)
        except Untranslatable as error:
            troubles.append(f"{words[:40]}: {error}")
        draft.add_prompt({"text": quoted(words)}, course).update(mask)
    draft.take(key, *POSITIVE_KEYS, *NEGATIVE_KEYS, "prompt_weighting")
    if any(negative for _, negative in spans):
        draft.near("--neg", f"what stands behind it weighs {NEGATIVE:g}; try others")
    if any(re.search(r"(?<!\\)[(\[]", _FORMULA.sub("", texts[frame])) for frame in frames):
        draft.near("(words:1.3), [words]", "words within a text cannot weigh more; the brackets are gone")
    if any(re.search(r"<\w+:[^>]*>", texts[frame]) for frame in frames):
        draft.leave("<lora:...>", "networks for Stable Diffusion")
    for trouble in troubles:
        draft.near(key, f"{trouble}; the weight is 1")


def prompt_texts(value: Any, clock: Clock) -> dict[int, str]:
    """Texts by the frame from which they hold, ascending. Raises UsageError and Untranslatable."""
    if isinstance(value, str):
        value = {0: value}
    elif isinstance(value, list):
        # Pictures of their own there; here they share the film.
        value = {place * clock.frames // len(value): text for place, text in enumerate(value)}
    elif not isinstance(value, Mapping):
        raise Untranslatable(f"{type(value).__name__} are no prompts")
    if len(value) > MAX_PROMPTS:
        raise UsageError(f"found {len(value)} prompts, allowed are at most {MAX_PROMPTS}")
    found = {frame_of(str(key), clock): str(text) for key, text in value.items()}
    return {frame: found[frame] for frame in sorted(found) if found[frame].strip()}


def _extended(texts: Mapping[int, str], settings: Settings) -> dict[int, str]:
    """With the texts that stand before, and behind --neg of, every prompt; unless they are there already."""
    before, against = (
        next((str(settings[key]).strip() for key in keys if settings.get(key)), "")
        for keys in (POSITIVE_KEYS, NEGATIVE_KEYS)
    )
    full = {frame: text if before in text else f"{before}, {text}" for frame, text in texts.items()}
    for frame, text in full.items():
        if against and against not in text:
            full[frame] += f", {against}" if "--neg" in text else f" --neg {against}"
    return full


def _mask(draft: Draft) -> dict[str, Field]:
    settings = draft.settings
    keys = settings.given("use_mask", "mask_file", "invert_mask")
    name = str(settings.get("mask_file") or "")
    is_used = settings.is_on("use_mask") and name
    if is_used and (path := draft.file(name, keys, "inside: {image: ...} into prompts")):
        draft.near(keys, "a part of the frame in which the prompts pull")
        side = "outside" if settings.is_on("invert_mask") else "inside"
        return {side: Field(f"{{image: {path}}}", "mask_file")}
    draft.take(*keys)
    return {}


def _parts(text: str, old: bool) -> Iterator[tuple[str, bool, str]]:
    """(text, whether it is one to keep away from, weight) of one prompt. old: `a:2 b:-1`, the weights of the
    notebook."""
    positive, *negatives = text.split("--neg")
    pieces = [(piece, False) for piece in re.split(r"\s+AND\s+", positive)]
    pieces += [(piece, True) for piece in re.split(r"\s+AND\s+", " ".join(negatives))]
    for piece, negative in pieces:
        parts = [(words, f"`{formula}`") for words, formula in _FORMULA.findall(piece)]
        rest = _FORMULA.sub(" ", piece)
        if old and ":" in rest:
            parts += [(match["text"], match["weight"] or "1") for match in _OLD.finditer(rest)]
        else:
            match = _WEIGHT.fullmatch(rest)
            parts.append((match[1], match[2]) if match else (rest, "1"))
        yield from ((clean(words), negative, weight) for words, weight in parts if clean(words))


def _weight(text: str, words: str, clock: Clock, troubles: list[str]) -> Curve:
    if not text.startswith("`"):
        return float(text)
    try:
        return Formula(curves.translate(text.strip("`"), clock.names))
    except Untranslatable as error:
        troubles.append(f"{words[:40]}: {error}")
        return 1.0


def clean(text: str) -> str:
    """A text without the brackets and numbers that make words stronger, and without networks."""
    words = re.sub(r"<\w+:[^>]*>", " ", text)
    words = re.sub(r":\s*[+-]?[\d.]+\s*(?=[)\]])", "", words)
    words = re.sub(r"\\([()\[\]])", r"\1", re.sub(r"(?<!\\)[()\[\]{}]", "", words))
    words = re.sub(r"\s+", " ", words)
    return re.sub(r"\s*,(\s*,)*", ",", words).strip(" ,;|")


def _over_time(course: Sequence[Curve], frames: Sequence[int], clock: Clock, *, fade: bool) -> Curve:
    """A weight that has each value from its frame up to the next one. Raises Untranslatable."""
    if len(frames) == 1:
        return course[0]
    numbers = [constant_of(weight) for weight in course]
    if all(found is not None for found in numbers):
        return curves.simplified(
            Point(clock.second(frame if place or fade else 0), found or 0.0, step=not fade)
            for place, (frame, found) in enumerate(zip(frames, numbers, strict=True))
        )
    pieces = [w.text if isinstance(w, Formula) else curves.number(constant_of(w) or 0.0) for w in course]
    return chained(pieces, frames[1:], clock)
