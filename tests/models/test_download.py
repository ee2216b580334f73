from __future__ import annotations

import errno
import hashlib
import io
import random
import shutil
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.models.server import Shelf, serving
from vqanim.errors import InputError, OutputError
from vqanim.models.download import FetchProgress, FetchTrouble, Partial, Patience, download
from vqanim.models.entries import Pin, RemoteFile
from vqanim.models.fetch import FetchEvent

QUICK = Patience(timeout=2, attempts=3, wait=0.01)


def archive(size: int = 3_000_000, seed: int = 0) -> bytes:
    """A zip archive, as checkpoints are, with so many bytes of noise in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data/0", random.Random(seed).randbytes(size))
    return buffer.getvalue()


CONTENT = archive()


@pytest.fixture(scope="module")
def server() -> Iterator[Shelf]:
    with serving() as shelf:
        yield shelf


@pytest.fixture
def shelf(server: Shelf) -> Shelf:
    server.files = {"w.ckpt": CONTENT, "other.ckpt": CONTENT}
    server.moods.clear()
    server.asked.clear()
    return server


@pytest.fixture
def wanted(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteFile:
    """The file with its published hash."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    digest = hashlib.sha256(CONTENT).hexdigest()
    return RemoteFile("mine", "mine/weights.ckpt", (shelf.url("w.ckpt"),), digest, len(CONTENT))


def unknown(wanted: RemoteFile) -> RemoteFile:
    """The same, but nobody knows hash and size."""
    return replace(wanted, sha256=None, size=None)


def run(wanted: RemoteFile, patience: Patience = QUICK) -> tuple[Pin, list[FetchEvent]]:
    """Fetch it; what was given, and all events."""
    events: list[FetchEvent] = []
    transfer = download(wanted, patience)
    while True:
        try:
            events.append(next(transfer))
        except StopIteration as stop:
            return stop.value, events


def troubles(events: list[FetchEvent]) -> list[str]:
    return [event.reason for event in events if isinstance(event, FetchTrouble)]


def left(wanted: RemoteFile) -> list[str]:
    """Names of the files beside the target."""
    return sorted(path.name for path in wanted.locate().parent.glob("*") if path.exists())


def fails(wanted: RemoteFile, words: str) -> str:
    """Fetching it fails with these words, and nothing that looks whole is left."""
    with pytest.raises(InputError) as caught:
        run(wanted)
    message = str(caught.value)
    assert words in message
    assert f"put it at {wanted.locate()}" in message
    assert not wanted.locate().exists()
    assert all(name.startswith(".") for name in left(wanted))
    return message


def test_a_file_comes_whole_and_tells_how_far_it_is(wanted: RemoteFile) -> None:
    got, events = run(wanted)
    assert wanted.locate().read_bytes() == CONTENT
    assert got == Pin(wanted.sha256 or "", len(CONTENT), wanted.urls[0])
    last = events[-1]
    assert isinstance(last, FetchProgress)
    assert (last.done, last.size) == (len(CONTENT), len(CONTENT))
    assert left(wanted) == ["weights.ckpt"]


@pytest.mark.parametrize("known", [True, False])
def test_a_connection_that_breaks_off_is_continued(wanted: RemoteFile, shelf: Shelf, known: bool) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1200000", "breaks 1000000"]
    _, events = run(wanted if known else unknown(wanted))
    assert shelf.ranges("w.ckpt") == [None, "bytes=1200000-", "bytes=2200000-"]
    assert troubles(events) == [
        f"the connection broke off after {n:,} of {len(CONTENT):,} bytes" for n in (1_200_000, 2_200_000)
    ]
    assert wanted.locate().read_bytes() == CONTENT


