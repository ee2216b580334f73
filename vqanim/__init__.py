"""Scenes of texts and camera moves, made into films by a generator that a perceptor guides.

    import vqanim
    for event in vqanim.render("scenes/mordor.yaml", out="renders/mordor"):
        print(event)

Importing this module is cheap: the names below are imported when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it: importing `typing` takes longer than all else here
if TYPE_CHECKING:
    from typing import Any

    from vqanim.api.export import encode
    from vqanim.api.project import load_scene, prepare
    from vqanim.api.render import render
    from vqanim.errors import (
        CurveError,
        DeviceError,
        InputError,
        LockedError,
        OutputError,
        SceneError,
        UsageError,
        VqanimError,
    )
    from vqanim.timeline import compile_timeline

__version__ = "0.1.0"

__all__ = [
    "CurveError", "DeviceError", "InputError", "LockedError", "OutputError", "SceneError", "UsageError",
    "VqanimError", "__version__", "compile_timeline", "encode", "load_scene", "prepare", "render",
]  # fmt: skip

_ERRORS = tuple(name for name in __all__ if name.endswith("Error"))


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    places = {"compile_timeline": "vqanim.timeline"} | dict.fromkeys(_ERRORS, "vqanim.errors")
    return getattr(import_module(places.get(name, "vqanim.api")), name)


def __dir__() -> list[str]:
    return __all__
