"""From a `Scene` back to a text that loads to an equal one. Defaults are written too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from vqanim.icons import IconSpec
from vqanim.scene.colors import color_text
from vqanim.scene.curves import Constant, Curve, Formula, Keyframes
from vqanim.scene.edit import Effect, Hit
from vqanim.scene.figures import FORM, Look
from vqanim.scene.loader import MAIN
from vqanim.scene.model import (
    VERSION,
    XY,
    Area,
    Models,
    PerceptorUse,
    Prompt,
    Scene,
    Shot,
    Start,
    StayNear,
    Transition,
)
from vqanim.scene.options import Declared, options_of
from vqanim.scene.sound import BEAT
from vqanim.scene.soundtrack import Tempo
from vqanim.scene.times import Time, decimal_text


def dump_scene(scene: Scene, assets: Mapping[str, str] | None = None) -> str:
    """YAML of a scene. `assets` maps the absolute paths of its pictures to names beside the new file."""
    names = assets or {}
    top: dict[str, Any] = {
        "vqanim": VERSION,
        "title": _Quoted(scene.title),
        "size": _Flow([scene.size.width, scene.size.height]),
        "fps": _ratio(scene.fps),
        "duration": _time(scene.duration),
        "seed": scene.seed,
        "models": {"generator": scene.models.generator, "perceptor": _perceptors(scene.models)},
        **_song(scene, names),
        "output": _output(scene),
        "effects": _effects(scene.effects) or None,
        "hits": _hits(scene.hits) or None,
        "loop": scene.loop or None,
    }
    if scene.painted_rate is not None:
        top["guidance"] = {"rate": _ratio(scene.painted_rate)}
    if _has_one_nameless_shot(scene):
        only = _playing(scene.shots[0]) | _shot(scene.shots[0], scene, names, on_film=None)
        only["guidance"] = top.pop("guidance", {}) | only["guidance"]
        top |= only
    else:
        for shot in scene.shots:
            _add_film_curves(top, _shot(shot, scene, names, on_film=True))
        top["shots"] = [_inner_shot(shot, scene, names) for shot in scene.shots]
    return yaml.dump(_clean(top), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)


class _Quoted(str):
    """A text that is always written in quotes, because it may look like anything."""


class _Flow(list[Any]):
    """A list on one line."""


class _Dumper(yaml.SafeDumper):
    """Knows the two types above, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)
_Dumper.add_representer(
    _Flow, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)
)


def _perceptors(models: Models) -> Any:
    if len(models.perceptors) == 1 and models.perceptors[0] == PerceptorUse(models.perceptors[0].name):
        return models.perceptors[0].name
    return [
        {
            "name": use.name,
            "weight": _ratio(use.weight),
            "cutouts": use.cutouts,
            "cutout_noise": None if use.cutout_noise is None else _ratio(use.cutout_noise),
        }
        for use in models.perceptors
    ]


def _has_one_nameless_shot(scene: Scene) -> bool:
    if len(scene.shots) != 1:
        return False
    shot = scene.shots[0]
    plain = (shot.name, shot.duration, shot.transition) == (MAIN, None, Transition())
    if shot.effects or shot.hits or shot.loop:
        return False
    return plain and all(isinstance(curve, Constant) or curve.base == "film" for curve in shot.curves())


def _inner_shot(shot: Shot, scene: Scene, names: Mapping[str, str]) -> dict[str, Any]:
    transition: dict[str, Any] = {"kind": shot.transition.kind, "duration": _time(shot.transition.duration)}
    head = {
        "name": _Quoted(shot.name),
        "duration": _time(shot.duration),
        "transition": transition,
        "effects": _effects(shot.effects) or None,
        "hits": _hits(shot.hits) or None,
        "loop": shot.loop or None,
        **_playing(shot),
    }
    return head | _shot(shot, scene, names, on_film=False)


def _shot(shot: Shot, scene: Scene, names: Mapping[str, str], *, on_film: bool | None) -> dict[str, Any]:
    """What a shot inherits or says: curves on film time, all others (constants too), or with None all."""
    values: dict[str, Any] = {"prompts": _prompts(shot, scene, names, on_film)}
    if on_film is None or _moves_on_film(shot.start.also_target) == on_film:
        values["start"] = _start(shot.start, scene, names)
    if on_film is not True:
        values |= {
            "style": _Quoted(shot.style) if shot.style else None,
            "change": shot.change,
            "lead": _time(shot.lead) if isinstance(shot.lead, Time) else shot.lead,
        }
    for section in ("camera", "carry", "guidance"):
        values[section] = dict(_section(getattr(shot, section), on_film))
    return values


