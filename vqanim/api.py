"""From a scene file to a film, in one call: the public functions, which the command line uses as well."""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from vqanim import __version__, response
from vqanim.errors import InputError, Place, Problem, SceneError, UsageError, VqanimError
from vqanim.files import Guard, make_folder, write_atomic
from vqanim.models.cache import cache_folder
from vqanim.models.catalogue import (
    GeneratorEntry,
    ModelEntry,
    PerceptorEntry,
    UnknownModel,
    get_generator_entry,
    get_perceptor_entry,
)
from vqanim.models.events import FetchEvent
from vqanim.models.fetch import fetch_model
from vqanim.scene import Scene, dump_scene
from vqanim.scene.heard import song_times
from vqanim.scene.model import Models, PerceptorUse
from vqanim.scene.quality import NORMAL, at_quality
from vqanim.scene.still import Still, lapse_scene, still_scene
from vqanim.songs import load_scene, song_files
from vqanim.timeline import Limits, Timeline, ViewLimits, compile_timeline
from vqanim.timeline.part import Part, cut_part, needed_frames, part_of

if TYPE_CHECKING:
    from vqanim.engine.edits import Edits
    from vqanim.engine.events import Event, PageFailed, PageWritten, RunStarted, SettingsChanged
    from vqanim.engine.lapse import Lapse
    from vqanim.engine.precision import Precision
    from vqanim.engine.still import Hear, LapseEvent
    from vqanim.engine.survey import Survey
    from vqanim.film import FilmDone
    from vqanim.film.compose import Find
    from vqanim.film.found import CutFound
    from vqanim.film.presets import Wishes
    from vqanim.pages.compare import Comparison
    from vqanim.pages.live import LivePage
    from vqanim.pages.rendered import Rendered
    from vqanim.preview.outline import ModelLine, Outline
    from vqanim.takes.digest import RunKey
    from vqanim.takes.recording import Recording
    from vqanim.timeline import FrameRef


Entry = TypeVar("Entry", bound=ModelEntry)


@dataclass(frozen=True)
class Prepared:
    """A scene that was read, checked and compiled. No model is loaded and nothing is written yet."""

    scene: Scene
    timeline: Timeline
    generator: GeneratorEntry
    perceptors: tuple[PerceptorEntry, ...]
    """In the order of the timeline's."""
    quality: str = NORMAL

    @property
    def stem(self) -> str:
        """Name of the film's files: the scene file's name without its ending."""
        return Path(self.scene.file).stem or "film"

    @property
    def default_folder(self) -> Path:
        """Where a render goes unless told otherwise: `renders/<stem>` in the current folder; of a draft,
        `renders/<stem>-draft`, so that it takes no frame's place."""
        return default_folder(self.stem, self.quality)


def default_folder(stem: str, quality: str = NORMAL) -> Path:
    """Where a render of a scene with this name goes unless told otherwise."""
    return Path("renders") / (stem if quality == NORMAL else f"{stem}-{quality}")


def prepare(
    scene: str | Path | Scene,
    overrides: Sequence[str] = (),
    models: str | None = None,
    out: str | Path | None = None,
    *,
    quality: str = NORMAL,
    allow_outside: bool = False,
) -> Prepared:
    """Read a scene file (or take a loaded scene), look its models up and compile it.

    overrides: `key.path=value` texts, as for `--set`; they apply to a file only.
    models: name of the models, instead of the scene's.
    out: the folder of the render, the default one when None: what was heard of the song is read from there.
    quality: draft, normal or high; see `vqanim.scene.quality`.
    allow_outside: files that the scene names may lie outside its folder.
    Raises SceneError with every mistake, and UsageError for overrides of a loaded scene.
    """
    folder: Path | None = None
    if isinstance(scene, Scene):
        if overrides:
            raise UsageError("overrides apply when a scene file is read; this scene is loaded already")
    else:
        folder = Path(out) if out is not None else default_folder(Path(scene).stem, quality)
        scene = load_scene(scene, overrides, folder, allow_outside=allow_outside)
    if models is not None:
        place = Place("--models", 0)
        chosen = Models(models, (PerceptorUse(models, place=place),), place)
        scene = replace(scene, models=chosen)
    generator, perceptors = find_models(scene)
    scene = at_quality(scene, quality, {entry.name: entry.cutouts for entry in perceptors})
    timeline = compile_timeline(scene, limits=limits_of(generator, perceptors))
    prepared = Prepared(scene, timeline, generator, perceptors, quality)
    return prepared if folder is None else with_known_response(prepared, folder)


