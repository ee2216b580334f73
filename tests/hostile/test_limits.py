from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.hostile.limits import assert_calm, assert_refused, run_limited

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_takes_too_long_or_too_much_is_ended(tmp_path: Path) -> None:
    spins = run_limited(cwd=tmp_path, seconds=0.3, program=python("while True: pass"))
    waits = run_limited(cwd=tmp_path, seconds=0.3, program=python("import time; time.sleep(60)"))
    grows = run_limited(
        cwd=tmp_path, megabytes=100, program=python("a = b'x' * 200_000_000; import time; time.sleep(9)")
    )
    for ended in (spins, waits, grows):
        assert ended.killed
        assert ended.wall < 15
        with pytest.raises(AssertionError):
            assert_calm(ended)


@pytest.mark.parametrize("said", ["Traceback (most recent)", "this is a bug in", "\x1b[31m", "a\nb"])
def test_what_no_user_should_see_is_noticed(said: str, tmp_path: Path) -> None:
    ended = run_limited(
        cwd=tmp_path, program=python(f"import sys; sys.exit(print({said!r}, file=sys.stderr) or 2)")
    )
    with pytest.raises(AssertionError):
        assert_refused(ended)