def _prompts(shot: Shot, scene: Scene, names: Mapping[str, str], on_film: bool | None) -> Any:
    """A list of prompts is written where its curves are; it is never part here and part there."""
    moving = any(_moves_on_film(curve) for prompt in shot.prompts for curve in (prompt.weight, prompt.stop))
    if on_film is not None and moving != on_film:
        return None
    return [_prompt(prompt, scene, names) for prompt in shot.prompts] or "none"


def _prompt(prompt: Prompt, scene: Scene, names: Mapping[str, str]) -> dict[str, Any]:
    numbers = {"weight": _curve(prompt.weight), "stop": _curve(prompt.stop)}
    areas = {
        key: _area(area, scene, names)
        for key, area in (("inside", prompt.inside), ("outside", prompt.outside))
        if area is not None
    }
    if prompt.image is not None:
        image = _Quoted(names.get(prompt.image) or _relative(prompt.image, scene))
        return {"image": image, "through": prompt.through} | numbers | areas
    return {"text": _Quoted(prompt.text)} | numbers | areas


def _area(area: Area, scene: Scene, names: Mapping[str, str]) -> Any:
    if area.shape is None:
        return "start"
    said = _start(area.shape, scene, names)
    looks = [key for key in options_of(Look) if key not in FORM]
    return {key: value for key, value in said.items() if key not in looks}


def _playing(shot: Shot) -> dict[str, Any]:
    """How the film plays a shot."""
    repeat = shot.repeat if shot.repeat != 1 else None
    lapse = shot.kind == "timelapse"
    kind = {"kind": shot.kind if lapse else None, "pace": shot.pace if lapse else None}
    return kind | {"freeze": _time(shot.freeze), "repeat": repeat, "reverse": shot.reverse or None}


