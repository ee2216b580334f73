from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plans import frame_plan
from vqanim.camera.step import CameraStep
from vqanim.errors import InputError
from vqanim.icons import Figure, IconSpec
from vqanim.pictures import Picture
from vqanim.takes import digest
from vqanim.takes.digest import RunKey, chain_digest, content_hash, join_perceptors, pixel_hash
from vqanim.timeline.plan import (
    AreaPlan,
    FramePlan,
    FrameRef,
    Segment,
    StartPlan,
    TimelapsePlan,
    WeightedTerm,
)

CHANGES: dict[str, Any] = {
    "shot": "other",
    "index": 4,
    "seed": 8,
    "previous": FrameRef("main", 1),
    "start": StartPlan("noise"),
    "camera": CameraStep(),
    "losses": (),
    "steps": 7,
    "learning_rate": 0.13,
    "cutouts": (11,),
    "match_colors": 0.3,
    "match_detail": 0.4,
    "sharpen": 0.06,
    "noise": 0.03,
    "smoothing": 0.5,
    "strength": 0.5,
    "fit": 3,
    "cutout_noise": (0.1,),
    "anchor": FrameRef("main", 0),
    "timelapse": TimelapsePlan(3, True, (Segment(2, (), 0.1, 0.0),)),
}
SEGMENT: dict[str, Any] = {
    "steps": 3,
    "losses": (WeightedTerm("image", "", 1.0, target=StartPlan("image", "/a.png")),),
    "learning_rate": 0.2,
    "smoothing": 0.1,
}
CAMERA: dict[str, Any] = {
    "scale": 1.03,
    "angle": 0.6,
    "shift_x": 0.01,
    "shift_y": -0.02,
    "border": "wrap",
    "tilt": 1.0,
    "yaw": 1.0,
    "roll": 1.0,
    "fov": 70.0,
}
TERM: dict[str, Any] = {
    "kind": "palette",
    "text": "castle",
    "weight": 1.3,
    "stop": 0.2,
    "target": StartPlan("noise"),
    "area": AreaPlan(StartPlan("image", "/a.png")),
    "settings": (("axis", "point"),),
}
KEY: dict[str, Any] = {"generator_hash": "x", "perceptor_hash": "y", "width": 32, "height": 24}


def test_the_tables_name_every_field() -> None:
    tables = ((CHANGES, FramePlan), (CAMERA, CameraStep), (TERM, WeightedTerm), (KEY, RunKey))
    assert set(SEGMENT) == {field.name for field in fields(Segment)}
    for table, kind in tables:
        assert set(table) == {field.name for field in fields(kind)} - {"time"}


def test_the_moment_in_the_film_does_not_matter(plan: FramePlan, key: RunKey) -> None:
    """A shot that moves because another one became longer is not painted again."""
    assert chain_digest(replace(plan, time=9.5), ["a"], key) == chain_digest(plan, ["a"], key)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_the_plan_matters(name: str, plan: FramePlan, key: RunKey) -> None:
    changed = replace(plan, **{name: CHANGES[name]})
    assert chain_digest(changed, ["a"], key) != chain_digest(plan, ["a"], key)


@pytest.mark.parametrize("name", SEGMENT)
def test_every_part_of_a_timelapse_matters_but_the_names_of_pictures(
    name: str, plan: FramePlan, key: RunKey
) -> None:
    segment = Segment(2, (), 0.1, 0.0)
    lapse = TimelapsePlan(3, True, (segment,))

    def digest_of(timelapse: TimelapsePlan) -> str:
        return chain_digest(replace(plan, timelapse=timelapse), ["a"], key)

    changed = replace(segment, **{name: SEGMENT[name]})
    others = [replace(lapse, frames=4), replace(lapse, even=False), replace(lapse, segments=(changed,))]
    assert len({digest_of(one) for one in [lapse, *others]}) == 4
    losses = [(WeightedTerm("image", text, 1.0, target=StartPlan("image", text)),) for text in ("a", "b")]
    named = [replace(lapse, segments=(replace(segment, losses=terms),)) for terms in losses]
    assert digest_of(named[0]) == digest_of(named[1])


@pytest.mark.parametrize("name", CAMERA)
def test_every_number_of_the_camera_matters(name: str, plan: FramePlan, key: RunKey) -> None:
    changed = replace(plan, camera=replace(plan.camera, **{name: CAMERA[name]}))
    assert chain_digest(changed, ["a"], key) != chain_digest(plan, ["a"], key)


