"""Films from frames that are painted already."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vqanim.api.project import Prepared, chain_of, prepare, with_scene
from vqanim.errors import InputError, UsageError
from vqanim.film.formats import PRESETS
from vqanim.takes.lock import lock_folder

if TYPE_CHECKING:
    from vqanim.film.found import CutFound
    from vqanim.film.make import FilmDone


def encode(
    source: str | Path | Prepared,
    presets: Sequence[str] = (),
    *,
    overrides: Sequence[str] = (),
    out: str | Path | None = None,
    crf: int | None = None,
    upscale: int = 1,
    gif_full: bool = False,
    allow_outside: bool = False,
) -> Generator[CutFound | FilmDone, None, None]:
    """Make a film from takes again, without torch, and paint nothing.

    source: the folder of a render, or the scene, whose render lies in `renders/<stem>`.
    presets: names from `vqanim.film.formats.PRESETS`; none of them is what a render makes.
    out: a folder for the films; the render's own when None.
    crf: quality, where a preset knows the number. upscale: a factor. gif_full: the GIF in the film's size.

    Frames that are missing are left out, and CutFound, which comes first, says so.
    Raises SceneError; InputError when there are no takes; UsageError for options that a preset cannot
    fulfill; LockedError while a render holds the folder; OutputError.
    """
    from vqanim.engine.cache_check import check_cache
    from vqanim.film.found import cut_to_found
    from vqanim.film.make import make_film
    from vqanim.film.reel import EncodeOptions
    from vqanim.takes.store import TakeStore

    if unknown := [name for name in presets if name not in PRESETS]:
        raise UsageError(f"there is no preset {unknown[0]!r}, allowed are {', '.join(PRESETS)}")
    prepared, folder, stem = find_render(source, overrides, allow_outside=allow_outside)
    with lock_folder(folder) as lock:
        store = TakeStore(folder, lock.check)
        stale = check_cache(prepared.timeline, store, chain_of(prepared)).stale
        found = cut_to_found(prepared.timeline, store, frozenset(stale))
        yield found
        options, into = EncodeOptions(crf, upscale, gif_full), Path(out) if out else folder
        foreign, timeline = out is not None, found.timeline
        with store.forgetting_broken():
            yield from make_film(
                timeline, store.find, into, stem, presets, options, foreign=foreign, guard=lock.check
            )


def find_render(
    source: str | Path | Prepared, overrides: Sequence[str], *, allow_outside: bool = False
) -> tuple[Prepared, Path, str]:
    """A render's scene, its folder and the name of its films, from the folder or the scene file.

    A scene that says no `guidance.rate` has the rate at which its takes were painted, whatever fps is now.
    Raises InputError when there is no render.
    """
    from vqanim.takes.run import read_run

    if isinstance(source, Prepared) or not Path(source).is_dir():
        prepared = source
        if not isinstance(prepared, Prepared):
            prepared = prepare(prepared, overrides, allow_outside=allow_outside)
        folder = prepared.default_folder
        if not (folder / "takes").is_dir():
            hint = "render it first, or name the folder that was its --out"
            raise InputError(f"{folder}: there are no takes of {prepared.scene.file}; {hint}")
        return at_painted_rate(prepared, folder), folder, prepared.stem
    folder = Path(source)
    resolved = folder / "scene.resolved.yaml"
    if not resolved.is_file():
        raise InputError(f"{folder}: there is no scene.resolved.yaml in it, so it is no render's folder")
    written = (read_run(folder) or {}).get("scene")
    stem = Path(written).stem if isinstance(written, str) else ""
    prepared = at_painted_rate(prepare(resolved, overrides, out=folder), folder)
    return prepared, folder, stem or folder.resolve().name or "film"


def at_painted_rate(prepared: Prepared, folder: Path) -> Prepared:
    """The scene with the rate of the takes in a render's folder, where it says none itself."""
    rate = other_rate(prepared, folder)
    return prepared if rate is None else with_scene(prepared, replace(prepared.scene, painted_rate=rate))


def other_rate(prepared: Prepared, folder: Path) -> Fraction | None:
    """The painted frames a second of the takes in a render's folder, where they are not those that a scene
    without a `guidance.rate` asks for; None also where no takes are known."""
    from vqanim.takes.run import painted_rate

    rate, scene = painted_rate(folder), prepared.scene
    known = rate is not None and scene.painted_rate is None and rate != scene.fps
    return rate if known and (folder / "takes").is_dir() else None
