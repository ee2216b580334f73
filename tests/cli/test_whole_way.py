"""From a song to its music video: listen, take the scene that it writes, render, and look at the film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.seen import Pictures, decoded, half_way, nearness
from tests.test_make_song import make_song as make_song

FILM = ("--set", "size=48x32", "--set", "guidance.steps=2", "--set", "guidance.first_steps=12")
QUICK = (*FILM, "--set", "guidance.cutouts=6", "--set", "guidance.rate=12", "--quiet")
IDEAS = ("a snowy forest", "a volcano erupting at night", "a coral reef")
"""In the order in which they are seen; the first is ours, the others are those of the scene."""


def nearest(moments: Sequence[float], fps: int) -> list[int]:
    return [int(moment * fps + 0.5) for moment in moments]


def flashes(pictures: Pictures, bars: Sequence[int]) -> list[int]:
    """The frame near each bar at which the film brightens most."""
    light = pictures.mean(axis=(1, 2, 3))
    return [max(range(bar - 3, bar + 4), key=lambda k: light[k] - light[k - 1]) for bar in bars]


def cut(pictures: Pictures) -> int:
    """The frame that is least like the one before, however bright both are."""
    flat = pictures.mean(axis=3).reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return int((flat[1:] * flat[:-1]).sum(axis=1).argmin()) + 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_the_starter_scene_does_is_on_the_beats_of_the_song(
    run: Run, here: Path, make_song: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(here / "cache"))
    part = make_song.Section  # type: ignore[attr-defined]
    quiet = part("intro", 4, 132, ("Am", "F"), kick=False, snare=False, hats=1)
    loud = part("chorus", 4, 132, ("F", "C", "G", "Am"), hats=4)
    song = make_song.Song("short", 0.43, (quiet, loud), 3)  # type: ignore[attr-defined]
    make_song.write_song(song, here, "wav")  # type: ignore[attr-defined]
    bars = make_song.beat_times(song)[:-1:4]  # type: ignore[attr-defined]

    assert run("listen", "short.wav", "--scene", "film.yaml").code == 0
    scene = Path("film.yaml").read_text().replace("a lighthouse at night", IDEAS[0])
    for said in ("at: bar 5", "transition: cut", "bar 3: [1, step]", "bar 7: [1, step]", *IDEAS):
        assert said in scene
    Path("film.yaml").write_text(scene)
    takes: dict[Path, int] = {}
    for fps in (12, 24):
        done = run("render", "film.yaml", "--out", "film", *QUICK, "--set", f"fps={fps}")
        assert (done.code, done.err) == (0, "")
        painted = {path: path.stat().st_mtime_ns for path in Path("film/takes").rglob("*.png")}
        assert takes in ({}, painted), "another fps paints nothing anew"
        takes = painted
        pictures = decoded(Path("film/film.mp4"), 48, 32)
        wanted = nearest(bars, fps)
        assert flashes(pictures, wanted) == pytest.approx(wanted, abs=1)
        assert cut(pictures) == pytest.approx(wanted[4], abs=1)
        for bar, before, after in ((wanted[2], *IDEAS[:2]), (wanted[6], *IDEAS[1:])):
            around = pictures[bar - fps : bar + fps + 1]
            seen = half_way(nearness(around, before, after), fps // 2) - fps
            assert abs(seen) <= 3 * fps // 12, (fps, bar, seen)
