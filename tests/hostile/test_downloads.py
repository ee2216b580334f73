"""Servers that send without end, or point to where nothing should be fetched from."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from vqanim.errors import InputError
from vqanim.models import download as module
from vqanim.models.download import Patience, download
from vqanim.models.entries import RemoteFile

QUICK = Patience(timeout=2, attempts=1, wait=0.01)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/to="):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to="))
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b"\x80" + bytes(1 << 16))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without size and hash is not fetched, and nothing of it is left."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError):
        list(download(RemoteFile("mine", "mine/weights.ckpt", (url,)), QUICK))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_what_never_ends_is_ended_and_removed(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 5_000_000)
    refused(f"{address}/x", tmp_path, monkeypatch)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "gopher://x/"])
def test_a_redirect_leads_to_the_web_only(
    target: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(f"{address}/to={target}", tmp_path, monkeypatch)


def test_a_redirect_never_leaves_https() -> None:
    import email.message
    import io
    import urllib.request

    request = urllib.request.Request("https://example.org/a")
    go = module._Redirects().redirect_request
    headers = email.message.Message()
    with pytest.raises(module._GivenUp, match="https"):
        go(request, io.BytesIO(), 302, "", headers, "http://example.org/a")  # type: ignore[arg-type]
    on = go(request, io.BytesIO(), 302, "", headers, "https://example.org/b")  # type: ignore[arg-type]
    assert on is not None
    assert on.full_url == "https://example.org/b"
