"""What a compiled scene is: plain numbers for every frame. No torch, no curves, no files read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from vqanim.camera.step import CameraStep, Move
from vqanim.effects import EffectNow
from vqanim.icons import IconSpec
from vqanim.losses import LOSSES

Color = tuple[float, float, float]
InputRole = Literal["previous", "anchor", "target", "picture", "params"]
"""What an input is for: the frame that is carried, the one whose look is held, one that a term compares with,
a picture file of the start and of terms, or the generator's parameters of the frame that is carried."""


@dataclass(frozen=True)
class StartPlan:
    """The picture that a shot starts from when it carries nothing."""

    kind: str  # noise, image, color, gradient or icon; of what a term names also frame
    image: str | None = None  # absolute path; its content hash, not its name, goes into the digest
    colors: tuple[Color, ...] = ()  # sRGB in 0..1; one for color, two or more from top to bottom for gradient
    icon: IconSpec | None = None  # for icon; its content hash, not its name or file, goes into the digest
    fit: str = "cover"  # how an image becomes a frame: cover, contain or stretch
    frame: FrameRef | None = None  # for frame: a saved one; its pixels go into the digest
    view: tuple[float, ...] = ()
    """For frame: how it is moved, a forward matrix row by row, in frame widths from the middle of the frame
    (see camera.homography); empty where it is not."""
    border: str = "reflect"  # for frame: what is seen beyond it

    @property
    def is_picture(self) -> bool:
        """True when the start is itself the picture wanted, not what one grows from."""
        return self.kind in ("image", "icon")

    @property
    def file(self) -> str | None:
        """Absolute path of the file that the start is made from, if there is one."""
        return self.image if self.icon is None else self.icon.figure.file


@dataclass(frozen=True)
class AreaPlan:
    """A part of the frame: where a figure is drawn, or where a picture is light."""

    shape: StartPlan  # an icon or image; only its form counts, no colors
    outside: bool = False  # True: all but that


@dataclass(frozen=True)
class WeightedTerm:
    """One term of the loss of a frame."""

    kind: str  # name in the registry of loss terms: `prompt`, `image`, `pixels`, `stay_near_latents`, ...
    text: str  # the prompt with its style; for a picture its name, which is for people only
    weight: float
    stop: float = 0.0
    target: StartPlan | None = None
    """The picture that it compares with, where that is neither a text nor the frame before."""
    area: AreaPlan | None = None  # where it pulls; None: everywhere
    settings: tuple[tuple[str, Any], ...] = ()
    """What the kind's own settings are where a scene says so, sorted by name."""

    @property
    def pictures(self) -> tuple[StartPlan, ...]:
        """The pictures that it names: its target, then the shape of its area."""
        named = (self.target, None if self.area is None else self.area.shape)
        return tuple(picture for picture in named if picture is not None)

    @property
    def is_prompt(self) -> bool:
        """Whether it says what to show; the others hold a picture back."""
        return LOSSES[self.kind].pulls


@dataclass(frozen=True)
class FrameRef:
    """A frame of a take."""

    shot: str
    index: int


@dataclass(frozen=True)
class Input:
    """Something saved that a frame is painted from: a frame of a take, or a file."""

    role: InputRole
    frame: FrameRef | None = None
    file: str | None = None  # absolute path of a picture; its content, not its name, goes into the digest


@dataclass(frozen=True)
class Segment:
    """Steps of one optimization that follow each other and are made alike."""

    steps: int
    losses: tuple[WeightedTerm, ...]  # terms with a weight other than zero
    learning_rate: float
    smoothing: float


