import pytest

from vqanim.models.family import halved_stages
from vqanim.types import Stage


def test_a_film_of_ordinary_size_is_sketched_at_half_size() -> None:
    assert halved_stages(60, 144, 256, 8) == (Stage(72, 128, 45), Stage(144, 256, 15))


def test_a_small_picture_is_painted_at_once() -> None:
    assert halved_stages(60, 96, 160, 8) == (Stage(96, 160, 60),)


def test_a_large_picture_grows_through_several_sizes() -> None:
    sizes = [(stage.height, stage.width) for stage in halved_stages(60, 512, 1024, 16)]
    assert sizes == [(64, 128), (128, 256), (256, 512), (512, 1024)]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 60, 61])
@pytest.mark.parametrize("size", [(64, 64), (144, 256), (1080, 1920)])
def test_no_step_is_lost_and_the_last_stage_has_the_full_size(steps: int, size: tuple[int, int]) -> None:
    found = halved_stages(steps, *size, 8)
    assert sum(stage.steps for stage in found) == steps
    assert all(stage.steps > 0 for stage in found)
    assert (found[-1].height, found[-1].width) == size
    assert all(side % 8 == 0 for stage in found for side in (stage.height, stage.width))
