"""The page that is watched while a film is painted."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import NASTY, SCENE, check_page, figures, picture, save_frames
from vqanim.api import Prepared, prepare
from vqanim.engine.events import FrameDone, ModelsLoaded, RunStarted, ShotStarted, StepDone, TakesDone
from vqanim.errors import OutputError
from vqanim.report.film import Film
from vqanim.report.live import MOST_PLOTS, LivePage, read_warnings
from vqanim.takes.records import Metrics
from vqanim.takes.store import TakeStore


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    (tmp_path / "two.yaml").write_text(SCENE, encoding="utf-8")
    return prepare(tmp_path / "two.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def started(folder: Path, kept: int = 0) -> RunStarted:
    return RunStarted(str(folder), 12, kept, 0, None, "cpu", 2)


def frame_done(done: int, shot: str = "one") -> FrameDone:
    known = figures(done - 1)
    return FrameDone(
        shot=shot,
        index=(done - 1) % 6,
        done=done,
        frames=12,
        seconds=2.0,
        steps=2,
        weights=((f"a volcano {NASTY}, matte painting", 0.75), ("a lake, matte painting", -0.5)),
        similarities=known.similarities,
        path="",
        losses=known.losses,
    )


def watch(prepared: Prepared, folder: Path) -> LivePage:
    return LivePage(folder, Film(prepared.scene, prepared.timeline), TakeStore(folder), "two", lambda: None)


def shown(folder: Path) -> dict[str, Any]:
    """What the page is given."""
    text = (folder / "live.js").read_text("ascii")
    assert "<" not in text
    document: dict[str, Any] = json.loads(text.removeprefix("vqanimLive(").removesuffix(");\n"))
    return document


def until(folder: Path, state: str) -> dict[str, Any]:
    """The first thing that the page is given in a state."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if (folder / "live.js").exists() and shown(folder)["state"] == state:
            return shown(folder)
        time.sleep(0.02)
    raise AssertionError(f"never {state}")


def test_it_follows_a_render(prepared: Prepared, folder: Path) -> None:
    save_frames(prepared, folder, painted=3)
    with watch(prepared, folder) as page:
        page.on_event(started(folder))
        page.on_event(ModelsLoaded("pocket", ("pocket",), 1.0, ("pocket does not know <x>",)))
        page.on_event(ShotStarted("one", 6, 0))
        for done in (1, 2, 3, 4):
            page.on_event(frame_done(done))
        now = until(folder, "painting")
        while now["done"] < 4:
            now = shown(folder)
        # Frame 3 is done and not saved yet.
        assert [one["src"].partition("?")[0] for one in now["recent"]] == [
            f"takes/one/00000{index}.png" for index in (2, 1, 0)
        ]
        assert now["weights"] == [[f"a volcano {NASTY}", 0.75], ["a lake", -0.5]]
        assert (now["pace"], now["frames"], now["shot"]) == (2.0, 12, "one")
        assert now["left"] > 0
        assert now["part"] == pytest.approx(4.5 / 12)
        assert now["warnings"][-1] == "pocket does not know <x>"
        assert "0.13" in now["plots"]
        assert check_page(now["plots"]).tags.count("svg") == 5
        page.on_event(StepDone("two", 0, 1, 2, 0.5, timelapse=True))
        while now["step"] is None:
            now = shown(folder)
        assert (now["step"], now["shot"]) == ([1, 2], "two")
        page.on_event(TakesDone(4, 8.0))
        (folder / "two.mp4").write_bytes(b"film")
    assert list(page.failures()) == []
    end = shown(folder)
    assert (end["state"], end["message"], end["left"]) == ("finished", "", None)
    assert end["links"] == [["two.mp4", "film"]]
    assert read_warnings(folder)[-1] == "pocket does not know <x>"
    text = (folder / "live.html").read_text("utf-8")
    checker = check_page(text)
    assert f"Two {NASTY}" in checker.text
    assert "http" not in text


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (OutputError("the disk </script> is full"), "failed", "the disk </script> is full"),
        (ZeroDivisionError("oh"), "failed", "ZeroDivisionError: oh"),
        (KeyboardInterrupt(), "stopped", ""),
        (GeneratorExit(), "stopped", ""),
    ],
)
def test_it_says_how_a_render_ended(
    prepared: Prepared, folder: Path, error: BaseException, state: str, message: str
) -> None:
    def render() -> None:
        with watch(prepared, folder) as page:
            page.on_event(started(folder))
            raise error

    with pytest.raises(type(error)):
        render()
    assert (shown(folder)["state"], shown(folder)["message"]) == (state, message)


