"""The whole scene, and how its films are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from vqanim.errors import Place
from vqanim.scene.curves import NOWHERE, Formula
from vqanim.scene.fields.base import Declared, Option, ReadElsewhere, curves_of, option, own
from vqanim.scene.fields.effects import EFFECTS_TYPE, HITS_TYPE, Effect, Hit
from vqanim.scene.fields.models import Models, ModelsType, Size, SizeType
from vqanim.scene.fields.music import LYRICS, MARKERS, Band, BandsType, Stem, StemsType
from vqanim.scene.fields.numbers import ratio, whole
from vqanim.scene.fields.sections import part_schema, section
from vqanim.scene.fields.texts import FLAG, LANGUAGE_VERSION, line_of_text, one_of
from vqanim.scene.fields.times import time
from vqanim.scene.limits import MAX_SIDE, VERSION
from vqanim.scene.model.shot import Shot
from vqanim.scene.sound import SILENT, Sound
from vqanim.scene.soundtrack import Soundtrack, SoundtrackType
from vqanim.scene.times import SongTimes, Time


@dataclass(frozen=True)
class Output(Declared):
    """How the films are written."""

    later: ClassVar[tuple[str, ...]] = ("upscale",)

    crf: int = option("Quality of the MP4: smaller is better and larger", whole(0, 51).declare(17))
    gif_width: int | None = own(
        "Width of the GIF",
        whole(16, MAX_SIDE).declare(
            None, "pixels", default_text="the film's, 480 at most", example="320", key="gif.width"
        ),
    )
    gif_fps: Fraction | None = own(
        "Frames per second of the GIF",
        ratio(1, 50, "25/2").declare(
            None, "frames per second", default_text="the film's, 25 at most", example="12", key="gif.fps"
        ),
    )
    smooth: str | None = own(
        "With a guidance.rate below fps: ffmpeg finds the movement between the painted frames, instead of "
        "the camera's being followed",
        one_of(["minterpolate"], "minterpolate or none").declare(None, example="minterpolate"),
    )


_SHOTS = ReadElsewhere(
    "a list of mappings with name and duration",
    lambda: [{"type": "array", "items": part_schema(Shot), "minItems": 1}],
)


@dataclass(frozen=True)
class Scene(Declared):
    """A whole scene."""

    file: str = field(compare=False)  # as the user named it
    title: str = option(
        "Of the film", line_of_text(200).declare("", default_text="the file's name", example="Mordor")
    )
    size: Size = option(
        "Of the picture; rounded to what the generator needs",
        SizeType().declare(
            Size(256, 144), "pixels", default_text="[256, 144]", example='{aspect: "16:9", width: 256}'
        ),
    )
    fps: Fraction = option(
        "Frames per second of the film",
        ratio(1, 240, "30000/1001").declare(Fraction(12), "frames per second"),
    )
    duration: Time | None = own(
        "How long the film is; may be left out when every shot has its own",
        time(song=True).declare(None, "time", default_text="the sum of the shots", example="6s"),
    )
    seed: int = option(
        "Another seed gives another film of the same scene", whole(0, 2**63 - 1).declare(0, example="7")
    )
    models: Models = option(
        "What paints and what judges", ModelsType().declare(Models(), default_text="pocket")
    )
    effects: tuple[Effect, ...] = own(
        "What is done to the pictures of the film, in this order; never to what the next frame starts from",
        EFFECTS_TYPE.declare((), example="[{flash: {1s: 1, 1.2s: 0}}, {saturation: 0.5}]"),
    )
    hits: tuple[Hit, ...] = own(
        "Effects that are full at some moments of the film and die away",
        HITS_TYPE.declare((), example="[{on: [1s, 2s], flash: 0.4, punch: 1.05, fade: 150ms}]"),
    )
    loop: bool = own(
        "Whether the film's end leads back into its start; its last second is painted back to its first "
        "picture and blended with it",
        FLAG.declare(False, example="true"),
    )
    soundtrack: Soundtrack | None = own(
        "The song that the film is made to",
        SoundtrackType().declare(None, example="{file: song.mp3, bpm: 120, first_beat: 0.35s}"),
    )
    stems: tuple[Stem, ...] = own(
        "Parts of the song in files of their own", StemsType().declare((), example="{drums: drums.wav}")
    )
    markers: tuple[tuple[str, float], ...] = own(
        "Names for moments of the song, which times may say; seconds of the song",
        MARKERS.declare((), example='{drop: "1:02.4", chorus: bar 33}'),
    )
    bands: tuple[tuple[str, Band], ...] = own(
        "Ranges of pitches that become signals for expressions",
        BandsType().declare(
            (), example="{kick: {band: [40, 120], attack: 5ms, release: 120ms}}", key="signals"
        ),
    )
    output: Output = option(
        "How the films are written", section(Output).declare(Output(), default_text="see the fields")
    )
    shots: tuple[Shot, ...] = option(
        "Parts of the film; the top level then holds what they have in common",
        _SHOTS.declare(
            (),
            default_text="one, called main",
            example="[{name: approach, duration: 2s}, {name: fall, transition: cut}]",
        ),
    )
    painted_rate: Fraction | None = own(
        "Frames painted for a second; of a higher fps, the frames between are blended from both neighbors",
        ratio(1, 240, "25/2").declare(
            None, "frames per second", default_text="fps", example="12", key="guidance.rate"
        ),
    )
    loop_place: Place = field(default=NOWHERE, compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)  # the source
    sound: Sound = field(default=SILENT, compare=False, repr=False)
    """What was heard: the clock of the song, and the signals that the scene uses."""
    warnings: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """One line each, e.g. "scene.yaml:7: ... 30: did you mean 30f?"."""

    @property
    def rate(self) -> Fraction:
        """Painted frames per second."""
        return self.painted_rate or self.fps

    @property
    def heard(self) -> frozenset[str]:
        """The names of all signals in expressions and hits: `beat`, `bass`, `drums.onset`."""
        parts: tuple[Scene | Shot, ...] = (self, *self.shots)
        curves = (curve for part in parts for curve in curves_of(part) if isinstance(curve, Formula))
        moments = {hit.each.signal for part in parts for hit in part.hits if hit.each is not None}
        return frozenset(moments).union(*(curve.signals for curve in curves))

    @property
    def song_times(self) -> SongTimes | None:
        """What bars, beats and markers mean on the time of the film; None without a song."""
        if (track := self.soundtrack) is None:
            return None
        markers = {name: second - track.start for name, second in self.markers}
        return SongTimes(self.sound.clock or track.clock(), markers)

    extra_keys: ClassVar[Mapping[str, Option]] = {
        "vqanim": Option(LANGUAGE_VERSION, "Version of the scene language", VERSION, example="1"),
        "lyrics": Option(LYRICS, "Words with times; each line becomes a marker", None, example="song.lrc"),
    }
