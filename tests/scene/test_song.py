"""Bars, beats, markers and signals mean in a scene what a musician means by them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from vqanim.errors import SceneError
from vqanim.scene import Scene, dump_scene, load_scene_text
from vqanim.scene.curves import Keyframes
from vqanim.scene.sound import Clock
from vqanim.scene.times import Time, TimeBase

Read = Callable[..., Scene]

STEADY = "soundtrack: {file: song.mp3, bpm: 120, first_beat: 0.5s}\n"
"""A beat every half second, bar N at 0.5 + 2 (N - 1) s."""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a scene whose song nobody listens to."""
    for name in ("song.mp3", "drums.wav"):
        (tmp_path / name).touch()

    def read_(text: str, song: str = STEADY) -> Scene:
        return load_scene_text(f"prompts: a lake\n{song}{text}", "scene.yaml", tmp_path)

    return read_


def key_times(scene: Scene, shot: int = 0) -> list[float]:
    """Seconds of the keys of the zoom of a shot, on the time that they run on."""
    curve = scene.shots[shot].camera.zoom
    assert isinstance(curve, Keyframes)
    return [float(key.time.value) for key in curve.keys]


def lengths(scene: Scene) -> list[float | None]:
    """Seconds of the shots, as they are written."""
    return [None if shot.duration is None else float(shot.duration.value) for shot in scene.shots]


MOMENTS = {
    "8beats": 4.0,
    "1 beat": 0.5,
    "2bars": 4.0,
    ".5bars": 1.0,
    "bar 1": 0.5,
    "bar 33": 64.5,
    "bar 2 beat 3": 3.5,
    "bar 1.5": 1.5,
    "drop": 62.4,
    "drop+2beats": 63.4,
    "drop - 1bar": 60.4,
    "drop + 250ms": 62.65,
    "chorus": 8.5,
    "last-call": 9.0,
    "bar 2+1beats": 3.0,
}
MARKERS = 'markers: {drop: "1:02.4", chorus: bar 5, last-call: chorus+1beats}\n'


@pytest.mark.parametrize("text", MOMENTS)
def test_moments(text: str, read: Read) -> None:
    scene = read(f"duration: 100s\n{MARKERS}camera: {{zoom: {{{text}: 1.1, 99s: 1.2}}}}")
    assert key_times(scene)[0] == pytest.approx(MOMENTS[text], abs=1e-9)


def test_markers_past_the_end_of_the_film_are_pointed_out(read: Read) -> None:
    (warning,) = read(f"duration: 20s\n{MARKERS}").warnings
    assert warning.startswith("scene.yaml:4: markers: drop lies past the end of the film (20 s)")
    song = "soundtrack: {file: song.mp3, bpm: 120, first_beat: 0.5s, start: 50s}\n"
    assert read('duration: 20s\nmarkers: {drop: "1:02.4"}\n', song).warnings == ()


def test_the_film_may_begin_within_the_song(read: Read) -> None:
    song = "soundtrack: {file: song.mp3, bpm: 120, first_beat: 0.5s, start: 10s}\n"
    scene = read(f"duration: 100s\n{MARKERS}camera: {{zoom: {{bar 7: 1, drop: 1.1, 4beats: 1.2}}}}", song)
    assert sorted(key_times(scene)) == pytest.approx([2.0, 2.5, 52.4])


@pytest.mark.parametrize("fps", [7, 12, 24, 60])
def test_another_fps_moves_nothing(fps: int, read: Read) -> None:
    scene = read(
        f"fps: {fps}\nshots:\n- {{name: a, duration: 3bars}}\n"
        "- {name: b, duration: 3bars, camera: {zoom: {bar 5: 1, 2beats: 1.1}}}\n"
    )
    assert lengths(scene) == [6.0, 6.0]
    start = round(6.0 * fps) / fps
    assert start + key_times(scene, 1)[1] == pytest.approx(8.5, abs=1e-6)
    assert key_times(scene, 1)[0] == pytest.approx(1.0)


def test_shots_begin_on_bars_and_markers(read: Read) -> None:
    scene = read(
        'markers: {drop: "0:07"}\nduration: 10s\n'
        "shots: [{name: a}, {name: b, at: bar 3}, {name: c, at: drop, transition: {dissolve: 1beat}}]"
    )
    assert lengths(scene) == [4.5, 2.5, None]
    assert scene.shots[2].transition.duration == Time.of_seconds(0.5)


