"""From a scene to its film."""

from __future__ import annotations

import platform
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from vqanim import __version__
from vqanim.api import project, response
from vqanim.api.project import Prepared, fetch_models, picture_files, prepare, run_key
from vqanim.api.prompts import read_prompts
from vqanim.cache import cache_folder
from vqanim.engine import events
from vqanim.engine.events import Event
from vqanim.errors import VqanimError
from vqanim.files import Guard, make_folder, read_bytes, write_atomic
from vqanim.models.fetch import FetchEvent
from vqanim.preview.outline import model_lines
from vqanim.scene import Scene, dump_scene
from vqanim.scene.quality import NORMAL
from vqanim.takes.digest import ENGINE_VERSION, content_hashes
from vqanim.takes.lock import lock_folder
from vqanim.timeline import FrameRef, Timeline
from vqanim.timeline.part import Part, cut_part, needed_frames

if TYPE_CHECKING:
    from vqanim.engine.cache_check import Edits
    from vqanim.engine.job import Precision
    from vqanim.film.make import FilmDone
    from vqanim.film.reel import Find


def render(
    scene: str | Path | Scene | Prepared,
    out: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    models: str | None = None,
    device: str = "auto",
    deterministic: bool = False,
    precision: Precision = "auto",
    quality: str = NORMAL,
    part: Part | None = None,
    edits: Edits = "refuse",
    live: bool = False,
    workers: int = 1,
    threads: int | None = None,
) -> Generator[Event | FetchEvent | FilmDone, None, None]:
    """Render a film and give what happens, event by event; run again, it continues where it stopped.

    Models that are needed and not in the cache are fetched first, unless `VQANIM_OFFLINE` is set.

    out: the folder of the render, `renders/<stem>` when None. It receives `<stem>.mp4`, `<stem>.gif`,
    `poster.png`, `takes/`, `scene.resolved.yaml`, `run.json`, `live.html`, to watch it while it is painted,
    and `report.html`, to look back. Frames of an older scene that no longer
    hold are moved to `superseded/`.
    deterministic: use only operations that give the same bits each time; slower on a GPU.
    precision: of the networks' weights, `float32`, `bfloat16` or `auto`: bfloat16 where that is faster.
    quality: draft, normal or high, of a scene that is not prepared yet.
    part: make only this part of the film (see `find_part`), called `<stem>-part`, or `<stem>-shot-NAME` where
    it is a shot, from the frames that it shows and those that they are painted from.
    edits: what to do with frames that somebody changed after they were painted: `refuse` (raise InputError),
    `accept` (keep them and paint on from them) or `repair` (paint them anew).
    live: also write `<stem>.live.mp4`, which grows while frames are painted and can be watched at any moment.
    device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`, or several with commas between, for several workers.
    workers: processes that paint at the same time, each a part of the film that begins with a cut.
    threads: of each process on a CPU; when None those of the run that began the film, else torch's own.
    Another number gives frames that differ visibly.

    Raises SceneError before anything is written; LockedError when another render holds the folder;
    InputError, DeviceError and OutputError. Closing the iterator stops the render in good order.
    """
    prepared = scene
    if not isinstance(prepared, Prepared):
        prepared = prepare(prepared, overrides, models, out, quality=quality)
    folder = Path(out) if out is not None else prepared.default_folder
    # A scene with mistakes is refused before all this comes in.
    from vqanim.engine.finished import asked_of, finished_walk, look
    from vqanim.engine.job import Job
    from vqanim.engine.measure import TimingsRecorder
    from vqanim.film.live import live_path, remove_live
    from vqanim.film.make import make_film
    from vqanim.report.film import Film, Render
    from vqanim.report.live import PAGE, LivePage
    from vqanim.report.report import REPORT, write_report
    from vqanim.takes.outputs import is_sealed, making_way, write_keeping_old
    from vqanim.takes.run import NAME as RUN
    from vqanim.takes.run import painted_threads, read_run, write_run
    from vqanim.takes.store import TakeStore

    importing = 0.0
    with lock_folder(folder) as lock:
        prepared = yield from fetch_models(prepared, unknown_only=True)
        prepared = yield from with_response(prepared, folder, device, deterministic)
        timeline = prepared.timeline
        store = TakeStore(folder, lock.check)
        files = (*picture_files(timeline), *project.song_files(prepared.scene))
        hashes = content_hashes(files)
        shown = timeline if part is None else cut_part(timeline, part)
        only = None if part is None else needed_frames(shown)
        stem = prepared.stem if part is None else f"{prepared.stem}-{part.name}"
        key, threads_before = run_key(prepared), painted_threads(folder)
        job = Job(
            timeline,
            store,
            key,
            hashes,
            device,
            deterministic,
            only,
            edits,
            precision,
            workers,
            threads,
            makes_films=True,
            threads_before=threads_before,
        )
        growing, scene_file = live_path(folder, stem), folder / "scene.resolved.yaml"
        film = Film(prepared.scene, timeline, part)
        prompts = read_prompts(prepared)
        looked, asked = look(job), asked_of(job)
        painting: Generator[Event, None, None] | None = finished_walk(job, looked, read_run(folder))
        if painting is None:  # only now does torch come in, with the engine
            began = monotonic()
            from vqanim.engine.render import paint_takes

            importing = monotonic() - began
            painting = paint_takes(job, looked)

        with (
            closing(TimingsRecorder(timeline, cache_folder(), importing=importing)) as timings,
            LivePage(folder, film, store, stem, lock.check, prompts.readings) as watched,
            closing(painting),  # what is being saved needs the lock
        ):
            for event in show_live(painting, shown, store.find, growing, lock.check) if live else painting:
                timings.on_event(event)
                watched.on_event(event)
                if not isinstance(event, events.RunStarted):
                    yield event
                else:
                    attic = Path(event.superseded_to) if event.superseded_to else None
                    settings, before = describe_run(prepared, event, asked), read_run(folder)
                    resolved = dump_scene(prepared.scene, keep_assets(hashes, folder))
                    records = {
                        scene_file: write_keeping_old(scene_file, resolved, attic, lock.check),
                        folder / RUN: write_run(folder, settings, attic, lock.check),
                    }
                    yield event
                    if "engine" not in (before or {}):  # they are nobody's run
                        moved = ((str(path), str(to)) for path, to in records.items() if to)
                        yield from (events.OutputMoved(*pair) for pair in moved)
                    yield from changed_settings(before, settings, event.kept)
                    if event.kept < event.frames:
                        watched.on_event(prompts)
                        yield prompts
                        yield from fetch_models(prepared)  # the engine loads them when it goes on
                yield from (events.PageFailed(PAGE, reason) for reason in watched.failures())
                yield from (events.OutputMoved(*pair) for pair in watched.moved())
            making, complete, written = monotonic(), part is None, False
            presets = () if part is None else ("web", "gif")  # the poster is the whole film's
            with store.forgetting_broken():
                for made in make_film(shown, store.find, folder, stem, presets, guard=lock.check):
                    complete &= made.written
                    written |= made.written
                    yield made
            yield from (events.OutputMoved(*pair) for pair in watched.moved())
            if complete:
                timings.add_films(monotonic() - making)
            page = folder / (REPORT if part is None else f"report-{part.name}.html")
            if written or not page.exists():
                models_shown = model_lines(prepared.generator, prepared.perceptors, timeline)
                rendered = Render(folder, stem, film, models_shown)
                try:
                    with making_way(page, is_sealed(page), lock.check) as place:
                        write_report(rendered, page, watched.warnings, lock.check)
                except VqanimError as error:  # no fault of the render's
                    yield events.PageFailed(page.name, str(error))
                else:
                    if place.moved_to:
                        yield events.OutputMoved(*place.texts)
                    yield events.PageWritten(str(page))
        remove_live(growing)


