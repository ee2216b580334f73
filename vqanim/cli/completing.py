"""What the shell offers at the press of Tab: scenes, their shots, models, keys. Nothing here may fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from glob import escape, glob
from itertools import islice
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from vqanim.errors import VqanimError

ENDINGS = (".yaml", ".yml")
MOST = 200  # scenes that are offered
DEVICES = ("auto", "cpu", "cuda", "cuda:0", "mps")

Items = list[CompletionItem]


def scenes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Scene files here and one folder deeper; where there are none, whatever the shell finds."""
    found = list(islice(_scenes(incomplete), MOST))
    return [CompletionItem(path) for path in found] or [CompletionItem(incomplete, type="file")]


def _scenes(start: str) -> Iterator[str]:
    for path in _paths(start):
        if path.endswith(ENDINGS) and Path(path).is_file():
            yield path
        elif Path(path).is_dir():
            yield from (inner for inner in _paths(f"{path}/") if inner.endswith(ENDINGS))


def _paths(start: str) -> list[str]:
    return sorted(glob(f"{escape(start)}*"))  # noqa: PTH207  keeps ./ and ~ as they were typed


def shots(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The shots of the scene that is named before."""
    scene = ctx.params.get("scene") or next(iter(ctx.args), None)  # what is not finished is not sorted in
    if not scene:
        return []
    from vqanim.scene import load_scene

    with suppress(VqanimError, OSError):
        return _beginning((shot.name for shot in load_scene(scene, allow_outside=True).shots), incomplete)
    return []


def models(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names of models, each with what it is good at."""
    from vqanim.models.catalogue import get_entry, list_models

    helps: dict[str, str] = {}
    with suppress(VqanimError, OSError):
        for kind, name in (pair for pair in list_models() if pair[1].startswith(incomplete)):
            with suppress(VqanimError, OSError):
                helps.setdefault(name, f"{kind}, {get_entry(kind, name).good_at}")
    return [CompletionItem(name, help=text) for name, text in helps.items()]


def pairs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Names that stand for a generator and for its perceptor."""
    from vqanim.models.catalogue import list_models
    from vqanim.scene.fields.models import models_called

    with suppress(VqanimError, OSError):
        known = list(list_models())
        pairs = [models_called(name) for kind, name in known if kind == "generator"]
        names = [pair.generator for pair in pairs if ("perceptor", pair.perceptors[0].name) in known]
        return _beginning(names, incomplete)
    return []


def devices(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Kinds of devices."""
    return _beginning(DEVICES, incomplete)


def keys(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Keys of scenes, as in `camera.zoom=`."""
    if "=" in incomplete:
        return []
    from vqanim.scene.fields.base import keys_of
    from vqanim.scene.model import Camera, Carry, Guidance, Output, Scene, Shot

    sections = {"camera": Camera, "carry": Carry, "guidance": Guidance, "output": Output}
    names = [key for key in (*keys_of(Scene), *keys_of(Shot)) if key not in sections and "." not in key]
    names += [f"{name}.{key}" for name, section in sections.items() for key in keys_of(section)]
    return _beginning((f"{name}=" for name in dict.fromkeys(names)), incomplete)


def _beginning(names: Iterable[str], start: str) -> Items:
    return [CompletionItem(name) for name in names if name.startswith(start)]
