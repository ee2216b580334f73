"""What can be known of a film before it is painted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from vqanim.api.project import Prepared, chain_of
from vqanim.cache import cache_folder
from vqanim.files import make_folder
from vqanim.timeline.part import Part, part_of

if TYPE_CHECKING:
    from vqanim.film.make import FilmDone
    from vqanim.preview.animatic import PreviewEvent
    from vqanim.preview.outline import Outline


def outline(prepared: Prepared, device: str | None = None, out: str | Path | None = None) -> Outline:
    """All that is known of a film before it is painted, without torch.

    device: whose times are meant; the one that painted last if None. out: the folder of the render, the
    default one when None: frames that are there already and hold need not be painted.
    """
    from vqanim.engine.timings import read_timings
    from vqanim.preview.outline import make_outline

    timeline, found = prepared.timeline, None
    folder = Path(out) if out is not None else prepared.default_folder
    if (folder / "takes").is_dir():  # nothing is written, so a render may be at work there
        from vqanim.engine.cache_check import check_cache
        from vqanim.takes.store import ReadOnlyStore

        found = check_cache(timeline, ReadOnlyStore(folder), chain_of(prepared))
    models = prepared.generator, prepared.perceptors
    return make_outline(prepared.scene, timeline, models, read_timings(cache_folder()), device, found)


def draw_plot(outline: Outline, path: Path) -> None:
    """Draw the curves of a film to a PNG or, if that is how the name ends, to a page (.html).

    Raises OutputError.
    """
    make_folder(path.parent)
    if path.suffix.lower() == ".html":
        from vqanim.report.page import plan_page, write_page

        write_page(path, plan_page(outline))
    else:
        from vqanim.plots.curves import Marks, moving
        from vqanim.plots.picture import draw_chart

        shots = Marks(outline.seconds, outline.marks.shots)
        draw_chart(outline.title, moving(outline.tracks), shots, path)


def find_part(prepared: Prepared, frames: str | None = None, shot: str | None = None) -> Part | None:
    """The part of a film that somebody asks for, None for all of it: `A:B` in times of the film, those of its
    song included, or a shot.

    Raises UsageError.
    """
    return part_of(prepared.timeline, frames, shot, prepared.scene.song_times)


def preview(
    prepared: Prepared,
    out: str | Path | None = None,
    *,
    picture: str = "grid",
    part: Part | None = None,
    on_event: Callable[[PreviewEvent], None] = lambda event: None,
) -> list[FilmDone]:
    """Make an MP4 and a GIF of what the camera and the edit do, without models and without torch.

    out: a folder for them, `renders/<stem>-preview` when None. picture: `grid`, `start`, `frame` or a path.
    on_event: called with PictureDone after each picture and with FilmDone after each film.
    Raises UsageError, InputError, OutputError, and LockedError when another preview is made there.
    """
    from vqanim.preview.animatic import make_preview

    scene, timeline, render_folder = prepared.scene, prepared.timeline, prepared.default_folder
    folder = Path(out) if out is not None else render_folder.with_name(f"{render_folder.name}-preview")
    return make_preview(scene, timeline, folder, render_folder, picture, part, on_event)


def measure(prepared: Prepared, device: str = "auto") -> None:
    """Paint a few frames of a film to learn how long the others will take, for later outlines.

    The models must be here (see `fetch_models`). Raises DeviceError, InputError and OutputError.
    """
    began = monotonic()
    from vqanim.engine.measure import measure as measure_frames

    importing = monotonic() - began
    from vqanim.engine.timings import save_timings
    from vqanim.film.make import seconds_a_frame

    timeline = prepared.timeline
    samples = measure_frames(timeline, device, importing, lambda picture: seconds_a_frame(timeline, picture))
    save_timings(cache_folder(), samples)