def limits_of(generator: GeneratorEntry, perceptors: Sequence[PerceptorEntry]) -> Limits:
    """What models say about scenes that leave things open."""
    return Limits(
        multiple=generator.multiple,
        learning_rate=generator.learning_rate,
        smoothing=generator.smoothing,
        views={entry.name: ViewLimits(entry.cutouts, entry.cutout_noise) for entry in perceptors},
    )


def find_models(scene: Scene) -> tuple[GeneratorEntry, tuple[PerceptorEntry, ...]]:
    """Catalogue entries of a scene's generator and of the perceptors that count.

    Raises SceneError with every unknown name, those of perceptors that do not count included, and where a
    package or the card of a model is missing or damaged.
    """
    problems: dict[Place, Problem] = {}  # one name may stand for both

    def find(get: Callable[[str], Entry], name: str, place: Place) -> Entry | None:
        try:
            return get(name)
        except (UnknownModel, InputError) as error:
            about_file = isinstance(error, InputError)
            problems.setdefault(place, Problem(place, str(error), about_file))
            return None

    models = scene.models
    generator = find(get_generator_entry, models.generator, models.place)
    found = [(use, find(get_perceptor_entry, use.name, use.place)) for use in models.perceptors]
    if generator is None or problems:
        raise SceneError(problems.values())
    return generator, tuple(entry for use, entry in found if entry and use.weight > 0)


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
) -> Generator[Event | FetchEvent | FilmDone, None, None]:
    """Render a film and tell what happens, event by event; run again, it continues where it stopped.

    Models that are needed and not in the cache are fetched first, unless `VQANIM_OFFLINE` is set.

    out: the folder of the render, `renders/<stem>` when None. It receives `<stem>.mp4`, `<stem>.gif`,
    `poster.png`, `takes/`, `scene.resolved.yaml`, `run.json`, `live.html`, to watch it while it is painted,
    and `report.html`, to look back. Frames of an older scene that no longer
    hold are moved to `superseded/`.
    deterministic: use only operations that give the same bits each time; slower on a GPU.
    precision: of the networks' weights, `float32`, `bfloat16` or `auto`: bfloat16 where that is faster.
    quality: draft, normal or high, of a scene that is not prepared yet.
    part: make only this part of the film (see `find_part`), called `<stem>-part`, from the frames that it
    shows and those that they are painted from.
    edits: what to do with frames that somebody changed after they were painted: `refuse` (raise InputError),
    `accept` (keep them and paint on from them) or `repair` (paint them anew).
    live: also write `<stem>.live.mp4`, which grows while frames are painted and can be watched at any moment.

    Raises SceneError before anything is written; LockedError when another render holds the folder;
    InputError, DeviceError and OutputError. Closing the iterator stops the render in good order.
    """
    prepared = (
        scene if isinstance(scene, Prepared) else prepare(scene, overrides, models, out, quality=quality)
    )
    folder = Path(out) if out is not None else prepared.default_folder
    return _render(prepared, folder, device, deterministic, precision, edits, live, part)