def test_a_render_that_goes_on_shows_what_came_before(prepared: Prepared, folder: Path) -> None:
    save_frames(prepared, folder, painted=8)
    with watch(prepared, folder) as page:
        page.on_event(started(folder, kept=8))
    end = shown(folder)
    assert [one["name"] for one in end["recent"]][:3] == ["two 1", "two 0", "one 5"]
    assert len(end["recent"]) == 8
    assert "0.17" in end["plots"]  # the similarity of the eighth frame
    assert "stay near pixels" in end["plots"]


@pytest.mark.parametrize("name", ["live.html", "live.js"])
def test_a_file_of_somebody_else_is_kept_and_told_of_once(
    prepared: Prepared, folder: Path, name: str
) -> None:
    (folder / name).write_text("my own")
    with watch(prepared, folder) as page:
        page.on_event(started(folder))
        page.on_event(frame_done(1))
    kept = folder / "superseded" / "001" / name
    assert list(page.moved()) == [(str(folder / name), str(kept))]
    assert list(page.moved()) == list(page.failures()) == []
    assert kept.read_text() == "my own"
    assert shown(folder)["state"] == "finished"


def test_a_page_that_somebody_changed_is_kept(prepared: Prepared, folder: Path) -> None:
    for _ in range(2):  # one that nobody changed is replaced
        with watch(prepared, folder) as page:
            page.on_event(started(folder))
    assert list(page.moved()) == []
    changed = (folder / "live.html").read_text().replace("<body>", "<body><p>my note</p>", 1)
    (folder / "live.html").write_text(changed)
    with watch(prepared, folder) as page:
        page.on_event(started(folder))
    assert (folder / "superseded" / "001" / "live.html").read_text() == changed
    assert "my note" not in (folder / "live.html").read_text()


def test_a_disk_that_refuses_ends_nothing_but_the_page(
    prepared: Prepared, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with watch(prepared, folder) as page:
        page.on_event(started(folder))
    (told,) = page.failures()
    assert told.startswith(f"{folder / 'live.js'}: cannot be written: the disk is full")
    assert list(page.failures()) == []
    assert list(folder.iterdir()) == []


def test_it_outlives_that_its_unfinished_file_is_cleared_away(
    prepared: Prepared, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who makes the films does that to what a killed writer may have left."""
    cleared: list[Path] = []

    def clear_once(path: Path, target: Path) -> Path:
        if not cleared and target.name == "live.js":
            cleared.append(path)
            path.unlink()
        return replace(path, target)

    replace = Path.replace
    monkeypatch.setattr(Path, "replace", clear_once)
    with watch(prepared, folder) as page:
        page.on_event(started(folder))
    assert cleared
    assert list(page.failures()) == []
    assert shown(folder)["state"] == "finished"


def test_hearing_waits_for_nothing(prepared: Prepared, folder: Path) -> None:
    """The page's thread may be as slow as it likes."""
    film = Film(prepared.scene, prepared.timeline)
    with LivePage(folder, film, TakeStore(folder), "two", lambda: time.sleep(0.5)) as page:
        page.on_event(started(folder))
        began = time.monotonic()
        for done in range(1, 7):
            page.on_event(frame_done(done))
        assert time.monotonic() - began < 0.4
    assert shown(folder)["done"] == 6


@pytest.mark.parametrize("content", ["", "\0", "{}", "[1]", '{"warnings": 3}', "[" * 100_000])
def test_data_that_is_not_ours_warns_of_nothing(folder: Path, content: str) -> None:
    (folder / "live.js").write_text(f"vqanimLive({content});\n")
    assert read_warnings(folder) == ()


def test_of_very_many_prompts_the_latest_are_drawn(tmp_path: Path, folder: Path) -> None:
    story = "\n".join(f"  {number / 10}s: thing {number}" for number in range(40))
    text = f"size: [64, 48]\nfps: 10\nduration: 4s\nstory:\n{story}\n"
    (tmp_path / "many.yaml").write_text(text)
    prepared = prepare(tmp_path / "many.yaml")
    store = TakeStore(folder)
    for plan in prepared.timeline.shots[0].frames[:30]:
        pairs = tuple((term.text, 0.5) for term in plan.losses)
        store.save(
            plan, picture(plan.index), f"d{plan.index}", metrics=Metrics(1.0, pairs, (("prompt", 1.0),))
        )
    with watch(prepared, folder) as page:
        page.on_event(started(folder, kept=12))
    plots = shown(folder)["plots"]
    assert plots.count("<svg") == MOST_PLOTS
    assert "thing 29<" in plots
    assert "thing 2<" not in plots
    assert "more, which the report will show" in plots