@pytest.mark.parametrize("name", TERM)
def test_every_field_of_a_loss_term_matters(name: str, plan: FramePlan, key: RunKey) -> None:
    changed = replace(plan, losses=(replace(plan.losses[0], **{name: TERM[name]}), *plan.losses[1:]))
    assert chain_digest(changed, ["a"], key) != chain_digest(plan, ["a"], key)


@pytest.mark.parametrize("name", KEY)
def test_models_and_size_matter(name: str, plan: FramePlan, key: RunKey) -> None:
    assert chain_digest(plan, ["a"], replace(key, **{name: KEY[name]})) != chain_digest(plan, ["a"], key)


def test_inputs_and_their_order_matter(plan: FramePlan, key: RunKey) -> None:
    lists: list[list[str]] = [["a", "b"], ["b", "a"], ["a"], ["ab"], []]
    assert len({chain_digest(plan, inputs, key) for inputs in lists}) == len(lists)


def test_the_engine_version_matters(plan: FramePlan, key: RunKey, monkeypatch: pytest.MonkeyPatch) -> None:
    before = chain_digest(plan, ["a"], key)
    monkeypatch.setattr(digest, "ENGINE_VERSION", digest.ENGINE_VERSION + 1)
    assert chain_digest(plan, ["a"], key) != before


def test_a_start_image_counts_by_content_not_by_name(plan: FramePlan, key: RunKey) -> None:
    here = replace(plan, previous=None, start=StartPlan("image", "/home/one/a.png"))
    moved = replace(here, start=StartPlan("image", "/home/two/b.png"))
    assert chain_digest(here, ["content"], key) == chain_digest(moved, ["content"], key)
    assert chain_digest(here, ["content"], key) != chain_digest(here, ["other"], key)


ICON = IconSpec(Figure("icon", "fas fa-eye", None, "content"))
LOOKS: dict[str, Any] = {
    "figure": Figure("icon", "fas fa-eye", None, "other"),
    "color": (1.0, 0.0, 0.0),
    "opacity": 0.5,
    "background": (0.0, 0.0, 0.0),
    "noise": 0.0,
    "noise_colors": "rainbow",
    "align": "left",
    "stroke": 4.0,
    "scale": 0.5,
    "seed": 0,
}


def test_the_table_of_looks_names_every_field() -> None:
    assert set(LOOKS) == {field.name for field in fields(IconSpec)}


@pytest.mark.parametrize("name", LOOKS)
def test_every_field_of_an_icon_matters(name: str, plan: FramePlan, key: RunKey) -> None:
    icon, other = ICON, replace(ICON, **{name: LOOKS[name]})
    digests = {
        chain_digest(replace(plan, previous=None, start=StartPlan("icon", icon=look)), [], key)
        for look in (icon, other)
    }
    assert len(digests) == 2


def test_an_icon_counts_by_its_outline_not_by_its_name_or_file(plan: FramePlan, key: RunKey) -> None:
    figures = (
        Figure("icon", "fas fa-eye", None, "content"),
        Figure("shape", "", "/home/one/a.svg", "content"),
        Figure("shape", "", "/home/two/b.svg", "content"),
    )
    starts = [StartPlan("icon", icon=replace(ICON, figure=figure)) for figure in figures]
    assert len({chain_digest(replace(plan, previous=None, start=start), [], key) for start in starts}) == 1


def test_a_picture_of_a_term_counts_by_content_not_by_name(plan: FramePlan, key: RunKey) -> None:
    def digest_of(path: str, content: str) -> str:
        term = WeightedTerm("image", path[-5:], 1.0, target=StartPlan("image", path))
        return chain_digest(replace(plan, losses=(term,)), [content], key)

    assert digest_of("/home/one/a.png", "content") == digest_of("/home/two/b.png", "content")
    assert digest_of("/home/one/a.png", "content") != digest_of("/home/one/a.png", "other")


def test_start_kind_and_colors_matter(plan: FramePlan, key: RunKey) -> None:
    starts = (
        StartPlan("noise"),
        StartPlan("image"),
        StartPlan("image", fit="contain"),
        StartPlan("color", colors=((0.1, 0.2, 0.3),)),
        StartPlan("color", colors=((0.3, 0.2, 0.1),)),
        StartPlan("gradient", colors=((0.1, 0.2, 0.3), (0.3, 0.2, 0.1))),
    )
    digests = {chain_digest(replace(plan, previous=None, start=start), [], key) for start in starts}
    assert len(digests) == len(starts)