def _render(
    prepared: Prepared,
    folder: Path,
    device: str,
    deterministic: bool,
    precision: Precision,
    edits: Edits,
    live: bool,
    part: Part | None,
) -> Generator[Event | FetchEvent | FilmDone, None, None]:
    # Torch comes in with the engine: a scene with mistakes is refused before that.
    began = monotonic()
    from vqanim.engine.events import RunStarted
    from vqanim.engine.learning import Learner
    from vqanim.engine.run import Run, paint_takes
    from vqanim.film import make_film
    from vqanim.film.live import live_path, remove_live
    from vqanim.pages.live import live_page
    from vqanim.pages.rendered import Rendered
    from vqanim.pages.report import PART_REPORT, REPORT
    from vqanim.pages.shown import show
    from vqanim.takes.digest import content_hashes
    from vqanim.takes.lock import lock_folder
    from vqanim.takes.run import read_run, write_run
    from vqanim.takes.store import TakeStore
    from vqanim.takes.superseded import write_keeping_old

    importing = monotonic() - began
    with lock_folder(folder) as lock:
        prepared = yield from fetch_models(prepared, unknown_only=True)
        prepared = yield from with_response(prepared, folder, device, deterministic)
        timeline = prepared.timeline
        store = TakeStore(folder, lock.check)
        files = (*picture_files(timeline), *song_files(prepared.scene))
        hashes = content_hashes(files)
        shown = timeline if part is None else cut_part(timeline, part)
        only = None if part is None else needed_frames(shown)
        stem = prepared.stem if part is None else f"{prepared.stem}-part"
        run = Run(store, run_key(prepared), hashes, device, deterministic, only, edits, precision)
        growing = live_path(folder, stem)
        film = show(prepared.scene, timeline, part)

        with (
            closing(Learner(timeline, cache_folder(), importing=importing)) as learner,
            live_page(folder, film, store, stem, lock.check) as watched,
        ):
            painting = paint_takes(timeline, run)
            for event in show_live(painting, shown, store.find, growing) if live else painting:
                learner.hear(event)
                watched.hear(event)
                if isinstance(event, RunStarted):
                    attic = Path(event.superseded_to) if event.superseded_to else None
                    resolved = dump_scene(prepared.scene, keep_assets(hashes, folder))
                    write_keeping_old(folder / "scene.resolved.yaml", resolved, attic, lock.check)
                    settings = describe_run(prepared, event)
                    changed = changed_settings(read_run(folder), settings, event.kept)
                    write_run(folder, settings, attic, lock.check)
                    yield event
                    yield from changed
                    if event.kept < event.frames:
                        yield from fetch_models(prepared)  # the engine loads them when it goes on
                else:
                    yield event
                yield from page_failures(watched)
            making, complete, written = monotonic(), part is None, False
            for made in make_film(shown, store.find, folder, stem, part_presets(part), guard=lock.check):
                complete &= made.written
                written |= made.written
                yield made
            if complete:
                learner.films(monotonic() - making)
            page = folder / (REPORT if part is None else PART_REPORT)
            if written or not page.exists():
                rendered = Rendered(folder, stem, film, model_lines(prepared))
                yield write_report(rendered, page, watched.warnings, lock.check)
        remove_live(growing)


def page_failures(page: LivePage) -> list[PageFailed]:
    """What is to be told when the page that is watched cannot be written; once."""
    from vqanim.engine.events import PageFailed
    from vqanim.pages.live import PAGE

    return [PageFailed(PAGE, reason) for reason in page.faults()]


def write_report(
    rendered: Rendered, path: Path, warnings: Sequence[str], guard: Guard
) -> PageWritten | PageFailed:
    """Write what is looked back upon after a render; no fault of that is one of the render."""
    from vqanim.engine.events import PageFailed, PageWritten
    from vqanim.pages import report

    try:
        report.write_report(rendered, path, warnings, guard)
    except VqanimError as error:
        return PageFailed(path.name, str(error))
    return PageWritten(str(path))


def report(source: str | Path, out: str | Path | None = None, *, force: bool = False) -> Path:
    """Write the report of a render again, or for the first time, without torch and without painting.

    source: the folder of a render, or the scene, whose render lies in `renders/<stem>`.
    out: the page; `report.html` in the folder when None. force: another file in its place is overwritten.
    Raises UsageError, InputError when there is no render, SceneError and OutputError.
    """
    from vqanim.pages.live import read_warnings
    from vqanim.pages.report import REPORT
    from vqanim.pages.report import write_report as write

    rendered = find_rendered(source)
    path = rendered.folder / REPORT if out is None else Path(out)
    warnings = dict.fromkeys((*rendered.shown.timeline.warnings, *read_warnings(rendered.folder)))
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
    from vqanim.pages.compare import compare_renders
    from vqanim.pages.compare_page import comparison_page
    from vqanim.pages.kit import write_page

    path = Path(out)
    if path.is_dir() or (path.exists() and not force):
        raise UsageError(f"{path}: there already; give another --out, or --force to overwrite")
    found = compare_renders(find_rendered(one), find_rendered(other), (str(one), str(other)))
    text = comparison_page(found)
    make_folder(path.parent)
    write_page(path, text)
    return found


