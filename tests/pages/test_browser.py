"""The pages in a browser, where there is one: nothing is complained about, and they show what they should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.pages.conftest import NASTY, SCENE, Make, save_frames
from tests.pages.test_live import frame_done, shown, started, watch
from vqanim.api import compare, outline, prepare, report
from vqanim.pages.plot import write_plot

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=5000 --dump-dom"
)


def looked_at(chromium: str, page: Path, profile: Path, width: int = 1000) -> str:
    """The page as HTML after its scripts have run. Nothing is told on the browser's console."""
    command = [chromium, *FLAGS.split(), f"--user-data-dir={profile}", f"--window-size={width},900"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=240)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line or "Refused" in line]
    assert console == []
    assert '<img src="x"' not in done.stdout
    return done.stdout


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
    write_plot(outline(prepare("a.yaml")), tmp_path / "plot.html")
    assert "point at a curve" in looked_at(chromium, tmp_path / "plot.html", tmp_path / "profile")


def test_the_live_page_shows_what_the_render_says(chromium: str, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SCENE, encoding="utf-8")
    prepared = prepare(tmp_path / "two.yaml")
    folder = tmp_path / "out"
    folder.mkdir()
    save_frames(prepared, folder, painted=3)
    with watch(prepared, folder) as page:
        page.hear(started(folder))
        for done in (1, 2, 3):
            page.hear(frame_done(done))
    assert shown(folder)["state"] == "finished"
    dom = looked_at(chromium, folder / "live.html", tmp_path / "profile")
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
        page.hear(started(folder))
    text = (folder / "live.js").read_text()
    written = re.search(r'"written":([\d.]+)', text)
    assert written
    long_ago = f'"written":{float(written[1]) - 3600}'
    (folder / "live.js").write_text(text.replace(written[0], long_ago).replace('"finished"', '"painting"'))
    dom = looked_at(chromium, folder / "live.html", tmp_path / "profile")
    assert 'class="state lost"' in dom
    assert "no sign of life for 1:00:" in dom
