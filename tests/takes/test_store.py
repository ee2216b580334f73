from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from vqanim.errors import InputError, OutputError
from vqanim.pictures import Picture
from vqanim.takes.digest import pixel_hash
from vqanim.takes.records import FrameRecord, Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import FramePlan, FrameRef

ROOT = Path(__file__).resolve().parents[2]


def fill(
    store: TakeStore, plan: FramePlan, picture: Picture, count: int, shot: str = "main"
) -> list[FrameRecord]:
    """Save frames 0 to count - 1 with digests d0, d1 ... and pictures that differ."""
    frames = []
    for index in range(count):
        shown = np.roll(picture, index, axis=1)
        frames.append(store.save(replace(plan, shot=shot, index=index), shown, f"d{index}"))
    return frames


def fresh(store: TakeStore) -> TakeStore:
    """The store as the next run opens it."""
    return TakeStore(store.folder)


def own_words(path: Path) -> PngImagePlugin.PngInfo:
    """What a frame says about itself."""
    info = PngImagePlugin.PngInfo()
    with Image.open(path) as image:
        info.add_itxt("vqanim", image.info["vqanim"])
    return info


def record_lines(store: TakeStore, shot: str = "main") -> list[str]:
    return (store.shot_folder(shot) / "record.jsonl").read_text().splitlines()


def paint_over(path: Path, picture: Picture) -> None:
    """As an image editor saves: other pixels, the metadata gone."""
    Image.fromarray(picture).save(path)


# Saving


def test_a_saved_frame_comes_back(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    saved = store.save(plan, picture, "d1")
    assert saved == FrameRecord(3, "d1", pixel_hash(picture), pixel_hash(picture))
    assert store.frame_path("main", 3) == store.folder / "takes" / "main" / "000003.png"
    assert np.array_equal(store.load("main", 3), picture)
    assert store.record("main", 3) == fresh(store).record("main", 3) == saved


def test_equal_frames_are_equal_files(tmp_path: Path, plan: FramePlan, picture: Picture) -> None:
    one, two = TakeStore(tmp_path / "one"), TakeStore(tmp_path / "two")
    one.save(plan, picture, "d1", "pocket")
    two.save(plan, np.asfortranarray(picture), "d1", "pocket")
    two.save(plan, picture.copy(), "d1", "pocket")
    assert one.frame_path("main", 3).read_bytes() == two.frame_path("main", 3).read_bytes()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "c:", "a\0b"])
