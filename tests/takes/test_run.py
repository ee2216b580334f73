from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vqanim.takes.outputs import next_archive, write_keeping_old
from vqanim.takes.run import changes, read_run, write_run


def test_what_was_written_is_read(tmp_path: Path) -> None:
    settings = {"scene": "über.yaml", "size": [24, 16], "threads": 2}
    assert write_run(tmp_path, settings) is None
    assert read_run(tmp_path) == settings


def test_the_same_settings_leave_the_file_alone(tmp_path: Path) -> None:
    write_run(tmp_path, {"a": 1})
    before = (tmp_path / "run.json").stat()
    assert write_run(tmp_path, {"a": 1}) is None
    assert (tmp_path / "run.json").stat().st_mtime_ns == before.st_mtime_ns
    assert not (tmp_path / "superseded").exists()


def test_other_settings_move_the_old_file_beside_the_stale_frames(tmp_path: Path) -> None:
    write_run(tmp_path, {"a": 1})
    attic = next_archive(tmp_path)
    assert write_run(tmp_path, {"a": 2}, attic) == attic / "run.json"
    assert json.loads((attic / "run.json").read_text()) == {"a": 1}
    assert read_run(tmp_path) == {"a": 2}


def test_no_older_file_is_ever_lost(tmp_path: Path) -> None:
    for number in range(4):
        write_run(tmp_path, {"a": number})
    kept = sorted(json.loads(path.read_text())["a"] for path in tmp_path.glob("superseded/*/run.json"))
    assert kept == [0, 1, 2]
    assert read_run(tmp_path) == {"a": 3}


def test_an_attic_that_has_such_a_file_already_is_not_used(tmp_path: Path) -> None:
    attic = next_archive(tmp_path)
    (attic / "run.json").write_text("older")
    write_run(tmp_path, {"a": 1})
    assert write_run(tmp_path, {"a": 2}, attic) == tmp_path / "superseded" / "002" / "run.json"
    assert (attic / "run.json").read_text() == "older"


def test_a_torn_file_counts_as_none_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"a":')
    assert read_run(tmp_path) is None
    moved = write_run(tmp_path, {"a": 1})
    assert moved is not None
    assert moved.read_text() == '{"a":'


def test_missing_is_none(tmp_path: Path) -> None:
    assert read_run(tmp_path / "nowhere") is None


def test_numbers_go_on_after_the_highest(tmp_path: Path) -> None:
    for name in ("002", "1000", "notes"):
        (tmp_path / "superseded" / name).mkdir(parents=True)
    assert next_archive(tmp_path).name == "1001"


def test_any_text_file_can_be_kept_like_this(tmp_path: Path) -> None:
    path = tmp_path / "scene.resolved.yaml"
    assert write_keeping_old(path, "ä: 1\n") is None
    moved = write_keeping_old(path, "ä: 2\n")
    assert moved is not None
    assert (moved.read_text("utf-8"), path.read_text("utf-8")) == ("ä: 1\n", "ä: 2\n")


def test_what_another_run_had_otherwise_is_told_by_kind() -> None:
    model: Any = {"name": "pocket", "hash": "a"}
    before: dict[str, Any] = {
        "torch": "2.13",
        "threads": 2,
        "size": [64, 48],
        "seed": 1,
        "title": "a",
        "engine": 3,
    }
    before |= {"models": {"generator": model, "perceptors": [model]}}
    now = {**before, "torch": "2.14", "size": [96, 64], "title": "b", "engine": 4}
    now |= {"models": {"generator": {**model, "name": "other"}, "perceptors": [model]}}
    found = {change.texts: change.repaints for change in changes(before, now)}
    assert found == {
        ("torch", "2.13", "2.14"): False,
        ("models", "pocket", "other + pocket"): True,
        ("size", "64x48", "96x64"): True,
        ("engine", "3", "4"): True,
    }
    assert changes(None, now) == ()
    assert changes(now, now) == ()
