"""Two renders side by side."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import NASTY, SCENE, Make, check_page
from vqanim.api import compare
from vqanim.errors import InputError, UsageError
from vqanim.report.compare import differences, settings_of

Film = dict[str, Any]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def film_of(text: str) -> Film:
    """The frames in a page."""
    found = re.search(r'id="film">(.*?)</script>', text)
    assert found
    film: Film = json.loads(found[1])
    return film


def test_the_same_render_twice_differs_in_nothing(make: Make) -> None:
    make("a")
    make("b")
    found = compare("a", "b")
    assert (found.settings, found.distance, found.notes) == ((), 0.0, ())
    plots, same = found.plots
    assert [plot.name for plot in plots] == ["difference of frames"]
    assert {f"a volcano {NASTY}", "a lake", "zoom", "sharpness", "prompt"} <= set(same)
    text = Path("compare.html").read_text("utf-8")
    checker = check_page(text)
    assert all(address.startswith("data:") for address in checker.addresses)
    assert "at equal times they are the same" in checker.text
    assert "no setting differs" in checker.text
    film = film_of(text)
    assert [len(side["pictures"]) for side in film["sides"]] == [12, 12]
    assert film["sides"][0] == film["sides"][1]
    assert film["sides"][0]["at"] == list(range(12))


def test_what_differs_is_told(make: Make) -> None:
    make("a", device="cpu", torch="2.6.0")
    other = SCENE.replace("0s: 0.4", "0s: 0.5").replace("zoom: 1.2", "zoom: 1.3")
    make("b", scene=other, shift=4, device="cuda", torch="2.6.0")
    found = compare("a", "b", "page.html")
    assert {(path, a, b) for path, a, b in found.settings} == {
        ("prompts[0].weight", "{0s: 0.4, 1s: 1.0}", "{0s: 0.5, 1s: 1.0}"),
        ("shots[0].camera.zoom", "1.2", "1.3"),
        ("device", "cpu", "cuda"),
    }
    assert found.distance is not None
    assert 5 < found.distance < 80
    plots, same = found.plots
    assert {"zoom", "sharpness", f"a volcano {NASTY}"} <= {plot.name for plot in plots}
    assert "rotate" in same
    rows = {name: (a, b) for name, a, b in found.figures}
    assert rows["seconds a frame"] == ("1.05", "1.05")
    assert rows["similarity to a lake"] == ("-0.25", "-0.25")


def test_lengths_sizes_and_gaps_may_differ(make: Make) -> None:
    make("a")
    short = SCENE.replace("[64, 48]", "[96, 48]").replace("fps: 6", "fps: 12").replace("2s", "1s", 1)
    make("b", scene=short.replace("duration: 1s, ", "duration: 0.5s, "), painted=5)
    found = compare("a", "b")
    assert found.notes == (
        "they are not equally long: A 2 s, B 1 s",
        "they are not equally large: A 64x48, B 96x48 pixels",
        "5 of 12 frames of B are painted so far",
    )
    film = film_of(Path("compare.html").read_text("utf-8"))
    assert len(film["times"]) == 24
    assert film["sides"][0]["at"] == [number // 2 for number in range(24)]
    assert film["sides"][1]["at"] == [*range(5), *[None] * 19]
    (zoom,) = (plot for plot in found.plots[0] if plot.name == "zoom")
    ended = zoom.values[1] != zoom.values[1]
    assert len(ended) == 24
    assert ended[12:].all()
    assert not ended[1:6].any()


def test_a_page_is_not_overwritten(make: Make) -> None:
    make("a")
    make("b")
    Path("compare.html").write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        compare("a", "b")
    assert Path("compare.html").read_text() == "mine"
    compare("a", "b", force=True)
    assert check_page(Path("compare.html").read_text("utf-8")).tags.count("figure") == 2


def test_what_is_no_render_is_refused(make: Make) -> None:
    make("a")
    make("empty", painted=0)
    with pytest.raises(InputError, match="nowhere: there is no such folder"):
        compare("a", "nowhere")
    with pytest.raises(InputError, match="empty: no frame of its film is painted yet"):
        compare("a", "empty")
    assert not Path("compare.html").exists()


def test_settings_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    (tmp_path / "scene.resolved.yaml").write_text("a: [1, {b: 2}]\nc: {0s: [1, linear], 2s: [3, smooth]}\n")
    read = settings_of(tmp_path, {"torch": "2.6", "models": {"generator": {"name": "x", "hash": 3}}})
    assert read == {
        "a[0]": "1",
        "a[1].b": "2",
        "c": "{0s: 1, 2s: [3, smooth]}",
        "torch": "2.6",
        "hash of x": "3",
    }
    (tmp_path / "scene.resolved.yaml").write_text("a: &x [*x]")
    assert settings_of(tmp_path, {"models": [1]}) == {}
    assert differences({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == (
        ("a", "1", ""),
        ("b", "2", "3"),
        ("c", "", "4"),
    )
