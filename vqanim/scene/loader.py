"""From a scene file to a `Scene`, or to all its mistakes at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.errors import Place, Problem, SceneError
from vqanim.files import no_file, open_file
from vqanim.scene import tree
from vqanim.scene.change import dial_at
from vqanim.scene.curves import Curve
from vqanim.scene.durations import find_durations
from vqanim.scene.fields.base import keys_of, options_of
from vqanim.scene.fields.context import Reader, Refused
from vqanim.scene.fields.prompts import (
    DEFAULT_CROSSFADE,
    NO_PICTURES,
    NOT_IN_STYLE,
    check_text,
    longest_crossfade,
    only_avoided,
    story_weights,
)
from vqanim.scene.fields.sections import merge_entries
from vqanim.scene.fields.start import AREA
from vqanim.scene.fields.times import warn_of_late
from vqanim.scene.limits import MAX_SHOTS
from vqanim.scene.model import Guidance, Prompt, Scene, Shot, StayNear
from vqanim.scene.overrides import apply_overrides
from vqanim.scene.schema import PLAYING, homes
from vqanim.scene.song import KEYS, read_song
from vqanim.scene.soundtrack import Ear
from vqanim.scene.times import Time, TimeBase, exact
from vqanim.scene.tree import Mapping, Node, Scalar, is_given, place_of

MAIN = "main"  # the only shot of a scene without shots
DARK = 26  # of 255: below this a picture that is a mask is dark

_INHERITED = tuple(key for key, (_, option) in options_of(Shot).items() if option.inherited)
_TIMED = ("effects", "hits")
"""Keys of Scene that hold moments, which can be read once the film's duration is known."""
_RATE = "guidance.rate"
_OWN = tuple(key for key in options_of(Shot) if key not in (*_INHERITED, *Shot.extra_keys))
"""Keys of Shot that each shot says for itself."""


def load_scene(
    path: str | Path, overrides: Sequence[str] = (), ear: Ear | None = None, *, allow_outside: bool = False
) -> Scene:
    """The scene in a file, with values such as `guidance.steps=3` put in place of those in it.

    ear: who listens to a song whose length or beats the scene asks for.
    allow_outside: files that it names may lie outside its folder. Raises SceneError with every mistake.
    """
    return load_scene_text(
        _read_file(Path(path)), str(path), Path(path).parent, overrides, ear, allow_outside=allow_outside
    )


def load_scene_text(
    text: str,
    file: str = "scene.yaml",
    folder: Path = Path(),
    overrides: Sequence[str] = (),
    ear: Ear | None = None,
    *,
    allow_outside: bool = False,
) -> Scene:
    """The scene in a text. `file` is its name in messages; pictures are looked for in `folder`.

    Raises SceneError with every mistake.
    """
    root = tree.parse_tree(text, file)
    if not isinstance(root, Mapping):
        message = f"found {tree.shown(root)}, allowed a mapping of keys such as `duration: 6s`"
        raise SceneError([Problem(Place(file, root.line), message)])
    reader = Reader(file, folder, homes(), allow_outside)
    for problem in apply_overrides(root, overrides):
        reader.refuse(problem, problem.message)
    tree.annotate(root)
    for scalar in tree.noted(root):
        reader.warn(scalar.place, scalar.note)
    scene = _read_scene(root, text, reader, ear)
    if reader.problems:
        raise SceneError(reader.problems)
    return replace(scene, warnings=reader.warnings)


