"""Renders as folders: frames of smooth colors, saved and recorded as a render saves its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from vqanim.api import Prepared, find_rendered, prepare
from vqanim.film.make import make_film
from vqanim.pictures import Picture
from vqanim.report.film import Render
from vqanim.scene import dump_scene
from vqanim.takes.records import Metrics
from vqanim.takes.run import write_run
from vqanim.takes.store import TakeStore

NASTY = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>'
SCENE = f"""\
vqanim: 1
title: 'Two {NASTY}'
size: [64, 48]
fps: 6
duration: 2s
style: matte painting
prompts:
  - text: 'a volcano {NASTY}'
    weight: {{0s: 0.4, 1s: 1}}
  - text: a lake
    weight: -0.5
shots:
  - {{name: one, duration: 1s, camera: {{zoom: 1.2}}}}
  - {{name: two, duration: 1s, transition: {{kind: cut}}, camera: {{rotate: 10}}}}
guidance: {{steps: 2, first_steps: 3, cutouts: 4}}
"""
"""Twelve frames, with texts that want out of the page."""

Make = Callable[..., Render]


def picture(index: int, width: int = 64, height: int = 48) -> Picture:
    """Colors that move to the right."""
    y, x = np.mgrid[:height, :width]
    red = 128 + 100 * np.sin((x - 3 * index) / 12)
    return np.stack([red, 40 + 160 * y / height, np.full_like(red, 20 + 7 * index % 200)], -1).astype(
        np.uint8
    )


def figures(index: int) -> Metrics:
    """How frame `index` was painted."""
    similar = ((f"a volcano {NASTY}, matte painting", 0.1 + index / 100), ("a lake, matte painting", -0.25))
    return Metrics(0.5 + index / 10, similar, (("prompt", 1.5 - index / 10), ("stay_near_pixels", 0.125)))


def save_frames(prepared: Prepared, folder: Path, painted: int | None = None, shift: int = 0) -> None:
    """Save the frames of each take, or the first ones of the film."""
    store, done = TakeStore(folder), 0
    for shot in prepared.timeline.shots:
        for plan in shot.frames:
            if painted is not None and done >= painted:
                return
            size = (prepared.timeline.width, prepared.timeline.height)
            store.save(plan, picture(done + shift, *size), f"d{done}", metrics=figures(done))
            done += 1


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a render: `make("a")`, with other texts, frames or films."""

    def make_(
        name: str,
        scene: str = SCENE,
        painted: int | None = None,
        films: bool = False,
        shift: int = 0,
        assets: Mapping[Path, str] = MappingProxyType({}),
        **settings: object,
    ) -> Render:
        folder = tmp_path / name
        folder.mkdir()
        (tmp_path / f"{name}.yaml").write_text(scene, encoding="utf-8")
        prepared = prepare(tmp_path / f"{name}.yaml")
        save_frames(prepared, folder, painted, shift)
        names = {str(path): copy for path, copy in assets.items()}
        for path, copy in names.items():
            shutil.copy(path, folder / copy)
        (folder / "scene.resolved.yaml").write_text(dump_scene(prepared.scene, names), encoding="utf-8")
        known = {"scene": f"{name}.yaml", "device": "cpu", "threads": 2, "torch": "2.6.0"}
        write_run(folder, {**known, **settings})
        if films:
            list(make_film(prepared.timeline, TakeStore(folder).find, folder, name))
        return find_rendered(folder)

    return make_


class Checker(HTMLParser):
    """Sees whether every element that is opened is closed, in order, and what a page asks for."""

    EMPTY = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "poster", "action")
        ]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As in SVG: `<path/>`."""
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data


def check_page(text: str) -> Checker:
    """A page that is well formed and in which nothing of a stranger has become markup."""
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert checker.handlers == []
    assert "x" not in checker.addresses
    assert "alert(" not in "".join(script_texts(text))
    return checker


def script_texts(text: str) -> list[str]:
    """What stands in elements that a browser runs."""
    found: list[str] = []

    class Scripts(HTMLParser):
        runs = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.runs = tag == "script" and "application/json" not in dict(attrs).values()

        def handle_data(self, data: str) -> None:
            if self.runs:
                found.append(data)

        def handle_endtag(self, tag: str) -> None:
            self.runs = False

    Scripts(convert_charrefs=True).feed(text)
    return found


@pytest.fixture
def chromium() -> str:
    """A browser; tests are skipped where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no Chromium")
    return found
