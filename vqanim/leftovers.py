"""What lasts only while a process works: names that tell whose it is, so that what a killed one left behind
is swept away by the next that comes by, and nothing of one that is alive."""

from __future__ import annotations

import glob
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMP_SUFFIX = ".vqanim-tmp"  # ending of what is not whole yet, in names that begin with a dot

_SCRATCH = "vqanim-"
_MARK = re.compile("([0-9a-f]{4})([0-9a-f]{8})[0-9a-f]{4}", re.ASCII)


def temporary_beside(path: Path) -> Path:
    """A free name for what will take the place of `path`."""
    return path.with_name(f".{path.name}.{_mark()}{TEMP_SUFFIX}")


def sweep_beside(path: Path) -> None:
    """Remove what killed writers of this very file left beside it."""
    with suppress(OSError):
        for stray in path.parent.glob(f".{glob.escape(path.name)}.*{TEMP_SUFFIX}"):
            if _is_ownerless(stray.name.removesuffix(TEMP_SUFFIX).rpartition(".")[2]) and stray.is_file():
                stray.unlink()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for temporary files, which is removed in the end; those of killed processes go, too."""
    with suppress(OSError):
        for stray in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
            mark = stray.name.removeprefix(_SCRATCH).partition("-")[0]
            # Others may make folders here, and a link would lead anywhere.
            if _is_ownerless(mark) and not stray.is_symlink() and _is_ours(stray):
                shutil.rmtree(stray, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{_mark()}-") as folder:
        yield Path(folder)


def _mark() -> str:
    """Names this process: its number counts within a namespace (a container) only."""
    return f"{_namespace()}{os.getpid():08x}{secrets.token_hex(2)}"


def _namespace() -> str:
    with suppress(OSError):
        return f"{os.stat('/proc/self/ns/pid').st_ino & 0xFFFF:04x}"  # noqa: PTH116
    return "0000"


def _is_ownerless(mark: str) -> bool:
    """Whether a mark is that of a process of this machine that has ended."""
    found = _MARK.fullmatch(mark)
    if found is None or found[1] != _namespace() or os.name == "nt":  # where asking would end the process
        return False
    try:
        os.kill(int(found[2], 16), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _is_ours(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()