def test_a_bar_in_a_later_shot_is_where_the_film_is_then(read: Read) -> None:
    scene = read(
        "shots:\n- {name: a, duration: 2s, repeat: 2, freeze: 1s}\n"
        "- {name: b, duration: 4s, camera: {zoom: {bar 4: 1}}}\n"
    )
    assert key_times(scene, 1) == [pytest.approx(6.5 - 5.0)]


def test_a_tempo_map(read: Read) -> None:
    song = 'soundtrack: {file: song.mp3, first_beat: 1s, tempo: {0s: 60, "bar 3": 120, 20s: 240}}\n'
    scene = read("duration: 60s\ncamera: {zoom: {bar 2: 1, bar 3: 1, bar 4: 1, bar 8: 1, 4beats: 1}}", song)
    # Bar 3 begins after eight beats of a second; then beats are 0.5 s, and from 20 s on 0.25 s.
    assert sorted(key_times(scene)) == pytest.approx([4, 5, 9, 11, 19])


def test_a_length_in_beats_is_that_of_the_beats_where_it_begins(read: Read) -> None:
    song = "soundtrack: {file: song.mp3, first_beat: 0s, tempo: {0s: 60, 8s: 120}}\n"
    scene = read("shots: [{name: a, duration: 8beats}, {name: b, duration: 8beats}]", song)
    assert lengths(scene) == [8.0, 4.0]


@pytest.mark.parametrize("beats", ["taps.txt", "[0.5s, 1.25, 2s, 0:02.5]"])
def test_beats_that_were_tapped(beats: str, read: Read, tmp_path: Path) -> None:
    (tmp_path / "taps.txt").write_text("# tapped\n0.5\n1.25s\n\n2  # a comment\n0:02.5\n")
    song = f"soundtrack: {{file: song.mp3, beats: {beats}, first_beat: 1.2s}}\n"
    scene = read("duration: 9s\ncamera: {zoom: {bar 1: 1, bar 1 beat 2.5: 1, bar 2: 1}}", song)
    assert key_times(scene) == pytest.approx([1.25, 2.25, 3.5])  # the last step goes on


LRC = (
    "[ti:A song]\n[offset:+500]\n[00:02.00]Hello, <00:02.50>darkness\n[00:04.5][01:00.00]Again!\n[00:07.00]\n"
)
SRT = (
    "1\n00:00:01,500 --> 00:00:03,000\n<i>Hello,</i>\ndarkness\n\n2\n00:00:04,000 --> 00:00:05,000\nAgain!\n"
)


@pytest.mark.parametrize("name", ["song.lrc", "song.srt"])
def test_lines_of_lyrics_are_markers(name: str, read: Read, tmp_path: Path) -> None:
    (tmp_path / name).write_text(LRC if name == "song.lrc" else SRT)
    scene = read(
        f"duration: 90s\nlyrics: {name}\ncamera: {{zoom: {{line-1: 1, again: 1, hello-darkness+1beat: 1}}}}"
    )
    assert key_times(scene) == pytest.approx([1.5, 2.0, 4.0])


def test_a_resolved_scene_says_the_same_without_listening(read: Read, tmp_path: Path) -> None:
    scene = read(
        "duration: 4bars\nstems: {drums: drums.wav}\nmarkers: {drop: bar 3}\n"
        "signals: {kick: {band: [40, 120], release: 0.2s}}\nfps: 30000/1001\n"
        'camera: {zoom: "1 + 0.1 * kick * drums.onset", angle: {bar 2: 1, drop-1beats: [3, step]}}\n'
        "hits: [{on: beat, every: 1/3, flash: 0.1},"
        " {on: beat, every: 2bars, from: drop, to: 7s, flash: 0.4, fade: 0.5beats},"
        " {on: drums.kick, above: 0.7, punch: 1.1}, {on: bar, flash: 1}]"
    )
    text = dump_scene(scene, {str(tmp_path / name): name for name in ("song.mp3", "drums.wav")})
    (tmp_path / "resolved.yaml").write_text(text)
    again = load_scene_text(text, str(tmp_path / "resolved.yaml"), tmp_path)
    assert again == scene
    assert again.soundtrack is not None
    assert again.soundtrack.clock() == Clock.steady(120, 0.5)
    assert [hit.each.every for hit in again.hits if hit.each and hit.each.signal == "beat"] == [
        Fraction(1, 3),
        8,
        4,
    ]


