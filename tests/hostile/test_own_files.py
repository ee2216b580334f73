"""Files that vqanim wrote come back damaged: it goes on, or says in one line what to do."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from safetensors.numpy import save

from tests.cli.conftest import TINY, command, environment, finished, frames, here, run
from tests.cli.conftest import Run as Runs
from tests.hostile.damage import damaged, grafted
from vqanim import leftovers
from vqanim.cli.main import main
from vqanim.errors import InputError
from vqanim.models.catalogue import read_catalogue_file
from vqanim.own_files import Damaged, parse_json, read_array, read_bytes, read_json, read_lines, read_tensors
from vqanim.takes import records
from vqanim.takes.recording import STATE, Recording, State

__all__ = ["finished", "here", "run"]  # fixtures
ALLOWED = {0, 2, 3, 4, 5, 6}
CONTROLS = set(map(chr, (*range(10), *range(11, 32), *range(127, 160))))
OWN = (
    "run.json",
    "film.json",
    "live.js",
    "scene.resolved.yaml",
    ".lock.json",
    "takes/main/record.jsonl",
    "speeds",
)
"""Of a render's folder; and what the cache knows of this machine."""


@pytest.fixture(scope="module", autouse=True)
def _models_are_read_once(models_read_once: None) -> None:
    """For all commands that run in this process."""


