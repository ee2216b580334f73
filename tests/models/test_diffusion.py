"""Guided diffusion from files: the networks are those of the official layouts, and others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.models.guided_nets import (
    Layout,
    run_secondary,
    run_unet,
    save_all,
    secondary_state,
    unet_state,
)
from vqanim.errors import InputError
from vqanim.models.adding import add_diffusion
from vqanim.models.diffusion.files import build_secondary, build_unet, is_guided_diffusion
from vqanim.models.diffusion.generator import DiffusionGenerator
from vqanim.models.entries import LocalFile
from vqanim.models.families.diffusion import Described
from vqanim.models.load import load_generator

LAYOUTS = {
    "large": (Layout(blocks=2, heads=2), Described(num_heads=2)),
    "new order": (Layout(heads=4, new_order=True), Described(num_heads=4, use_new_attention_order=True)),
    "small fine-tune": (
        Layout((32, 32, 64), 2, (False, True, False), scale_shift=False, updown=False, sigma=False),
        None,
    ),
}
FILE = LocalFile(Path("mine.pt"), "get it again")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    return save_all(tmp_path)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_network_of_each_layout_computes_what_the_official_one_does(name: str) -> None:
    layout, described = LAYOUTS[name]
    state = unet_state(layout)
    network = build_unet(state, FILE, described)
    x, time = torch.randn(2, 3, 16, 24), torch.tensor([7.0, 800.0])
    with torch.no_grad():
        found, expected = network(x, time), run_unet(state, layout, x, time)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 1e-4
    assert expected.std() > 0.1


def test_a_secondary_model_computes_what_the_official_one_does() -> None:
    state, x = secondary_state(), torch.randn(1, 3, 16, 32)
    with torch.no_grad():
        found = build_secondary(state, FILE)(x, 0.6, 0.8)
        expected = run_secondary(state, x, 0.6, 0.8)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_added_files_are_recognized_and_paint_without_the_originals(files: tuple[Path, Path]) -> None:
    unet, secondary = files
    assert is_guided_diffusion(unet)
    assert not is_guided_diffusion(secondary)
    entry = add_diffusion("mine", unet, secondary=secondary)
    for file in files:
        file.unlink()
    generator = load_generator("mine")
    assert isinstance(generator, DiffusionGenerator)
    assert entry.hash == generator.hash
    picture = torch.rand(1, 3, 16, 16)
    assert (generator.decode(generator.carry(picture), (16, 16)) - picture).abs().max() < 1e-6
    alone = load_generator("mine", settings={"secondary": False})
    assert isinstance(alone, DiffusionGenerator)
    assert generator.secondary is not None
    assert alone.secondary is None


def test_a_config_says_what_weights_do_not_show(files: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / "model_config.yaml"
    config.write_text("num_heads: 1\nnum_head_channels: -1\nnoise_schedule: cosine\nimage_size: 64\n")
    entry = add_diffusion("mine", files[0], config)
    generator = load_generator("mine")
    assert isinstance(generator, DiffusionGenerator)
    assert generator.unet.config.heads(64) == 1
    assert abs(generator.alphabars[499] - 0.49) < 0.01  # that of the linear one is 0.08
    assert "64x64" in entry.good_at
    config.write_text("noise_schedule: steep\n")
    with pytest.raises(InputError, match="noise_schedule.*steep.*linear and cosine"):
        add_diffusion("other", files[0], config)


def test_lower_precision_gives_nearly_the_same(files: tuple[Path, Path]) -> None:
    add_diffusion("mine", *files[:1], secondary=files[1])
    generator = load_generator("mine")
    assert isinstance(generator, DiffusionGenerator)
    x = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        before, guess = generator.find_noise(x, 500)[0], generator.guess_picture(x, 0.6, 0.8)
        generator.lower_precision(torch.bfloat16)
        after, again = generator.find_noise(x, 500)[0], generator.guess_picture(x, 0.6, 0.8)
    assert guess is not None
    assert again is not None
    assert after.dtype == again.dtype == torch.float32
    assert 0 < (after - before).abs().mean() < 0.05 * before.std()
    assert 0 < (again - guess).abs().mean() < 0.05 * guess.std()


def test_recomputing_gives_the_same_gradient(files: tuple[Path, Path]) -> None:
    add_diffusion("mine", files[0])
    generator = load_generator("mine")
    assert isinstance(generator, DiffusionGenerator)
    x = torch.randn(1, 3, 16, 16)
    found: list[torch.Tensor] = []
    for recompute in (False, True):
        leaf = x.clone().requires_grad_(True)
        noise, _ = generator.find_noise(leaf, 300, recompute)
        found += torch.autograd.grad(noise.square().sum(), leaf)
    assert torch.allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


BROKEN = {
    "classes": ({"label_emb.weight": torch.zeros(10, 128)}, "paints classes"),
    "super-resolution": ({"input_blocks.0.0.weight": torch.zeros(32, 6, 3, 3)}, "small pictures large"),
    "latents": ({"input_blocks.0.0.weight": torch.zeros(32, 4, 3, 3)}, "4 channels in"),
    "another shape": ({"middle_block.1.qkv.weight": torch.zeros(64, 64, 1)}, "middle_block.1.qkv.weight"),
    "too much": ({"output_blocks.9.0.in_layers.2.weight": torch.zeros(2, 2, 3, 3)}, "unexpected"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_guided_is_refused(name: str, tmp_path: Path) -> None:
    changes, reason = BROKEN[name]
    torch.save({**unet_state(), **changes}, tmp_path / "mine.pt")
    with pytest.raises(InputError, match=reason):
        add_diffusion("mine", tmp_path / "mine.pt")


def test_files_of_another_kind_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no network of guided-diffusion.*512x512"):
        add_diffusion("mine", files[1])
    with pytest.raises(InputError, match=r"no secondary model"):
        add_diffusion("mine", files[0], secondary=files[0])
    state = {name: each for name, each in unet_state().items() if not name.startswith("output")}
    torch.save(state, tmp_path / "classifier.pt")
    with pytest.raises(InputError, match="classifier"):
        add_diffusion("mine", tmp_path / "classifier.pt")


def test_a_latent_diffusion_model_is_still_taken_for_its_vqgan(tmp_path: Path) -> None:
    """It has a network of the same names within, which is not what paints."""
    state = {f"model.diffusion_model.{name}": each for name, each in unet_state().items()}
    torch.save(state, tmp_path / "ldm.ckpt")
    assert not is_guided_diffusion(tmp_path / "ldm.ckpt")
    torch.save({f"module.{name}": each for name, each in unet_state().items()}, tmp_path / "wrapped.pt")
    assert is_guided_diffusion(tmp_path / "wrapped.pt")


def test_a_secondary_model_that_is_asked_for_must_be_there(files: tuple[Path, Path]) -> None:
    add_diffusion("mine", files[0])
    with pytest.raises(InputError, match=r"models\.generator\.secondary"):
        load_generator("mine", settings={"secondary": True})
