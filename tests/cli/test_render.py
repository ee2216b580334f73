"""A render as a person meets it: stopped, continued, changed, finished, and in two places at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.conftest import TINY, Run, Start, frames, wait_for
from vqanim.pictures import read_picture

NAMES = [f"{index:06}.png" for index in range(6)]


@pytest.fixture
def copy(finished: Path, here: Path) -> Path:
    """A finished render of tiny.yaml in the current folder."""
    shutil.copytree(finished.parent.parent, here, dirs_exist_ok=True)
    return here / "renders" / "tiny"


def test_a_render_leaves_films_frames_and_records(finished: Path) -> None:
    files = {path.name for path in finished.iterdir() if not path.name.startswith(".")}
    films = {"tiny.mp4", "tiny.gif", "poster.png"}
    pages = {"live.html", "live.js", "report.html"}
    assert files == films | pages | {"takes", "run.json", "film.json", "scene.resolved.yaml"}
    assert list(frames(finished)) == NAMES
    assert len(set(frames(finished).values())) == 6
    assert not (finished / "superseded").exists()
    run = json.loads((finished / "run.json").read_text())
    assert (run["step"]["way"], run["weights"], run["deterministic"]) == ("eager", "float32", False)
    assert [perceptor["name"] for perceptor in run["models"]["perceptors"]] == ["pocket"]


def test_a_render_in_bfloat16_is_nearly_the_same_and_says_so(run: Run, here: Path, finished: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    assert run("render", "tiny.yaml", "--precision", "bfloat16").code == 0
    folder = here / "renders" / "tiny"
    assert json.loads((folder / "run.json").read_text())["weights"] == "bfloat16"
    first = Path("takes", "main", "000000.png")
    low, single = (read_picture(each / first).astype(float) for each in (folder, finished))
    assert 0 < np.abs(low - single).mean() < 12


@pytest.mark.parametrize("missing", ["", "tiny.gif"])
def test_a_film_whose_frames_are_all_there_needs_no_torch(copy: Path, missing: str) -> None:
    if missing:
        (copy / missing).unlink()
    before = (copy / "run.json").read_bytes()
    script = (
        "import sys; from vqanim.cli.main import main; code = main(['render', 'tiny.yaml'])\n"
        "heavy = {'torch', 'torchvision', 'kornia', 'scipy'} & set(sys.modules)\n"
        "sys.exit(code or ' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("is finished: nothing to do" in done.stdout) != bool(missing)
    assert not missing or (copy / missing).exists()
    assert (copy / "run.json").read_bytes() == before
    assert not (copy / "superseded").exists()


@pytest.mark.slow
def test_a_killed_render_goes_on_to_the_same_bits(start: Start, run: Run, here: Path, finished: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    folder = here / "renders" / "tiny"
    process = start("render", "tiny.yaml")
    wait_for(folder / "takes" / "main" / NAMES[1], process)
    process.kill()
    process.communicate()
    before = frames(folder)
    assert 2 <= len(before) < 6, "killed too late to say anything"

    again = run("render", "tiny.yaml")
    assert again.code == 0
    assert re.search(r"[1-5] of 6 kept", again.out)
    assert frames(folder) == frames(finished)
    for film in ("tiny.mp4", "tiny.gif", "poster.png"):
        assert (folder / film).read_bytes() == (finished / film).read_bytes()
    assert not (folder / "superseded").exists()


def test_a_second_render_is_refused_and_sigterm_leaves_a_state_to_continue(
    start: Start, run: Run, here: Path, finished: Path
) -> None:
    (here / "tiny.yaml").write_text(TINY)
    folder = here / "renders" / "tiny"
    process = start("render", "tiny.yaml", "--set", "guidance.steps=30", "--set", "duration=9s")
    wait_for(folder / "takes" / "main" / NAMES[0], process)

    refused = run("render", "tiny.yaml")
    assert refused.code == 6
    assert str(process.pid) in refused.err
    assert len(refused.err.splitlines()) == 1

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 143
    assert err.splitlines()[-1] == (
        "stopped; to continue: vqanim render tiny.yaml --set guidance.steps=30 --set duration=9s"
    )
    assert "Traceback" not in err

    kept = frames(folder)[NAMES[0]]
    assert run("render", "tiny.yaml").code == 0
    assert frames(folder) == frames(finished)
    assert frames(folder)[NAMES[0]] == kept


def test_a_finished_render_says_so_without_models_and_touches_nothing(copy: Path, run: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.png")}
    films = (copy / "tiny.mp4").stat().st_mtime_ns
    result = run("render", "tiny.yaml")
    assert result.code == 0
    assert "renders/tiny is finished: nothing to do" in result.out
    assert "loading the models" not in result.out
    assert "tiny.mp4" in result.out
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*.png")} == before
    assert (copy / "tiny.mp4").stat().st_mtime_ns == films


def test_a_changed_scene_keeps_exactly_the_frames_that_still_hold(copy: Path, run: Run, here: Path) -> None:
    before = frames(copy)
    # The weight is the same up to 0.2 s (frame 2) and another one after.
    changed = TINY.replace("weight: {0s: 0.4, 0.5s: 1}", "weight: {0s: 0.4, 0.2s: 0.64, 0.3s: 0.1}")
    (here / "tiny.yaml").write_text(changed)
    result = run("render", "tiny.yaml")
    assert result.code == 0
    assert "3 of 6 kept, 3 to paint" in result.out
    assert "3 frames of an older scene moved to renders/tiny/superseded/" in result.out
    after = frames(copy)
    assert {name for name in NAMES if after[name] == before[name]} == set(NAMES[:3])
    moved = {path.name: path.read_bytes() for path in (copy / "superseded").rglob("*.png")}
    assert moved == {name: before[name] for name in NAMES[3:]}


@pytest.mark.parametrize(
    "change",
    ["title=Other", "output.crf=30", "models=pocket"],
    ids=["title", "output", "models"],
)
def test_what_is_not_in_a_frame_repaints_none(copy: Path, run: Run, change: str) -> None:
    before = frames(copy)
    result = run("render", "tiny.yaml", "--set", change)
    assert result.code == 0
    assert "loading the models" not in result.out
    assert frames(copy) == before


def test_a_longer_film_keeps_its_beginning(copy: Path, run: Run) -> None:
    before = frames(copy)
    assert "6 of 7 kept, 1 to paint" in run("render", "tiny.yaml", "--set", "duration=0.7s").out
    after = frames(copy)
    assert {name: after[name] for name in NAMES} == before
    assert len(after) == 7


def test_a_frame_that_somebody_changed_is_never_lost(copy: Path, run: Run, finished: Path) -> None:
    path = copy / "takes" / "main" / NAMES[3]
    with Image.open(path) as image:
        changed = image.copy()
    changed.paste("red", (0, 0, 20, 20))
    changed.save(path)
    theirs, before = path.read_bytes(), frames(copy)

    refused = run("render", "tiny.yaml")
    assert refused.code == 3
    assert "000003.png: was changed after it was painted; --accept-edits keeps" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert frames(copy) == before

    repaired = run("render", "tiny.yaml", "--repair")
    assert repaired.code == 0
    assert "1 changed frame moved to superseded/" in repaired.out
    assert frames(copy) == frames(finished)
    (moved,) = (copy / "superseded").rglob("*.png")
    assert moved.read_bytes() == theirs

    path.write_bytes(theirs)
    accepted = run("render", "tiny.yaml", "--accept-edits")
    assert accepted.code == 0
    assert "4 of 6 kept, 2 to paint" in accepted.out
    after = frames(copy)
    assert {name for name in NAMES if after[name] == frames(finished)[name]} == set(NAMES[:3])
    assert path.read_bytes() == theirs
    assert run("render", "tiny.yaml").code == 0
    assert frames(copy) == after


@pytest.mark.slow
def test_lost_and_broken_frames_are_painted_again(copy: Path, run: Run, finished: Path) -> None:
    (copy / "takes" / "main" / NAMES[1]).unlink()
    (copy / "takes" / "main" / NAMES[4]).write_bytes(b"\x89PNG half a pict")
    assert run("render", "tiny.yaml").code == 0
    assert frames(copy) == frames(finished)


@pytest.mark.parametrize("index", [2, 5])
@pytest.mark.parametrize(
    "first", [("render", "tiny.yaml"), ("encode", "renders/tiny")], ids=["render", "encode"]
)
def test_a_frame_that_was_damaged_in_place_is_painted_again_by_the_next_run(
    copy: Path, run: Run, finished: Path, index: int, first: tuple[str, ...]
) -> None:
    """Size and time of the file are those of the record: only decoding it tells."""
    path = copy / "takes" / "main" / NAMES[index]
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    told = run(*first)
    assert told.code == 5
    assert "will be painted again" in told.err
    assert len(told.err.splitlines()) == 1
    assert run("render", "tiny.yaml").code == 0
    assert frames(copy) == frames(finished)
    (moved,) = (copy / "superseded").rglob("*.png")
    assert moved.read_bytes() == bytes(content)


def test_an_edit_of_another_size_is_refused_before_anything_moves(copy: Path, run: Run) -> None:
    for name, size in ((NAMES[1], (64, 48)), (NAMES[3], (32, 24))):
        path = copy / "takes" / "main" / name
        with Image.open(path) as image:
            changed = image.convert("L").resize(size)
        changed.save(path)
    before = frames(copy)
    refused = run("render", "tiny.yaml", "--accept-edits")
    assert refused.code == 3
    assert "000003.png: is 32x24 pixels now and the film 64x48" in refused.err
    assert frames(copy) == before
    assert not (copy / "superseded").exists()


def test_a_film_goes_on_with_the_threads_that_it_was_begun_with(copy: Path, run: Run) -> None:
    """Another count rounds otherwise, which grows to visible differences within a few frames."""

    def paint_last(*options: str) -> tuple[int, str, str]:
        (copy / "takes" / "main" / NAMES[5]).unlink()
        result = run("render", "tiny.yaml", *options)
        assert result.code == 0
        assert f"cpu, {json.loads((copy / 'run.json').read_text())['threads']} thread" in result.out
        return json.loads((copy / "run.json").read_text())["threads"], result.out, result.err

    before, here = torch.get_num_threads(), len(os.sched_getaffinity(0))
    threads, _, err = paint_last("--threads", str(here + 1))
    assert threads == here + 1
    assert f"threads {here + 1} (before: {before})" in err
    assert "visibly" in err
    threads, _, err = paint_last()
    assert threads == here + 1
    assert f"goes on with {here + 1} threads" in err
    assert torch.get_num_threads() == before
    threads, _, err = paint_last("--threads", str(here))
    assert threads == here
    assert f"(before: {here + 1})" in err
    assert paint_last()[::2] == (here, "")
    shutil.rmtree(copy / "takes")  # nothing goes on
    assert run("render", "tiny.yaml").code == 0
    assert json.loads((copy / "run.json").read_text())["threads"] == before


@pytest.mark.slow
def test_the_resolved_scene_makes_the_same_film_elsewhere(copy: Path, run: Run, here: Path) -> None:
    result = run("render", str(copy / "scene.resolved.yaml"), "--out", "again")
    assert result.code == 0
    assert frames(here / "again") == frames(copy)


@pytest.mark.slow
def test_a_timelapse_that_was_killed_goes_on_from_its_last_state(start: Start, run: Run, here: Path) -> None:
    lapse = TINY.replace("camera: {zoom: 1.2, rotate: 10}", "kind: timelapse").replace(
        "steps: 1, first_steps: 2", "steps: 2, first_steps: 9"
    )
    (here / "lapse.yaml").write_text(lapse)
    whole = run("render", "lapse.yaml", "--out", "whole")
    assert whole.code == 0
    process = start("render", "lapse.yaml")
    wait_for(here / "renders" / "lapse" / "recordings" / "main" / "000009.png", process)
    process.kill()
    process.communicate()
    again = run("render", "lapse.yaml")
    assert "main: going on after step 8 of 19" in again.out
    assert frames(here / "renders" / "lapse") == frames(here / "whole")
    assert list(frames(here / "whole")) == NAMES


def test_lines_of_a_pipe_tell_frame_pace_and_time_left(copy: Path, run: Run) -> None:
    (copy / "takes" / "main" / NAMES[5]).unlink()
    out = run("render", "tiny.yaml").out
    assert "tiny: 6 frames, 0.6 s at 10 fps, 64x48" in out
    assert re.search(r"device +\w+", out)
    assert re.search(r"folder +renders/tiny$", out, re.MULTILINE)
    assert re.search(
        r"^main: frame 6/6, \d+\.\d s a frame, 0:00 left; a volcano 1, a lake 0.5$", out, re.MULTILINE
    )
    assert re.search(r"renders/tiny/tiny\.mp4 +[\d.]+ k?B", out)
    assert "\x1b" not in out


def test_quiet_prints_nothing(copy: Path, run: Run) -> None:
    result = run("render", "tiny.yaml", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_out_is_taken_as_it_is(copy: Path, run: Run, here: Path) -> None:
    shutil.move(copy, here / "elsewhere")
    assert "elsewhere is finished" in run("render", "tiny.yaml", "--out", "elsewhere").out
    assert not (here / "renders" / "tiny").exists()


def test_out_that_is_a_file_is_refused(run: Run, here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    (here / "file").write_text("mine")
    assert run("render", "tiny.yaml", "--out", "file").code == 2
    assert run("render", "tiny.yaml", "--out", "file/below").code in (2, 5)
    assert (here / "file").read_text() == "mine"


def test_unknown_words_are_a_warning(run: Run, here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    result = run("render", "tiny.yaml", "--set", "duration=1f", "--set", "prompts=[a zzyzxq lake]", "--quiet")
    assert result.code == 0
    assert result.err.startswith("Warning: ")
    assert "zzyzxq" in result.err


def test_a_device_that_is_not_there_is_named(run: Run, here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    result = run("render", "tiny.yaml", "--device", "cuda:63")
    assert result.code == 4
    assert result.err.startswith("Error: ")
    assert len(result.err.splitlines()) == 1