def _read_file(path: Path) -> str:

    def refuse(line: int, message: str) -> SceneError:
        return SceneError([Problem(Place(str(path), line), message, about_file=line == 0)])

    try:
        if wrong := no_file(path, "no such file"):
            raise refuse(0, wrong + (_similar(path) if wrong == "no such file" else ""))
        with open_file(path) as file:
            data = file.read(tree.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise refuse(0, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > tree.MAX_BYTES:
        raise refuse(1, f"the file is larger than {tree.MAX_BYTES // 1000} kB, which no scene needs")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"found the byte 0x{data[error.start]:02x}"
        raise refuse(line, f"{found}, allowed is text in UTF-8") from None


def _similar(path: Path) -> str:
    """A hint at a file in the same folder whose name is nearly the same."""
    if not path.parent.is_dir():
        return ""
    names = [other.name for other in path.parent.iterdir() if other.suffix in (".yaml", ".yml")]
    near = difflib.get_close_matches(path.name, names, n=1)
    return f", did you mean {path.parent / near[0]}?" if near else ""


def _read_scene(root: Mapping, text: str, reader: Reader, ear: Ear | None) -> Scene:
    _move_border(root, reader)
    own = [] if is_given("shots", root) else PLAYING
    reader.check_keys(root, dict.fromkeys([*keys_of(Scene), *_INHERITED, *own]), Scene.later)
    options = options_of(Scene)
    values: dict[str, Any] = {}
    song = read_song(root, reader, ear)
    for key in ("fps", *(key for key in options if key not in ("fps", "shots", _RATE, *_TIMED, *KEYS))):
        name, option = options[key]
        values[name] = reader.field(key, option, root)
    values |= song
    reader.fps = values["fps"]
    del values["vqanim"]
    values[options[_RATE][0]] = _take_rate(root, reader)
    nodes = _shot_nodes(root, reader)
    rate = values[options[_RATE][0]] or reader.fps
    durations = find_durations(root, nodes, values["duration"], rate, reader)
    starts: list[float | None] = [span.written for span in durations.spans] or [None] * len(nodes)
    reader.slack = float(Fraction(1, 2) / rate) + 1e-6
    reader.bases = {"film": durations.film, "shot": None}
    values |= {key: reader.field(key, options[key][1], root) for key in _TIMED}
    reader.bases = {"film": durations.painted, "shot": None}
    reader.spans = durations.spans
    whole = replace(_read_shot(root, reader), **_read_own(root, own, reader))
    times = zip(durations.written, durations.seconds, starts, strict=False)
    shots = tuple(
        _inner_shot(node, root, *of_shot, reader) for node, of_shot in zip(nodes, times, strict=False)
    )
    _check_names(shots, nodes, reader)
    _warn_of_late_markers(root, reader)
    shots = shots or (_without_lead(whole, root, reader),)
    _check_loops(values["loop"], shots, root, reader)
    _check_shots(shots, nodes or (root,), reader)
    values["title"] = values["title"] or Path(reader.file).stem
    values |= {"text": text, "loop_place": place_of("loop", root)}
    scene = Scene(file=reader.file, **values, shots=shots)
    for shot in scene.shots:
        if found := only_avoided(shot.prompts):
            reader.warn(shot.prompts[0].place, found)
    if not any(shot.prompts for shot in scene.shots):
        reader.warn(Place(reader.file, 0), "there are no prompts: pictures are only moved, not painted")
    return scene


def _warn_of_late_markers(root: Mapping, reader: Reader) -> None:
    """Markers are moments of the song, of which the film may show only a part."""
    film, song, node = reader.bases.get("film"), reader.song, root.get("markers")
    if film is not None and song is not None and isinstance(node, Mapping):
        second = {name: exact(at, name) for name, at in song.markers.items()}
        named = [(name, second[name.text]) for name, _ in node.entries if name.text in second]
        warn_of_late(named, node, reader)


def _move_border(node: Mapping, reader: Reader) -> None:
    """`carry.border` is another way to write `camera.border`."""
    camera, border = node.get("camera"), _take("carry", "border", node)
    if border is None:
        return
    if isinstance(camera, Mapping) and camera.get("border") is not None:
        reader.refuse(border, "found a border under camera too, allowed is one of them")
        return
    key = Scalar(border.file, border.line, "border")
    if camera is None or (isinstance(camera, Scalar) and camera.is_none):
        camera = Mapping(border.file, border.line, [])
        camera.path = f"{node.path}.camera" if node.path else "camera"
        node.put(Scalar(border.file, border.line, "camera"), camera)
    if isinstance(camera, Mapping):
        camera.put(key, border)


def _take(section: str, key: str, node: Mapping) -> Node | None:
    """The value of a key in a section, which it has no longer."""
    found = node.get(section)
    if not isinstance(found, Mapping) or (value := found.get(key)) is None:
        return None
    found.entries = [entry for entry in found.entries if entry[0].text != key]
    return value


def _shot_nodes(root: Mapping, reader: Reader) -> list[Mapping]:
    node = root.get("shots")
    if node is None or not is_given("shots", root):
        return []
    allowed = options_of(Scene)["shots"][1].type.allowed
    if not isinstance(node, tree.Sequence) or not node.items:
        found = "an empty list" if isinstance(node, tree.Sequence) else tree.shown(node)
        reader.refuse(node, f"found {found}, allowed {allowed}")
        return []
    if len(node.items) > MAX_SHOTS:
        reader.refuse(node, f"found {len(node.items)} shots, allowed at most {MAX_SHOTS}")
        return []
    nodes = []
    for item in node.items:
        if not isinstance(item, Mapping):
            reader.wrong(item, "a mapping with name and duration")
            continue
        _move_border(item, reader)
        if rate := _take("guidance", "rate", item):
            message = "found a rate in a shot, allowed is one for the film: guidance.rate at the top"
            reader.refuse(rate, message)
        reader.check_keys(item, keys_of(Shot), Shot.later)
        nodes.append(item)
    return nodes


def _take_rate(root: Mapping, reader: Reader) -> Fraction | None:
    """`guidance.rate`, taken out of the guidance because it is the film's and no shot's."""
    if not isinstance(guidance := root.get("guidance"), Mapping) or guidance.get("rate") is None:
        return None
    rate: Fraction | None = reader.field(_RATE, options_of(Scene)[_RATE][1], root)
    _take("guidance", "rate", root)
    return rate


def _read_own(node: Mapping, keys: Sequence[str], reader: Reader) -> dict[str, Any]:
    return {key: reader.field(key, options_of(Shot)[key][1], node) for key in keys}


def _inner_shot(
    node: Mapping,
    root: Mapping,
    duration: Time | None,
    seconds: float | None,
    start: float | None,
    reader: Reader,
) -> Shot:
    """One of several shots, with the defaults of the top level.

    start: seconds of the film at which it begins, as written.
    """
    reader.bases["shot"] = None if seconds is None else TimeBase(seconds, reader.fps)
    reader.starts["shot"] = start
    own = _read_own(node, _OWN, reader)
    own |= {"name": own["name"] or "", "duration": duration, "loop_place": place_of("loop", node)}
    entries = merge_entries(root, node, options_of(Shot))
    texts = ("prompts", "story")
    if any(node.get(key) for key in texts):  # replace those of the scene, of either kind
        entries = [
            (key, value) for key, value in entries if key.text not in texts or node.get(key.text) is value
        ]
    merged = Mapping(node.file, node.line, entries)
    merged.path, merged.base = node.path, "shot"
    shot = replace(_read_shot(merged, reader), **own)
    near = shot.guidance.stay_near
    if shot.kind == "timelapse" and near and near.to == "previous" and not near.weight.place.line:
        # It has no frame before to stay near to; `change` has set that, and nobody wrote it.
        shot = replace(shot, guidance=replace(shot.guidance, stay_near=None))
    return _without_lead(shot, node, reader)


def _without_lead(shot: Shot, node: Mapping, reader: Reader) -> Shot:
    """A timelapse, whose steps are all one optimization, has no lead; that of the film passes it by."""
    if shot.kind != "timelapse" or shot.lead is None:
        return shot
    if is_given("lead", node):
        reader.refuse(place_of("lead", node), "found a lead, a timelapse has none")
    return replace(shot, lead=None)


def _read_shot(node: Mapping, reader: Reader) -> Shot:
    """The fields that shots inherit, from a mapping that holds them all."""
    options = options_of(Shot)
    values = {options[key][0]: reader.field(key, options[key][1], node) for key in _INHERITED}
    check_text(node.get("style"), NOT_IN_STYLE, reader, image=NO_PICTURES)
    story, crossfade = values.pop("story"), values.pop("crossfade")
    if story:
        if is_given("prompts", node):
            reader.refuse(place_of("story", node), "found prompts and a story, allowed is one of them")
        try:
            values["prompts"] = _prompts_of_story(story, crossfade, node, reader)
        except Refused:
            values["prompts"] = ()
    if values["change"] is not None:
        values |= _turned_dial(values, node)
    return Shot(name=MAIN, **values, place=node.place)


def _turned_dial(values: dict[str, Any], node: Mapping) -> dict[str, Any]:
    """What `change` sets, but for what is written; the rest depends on the models (see timeline)."""
    dial, guidance = dial_at(values["change"]), values["guidance"]
    written = _keys_within("guidance", Guidance, node)
    if "steps" not in written:
        guidance = replace(guidance, steps=_like(guidance.steps, dial.steps))
    if "stay_near" not in written and dial.stay_near > 0:
        guidance = replace(guidance, stay_near=StayNear(Curve.constant(dial.stay_near)))
    return {"guidance": guidance}


def _like(curve: Curve, value: float) -> Curve:
    return Curve.constant(value, base=curve.base, range=curve.range, place=curve.place)


def _keys_within(name: str, of: type, node: Mapping) -> list[str]:
    """The keys that are written in a section; all of them where it is `none`."""
    section = node.get(name)
    if isinstance(section, Mapping):
        return [key.text for key, _ in section.entries]
    return [] if section is None else keys_of(of)


def _prompts_of_story(
    story: Sequence[tuple[Time, str, Place]], crossfade: Time | None, node: Mapping, reader: Reader
) -> tuple[Prompt, ...]:
    where = node["story"]
    base = reader.base_of(where)
    times, texts, places = zip(*story, strict=True)
    moments = [time.seconds(base) for time in times]
    longest = longest_crossfade(moments)
    wanted = DEFAULT_CROSSFADE if crossfade is None else crossfade.seconds(base)
    if crossfade is not None and len(story) > 1 and wanted > longest + 1e-9 and reader.bases.get(where.base):
        said = f"found {crossfade}, but two texts of the story are nearer to each other"
        raise reader.refuse(place_of("crossfade", node), f"{said}, allowed at most {longest:.6g}s")
    weights = story_weights(moments, min(wanted, longest), where.base, places, times)
    parts = zip(texts, weights, places, strict=True)
    return tuple(Prompt(text, weight, place=place) for text, weight, place in parts)


def _check_shots(shots: Sequence[Shot], nodes: Sequence[Mapping], reader: Reader) -> None:
    """Note what is wrong with each shot, which was read from the node beside it."""
    for shot, node in zip(shots, nodes, strict=True):
        if shot.kind != "timelapse" and is_given("pace", node):
            message = "found a pace, only a shot with `kind: timelapse` has one"
            reader.refuse(place_of("pace", node), message)
        _check_areas(shot, reader)


def _check_loops(film: bool, shots: Sequence[Shot], root: Mapping, reader: Reader) -> None:
    """What is held at its end does not lead back to its start."""
    places = [shot.loop_place for shot in shots if shot.loop and shot.freeze]
    if film and len(shots) == 1 and shots[0].freeze:
        places.append(place_of("loop", root))
    for place in places:
        said = "found loop and freeze, allowed is one of them: what is held does not lead back to its start"
        reader.refuse(place, said)


def _check_names(shots: Sequence[Shot], nodes: Sequence[Mapping], reader: Reader) -> None:
    """Names become folders, and on many systems Day and day are one folder."""
    seen: dict[str, Mapping] = {}
    for shot, node in zip(shots, nodes, strict=True):
        first = seen.setdefault(shot.name.lower(), node)
        if shot.name and first is not node:
            where = f"the first is in line {first.line}: capitals make no difference"
            reader.refuse(place_of("name", node), f"found {shot.name!r} twice, {where}")


def _check_areas(shot: Shot, reader: Reader) -> None:
    """Refuse areas in which nothing can lie: no text of the shot would be seen there."""
    for prompt in shot.prompts:
        for key, area in (("inside", prompt.inside), ("outside", prompt.outside)):
            if area is None or (area.shape is None and "start" in reader.lost):
                continue
            shape = area.shape or shot.start
            place = replace(prompt.place, path=f"{prompt.place.path}.{key}")
            if shape.kind not in ("icon", "image"):
                found = f"found start, which is {shape.kind} and has no shape"
                reader.refuse(place, f"{found}, allowed {AREA.allowed}")
            elif shape.image is not None and (wrong := _empty(Path(shape.image), key)):
                reader.refuse(place, f"in the picture {Path(shape.image).name} {wrong}", about_file=True)


def _empty(path: Path, side: str) -> str:
    """What is wrong with a picture as a mask; empty for nothing."""
    from vqanim.icons.draw import lightness  # only scenes with such a mask wait for this import

    light = lightness(path)
    if side == "inside" and light.max() < DARK:
        return "nothing is light, so that nothing lies inside"
    if side == "outside" and light.min() > 255 - DARK:
        return "all is light, so that nothing lies outside"
    return ""
