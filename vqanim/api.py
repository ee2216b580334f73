"""From a scene file to a film, in one call: the public functions, which the command line uses as well."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vqanim import __version__, response
from vqanim.errors import InputError, Place, Problem, SceneError, UsageError
from vqanim.files import make_folder, write_atomic
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
from vqanim.scene.model import Models, PerceptorUse
from vqanim.scene.still import Still, still_scene
from vqanim.songs import load_scene, song_files
from vqanim.timeline import Limits, Timeline, ViewLimits, compile_timeline

if TYPE_CHECKING:
    from vqanim.engine.events import Event, RunStarted
    from vqanim.engine.still import Hear
    from vqanim.film import FilmDone
    from vqanim.film.found import CutFound
    from vqanim.film.presets import Wishes
    from vqanim.takes.digest import RunKey
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

    @property
    def stem(self) -> str:
        """Name of the film's files: the scene file's name without its ending."""
        return Path(self.scene.file).stem or "film"

    @property
    def default_folder(self) -> Path:
        """Where a render goes unless told otherwise: `renders/<stem>` in the current folder."""
        return Path("renders") / self.stem


def prepare(
    scene: str | Path | Scene,
    overrides: Sequence[str] = (),
    models: str | None = None,
    out: str | Path | None = None,
) -> Prepared:
    """Read a scene file (or take a loaded scene), look its models up and compile it.

    overrides: `key.path=value` texts, as for `--set`; they apply to a file only.
    models: name of the models, instead of the scene's.
    out: the folder of the render, `renders/<stem>` when None: what was heard of the song is read from there.
    Raises SceneError with every mistake, and UsageError for overrides of a loaded scene.
    """
    if isinstance(scene, Scene):
        if overrides:
            raise UsageError("overrides apply when a scene file is read; this scene is loaded already")
    else:
        folder = Path(out) if out is not None else Path("renders") / Path(scene).stem
        scene = load_scene(scene, overrides, folder)
    if models is not None:
        place = Place("--models", 0)
        chosen = Models(models, (PerceptorUse(models, place=place),), place)
        scene = replace(scene, models=chosen)
    generator, perceptors = find_models(scene)
    limits = limits_of(generator, perceptors)
    return Prepared(scene, compile_timeline(scene, limits=limits), generator, perceptors)


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
) -> Generator[Event | FetchEvent | FilmDone, None, None]:
    """Render a film and tell what happens, event by event; run again, it continues where it stopped.

    Models that are needed and not in the cache are fetched first, unless `VQANIM_OFFLINE` is set.

    out: the folder of the render, `renders/<stem>` when None. It receives `<stem>.mp4`, `<stem>.gif`,
    `poster.png`, `takes/`, `scene.resolved.yaml` and `run.json`. Frames of an older scene that no longer
    hold are moved to `superseded/`.
    deterministic: use only operations that give the same bits each time; slower on a GPU.

    Raises SceneError before anything is written; LockedError when another render holds the folder;
    InputError, DeviceError and OutputError. Closing the iterator stops the render in good order.
    """
    prepared = scene if isinstance(scene, Prepared) else prepare(scene, overrides, models, out)
    folder = Path(out) if out is not None else prepared.default_folder
    return _render(prepared, folder, device, deterministic)


def _render(
    prepared: Prepared, folder: Path, device: str, deterministic: bool
) -> Generator[Event | FetchEvent | FilmDone, None, None]:
    # Torch comes in with the engine: a scene with mistakes is refused before that.
    from vqanim.engine.events import RunStarted
    from vqanim.engine.run import Run, paint_takes
    from vqanim.film import make_film
    from vqanim.takes.digest import content_hash
    from vqanim.takes.lock import lock_folder
    from vqanim.takes.run import write_run
    from vqanim.takes.store import TakeStore
    from vqanim.takes.superseded import write_keeping_old

    timeline = prepared.timeline
    with lock_folder(folder):
        prepared = yield from fetch_models(prepared, unknown_only=True)
        prepared = yield from with_response(prepared, folder, device, deterministic)
        timeline = prepared.timeline
        store = TakeStore(folder)
        hashes = {path: content_hash(Path(path)) for path in picture_files(timeline)}
        for event in paint_takes(timeline, Run(store, run_key(prepared), hashes, device, deterministic)):
            if isinstance(event, RunStarted):
                attic = Path(event.superseded_to) if event.superseded_to else None
                sounds = {path: content_hash(Path(path)) for path in song_files(prepared.scene)}
                resolved = dump_scene(prepared.scene, keep_assets(hashes | sounds, folder))
                write_keeping_old(folder / "scene.resolved.yaml", resolved, attic)
                write_run(folder, describe_run(prepared, event), attic)
            yield event
            if isinstance(event, RunStarted) and event.kept < event.frames:
                yield from fetch_models(prepared)  # the engine loads them when it goes on
        yield from make_film(
            timeline, lambda frame: store.frame_path(frame.shot, frame.index), folder, prepared.stem
        )


def with_response(
    prepared: Prepared, folder: Path, device: str = "auto", deterministic: bool = False
) -> Generator[Event | FetchEvent, None, Prepared]:
    """The scene with the lead that was measured for it, now or in an earlier run in the same folder.

    Raises DeviceError, InputError and OutputError.
    """
    if not response.waits(prepared.scene):
        return prepared
    limits = limits_of(prepared.generator, prepared.perceptors)
    trial = compile_timeline(response.trial_scene(prepared.scene), limits=limits)
    frames = response.read_response(folder, response.trial_key(trial, run_key(prepared)))
    if frames is None:
        prepared = yield from fetch_models(prepared)
        frames = yield from response.measure(trial, run_key(prepared), folder, device, deterministic)
    scene = response.with_lead(prepared.scene, frames)
    return replace(prepared, scene=scene, timeline=compile_timeline(scene, limits=limits))


def prepare_still(still: Still, name: str = "picture") -> Prepared:
    """Check the settings of a single picture and compile the film whose only frame it is.

    Raises UsageError, SceneError for unknown models, and InputError for missing or broken pictures.
    """
    try:
        return prepare(still_scene(still, name))
    except SceneError as error:
        raise UsageError("; ".join(problem.message for problem in error.problems)) from error


def paint(prepared: Prepared, seeds: Sequence[int], hear: Hear, device: str = "auto") -> None:
    """Paint the first frame of a film once for each seed, and tell `hear` what happens, event by event.

    Nothing is saved. What stops it, such as Ctrl-C, is raised again after the picture so far was told of.
    Raises InputError and DeviceError.
    """
    from vqanim.engine.still import paint_stills

    paint_stills(prepared.timeline, seeds, device, hear)


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
    prepared, folder, stem = find_render(source, overrides)
    wishes = Wishes(crf, upscale, gif_full)
    return _encode(prepared, folder, stem, presets, wishes, None if out is None else Path(out))


def find_render(source: str | Path | Prepared, overrides: Sequence[str]) -> tuple[Prepared, Path, str]:
    """A render's scene, its folder and the name of its films, from the folder or the scene file.

    Raises InputError when there is no render.
    """
    from vqanim.takes.run import read_run

    if isinstance(source, Prepared) or not Path(source).is_dir():
        prepared = source if isinstance(source, Prepared) else prepare(source, overrides)
        folder = prepared.default_folder
        if not (folder / "takes").is_dir():
            raise InputError(f"{folder}: there are no takes of {prepared.scene.file}; render it first")
        return prepared, folder, prepared.stem
    folder = Path(source)
    resolved = folder / "scene.resolved.yaml"
    if not resolved.is_file():
        raise InputError(f"{folder}: there is no scene.resolved.yaml in it, so it is no render's folder")
    written = (read_run(folder) or {}).get("scene")
    stem = Path(written).stem if isinstance(written, str) else ""
    return prepare(resolved, overrides), folder, stem or folder.resolve().name or "film"


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
    from vqanim.takes.digest import content_hash
    from vqanim.takes.lock import lock_folder
    from vqanim.takes.store import TakeStore

    with lock_folder(folder):
        store = TakeStore(folder)

        def find(frame: FrameRef) -> Path:
            return store.frame_path(frame.shot, frame.index)

        hashes = {path: content_hash(Path(path)) for path in picture_files(prepared.timeline)}
        stale = survey(prepared.timeline, store, Chain(run_key(prepared), hashes)).stale
        found = cut_to_found(prepared.timeline, store, frozenset(stale))
        yield found
        yield from make_film(
            found.timeline, find, out or folder, stem, presets, wishes, foreign=out is not None
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
    timeline = prepared.timeline
    return {
        "vqanim": __version__,
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
        "seed": timeline.seed,
        "shots": {shot.name: len(shot.frames) for shot in timeline.shots},
        "device": run.device,
        "threads": run.threads,
        "step": {"way": run.step, "reason": run.step_reason},
        "weights": run.weights,
        "deterministic": run.deterministic,
    }