def with_response(
    prepared: Prepared, folder: Path, device: str = "auto", deterministic: bool = False
) -> Generator[Event | FetchEvent, None, Prepared]:
    """The scene with the lead that was measured for it, now or in an earlier run in the same folder.

    Raises DeviceError, InputError and OutputError.
    """
    prepared = project.with_known_response(prepared, folder)
    if not response.waits(prepared.scene):
        return prepared
    prepared = yield from fetch_models(prepared)
    trial = project.trial_of(prepared)
    frames = yield from response.measure(trial, run_key(prepared), folder, device, deterministic)
    return project.with_scene(prepared, response.with_lead(prepared.scene, frames))


def show_live(
    painting: Iterable[Event], timeline: Timeline, find: Find, path: Path, guard: Guard = lambda: None
) -> Iterator[Event]:
    """The events of a walk; meanwhile the film grows at `path`. Where it cannot, the walk goes on without."""
    from vqanim.film.live import LiveError, live_film

    walk = iter(painting)
    try:
        with live_film(timeline, find, path, guard) as film:
            yield from (events.OutputMoved(*pair) for pair in film.moved)
            last: FrameRef | None = None
            for event in walk:
                yield event
                if isinstance(event, events.RunStarted | events.TakesDone):
                    film.look()
                elif isinstance(event, events.FrameDone):  # when the next one is done, it is on the disk
                    if last is not None:
                        film.add(last)
                    last = FrameRef(event.shot, event.index)
    except LiveError as error:
        yield events.LiveFailed(str(error))
        yield from walk


