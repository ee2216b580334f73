"""What tests of all rooms share."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from vqanim.cli.main import share_cores

share_cores()  # before anything imports torch; else tests take many times as long beside other programs
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core for each worker and the programs that it starts

settings.register_profile("calm", deadline=None)  # beside other programs everything takes longer
settings.load_profile("calm")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Renders take note of how fast they are; those of tests shall not be taken for the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQANIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def once(load: Callable[..., Any]) -> Callable[..., Any]:
    """A function that loads a model by name, reading the pocket model once and giving copies of it."""
    read: dict[str, Any] = {}

    def loaded(name: str, *rest: Any) -> Any:
        if name != "pocket":
            return load(name, *rest)
        if (key := repr(rest)) not in read:
            read[key] = load(name, *rest)
        return copy.deepcopy(read[key])

    return loaded


@pytest.fixture(scope="session")
def models_read_once() -> Iterator[None]:
    """Else each render of this process would read the models, which takes as long as painting a tiny film."""
    from vqanim.engine import loading

    with pytest.MonkeyPatch.context() as patch:
        for name in ("load_generator", "load_perceptor"):
            patch.setattr(loading, name, once(getattr(loading, name)))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return Path(__file__).resolve().parent.parent