def find_rendered(source: str | Path) -> Rendered:
    """A render as its folder tells, whatever has become of its scene since.

    source: as for `report`. Raises InputError and SceneError.
    """
    from vqanim.pages.rendered import Rendered
    from vqanim.pages.shown import show

    path = Path(source)
    folder = path if path.is_dir() else default_folder(path.stem)
    if not path.exists():
        raise InputError(f"{path}: there is no such folder and no such scene")
    if not (folder / "scene.resolved.yaml").is_file():
        of = "is no render's folder" if path.is_dir() else f"holds no render of {path}; render it first"
        raise InputError(f"{folder}: {of} (there is no scene.resolved.yaml in it)")
    prepared, folder, stem = find_render(folder, ())
    return Rendered(folder, stem, show(prepared.scene, prepared.timeline), model_lines(prepared))


def model_lines(prepared: Prepared) -> tuple[ModelLine, ...]:
    """What is told about the models of a film."""
    from vqanim.preview.outline import model_line

    perceptors = zip(prepared.perceptors, prepared.timeline.perceptors, strict=True)
    lines = (model_line(entry, plan.share) for entry, plan in perceptors)
    return (model_line(prepared.generator, None), *lines)


def changed_settings(
    before: Mapping[str, Any] | None, now: Mapping[str, Any], kept: int
) -> list[SettingsChanged]:
    """What is to be told about settings that the last run in a folder had otherwise: one event, or none.

    kept: how many of its frames are kept.
    """
    from vqanim.engine.events import SettingsChanged
    from vqanim.takes.run import changes

    found = changes(before, now)
    harmless = tuple(one.texts for one in found if not one.repaints and kept)
    repainting = tuple(one.texts for one in found if one.repaints)
    return [SettingsChanged(harmless, repainting)] if harmless or repainting else []


def part_presets(part: Part | None) -> tuple[str, ...]:
    """What a part of a film is made into: all that a render makes but the poster, which is the film's."""
    return () if part is None else ("web", "gif")


def show_live(events: Iterable[Event], timeline: Timeline, find: Find, path: Path) -> Iterator[Event]:
    """The events of a walk; meanwhile the film grows at `path`. Where it cannot, the walk goes on without."""
    from vqanim.engine.events import FrameDone, LiveFailed, RunStarted, TakesDone
    from vqanim.film.live import LiveError, live_film
    from vqanim.timeline import FrameRef

    walk = iter(events)
    try:
        with live_film(timeline, find, path) as film:
            last: FrameRef | None = None
            for event in walk:
                yield event
                if isinstance(event, RunStarted | TakesDone):
                    film.look()
                elif isinstance(event, FrameDone):  # when the next one is done, it is on the disk
                    if last is not None:
                        film.add(last)
                    last = FrameRef(event.shot, event.index)
    except LiveError as error:
        yield LiveFailed(str(error))
        yield from walk


def with_response(
    prepared: Prepared, folder: Path, device: str = "auto", deterministic: bool = False
) -> Generator[Event | FetchEvent, None, Prepared]:
    """The scene with the lead that was measured for it, now or in an earlier run in the same folder.

    Raises DeviceError, InputError and OutputError.
    """
    prepared = with_known_response(prepared, folder)
    if not response.waits(prepared.scene):
        return prepared
    prepared = yield from fetch_models(prepared)
    trial = _trial_of(prepared)
    frames = yield from response.measure(trial, run_key(prepared), folder, device, deterministic)
    return _with_lead(prepared, frames)


def with_known_response(prepared: Prepared, folder: Path) -> Prepared:
    """The scene with the lead that an earlier run in a folder measured for it, if one did."""
    if not response.waits(prepared.scene):
        return prepared
    key = response.trial_key(_trial_of(prepared), run_key(prepared))
    frames = response.read_response(folder, key)
    return prepared if frames is None else _with_lead(prepared, frames)


