"""Names of open_clip's models, `open_clip:ARCHITECTURE/TAG`: known by rule, not by list. No torch.

The package itself, which imports torch, is not imported here; its architectures are files in its folder.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
from pathlib import Path

from vqanim.errors import InputError
from vqanim.models.cache import models_folder
from vqanim.models.entries import (
    CUTOUT_NOISE,
    CUTOUTS,
    ModelFile,
    OwnFile,
    PerceptorEntry,
    RemoteFile,
    UnknownModel,
)
from vqanim.models.pins import read_pin

PREFIX = "open_clip:"
EXAMPLE = "open_clip:ViT-B-32/laion2b_s34b_b79k"
INSTALL = "python -m pip install 'vqanim[open-clip]'"

_NAME = re.compile(re.escape(PREFIX) + r"([A-Za-z0-9][\w.+-]*)/([A-Za-z0-9][\w.+-]*)", re.ASCII)


def split_name(name: str) -> tuple[str, str]:
    """Architecture and tag of a name. Raises UnknownModel for a name of another form."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnknownModel(f"unknown perceptor {name!r}; names of open_clip are like {EXAMPLE!r}")
    return match[1], match[2]


def weights_place(name: str) -> str:
    """Where the weights of a model lie, relative to the folder of fetched models."""
    architecture, tag = split_name(name)
    return f"open_clip/{architecture}/{tag}/weights.bin"


def open_clip_entry(name: str) -> PerceptorEntry:
    """What is known about a model of open_clip; its files only once they were fetched.

    Raises UnknownModel for a name that cannot be, InputError when the package is not installed.
    """
    architecture, _ = split_name(name)
    known = _architectures()
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownModel(
            f"open_clip knows no model {architecture!r}; {hint}open_clip.list_models() names all"
        )
    return PerceptorEntry(
        name=name,
        kind="perceptor",
        family="open_clip",
        files=_files(name),
        license="as its publisher says, see its page at the model hub",
        commercial="unknown: see its page at the model hub",
        source="https://github.com/mlfoundations/open_clip",
        good_at="what its training data shows",
        unchecked="all: its first download gives the hash that holds ever after",
        cutouts=CUTOUTS,
        cutout_noise=CUTOUT_NOISE,
    )


def fetched_names() -> list[str]:
    """Names of models whose weights are in the cache."""
    found = models_folder().glob("open_clip/*/*/weights.bin")
    return sorted(f"{PREFIX}{path.parts[-3]}/{path.parts[-2]}" for path in found)


def _files(name: str) -> dict[str, ModelFile]:
    """The weights, when a pin says what and where they are."""
    place = weights_place(name)
    pin = read_pin(place)
    if pin is None:
        return {}
    if "://" not in pin.address and Path(pin.address) != models_folder() / place:
        return {"weights": OwnFile(name, Path(pin.address), pin.sha256, pin.size)}
    return {"weights": RemoteFile(name, place, (), pin.sha256, pin.size, pinned=True)}


def _architectures() -> list[str]:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"models of open_clip need its package; install it: {INSTALL}")
    return sorted(
        path.stem for path in Path(spec.submodule_search_locations[0], "model_configs").glob("*.json")
    )
