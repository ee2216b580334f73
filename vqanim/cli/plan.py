"""`vqanim plan`: what a film will be and what it will cost, before it is painted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vqanim.cli import formatting, params
from vqanim.cli.formatting import Row, count, duration, file_size, number, rows, say
from vqanim.cli.stopping import stopping

if TYPE_CHECKING:
    from vqanim.preview.outline import Outline, PromptLine

MOST_KEYS = 12  # keyframes of a prompt that are listed


def _plot_file(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
    path = None if value is None else Path(value)
    if path and path.suffix.lower() not in (".png", ".html"):
        raise click.BadParameter(f"found {value!r}, allowed is a name that ends in .png or .html")
    return path


@click.command()
@params.scene
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, and nothing else.")
@click.option("--frame", type=int, metavar="N", help="Print everything of film frame N, from 0.")
@click.option("--plot", metavar="FILE", callback=_plot_file, help="Draw the curves to a .png or .html too.")
@params.force(help="Overwrite the file of --plot.")
@params.flag("--measure", help="Paint a few frames, which are not kept, to learn how long the others take.")
@params.device_option(
    help="Whose time is meant: auto, cpu, cuda, cuda:N or mps; the one that painted last if not given."
)
@params.out_folder(
    help="Folder of the render, for frames painted already; ./renders/<name of the scene> if not given."
)
@params.quality
@params.overrides
@params.models
@params.outside
def plan(
    scene: str,
    as_json: bool,
    frame: int | None,
    plot: Path | None,
    force: bool,
    measure: bool,
    device: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Show what the film of SCENE will contain: shots, prompts, curves, models, disk and time.

    Nothing is painted. The time comes from earlier renders on this machine, or from --measure; without
    either, plan says so. It is that for the rest where frames are painted already.
    """
    from vqanim import api

    prepared = api.prepare(scene, out=out, **options)
    api.check_free([plot] if plot else [], force)
    if frame is not None:
        from vqanim.preview.outline import frame_document

        document = frame_document(prepared.timeline, frame)
        say(json.dumps(document, indent=1) if as_json else rows(list(flat(document))))
        return
    with stopping():
        if measure:
            from vqanim.cli.reporter import fetch

            fetch(prepared, quiet=as_json)
            if not as_json:
                say("painting a few frames to measure")
            api.measure(prepared, device or "auto")
        outline = api.outline(prepared, None if measure or device == "auto" else device, out)
        if plot is not None:
            api.draw_plot(outline, plot)
    if as_json:
        say(json.dumps(outline.document(), allow_nan=False))
        return
    formatting.warn(outline.warnings)
    say("\n".join(describe(outline)))
    if plot is not None:
        say(f"curves drawn to {formatting.short_path(plot)}")


def describe(outline: Outline) -> Iterator[str]:
    """All of it for people, in lines."""
    from vqanim.plots.curves import text_plots

    film = f"{count(outline.frames, 'frame')}, {duration(outline.seconds)} at {number(outline.fps)} fps"
    yield f"{outline.title}: {film}, {outline.width}x{outline.height}"
    yield rows(list(_summary(outline)))
    yield "\nshots"
    yield rows(list(_shots(outline)))
    if outline.prompts:
        yield "\nprompts, with their weights at keyframes"
        yield rows(list(_prompts(outline)))
    if moving := [track for track in outline.tracks if not track.is_constant]:
        yield "\ncurves"
        yield from (f"  {line}".rstrip() for line in text_plots(moving, outline.marks))
    if still := [track for track in outline.tracks if track.is_constant and track.group != "prompts"]:
        yield "\nthe same all the time"
        yield "  " + ", ".join(f"{track.name} {number(track.low)}" for track in still)


def _summary(outline: Outline) -> Iterator[Row]:
    painted = count(outline.painted, "frame")
    frames = formatting.painted_frames(outline.painted, outline.rate, outline.fps)
    yield "painted", f"{frames}, {count(outline.steps, 'step')}"
    if outline.kept or outline.stale:
        stale = f"; {count(outline.stale, 'other')} no longer right" if outline.stale else ""
        yield "there", f"{outline.kept} of {painted} are painted{stale}"
    for model in outline.models:
        size = f", {file_size(model.bytes)}" if model.bytes else ""
        share = "" if model.share in (None, 1.0) else f", counts {number(100 * (model.share or 0))} %"
        here = "here" if model.here else f"not here yet: vqanim models fetch {model.name}"
        license = f"{model.license}, commercial use: {formatting.with_reason(model.commercial)}"
        yield model.kind, f"{model.text}{share} ({license}{size}; {here})"
    if outline.sound is not None:
        start = f", from {duration(outline.sound.start)} on" if outline.sound.start else ""
        beats = f", {count(len(outline.beats), 'beat')}" if outline.beats else ""
        yield "sound", Path(outline.sound.file).name + start + beats
    memory = outline.time and outline.time.memory
    about = f"about {file_size(outline.memory)} on the CPU, estimated; not measured yet at this size"
    yield "memory", f"{file_size(memory)} at most, measured" if memory else about
    takes, films = file_size(outline.disk.takes), file_size(outline.disk.films)
    yield "disk", f"about {takes} of frames and {films} of films"
    yield "time", _time(outline)


def _time(outline: Outline) -> str:
    time = outline.time
    if time is None:
        return "not measured yet on this machine with these models; plan --measure does, and each render"
    step = "" if time.step is None else f", {time.step:.2g} s a step"
    sure = " (other sizes were measured, so this is less sure)" if time.guessed else ""
    rest = " for the rest" if outline.kept else ""
    start, painting, films = map(duration, (time.start, time.painting, time.films))
    parts = f"{start} to start, {painting} to paint, {films} for the films"
    return f"about {duration(time.total)}{rest} on {time.device}{step}{sure}: {parts}"


def _shots(outline: Outline) -> Iterator[Row]:
    for shot in outline.shots:
        begins = "" if shot.begins == "start" else f", {shot.begins}"
        at, frames = f"at {number(round(shot.at, 2))} s", count(shot.frames, "frame")
        yield shot.name, f"{at}, {frames}, {shot.painted} painted in {count(shot.steps, 'step')}{begins}"


def _prompts(outline: Outline) -> Iterator[Row]:
    for prompt in outline.prompts[: formatting.MOST_PROMPTS]:
        yield formatting.shortened(prompt.text, 44), _keys(prompt)
        yield from (("", one.phrase) for one in prompt.readings)
    if (more := len(outline.prompts) - formatting.MOST_PROMPTS) > 0:
        yield f"and {more} more", "--json has all"


def _keys(prompt: PromptLine) -> str:
    shown = prompt.keys[:MOST_KEYS]
    text = ", ".join(f"{number(time)}s {number(weight)}" for time, weight in shown)
    more = len(prompt.keys) - len(shown)
    return f"{text} and {more} more (--json has all)" if more else text


def flat(value: Any, path: str = "") -> Iterator[Row]:
    """Rows of `path.to.field  value` of everything in a document."""
    match value:
        case Mapping():
            for key, item in value.items():
                yield from flat(item, f"{path}.{key}" if path else key)
        case list() | tuple() if any(isinstance(item, Mapping) for item in value):
            for index, item in enumerate(value):
                yield from flat(item, f"{path}[{index}]")
        case list() | tuple():
            yield path, ", ".join(map(_value, value)) or "none"
        case _:
            yield path, _value(value)


def _value(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else "none" if value is None else str(value)
