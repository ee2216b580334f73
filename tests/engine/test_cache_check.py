from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.plans import frame_plan
from vqanim.engine.cache_check import CacheCheck, Chain, check_cache
from vqanim.takes.digest import RunKey, pixel_hash
from vqanim.takes.store import TakeStore
from vqanim.timeline.plan import (
    FramePlan,
    FrameRef,
    PerceptorPlan,
    ShotPlan,
    StartPlan,
    Timeline,
    WeightedTerm,
)

KEY = RunKey("g", "p", 16, 16)


def plan(shot: str, index: int, previous: FrameRef | None) -> FramePlan:
    start = None if previous else StartPlan("noise")
    return frame_plan(shot=shot, index=index, time=index / 12, previous=previous, start=start)


def shot(name: str, length: int, carried_from: FrameRef | None = None) -> ShotPlan:
    refs = [carried_from, *(FrameRef(name, i) for i in range(length - 1))]
    return ShotPlan(name, tuple(plan(name, i, ref) for i, ref in enumerate(refs)))


def timeline(*shots: ShotPlan) -> Timeline:
    return Timeline(
        "t", 16, 16, Fraction(12), 0, "pocket", (PerceptorPlan("pocket"),), shots, (), 17, 16, Fraction(12)
    )


def chain() -> Chain:
    return Chain(KEY, {})


def paint(line: Timeline, store: TakeStore) -> None:
    """Fill the store with frames whose digests hold."""
    links = chain()
    for part in line.shots:
        for frame in part.frames:
            picture = np.full((16, 16, 3), hash((frame.shot, frame.index)) % 251, np.uint8)
            digest = links.digest(frame)
            assert digest is not None
            store.save(frame, picture, digest)
            links.pixels[FrameRef(frame.shot, frame.index)] = pixel_hash(picture)


@pytest.fixture
def store(tmp_path: Path) -> TakeStore:
    return TakeStore(tmp_path)


@pytest.fixture
def two_shots() -> Timeline:
    return timeline(shot("a", 4), shot("b", 3, FrameRef("a", 3)))


def with_frame(line: Timeline, name: str, index: int, **changes: object) -> Timeline:
    shots = []
    for part in line.shots:
        frames = [
            replace(f, **changes) if (f.shot, f.index) == (name, index) else f  # type: ignore[arg-type]
            for f in part.frames
        ]
        shots.append(ShotPlan(part.name, tuple(frames)))
    return replace(line, shots=tuple(shots))


def counts(found: CacheCheck) -> Counter[str]:
    """How many frames of each shot hold."""
    return Counter(frame.shot for frame in found.kept)


def test_everything_holds_when_nothing_changed(store: TakeStore, two_shots: Timeline) -> None:
    paint(two_shots, store)
    found = check_cache(two_shots, store, chain())
    assert counts(found) == {"a": 4, "b": 3}
    assert found.stale == ()


def test_a_changed_frame_makes_all_that_grow_from_it_stale(store: TakeStore, two_shots: Timeline) -> None:
    paint(two_shots, store)
    found = check_cache(with_frame(two_shots, "a", 2, steps=5), store, chain())
    assert counts(found) == {"a": 2}
    assert found.stale == (*(FrameRef("a", i) for i in (2, 3)), *(FrameRef("b", i) for i in range(3)))


def test_a_cut_protects_the_next_shot(store: TakeStore) -> None:
    line = timeline(shot("a", 3), shot("b", 3))
    paint(line, store)
    found = check_cache(with_frame(line, "a", 1, steps=5), store, chain())
    assert counts(found) == {"a": 1, "b": 3}


def test_frames_behind_a_missing_one_wait_for_it(store: TakeStore, two_shots: Timeline) -> None:
    paint(two_shots, store)
    store.frame_path("a", 1).unlink()
    found = check_cache(two_shots, store, chain())
    assert counts(found) == {"a": 1}
    assert found.stale == ()


def test_shots_that_the_scene_lost_are_stale_and_spare_frames_stay(
    store: TakeStore, two_shots: Timeline
) -> None:
    paint(two_shots, store)
    found = check_cache(timeline(shot("a", 3)), store, chain())
    assert counts(found) == {"a": 3}
    assert set(found.stale) == {FrameRef("b", i) for i in range(3)}


def test_spare_frames_of_a_take_that_changed_are_stale(store: TakeStore) -> None:
    paint(timeline(shot("a", 5)), store)
    changed = with_frame(timeline(shot("a", 3)), "a", 1, steps=5)
    assert check_cache(changed, store, chain()).stale == tuple(FrameRef("a", i) for i in range(1, 5))


def test_spare_frames_hold_again_when_the_shot_is_as_long_again(store: TakeStore) -> None:
    line = timeline(shot("a", 5))
    paint(line, store)
    assert check_cache(timeline(shot("a", 3)), store, chain()).stale == ()
    found = check_cache(with_frame(line, "a", 4, steps=5), store, chain())
    assert (counts(found), found.stale) == ({"a": 4}, (FrameRef("a", 4),)), (
        "only if they are those that the scene asks for now"
    )


def test_a_shot_that_only_moved_in_the_film_still_holds(store: TakeStore) -> None:
    line = timeline(shot("a", 3))
    paint(line, store)
    later = ShotPlan("a", tuple(replace(f, time=f.time + 5) for f in line.shots[0].frames))
    assert counts(check_cache(timeline(later), store, chain())) == {"a": 3}


def test_other_models_hold_nothing(store: TakeStore, two_shots: Timeline) -> None:
    paint(two_shots, store)
    other = Chain(replace(KEY, generator_hash="other"), {})
    assert check_cache(two_shots, store, other).kept == frozenset()


def test_what_follows_a_changed_frame_is_stale_once_that_is_accepted(
    store: TakeStore, two_shots: Timeline
) -> None:
    from PIL import Image

    paint(two_shots, store)
    Image.fromarray(np.full((16, 16, 3), 9, np.uint8)).save(store.frame_path("a", 1))
    found = check_cache(two_shots, TakeStore(store.folder), chain())
    assert counts(found) == {"a": 4, "b": 3}
    assert found.edited == (FrameRef("a", 1),)
    assert found.stale == ()
    store.accept("a", 1)
    found = check_cache(two_shots, TakeStore(store.folder), chain())
    assert counts(found) == {"a": 2}
    assert found.edited == ()
    assert FrameRef("a", 1) not in found.stale


def test_a_frame_that_a_term_leads_to_is_one_of_its_inputs(store: TakeStore) -> None:
    """The last frame of shot b leads to the first one of shot a, as in a loop."""
    back = WeightedTerm("stay_near_pixels", "", 1.0, target=StartPlan("frame", frame=FrameRef("a", 0)))
    pull = WeightedTerm("prompt", "a volcano", 1.0)
    line = with_frame(timeline(shot("a", 2), shot("b", 3)), "b", 2, losses=(pull, back))
    assert FrameRef("a", 0) in line.shots[1].frames[2].input_frames
    paint(line, store)
    assert check_cache(line, store, chain()).stale == ()
    found = check_cache(with_frame(line, "a", 0, steps=5), store, chain())
    assert counts(found) == {"b": 2}
    assert found.stale == (FrameRef("a", 0), FrameRef("a", 1), FrameRef("b", 2))
    moved = replace(
        back, target=StartPlan("frame", frame=FrameRef("a", 0), view=(2.0, 0, 0, 0, 2, 0, 0, 0, 1))
    )
    found = check_cache(with_frame(line, "b", 2, losses=(pull, moved)), store, chain())
    assert found.stale == (FrameRef("b", 2),), "how it is seen counts as well"
