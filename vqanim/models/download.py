"""One file from one of several addresses: continued where it stopped, checked, and put in its place whole.

Continuing, several addresses and a hash of the first download are most of a downloader, so the standard
library's client does it. No torch.
"""

from __future__ import annotations

import errno
import http.client
import json
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias
from urllib.parse import urlsplit

from vqanim import __version__
from vqanim.errors import InputError, OutputError
from vqanim.files import make_folder, sha256_of, sync_file, sync_folder, write_atomic, writing
from vqanim.models.contents import find_fault
from vqanim.models.entries import PAGE, Pin, RemoteFile, is_address, is_page
from vqanim.own_files import Damaged, read_json

CHUNK = 1 << 18
GAIN = 1_000_000
"""Bytes. An attempt that brought so many was worth it, and does not count as a failed one."""
SPARE = 100_000_000
"""Bytes of the disk that stay free."""
MOST_BYTES = 50_000_000_000
"""Of a file whose size nobody says: several times the largest model; a server could send without end."""
_LOOK = 1 << 26
"""Bytes after which the room on the disk is looked at again."""
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers of servers that may be better in a moment."""


@dataclass(frozen=True)
class Patience:
    """How long to try."""

    timeout: float = 30.0
    """Seconds without a byte."""
    attempts: int = 4
    """At one address, unless they bring something."""
    wait: float = 1.0
    """Seconds before the second attempt; twice as many before each further one."""


@dataclass(frozen=True)
class FetchProgress:
    """Sent when a transfer begins, and now and then while it goes on."""

    model: str
    role: str
    address: str
    done: int
    """Bytes here, those of an earlier attempt included."""
    size: int | None
    """Bytes in the end; None when nobody said."""


@dataclass(frozen=True)
class FetchTrouble:
    """An address did not give the file."""

    model: str
    role: str
    address: str
    reason: str
    wait: float | None
    """Seconds until the same address is tried again; None when it is given up."""


@dataclass(frozen=True)
class Origin:
    """What an address said about the file that it began to send."""

    address: str
    size: int | None
    """Bytes of the whole file."""
    mark: str | None
    """ETag or Last-Modified: changes when the file does."""


class Partial:
    """The part of a file that is here. Its methods raise OutputError."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that are here."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    @property
    def origin(self) -> Origin | None:
        """Where they came from; None when nothing is known."""
        with suppress(Damaged):
            if found := read_json(self._note, {"address": str, "size": (int, None), "mark": (str, None)}):
                return Origin(found["address"], found["size"], found["mark"])
        return None

    def begin(self, origin: Origin) -> None:
        """Start anew."""
        make_folder(self.path.parent)
        self.discard()
        write_atomic(self._note, json.dumps(asdict(origin)))

    def append(self) -> BinaryIO:
        """Open it for writing at its end."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Remove it."""
        with writing(self._target):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """It is whole: move it to its target."""
        with writing(self._target):
            sync_file(self.path)
            self.path.replace(self._target)
            sync_folder(self._target.parent)
            self._note.unlink(missing_ok=True)


Response: TypeAlias = http.client.HTTPResponse
Transfer: TypeAlias = Generator[FetchProgress | FetchTrouble, None, Pin]
"""Reports how it goes on; gives what came and where it came from."""

_NO_HOST = "no network, or no such host"
"""Why an address is given up; looking its host up again would take long and give the same."""


class _GivenUp(Exception):
    """This address does not give the file."""


class _Failed(Exception):
    """This attempt did not give the file; another may."""


class _Wrong(Exception):
    """What came is not what was wanted."""