def test_a_later_run_continues(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1500000", "breaks 0", "breaks 0"]
    fails(wanted, "the connection broke off")
    shelf.asked.clear()
    run(wanted)
    assert shelf.ranges("w.ckpt") == ["bytes=1500000-"]
    assert wanted.locate().read_bytes() == CONTENT


def test_a_transfer_that_is_closed_can_be_continued(wanted: RemoteFile, shelf: Shelf) -> None:
    transfer = download(wanted, QUICK)
    next(transfer)
    transfer.close()
    assert not wanted.locate().exists()
    run(wanted)
    assert shelf.ranges("w.ckpt")[1] is not None
    assert wanted.locate().read_bytes() == CONTENT


def test_a_server_that_cannot_continue_begins_anew(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1500000", "norange"]
    run(wanted)
    assert wanted.locate().read_bytes() == CONTENT


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_continues_elsewhere_is_not_believed(
    wanted: RemoteFile, shelf: Shelf, known: bool
) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1500000", "otherpart"]
    _, events = run(wanted if known else unknown(wanted))
    assert "the server went on with another part" in troubles(events)[1]
    assert wanted.locate().read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(wanted: RemoteFile, shelf: Shelf) -> None:
    wanted = unknown(wanted)
    shelf.moods["w.ckpt"] = ["breaks 1500000", "503", "503"]
    fails(wanted, "the server answers 503")
    shelf.files["w.ckpt"] = archive(seed=1)
    run(wanted)
    assert wanted.locate().read_bytes() == shelf.files["w.ckpt"]


def test_another_address_continues_a_file_whose_hash_is_known(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1500000", "404"]
    wanted = replace(wanted, urls=(shelf.url("w.ckpt"), shelf.url("other.ckpt")))
    run(wanted)
    assert shelf.ranges("other.ckpt") == ["bytes=1500000-"]
    assert wanted.locate().read_bytes() == CONTENT


def test_another_address_begins_anew_when_nobody_knows_the_hash(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1500000", "404"]
    shelf.files["other.ckpt"] = archive(seed=1)
    run(replace(unknown(wanted), urls=(shelf.url("w.ckpt"), shelf.url("other.ckpt"))))
    assert shelf.ranges("other.ckpt") == [None]
    assert wanted.locate().read_bytes() == shelf.files["other.ckpt"]


def test_what_an_earlier_run_left_wrong_is_fetched_anew(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.moods["w.ckpt"] = ["breaks 1500000", "breaks 0", "breaks 0"]
    fails(wanted, "broke off")
    (part,) = wanted.locate().parent.glob(".*.part")
    part.write_bytes(b"x" * part.stat().st_size)
    run(wanted)
    assert wanted.locate().read_bytes() == CONTENT


def test_a_server_that_is_busy_is_asked_again(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.moods["w.ckpt"] = ["503", "429"]
    _, events = run(wanted)
    assert [(e.reason, e.wait) for e in events if isinstance(e, FetchTrouble)] == [
        ("the server answers 503 Service Unavailable", 0.01),
        ("the server answers 429 Too Many Requests", 0.02),
    ]
    assert wanted.locate().read_bytes() == CONTENT


def test_the_next_address_is_tried(wanted: RemoteFile, shelf: Shelf) -> None:
    addresses = ("ftp://nowhere/x", shelf.url("gone"), shelf.url("other.ckpt"))
    got, events = run(replace(wanted, urls=addresses))
    assert got.address == addresses[2]
    assert troubles(events) == ["this is no http or https address", "the server answers 404 Not Found"]
    assert len(shelf.ranges("gone")) == 1


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kind", ["", "application/octet-stream"])
def test_a_web_page_is_no_file(wanted: RemoteFile, shelf: Shelf, known: bool, kind: str) -> None:
    shelf.moods["w.ckpt"] = [f"page {kind}".strip()]
    words = "it offers 55 bytes" if known and kind else "it is a web page instead of the file"
    fails(wanted if known else unknown(wanted), words)


def test_another_file_is_refused(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.files["w.ckpt"] = bytes(len(CONTENT) - 1) + b"x"
    message = fails(wanted, "what came is another file: its SHA-256 is ")
    assert f"expected {(wanted.sha256 or '')[:12]}..." in message
    assert left(wanted) == []
    assert len(shelf.asked) == 1, "a wrong file is not fetched again"


def test_a_file_of_another_size_is_refused_before_it_comes(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.files["w.ckpt"] = CONTENT + b"x"
    fails(wanted, f"it offers {len(CONTENT) + 1:,} bytes, expected {len(CONTENT):,}")


@pytest.mark.parametrize(
    ("amount", "words"), [(5000, "the connection broke off after"), (-5000, "it is cut short")]
)
def test_a_server_that_lies_about_the_length_is_found_out(
    wanted: RemoteFile, shelf: Shelf, amount: int, words: str
) -> None:
    shelf.moods["w.ckpt"] = [f"claims {amount}"] * 9
    fails(unknown(wanted), words)


def test_what_is_no_checkpoint_is_never_taken_for_one(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.files["w.ckpt"] = b"hello, this is text"
    fails(unknown(wanted), "it is no checkpoint, but something else")


def test_a_config_is_read_before_it_is_believed(wanted: RemoteFile, shelf: Shelf) -> None:
    shelf.files["w.ckpt"] = b"model: {params: 3}"
    fails(
        replace(unknown(wanted), place="mine/config.yaml"),
        "this config cannot be used: line 1: model.params: found '3'",
    )


def test_no_network_is_said_at_once(wanted: RemoteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = []

    def resolve(host: str, *_: Any, **__: Any) -> None:
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    one, two = "https://models.invalid/w.ckpt", "https://models.invalid/x.ckpt"
    fails(replace(wanted, urls=(one, two)), f"no network, or no such host ({one}, {two})")
    assert looked_up == ["models.invalid"], "a host that is not there is looked up once"


def test_nobody_at_the_address_is_said(wanted: RemoteFile) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fails(replace(wanted, urls=(f"http://127.0.0.1:{port}/w",)), "nobody answers there")


def test_a_server_that_says_nothing_is_left(wanted: RemoteFile) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/w"
        with pytest.raises(InputError, match="nothing came for 0.05 s"):
            run(replace(wanted, urls=(address,)), Patience(0.05, 2, 0.01))


def test_a_full_disk_is_seen_before_the_transfer(
    wanted: RemoteFile, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10**12, 10**12, 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match=r"mine needs 3 MB more .* disk has 1 MB; .*VQANIM_CACHE"):
        run(wanted)
    assert not wanted.locate().exists()


def test_a_disk_that_fills_up_on_the_way_stops_it(
    wanted: RemoteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Partial, "append", lambda _: Full())
    with pytest.raises(
        OutputError, match="the disk is full; free some space and run again, it will continue"
    ):
        run(wanted)
    assert not wanted.locate().exists()
