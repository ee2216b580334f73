"""Scenes as files, with their songs and models: read, checked and compiled."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vqanim.api import response
from vqanim.collection import collection_paused
from vqanim.errors import InputError, Place, Problem, SceneError, UsageError
from vqanim.files import exists, read_text
from vqanim.leftovers import sweep_beside
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.entries import GeneratorEntry, ModelEntry, PerceptorEntry, UnknownModel
from vqanim.models.families import FAMILIES
from vqanim.models.fetch import FetchEvent, fetch_model
from vqanim.scene import Scene
from vqanim.scene import load_scene as read_scene
from vqanim.scene.fields.models import models_called
from vqanim.scene.quality import NORMAL, at_quality
from vqanim.scene.sound import Sound
from vqanim.scene.soundtrack import Heard
from vqanim.scene.still import Still, lapse_scene, still_scene
from vqanim.scene.tree import Mapping, Scalar, parse_tree
from vqanim.scene.tree import Sequence as ListNode
from vqanim.takes.digest import RunKey, content_hashes, join_perceptors
from vqanim.timeline import Limits, Timeline, ViewLimits, compile_timeline

if TYPE_CHECKING:
    from vqanim.engine.cache_check import Chain


Entry = TypeVar("Entry", bound=ModelEntry)


@dataclass(frozen=True)
class Prepared:
    """A scene that was read, checked and compiled. No model is loaded and nothing is written yet."""

    scene: Scene
    timeline: Timeline
    generator: GeneratorEntry
    perceptors: tuple[PerceptorEntry, ...]  # in the order of the timeline's
    quality: str = NORMAL

    @property
    def stem(self) -> str:
        """Name of the film's files: the scene file's name without its ending."""
        return Path(self.scene.file).stem or "film"

    @property
    def default_folder(self) -> Path:
        """Where a render goes by default: `renders/<stem>` in the current folder; of a draft,
        `renders/<stem>-draft`, so that it takes no frame's place."""
        return default_folder(self.stem, self.quality)


def default_folder(stem: str, quality: str = NORMAL) -> Path:
    """Where a render of a scene with this name goes by default."""
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
    if not isinstance(scene, Scene):
        folder = Path(out) if out is not None else default_folder(Path(scene).stem, quality)
        with collection_paused():
            scene = load_scene(scene, overrides, folder, allow_outside=allow_outside)
    elif overrides:
        raise UsageError("overrides apply when a scene file is read; this scene is loaded already")
    if models is not None:
        scene = replace(scene, models=models_called(models, Place("--models", 0)))
    generator, perceptors = find_models(scene)
    scene = at_quality(scene, quality, {entry.name: entry.cutouts for entry in perceptors})
    with collection_paused():
        prepared = compiled(scene, generator, perceptors, quality)
    return prepared if folder is None else with_known_response(prepared, folder)


def compiled(
    scene: Scene, generator: GeneratorEntry, perceptors: Sequence[PerceptorEntry], quality: str = NORMAL
) -> Prepared:
    """A scene that was read, compiled for its models, which decide what it leaves open."""
    views = {entry.name: ViewLimits(entry.cutouts, entry.cutout_noise) for entry in perceptors}
    family = FAMILIES[generator.family]
    limits = Limits(
        generator.multiple,
        generator.learning_rate,
        generator.smoothing,
        generator.noise,
        generator.match_detail,
        family.keeps_params,
        family.grid,
        views,
    )
    timeline = compile_timeline(scene, limits=limits)
    return Prepared(scene, timeline, generator, tuple(perceptors), quality)


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


def with_known_response(prepared: Prepared, folder: Path) -> Prepared:
    """The scene with the lead that an earlier run in a folder measured for it, if one did."""
    if not response.waits(prepared.scene):
        return prepared
    key = response.trial_key(trial_of(prepared), run_key(prepared))
    frames = response.read_response(folder, key)
    return prepared if frames is None else with_scene(prepared, response.with_lead(prepared.scene, frames))


def trial_of(prepared: Prepared) -> Timeline:
    """The short film that shows how soon a change of prompts is seen with a scene's models and settings."""
    return with_scene(prepared, response.trial_scene(prepared.scene)).timeline


def with_scene(prepared: Prepared, scene: Scene) -> Prepared:
    """The same models and quality with a scene that differs in what does not concern them."""
    return compiled(scene, prepared.generator, prepared.perceptors, prepared.quality)


def prepare_still(still: Still, name: str = "picture") -> Prepared:
    """Check the settings of a single picture and compile the film whose only frame it is.

    Raises UsageError, SceneError for unknown models, and InputError for missing or broken pictures.
    """
    return _prepare_unwritten(still_scene(still, name))