@dataclass(frozen=True)
class TimelapsePlan:
    """A take that is one long optimization: its frames are picked from the pictures on the way."""

    frames: int  # those over which the picture comes into being; frames after them show how it came out
    even: bool  # whether the change is spread evenly over them; else the steps are
    segments: tuple[Segment, ...]  # all its steps, in order

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Computed once: there may be thousands of segments, and as many frames that ask."""
        return hash((self.frames, self.even, self.segments))


@dataclass(frozen=True)
class FramePlan:
    """All that one frame depends on, apart from the run's settings. Floats are rounded to 9 digits."""

    shot: str
    index: int  # number of the frame in its shot, from 0
    time: float  # seconds of film
    seed: int  # the scene's seed; generators are derived from (seed, shot, index, purpose)
    previous: FrameRef | None  # the saved frame that is carried; None: the frame begins from `start`
    start: StartPlan | None  # set exactly when `previous` is None
    camera: CameraStep
    losses: tuple[WeightedTerm, ...]  # terms with a weight other than zero
    steps: int  # optimization steps; 0 when all weights are zero
    learning_rate: float
    cutouts: tuple[int, ...]  # of each perceptor, in the order of Timeline.perceptors
    match_colors: float
    match_detail: float
    sharpen: float
    noise: float
    smoothing: float = 0.0
    strength: float = 1.0
    """Of generators that denoise: under which share of the noise the picture that is carried, or begun from,
    is taken up again; 1 is all of it."""
    cutout_noise: tuple[float, ...] = (0.0,)  # of each perceptor
    anchor: FrameRef | None = None
    """An earlier saved frame whose colors and detail this one holds to; None while prompts change."""
    fit: int | None = None
    """Steps in which the parameters of the frame before, kept beside it, are fitted to what the camera makes
    of its picture; None: the generator finds parameters of any picture, and none are kept."""
    timelapse: TimelapsePlan | None = None
    """For a frame of a take that is one long optimization, which begins from `previous` or `start` and has
    `steps` in all; what it loses and how far it goes then stands here. All its frames have the same."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The steps that lead to this frame, and to the whole take of a timelapse."""
        if self.timelapse is not None:
            return self.timelapse.segments
        return (Segment(self.steps, self.losses, self.learning_rate, self.smoothing),)

    @property
    def terms(self) -> tuple[WeightedTerm, ...]:
        """The terms of all these steps."""
        return tuple(term for segment in self.segments for term in segment.losses)

    @property
    def carries_view(self) -> bool:
        """True when the frame begins from the one before as the camera sees it now; a timelapse begins from
        it as it is."""
        return self.previous is not None and self.timelapse is None

    @property
    def moves_view(self) -> bool:
        """True when the camera moves between the frame before and this one."""
        return self.carries_view and self.camera != CameraStep()

    @property
    def opens_on_picture(self) -> bool:
        """True when the steps begin from a picture that is worth showing."""
        return self.start is None or self.start.is_picture

    def part(self, first: int, steps: int) -> FramePlan:
        """The same plan with `steps` of its steps, from the step `first` on."""
        if self.timelapse is None:
            return replace(self, steps=steps)
        kept, begin = [], 0
        for segment in self.timelapse.segments:
            inside = min(begin + segment.steps, first + steps) - max(begin, first)
            kept += [replace(segment, steps=inside)] if inside > 0 else []
            begin += segment.steps
        return replace(self, steps=steps, timelapse=replace(self.timelapse, segments=tuple(kept)))

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """All that the frame is painted from, in the order in which it enters the digest. Whoever needs to
        know what a frame depends on (the chain of digests, a part of a film, a resolver of saved frames)
        reads it here."""
        targets = dict.fromkeys(term.target.frame for term in self.losses if term.target is not None)
        saved = [Input("previous", self.previous), Input("anchor", self.anchor)]
        saved += [Input("target", frame) for frame in targets]
        pictures = [self.start, *(picture for term in self.terms for picture in term.pictures)]
        files = [Input("picture", file=found.image) for found in pictures if found and found.image]
        return (*(one for one in saved if one.frame is not None), *files)

    @property
    def params(self) -> Input | None:
        """The parameters that the frame goes on from: saved beside the frame before, whose hash they are part
        of."""
        if self.fit is None or self.previous is None:
            return None
        return Input("params", self.previous)

    @property
    def input_frames(self) -> tuple[FrameRef, ...]:
        """The saved frames among its inputs, each once."""
        return tuple(dict.fromkeys(one.frame for one in self.inputs if one.frame is not None))


@dataclass(frozen=True)
class ShotPlan:
    """The frames of one take, in order."""

    name: str
    frames: tuple[FramePlan, ...]
    overhang: int = 0  # how many of the last frames lie past the shot's end, under the dissolve that follows
    after: CameraStep = CameraStep()
    """The step that would lead on from the last frame; known only where the edit needs it."""