def download(wanted: RemoteFile, patience: Patience = Patience()) -> Transfer:
    """Fetch a file from the first address that gives it. Closing the generator keeps what came so far.

    Raises InputError that names each address with its trouble, and OutputError when the disk refuses. What is
    at the target is whole and checked; before that it is a hidden `.part` file.
    """
    part = Partial(wanted.locate())
    troubles: dict[str, list[str]] = {}
    gone: set[str | None] = set()
    for address in wanted.urls:
        try:
            if not is_address(address):
                raise _GivenUp("this is no http or https address")
            if urlsplit(address).hostname in gone:
                raise _GivenUp(_NO_HOST)
            return (yield from _try_address(wanted, address, part, patience))
        except _GivenUp as error:
            reason = str(error)
        finally:
            if not part.size:
                part.discard()
        if reason == _NO_HOST:
            gone.add(urlsplit(address).hostname)
        troubles.setdefault(reason, []).append(address)
        yield FetchTrouble(wanted.model, wanted.role, address, reason, None)
    reasons = "; ".join(f"{reason} ({', '.join(where)})" for reason, where in troubles.items())
    remedy = f"Get the file in another way and put it at {wanted.locate()}, or name a mirror in VQANIM_MIRROR"
    about = f"its {wanted.role} could not be fetched: {reasons or 'no address is known'}"
    raise InputError(f"{wanted.model}: {about}. {remedy}")


def _try_address(wanted: RemoteFile, address: str, part: Partial, patience: Patience) -> Transfer:
    inherited = part.size > 0
    left, wait, best = patience.attempts, patience.wait, part.size
    while True:
        try:
            yield from _receive(wanted, address, part, patience.timeout)
            return _accept(wanted, address, part)
        except (_Failed, _Wrong) as error:
            if isinstance(error, _Wrong):
                part.discard()
                if not inherited:
                    raise _GivenUp(str(error)) from error
                inherited = False  # what an earlier attempt left may be to blame
            if part.size >= best + GAIN:  # further than ever: a server that begins anew each time will not do
                left, wait, best = patience.attempts, patience.wait, part.size
            left -= 1
            if left <= 0:
                raise _GivenUp(str(error)) from error
            yield FetchTrouble(wanted.model, wanted.role, address, str(error), wait)
            time.sleep(wait)
            wait *= 2


def _receive(wanted: RemoteFile, address: str, part: Partial, timeout: float) -> Iterator[FetchProgress]:
    """Bring the part to its full length. Raises _Failed and _GivenUp."""
    offset = _resumable(wanted, address, part)
    headers = {"User-Agent": f"vqanim/{__version__}", "Accept-Encoding": "identity"}
    request = urllib.request.Request(address, headers=headers)
    if offset:
        request.add_header("Range", f"bytes={offset}-")
        if (origin := part.origin) and origin.mark and origin.address == address:
            request.add_header("If-Range", origin.mark)
    with _translated(part, offset, timeout), _OPENER.open(request, timeout=timeout) as response:
        if response.headers.get_content_type() == "text/html":
            raise _GivenUp(PAGE)
        size = _agree(wanted, Origin(address, None, _mark(response)), response, part, offset)
        _check_room(wanted, (size or wanted.size or wanted.roughly or 0) - part.size)
        for done in _store(wanted, part, response, size or wanted.size):
            yield FetchProgress(wanted.model, wanted.role, address, done, size or wanted.size)
        if size is not None and part.size < size:
            raise _Failed(f"the connection broke off after {part.size:,} of {size:,} bytes")


def _resumable(wanted: RemoteFile, address: str, part: Partial) -> int:
    """Bytes that may be kept; others are removed. With a known hash a file may go on at another address."""
    origin = part.origin
    whole = wanted.size or (origin.size if origin else None)
    known = origin is not None and (wanted.sha256 is not None or origin.address == address)
    if not known or (whole is not None and part.size >= whole):
        part.discard()
    return part.size


def _agree(wanted: RemoteFile, origin: Origin, response: Response, part: Partial, offset: int) -> int | None:
    """The whole size, if the server says it. Starts the part anew unless the server goes on where it ends.

    Raises _Failed and _GivenUp.
    """
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() else None
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        size = int(found[2]) if found and found[2] != "*" else None
        before = part.origin
        same = before is not None and (before.size, before.mark) == (size, origin.mark)
        if not offset or not found or int(found[1]) != offset or not (same or wanted.sha256):
            part.discard()
            raise _Failed("the server went on with another part, or the file has changed there")
    if wanted.size is not None and size is not None and size != wanted.size:
        raise _GivenUp(f"it offers {size:,} bytes, expected {wanted.size:,}")
    if response.status != 206:
        part.begin(replace(origin, size=size))
    return size