def test_a_shot_cannot_lead_out_of_the_folder(store: TakeStore, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a shot's folder"):
        store.frame_path(name, 0)


def test_missing_frames_are_none_and_cannot_be_loaded(store: TakeStore) -> None:
    assert store.record("main", 0) is None
    assert store.find_frames("main") == ()
    assert store.list_shots() == ()
    with pytest.raises(InputError, match="the picture is missing"):
        store.load("main", 0)


def test_looking_makes_no_folder(store: TakeStore) -> None:
    store.record("main", 0)
    store.list_shots()
    assert store.archive([FrameRef("main", 0)]) is None
    assert not store.folder.exists()


def test_a_full_disk_says_what_to_do(
    store: TakeStore, plan: FramePlan, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OutputError, match="000003.png: .*disk is full; free some space and run again"):
            store.save(plan, picture, "d1")
    assert list(store.shot_folder("main").iterdir()) == [], "nothing half-written stays"
    store.save(plan, picture, "d1")


def test_a_file_where_the_takes_should_be(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    store.folder.mkdir()
    (store.folder / "takes").write_text("")
    with pytest.raises(OutputError, match="file"):
        store.save(plan, picture, "d1")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_permission_denied_says_so(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    store.shot_folder("main").mkdir(parents=True, mode=0o500)
    with pytest.raises(OutputError, match="permission denied"):
        store.save(plan, picture, "d1")


# Stops of any kind

KILLED = """
import os, sys, pathlib
import numpy as np
from vqanim.takes.records import FrameRecord, Metrics
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import *
stop = lambda *_, **__: os.kill(os.getpid(), 9)
{sabotage}
plan = FramePlan("main", 0, 0.0, 7, None, StartPlan("noise"), CameraStep(), (), 1, 0.1, 4, 0, 0, 0, 0)
TakeStore(pathlib.Path(sys.argv[1])).save(plan, np.full((16, 24, 3), 9, np.uint8), "killed")
"""


def save_and_die(folder: Path, sabotage: str) -> None:
    """Save frame 0 of `main` in another process that is killed (SIGKILL) where `sabotage` says."""
    program = KILLED.format(sabotage=sabotage)
    done = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=ROOT, check=False)
    assert done.returncode == -9


def test_killed_before_the_rename_leaves_no_frame_and_the_next_run_cleans_up(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    save_and_die(store.folder, "pathlib.Path.replace = stop")
    assert len(list(store.shot_folder("main").iterdir())) == 1, "the temporary file"
    assert store.find_frames("main") == ()
    assert store.record("main", 0) is None
    fill(store, plan, picture, 1)
    assert sorted(path.name for path in store.shot_folder("main").iterdir()) == ["000000.png", "record.jsonl"]


def test_killed_before_the_record_keeps_the_frame(store: TakeStore) -> None:
    save_and_die(store.folder, "import vqanim.takes.records as r; r.append_records = stop")
    assert not (store.shot_folder("main") / "record.jsonl").exists()
    record = store.record("main", 0)
    assert record is not None
    assert record.digest == "killed"
    assert record.pixels == pixel_hash(store.load("main", 0))


@pytest.mark.parametrize("tail", [b'{"index": 2, "dig', b"\0" * 100, b"\xff\xfe"])
def test_a_torn_last_line_is_ignored_and_repaired(
    store: TakeStore, plan: FramePlan, picture: Picture, tail: bytes
) -> None:
    first, second, third = fill(store, plan, picture, 3)
    path = store.shot_folder("main") / "record.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:2]) + tail)
    again = fresh(store)
    assert [again.record("main", index) for index in range(3)] == [first, second, third]
    assert path.read_bytes() == b"".join(whole)


def test_a_torn_line_that_looks_whole_does_not_glue_to_the_next(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    fill(store, plan, picture, 2)
    path = store.shot_folder("main") / "record.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    fresh(store).save(replace(plan, index=2), picture, "d2")
    assert [json.loads(line)["index"] for line in record_lines(store)] == [0, 2]


def test_nonsense_in_the_record_costs_nothing_but_time(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    frames = fill(store, plan, picture, 2)
    path = store.shot_folder("main") / "record.jsonl"
    path.write_text('[]\n5\nnull\n{"index": "x"}\n{"index": 0}\n' + "[" * 100_000 + "\n")
    assert [fresh(store).record("main", index) for index in range(2)] == frames


@pytest.mark.parametrize("keep", [0, 7, 60, -20])
def test_a_truncated_frame_is_broken(store: TakeStore, plan: FramePlan, picture: Picture, keep: int) -> None:
    fill(store, plan, picture, 1)
    path = store.frame_path("main", 0)
    path.write_bytes(path.read_bytes()[:keep])
    assert store.record("main", 0) is None
    assert fresh(store).record("main", 0) is None
    assert store.find_frames("main") == (0,)
    with pytest.raises(InputError, match="the picture is"):
        store.load("main", 0)


def test_a_flipped_bit_is_broken(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 1)
    path = store.frame_path("main", 0)
    content = bytearray(path.read_bytes())
    content[-60] ^= 4
    path.write_bytes(content)
    assert store.record("main", 0) is None


# Frames that somebody else changed


def test_a_painted_frame_keeps_its_digest_and_shows_its_new_pixels(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    fill(store, plan, picture, 2)
    painted = picture.copy()
    painted[:4] = 255
    paint_over(store.frame_path("main", 0), painted)
    expected = FrameRecord(0, "d0", pixel_hash(painted), pixel_hash(picture))
    assert store.record("main", 0) == expected
    assert fresh(store).record("main", 0) == expected
    assert np.array_equal(store.load("main", 0), painted)


@pytest.mark.parametrize("chunks", [True, False], ids=["metadata kept", "metadata dropped"])
def test_an_edit_is_seen_until_it_is_accepted(
    store: TakeStore, plan: FramePlan, picture: Picture, chunks: bool
) -> None:
    (saved,) = fill(store, plan, picture, 1)
    path = store.frame_path("main", 0)
    Image.fromarray(255 - picture).save(path, pnginfo=own_words(path) if chunks else None)
    for _ in range(2):  # what was hashed once is not forgotten
        found = fresh(store).record("main", 0)
        assert found is not None
        assert found.edited
        assert found.painted == saved.pixels
    accepted = fresh(store).accept("main", 0)
    assert not accepted.edited
    os.utime(path, ns=(1, 1))
    assert fresh(store).record("main", 0) == accepted
    assert accepted.pixels == pixel_hash(255 - picture)


def test_an_edit_without_a_record_is_seen_by_what_the_frame_says_itself(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    fill(store, plan, picture, 1)
    path = store.frame_path("main", 0)
    (path.parent / "record.jsonl").unlink()
    record = fresh(store).record("main", 0)
    assert record is not None
    assert not record.edited
    (path.parent / "record.jsonl").unlink()
    Image.fromarray(255 - picture).save(path, pnginfo=own_words(path))
    record = fresh(store).record("main", 0)
    assert record is not None
    assert record.edited


def test_only_frames_can_be_accepted(store: TakeStore) -> None:
    with pytest.raises(InputError, match="no frame of this render"):
        store.accept("main", 0)


def test_a_copied_frame_has_the_digest_of_the_one_it_is(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    frames = fill(store, plan, picture, 2)
    store.frame_path("main", 0).write_bytes(store.frame_path("main", 1).read_bytes())
    assert store.record("main", 0) == FrameRecord(0, "d1", frames[1].pixels, frames[1].pixels)


def test_a_foreign_picture_is_none_of_ours(store: TakeStore, picture: Picture) -> None:
    store.shot_folder("main").mkdir(parents=True)
    paint_over(store.frame_path("main", 0), picture)
    assert store.record("main", 0) is None


def test_an_untouched_frame_is_not_decoded_again(
    store: TakeStore, plan: FramePlan, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = fill(store, plan, picture, 2)
    os.utime(store.frame_path("main", 1), ns=(1, 1))
    fresh(store).record("main", 1)  # hashes once, because the time is another, and remembers

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(Image, "open", refuse)
    assert [fresh(store).record("main", index) for index in range(2)] == frames


def test_the_newest_line_counts(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 1)
    path = store.shot_folder("main") / "record.jsonl"
    with path.open("a") as file:
        file.write(path.read_text().replace('"d0"', '"newer"'))
    record = fresh(store).record("main", 0)
    assert record is not None
    assert record.digest == "newer"


@pytest.mark.parametrize("content", [b"broken", None])
def test_saving_never_overwrites_what_is_not_the_same_frame(
    store: TakeStore, plan: FramePlan, picture: Picture, content: bytes | None
) -> None:
    first, _ = fill(store, plan, picture, 2)
    path = store.frame_path("main", 1)
    if content is None:
        paint_over(path, 255 - picture)
    else:
        path.write_bytes(content)
    theirs = path.read_bytes()
    ours = store.save(replace(plan, index=1), picture, "new")
    assert (store.folder / "superseded" / "001" / "main" / "000001.png").read_bytes() == theirs
    assert [fresh(store).record("main", index) for index in range(2)] == [first, ours]


def test_too_many_pixels_are_refused(store: TakeStore) -> None:
    store.shot_folder("main").mkdir(parents=True)
    for size in ((10_001, 10_000), (40_000, 5_000)):  # beyond ours, and beyond Pillow's own limit
        Image.new("1", size).save(store.frame_path("main", 0))
        with pytest.raises(InputError, match="allowed are 100 megapixels"):
            store.load("main", 0)


# Moving away


def test_superseded_frames_move_and_the_others_stay(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    frames = fill(store, plan, picture, 4)
    content = store.frame_path("main", 2).read_bytes()
    moved = store.archive([FrameRef("main", index) for index in (2, 3, 3, 9)])
    assert moved == store.folder / "superseded" / "001"
    assert (moved / "main" / "000002.png").read_bytes() == content
    assert store.find_frames("main") == (0, 1)
    for opened in (store, fresh(store)):
        assert [opened.record("main", index) for index in range(4)] == [*frames[:2], None, None]
    lines = [json.loads(line) for line in (moved / "main" / "record.jsonl").read_text().splitlines()]
    assert [(line["index"], line["digest"]) for line in lines] == [(2, "d2"), (3, "d3")]


def test_a_moved_frame_that_is_put_back_is_known(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    frames = fill(store, plan, picture, 2)
    moved = store.archive([FrameRef("main", 1)])
    assert moved is not None
    (moved / "main" / "000001.png").rename(store.frame_path("main", 1))
    assert fresh(store).record("main", 1) == frames[1]


def test_the_record_of_a_moved_frame_does_not_vouch_for_a_stranger(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    fill(store, plan, picture, 2)
    store.archive([FrameRef("main", 1)])
    paint_over(store.frame_path("main", 1), picture)
    assert store.record("main", 1) is None
    assert fresh(store).record("main", 1) is None


def test_superseding_never_overwrites(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    for number in range(1, 4):
        store.save(plan, np.full_like(picture, number), f"d{number}")
        store.archive([FrameRef("main", 3)])
    shown = {
        path.parent.parent.name: int(np.asarray(Image.open(path))[0, 0, 0])
        for path in store.folder.glob("superseded/*/main/000003.png")
    }
    assert shown == {"001": 1, "002": 2, "003": 3}


def test_several_shots_move_together(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 2, "one")
    fill(store, plan, picture, 2, "two")
    assert store.list_shots() == ("one", "two")
    moved = store.archive([FrameRef("one", 0), FrameRef("one", 1), FrameRef("two", 1)])
    assert moved is not None
    found = sorted(path.relative_to(moved).as_posix() for path in moved.rglob("*.png"))
    assert found == ["one/000000.png", "one/000001.png", "two/000001.png"]
    assert store.list_shots() == ("two",)
    assert (moved / "one" / "record.jsonl").exists(), "a shot that is gone takes its record along"
    assert not store.shot_folder("one").exists()


def test_what_lies_beside_a_frame_moves_along(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 2)
    store.frame_path("main", 1).with_suffix(".safetensors").write_bytes(b"state")
    moved = store.archive([FrameRef("main", 1)])
    assert moved is not None
    assert (moved / "main" / "000001.safetensors").read_bytes() == b"state"


def test_nothing_to_move_makes_no_folder(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 1)
    assert store.archive([FrameRef("main", 5)]) is None
    assert not (store.folder / "superseded").exists()


def test_only_frames_count_as_frames(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 1)
    for name in ("notes.txt", "1.png", ".000004.png.ab.vqanim-tmp", "000005.png.bak", "000006.PNG~"):
        (store.shot_folder("main") / name).write_text("")
    store.save(replace(plan, index=1_000_000), picture, "d")
    assert store.find_frames("main") == (0, 1_000_000)


def test_one_thread_saves_while_another_looks(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    fill(store, plan, picture, 8)
    again = fresh(store)
    (store.shot_folder("main") / "record.jsonl").unlink()
    saver = threading.Thread(target=fill, args=(again, plan, picture, 8, "other"))
    saver.start()
    found = [again.record("main", index) for index in range(8)]
    saver.join()
    assert [record.digest for record in found if record] == [f"d{index}" for index in range(8)]
    assert [json.loads(line)["index"] for line in record_lines(again)] == list(range(8))
    assert [json.loads(line)["index"] for line in record_lines(again, "other")] == list(range(8))


# Links out


@pytest.mark.skipif(os.name == "nt", reason="links want rights there")
@pytest.mark.parametrize("link", ["takes", "takes/main", "takes/main/record.jsonl", "superseded"])
def test_what_is_written_stays_in_the_folder(
    store: TakeStore, plan: FramePlan, picture: Picture, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "main").mkdir()
    (outside / "notes.txt").write_text("mine")
    place = store.folder / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(outside / "notes.txt" if link.endswith("jsonl") else outside)
    if link == "superseded":
        fill(store, plan, picture, 1)
    with pytest.raises(OutputError, match="link"):
        store.archive([FrameRef("main", 0)]) if link == "superseded" else fill(store, plan, picture, 1)
    assert (outside / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in outside.rglob("*")) == ["main", "notes.txt"]


# How frames were painted


METRICS = Metrics(1.25, (("ein Schloß, 城", 0.21875), ("fog", -0.5)), (("prompt", 0.75), ("image", math.nan)))
KEPT = Metrics(1.25, (("ein Schloß, 城", 0.21875), ("fog", -0.5)), (("prompt", 0.75),))


def test_how_a_frame_was_painted_is_known_in_the_next_run(
    store: TakeStore, plan: FramePlan, picture: Picture
) -> None:
    store.save(plan, picture, "d1", metrics=METRICS)
    assert fresh(store).metrics("main") == {3: KEPT}
    os.utime(store.frame_path("main", 3))  # so that it is hashed and noted again
    again = fresh(store)
    assert again.record("main", 3) is not None
    assert fresh(store).metrics("main") == {3: KEPT}
    store.save(plan, picture, "d2")  # another plan: they are not of this frame
    assert fresh(store).metrics("main") == {}


def test_metrics_change_no_bit_of_a_frame(tmp_path: Path, plan: FramePlan, picture: Picture) -> None:
    one, two = TakeStore(tmp_path / "one"), TakeStore(tmp_path / "two")
    one.save(plan, picture, "d1")
    two.save(plan, picture, "d1", metrics=METRICS)
    assert one.frame_path("main", 3).read_bytes() == two.frame_path("main", 3).read_bytes()


@pytest.mark.parametrize("metrics", ["absent", None, 3, {"seconds": "soon"}, {"similarities": [["a"]]}])
def test_a_record_without_metrics_or_with_odd_ones_still_counts(
    store: TakeStore, plan: FramePlan, picture: Picture, metrics: object
) -> None:
    saved = store.save(plan, picture, "d1", metrics=METRICS)
    line = json.loads(record_lines(store)[-1])
    del line["metrics"]
    line |= {} if metrics == "absent" else {"metrics": metrics}
    (store.shot_folder("main") / "record.jsonl").write_text(json.dumps(line) + "\n")
    assert fresh(store).metrics("main") == {}
    assert fresh(store).record("main", 3) == saved
    assert len(record_lines(store)) == 1  # nothing was hashed anew


def test_moved_frames_take_their_metrics_along(store: TakeStore, plan: FramePlan, picture: Picture) -> None:
    store.save(plan, picture, "d1", metrics=METRICS)
    store.save(replace(plan, index=4), picture, "d2", metrics=METRICS)
    moved = store.archive([FrameRef("main", 4)])
    assert moved is not None
    assert fresh(store).metrics("main") == {3: KEPT}
    assert Metrics.read(json.loads((moved / "main" / "record.jsonl").read_text())["metrics"]) == KEPT
