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
from vqanim.errors import SceneError
from vqanim.ffmpeg import executable
from vqanim.scene import load_scene_text
from vqanim.timeline import compile_timeline
from vqanim.timeline.part import cut_part, part_of

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
