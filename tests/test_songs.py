"""Scenes with songs that are really listened to: beats, cuts and flashes come out where the clicks are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import sounds as songs
from tests.sounds import RATE, Sound
from vqanim.api.project import load_scene, song_files
from vqanim.errors import SceneError
from vqanim.files import sha256_of
from vqanim.scene import Scene, dump_scene
from vqanim.scene.sound import Clock
from vqanim.timeline import Timeline, compile_timeline

Load = Callable[..., Scene]
TRUTH, CLICKS = songs.clicks(120, 0.4, 8)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a scene with `song.wav` beside it."""

    def load_(
        text: str, sound: Sound = CLICKS, song: str = "soundtrack: song.wav\n", **stems: Sound
    ) -> Scene:
        soundfile.write(tmp_path / "song.wav", sound, RATE)
        for name, stem in stems.items():
            soundfile.write(tmp_path / f"{name}.wav", stem, RATE)
        (tmp_path / "scene.yaml").write_text(f"prompts: a lake\nsize: [64, 48]\n{song}{text}")
        return load_scene(tmp_path / "scene.yaml")

    return load_


def frames_with(timeline: Timeline, name: str, least: float) -> list[int]:
    """Numbers of the film frames at which an effect is so strong."""
    return [
        index
        for index, frame in enumerate(timeline.edit)
        if any(effect.name == name and effect.amount >= least for effect in frame.effects)
    ]


def nearest(moments: Sequence[float], fps: int) -> list[int]:
    """The frames that are nearest to some moments."""
    return [int(moment * fps + 0.5 + 1e-6) for moment in moments]


def test_the_film_is_as_long_as_the_song(load: Load) -> None:
    scene = load("duration: soundtrack\nfps: 25")
    assert len(compile_timeline(scene).edit) == 200
    later = load("duration: soundtrack\nfps: 25", song="soundtrack: {file: song.wav, start: 3s}\n")
    assert len(compile_timeline(later).edit) == 125


@pytest.mark.parametrize("fps", [12, 24, 30, 60])
def test_flashes_are_on_the_frames_of_the_clicks(fps: int, load: Load) -> None:
    scene = load(f"duration: soundtrack\nfps: {fps}\nhits: [{{on: beat, flash: 1, fade: 0s}}]")
    found = frames_with(compile_timeline(scene), "flash", 0.99)
    wanted = nearest(TRUTH, fps)
    # Beats are found to some milliseconds, so a click halfway between two frames may fall onto either.
    assert len(found) == len(wanted)
    assert all(
        abs(frame - click) <= (1 if fps > 24 else 0) for frame, click in zip(found, wanted, strict=True)
    )


def test_every_other_beat_from_a_marker_on(load: Load) -> None:
    scene = load(
        "duration: soundtrack\nfps: 20\nmarkers: {drop: 2.9s}\n"
        "hits: [{on: beat, every: 2, from: drop, to: 5s, flash: 1, fade: 0s}]",
        song="soundtrack: {file: song.wav, bpm: 120, first_beat: 0.4s}\n",
    )
    assert frames_with(compile_timeline(scene), "flash", 0.99) == [58, 78, 98]


@pytest.mark.parametrize("fps", [12, 24, 60])
def test_hits_on_a_stem_are_on_its_strokes(fps: int, load: Load) -> None:
    strokes = [0.75, 2.25, 3.5]
    scene = load(
        f"duration: soundtrack\nfps: {fps}\nstems: {{drums: drums.wav}}\n"
        "hits: [{on: drums.onset, above: 0.6, punch: 1.05, fade: 0s}]",
        drums=songs.at(strokes, 8),
    )
    found = frames_with(compile_timeline(scene), "punch", 1.04)
    assert found == pytest.approx(nearest(strokes, fps), abs=1)


def test_a_signal_moves_the_camera_at_any_fps_alike(load: Load) -> None:
    def zoomed(fps: int) -> float:
        scene = load(f'duration: 4s\nfps: {fps}\ncamera: {{zoom: "1 + 0.5 * onset"}}')
        steps = [frame.camera.scale for frame in compile_timeline(scene).shots[0].frames]
        return float(np.prod(steps)) if fps else 0.0

    rates = [zoomed(fps) for fps in (12, 24, 60)]
    assert rates[0] > 1.05
    assert rates == pytest.approx([rates[0]] * 3, rel=0.03)


def test_signals_and_beats_are_heard_where_the_film_is(load: Load) -> None:
    text = "fps: 10\nhits: [{on: beat, flash: 1, fade: 0s}]\n"
    scene = load(
        text + "shots: [{name: a, duration: 2s, freeze: 0.5s},"
        ' {name: b, duration: 2s, camera: {scale: "1 + beat"}, effects: [{fade: "beat / 100"}]}]',
        song="soundtrack: {file: song.wav, bpm: 60, first_beat: 0s, start: 1s}\n",
    )
    timeline = compile_timeline(scene)
    first = timeline.edit[25].layers[0].effects[0]
    assert first.amount == pytest.approx(0.035)  # 2.5 s into the film, 3.5 s into the song
    scale = timeline.shots[1].frames[1].camera.scale
    assert scale == pytest.approx(4.6 / 4.5)


def test_shots_begin_on_beats_that_were_heard(load: Load) -> None:
    scene = load(
        "duration: soundtrack\nfps: 100\n"
        "shots: [{name: a}, {name: b, at: bar 2}, {name: c, at: bar 3 beat 2}]"
    )
    assert [chapter.first for chapter in compile_timeline(scene).chapters] == [
        0,
        *(pytest.approx(100 * moment, abs=1) for moment in (TRUTH[4], TRUTH[9])),
    ]


