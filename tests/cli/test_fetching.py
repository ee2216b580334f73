from __future__ import annotations

import io
import sys
import time

import pytest

from vqanim.cli.reporter import FetchReporter
from vqanim.models.download import FetchProgress, FetchTrouble
from vqanim.models.fetch import FetchStarted, FetchWaiting, FileFetched

STARTED = FetchStarted("ffhq", "generator", "mine", "no: it says so", 2, 3_670_000_000)
ADDRESS = "https://host/x"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its only item."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def progress(mb: float, of: float | None = 120) -> FetchProgress:
    size = None if of is None else round(of * 1e6)
    return FetchProgress("ffhq", "weights", ADDRESS, round(mb * 1e6), size)


def test_lines_say_how_far_it_is_and_how_long_it_takes(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = FetchReporter()
    reporter.report(STARTED)
    for second in range(13):
        clock[0] = 100.0 + second
        reporter.report(progress(10.0 * second))
    reporter.report(FileFetched("ffhq", "weights", "p", ADDRESS, 120_000_000, "ab" * 32, True))
    assert capsys.readouterr().out.splitlines() == [
        "fetching ffhq (generator, 3.67 GB)",
        "  license: mine; commercial use: no (it says so)",
        "  weights: 40.0 MB of 120.0 MB, 10.0 MB/s, 0:08 left",
        "  weights: 80.0 MB of 120.0 MB, 10.0 MB/s, 0:04 left",
        "  weights: 120.0 MB of 120.0 MB, 10.0 MB/s, 0:00 left",
        "  weights: 120.0 MB from host",
        "    nobody published its SHA-256; that of this file holds from now on",
    ]


def test_a_size_that_nobody_said_gives_no_time_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = FetchReporter()
    reporter.report(progress(0, None))
    clock[0] += 5
    reporter.report(progress(10, None))
    assert capsys.readouterr().out == "  weights: 10.0 MB, 2.0 MB/s\n"


def test_what_was_here_before_does_not_count_as_pace(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = FetchReporter()
    reporter.report(progress(100))
    clock[0] += 5
    reporter.report(progress(110))
    assert capsys.readouterr().out == "  weights: 110.0 MB of 120.0 MB, 2.0 MB/s, 0:05 left\n"


def test_trouble_is_a_warning_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = FetchReporter(quiet=True)
    for event in (
        STARTED,
        FetchWaiting("ffhq"),
        progress(1),
        FetchTrouble("ffhq", "weights", ADDRESS, "it broke", 2.0),
        FetchTrouble("ffhq", "weights", ADDRESS, "it broke", None),
    ):
        reporter.report(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"Warning: ffhq, weights: it broke; trying again in 2 s ({ADDRESS})\n"


def test_on_a_terminal_one_line_changes(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    reporter = FetchReporter()
    reporter.report(progress(1))
    reporter.report(progress(60))
    reporter.close()
    assert "weights" in screen.getvalue()
    assert "60.0 MB of 120.0 MB" in screen.getvalue()
