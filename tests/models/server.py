"""A small HTTP server for tests, which serves well or badly as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAGE = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


@dataclass
class Shelf:
    """Files by path, and how requests for each are answered."""

    files: dict[str, bytes] = field(default_factory=dict)
    moods: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By path: how the next requests are answered, one after another; then `well`."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths and Range headers of all requests, in order."""
    address: str = ""

    def url(self, path: str) -> str:
        """The address of a file."""
        return f"{self.address}/{path}"

    def ranges(self, path: str) -> list[str | None]:
        """Range headers of the requests for a file."""
        return [wanted for asked, wanted in self.asked if asked == path]


@contextmanager
def serving() -> Iterator[Shelf]:
    """A shelf behind a server on this machine."""
    shelf = Shelf()

    class Handler(_Handler):
        here = shelf

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    here: Shelf

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        wanted = self.headers.get("Range")
        self.here.asked.append((path, wanted))
        moods = self.here.moods[path]
        mood, _, amount = (moods.pop(0) if moods else "well").partition(" ")
        content = self.here.files.get(path)
        if mood.isdecimal():
            self._answer(int(mood), b"no")
        elif mood == "page":
            self._answer(200, PAGE, None, **{"Content-Type": amount or "text/html; charset=utf-8"})
        elif content is None:
            self._answer(404, b"no")
        else:
            self._serve(content, wanted, mood, int(amount or 0))

    def _serve(self, content: bytes, wanted: str | None, mood: str, amount: int) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        about = {} if mood == "unmarked" else {"ETag": etag}
        unchanged = self.headers.get("If-Range", etag) == etag
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and unchanged else 0
        if mood == "norange" or not start:
            start, status = 0, 200
        else:
            if start >= len(content):
                self._answer(416, b"")
                return
            status = 206
            first = 0 if mood == "otherpart" else start
            about["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        claimed = len(body) + amount if mood == "claims" else len(body)
        if mood == "breaks":
            body = body[:amount]
        self._answer(status, body, claimed, **about)

    def _answer(self, status: int, body: bytes, claimed: int | None = None, **about: str) -> None:
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever asked may be gone
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
