"""What becomes of frames that are painted: other films, pages, comparisons."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vqanim.api.prepared import Prepared, default_folder, picture_files, prepare, run_key, with_scene
from vqanim.errors import InputError, UsageError, VqanimError
from vqanim.files import Guard, make_folder

if TYPE_CHECKING:
    from vqanim.engine.events import PageFailed, PageWritten
    from vqanim.film import FilmDone
    from vqanim.film.found import CutFound
    from vqanim.film.reel import EncodeOptions
    from vqanim.preview.outline import ModelLine
    from vqanim.report.compare import Comparison
    from vqanim.report.film import Render


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
    fulfil; LockedError while a render holds the folder; OutputError.
    """
    from vqanim.film.formats import PRESETS
    from vqanim.film.reel import EncodeOptions

    if unknown := [name for name in presets if name not in PRESETS]:
        raise UsageError(f"there is no preset {unknown[0]!r}, allowed are {', '.join(PRESETS)}")
    prepared, folder, stem = find_render(source, overrides, allow_outside=allow_outside)
    options = EncodeOptions(crf, upscale, gif_full)
    return _encode(prepared, folder, stem, presets, options, None if out is None else Path(out))


def _encode(
    prepared: Prepared,
    folder: Path,
    stem: str,
    presets: Sequence[str],
    options: EncodeOptions,
    out: Path | None,
) -> Generator[CutFound | FilmDone, None, None]:
    from vqanim.engine.cache_check import Chain, check_cache
    from vqanim.film import make_film
    from vqanim.film.found import cut_to_found
    from vqanim.takes.digest import content_hashes
    from vqanim.takes.lock import lock_folder
    from vqanim.takes.store import TakeStore

    with lock_folder(folder) as lock:
        store = TakeStore(folder, lock.check)

        hashes = content_hashes(picture_files(prepared.timeline))
        stale = check_cache(prepared.timeline, store, Chain(run_key(prepared), hashes)).stale
        found = cut_to_found(prepared.timeline, store, frozenset(stale))
        yield found
        yield from make_film(
            found.timeline,
            store.find,
            out or folder,
            stem,
            presets,
            options,
            foreign=out is not None,
            guard=lock.check,
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
        prepared = (
            source
            if isinstance(source, Prepared)
            else prepare(source, overrides, allow_outside=allow_outside)
        )
        folder = prepared.default_folder
        if not (folder / "takes").is_dir():
            raise InputError(
                f"{folder}: there are no takes of {prepared.scene.file}; render it first, or "
                "name the folder that was its --out"
            )
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


def report(source: str | Path, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Write the report of a render again, or for the first time, without torch and without painting.

    source: the folder of a render, or the scene, whose render lies in `renders/<stem>`.
    out: the page; `report.html` in the folder when None. force: another file in its place is overwritten.
    Raises UsageError, InputError when there is no render, SceneError and OutputError.
    """
    from vqanim.report.live import read_warnings
    from vqanim.report.report import REPORT
    from vqanim.report.report import write_report as write

    rendered = find_rendered(source)
    path = rendered.folder / REPORT if out is None else Path(out)
    warnings = dict.fromkeys((*rendered.film.timeline.warnings, *read_warnings(rendered.folder)))
    make_folder(path.parent)
    write(rendered, path, tuple(warnings), force=force)
    return path


def compare(
    one: str | Path, other: str | Path, out: str | Path = "compare.html", *, force: bool = False
) -> Comparison:
    """Put two renders side by side in a page, without torch; gives what differs.

    one, other: folders of renders, or scenes, as for `report`. out: the page, which overwrites another file
    only by force. Raises UsageError, InputError where there is no render or no frame, SceneError and
    OutputError.
    """
    from vqanim.report.compare import compare_renders, comparison_page
    from vqanim.report.page import write_page

    path = Path(out)
    if path.is_dir() or (path.exists() and not force):
        raise UsageError(f"{path}: there already; give another --out, or --force to overwrite")
    found = compare_renders(find_rendered(one), find_rendered(other), (str(one), str(other)))
    text = comparison_page(found)
    make_folder(path.parent)
    write_page(path, text)
    return found


def find_rendered(source: str | Path) -> Render:
    """A render as its folder tells, whatever has become of its scene since.

    source: as for `report`. Raises InputError and SceneError.
    """
    from vqanim.report.film import Film, Render

    path = Path(source)
    folder = path if path.is_dir() else default_folder(path.stem)
    if not path.exists():
        raise InputError(f"{path}: there is no such folder and no such scene")
    if not (folder / "scene.resolved.yaml").is_file():
        of = "is no render's folder" if path.is_dir() else f"holds no render of {path}; render it first"
        raise InputError(f"{folder}: {of} (there is no scene.resolved.yaml in it)")
    prepared, folder, stem = find_render(folder, ())
    return Render(folder, stem, Film.of(prepared.scene, prepared.timeline), model_lines(prepared))


def model_lines(prepared: Prepared) -> tuple[ModelLine, ...]:
    """What is told about the models of a film."""
    from vqanim.preview import outline

    return outline.model_lines(prepared.generator, prepared.perceptors, prepared.timeline)


def write_report(
    rendered: Render, path: Path, warnings: Sequence[str], guard: Guard
) -> PageWritten | PageFailed:
    """Write what is looked back upon after a render; no fault of that is one of the render."""
    from vqanim.engine.events import PageFailed, PageWritten
    from vqanim.report import report

    try:
        report.write_report(rendered, path, warnings, guard)
    except VqanimError as error:
        return PageFailed(path.name, str(error))
    return PageWritten(str(path))