def _trial_of(prepared: Prepared) -> Timeline:
    limits = limits_of(prepared.generator, prepared.perceptors)
    return compile_timeline(response.trial_scene(prepared.scene), limits=limits)


def _with_lead(prepared: Prepared, frames: int) -> Prepared:
    return _with_scene(prepared, response.with_lead(prepared.scene, frames))


def _with_scene(prepared: Prepared, scene: Scene) -> Prepared:
    """The same models and quality with a scene that differs in what does not concern them."""
    limits = limits_of(prepared.generator, prepared.perceptors)
    return replace(prepared, scene=scene, timeline=compile_timeline(scene, limits=limits))


def prepare_still(still: Still, name: str = "picture") -> Prepared:
    """Check the settings of a single picture and compile the film whose only frame it is.

    Raises UsageError, SceneError for unknown models, and InputError for missing or broken pictures.
    """
    return _prepare_made(still_scene(still, name))


def prepare_lapse(still: Still, name: str, frames: int, fps: int, pace: str) -> Prepared:
    """The same for the film of so many frames in which the picture comes into being."""
    return _prepare_made(lapse_scene(still, name, frames, fps, pace))


def _prepare_made(scene: Scene) -> Prepared:
    """Prepare a scene that nobody wrote, so that no mistake in it has a place."""
    try:
        return prepare(scene)
    except SceneError as error:
        raise UsageError("; ".join(problem.message for problem in error.problems)) from error


def paint(prepared: Prepared, seeds: Sequence[int], hear: Hear, device: str = "auto") -> None:
    """Paint the first frame of a film once for each seed, and tell `hear` what happens, event by event.

    Nothing is saved. What stops it, such as Ctrl-C, is raised again after the picture so far was told of.
    Raises InputError and DeviceError.
    """
    from vqanim.engine.still import paint_stills

    paint_stills(prepared.timeline, seeds, device, hear)


def lapse_recording(prepared: Prepared, folder: Path) -> Recording:
    """The recording in a folder of a film that is one timelapse. The hashes of its models are known.

    Raises InputError when a picture that it is made with cannot be read.
    """
    from vqanim.engine.survey import Chain
    from vqanim.takes.digest import content_hashes
    from vqanim.takes.recording import Recording

    timeline = prepared.timeline
    hashes = content_hashes(picture_files(timeline))
    digest = Chain(run_key(prepared), hashes).digest(timeline.shots[0].frames[0])
    assert digest is not None, "it begins from nothing that must be painted before"
    return Recording(folder, digest)


def record(
    prepared: Prepared, recording: Recording, device: str = "auto"
) -> Generator[LapseEvent, None, Lapse]:
    """Record the timelapse, or go on with it, and tell what happens; gives what its frames show.

    Closing the iterator at any moment leaves a recording that can be continued.
    Raises InputError, DeviceError and OutputError.
    """
    from vqanim.engine.still import record_lapse

    return record_lapse(prepared.timeline, recording, device)


def outline(prepared: Prepared, device: str | None = None, out: str | Path | None = None) -> Outline:
    """All that is known of a film before it is painted, without torch.

    device: whose times are meant; the one that painted last if None. out: the folder of the render, the
    default one when None: frames that are there already and hold need not be painted.
    """
    from vqanim.engine.speeds import read_speeds
    from vqanim.preview.outline import make_outline

    models = prepared.generator, prepared.perceptors
    found = look_for_frames(prepared, Path(out) if out is not None else prepared.default_folder)
    return make_outline(prepared.scene, prepared.timeline, models, read_speeds(cache_folder()), device, found)


def look_for_frames(prepared: Prepared, folder: Path) -> Survey | None:
    """What a render's folder holds of a film, as a render would find it; None where nothing is painted.

    Nothing is written, so a render may be at work there.
    """
    if not (folder / "takes").is_dir():
        return None
    from vqanim.engine.survey import Chain, survey
    from vqanim.takes.digest import content_hashes
    from vqanim.takes.store import Onlooker

    timeline = prepared.timeline
    chain = Chain(run_key(prepared), content_hashes(picture_files(timeline)))
    return survey(timeline, Onlooker(folder), chain)


