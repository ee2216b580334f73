"""`vqanim doctor` on machines that lack something."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from vqanim.api.doctor import CHECKS


def findings(result: object) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in json.loads(result.out)}  # type: ignore[attr-defined]


def test_a_machine_that_can_render_is_told_so_and_what_it_lacks(run: Run) -> None:
    result = run("doctor")
    assert result.code == 0, result.out
    assert "FAULT" not in result.out
    for check in CHECKS:
        assert f" {check.__name__} " in result.out
        assert check.__doc__


@pytest.mark.parametrize(
    ("program", "fault"),
    [(None, "ffmpeg"), ("#!/bin/sh\nexit 1\n", "ffmpeg"), ("#!/bin/sh\necho ffmpeg version 1\n", "encoders")],
    ids=["missing", "dying", "without encoders"],
)
def test_without_a_working_ffmpeg_there_are_no_films(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, fault: str
) -> None:
    path = tmp_path / "my-ffmpeg"
    if program is not None:
        path.write_text(program)
        path.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
    result = run("doctor", "--json")
    assert result.code == 5
    found = findings(result)[fault]
    assert found["state"] == "fault"
    assert "IMAGEIO_FFMPEG_EXE" in found["remedy"]


def test_a_cache_that_cannot_be_written_is_worth_a_note(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "file" / "cache"))
    result = run("doctor", "--json")
    assert result.code == 0
    assert findings(result)["cache"]["state"] == "note"
    assert "VQANIM_CACHE" in findings(result)["cache"]["remedy"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other variables")
def test_without_a_home_it_still_answers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    assert run("doctor").code == 0