@pytest.fixture
def render(finished: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished render of tiny.yaml in the current folder, with a cache of its own."""
    shutil.copytree(finished.parent.parent, here, dirs_exist_ok=True)
    monkeypatch.setenv("VQANIM_CACHE", str(here / "cache"))
    folder = here / "renders" / "tiny"
    holder = {"pid": 2**22 - 1, "host": "elsewhere", "since": "2026-01-01", "started": None, "token": "ab"}
    (folder / ".lock.json").write_text(json.dumps(holder))
    (here / "cache").mkdir()
    entry = {
        "models": "pocket",
        "device": "cpu",
        "start": 1.5,
        "memory": None,
        "memory_size": [64, 48],
        "png": 1.7,
    }
    speeds = {"version": 1, "speeds": [{**entry, "seconds": {"step": {"64x48": 0.1}}}]}
    (here / "cache" / "speeds.json").write_text(json.dumps(speeds))
    return folder


def check_all(result_code: int, out: str, err: str, about: object) -> None:
    """Nothing that a user may not be shown."""
    assert result_code in ALLOWED, (about, err)
    assert "Traceback" not in err, about
    assert "bug" not in err, about
    assert not CONTROLS & set(out + err), about
    assert max(map(len, err.split("\n"))) < 2200, about


def damage_and_run(render: Path, run: Runs, seeds: Iterator[int]) -> None:
    """Damage one file at a time, look at the render in every way, and at what is left of the frames."""
    painted = frames(render)
    whole = {name: place(render, name).read_bytes() for name in OWN}
    ways = (("plan", "tiny.yaml"), ("report", "renders/tiny"), ("render", "tiny.yaml"))
    for seed in seeds:
        rng = Random(seed)
        name = rng.choice(OWN)
        path = place(render, name)
        path.write_bytes(damaged(rng, whole[name]))
        result = run(*(ways[2] if name.startswith((".lock", "takes")) else rng.choice(ways)))
        check_all(result.code, result.out, result.err, (seed, name))
        assert frames(render) == painted, (seed, name)
        for known in OWN:
            place(render, known).write_bytes(whole[known])
        shutil.rmtree(render / "superseded", ignore_errors=True)


def place(render: Path, name: str) -> Path:
    """Where one of OWN lies."""
    return render.parent.parent / "cache" / "speeds.json" if name == "speeds" else render / name


def test_a_damaged_render_loses_no_frame_and_prints_no_traceback(render: Path, run: Runs) -> None:
    damage_and_run(render, run, iter(range(25)))


@pytest.mark.slow
def test_a_render_that_is_damaged_in_many_ways(render: Path, run: Runs) -> None:
    damage_and_run(render, run, iter(range(1000, 1600)))


def test_a_damaged_cache_is_told_of_once_and_made_anew(render: Path, run: Runs) -> None:
    (render.parent.parent / "cache" / "speeds.json").write_text(
        '{"version": 1, "speeds": [{"models": 1e999}]}'
    )
    (render / "takes" / "main" / "000003.png").unlink()
    result = run("render", "tiny.yaml")
    assert result.code == 0
    lines = [line for line in result.err.splitlines() if "speeds.json" in line]
    assert len(lines) == 1
    assert lines[0].endswith("it is made anew")
    assert "speeds.json" not in run("plan", "tiny.yaml").err


def test_any_damage_of_json_is_told_in_words() -> None:
    schema = {"index": int, "digest": str, "metrics?": {str: [(float, None)]}}
    whole = b'{"index": 3, "digest": "ab", "metrics": {"losses": [1.5, null]}}'
    assert parse_json(b"\xef\xbb\xbf" + whole, schema)["index"] == 3
    long = 0
    for seed in range(1500):
        rng = Random(seed)
        content = rng.choice((damaged, grafted))(rng, whole)
        try:
            found = parse_json(content, schema, 100_000)
        except Damaged as error:
            long += len(str(error)) > 300
            continue
        assert type(found["index"]) is int
        assert abs(found["index"]) <= 2**64
        assert found["digest"].encode() is not None
    assert not long


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (bytes(4096), "zeros"),
        (b"[" * 200_000, "nested"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested"),
        (b"9" * 5000, "5,000 digits"),
        (b"1e999", "too large"),
        (b"NaN", "NaN"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'"\\ud800"', "surrogate"),
        (b'"\xff"', "UTF-8"),
        (b"[1", "no whole JSON"),
        (b" " * 5_000_000, "allowed are"),
    ],
)
def test_what_is_no_json_of_ours_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(Damaged, match=reason):
        parse_json(content)


def test_only_files_are_read(tmp_path: Path) -> None:
    assert read_bytes(tmp_path / "none") is None
    assert read_json(tmp_path / "none", int) is None
    with pytest.raises(Damaged):
        read_bytes(tmp_path)
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe")  # which would be waited for
        with pytest.raises(Damaged, match="is a pipe, not a file"):
            read_bytes(tmp_path / "pipe")


def test_of_a_record_of_any_size_little_is_read(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b"x" * 5000 + b"\na\nb\n" + b"y" * 300 + b"\nc")
    assert list(read_lines(path, 100, 10_000)) == [b"a", b"b", b"c"]
    assert list(read_lines(path, 100, 4)) == [b"c"]
    record = records.FrameRecord(1, "d", "p", "p")
    records.append_records(path, [record])  # the torn line goes
    assert records.read_records(path) == {1: record}
    assert list(read_lines(path, 100, 10_000))[:2] == [b"a", b"b"]


def test_a_damaged_array_claims_no_memory(tmp_path: Path) -> None:
    path, buffer = tmp_path / "a.npy", io.BytesIO()
    array = np.linspace(0, 1, 50, dtype=np.float32)
    np.save(buffer, array)
    path.write_bytes(buffer.getvalue())
    assert np.array_equal(read_array(path), array)
    path.write_bytes(
        buffer.getvalue().replace(b"(50,)", b"(9" + b"9" * 12 + b",)").replace(b"9" * 9, b"9" * 9)
    )
    with pytest.raises(Damaged):
        read_array(path)
    for seed in range(300):
        path.write_bytes(damaged(Random(seed), buffer.getvalue()))
        try:
            assert read_array(path).nbytes < 10_000
        except Damaged:
            continue


def test_a_damaged_state_is_never_gone_on_from(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording = Recording(tmp_path, "digest")
    state = State(
        {"params.z": np.arange(12, dtype=np.float32), "opening": np.ones(3, np.float32)}, {"steps": 4}
    )
    recording.save_state(state)
    read = recording.read_state()
    assert read is not None
    assert read.counts == {"steps": 4}
    whole = (tmp_path / STATE).read_bytes()
    for seed in range(300):
        content = damaged(Random(seed), whole)
        if len(content) == len(whole) and content[8:] != whole[8:]:
            (tmp_path / STATE).write_bytes(content)
            found = recording.read_state()
            assert found is None or all(
                np.array_equal(found.arrays[name], array) for name, array in state.arrays.items()
            ), seed
    (tmp_path / STATE).write_bytes(save({"a": np.zeros(2, np.float32)}, {"steps": "9" * 5000}))
    assert recording.read_state() is None
    with pytest.raises(Damaged):
        read_tensors(tmp_path / STATE, 10)


@pytest.mark.parametrize(
    "value",
    [
        *("9" * 5000, "0x" + "f" * 5000, ".inf", ".nan", "1e999", "1e308", "-1", "true", "[]"),
        *("1:30:0.5", "2026-13-45", '!!int ""', "!!bool maybe", "!!timestamp x", '"\\ud800"'),
        "!!python/object:os.system {}",
    ],
)
def test_numbers_beyond_their_type_in_a_card_are_named(tmp_path: Path, value: str) -> None:
    card = tmp_path / "model.yaml"
    file = "{path: weights.safetensors, sha256: " + "a" * 64 + f", size: {value}}}"
    config = "{path: config.yaml, sha256: " + "a" * 64 + ", size: 1}"
    row = f"{{family: vqgan, multiple: 16, files: {{config: {config}, checkpoint: {file}}}}}"
    card.write_text(f"generators: {{mine: {row}}}\n")
    with pytest.raises(InputError) as caught:
        read_catalogue_file(card)
    assert str(card) in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")
@pytest.mark.parametrize("args", [("--help",), ("plan", "tiny.yaml")])
def test_a_full_disk_behind_standard_output_has_its_own_exit(
    here: Path, root: Path, args: tuple[str, ...]
) -> None:
    (here / "tiny.yaml").write_text(TINY)
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            command(*args), cwd=here, env=environment(root), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 5
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_a_disk_without_locks_is_no_obstacle(here: Path, root: Path) -> None:
    (here / "tiny.yaml").write_text(TINY)
    program = (
        "import errno, fcntl, os, sys\n"
        "def flock(file, how): raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))\n"
        "fcntl.flock = flock\n"
        "from vqanim.cli.main import main\n"
        "sys.exit(main(['preview', 'tiny.yaml']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=here,
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "no locks" in done.stderr


@pytest.mark.parametrize("name", ["", "x" * 300, "a/" * 2500 + "b", "no/such/x.png"])
def test_names_that_no_disk_takes_are_no_bugs(here: Path, run: Runs, name: str) -> None:
    for args in (
        ("preview", "tiny.yaml", f"--picture={name}"),
        ("icon", "fa-eye", f"--out={name}"),
        ("check", name),
    ):
        (here / "tiny.yaml").write_text(TINY)
        result = run(*args)
        check_all(result.code, result.out, result.err, args)
    assert main(["new", name]) in ALLOWED


@pytest.mark.skipif(os.name == "nt", reason="asking for a process would end it")
def test_what_killed_processes_left_is_swept_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import os, sys; from pathlib import Path; from vqanim.leftovers import *\n"
        "temporary_beside(Path(sys.argv[1]) / 'a.yaml').write_text('half')\n"
        "with scratch_folder(): os._exit(9)\n"
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)]).returncode == 9
    mine = leftovers.temporary_beside(tmp_path / "a.yaml")
    mine.write_text("at work")
    (tmp_path / "vqanim-notes").mkdir()
    assert len(list(tmp_path.iterdir())) == 4
    leftovers.sweep_beside(tmp_path / "a.yaml")
    with leftovers.scratch_folder() as scratch:
        assert set(tmp_path.iterdir()) == {mine, scratch, tmp_path / "vqanim-notes"}


def test_a_missing_package_is_named_with_the_line_that_installs_it(
    here: Path, run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "a.wav").write_bytes(b"RIFF" + bytes(60))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    result = run("listen", "a.wav")
    assert result.code == 3
    assert result.err.rstrip().endswith("pip install soundfile")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices of POSIX")
def test_devices_and_pipes_are_neither_read_nor_replaced(render: Path, run: Runs) -> None:
    os.mkfifo("pipe")
    for place in ("/dev/zero", "pipe"):
        for args in (
            ("report", "renders/tiny", f"--out={place}"),
            ("plan", place),
            ("image", f"--like={place}"),
        ):
            result = run(*args)
            check_all(result.code, result.out, result.err, args)
            assert result.code in (2, 3, 5), args
        assert not Path(place).is_file()