def test_a_moment_without_end_in_decimals_is_written_out_too(read: Read, tmp_path: Path) -> None:
    song = "soundtrack: {file: song.mp3, bpm: 87, first_beat: 0.3s}\n"
    scene = read("duration: 7beats\nmarkers: {a: bar 2 beat 2}\ncamera: {zoom: {a: 1, 1beats: 1.1}}", song)
    text = dump_scene(scene, {str(tmp_path / "song.mp3"): "song.mp3"})
    assert load_scene_text(text, str(tmp_path / "resolved.yaml"), tmp_path) == scene


HEAD = "duration: 60s\n"
MISTAKES = {
    "markers: {drop: 1s}": (HEAD + "markers: {drop: 1s}", "", "found markers without a soundtrack: add"),
    "bpm 0": (
        HEAD,
        "soundtrack: {file: song.mp3, bpm: 0}\n",
        "2: soundtrack.bpm: found '0', allowed a number from 10",
    ),
    "bpm and beats": (
        HEAD,
        "soundtrack: {file: song.mp3, bpm: 90, beats: [0s, 1s]}\n",
        "2: soundtrack: found bpm and beats, allowed is one of them",
    ),
    "no file": (
        HEAD,
        "soundtrack: {file: none.mp3}\n",
        "soundtrack.file: the sound file 'none.mp3' is missing",
    ),
    "outside": (HEAD, "soundtrack: ../song.mp3\n", "it leads out of the scene's folder"),
    "meter": (
        HEAD,
        "soundtrack: {file: song.mp3, meter: 0}\n",
        "soundtrack.meter: found '0', allowed a whole number",
    ),
    "unknown key": (HEAD, "soundtrack: {file: song.mp3, bmp: 9}\n", "unknown key 'bmp', did you mean 'bpm'?"),
    "tempo back": (
        HEAD,
        "soundtrack: {file: song.mp3, first_beat: 0s, tempo: {9s: 90, 3s: 60}}\n",
        "the moments of the tempos must follow one another",
    ),
    "beats back": (
        HEAD,
        "soundtrack: {file: song.mp3, beats: [2s, 1s]}\n",
        "entry 2: 1 s does not come after 2 s",
    ),
    "taps": (
        HEAD,
        "soundtrack: {file: song.mp3, beats: taps.txt}\n",
        "taps.txt: line 2: found 'x', allowed a time",
    ),
    "bar 0": (HEAD + "camera: {zoom: {bar 0: 1}}", STEADY, "found the key 'bar 0', bars are counted from 1"),
    "beat 5": (
        HEAD + "camera: {zoom: {bar 3 beat 5: 1}}",
        STEADY,
        "found the key 'bar 3 beat 5', a bar has 4 beats, counted from 1",
    ),
    "marker": (
        HEAD + "markers: {chorus: 9s}\ncamera: {zoom: {chorsu: 1}}",
        STEADY,
        "there is no marker 'chorsu', did you mean 'chorus'?",
    ),
    "moment as length": (
        HEAD + "hits: [{on: 1s, flash: 1, fade: bar 3}]",
        STEADY,
        "found 'bar 3', which is a moment; allowed is a length",
    ),
    "before the film": (
        HEAD + "camera: {zoom: {bar 1: 1}}",
        "soundtrack: {file: song.mp3, bpm: 120, first_beat: 0s, start: 3s}\n",
        "found the key 'bar 1', which is 3 s before the film begins",
    ),
    "signal without a soundtrack": (
        HEAD + 'camera: {zoom: "1 + bass"}',
        "",
        "'bass' is heard in a soundtrack, and there is none: add `soundtrack: {file: song.mp3}`",
    ),
    "unknown signal": (
        HEAD + 'camera: {zoom: "1 + bas"}',
        STEADY,
        "unknown name 'bas', did you mean 'bass'?",
    ),
    "no stem": (
        HEAD + 'camera: {zoom: "1 + drums.onset"}',
        STEADY,
        "needs a stem: add `stems: {drums: drums.wav}`",
    ),
    "unknown of a stem": (
        HEAD + 'stems: {drums: drums.wav}\ncamera: {zoom: "1 + drums.onst"}',
        STEADY,
        "unknown name 'drums.onst', did you mean 'drums.onset'?",
    ),
    "band": (
        HEAD + "signals: {kick: {band: [120, 40]}}",
        STEADY,
        "found [120, 40], allowed the lower one first",
    ),
    "band name": (
        HEAD + "signals: {sin: {band: [1, 2]}}",
        STEADY,
        "found the name 'sin', it means something else",
    ),
    "stem name": (HEAD + "stems: {in: drums.wav}", STEADY, "found the name 'in', it means something else"),
    "marker before the song": (
        HEAD + "markers: {drop: bar 1-1s}",
        STEADY,
        "markers.drop: found 'bar 1-1s', which lies before the song begins",
    ),
    "marker name": (HEAD + "markers: {beat: 3s}", STEADY, "found the name 'beat', allowed"),
    "every": (
        HEAD + "hits: [{on: beat, every: 0, flash: 1}]",
        STEADY,
        "hits[0].every: found '0', allowed a number",
    ),
    "every 1/0": (HEAD + "hits: [{on: beat, every: 1/0, flash: 1}]", STEADY, "found '1/0', allowed a number"),
    "above a beat": (
        HEAD + "hits: [{on: beat, above: 0.5, flash: 1}]",
        STEADY,
        "found above, which a beat has not",
    ),
    "every onset": (
        HEAD + "hits: [{on: onset, every: 2, flash: 1}]",
        STEADY,
        "found every, allowed for `on: beat`",
    ),
    "unknown hit": (HEAD + "hits: [{on: onsett, flash: 1}]", STEADY, "there is no marker 'onsett'"),
    "an empty LRC": (
        HEAD + "lyrics: empty.lrc",
        STEADY,
        "empty.lrc: has no line with a time in it, allowed are LRC",
    ),
    "an LRC without times": (
        HEAD + "lyrics: plain.lrc",
        STEADY,
        "plain.lrc: has no line with a time in it, allowed are LRC",
    ),
    "a broken SRT": (
        HEAD + "lyrics: broken.srt",
        STEADY,
        "broken.srt: has no line with a time in it, allowed are LRC",
    ),
    "no LRC": (HEAD + "lyrics: none.lrc", STEADY, "none.lrc: No such file"),
    "duration: soundtrack": ("duration: soundtrack", "", "found 'soundtrack', but there is none: add"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_one_clear_message(name: str, read: Read, tmp_path: Path) -> None:
    (tmp_path / "taps.txt").write_text("1\nx\n")
    (tmp_path / "empty.lrc").write_text("[ti:nothing]\n")
    (tmp_path / "plain.lrc").write_text("Hello\n")
    (tmp_path / "broken.srt").write_text("1\nsoon\nHello\n")
    text, song, said = MISTAKES[name]
    with pytest.raises(SceneError) as caught:
        read(text, song)
    assert len(caught.value.problems) == 1, caught.value
    assert str(caught.value).startswith("scene.yaml:")
    assert said in str(caught.value)


def test_what_needs_a_missing_song_is_no_mistake_of_its_own(read: Read) -> None:
    with pytest.raises(SceneError) as caught:
        read(
            "duration: soundtrack\nmarkers: {drop: bar 3}\nsignals: {kick: {band: [40, 120]}}\n"
            'camera: {zoom: "1 + kick", angle: {drop: 1, 2bars: 2}}\n'
            "hits: [{on: beat, every: 2, flash: 1}, {on: drums.onset, above: 0.5, flash: 1}]",
            "soundtrack: none.mp3\n",
        )
    assert [problem.about_file for problem in caught.value.problems] == [True]


def test_lyrics_without_any_line_are_a_mistake_as_in_a_scene(read: Read, tmp_path: Path) -> None:
    (tmp_path / "plain.lrc").write_text("Hello\n")
    with pytest.raises(SceneError) as caught:
        read(HEAD + "lyrics: plain.lrc")
    assert caught.value.exit_code == 2


def test_fades_in_beats(read: Read) -> None:
    (hit,) = read("duration: 5s\nhits: [{on: beat, flash: 1, fade: 0.5beats}]").hits
    assert hit.fade.seconds(TimeBase(5.0, read("duration: 5s").fps)) == 0.25
