from typing import Literal

import pytest
import torch

from vqanim.guidance.adam import add_averages, make_adam
from vqanim.types import Knob


def test_the_first_step_has_the_length_of_the_learning_rate_and_the_shape_of_the_gradient() -> None:
    tensor = torch.zeros(2, 3)
    gradient = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 100.0]]) * 1e-4
    make_adam(tensor, Knob()).step(gradient, learning_rate=0.1)
    assert tensor.square().mean().sqrt().item() == pytest.approx(0.1, rel=1e-3)
    assert torch.allclose(tensor / tensor[0, 0], gradient / gradient[0, 0], rtol=1e-3)


def test_the_size_of_the_gradient_does_not_matter() -> None:
    small, large = torch.zeros(5), torch.zeros(5)
    gradient = torch.tensor([1.0, -2.0, 0.5, 0.0, 4.0])
    for tensor, size in ((small, 1e-3), (large, 1e3)):
        optimizer = make_adam(tensor, Knob())
        for _ in range(3):
            optimizer.step(size * gradient, 0.2)
    assert torch.allclose(small, large, rtol=1e-4)


def test_it_finds_the_minimum_of_a_bowl() -> None:
    tensor = torch.tensor([3.0, -2.0])
    optimizer = make_adam(tensor, Knob())
    for step in range(400):
        optimizer.step(2 * tensor, 0.1 * (1 - step / 400))
    assert tensor.abs().max() < 0.02


def test_without_a_gradient_nothing_moves_and_nothing_turns_nan() -> None:
    tensor = torch.ones(4)
    make_adam(tensor, Knob()).step(torch.zeros(4), 0.1)
    assert torch.equal(tensor, torch.ones(4))


def test_with_a_moment_for_each_element_every_element_moves_as_far() -> None:
    tensor = torch.zeros(3)
    make_adam(tensor, Knob(adam="element")).step(torch.tensor([1e-4, -3.0, 200.0]), 0.1)
    assert torch.allclose(tensor, torch.tensor([-0.1, 0.1, -0.1]), rtol=1e-3)


def test_elements_of_a_group_share_a_moment_so_that_what_is_small_stays_small() -> None:
    tensor = torch.zeros(4)
    pairs = Knob(shared=lambda squares: squares.view(2, 2).mean(1).repeat_interleave(2))
    make_adam(tensor, pairs).step(torch.tensor([3.0, 0.003, 3e-4, -4e-4]), 0.1)
    assert tensor[0] == pytest.approx(-0.1 * 2**0.5, rel=1e-3)
    assert tensor[1].abs() < 0.001
    assert tensor[2:].square().mean().sqrt() == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("moments", ["tensor", "element"])
def test_it_goes_on_to_the_same_bits(moments: Literal["tensor", "element"]) -> None:
    gradients = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    whole = make_adam(torch.zeros(4), Knob(adam=moments))
    for gradient in gradients:
        whole.step(gradient, 0.1)
    first = make_adam(torch.zeros(4), Knob(adam=moments))
    for gradient in gradients[:3]:
        first.step(gradient, 0.1)
    second = make_adam(torch.ones(4), Knob(adam=moments))
    second.restore(first.tensor, first.first, first.second, 3)
    for gradient in gradients[3:]:
        second.step(gradient, 0.1)
    assert torch.equal(whole.tensor, second.tensor)


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