def prepare_lapse(still: Still, name: str, frames: int, fps: int, pace: str) -> Prepared:
    """The same for the film of so many frames in which the picture comes into being."""
    return _prepare_unwritten(lapse_scene(still, name, frames, fps, pace))


def _prepare_unwritten(scene: Scene) -> Prepared:
    try:
        return prepare(scene)
    except SceneError as error:  # nobody wrote it, so that no mistake in it has a place
        raise UsageError("; ".join(problem.message for problem in error.problems)) from error


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


def run_key(prepared: Prepared) -> RunKey:
    """What every frame of a run depends on."""
    timeline = prepared.timeline
    generator = prepared.generator.hash
    if timeline.generator_settings:
        generator += f" {timeline.generator_settings!r}"
    uses = zip(prepared.perceptors, timeline.perceptors, strict=True)
    perceptors = join_perceptors([(entry.hash, plan.share) for entry, plan in uses])
    return RunKey(generator, perceptors, timeline.width, timeline.height)


def chain_of(prepared: Prepared) -> Chain:
    """Digests of frames as a render has them. Raises InputError for pictures that cannot be read."""
    from vqanim.engine.cache_check import Chain

    return Chain(run_key(prepared), content_hashes(picture_files(prepared.timeline)))


def picture_files(timeline: Timeline) -> list[str]:
    """Paths of all pictures, shapes and fonts that frames are made with, each once."""
    starts = (frame.start for shot in timeline.shots for frame in shot.frames[:1])
    plans = (*starts, *timeline.pictures)
    return list(dict.fromkeys(plan.file for plan in plans if plan and plan.file))


def load_scene(
    path: str | Path,
    overrides: Sequence[str] = (),
    folder: Path | None = None,
    *,
    allow_outside: bool = False,
) -> Scene:
    """The scene in a file, with values such as `guidance.steps=3` put in place of those in it.

    Its song is listened to where the scene asks for what only listening finds.
    folder: that of an earlier render, whose beats are kept where the song is the same.
    allow_outside: files that it names may lie outside its folder.
    Raises SceneError with every mistake.
    """
    # Only a scene with a song needs what can listen.
    from vqanim.audio.analysis import SceneSongs

    songs = SceneSongs({} if folder is None else remembered_beats(folder / "scene.resolved.yaml"))
    scene = read_scene(path, overrides, songs, allow_outside=allow_outside)
    track = scene.soundtrack
    if track is None:
        return scene
    try:
        signals = songs.signals(scene)
    except InputError as error:
        raise SceneError([Problem(track.place, str(error), about_file=True)]) from error
    return replace(scene, sound=Sound(track.clock(), signals))


def song_files(scene: Scene) -> tuple[str, ...]:
    """Paths of the song and its stems."""
    track = scene.soundtrack
    return () if track is None else (track.file, *(stem.file for stem in scene.stems))


def remembered_beats(resolved: Path) -> dict[tuple[str, int], Heard]:
    """The beats in the resolved scene of an earlier render, by the start of its song's hash and the meter.

    Empty where there is none, or nothing was listened to.
    """
    try:
        root = parse_tree(read_text(resolved), str(resolved))
        track = root.get("soundtrack") if isinstance(root, Mapping) else None
        found = track if isinstance(track, Mapping) else Mapping("", 0, [])
        match [found.get(key) for key in ("bpm", "file", "beats", "first_beat", "meter")]:
            case [Scalar(text="auto"), Scalar(text=file), ListNode(items=beats), Scalar(text=first), meter]:
                seconds = [float(beat.text.removesuffix("s")) for beat in beats if isinstance(beat, Scalar)]
                beats_in_bar = int(meter.text) if isinstance(meter, Scalar) else 4
                heard = Heard(tuple(seconds), float(first.removesuffix("s")))
                return {(Path(file).stem, beats_in_bar): heard}
    except (OSError, ValueError, SceneError):
        pass
    return {}


def check_free(paths: Sequence[Path], force: bool) -> None:
    """Raise UsageError where files already exist and `force` does not say that they are overwritten."""
    for path in paths:
        sweep_beside(path)
    there = [path for path in paths if exists(path)]
    if there and not force:
        exist = f"{', '.join(map(str, there[:3]))} {'exists' if len(there) == 1 else 'exist'}"
        raise UsageError(f"{exist} already; choose another name, or --force to overwrite")
    if folders := [path for path in there if path.is_dir()]:
        raise UsageError(f"{folders[0]} is a folder; choose another name")
    if others := [path for path in there if not path.is_file()]:
        raise UsageError(f"{others[0]} is no file; choose another name")