@dataclass(frozen=True)
class Look:
    """A saved frame as it is seen in a film frame."""

    frame: FrameRef
    share: float = 1.0  # of the layer's picture; those of a layer add up to 1
    moves: tuple[Move, ...] = ()  # done one after another, the first one first


@dataclass(frozen=True)
class Layer:
    """The picture of one shot in a film frame: its looks blended, then its own effects."""

    looks: tuple[Look, ...]
    share: float = 1.0  # of the film frame; those of a film frame add up to 1
    effects: tuple[EffectNow, ...] = ()


@dataclass(frozen=True)
class FilmFrame:
    """One frame of the film: layers blended, then the film's effects. None of it reaches a take."""

    time: float  # seconds of film
    layers: tuple[Layer, ...]
    effects: tuple[EffectNow, ...] = ()

    @property
    def frames(self) -> tuple[FrameRef, ...]:
        """The saved frames that it is made of."""
        return tuple(look.frame for layer in self.layers for look in layer.looks)

    @property
    def untouched(self) -> FrameRef | None:
        """The saved frame that this film frame shows exactly as it is, if there is one."""
        if self.effects or len(self.frames) != 1:
            return None
        (layer,) = self.layers
        return None if layer.effects or layer.looks[0].moves else layer.looks[0].frame


@dataclass(frozen=True)
class Chapter:
    """Where a shot begins in the film."""

    name: str
    first: int  # number of its first film frame


@dataclass(frozen=True)
class SoundPlan:
    """What is heard."""

    file: str  # absolute path of the song
    start: float = 0.0  # seconds of the song at which the film begins


@dataclass(frozen=True)
class PerceptorPlan:
    """A perceptor that looks at all frames."""

    name: str
    share: float = 1.0  # how much it counts; the shares of all perceptors add up to 1


def _readable(value: Any) -> str:
    """A setting's value for people."""
    named = isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    return " and ".join(value) if named else str(value)


@dataclass(frozen=True)
class Timeline:
    """A scene in numbers."""

    title: str
    width: int
    height: int
    fps: Fraction
    seed: int
    generator: str
    perceptors: tuple[PerceptorPlan, ...]  # only those that count
    shots: tuple[ShotPlan, ...]
    edit: tuple[FilmFrame, ...]  # the film: what is shown when
    crf: int
    gif_width: int
    gif_fps: Fraction
    crisp: bool = False  # whether pictures are enlarged and shrunk without smoothing
    chapters: tuple[Chapter, ...] = ()
    rate: Fraction | None = None  # painted frames per second; None is fps
    generator_settings: tuple[tuple[str, Any], ...] = ()
    """What a scene says of the generator's own settings, sorted by name."""
    keys: tuple[FilmFrame, ...] = ()
    """The film at the painted rate and without its own effects, where ffmpeg finds the frames between."""
    sound: SoundPlan | None = None  # None for a silent film
    warnings: tuple[str, ...] = ()  # one line each, for people

    @property
    def frame_count(self) -> int:
        """Frames to paint."""
        return sum(len(shot.frames) for shot in self.shots)

    @property
    def models(self) -> str:
        """The names of generator and perceptors, as frames carry them."""
        return " + ".join([self.generator_text, *(plan.name for plan in self.perceptors)])

    @property
    def generator_text(self) -> str:
        """The generator with the settings that are not its defaults, as in `pixels (cells 32)`."""
        settings = ", ".join(f"{name} {_readable(value)}" for name, value in self.generator_settings)
        return f"{self.generator} ({settings})" if settings else self.generator

    @property
    def prompts(self) -> tuple[str, ...]:
        """Every prompt text once, in order of first use."""
        return tuple(dict.fromkeys(term.text for term in self._terms() if term.kind == "prompt"))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of all terms."""
        return frozenset(term.kind for term in self._terms())

    @property
    def pictures(self) -> tuple[StartPlan, ...]:
        """Every picture that a term names, once, in order of first use."""
        return tuple(dict.fromkeys(picture for term in self._terms() for picture in term.pictures))

    def _terms(self) -> Iterator[WeightedTerm]:
        return (term for shot in self.shots for frame in shot.frames for term in frame.losses)