def draw_plot(outline: Outline, path: Path) -> None:
    """Draw the curves of a film to a PNG or, if that is how the name ends, to a page (.html).

    Raises OutputError.
    """
    from vqanim.pages.plot import write_plot
    from vqanim.preview.chart import draw_chart

    make_folder(path.parent)
    (write_plot if path.suffix.lower() == ".html" else draw_chart)(outline, path)


def find_part(prepared: Prepared, frames: str | None = None, shot: str | None = None) -> Part | None:
    """The part of a film that somebody asks for, None for all of it: `A:B` in times of the film, those of its
    song included, or a shot.

    Raises UsageError.
    """
    return part_of(prepared.timeline, frames, shot, song_times(prepared.scene))


def preview(
    prepared: Prepared,
    out: str | Path | None = None,
    *,
    picture: str = "grid",
    part: Part | None = None,
    progress: Callable[[int, int], None] = lambda done, pictures: None,
) -> Generator[FilmDone, None, None]:
    """Make an MP4 and a GIF of what the camera and the edit do, without models and without torch.

    out: a folder for them, `renders/<stem>-preview` when None. picture: `grid`, `start`, `frame` or a path.
    progress: hears how many pictures are made, of how many.
    Raises UsageError, InputError, OutputError, and LockedError when another preview is made there.
    """
    from vqanim.preview.animatic import Wanted, make_preview

    folder = prepared.default_folder
    wanted = Wanted(
        folder.name,
        Path(out) if out is not None else folder.with_name(f"{folder.name}-preview"),
        folder,
        picture,
        part,
    )
    yield from make_preview(prepared.scene, prepared.timeline, wanted, progress)


def measure(prepared: Prepared, device: str = "auto") -> None:
    """Paint a few frames of a film to learn how long the others will take, for later outlines.

    The models must be here (see `fetch_models`). Raises DeviceError, InputError and OutputError.
    """
    began = monotonic()
    from vqanim.engine.measure import measure as measure_frames

    importing = monotonic() - began
    from vqanim.engine.speeds import learn
    from vqanim.film.measure import seconds_a_frame

    timeline = prepared.timeline
    samples = measure_frames(
        timeline,
        prepared.generator.multiple,
        device,
        importing,
        lambda picture: seconds_a_frame(timeline, picture),
    )
    learn(cache_folder(), samples)


def perceptors_hash(prepared: Prepared) -> str:
    """What the perceptors of a run and their shares add to the digest of its frames."""
    from vqanim.takes.digest import join_perceptors

    uses = zip(prepared.perceptors, prepared.timeline.perceptors, strict=True)
    return join_perceptors([(entry.hash, plan.share) for entry, plan in uses])


