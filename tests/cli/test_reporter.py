"""What a person reads while frames are painted, from events made by hand."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from rich.console import Console

from vqanim.camera.step import CameraStep
from vqanim.cli.progress import RenderProgress, weights
from vqanim.cli.reporter import Reporter
from vqanim.engine.events import (
    Event,
    FrameDone,
    ModelsLoaded,
    PageFailed,
    PageWritten,
    PromptsRead,
    RecordingMoved,
    RunStarted,
    ShotStarted,
    StepChanged,
    StepDone,
    TakesDone,
)
from vqanim.engine.timings import Pace
from vqanim.film.make import FilmDone
from vqanim.timeline.plan import (
    FilmFrame,
    FramePlan,
    FrameRef,
    Layer,
    Look,
    PerceptorPlan,
    ShotPlan,
    StartPlan,
    TimelapsePlan,
    Timeline,
)


def plan(shot: str, index: int, steps: int) -> FramePlan:
    return FramePlan(
        shot=shot,
        index=index,
        time=index / 10,
        seed=1,
        previous=FrameRef(shot, index - 1) if index else None,
        start=None if index else StartPlan("noise"),
        camera=CameraStep(),
        losses=(),
        steps=steps,
        learning_rate=0.1,
        cutouts=(4,),
        match_colors=0,
        match_detail=0,
        sharpen=0,
        noise=0,
    )


def timeline(**shots: list[int]) -> Timeline:
    """A timeline of shots by name, each a list of the steps of its frames."""
    plans = tuple(
        ShotPlan(name, tuple(plan(name, index, n) for index, n in enumerate(steps)))
        for name, steps in shots.items()
    )
    edit = tuple(
        FilmFrame(0.0, (Layer((Look(FrameRef(shot.name, frame.index)),)),))
        for shot in plans
        for frame in shot.frames
    )
    pocket = (PerceptorPlan("pocket"),)
    return Timeline("Film", 64, 48, Fraction(10), 1, "pocket", pocket, plans, edit, 17, 64, Fraction(10))


def done(shot: str, index: int, *, done: int, frames: int, seconds: float = 1.0) -> FrameDone:
    weights = (("a lake [at 9:30]", 0.25), ("a city", -1.0))
    return FrameDone(shot, index, done, frames, seconds, 4, weights, (), f"{index:06}.png")


def test_pace_knows_nothing_before_the_first_frame() -> None:
    pace = Pace(timeline(main=[4, 4]))
    assert pace.seconds_a_frame is None
    assert pace.seconds_left is None


def test_pace_counts_steps_because_the_first_frame_has_most() -> None:
    # 58 + 2 units of work took 60 s, so the nine frames of 4 + 2 units that follow will take 54 s.
    pace = Pace(timeline(main=[58] + [4] * 9))
    pace.add(done("main", 0, done=1, frames=10, seconds=60))
    assert pace.seconds_a_frame == 60
    assert pace.seconds_left == pytest.approx(54)


def test_pace_is_not_that_of_a_first_frame_that_is_only_shown() -> None:
    pace = Pace(timeline(main=[0] + [4] * 9))
    pace.add(replace(done("main", 0, done=1, frames=10, seconds=0.01), steps=0))
    assert pace.seconds_left is None
    pace.add(done("main", 1, done=2, frames=10, seconds=3))
    assert pace.seconds_left == pytest.approx(24)


def test_a_text_in_several_parts_of_the_frame_is_told_once() -> None:
    assert weights([("a castle", 0.5), ("the sea", 1.0), ("a castle", 0.25)]) == "a castle 0.75, the sea 1"


def test_pace_sees_the_expensive_frame_after_a_cut() -> None:
    pace = Pace(timeline(one=[8, 8], two=[98, 8]))
    pace.add(done("one", 1, done=2, frames=4, seconds=1))
    assert pace.seconds_left == pytest.approx(11)


def lapse(frames: int, steps: int) -> Timeline:
    """A shot of so many frames of 8 + 2 units of work on either side of a timelapse."""
    line = timeline(one=[8] * frames, grow=[steps] * frames, two=[8] * frames)
    one, grow, two = line.shots
    plans = tuple(replace(frame, timelapse=TimelapsePlan(frames, True, ())) for frame in grow.frames)
    return replace(line, shots=(one, replace(grow, frames=plans), two))


def test_pace_counts_the_steps_of_a_timelapse_once() -> None:
    pace = Pace(lapse(4, 30))
    pace.add(done("one", 3, done=4, frames=12, seconds=5))  # 10 units
    assert pace.seconds_left == pytest.approx((30 + 4 * 10) / 2)
    pace = Pace(lapse(4, 30))
    pace.add_step(StepDone("grow", 0, 10, 30, 0.5, 9, True))
    assert pace.seconds_left == pytest.approx((20 + 40) / 2)
    pace.add(replace(done("grow", 0, done=5, frames=12, seconds=0.01), from_timelapse=True))
    pace.add(replace(done("grow", 3, done=8, frames=12, seconds=0.01), from_timelapse=True))
    assert pace.seconds_left == pytest.approx(40 / 2)


def test_a_timelapse_is_told_of_in_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Reporter(lapse(2, 30), quiet=False)) as reporter:
        reporter.report(RecordingMoved("grow", "lapse/superseded/001"))
        reporter.report(StepDone("grow", 0, 11, 30, 0.5, 10, True))
    out, err = capsys.readouterr()
    assert out.splitlines() == ["grow: going on after step 10 of 30", "grow: step 11/30, 0:20 left"]
    assert "unfinished timelapse of grow with other settings is in lapse/superseded/001 now" in err


def test_pace_leaves_out_frames_that_are_there_already() -> None:
    pace = Pace(timeline(one=[8] * 4, two=[8] * 6))
    pace.add(done("one", 0, done=7, frames=10, seconds=2))  # the six of shot two were kept
    assert pace.seconds_left == pytest.approx(6)


def test_pace_ends_at_zero() -> None:
    pace = Pace(timeline(main=[8, 8]))
    pace.add(done("main", 1, done=2, frames=2))
    assert pace.seconds_left == 0


def test_a_whole_render_in_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x" * 1_234_567)
    events: list[Event | FilmDone] = [
        RunStarted(str(tmp_path), 4, 1, 2, str(tmp_path / "superseded" / "001"), "cpu", 2),
        PromptsRead((), ()),
        ShotStarted("one", 2, 1),
        ModelsLoaded("pocket", ("pocket",), 1.0, ("unknown word: zzyzx",)),
        done("one", 1, done=2, frames=4),
        ShotStarted("two", 2, 0),
        done("two", 0, done=3, frames=4),
        done("two", 1, done=4, frames=4),
        TakesDone(3, 65.0),
        FilmDone("mp4", str(film), True, 0.1),
    ]
    with closing(Reporter(timeline(one=[8, 8], two=[8, 8]), quiet=False)) as reporter:
        for event in events:
            reporter.report(event)
        reporter.finish()
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Film: 4 frames, 0.4 s at 10 fps, 64x48",
        "  models   pocket",
        "  shots    one (2 frames), two (2 frames)",
        "  device   cpu, 2 threads",
        f"  folder   {tmp_path}",
        "  frames   1 of 4 kept, 3 to paint",
        f"  changed  2 frames of an older scene moved to {tmp_path}/superseded/001",
        f"  watch    {tmp_path}/live.html",
        "loading the models",
        "one: frame 2/4, 1.0 s a frame, 0:02 left; a lake [at 9:30] 0.25, a city -1",
        "two: frame 4/4, 1.0 s a frame, 0:00 left; a lake [at 9:30] 0.25, a city -1",
        "3 frames painted in 1 min 05 s; making the films",
        f"  {film}  1.2 MB",
    ]
    assert err == "Warning: unknown word: zzyzx\n"


def test_quiet_passes_on_warnings_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Reporter(timeline(main=[8]), quiet=True)) as reporter:
        reporter.report(RunStarted("folder", 1, 0, 0, None, "cpu", 2))
        reporter.report(ModelsLoaded("pocket", ("pocket",), 1.0, ("unknown word: zzyzx",)))
        reporter.report(done("main", 0, done=1, frames=1))
        reporter.finish()
    assert capsys.readouterr() == ("", "Warning: unknown word: zzyzx\n")


@pytest.mark.parametrize("quiet", [False, True])
def test_steps_that_go_on_in_another_way_are_worth_a_warning(
    quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Reporter(timeline(main=[8]), quiet=quiet)) as reporter:
        reporter.report(StepChanged("chunks", "memory ran out"))
        reporter.report(StepChanged("eager", "an operation cannot be recorded"))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("Warning: memory ran short: ")
    assert second.endswith("not recorded as a graph: an operation cannot be recorded")


def test_the_bar_shows_the_steps_of_a_timelapse() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None, legacy_windows=False)
    bar = RenderProgress(lapse(2, 30), console)
    bar.start(2)
    bar.shot = "grow"
    bar.step(StepDone("grow", 0, 11, 30, 0.52, 0, True))
    bar.close()
    assert "grow" in screen.getvalue()
    assert "step 11/30, 0:20 left" in screen.getvalue()


@pytest.mark.parametrize(("width", "encoding"), [(100, "utf-8"), (100, "ascii"), (40, "utf-8")])
def test_the_bar_shows_shot_frame_pace_time_left_and_weights(width: int, encoding: str) -> None:
    raw = io.BytesIO()
    screen = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    bar = RenderProgress(timeline(one=[8] * 5), console)
    bar.start(1)
    bar.shot = "one"
    bar.frame(done("one", 1, done=2, frames=5, seconds=2.6))
    bar.close()
    screen.flush()
    text = raw.getvalue().decode(encoding)
    assert "one" in text
    assert "frame 2/5, 2.6 s a frame, 0:08 left" in text or width < 60
    assert "2/5" in text
    assert "a lake [at 9:30] 0.25" in text
    assert "a city -1" in text or width < 60


def test_the_steps_of_the_first_frame_are_seen() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None, legacy_windows=False)
    bar = RenderProgress(timeline(one=[30, 8]), console)
    bar.start(0)
    for step in (1, 2):
        bar.step(StepDone("one", 0, step, 30, 0.5))
    bar.step(StepDone("two", 0, 1, 30, 0.5))  # of another process
    bar.close()
    assert "step 2/30 of the first frame, 0:00 left" in screen.getvalue()


def test_the_bar_of_a_part_ends_at_its_own_count() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None, legacy_windows=False)
    bar = RenderProgress(timeline(one=[8] * 5, two=[8] * 5), console)
    bar.start(1, 5)
    bar.close()
    assert "frame 1/5" in screen.getvalue()


def test_pages_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.html").write_bytes(b"0" * 5000)
    with closing(Reporter(timeline(main=[8]), quiet=False)) as reporter:
        reporter.report(PageFailed("live.html", "the disk is full"))
        reporter.report(PageWritten(str(tmp_path / "report.html")))
        reporter.finish()
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"  {tmp_path}/report.html  5 kB"
    assert err == "Warning: live.html cannot be written: the disk is full\n"
