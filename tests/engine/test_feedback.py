import pytest
import torch

from vqanim.engine.feedback import add_noise, blur, match_colors, match_detail, sharpen, steepness
from vqanim.oklab import from_oklab, to_oklab


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def picture() -> torch.Tensor:
    return 0.2 + 0.6 * torch.rand(1, 3, 24, 40, generator=rng())


def test_oklab_knows_white_and_red() -> None:
    """Reference values from Ottosson's article."""
    colors = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]).T.view(1, 3, 1, 2)
    lab = to_oklab(colors)[0, :, 0]
    assert lab[:, 0].tolist() == pytest.approx([1, 0, 0], abs=1e-3)
    assert lab[:, 1].tolist() == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)


def test_oklab_round_trip(picture: torch.Tensor) -> None:
    assert torch.allclose(from_oklab(to_oklab(picture)), picture, atol=1e-4)


def test_matching_fully_gives_the_reference_its_mean_and_spread(picture: torch.Tensor) -> None:
    darker = picture * 0.6 + 0.1
    lab, expected = to_oklab(match_colors(darker, picture, 1.0)), to_oklab(picture)
    assert torch.allclose(lab.mean((2, 3)), expected.mean((2, 3)), atol=2e-3)
    assert torch.allclose(lab.std((2, 3)), expected.std((2, 3)), atol=2e-3)


def test_matching_by_half_goes_half_the_way(picture: torch.Tensor) -> None:
    darker = picture * 0.6 + 0.1
    means = [to_oklab(match_colors(darker, picture, a)).mean().item() for a in (0.0, 0.5, 1.0)]
    assert means[1] == pytest.approx((means[0] + means[2]) / 2, abs=2e-3)


def test_matching_a_flat_picture_stays_finite() -> None:
    flat = torch.full((1, 3, 16, 16), 0.5)
    assert torch.isfinite(match_colors(flat, torch.rand(1, 3, 16, 16), 1.0)).all()


def test_an_amount_of_zero_returns_the_very_same_picture(picture: torch.Tensor) -> None:
    assert match_colors(picture, picture * 0.5, 0.0) is picture
    assert match_detail(picture, picture * 0.5, 0.0) is picture
    assert sharpen(picture, 0.0) is picture
    assert add_noise(picture, 0.0, rng()) is picture


@pytest.mark.parametrize("sigma", [0.6, 0.9])
def test_matching_detail_brings_back_what_a_blur_took(picture: torch.Tensor, sigma: float) -> None:
    smooth = blur(picture, 1.5)
    soft = blur(smooth, sigma)
    matched = match_detail(soft, smooth, 1.0)
    assert steepness(soft) < 0.97 * steepness(smooth)
    assert steepness(matched) > 0.4 * steepness(soft) + 0.6 * steepness(smooth)


def test_matching_detail_softens_what_is_too_rough(picture: torch.Tensor) -> None:
    smooth = blur(picture, 1.5)
    rough = smooth + 0.02 * torch.randn(smooth.shape, generator=rng(1))
    assert steepness(smooth) < steepness(match_detail(rough, smooth, 1.0)) < steepness(rough)


def test_matching_detail_of_a_flat_picture_stays_finite() -> None:
    flat = torch.full((1, 3, 16, 16), 0.5)
    assert torch.isfinite(match_detail(flat, torch.rand(1, 3, 16, 16), 1.0)).all()


def test_sharpening_widens_an_edge_and_leaves_flat_parts() -> None:
    image = torch.full((1, 3, 16, 32), 0.3)
    image[..., 16:] = 0.7
    sharper = sharpen(image, 0.5)
    assert torch.allclose(sharper[..., :10], image[..., :10], atol=1e-6)
    assert sharper[0, 0, 8, 15] < 0.3 < 0.7 < sharper[0, 0, 8, 16]


def test_a_blur_keeps_the_sum_of_a_dot() -> None:
    image = torch.zeros(1, 3, 21, 21)
    image[..., 10, 10] = 1
    soft = blur(image, 1.0)
    assert soft[0, 0].sum().item() == pytest.approx(1, abs=1e-5)
    assert soft[0, 0, 10, 10].item() == pytest.approx(0.159, abs=0.01)


def test_noise_has_the_spread_it_was_asked_for_and_follows_its_generator() -> None:
    gray = torch.full((1, 3, 64, 64), 0.5)
    noisy = add_noise(gray, 0.05, rng(1))
    assert (noisy - gray).std().item() == pytest.approx(0.05, rel=0.05)
    assert torch.equal(noisy, add_noise(gray, 0.05, rng(1)))
    assert not torch.equal(noisy, add_noise(gray, 0.05, rng(2)))
