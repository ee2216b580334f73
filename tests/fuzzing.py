"""Fuzzing guided by coverage, for as long as one likes: `python -m tests.fuzzing WHAT [libFuzzer's options]`.

Needs `pip install atheris`. What it finds is written to a file `crash-...`, which may be given as an option
to see it again. The default tests do the same with random inputs for a second (test_fuzz.py).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["vqanim"]):
    import numpy as np

    from vqanim.errors import VqanimError
    from vqanim.models.checkpoint import read_checkpoint, read_settings
    from vqanim.models.config_file import ConfigError
    from vqanim.models.families.vqgan import VQGANConfig
    from vqanim.scene import load_scene_text
    from vqanim.scene.expressions import EvaluationError, ExpressionError, evaluate
    from vqanim.scene.fields.short_prompts import parse_short
    from vqanim.scene.times import parse_time

VARIABLES = {name: np.linspace(0, 3, 4) for name in ("t", "frame", "progress")}
SCRATCH = Path(tempfile.mkdtemp()) / "weights.ckpt"


def scene(data: bytes) -> None:
    with suppress(VqanimError):
        load_scene_text(data.decode("utf-8", "replace"))


def expression(data: bytes) -> None:
    with suppress(ExpressionError, EvaluationError):
        evaluate(data.decode("utf-8", "replace"), VARIABLES)


def prompt(data: bytes) -> None:
    with suppress(ValueError):
        parse_short(data.decode("utf-8", "replace"))


def time(data: bytes) -> None:
    with suppress(ValueError):
        parse_time(data.decode("utf-8", "replace"))


def checkpoint(data: bytes) -> None:
    SCRATCH.write_bytes(data)
    with suppress(VqanimError):
        read_checkpoint(SCRATCH)
    with suppress(VqanimError):
        read_settings(SCRATCH)


def config(data: bytes) -> None:
    with suppress(ConfigError):
        VQGANConfig.from_bytes(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "scene": scene, "expression": expression, "prompt": prompt, "time": time, "checkpoint": checkpoint,
    "config": config,
}  # fmt: skip


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"python -m tests.fuzzing {'|'.join(TARGETS)} [-max_total_time=60 ...]")
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
