"""From a scene file to a film, in one call: the public functions, which the command line uses as well."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vqanim import __version__
from vqanim.errors import InputError, Problem, SceneError, UsageError
from vqanim.files import make_folder, write_atomic
from vqanim.models.catalogue import (
    GeneratorEntry,
    PerceptorEntry,
    UnknownModel,
    get_generator_entry,
    get_perceptor_entry,
)
from vqanim.scene import Scene, dump_scene, load_scene
from vqanim.scene.model import Models
from vqanim.timeline import Limits, Timeline, compile_timeline

if TYPE_CHECKING:
    from vqanim.engine.events import Event
    from vqanim.film import FilmDone
    from vqanim.film.found import CutFound
    from vqanim.film.presets import Wishes
    from vqanim.takes.digest import RunKey
    from vqanim.timeline import FrameRef


@dataclass(frozen=True)
class Prepared:
    """A scene that was read, checked and compiled. No model is loaded and nothing is written yet."""

    scene: Scene
    timeline: Timeline
    generator: GeneratorEntry
    perceptor: PerceptorEntry

    @property
    def stem(self) -> str:
        """Name of the film's files: the scene file's name without its ending."""
        return Path(self.scene.file).stem or "film"

    @property
    def default_folder(self) -> Path:
        """Where a render goes unless told otherwise: `renders/<stem>` in the current folder."""
        return Path("renders") / self.stem


def prepare(scene: str | Path | Scene, overrides: Sequence[str] = (), models: str | None = None) -> Prepared:
    """Read a scene file (or take a loaded scene), look its models up and compile it.

    overrides: `key.path=value` texts, as for `--set`; they apply to a file only.
    models: name of the models, instead of the scene's.
    Raises SceneError with every mistake, and UsageError for overrides of a loaded scene.
    """
    if isinstance(scene, Scene):
        if overrides:
            raise UsageError("overrides apply when a scene file is read; this scene is loaded already")
    else:
        scene = load_scene(scene, overrides)
    if models is not None:
        scene = replace(scene, models=Models(generator=models, perceptor=models, place=scene.models.place))
    generator, perceptor = find_models(scene)
    limits = Limits(
        multiple=generator.multiple,
        learning_rate=generator.learning_rate,
        smoothing=generator.smoothing,
        cutouts=perceptor.cutouts,
        cutout_noise=perceptor.cutout_noise,
    )
    return Prepared(scene, compile_timeline(scene, limits=limits), generator, perceptor)


def find_models(scene: Scene) -> tuple[GeneratorEntry, PerceptorEntry]:
    """Catalogue entries of a scene's generator and perceptor. Raises SceneError for unknown names."""
    try:
        return get_generator_entry(scene.models.generator), get_perceptor_entry(scene.models.perceptor)
    except UnknownModel as error:
        raise SceneError([Problem(scene.models.place, str(error))]) from error


def render(
    scene: str | Path | Scene | Prepared,
    out: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    models: str | None = None,
    device: str = "auto",
) -> Generator[Event | FilmDone, None, None]:
    """Render a film and tell what happens, event by event; run again, it continues where it stopped.

    out: the folder of the render, `renders/<stem>` when None. It receives `<stem>.mp4`, `<stem>.gif`,
    `poster.png`, `takes/`, `scene.resolved.yaml` and `run.json`. Frames of an older scene that no longer
    hold are moved to `superseded/`.

    Raises SceneError before anything is written; LockedError when another render holds the folder;
    InputError, DeviceError and OutputError. Closing the iterator stops the render in good order.
    """
    prepared = scene if isinstance(scene, Prepared) else prepare(scene, overrides, models)
    folder = Path(out) if out is not None else prepared.default_folder
    return _render(prepared, folder, device)


def _render(prepared: Prepared, folder: Path, device: str) -> Generator[Event | FilmDone, None, None]:
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
        store = TakeStore(folder)
        hashes = {path: content_hash(Path(path)) for path in start_images(timeline)}
        for event in paint_takes(timeline, Run(store, run_key(prepared), hashes, device)):
            if isinstance(event, RunStarted):
                attic = Path(event.superseded_to) if event.superseded_to else None
                resolved = dump_scene(prepared.scene, keep_assets(hashes, folder))
                write_keeping_old(folder / "scene.resolved.yaml", resolved, attic)
                write_run(folder, describe_run(prepared, event.device, event.threads), attic)
            yield event
        yield from make_film(
            timeline, lambda frame: store.frame_path(frame.shot, frame.index), folder, prepared.stem
        )


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

        hashes = {path: content_hash(Path(path)) for path in start_images(prepared.timeline)}
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
    return RunKey(prepared.generator.hash, prepared.perceptor.hash, timeline.width, timeline.height)


def start_images(timeline: Timeline) -> list[str]:
    """Paths of all start images, each once."""
    starts = (frame.start for shot in timeline.shots for frame in shot.frames[:1])
    return list(dict.fromkeys(start.image for start in starts if start and start.image))


def keep_assets(hashes: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Copy the pictures that a scene uses beside its resolved form, named by content.

    hashes: content hash by path. Gives the copy's path relative to `folder`, by path.
    """
    copies = {path: f"assets/{digest[:16]}{Path(path).suffix.lower()}" for path, digest in hashes.items()}
    for path, name in copies.items():
        if not (folder / name).exists():
            make_folder((folder / name).parent)
            write_atomic(folder / name, Path(path).read_bytes())
    return copies


def describe_run(prepared: Prepared, device: str, threads: int) -> dict[str, Any]:
    """What run.json holds: the settings of a run, for people and tools."""
    timeline = prepared.timeline
    return {
        "vqanim": __version__,
        "torch": version("torch"),
        "scene": prepared.scene.file,
        "title": timeline.title,
        "models": {
            "generator": {"name": prepared.generator.name, "hash": prepared.generator.hash},
            "perceptor": {"name": prepared.perceptor.name, "hash": prepared.perceptor.hash},
        },
        "size": [timeline.width, timeline.height],
        "fps": str(timeline.fps),
        **({} if timeline.rate in (None, timeline.fps) else {"rate": str(timeline.rate)}),
        "seed": timeline.seed,
        "shots": {shot.name: len(shot.frames) for shot in timeline.shots},
        "device": device,
        "threads": threads,
    }
