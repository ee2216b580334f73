"""`vqanim plan`: what a film will be and what it will cost, before it is painted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import completing, options, words
from vqanim.cli.stopping import stopping
from vqanim.errors import UsageError

if TYPE_CHECKING:
    from vqanim.preview.outline import Outline, PromptLine

ENDINGS = (".png", ".html")
MOST_KEYS = 12
"""Keyframes of a prompt that are listed."""


def _plot_file(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
    if value is None:
        return None
    if Path(value).suffix.lower() not in ENDINGS:
        raise click.BadParameter(f"found {value!r}, allowed is a name that ends in {' or '.join(ENDINGS)}")
    return Path(value)


@click.command()
@options.scene
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, and nothing else.")
@click.option("--frame", type=int, metavar="N", help="Print everything of film frame N, from 0.")
@click.option(
    "--plot",
    metavar="FILE",
    callback=_plot_file,
    help="Draw the curves to a picture (.png) or a page (.html) too.",
)
@click.option("--force", is_flag=True, help="Overwrite the file of --plot.")
@click.option(
    "--measure",
    is_flag=True,
    help="Paint a few frames now to learn how long the others will take; they are not kept.",
)
@click.option(
    "--device",
    metavar="NAME",
    callback=options.device_or_none,
    shell_complete=completing.devices,
    help="Whose time is meant: auto, cpu, cuda, cuda:N or mps; the one that painted last if not given.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder of the render, for frames painted already; ./renders/<name of the scene> if not given.",
)
@options.quality
@options.overrides
@options.models
@options.outside
def plan(
    scene: str,
    as_json: bool,
    frame: int | None,
    plot: Path | None,
    force: bool,
    measure: bool,
    device: str | None,
    out: str | None,
    quality: str,
    overrides: Sequence[str],
    models: str | None,
    allow_outside: bool,
) -> None:
    """Tell what the film of SCENE will be: shots, prompts, curves, models, disk and time.

    Nothing is painted. The time comes from earlier renders on this machine, or from --measure; without
    either, plan says so. It is that for the rest where frames are painted already.
    """
    from vqanim import api

    prepared = api.prepare(scene, overrides, models, out, quality=quality, allow_outside=allow_outside)
    if plot is not None and plot.exists() and not force:
        raise UsageError(f"{plot}: there already; give another name, or --force to overwrite")
    if frame is not None:
        from vqanim.preview.outline import frame_document

        document = frame_document(prepared.timeline, frame)
        words.say(json.dumps(document, indent=1) if as_json else words.rows(list(flat(document))))
        return
    with stopping():
        if measure:
            _measure(prepared, device or "auto", quiet=as_json)
        outline = api.outline(prepared, None if measure or device == "auto" else device, out)
        if plot is not None:
            api.draw_plot(outline, plot)
    if as_json:
        words.say(json.dumps(outline.document(), allow_nan=False))
        return
    words.warn(outline.warnings)
    for line in describe(outline):
        words.say(line)
    if plot is not None:
        words.say(f"curves drawn to {words.short_path(plot)}")


def _measure(prepared: Any, device: str, quiet: bool) -> None:
    """Fetch the models and paint a few frames."""
    from vqanim import api
    from vqanim.cli.transfer import Transfer

    transfer = Transfer(quiet)
    for event in api.fetch_models(prepared):
        transfer.hear(event)
    transfer.end()
    if not quiet:
        words.say("painting a few frames to measure")
    api.measure(prepared, device)


def describe(outline: Outline) -> Iterator[str]:
    """All of it for people, in lines."""
    from vqanim.plots.text import text_plots

    seconds, fps = words.duration(outline.seconds), words.number(outline.fps)
    yield (
        f"{outline.title}: {words.count(outline.frames, 'frame')}, {seconds} at {fps} fps, "
        f"{outline.width}x{outline.height}"
    )
    rate = "" if outline.rate == outline.fps else f", {words.number(outline.rate)} a second"
    yield words.rows(
        [
            (
                "painted",
                f"{words.count(outline.painted, 'frame')}{rate}, {words.count(outline.steps, 'step')}",
            ),
            *_there(outline),
            *_models(outline),
            *_sound(outline),
            ("memory", _memory(outline)),
            ("disk", _disk(outline)),
            ("time", _time(outline)),
        ]
    )
    yield "\nshots"
    yield words.rows([(shot.name, line) for shot, line in zip(outline.shots, _shots(outline), strict=True)])
    if outline.prompts:
        yield "\nprompts, with their weights at keyframes"
        yield words.rows([(_short(prompt.text), _keys(prompt)) for prompt in outline.prompts])
    if moving := [track for track in outline.tracks if not track.is_constant]:
        yield "\ncurves"
        yield from (f"  {line}".rstrip() for line in text_plots(moving, outline.marks))
    if still := [track for track in outline.tracks if track.is_constant and track.group != "prompts"]:
        yield "\nthe same all the time"
        yield "  " + ", ".join(f"{track.name} {words.number(track.low)}" for track in still)


def _there(outline: Outline) -> Iterator[words.Row]:
    if outline.kept or outline.stale:
        stale = f"; {words.count(outline.stale, 'other')} no longer right" if outline.stale else ""
        yield "there", f"{outline.kept} of {words.count(outline.painted, 'frame')} are painted{stale}"


def _models(outline: Outline) -> Iterator[words.Row]:
    for model in outline.models:
        size = f", {words.file_size(model.bytes)}" if model.bytes else ""
        share = "" if model.share in (None, 1.0) else f", counts {words.number(100 * (model.share or 0))} %"
        here = "here" if model.here else f"not here yet: vqanim models fetch {model.name}"
        commercial = words.with_reason(model.commercial)
        license = f"{model.license}, commercial use: {commercial}"
        yield model.kind, f"{model.name}{share} ({license}{size}; {here})"


def _sound(outline: Outline) -> Iterator[words.Row]:
    if outline.sound is not None:
        start = f", from {words.duration(outline.sound.start)} on" if outline.sound.start else ""
        beats = f", {words.count(len(outline.beats), 'beat')}" if outline.beats else ""
        yield "sound", Path(outline.sound.file).name + start + beats


def _memory(outline: Outline) -> str:
    if outline.time is None or outline.time.memory is None:
        return "not measured yet at this size"
    return f"{words.file_size(outline.time.memory)} at most, measured"


def _disk(outline: Outline) -> str:
    takes, films = words.file_size(outline.disk.takes), words.file_size(outline.disk.films)
    return f"about {takes} of frames and {films} of films"


def _time(outline: Outline) -> str:
    time = outline.time
    if time is None:
        return "not measured yet on this machine with these models; plan --measure does, and each render"
    step = "" if time.step is None else f", {time.step:.2g} s a step"
    sure = " (other sizes were measured, so this is less sure)" if time.guessed else ""
    rest = " for the rest" if outline.kept else ""
    return (
        f"about {words.duration(time.total)}{rest} on {time.device}{step}{sure}: "
        f"{words.duration(time.start)} to start, {words.duration(time.painting)} to paint, "
        f"{words.duration(time.films)} for the films"
    )


def _shots(outline: Outline) -> Iterator[str]:
    for shot in outline.shots:
        begins = "" if shot.begins == "start" else f", {shot.begins}"
        yield (
            f"at {words.number(round(shot.at, 2))} s, {words.count(shot.frames, 'frame')}, "
            f"{shot.painted} painted in {words.count(shot.steps, 'step')}{begins}"
        )


def _keys(prompt: PromptLine) -> str:
    shown = prompt.keys[:MOST_KEYS]
    text = ", ".join(f"{words.number(time)}s {words.number(weight)}" for time, weight in shown)
    more = len(prompt.keys) - len(shown)
    return f"{text} and {more} more (--json has all)" if more else text


def _short(text: str) -> str:
    return text if len(text) <= 44 else text[:42].rstrip() + ".."


def flat(document: Mapping[str, Any], path: str = "") -> Iterator[words.Row]:
    """Rows of `path.to.field  value` of everything in a document."""
    for key, value in document.items():
        yield from _flat_value(value, f"{path}.{key}" if path else key)


def _flat_value(value: Any, path: str) -> Iterator[words.Row]:
    if isinstance(value, Mapping):
        yield from flat(value, path)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flat_value(item, f"{path}[{number}]")
    elif isinstance(value, list | tuple):
        yield path, ", ".join(map(_value, value)) or "none"
    else:
        yield path, _value(value)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