def _store(wanted: RemoteFile, part: Partial, response: Response, limit: int | None) -> Iterator[int]:
    """Write what comes to the part; reports now and then how many bytes are here. Raises _GivenUp."""
    done, reported, looked = part.size, float("-inf"), part.size
    most = MOST_BYTES if limit is None else limit
    with writing(part.path):
        file = part.append()
    with file:
        while chunk := response.read1(CHUNK):
            if done == 0 and is_page(chunk):
                raise _GivenUp(PAGE)
            done += len(chunk)
            if done > most:
                part.discard()
                expected = "that any model has" if limit is None else "that were expected"
                raise _GivenUp(f"it sends more than the {most:,} bytes {expected}")
            if done - looked >= _LOOK:
                looked = done
                _keep_room(wanted, part, limit)
            with writing(wanted.locate()):
                file.write(chunk)
            if time.monotonic() - reported > 0.1:
                reported = time.monotonic()
                yield done
        with writing(wanted.locate()):
            file.flush()
    yield done


def _keep_room(wanted: RemoteFile, part: Partial, limit: int | None) -> None:
    """Raise OutputError before the disk is full. What is here of a file without a known size is removed, as
    nobody knows whether it ends; else it is kept, and goes on where there is room."""
    try:
        _check_room(wanted, 0)
    except OutputError:
        if limit is None:
            part.discard()
        raise


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Goes where a server points, but only to http and https, and never from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request for the new address. Raises _GivenUp."""
        if not is_address(newurl):
            raise _GivenUp("it points to something that is no http or https address, which is refused")
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise _GivenUp("it points from https to http, which anybody on the way could change; refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)


def _accept(wanted: RemoteFile, address: str, part: Partial) -> Pin:
    """Put a part that came to its end in its place. Raises _Wrong when it is not what was wanted."""
    size = part.size
    if wanted.size not in (None, size):
        raise _Wrong(f"it gave {size:,} bytes, expected {wanted.size:,}")
    with writing(part.path):
        found = sha256_of(part.path)
        if wanted.sha256 is None and (fault := find_fault(part.path, wanted.role)):
            raise _Wrong(fault)
    if wanted.sha256 not in (None, found):
        expected = f"{found[:12]}..., expected {wanted.sha256[:12]}..."
        raise _Wrong(f"what came is another file: its SHA-256 is {expected}")
    part.finish()
    return Pin(found, size, address)


def _check_room(wanted: RemoteFile, needed: int) -> None:
    """Raise OutputError when the disk has no room for so many bytes."""
    folder = wanted.locate().parent
    with writing(folder):
        free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        about = f"{wanted.model} needs {needed / 1e6:,.0f} MB more and some to spare"
        remedy = "free some space, or set VQANIM_CACHE to a folder on another disk"
        raise OutputError(f"{folder}: {about}, but the disk has {free / 1e6:,.0f} MB; {remedy}")


@contextmanager
def _translated(part: Partial, offset: int, timeout: float) -> Iterator[None]:
    """Turn the errors of the network into _Failed and _GivenUp."""
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            reason = "".join(c if c.isprintable() else "?" for c in str(error.reason)[:100])
            answer = f"the server answers {error.code} {reason}".rstrip()
        if error.code == 416 and offset:
            part.discard()
            raise _Failed(answer) from error
        raise (_Failed if error.code in _PASSING else _GivenUp)(answer) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            with writing(part.path):  # what was still to be written when the file was closed
                raise
        raise _network_trouble(error, timeout) from error


def _network_trouble(error: Exception, timeout: float) -> Exception:
    """What an error of the network means."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    match cause:
        case socket.gaierror():
            return _GivenUp(_NO_HOST)
        case TimeoutError():
            return _Failed(f"nothing came for {timeout:g} s")
        case ConnectionRefusedError():
            return _GivenUp("nobody answers there (connection refused)")
        case ssl.SSLCertVerificationError():
            return _GivenUp(f"its certificate is not to be trusted ({cause.verify_message})")
        case http.client.InvalidURL() | ValueError():
            return _GivenUp(f"this address cannot be used ({cause})")
    reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return _Failed(f"the connection failed ({reason})")


def _mark(response: Response) -> str | None:
    """What tells versions of a file apart. A weak ETag does not promise equal bytes."""
    etag = response.headers.get("ETag", "").strip()
    return etag if etag.startswith('"') else response.headers.get("Last-Modified") or None
