import pytest
import torch
import torch.nn.functional as F

from vqanim.guidance.cutouts import Boxes, cut, draw_boxes, draw_noise


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one_box(left: float, top: float, width: float, height: float, mirrored: float = 0.0) -> Boxes:
    return Boxes(*(torch.tensor([v]) for v in (left, top, width, height, mirrored)))


@pytest.mark.parametrize(("size", "source"), [(32, (48, 80)), (16, (64, 64)), (64, (40, 24))])
def test_a_cutout_of_everything_equals_antialiased_interpolation(size: int, source: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *source, generator=rng())
    expected = F.interpolate(image, (size, size), mode="bilinear", antialias=True)
    found = cut(image, one_box(0, 0, source[1], source[0]), size)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_cutout_shows_the_pixels_of_its_box_the_right_way_round() -> None:
    image = torch.rand(1, 3, 20, 30, generator=rng())
    found = cut(image, one_box(left=5, top=3, width=8, height=8), 8)
    assert torch.allclose(found, image[:, :, 3:11, 5:13], atol=1e-6)


def test_a_mirrored_cutout_swaps_left_and_right_only() -> None:
    image = torch.rand(1, 3, 20, 30, generator=rng())
    found = cut(image, one_box(left=5, top=3, width=8, height=8, mirrored=1.0), 8)
    assert torch.allclose(found, image[:, :, 3:11, 5:13].flip(3), atol=1e-6)


def test_the_gradient_of_cutouts_reaches_every_pixel_of_the_picture() -> None:
    image = torch.zeros(1, 3, 48, 80, requires_grad=True)
    boxes = draw_boxes(4, 12, 48, 80, rng())
    sum(cut(image, boxes.part(i), 16).sum() for i in range(4)).backward()  # type: ignore[union-attr]
    assert image.grad is not None
    assert (image.grad > 0).all()


@pytest.mark.parametrize(("height", "width"), [(144, 256), (256, 144), (64, 64), (32, 320)])
def test_boxes_hang_over_the_edge_by_a_quarter_at_most(height: int, width: int) -> None:
    boxes = draw_boxes(20, 13, height, width, rng())
    for start, length, side in ((boxes.left, boxes.width, width), (boxes.top, boxes.height, height)):
        assert start.shape == (20, 13)
        assert (start >= -0.25 * length - 1e-3).all()
        assert (start + length <= side + 0.25 * length + 1e-3).all()


def test_the_rim_is_seen_as_much_as_the_middle() -> None:
    """With boxes that end at the edge the outermost pixels are seen a few times less."""
    image = torch.zeros(1, 3, 64, 64, requires_grad=True)
    boxes = draw_boxes(60, 12, 64, 64, rng())
    sum(cut(image, boxes.part(i), 16).mean() for i in range(60)).backward()  # type: ignore[union-attr]
    assert image.grad is not None
    seen = image.grad.mean((0, 1))
    rim = torch.cat([seen[:4].flatten(), seen[-4:].flatten(), seen[:, :4].flatten(), seen[:, -4:].flatten()])
    assert rim.mean() > 0.5 * seen[24:40, 24:40].mean()


def test_beyond_the_edge_the_picture_is_reflected() -> None:
    image = torch.rand(1, 3, 20, 30, generator=rng())
    found = cut(image, one_box(left=-3, top=14, width=8, height=8), 8)
    mirrored = torch.cat([image.flip(3)[..., -3:], image], 3)
    mirrored = torch.cat([mirrored, mirrored.flip(2)], 2)
    assert torch.allclose(found, mirrored[:, :, 14:22, 0:8], atol=1e-6)


def test_some_cutouts_see_the_whole_height_and_sizes_are_spread() -> None:
    boxes = draw_boxes(10, 12, 144, 256, rng())
    assert ((boxes.height[:, 9:] >= 0.85 * 144).all(1)).all()
    assert boxes.height[:, 9:].max() > 144
    areas = (boxes.height[:, :9] / 144) ** 2
    assert (areas.max(1).values - areas.min(1).values > 0.5).all()


def test_half_the_cutouts_are_mirrored_in_every_step() -> None:
    assert (draw_boxes(10, 12, 64, 64, rng()).mirrored.sum(1) == 6).all()


def test_boxes_depend_on_the_generator_only() -> None:
    first, second = draw_boxes(3, 8, 64, 96, rng(5)), draw_boxes(3, 8, 64, 96, rng(5))
    torch.manual_seed(99)
    assert torch.equal(first.left, second.left)
    assert not torch.equal(first.left, draw_boxes(3, 8, 64, 96, rng(6)).left)


def test_a_single_cutout_is_possible() -> None:
    boxes = draw_boxes(2, 1, 64, 96, rng())
    assert cut(torch.rand(1, 3, 64, 96), boxes.part(1), 32).shape == (1, 3, 32, 32)


def test_noise_has_every_spread_up_to_the_amount_and_differs_from_step_to_step() -> None:
    noise = draw_noise(0.4, 3, 8, 32, rng(), torch.device("cpu"))
    assert noise is not None
    gray = torch.full((8, 3, 32, 32), 0.5)
    first, second = (gray + one.spreads * one.grains for one in (noise.step(0), noise.step(1)))
    spreads = torch.cat([first, second]).flatten(1).std(1)
    assert spreads.max() <= 0.4 * 1.05
    assert spreads.max() > 2 * spreads.min()
    assert ((first - gray) / noise.spreads[0] - (second - gray) / noise.spreads[1]).abs().mean() > 0.5
    assert torch.equal(gray, torch.full((8, 3, 32, 32), 0.5))


def test_no_noise_draws_nothing() -> None:
    generator = rng()
    before = generator.get_state()
    assert draw_noise(0.0, 3, 8, 32, generator, torch.device("cpu")) is None
    assert torch.equal(generator.get_state(), before)
