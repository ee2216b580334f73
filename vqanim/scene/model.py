"""What a scene file says, as frozen data. The loader makes these; nothing here reads a file.

Each field is declared once, with its description, unit, default and an example, by `option(...)`. Two scenes
are equal when they say the same, wherever and however it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Literal

from vqanim.errors import Place
from vqanim.icons import IconSpec
from vqanim.scene.colors import Color
from vqanim.scene.curves import NOWHERE, Curve
from vqanim.scene.edit import EFFECTS_KIND, HITS_KIND, Effect, Hit, effect_curves
from vqanim.scene.options import (
    Declared,
    Kind,
    Option,
    choice,
    curve,
    declare,
    line_of_text,
    number,
    option,
    pair,
    ratio,
    section,
    time,
    whole,
)
from vqanim.scene.sound import SILENT, Sound
from vqanim.scene.soundtrack import BANDS_KIND, LYRICS, MARKERS, STEMS, Band, Soundtrack, Stem
from vqanim.scene.times import Time

VERSION = 1
"""Version of the scene language."""
AUTO: Literal["auto"] = "auto"
"""Of a lead that is measured."""
MAX_SIDE = 4096
"""Pixels."""
MAX_FRAMES = 100_000
MAX_SECONDS = 86_400
MAX_SHOTS = 1000
MAX_STEPS = 10_000
LARGEST_FACTOR = 1000
"""Of zoom and scale: far beyond what a picture survives, near enough that numbers stay sound."""

FLAG = Kind("flag", "true or false")

BORDERS = ("reflect", "wrap", "edge")

KINDS = ("animation", "timelapse")
PACES = ("even", "linear")
"""The change of a timelapse is spread evenly over its time, or its steps are."""
THROUGH = ("perceptor", "pixels", "style")
FITS = ("cover", "contain", "stretch")
"""Fill the frame and cut what hangs over; show all of the picture with margins; fill it out of shape."""

AREA = Kind(
    "area", "start, {icon: twitter}, {text: MORDOR}, {shape: logo.svg} or {image: mask.png}, light is inside"
)


@dataclass(frozen=True)
class Prompt(Declared):
    """A text or a picture that the picture shall show (or, with a negative weight, avoid)."""

    later: ClassVar[tuple[str, ...]] = ("stay_near",)

    text: str = option(
        line_of_text(1000),
        "What to show, taken literally; the style is appended later",
        default="",
        default_text="none",
        example="a dark castle",
    )
    weight: Curve = option(
        curve(-1000, 1000),
        "How strongly the text counts; below 0 the picture moves away from it, 0 is off",
        default=1.0,
        example="{0s: 0.3, 3s: 1.5}",
    )
    stop: Curve = option(
        curve(0, 10),
        "The loss of this text is not pushed below this",
        unit="spherical distance",
        default=0.0,
        example="0.4",
    )
    image: str | None = option(
        Kind("picture", "the path of a picture in the scene's folder"),
        "A picture to come near to, instead of a text",
        default=None,
        default_text="none",
        example="photo.jpg",
    )
    through: str = option(
        choice(*THROUGH),
        "How a picture is compared: by what the perceptor sees in it, pixel by pixel, or by its style alone",
        default="perceptor",
        example="pixels",
    )
    inside: Area | None = option(
        AREA,
        "The part of the frame in which it pulls: where a figure is drawn, or where a picture is light",
        default=None,
        default_text="everywhere",
        example="{icon: twitter}",
    )
    outside: Area | None = option(
        AREA,
        "The part of the frame in which it does not pull",
        default=None,
        default_text="nothing",
        example="start",
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def area(self) -> Area | None:
        """What it is inside or outside of."""
        return self.inside or self.outside


@dataclass(frozen=True)
class Area:
    """A part of the frame."""

    shape: Start | None = None
    """An icon or image, of which only the form counts; None: the start of the shot."""


@dataclass(frozen=True)
class Start(Declared):
    """Where the first frame comes from."""

    kind: Literal["noise", "image", "color", "gradient", "icon"] = "noise"
    image: str | None = None
    """Absolute path of an existing picture inside the scene's folder."""
    colors: tuple[Color, ...] = ()
    """sRGB 0..1; one for color, two or more from top to bottom for gradient."""
    icon: IconSpec | None = None
    """For icon: the icon, text or shape that is drawn."""
    fit: str = "cover"
    """How an image becomes a frame: one of FITS."""
    also_target: Curve | None = option(
        curve(0, 1000),
        "How strongly the whole shot is pulled to the icon, text, shape or image that it starts from",
        default=None,
        default_text="none",
        example="{0s: 1.5, 4s: 0}",
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class XY:
    """One curve for each direction."""

    x: Curve
    y: Curve


def _speed_or_pose(unit: str, description: str, value: float, example: str, farthest: float) -> XY:
    kind = pair(curve(-farthest, farthest), XY, value)
    made: XY = option(kind, description, unit=unit, default=value, example=example)
    return made


@dataclass(frozen=True)
class Camera(Declared):
    """How the view moves. Speeds add up over time; poses say where the camera is."""

    later: ClassVar[tuple[str, ...]] = ("depth",)

    zoom: Curve = option(
        curve(above=0, high=LARGEST_FACTOR, why="zoom is a factor per second, 1 stands still"),
        "Speed of flying in; below 1 flies out",
        unit="factor per second",
        default=1.0,
        example="{0s: 1.0, 2s: 1.3}",
    )
    rotate: Curve = option(
        curve(-1e6, 1e6),
        "Speed of turning the picture clockwise",
        unit="degrees per second",
        default=0.0,
        example="10 * sin(t)",
    )
    pan: XY = _speed_or_pose(
        "frame widths per second",
        "Speed of the camera to the right (x) and down (y); the picture moves the other way",
        0.0,
        "{x: 0.05}",
        1000,
    )
    yaw: Curve = option(
        curve(-1e6, 1e6),
        "Speed of turning the camera to the right, on the spot; the picture moves left, in perspective",
        unit="degrees per second",
        default=0.0,
        example="3 * sin(t)",
    )
    tilt: Curve = option(
        curve(-1e6, 1e6),
        "Speed of turning the camera down; the picture moves up",
        unit="degrees per second",
        default=0.0,
        example="-2",
    )
    scale: Curve = option(
        curve(above=0, high=LARGEST_FACTOR, why="scale is a factor, 1 is the whole picture"),
        "Pose: how much larger things are than at the beginning",
        unit="factor",
        default=1.0,
        example="{0s: 1, 3s: 2, 6s: 1}",
    )
    angle: Curve = option(
        curve(-1e6, 1e6),
        "Pose: how far the picture is turned clockwise",
        unit="degrees",
        default=0.0,
        example="{2s: 0, 3s: 45}",
    )
    offset: XY = _speed_or_pose(
        "frame widths",
        "Pose: how far the camera stands to the right (x) and down (y)",
        0.0,
        "{x: {0s: 0, 3s: 0.2}}",
        1000,
    )
    look: XY = _speed_or_pose(
        "degrees",
        "Pose: how far the camera is turned to the right (x) and then down (y)",
        0.0,
        "{x: {0s: -10, 3s: 10}}",
        1e6,
    )
    fov: Curve = option(
        curve(5, 150, why="fov is the angle that the frame's width spans"),
        "How wide the camera sees: with more, turning it distorts more",
        unit="degrees",
        default=60.0,
        example="90",
    )
    center: XY = _speed_or_pose(
        "fractions of width and height from the top left",
        "The point about which the picture scales and turns",
        0.5,
        "{x: 0.5, y: 0.3}",
        1000,
    )
    border: str = option(
        Kind("border", 'reflect, wrap, edge or a color in quotes such as "#334455"'),
        "What is seen beyond the edge of the old picture",
        default="reflect",
        example="wrap",
    )


def _amount(description: str, value: float) -> Curve:
    made: Curve = option(curve(0, 1), description, unit="0..1", default=value, none=0.0)
    return made


@dataclass(frozen=True)
class Carry(Declared):
    """What is done to the picture on its way to the next frame. `none` is nothing at all."""

    match_colors: Curve = _amount(
        "How much the colors are held to those of an earlier frame with the same prompts", 0.7
    )
    match_detail: Curve = _amount("How much the sharpness is held to that of the same frame", 0.3)
    sharpen: Curve = _amount("Strength of an unsharp mask of 1 px, beyond match_detail", 0.0)
    noise: Curve = _amount("Spread of fresh noise, which gives the prompts something to work on", 0.02)


@dataclass(frozen=True)
class StayNear(Declared):
    """What holds a frame back while the prompts pull at it."""

    weight: Curve = option(
        curve(0, 1000),
        "How strongly: 0 is off, 1 a clear pull",
        default=1.0,
        example="{0s: 3, 6s: 0}",
    )
    to: str = option(
        choice("previous", "start"),
        "To the frame before as the camera moved it, or to the start of the shot",
        default="previous",
        example="start",
    )
    space: str = option(
        choice("latents", "pixels", "content"),
        "Where nearness is measured: in what the generator works on, in the picture, or in what it shows",
        default="latents",
        example="pixels",
        key="in",
    )


@dataclass(frozen=True)
class Guidance(Declared):
    """How hard each frame is worked towards the prompts."""

    later: ClassVar[tuple[str, ...]] = ("palette", "kind")

    steps: Curve = option(
        curve(0, MAX_STEPS),
        "Optimisation steps for a frame, rounded; with 0 the frame is only moved",
        unit="steps",
        default=6.0,
    )
    first_steps: int | None = option(
        whole(0, MAX_STEPS),
        "Steps for the first frame of the film and after a cut",
        unit="steps",
        default=None,
        default_text="60, or 0 where the start is an image or icon",
        example="60",
    )
    learning_rate: Curve | None = option(
        curve(above=0, high=100, why="with 0 nothing would change, use steps: 0 for that"),
        "How far one step goes",
        default=None,
        default_text="the model's own",
        example="0.1",
    )
    smoothing: Curve | None = option(
        curve(0, 10),
        "How much neighboring latents move together: with 0 each goes its own way, more is broader strokes",
        default=None,
        default_text="the model's own",
        example="0.5",
    )
    cutout_noise: Curve | None = option(
        curve(0, 1),
        "Noise on what the perceptor looks at, up to this spread: against textures that only it can see",
        unit="0..1",
        default=None,
        default_text="the model's own",
        example="0.1",
    )
    cutouts: int | None = option(
        whole(1, 256),
        "Pieces of the picture that the perceptor looks at in one step",
        default=None,
        default_text="the model's own",
        example="12",
    )
    stay_near: StayNear | None = option(
        Kind(
            "stay_near",
            "a curve, or {to: previous or start, in: latents, pixels or content, weight: a curve}",
        ),
        "Holds the picture to the frame before or to the start; a number or curve alone is the weight",
        default=None,
        default_text="none",
        example="{to: start, in: pixels, weight: {0s: 3, 6s: 0}}",
    )


@dataclass(frozen=True)
class Transition(Declared):
    """How a shot begins: `carry` goes on from the last frame before it, the others from its own start.

    With `dissolve` the shot before goes on under it, and both are blended in the film.
    """

    kind: Literal["carry", "cut", "dissolve"] = "carry"
    duration: Time | None = None
    """Carry: for so long weights and camera are blended; None is 0 s. Dissolve: so long both are seen."""


@dataclass(frozen=True)
class Shot(Declared):
    """One shot with the scene's defaults already merged into it; every curve knows its time base."""

    name: str = option(
        Kind("name", "letters, digits, - and _, at most 64 of them"),
        "Names the folder of its frames; unique",
        example="approach",
        inherited=False,
    )
    duration: Time | None = option(
        time(),
        "How long the shot is; one shot at most may leave it out and takes the rest",
        unit="time",
        default=None,
        default_text="the rest",
        example="2s",
        inherited=False,
    )
    start: Start = option(
        Kind(
            "start",
            "noise, {image: picture.png}, {color: navy}, {gradient: [navy, orange]} or {icon: twitter}",
        ),
        "What the first frame, and the first after a cut, is made from",
        default=Start(),
        default_text="noise",
        example="{gradient: [navy, orange]}",
    )
    prompts: tuple[Prompt, ...] = option(
        Kind("prompts", 'a list of texts or of {text: ..., weight: ...}, or the short form "a:3 | b:-1"'),
        "What the picture shall show",
        default=(),
        default_text="none",
        example='["a volcano:1.5", {text: a dark castle, weight: {0s: 1, 4s: 0.2}}]',
    )
    style: str = option(
        line_of_text(1000),
        "Appended to every text",
        default="",
        default_text="none",
        example="matte painting",
    )
    camera: Camera = option(section(Camera), "How the view moves", default=Camera(), default_text="still")
    carry: Carry = option(
        section(Carry),
        "What is done to the picture on its way to the next frame",
        default=Carry(),
        default_text="see the fields",
        none=Carry(*(Curve.constant(0.0, range=curve(0, 1).range) for _ in range(4))),
    )
    guidance: Guidance = option(
        section(Guidance),
        "How hard each frame is worked towards the prompts",
        default=Guidance(),
        default_text="see the fields",
    )
    change: float | None = option(
        number(0, 1),
        "From dreamy (0) to restless (1): sets steps, learning_rate, stay_near and noise together, where "
        "they are not written",
        default=None,
        default_text="none, which is 0.5",
        example="0.3",
    )
    lead: Time | Literal["auto"] | None = option(
        Kind("lead", "a time such as 6f, 0.5s or 0.5beats, or auto"),
        "So much earlier prompts and steps change, because a picture needs time to show them; never across a "
        "cut, and not in a timelapse. With auto that time is measured before the first render",
        unit="time",
        default=None,
        default_text="0s",
        example="6f",
    )
    transition: Transition = option(
        Kind("transition", "carry, cut, dissolve or {kind: dissolve, duration: 1s}"),
        "How the shot begins: carry goes on from the last frame before it, cut and dissolve from its own "
        "start; with dissolve the shot before goes on under it",
        default=Transition(),
        default_text="carry",
        example="{kind: dissolve, duration: 1s}",
        inherited=False,
    )
    kind: str = option(
        choice(*KINDS),
        "animation: every frame goes on from the one before; timelapse: one picture comes into being, in "
        "one long optimisation without a camera",
        default="animation",
        example="timelapse",
        inherited=False,
    )
    pace: str = option(
        choice(*PACES),
        "Of a timelapse. even: the pictures change at a steady pace; linear: every step takes as long",
        default="even",
        example="linear",
        inherited=False,
    )
    freeze: Time | None = option(
        time(),
        "For so long the film holds the last picture of the shot; added to its duration",
        unit="time",
        default=None,
        default_text="0s",
        example="1s",
        inherited=False,
    )
    repeat: int = option(
        whole(1, 1000),
        "So often the film shows the shot, one time after another",
        unit="times",
        default=1,
        example="4",
        inherited=False,
    )
    reverse: bool = option(
        FLAG, "Whether the film plays the shot backwards", default=False, example="true", inherited=False
    )
    loop: bool = option(
        FLAG,
        "Whether the end of the shot is led back to its first picture, over its last second",
        default=False,
        example="true",
        inherited=False,
    )
    effects: tuple[Effect, ...] = option(
        EFFECTS_KIND,
        "What is done to the shot's pictures in the film, in this order; on the shot's time",
        default=(),
        default_text="none",
        example="[{saturation: 0.3}]",
        inherited=False,
    )
    hits: tuple[Hit, ...] = option(
        HITS_KIND,
        "Effects that are full at some moments of the shot and die away",
        default=(),
        default_text="none",
        example="[{on: 0.5s, flash: 1}]",
        inherited=False,
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    loop_place: Place = field(default=NOWHERE, compare=False, repr=False)

    extra_keys: ClassVar[Mapping[str, Option]] = {
        "at": declare(
            time(zero=True, moment=True),
            "When the shot begins in the film; instead of a duration of the shot before",
            unit="time",
            default=None,
            default_text="when the shot before ends",
            example="2s",
            inherited=False,
        ),
        "story": declare(
            Kind("story", "texts at times, such as {0s: a forest, 2s: a dark city}"),
            "Texts that follow one another and cross-fade; instead of prompts",
            default=(),
            default_text="none",
            example="{0s: a forest, 2s: a dark city}",
        ),
        "crossfade": declare(
            time(zero=True),
            "How long one text of the story takes to become the next, centered on the key's time",
            unit="time",
            default=None,
            default_text="1s",
            example="1s",
        ),
    }

    def curves(self) -> Iterator[Curve]:
        """Every curve of the shot."""
        for prompt in self.prompts:
            yield from (prompt.weight, prompt.stop)
        camera = self.camera
        yield from (camera.zoom, camera.rotate, camera.pan.x, camera.pan.y, camera.scale, camera.angle)
        yield from (camera.offset.x, camera.offset.y, camera.center.x, camera.center.y)
        yield from (camera.yaw, camera.tilt, camera.look.x, camera.look.y, camera.fov)
        carry = self.carry
        yield from (carry.match_colors, carry.match_detail, carry.sharpen, carry.noise, self.guidance.steps)
        guidance = self.guidance
        yield from filter(None, (guidance.learning_rate, guidance.smoothing, guidance.cutout_noise))
        yield from effect_curves(self.effects)
        if guidance.stay_near is not None:
            yield guidance.stay_near.weight
        if self.start.also_target is not None:
            yield self.start.also_target


@dataclass(frozen=True)
class PerceptorUse(Declared):
    """A perceptor that looks at the picture, and how much its word counts."""

    name: str = option(
        Kind("model", "the name of a perceptor"), "Of the perceptor", example="ViT-B/16", inherited=False
    )
    weight: Fraction = option(
        ratio(0, 1000, "1/2"),
        "How much it counts beside the others; only ratios matter, and with 0 it is not even loaded",
        default=Fraction(1),
        example="0.5",
    )
    cutouts: int | None = option(
        whole(1, 256),
        "Pieces of the picture that it looks at in one step",
        default=None,
        default_text="those of guidance, else its own",
        example="16",
    )
    cutout_noise: Fraction | None = option(
        ratio(0, 1, "1/10"),
        "Noise on what it looks at, up to this spread",
        unit="0..1",
        default=None,
        default_text="that of guidance, else its own",
        example="0.1",
    )
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Models:
    """What paints: one makes pictures, one or more others compare them with texts."""

    generator: str = "pocket"
    perceptors: tuple[PerceptorUse, ...] = (PerceptorUse("pocket"),)
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def used(self) -> tuple[PerceptorUse, ...]:
        """The perceptors that count, in the order in which they were written."""
        return tuple(use for use in self.perceptors if use.weight > 0)


@dataclass(frozen=True)
class Output(Declared):
    """How the films are written."""

    later: ClassVar[tuple[str, ...]] = ("upscale",)

    crf: int = option(whole(0, 51), "Quality of the MP4: smaller is better and larger", default=17)
    gif_width: int | None = option(
        whole(16, MAX_SIDE),
        "Width of the GIF",
        unit="pixels",
        default=None,
        default_text="the film's, 480 at most",
        example="320",
        key="gif.width",
    )
    gif_fps: Fraction | None = option(
        ratio(1, 50, "25/2"),
        "Frames per second of the GIF",
        unit="frames per second",
        default=None,
        default_text="the film's, 25 at most",
        example="12",
        key="gif.fps",
    )
    smooth: str | None = option(
        Kind("smooth", "minterpolate or none"),
        "With a guidance.rate below fps: ffmpeg finds the movement between the painted frames, instead of "
        "the camera's being followed",
        default=None,
        default_text="none",
        example="minterpolate",
    )


@dataclass(frozen=True)
class Size:
    """Pixels wanted; `aspect` form already worked out. compile_timeline rounds to the model's multiple."""

    width: int
    height: int


@dataclass(frozen=True)
class Scene(Declared):
    """A whole scene."""

    file: str = field(compare=False)
    """As the user named it."""
    title: str = option(
        line_of_text(200), "Of the film", default="", default_text="the file's name", example="Mordor"
    )
    size: Size = option(
        Kind("size", '[width, height], "256x144" or {aspect: "16:9", width: 256}, sides from 1 to 4096'),
        "Of the picture; rounded to what the generator needs",
        unit="pixels",
        default=Size(256, 144),
        default_text="[256, 144]",
        example='{aspect: "16:9", width: 256}',
    )
    fps: Fraction = option(
        ratio(1, 240, "30000/1001"),
        "Frames per second of the film",
        unit="frames per second",
        default=Fraction(12),
    )
    duration: Time | None = option(
        time(song=True),
        "How long the film is; may be left out when every shot has its own",
        unit="time",
        default=None,
        default_text="the sum of the shots",
        example="6s",
    )
    seed: int = option(
        whole(0, 2**63 - 1), "Another seed gives another film of the same scene", default=0, example="7"
    )
    models: Models = option(
        Kind("models", "a name, or {generator: ..., perceptor: ...}; perceptor may be a list"),
        "What paints and what judges",
        default=Models(),
        default_text="pocket",
    )
    effects: tuple[Effect, ...] = option(
        EFFECTS_KIND,
        "What is done to the pictures of the film, in this order; never to what the next frame starts from",
        default=(),
        default_text="none",
        example="[{flash: {1s: 1, 1.2s: 0}}, {saturation: 0.5}]",
    )
    hits: tuple[Hit, ...] = option(
        HITS_KIND,
        "Effects that are full at some moments of the film and die away",
        default=(),
        default_text="none",
        example="[{on: [1s, 2s], flash: 0.4, punch: 1.05, fade: 150ms}]",
    )
    loop: bool = option(
        FLAG,
        "Whether the film's end leads back into its start; its last second is painted back to its first "
        "picture and blended with it",
        default=False,
        example="true",
    )
    soundtrack: Soundtrack | None = option(
        Kind("soundtrack", "the path of a song, or {file: song.mp3, start: 12.5s, bpm: auto, ...}"),
        "The song that the film is made to",
        default=None,
        default_text="none",
        example="{file: song.mp3, bpm: 120, first_beat: 0.35s}",
    )
    stems: tuple[Stem, ...] = option(
        STEMS,
        "Parts of the song in files of their own",
        default=(),
        default_text="none",
        example="{drums: drums.wav}",
    )
    markers: tuple[tuple[str, float], ...] = option(
        MARKERS,
        "Names for moments of the song, which times may say; seconds of the song",
        default=(),
        default_text="none",
        example='{drop: "1:02.4", chorus: bar 33}',
    )
    bands: tuple[tuple[str, Band], ...] = option(
        BANDS_KIND,
        "Ranges of pitches that become signals for expressions",
        default=(),
        default_text="none",
        example="{kick: {band: [40, 120], attack: 5ms, release: 120ms}}",
        key="signals",
    )
    output: Output = option(
        section(Output), "How the films are written", default=Output(), default_text="see the fields"
    )
    shots: tuple[Shot, ...] = option(
        Kind("shots", "a list of mappings with name and duration"),
        "Parts of the film; the top level then holds what they have in common",
        default=(),
        default_text="one, called main",
        example="[{name: approach, duration: 2s}, {name: fall, transition: cut}]",
    )
    painted_rate: Fraction | None = option(
        ratio(1, 240, "25/2"),
        "Frames painted for a second; of a higher fps, the frames between are blended from both neighbors",
        unit="frames per second",
        default=None,
        default_text="fps",
        example="12",
        key="guidance.rate",
    )
    loop_place: Place = field(default=NOWHERE, compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)
    """The source."""
    sound: Sound = field(default=SILENT, compare=False, repr=False)
    """What was heard: the clock of the song, and the signals that the scene uses."""
    warnings: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """One line each, e.g. "scene.yaml:7: ... 30: did you mean 30f?"."""

    @property
    def rate(self) -> Fraction:
        """Painted frames per second."""
        return self.painted_rate or self.fps

    extra_keys: ClassVar[Mapping[str, Option]] = {
        "vqanim": declare(
            Kind("version", f"{VERSION}"), "Version of the scene language", default=VERSION, example="1"
        ),
        "lyrics": declare(
            LYRICS,
            "Words with times; each line becomes a marker",
            default=None,
            default_text="none",
            example="song.lrc",
        ),
    }