def changed_settings(
    before: Mapping[str, Any] | None, now: Mapping[str, Any], kept: int
) -> list[events.SettingsChanged]:
    """What to report of settings that the last run in a folder, of which so many frames are kept, had
    otherwise: one event, or none."""
    from vqanim.takes.run import changes

    found = changes(before, now)
    harmless = tuple(one.texts for one in found if not one.repaints and kept)
    repainting = tuple(one.texts for one in found if one.repaints)
    return [events.SettingsChanged(harmless, repainting)] if harmless or repainting else []


_LARGEST_ASSET = 2**30  # bytes; of a picture, a song or a font


def keep_assets(hashes: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Copy the files that a scene uses beside its resolved form, named by content.

    hashes: content hash by path. Gives the copy's path relative to `folder`, by path.
    """
    copies = {path: f"assets/{digest[:16]}{Path(path).suffix.lower()}" for path, digest in hashes.items()}
    for path, name in copies.items():
        if not (folder / name).exists():
            make_folder((folder / name).parent)
            write_atomic(folder / name, read_bytes(path, _LARGEST_ASSET))
    return copies


def describe_run(prepared: Prepared, run: events.RunStarted, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json holds: the settings of a run, for people and tools; and what was asked for, by which a
    later run knows them."""
    from vqanim.engine.timings import device_label

    timeline = prepared.timeline
    machine = f"{platform.system()} {platform.machine()}"
    label = run.label or device_label(run.device, run.threads)
    uses = zip(prepared.perceptors, timeline.perceptors, strict=True)
    return {
        "vqanim": __version__,
        "engine": ENGINE_VERSION,
        "torch": version("torch"),
        "scene": prepared.scene.file,
        "title": timeline.title,
        "models": {
            "generator": {"name": prepared.generator.name, "hash": prepared.generator.hash},
            "perceptors": [{"name": e.name, "hash": e.hash, "share": plan.share} for e, plan in uses],
        },
        "size": [timeline.width, timeline.height],
        "fps": str(timeline.fps),
        **({} if timeline.rate in (None, timeline.fps) else {"rate": str(timeline.rate)}),
        **({} if prepared.quality == NORMAL else {"quality": prepared.quality}),
        "seed": timeline.seed,
        "shots": {shot.name: len(shot.frames) for shot in timeline.shots},
        "machine": f"{machine}, Python {platform.python_version()}; {label}",
        "device": run.device,
        "threads": run.threads,
        "step": {"way": run.step, "reason": run.step_reason},
        "weights": run.weights,
        "deterministic": run.deterministic,
        "asked": dict(asked),
    }
