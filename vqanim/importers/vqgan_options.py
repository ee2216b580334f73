"""The options of nerdyrodent's VQGAN-CLIP, as its own --help has them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from vqanim.errors import UsageError
from vqanim.importers.draft import plain

# Name, short name, and what argparse is told of it; as the program's --help says.
OPTIONS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("prompts", "p", {}),
    ("image_prompts", "ip", {}),
    ("iterations", "i", {"type": int, "default": 500}),
    ("save_every", "se", {"type": int}),
    ("size", "s", {"type": int, "nargs": 2}),
    ("init_image", "ii", {}),
    ("init_noise", "in", {}),
    ("init_weight", "iw", {"type": float}),
    ("clip_model", "m", {}),
    ("vqgan_config", "conf", {}),
    ("vqgan_checkpoint", "ckpt", {}),
    ("noise_prompt_seeds", "nps", {"nargs": "*", "type": int}),
    ("noise_prompt_weights", "npw", {"nargs": "*", "type": float}),
    ("learning_rate", "lr", {"type": float}),
    ("cut_method", "cutm", {}),
    ("num_cuts", "cuts", {"type": int}),
    ("cut_power", "cutp", {"type": float}),
    ("seed", "sd", {"type": int}),
    ("optimiser", "opt", {}),
    ("output", "o", {}),
    ("video", "vid", {"action": "store_true", "default": None}),
    ("zoom_video", "zvid", {"action": "store_true", "default": None}),
    ("zoom_start", "zs", {"type": int, "default": 0}),
    ("zoom_save_every", "zse", {"type": int, "default": 10}),
    ("zoom_scale", "zsc", {"type": float, "default": 0.99}),
    ("zoom_shift_x", "zsx", {"type": int, "default": 0}),
    ("zoom_shift_y", "zsy", {"type": int, "default": 0}),
    ("change_prompt_every", "cpe", {"type": int, "default": 0}),
    ("video_length", "vl", {"type": float, "default": 10.0}),
    ("output_video_fps", "ofps", {"type": float, "default": 0.0}),
    ("input_video_fps", "ifps", {"type": float, "default": 15.0}),
    ("deterministic", "d", {"nargs": "?", "const": "True"}),
    ("augments", "aug", {"nargs": "+", "action": "append"}),
    ("video_style_dir", "vsd", {}),
    ("cuda_device", "cd", {}),
)
LEFT: Mapping[str, str] = {
    "save_every": "pictures on the way are all kept",
    "noise_prompt_seeds": "prompts of noise",
    "noise_prompt_weights": "prompts of noise",
    "cut_method": "how pieces are cut; guidance.cutouts says how many",
    "cut_power": "how pieces are cut",
    "optimiser": "there is one optimiser, a kind of Adam",
    "output": "vqanim render --out says where films go",
    "deterministic": "vqanim render --deterministic",
    "augments": "how pieces are changed before they are looked at",
    "video_style_dir": "a film cannot be painted over",
    "cuda_device": "vqanim render --device",
}


class _Parser(argparse.ArgumentParser):
    """Complains instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"this is no command of VQGAN-CLIP: {plain(message)}")


def _parser() -> _Parser:
    parser = _Parser(prog="generate.py", add_help=False)
    for name, short, settings in OPTIONS:
        parser.add_argument(f"-{short}", f"--{name}", dest=name, **settings)
    return parser


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """The value of every option, None or the program's own where it is not given. Raises UsageError."""
    return vars(_parser().parse_args(list(words)))


def is_given(key: str, words: Sequence[str]) -> bool:
    """Whether an option is among the words of a command."""
    short = next(s for name, s, _ in OPTIONS if name == key)
    heads = [word.partition("=")[0] for word in words if word.startswith("-")]
    return any(
        head == f"-{short}" or (len(head) > 3 and f"--{key}".startswith(head)) for head in heads
    ) or any(re.fullmatch(rf"-{short}[^a-z=].*", word) for word in words)