def _effects(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    return [{effect.name: _effect(effect)} for effect in effects]


def _effect(effect: Effect) -> Any:
    amount = _curve(effect.amount)
    if effect.color is None and effect.rate is None:
        return amount
    color = None if effect.color is None else _Quoted(color_text(effect.color))
    return {"amount": amount, "color": color, "rate": effect.rate}


def _hits(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    return [
        _moments(hit) | {"fade": _time(hit.fade)} | {peak.name: _effect(peak) for peak in hit.peaks}
        for hit in hits
    ]


def _moments(hit: Hit) -> dict[str, Any]:
    each = hit.each
    if each is None:
        return {"on": _Flow([_time(moment) for moment in hit.on])}
    how: dict[str, Any] = {"every": _ratio(each.every)} if each.signal == BEAT else {"above": each.above}
    return {"on": each.signal, **how, "from": _time(each.start), "to": _time(each.end)}


def _song(scene: Scene, names: Mapping[str, str]) -> dict[str, Any]:
    """The song with its beats as they were found, so that nobody has to listen again."""
    track = scene.soundtrack
    if track is None:
        return {}

    def file(path: str) -> str:
        return _Quoted(names.get(path) or _relative(path, scene))

    said = {
        "file": file(track.file),
        "start": _seconds(track.start),
        "bpm": "auto" if track.found else None if track.bpm is None else _ratio(track.bpm),
        "first_beat": None if track.first_beat is None else _seconds(track.first_beat),
        "meter": track.meter,
        "tempo": {_tempo_key(tempo): _ratio(tempo.bpm) for tempo in track.tempo} or None,
        "beats": _Flow([_seconds(beat) for beat in track.beats]) if track.beats else None,
    }
    bands = {
        name: {"band": _Flow([band.low, band.high])}
        | {key: _seconds(getattr(band, key)) for key in ("attack", "release")}
        for name, band in scene.bands
    }
    return {
        "soundtrack": said,
        "stems": {stem.name: file(stem.file) for stem in scene.stems},
        "markers": {name: _seconds(second) for name, second in scene.markers},
        "signals": bands,
    }


def _tempo_key(tempo: Tempo) -> str:
    return f"bar {tempo.bar:.12g}" if tempo.second is None else _seconds(tempo.second)


def _seconds(value: float) -> str:
    return f"{decimal_text(Fraction(round(value * 10**9), 10**9))}s"


def _section(part: Declared, on_film: bool | None) -> Iterator[tuple[str, Any]]:
    for key, (name, _) in options_of(type(part)).items():
        value = getattr(part, name)
        if isinstance(value, XY):
            both = {"x": _wanted(value.x, on_film), "y": _wanted(value.y, on_film)}
            yield key, {axis: curve for axis, curve in both.items() if curve is not None}
        elif isinstance(value, Curve):
            yield key, _wanted(value, on_film)
        elif isinstance(value, StayNear):
            weight = _wanted(value.weight, on_film)
            said = {"to": value.to, "in": value.space, "weight": weight}
            yield key, None if weight is None else said
        elif value is None:
            yield key, None if on_film else "none"
        elif on_film is not True:
            yield key, _Quoted(value) if isinstance(value, str) else value


def _wanted(curve: Curve, on_film: bool | None) -> Any:
    return _curve(curve) if on_film is None or _moves_on_film(curve) == on_film else None


def _moves_on_film(curve: Curve | None) -> bool:
    """Whether it changes with the time of the film; what does is written at the top level."""
    return curve is not None and not isinstance(curve, Constant) and curve.base == "film"


def _curve(curve: Curve) -> Any:
    if isinstance(curve, Constant):
        return curve.value
    if isinstance(curve, Formula):
        return _Quoted(curve.expression)
    assert isinstance(curve, Keyframes)
    return {_time(key.time): _Flow([key.value, key.easing]) for key in curve.keys}


def _add_film_curves(top: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Gather what runs on film time; shots agree on it, because it was written once."""
    for key, value in found.items():
        if isinstance(value, dict):
            _add_film_curves(top.setdefault(key, {}), value)
        elif value is not None:
            top.setdefault(key, value)


def _start(start: Start, scene: Scene, names: Mapping[str, str]) -> Any:
    also = {"also_target": None if start.also_target is None else _curve(start.also_target)}
    if start.image is not None:
        image = _Quoted(names.get(start.image) or _relative(start.image, scene))
        return {"image": image, "fit": None if start.fit == "cover" else start.fit} | also
    if start.icon is not None:
        return _icon(start.icon, scene, names) | also
    colors = _Flow([_Quoted(color_text(color)) for color in start.colors])
    if start.kind == "color":
        return {"color": colors[0]}
    return {"gradient": colors} if start.kind == "gradient" else "noise"


def _icon(icon: IconSpec, scene: Scene, names: Mapping[str, str]) -> dict[str, Any]:
    figure, file = icon.figure, icon.figure.file
    written = None if file is None else _Quoted(names.get(file) or _relative(file, scene))
    what: dict[str, Any] = {figure.kind: written if figure.kind == "shape" else _Quoted(figure.name)}
    if figure.kind == "text":
        what["font"] = written
    looks: dict[str, Any] = {}
    for key, (name, declared) in options_of(Look).items():
        value = getattr(icon, name)
        looks[key] = _Quoted(color_text(value)) if declared.kind.name == "color" else value
    return what | looks


def _relative(image: str, scene: Scene) -> str:
    folder = Path(scene.file).resolve().parent
    return Path(os.path.relpath(image, folder)).as_posix()


def _output(scene: Scene) -> dict[str, Any]:
    output = scene.output
    gif = {"width": output.gif_width, "fps": None if output.gif_fps is None else _ratio(output.gif_fps)}
    return {"crf": output.crf, "gif": gif, "smooth": output.smooth}


def _ratio(value: Fraction) -> Any:
    return value.numerator if value.denominator == 1 else _Quoted(f"{value.numerator}/{value.denominator}")


def _time(time: Time | None) -> str | None:
    if time is None:
        return None
    # What is on a beat says so again, because seconds of a shot begin with its first frame.
    return time.text if time.of_song else f"{decimal_text(time.value)}{time.unit}"


def _clean(value: Any) -> Any:
    """Without what is not said."""
    if isinstance(value, dict):
        cleaned = {key: _clean(inner) for key, inner in value.items() if inner is not None}
        return {key: inner for key, inner in cleaned.items() if inner != {}}
    if isinstance(value, list) and not isinstance(value, _Flow):
        return [_clean(item) for item in value]
    return value
