"""The pages in a browser, where there is one: nothing is complained about, and they show what they should."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.report.conftest import NASTY, SCENE, Make, save_frames
from tests.report.test_live import frame_done, started, until, watch
from vqanim.api import compare, draw_plot, outline, prepare, report

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --dump-dom"
)
MOMENT, HOURS = 5_000, 60_000_000
"""Milliseconds of the page's own time, which runs as fast as there is nothing to wait for."""


@contextmanager
def opened(
    chromium: str, page: Path, profile: Path, width: int = 1000, budget: int = MOMENT
) -> Iterator[list[str]]:
    """A page that a browser shows meanwhile; afterwards it is in the list as HTML as it has become.

    Nothing is told on the browser's console.
    """
    command = [chromium, *FLAGS.split(), f"--user-data-dir={profile}", f"--window-size={width},900"]
    command += [f"--virtual-time-budget={budget}", page.as_uri()]
    dom: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as browser:
        try:
            yield dom
            out, err = browser.communicate(timeout=240)
        finally:
            browser.kill()
    assert [line for line in err.splitlines() if "CONSOLE" in line or "Refused" in line] == []
    assert '<img src="x"' not in out
    dom.append(out)


def looked_at(chromium: str, page: Path, profile: Path, width: int = 1000) -> str:
    """The page as HTML after its scripts have run."""
    with opened(chromium, page, profile, width) as dom:
        pass
    return dom[0]


def test_report_comparison_and_plot_run_without_a_complaint(
    make: Make, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rendered = make("a", films=True)
    make("b", shift=3)
    dom = looked_at(chromium, report(rendered.folder), tmp_path / "profile", width=400)
    assert "<video" in dom
    compare("a", "b")
    dom = looked_at(chromium, tmp_path / "compare.html", tmp_path / "profile")
    assert re.search(r'<output id="now">0\.\d\d s</output>', dom)
    assert dom.count('<img alt="A" src="data:image/jpeg') == 1  # the script has put it there
    assert "0.4 / 0.4" not in dom  # weights that are the same are not drawn
    draw_plot(outline(prepare("a.yaml")), tmp_path / "plot.html")
    assert "point at a curve" in looked_at(chromium, tmp_path / "plot.html", tmp_path / "profile")


def test_the_live_page_follows_what_the_render_says_and_then_stops(chromium: str, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SCENE, encoding="utf-8")
    prepared = prepare(tmp_path / "two.yaml")
    folder = tmp_path / "out"
    folder.mkdir()
    save_frames(prepared, folder, painted=3)
    profile = tmp_path / "profile"
    with ExitStack() as later, watch(prepared, folder) as page:
        page.on_event(started(folder))
        page.on_event(frame_done(1))
        until(folder, "loading")
        while not (folder / "live.html").exists():
            time.sleep(0.02)
        found = later.enter_context(opened(chromium, folder / "live.html", profile, budget=HOURS))
        while not profile.exists():
            time.sleep(0.02)
        time.sleep(2)
        page.on_event(frame_done(2))
        page.on_event(frame_done(3))
    (dom,) = found
    assert re.search(r'class="state finished"[^>]*>finished, ', dom)
    assert "frame 3 of 12" in dom
    assert re.search(r'id="newest"[^>]* src="takes/one/000002\.png', dom)
    assert dom.count(' src="takes/one/') == 3
    assert "<b>0.75</b>" in dom
    assert NASTY not in dom  # it is there as text


def test_a_killed_render_is_told_of(chromium: str, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SCENE, encoding="utf-8")
    prepared = prepare(tmp_path / "two.yaml")
    folder = tmp_path / "out"
    folder.mkdir()
    with watch(prepared, folder) as page:
        page.on_event(started(folder))
    text = (folder / "live.js").read_text()
    written = re.search(r'"written":([\d.]+)', text)
    assert written
    long_ago = f'"written":{float(written[1]) - 3600}'
    (folder / "live.js").write_text(text.replace(written[0], long_ago).replace('"finished"', '"painting"'))
    dom = looked_at(chromium, folder / "live.html", tmp_path / "profile")
    assert 'class="state lost"' in dom
    assert "no sign of life for 1:00:" in dom
