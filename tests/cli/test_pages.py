"""Pages about renders, as the commands make them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Run, environment


@pytest.fixture
def copy(finished: Path, here: Path) -> Path:
    """A finished render of tiny.yaml in the current folder."""
    shutil.copytree(finished.parent.parent, here, dirs_exist_ok=True)
    return here / "renders" / "tiny"


def test_a_render_leaves_pages_that_tell_how_it_went(finished: Path) -> None:
    text = (finished / "live.js").read_text("ascii")
    live = json.loads(text.removeprefix("vqanimLive(").removesuffix(");\n"))
    assert (live["state"], live["done"], live["frames"]) == ("finished", 6, 6)
    assert [text for text, _ in live["weights"]] == ["a volcano", "a lake"]
    assert [name for _, name in live["links"]] == ["report", "film", "GIF"]
    assert live["recent"][0]["src"].startswith("takes/main/000005.png")
    page = (finished / "report.html").read_text("utf-8")
    assert "data:video/mp4;base64," in page
    assert "similarity to a volcano" in page
    assert "loss: prompt" in page
    lines = [json.loads(line) for line in (finished / "takes/main/record.jsonl").read_text().splitlines()]
    assert [[text for text, _ in line["metrics"]["similarities"]] for line in lines] == [
        ["a volcano", "a lake"]
    ] * 6
    assert all(line["metrics"]["losses"][0][1] > 0 for line in lines)
    assert all(line["metrics"]["seconds"] > 0 for line in lines)


def test_a_finished_render_leaves_its_report_alone(run: Run, copy: Path) -> None:
    before = (copy / "report.html").stat().st_mtime_ns
    assert "report.html" not in run("render", "tiny.yaml").out
    assert (copy / "report.html").stat().st_mtime_ns == before
    (copy / "report.html").unlink()
    assert "report.html" in run("render", "tiny.yaml").out
    (copy / "report.html").write_text("mine")
    (copy / "tiny.mp4").unlink()
    done = run("render", "tiny.yaml")
    assert done.code == 0
    assert "report.html was not made here, or was changed since" in done.err
    assert (copy / "superseded" / "001" / "report.html").read_text() == "mine"


def test_a_part_has_a_report_of_its_own(run: Run, copy: Path) -> None:
    before = (copy / "report.html").read_bytes()
    assert "report-part.html" in run("render", "tiny.yaml", "--frames", "2f:5f").out
    assert "3 frames, 0.3 s" in (copy / "report-part.html").read_text("utf-8")
    assert (copy / "report.html").read_bytes() == before


def test_report_writes_it_again(run: Run, copy: Path) -> None:
    (copy / "report.html").unlink()
    done = run("report", "tiny.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out.split()[0] == "renders/tiny/report.html"
    assert run("report", "renders/tiny", "--out", "page.html", "--quiet").out == ""
    assert Path("page.html").exists()
    assert run("report", "nothing.yaml").code == 3
    Path("mine.html").write_text("mine")
    assert run("report", "tiny.yaml", "--out", "mine.html").code == 2
    assert run("report", "tiny.yaml", "--out", "mine.html", "--force").code == 0


def test_compare_tells_what_differs(run: Run, copy: Path) -> None:
    Path("other.yaml").write_text(TINY.replace("zoom: 1.2", "zoom: 1.5"))
    shutil.copytree(copy, copy.parent / "other")
    text = (copy / "scene.resolved.yaml").read_text("utf-8")
    (copy.parent / "other" / "scene.resolved.yaml").write_text(text.replace("zoom: 1.2", "zoom: 1.5"))
    done = run("compare", "tiny.yaml", "renders/other")
    assert (done.code, done.err) == (0, "")
    assert "similarity to a volcano" in done.out
    assert "Mean pixel difference at matching times: 0 of 255." in done.out
    assert "camera.zoom  1.2  1.5" in done.out
    assert run("compare", "tiny.yaml", "renders/other").code == 2  # compare.html is there
    assert run("compare", "tiny.yaml", "renders/other", "--force", "--quiet").out == ""
    assert run("compare", "tiny.yaml", "renders/none", "--force").code == 3
    (copy.parent / "other" / "takes" / "main" / "000005.png").unlink()
    done = run("compare", "tiny.yaml", "renders/other", "--force")
    assert done.err == "Warning: 5 of 6 frames of B are painted so far\n"


def test_neither_of_them_imports_torch(copy: Path, root: Path) -> None:
    program = (
        "import sys; from vqanim.cli.main import main; assert main(['report', 'tiny.yaml']) == 0; "
        "assert main(['compare', 'tiny.yaml', 'renders/tiny']) == 0; assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(root), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
