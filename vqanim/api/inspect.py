"""Renders looked at afterwards: reports and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vqanim.api.export import find_render
from vqanim.api.project import check_free, default_folder
from vqanim.errors import InputError
from vqanim.files import exists, make_folder
from vqanim.preview.outline import model_lines

if TYPE_CHECKING:
    from vqanim.report.compare import Comparison
    from vqanim.report.film import Render


def report(source: str | Path, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Write the report of a render again, or for the first time, without torch and without painting.

    source: the folder of a render, or the scene, whose render lies in `renders/<stem>`.
    out: the page; `report.html` in the folder when None. force: another file in its place is overwritten.
    Raises UsageError, InputError when there is no render, SceneError and OutputError.
    """
    from vqanim.report.live import read_warnings
    from vqanim.report.report import REPORT, write_report

    rendered = find_rendered(source)
    path = rendered.folder / REPORT if out is None else Path(out)
    warnings = dict.fromkeys((*rendered.film.timeline.warnings, *read_warnings(rendered.folder)))
    make_folder(path.parent)
    write_report(rendered, path, tuple(warnings), force=force)
    return path


def compare(
    one: str | Path, other: str | Path, out: str | Path = "compare.html", *, force: bool = False
) -> Comparison:
    """Put two renders side by side in a page, without torch; gives what differs.

    one, other: folders of renders, or scenes, as for `report`. out: the page, which overwrites another file
    only by force. Raises UsageError, InputError where there is no render or no frame, SceneError and
    OutputError.
    """
    from vqanim.report.compare import Comparison, comparison_page
    from vqanim.report.page import write_page

    path = Path(out)
    check_free([path], force)
    found = Comparison(find_rendered(one), find_rendered(other), (str(one), str(other)))
    text = comparison_page(found)
    make_folder(path.parent)
    write_page(path, text)
    return found


def find_rendered(source: str | Path) -> Render:
    """A render as its folder describes it, whatever has become of its scene since.

    source: as for `report`. Raises InputError and SceneError.
    """
    from vqanim.report.film import Film, Render

    path = Path(source)
    folder = path if path.is_dir() else default_folder(path.stem)
    if not exists(path):
        raise InputError(f"{path}: there is no such folder and no such scene")
    if not (folder / "scene.resolved.yaml").is_file():
        of = "is no render's folder" if path.is_dir() else f"holds no render of {path}; render it first"
        raise InputError(f"{folder}: {of} (there is no scene.resolved.yaml in it)")
    prepared, folder, stem = find_render(folder, ())
    models = model_lines(prepared.generator, prepared.perceptors, prepared.timeline)
    return Render(folder, stem, Film(prepared.scene, prepared.timeline), models)
