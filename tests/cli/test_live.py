"""A film that grows while it is painted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Run, Start, wait_for
from tests.probe import decode_frame, probe


@pytest.mark.slow
def test_it_can_be_read_after_a_kill_and_goes_when_the_film_is_there(
    start: Start, run: Run, here: Path, finished: Path
) -> None:
    (here / "tiny.yaml").write_text(TINY)
    folder = here / "renders" / "tiny"
    process = start("render", "tiny.yaml", "--live")
    wait_for(folder / "takes" / "main" / "000003.png", process)
    process.kill()
    process.communicate()
    live = folder / "tiny.live.mp4"
    assert 2 <= probe(live).frames <= 5
    assert decode_frame(live, 1).shape == (48, 64, 3)
    assert run("render", "tiny.yaml", "--live").code == 0
    assert not live.exists()
    assert (folder / "tiny.mp4").read_bytes() == (finished / "tiny.mp4").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="a shell's script")
def test_a_render_goes_on_where_it_cannot_grow(
    run: Run, here: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished.parent.parent, here, dirs_exist_ok=True)
    (here / "renders" / "tiny" / "takes" / "main" / "000005.png").unlink()
    (here / "ffmpeg").write_text(
        "#!/bin/sh\ncase $2 in -encoders) echo libx264 gif png; exit 0;; esac\n"
        "echo no such encoder >&2\nexit 1\n"
    )
    (here / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(here / "ffmpeg"))
    result = run("render", "tiny.yaml", "--live")
    assert "the film cannot be watched while it is painted" in result.err
    assert (here / "renders" / "tiny" / "takes" / "main" / "000005.png").exists()
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE")
    assert run("render", "tiny.yaml").code == 0
