"""The package open_clip, which is optional: its architectures, and networks that only it can build. No torch
until it is imported."""

from __future__ import annotations

import importlib.util
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vqanim.errors import InputError
from vqanim.models.entries import ModelFile, file_error
from vqanim.models.families.clip import CLIPConfig

INSTALL = "python -m pip install 'vqanim[open-clip]'"


def architectures() -> dict[str, Path]:
    """Configs of the installed package by name of the architecture; empty when it is not installed."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        return {}
    return {
        path.stem: path
        for path in sorted(Path(spec.submodule_search_locations[0]).glob("model_configs/*.json"))
    }


@cache
def open_clip_package() -> ModuleType:
    """The package. Raises InputError with the command that installs it when it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import open_clip
    except ImportError as error:
        raise InputError(f"models of open_clip need its package ({error}); install it: {INSTALL}") from error
    return open_clip


def build_open_clip(config: CLIPConfig, file: ModelFile) -> Any:
    """The network of a config that only open_clip can build, for the weights of a file.

    Raises InputError when the package is missing or cannot build it.
    """
    package = open_clip_package()
    try:  # not on the meta device, because its masks are no weights
        return package.CLIP(**(config.package or {}), quick_gelu=config.quick_gelu)
    except Exception as error:  # of two packages, by what a file says
        reason = f"open_clip cannot build the network of its config ({type(error).__name__}: {error})"
        raise file_error(file, " ".join(reason.split())[:300]) from error