def test_equal_plans_have_equal_digests(plan: FramePlan, key: RunKey) -> None:
    whole = replace(plan, time=1.0, noise=0.0, camera=replace(plan.camera, angle=0.0))
    other = replace(whole, time=1, noise=-0.0, camera=replace(whole.camera, angle=np.float64(-0.0)))
    assert whole == other
    assert chain_digest(whole, [], key) == chain_digest(other, [], key)


def test_a_difference_in_the_ninth_digit_is_seen(plan: FramePlan, key: RunKey) -> None:
    near = replace(plan, noise=plan.noise + 1e-9)
    assert chain_digest(near, [], key) != chain_digest(plan, [], key)


def test_a_number_that_is_none_is_refused(plan: FramePlan, key: RunKey) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        chain_digest(replace(plan, noise=float("nan")), [], key)


def test_another_process_agrees(plan: FramePlan, key: RunKey) -> None:
    program = (
        "from vqanim.timeline.plan import *; from vqanim.takes.digest import *\n"
        f"print(chain_digest({plan!r}, ['a'], {key!r}))"
    )
    root = Path(__file__).resolve().parents[2]
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, check=True
    ).stdout
    assert printed.decode().strip() == chain_digest(plan, ["a"], key)


def test_pixel_hash_sees_one_pixel_and_the_shape(picture: Picture) -> None:
    changed = picture.copy()
    changed[-1, -1, -1] ^= 1
    turned = picture.reshape(24, 16, 3)
    assert len({pixel_hash(picture), pixel_hash(changed), pixel_hash(turned)}) == 3


def test_pixel_hash_does_not_see_memory_layout(picture: Picture) -> None:
    assert pixel_hash(np.asfortranarray(picture)) == pixel_hash(picture)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)]
)
def test_pixel_hash_refuses_what_is_no_picture(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\]"):
        pixel_hash(wrong)


def test_content_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert content_hash(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_content_hash_of_nothing_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        content_hash(tmp_path / "none.png")
    with pytest.raises(InputError, match="cannot be read"):
        content_hash(tmp_path)


def test_perceptors_their_order_and_their_shares_matter() -> None:
    kinds = (
        [("a", 1.0)],
        [("b", 1.0)],
        [("a", 0.5), ("b", 0.5)],
        [("b", 0.5), ("a", 0.5)],
        [("a", 0.6), ("b", 0.4)],
    )
    assert len({join_perceptors(kind) for kind in kinds}) == len(kinds)


def test_frames_of_one_perceptor_keep_the_digests_they_had() -> None:
    """A number that is fixed: it changes only together with ENGINE_VERSION."""
    assert join_perceptors([("p" * 16, 1.0)]) == "p" * 16
    plan = frame_plan(cutouts=(12,), cutout_noise=(0.25,))
    assert chain_digest(plan, [], RunKey("g", "p", 64, 32))[:16] == "4a26394da6700118"


def test_frames_of_texts_and_starts_keep_the_digests_they_had() -> None:
    """Numbers that are fixed: they change only together with ENGINE_VERSION."""
    begin = frame_plan(cutouts=(12,), start=StartPlan("image", "/home/one/a.png"))
    assert chain_digest(begin, ["content"], RunKey("g", "p", 64, 32))[:16] == "f8371fc463e68c54"
    texts = (WeightedTerm("prompt", "a", 1.0, 0.4), WeightedTerm("prompt", "b", 0.5))
    carried = frame_plan(index=1, previous=FrameRef("main", 0), start=None, losses=texts)
    assert chain_digest(carried, ["pixels"], RunKey("g", "p", 64, 32))[:16] == "38dad11f4e5614fe"


def test_of_an_area_its_form_counts_and_not_the_name_of_its_picture() -> None:
    def digest(area: AreaPlan | None, content: str = "content") -> str:
        term = WeightedTerm("prompt", "a", 1.0, area=area)
        return chain_digest(frame_plan(losses=(term,)), [content], RunKey("g", "p", 64, 32))

    one, two = (AreaPlan(StartPlan("image", name)) for name in ("/a.png", "/b.png"))
    assert digest(one) == digest(two)
    assert len({digest(None), digest(one), digest(replace(one, outside=True)), digest(one, "other")}) == 4
