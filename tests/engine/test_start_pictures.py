from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqanim.engine.pictures import random_generator, start_picture, to_bytes, to_tensor
from vqanim.errors import InputError
from vqanim.icons import IconSpec, icon_figure
from vqanim.icons.draw import draw_icon
from vqanim.timeline.plan import StartPlan


def rng(seed: int = 0) -> torch.Generator:
    return random_generator(seed, "main", 0, "start")


def test_noise_follows_its_generator_and_is_smooth() -> None:
    first = start_picture(StartPlan("noise"), 48, 80, rng())
    assert first.shape == (1, 3, 48, 80)
    assert torch.equal(first, start_picture(StartPlan("noise"), 48, 80, rng()))
    assert not torch.equal(first, start_picture(StartPlan("noise"), 48, 80, rng(1)))
    step = (first[..., 1:] - first[..., :-1]).abs().mean()
    assert step < 0.25 * first.std()


def test_a_color_fills_the_picture() -> None:
    picture = start_picture(StartPlan("color", colors=((0.2, 0.4, 0.6),)), 16, 24, rng())
    assert to_bytes(picture).reshape(-1, 3).tolist() == [[51, 102, 153]] * (16 * 24)


def test_a_gradient_runs_from_top_to_bottom_through_its_colors() -> None:
    colors = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    picture = to_bytes(start_picture(StartPlan("gradient", colors=colors), 33, 8, rng()))
    assert picture[0, 3].tolist() == [255, 0, 0]
    assert picture[16, 0].tolist() == [0, 255, 0]
    assert picture[32, 7].tolist() == [0, 0, 255]


def test_a_picture_covers_the_frame_and_its_middle_stays(tmp_path: Path) -> None:
    source = np.zeros((40, 80, 3), np.uint8)
    source[:, :20], source[:, 20:60], source[:, 60:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    Image.fromarray(source).save(tmp_path / "flag.png")
    plan = StartPlan("image", image=str(tmp_path / "flag.png"))
    picture = to_bytes(start_picture(plan, 32, 32, rng()))
    assert picture.shape == (32, 32, 3)
    assert picture[16, 16].tolist() == [0, 255, 0]
    assert (picture[:, 2:-2, 1] > 250).all()


def test_an_icon_fills_the_frame_as_the_icon_room_draws_it() -> None:
    icon = IconSpec(icon_figure("robot"), background=(0.0, 0.0, 0.0), seed=7)
    picture = to_bytes(start_picture(StartPlan("icon", icon=icon), 48, 80, rng()))
    assert np.array_equal(picture, draw_icon(icon, 48, 80))


def test_noise_of_an_icon_without_a_seed_follows_the_generator() -> None:
    plan = StartPlan("icon", icon=IconSpec(icon_figure("robot"), noise=0.5))
    first = start_picture(plan, 32, 32, rng())
    assert torch.equal(first, start_picture(plan, 32, 32, rng()))
    assert not torch.equal(first, start_picture(plan, 32, 32, rng(1)))


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(InputError, match="broken.png"):
        start_picture(StartPlan("image", image=str(tmp_path / "broken.png")), 32, 32, rng())


def test_bytes_survive_the_way_to_a_tensor_and_back() -> None:
    picture = np.arange(32 * 8 * 3, dtype=np.uint8).reshape(32, 8, 3)
    assert np.array_equal(to_bytes(to_tensor(picture)), picture)


def test_generators_differ_by_every_part_of_their_key() -> None:
    keys = [(0, "a", 0, "x"), (1, "a", 0, "x"), (0, "b", 0, "x"), (0, "a", 1, "x"), (0, "a", 0, "y")]
    draws = [torch.rand(4, generator=random_generator(*key)).tolist() for key in keys]
    assert len({tuple(d) for d in draws}) == len(keys)
    assert draws[0] == torch.rand(4, generator=random_generator(*keys[0])).tolist()
