import torch

from vqanim.guidance.adam import add_averages


def test_neighbors_move_together() -> None:
    dot = torch.zeros(1, 4, 16, 24)
    dot[0, 1, 8, 12] = 1.0
    smooth = add_averages(dot, 1.0)
    assert smooth[0, 1, 8, 13] > 0.1
    assert smooth[0, 1, 8, 12] > smooth[0, 1, 8, 13] > smooth[0, 1, 8, 18]
    assert smooth[0, 0].abs().max() == 0, "channels stay apart"


def test_what_all_latents_share_grows_most() -> None:
    generator = torch.Generator().manual_seed(0)
    common, noise = torch.full((1, 2, 16, 16), 0.5), torch.randn(1, 2, 16, 16, generator=generator)
    assert torch.allclose(add_averages(common, 1.0), 3 * common)
    assert add_averages(noise, 1.0).std() < 1.5 * noise.std()


def test_odd_and_tiny_sizes_keep_their_shape() -> None:
    for height, width in ((15, 21), (3, 40), (1, 1)):
        assert add_averages(torch.rand(1, 4, height, width), 0.5).shape == (1, 4, height, width)


def test_an_amount_of_zero_is_nothing() -> None:
    gradient = torch.rand(1, 4, 8, 8)
    assert add_averages(gradient, 0.0) is gradient
