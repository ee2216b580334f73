"""Numbers that are short to write and endless to work out, and mistakes by the thousand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.hostile.limits import assert_refused, run_limited
from vqanim.takes.run import painted_rate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize("written", ["0e999999999", "1e-999999999"])
@pytest.mark.parametrize("key", ["fps", "guidance.rate"])
def test_a_rate_with_a_huge_exponent_is_refused_at_once(key: str, written: str, tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text("vqanim: 1\nduration: 1s\nprompts: [a lake]\n", "utf-8")
    assert_refused(run_limited("check", "film.yaml", "--set", f"{key}={written}", cwd=tmp_path), codes=(2,))


@pytest.mark.parametrize("written", ["1e999999999", "0e999999999", "1e-999999999", "nan", "9" * 5000, None])
def test_a_recorded_rate_that_is_none_is_left_alone(written: str | None, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"rate": written}), "utf-8")
    assert painted_rate(tmp_path) is None


def test_of_very_many_mistakes_the_first_are_told(tmp_path: Path) -> None:
    shots = "".join(f"- {{name: s{number}, duration: 2s, prompts: [a], zooom: 1}}\n" for number in range(900))
    (tmp_path / "film.yaml").write_text(f"vqanim: 1\nshots:\n{shots}", "utf-8")
    ended = run_limited("check", "film.yaml", cwd=tmp_path)
    assert_refused(ended, codes=(2,), lines=101)
    assert "800 more" in ended.err
