import pytest
import torch

from vqanim.guidance.adam import TensorAdam


def test_the_first_step_has_the_length_of_the_learning_rate_and_the_shape_of_the_gradient() -> None:
    tensor = torch.zeros(2, 3)
    gradient = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 100.0]]) * 1e-4
    TensorAdam(tensor).step(gradient, learning_rate=0.1)
    assert tensor.square().mean().sqrt().item() == pytest.approx(0.1, rel=1e-3)
    assert torch.allclose(tensor / tensor[0, 0], gradient / gradient[0, 0], rtol=1e-3)


def test_the_size_of_the_gradient_does_not_matter() -> None:
    small, large = torch.zeros(5), torch.zeros(5)
    gradient = torch.tensor([1.0, -2.0, 0.5, 0.0, 4.0])
    for tensor, size in ((small, 1e-3), (large, 1e3)):
        optimiser = TensorAdam(tensor)
        for _ in range(3):
            optimiser.step(size * gradient, 0.2)
    assert torch.allclose(small, large, rtol=1e-4)


def test_it_finds_the_minimum_of_a_bowl() -> None:
    tensor = torch.tensor([3.0, -2.0])
    optimiser = TensorAdam(tensor)
    for step in range(400):
        optimiser.step(2 * tensor, 0.1 * (1 - step / 400))
    assert tensor.abs().max() < 0.02


def test_without_a_gradient_nothing_moves_and_nothing_turns_nan() -> None:
    tensor = torch.ones(4)
    TensorAdam(tensor).step(torch.zeros(4), 0.1)
    assert torch.equal(tensor, torch.ones(4))
