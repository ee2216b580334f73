"""A scene with a song, however it is looked at: parts, drafts, plans and previews agree with the film."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import sounds
from tests.sounds import RATE
from vqanim import api
from vqanim.engine.events import ResponseMeasured
from vqanim.errors import SceneError, UsageError
from vqanim.ffmpeg import executable
from vqanim.scene import load_scene_text
from vqanim.timeline import compile_timeline
from vqanim.timeline.part import Part, cut_part, part_of

TRUTH, CLICKS = sounds.clicks(120, 0.4, 4)
SCENE = """\
size: [64, 48]
fps: 12
duration: soundtrack
soundtrack: {file: song.wav, start: 0.5s}
prompts: [a lake]
hits: [{on: beat, flash: 1, fade: 0s}]
"""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "song.wav", CLICKS, RATE)
    (tmp_path / "scene.yaml").write_text(SCENE)
    return tmp_path / "scene.yaml"


def test_a_part_begins_where_the_song_is_by_then(scene: Path) -> None:
    timeline = api.prepare(scene).timeline
    part = part_of(timeline, "1s:2s")
    assert part is not None
    sound = cut_part(timeline, part).sound
    assert sound is not None
    assert sound.start == pytest.approx(1.5)


PARTS = {
    "bar 1:bar 2": (-1, 23),
    "bar 1 beat 2:drop": (5, 17),
    "drop-1beat:drop+1bar": (11, 41),
    "drop:": (17, 42),
    ":4beats": (0, 24),
    "2beats:1:00%": None,
    "line-1:line-1+500ms": (12, 18),
    "0:01:drop": (12, 17),
    "1s:drop": (12, 17),
    "12f:50%": (12, 21),
}
"""First and last frame, at 12 fps, of a film that begins half a second into the song; -1 for an error."""
WRONG = {
    "drpo:bar 2": "there is no marker 'drpo', did you mean 'drop'?",
    "bar 2:bar 99": "these are the film's frames 23 to",
    "drop:bar 1 beat 2": "the first before the last",
    "bar 0:drop": "bars are counted from 1",
    "bar 1 beat 9:drop": "a bar has 4 beats",
    "x y:drop": "is no part of a film, 'x y' is no time, allowed is A:B such as 3s:6s",
    "3x:drop": "or :2s, with its song bar 9:bar 17",
    "drop": "is no part of a film",
}


@pytest.fixture
def marked(scene: Path) -> Path:
    song = "soundtrack: {file: song.wav, start: 0.5s, bpm: 120, first_beat: 0.4s}"
    text = SCENE.replace("soundtrack: {file: song.wav, start: 0.5s}", song)
    (scene.parent / "words.lrc").write_text("[00:01.50]La la\n")
    scene.write_text(text + "markers: {drop: bar 1 beat 4}\nlyrics: words.lrc\n")
    return scene


def test_a_part_is_asked_for_in_the_words_of_the_song(marked: Path) -> None:
    prepared = api.prepare(marked)
    assert len(prepared.timeline.edit) == 42
    for frames, wanted in PARTS.items():
        if wanted is None or wanted[0] < 0:
            with pytest.raises(UsageError, match="--frames"):
                api.find_part(prepared, frames)
            continue
        assert api.find_part(prepared, frames) == Part(*wanted), frames


def test_what_is_no_part_is_told(marked: Path) -> None:
    prepared = api.prepare(marked)
    for frames, said in WRONG.items():
        with pytest.raises(UsageError) as caught:
            api.find_part(prepared, frames)
        assert said in str(caught.value), frames
    marked.write_text("size: [64, 48]\nduration: 2s\nprompts: [a]\n")
    with pytest.raises(UsageError, match="bars, beats and markers need a soundtrack"):
        api.find_part(api.prepare(marked), "bar 1:bar 2")


def test_a_part_begins_on_the_frame_of_a_cut(marked: Path) -> None:
    marked.write_text(marked.read_text() + "shots: [{name: a}, {name: b, at: drop, transition: cut}]\n")
    prepared = api.prepare(marked)
    assert api.find_part(prepared, "drop:") == api.find_part(prepared, shot="b")


def test_a_plan_tells_the_beats_on_the_time_of_the_film(scene: Path) -> None:
    document = api.outline(api.prepare(scene)).document()
    assert document["sound"]["start"] == 0.5
    assert document["beats"] == pytest.approx([at - 0.5 for at in TRUTH if at > 0.5], abs=0.03)


def test_a_preview_is_heard(scene: Path) -> None:
    prepared = api.prepare(scene)
    films = list(api.preview(prepared, part=api.find_part(prepared, "1s:2s")))
    command = [executable(), "-v", "error", "-i", films[0].path, "-map", "0:a", "-ac", "1", "-ar", "48000"]
    done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    heard = np.abs(np.frombuffer(done.stdout, "<f4"))
    assert len(heard) == 48_000
    first = np.flatnonzero(heard > 0.2)[0] / 48_000
    assert first == pytest.approx(min(at for at in TRUTH if at > 1.5) - 1.5, abs=0.002)
    assert not any(film.written for film in api.preview(prepared, part=api.find_part(prepared, "1s:2s")))


def test_a_draft_has_the_song_and_flashes_at_the_same_moments(scene: Path) -> None:
    normal, draft = (api.prepare(scene, quality=quality).timeline for quality in ("normal", "draft"))
    assert draft.sound == normal.sound is not None
    assert [frame.effects for frame in draft.edit] == [frame.effects for frame in normal.edit]


LAPSE = """\
fps: 8
size: [64, 48]
{top}
shots:
- {{name: a, duration: 2s, prompts: [a lake, "a fire:0.5"]}}
- {{name: b, duration: 2s, kind: timelapse, prompts: [a fire], guidance: {{first_steps: 8, steps: 1}}{own}}}
"""


def test_the_lead_of_a_film_passes_a_timelapse_by() -> None:
    led, plain = (load_scene_text(LAPSE.format(top=top, own="")) for top in ("lead: auto", ""))
    assert [shot.lead for shot in led.shots] == ["auto", None]
    assert compile_timeline(led).shots[1] == compile_timeline(plain).shots[1]
    with pytest.raises(SceneError, match="a timelapse has none"):
        load_scene_text(LAPSE.format(top="", own=", lead: 3f"))


def test_a_measured_lead_is_known_before_the_next_render(scene: Path) -> None:
    scene.write_text(
        "size: [32, 32]\nfps: 8\nduration: 0.5s\nlead: auto\n"
        "prompts: [a lake, 'a volcano:0.5']\nguidance: {steps: 1, first_steps: 1, cutouts: 2}\n"
    )
    prepared = api.prepare(scene)
    events = list(api.render(prepared))
    (measured,) = (event for event in events if isinstance(event, ResponseMeasured))
    known = api.prepare(scene).scene.shots[0].lead
    assert not isinstance(known, str)
    assert known is not None
    assert known.value == pytest.approx(measured.frames / 8)
    assert prepared.scene.shots[0].lead == "auto"
    found = next(iter(api.encode(scene, ["frames"], out=scene.parent / "films")))
    assert not any(take.other_plan for take in found.takes)  # type: ignore[union-attr]