def fetch_models(prepared: Prepared, *, unknown_only: bool = False) -> Generator[FetchEvent, None, Prepared]:
    """Bring the models of a scene into the cache; gives the scene with the hashes of all weights known.

    unknown_only: only models whose hash is not known before they are here; the others may not be needed, for
    example when all frames exist. Raises InputError and OutputError.
    """
    generator, perceptors = prepared.generator, list(prepared.perceptors)
    if not (unknown_only and generator.is_known):
        generator = yield from fetch_model(generator)
    for index, perceptor in enumerate(perceptors):
        if not (unknown_only and perceptor.is_known):
            perceptors[index] = yield from fetch_model(perceptor)
    return replace(prepared, generator=generator, perceptors=tuple(perceptors))


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
    presets: names from `vqanim.film.presets.PRESETS`; none of them is what a render makes.
    out: a folder for the films; the render's own when None.
    crf: quality, where a preset knows the number. upscale: a factor. gif_full: the GIF in the film's size.

    Frames that are missing are left out, and CutFound, which comes first, says so.
    Raises SceneError; InputError when there are no takes; UsageError for wishes that a preset cannot
    fulfil; LockedError while a render holds the folder; OutputError.
    """
    from vqanim.film.presets import PRESETS, Wishes

    if unknown := [name for name in presets if name not in PRESETS]:
        raise UsageError(f"there is no preset {unknown[0]!r}, allowed are {', '.join(PRESETS)}")
    prepared, folder, stem = find_render(source, overrides, allow_outside=allow_outside)
    wishes = Wishes(crf, upscale, gif_full)
    return _encode(prepared, folder, stem, presets, wishes, None if out is None else Path(out))


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
    return prepared if rate is None else _with_scene(prepared, replace(prepared.scene, painted_rate=rate))


def other_rate(prepared: Prepared, folder: Path) -> Fraction | None:
    """The painted frames a second of the takes in a render's folder, where they are not those that a scene
    without a `guidance.rate` asks for; None also where no takes are known."""
    from vqanim.takes.run import painted_rate

    rate, scene = painted_rate(folder), prepared.scene
    known = rate is not None and scene.painted_rate is None and rate != scene.fps
    return rate if known and (folder / "takes").is_dir() else None


def _encode(
    prepared: Prepared,
    folder: Path,
    stem: str,
    presets: Sequence[str],
    wishes: Wishes,
    out: Path | None,
) -> Generator[CutFound | FilmDone, None, None]:
    from vqanim.engine.survey import Chain, survey
    from vqanim.film import make_film
    from vqanim.film.found import cut_to_found
    from vqanim.takes.digest import content_hashes
    from vqanim.takes.lock import lock_folder
    from vqanim.takes.store import TakeStore

    with lock_folder(folder) as lock:
        store = TakeStore(folder, lock.check)

        hashes = content_hashes(picture_files(prepared.timeline))
        stale = survey(prepared.timeline, store, Chain(run_key(prepared), hashes)).stale
        found = cut_to_found(prepared.timeline, store, frozenset(stale))
        yield found
        yield from make_film(
            found.timeline,
            store.find,
            out or folder,
            stem,
            presets,
            wishes,
            foreign=out is not None,
            guard=lock.check,
        )


def run_key(prepared: Prepared) -> RunKey:
    """What every frame of a run depends on."""
    from vqanim.takes.digest import RunKey

    timeline = prepared.timeline
    return RunKey(prepared.generator.hash, perceptors_hash(prepared), timeline.width, timeline.height)


def picture_files(timeline: Timeline) -> list[str]:
    """Paths of all pictures, shapes and fonts that frames are made with, each once."""
    starts = (frame.start for shot in timeline.shots for frame in shot.frames[:1])
    plans = (*starts, *timeline.pictures)
    return list(dict.fromkeys(plan.file for plan in plans if plan and plan.file))


def keep_assets(hashes: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Copy the files that a scene uses beside its resolved form, named by content.

    hashes: content hash by path. Gives the copy's path relative to `folder`, by path.
    """
    copies = {path: f"assets/{digest[:16]}{Path(path).suffix.lower()}" for path, digest in hashes.items()}
    for path, name in copies.items():
        if not (folder / name).exists():
            make_folder((folder / name).parent)
            write_atomic(folder / name, Path(path).read_bytes())
    return copies


def describe_run(prepared: Prepared, run: RunStarted) -> dict[str, Any]:
    """What run.json holds: the settings of a run, for people and tools."""
    from vqanim.engine.learning import device_label
    from vqanim.takes.digest import ENGINE_VERSION

    timeline = prepared.timeline
    return {
        "vqanim": __version__,
        "engine": ENGINE_VERSION,
        "torch": version("torch"),
        "scene": prepared.scene.file,
        "title": timeline.title,
        "models": {
            "generator": {"name": prepared.generator.name, "hash": prepared.generator.hash},
            "perceptors": [
                {"name": entry.name, "hash": entry.hash, "share": plan.share}
                for entry, plan in zip(prepared.perceptors, timeline.perceptors, strict=True)
            ],
        },
        "size": [timeline.width, timeline.height],
        "fps": str(timeline.fps),
        **({} if timeline.rate in (None, timeline.fps) else {"rate": str(timeline.rate)}),
        **({} if prepared.quality == NORMAL else {"quality": prepared.quality}),
        "seed": timeline.seed,
        "shots": {shot.name: len(shot.frames) for shot in timeline.shots},
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        + device_label(run.device, run.threads),
        "device": run.device,
        "threads": run.threads,
        "step": {"way": run.step, "reason": run.step_reason},
        "weights": run.weights,
        "deterministic": run.deterministic,
    }