def test_a_first_beat_is_found_for_a_tempo_that_is_known(load: Load) -> None:
    scene = load("duration: 1s", song="soundtrack: {file: song.wav, bpm: 120}\n")
    assert scene.soundtrack is not None
    assert scene.soundtrack.beats == ()
    first = scene.soundtrack.first_beat
    assert first is not None
    assert (first - 0.4) % 0.5 == pytest.approx(0.0, abs=0.004) or (first - 0.4) % 0.5 == pytest.approx(
        0.5, abs=0.004
    )


def test_beats_are_read_from_an_earlier_render(load: Load, tmp_path: Path) -> None:
    scene = load("duration: 4s")
    assert scene.soundtrack is not None
    folder = tmp_path / "renders"
    folder.mkdir()
    digest = next((tmp_path / "cache" / "sound").iterdir()).name[:16]
    text = dump_scene(scene, dict.fromkeys(song_files(scene), f"assets/{digest}.wav"))
    moved = text.replace("beats: [", "beats: [0.1s, ", 1)
    (folder / "scene.resolved.yaml").write_text(moved)
    again = load_scene(tmp_path / "scene.yaml", folder=folder)
    assert again.soundtrack is not None
    assert again.soundtrack.beats == (0.1, *scene.soundtrack.beats)
    soundfile.write(tmp_path / "song.wav", CLICKS[::-1], RATE)  # another song
    other = load_scene(tmp_path / "scene.yaml", folder=folder)
    assert other.soundtrack is not None
    assert 0.1 not in other.soundtrack.beats


def test_beats_that_were_tapped_are_not_taken_for_heard_ones(load: Load, tmp_path: Path) -> None:
    scene = load("duration: 4s", song="soundtrack: {file: song.wav, beats: [0s, 1s, 2s], first_beat: 0s}\n")
    (tmp_path / "renders").mkdir()
    digest = sha256_of(tmp_path / "song.wav")[:16]
    text = dump_scene(scene, dict.fromkeys(song_files(scene), f"assets/{digest}.wav"))
    (tmp_path / "renders" / "scene.resolved.yaml").write_text(text)
    load("duration: 4s")
    again = load_scene(tmp_path / "scene.yaml", folder=tmp_path / "renders")
    assert again.soundtrack is not None
    assert again.soundtrack.beats == pytest.approx(TRUTH, abs=0.01)


MISTAKES = {
    "silent": (songs.silence(3), "", "song.wav: is silent: nothing in it is louder"),
    "one sample": (np.array([0.5], np.float32), "", "song.wav: holds 1 sample"),
    "start after the end": (CLICKS, "start: 9s", "soundtrack.start: found 9 s, which lies past the end"),
    "bar after the end": (
        CLICKS,
        "",
        "found the key 'bar 40', which lies past the end of the song (8 s, bar 4)",
    ),
    "marker after the end": (
        CLICKS,
        "",
        "markers.drop: found '1:00', which lies past the end of the song (8 s)",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_one_clear_message(name: str, load: Load, tmp_path: Path) -> None:
    sound, more, said = MISTAKES[name]
    text = {
        "bar after the end": "camera: {zoom: {bar 40: 1}}\n",
        "marker after the end": 'markers: {drop: "1:00"}\n',
    }.get(name, "")
    with pytest.raises(SceneError) as caught:
        load(f"duration: 2s\n{text}", sound, f"soundtrack: {{file: song.wav, {more}}}\n")
    assert len(caught.value.problems) == 1, caught.value
    assert said in str(caught.value)


def test_an_end_mark_of_lyrics_past_the_end_is_told_and_harms_nothing(load: Load, tmp_path: Path) -> None:
    (tmp_path / "song.lrc").write_text("[00:01.00]Hello\n[99:59.99]end\n")
    scene = load("duration: 2s\nlyrics: song.lrc\ncamera: {zoom: {hello: 1, 1.5s: 2}}\n")
    (warning,) = scene.warnings
    assert "song.lrc: 'end' at 5999.99 s lies past the end of the song (8 s)" in warning
    names = {str(tmp_path / "song.wav"): "song.wav"}
    (tmp_path / "resolved.yaml").write_text(dump_scene(scene, names))
    assert load_scene(tmp_path / "resolved.yaml").markers == scene.markers
    with pytest.raises(SceneError, match="past the end of the song"):
        load("duration: 2s\nlyrics: song.lrc\ncamera: {zoom: {end: 1}}\n")


def test_a_stem_that_is_cut_short_is_named(load: Load, tmp_path: Path) -> None:
    load("duration: 1s", drums=CLICKS)
    data = (tmp_path / "drums.wav").read_bytes()
    (tmp_path / "drums.wav").write_bytes(data[: len(data) // 2])
    with pytest.raises(SceneError, match=r"stems\.drums: drums.wav: is cut short") as caught:
        load("duration: 1s\nstems: {drums: drums.wav}")
    assert caught.value.exit_code == 3


def test_a_timeline_needs_what_the_scene_asks_to_hear(load: Load) -> None:
    from dataclasses import replace

    from vqanim.scene.sound import SILENT

    scene = load('duration: 1s\ncamera: {zoom: "1 + bass"}')
    with pytest.raises(SceneError, match="nobody has listened to bass"):
        compile_timeline(replace(scene, sound=SILENT))
    given = compile_timeline(replace(scene, sound=SILENT), Clock.steady(120, 0), scene.sound.signals)
    assert given == compile_timeline(scene)
    assert given.fps == Fraction(12)
