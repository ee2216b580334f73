from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from vqanim.errors import InputError
from vqanim.models.catalogue import GeneratorEntry, get_generator_entry
from vqanim.models.vqgan import (
    VQGAN,
    VQGANGenerator,
    clamp_with_grad,
    load_vqgan,
    look_up,
    nearest_codes,
)
from vqanim.models.vqgan_config import VQGANConfig

TINY = {
    "model": {
        "params": {
            "embed_dim": 3,
            "n_embed": 16,
            "ddconfig": {
                "double_z": False, "z_channels": 8, "resolution": 16, "in_channels": 3, "out_ch": 3, "ch": 32,
                "ch_mult": [1, 1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
            },
        }
    }
}  # fmt: skip

OFFICIAL_NAMES = """
encoder.conv_in.weight encoder.down.0.block.0.norm1.weight encoder.down.0.block.0.conv2.bias
encoder.down.0.downsample.conv.weight encoder.mid.block_1.conv1.weight encoder.mid.attn_1.q.weight
encoder.mid.attn_1.proj_out.bias encoder.norm_out.weight encoder.conv_out.weight decoder.conv_in.weight
decoder.mid.attn_1.norm.weight decoder.mid.attn_1.q.weight decoder.up.0.block.1.conv1.weight
decoder.up.1.upsample.conv.weight decoder.norm_out.bias decoder.conv_out.weight quantize.embedding.weight
quant_conv.weight quant_conv.bias post_quant_conv.weight post_quant_conv.bias
""".split()


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """A smooth picture [1, 3, 64, 96] with a different gradient in every channel."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 96), indexing="ij")
    return torch.stack([0.2 + 0.6 * x, 0.8 - 0.5 * y, 0.5 * x * y])[None]


def copy_of(entry: GeneratorEntry, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of an entry in another folder, where tests may damage them; entries look there."""
    for file in entry.files.values():
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.locate().read_bytes())
    monkeypatch.setattr("vqanim.models.catalogue.ModelFile.locate", lambda file: folder / file.path)
    return folder / entry.files["weights"].path


def test_parameters_have_the_official_names() -> None:
    network = VQGAN(VQGANConfig.from_mapping(TINY))
    assert set(OFFICIAL_NAMES) <= network.state_dict().keys()
    roots = {name.split(".")[0] for name in network.state_dict()}
    assert roots == {"encoder", "decoder", "quantize", "quant_conv", "post_quant_conv"}
    assert network.state_dict()["quantize.embedding.weight"].shape == (16, 3)
    assert network.state_dict()["post_quant_conv.weight"].shape == (8, 3, 1, 1)


def test_building_one_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    VQGAN(VQGANConfig.from_mapping(TINY))
    assert capsys.readouterr().out == ""


def test_the_nearest_code_is_the_nearest() -> None:
    rng = torch.Generator().manual_seed(1)
    codebook, latents = torch.randn(50, 3, generator=rng), torch.randn(2, 3, 4, 5, generator=rng)
    codes = nearest_codes(latents, codebook)
    distances = torch.cdist(latents.movedim(1, -1).reshape(-1, 3), codebook)
    assert torch.equal(codes.flatten(), distances.argmin(1))
    assert torch.equal(look_up(codes, codebook)[1, :, 2, 3], codebook[codes[1, 2, 3]])


def test_quantisation_agrees_with_tamings() -> None:
    network = VQGAN(VQGANConfig.from_mapping(TINY))
    latents = torch.randn(1, 3, 4, 6, generator=torch.Generator().manual_seed(2)) / 16
    expected, _, (_, _, codes) = network.quantize(latents)
    ours = nearest_codes(latents, network.codebook)
    assert torch.equal(ours.flatten(), codes.flatten())
    torch.testing.assert_close(look_up(ours, network.codebook), expected)


@pytest.mark.parametrize("size", [(32, 32), (40, 72), (64, 96)])
def test_pictures_of_every_size_come_back_in_their_size(
    generator: VQGANGenerator, size: tuple[int, int]
) -> None:
    latents = generator.carry(torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)))
    assert latents["z"].shape == (1, 4, size[0] // 4, size[1] // 4)
    image = generator.decode(latents)
    assert image.shape == (1, 3, *size)
    assert 0 <= float(image.min()) <= float(image.max()) <= 1


def test_a_size_that_does_not_fit_is_refused(generator: VQGANGenerator) -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        generator.carry(torch.zeros(1, 3, 34, 32))


def test_a_picture_survives_encoding_and_decoding(generator: VQGANGenerator, picture: torch.Tensor) -> None:
    again = generator.decode(generator.start(picture, torch.Generator()))
    error = (again - picture).square().mean()
    shuffled = (again.flip(3) - picture).square().mean()
    assert -10 * error.log10() > 15  # dB
    assert error < shuffled / 2


def test_the_gradient_goes_straight_through_the_codebook(
    generator: VQGANGenerator, picture: torch.Tensor
) -> None:
    z = generator.carry(picture)["z"].requires_grad_(True)
    (gradient,) = torch.autograd.grad(generator.decode({"z": z}).mean(), z)
    snapped = look_up(nearest_codes(z.detach(), generator.network.codebook), generator.network.codebook)
    snapped.requires_grad_(True)
    image = clamp_with_grad(generator.network.decode(snapped), 0.0, 1.0)
    (expected,) = torch.autograd.grad(image.mean(), snapped)
    assert torch.isfinite(gradient).all()
    assert float(gradient.abs().mean()) > 0
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-7)


def test_decoding_sees_codes_only(generator: VQGANGenerator, picture: torch.Tensor) -> None:
    z = generator.carry(picture)["z"]
    snapped = look_up(nearest_codes(z, generator.network.codebook), generator.network.codebook)
    torch.testing.assert_close(
        generator.decode({"z": z}), generator.decode({"z": snapped}), atol=1e-4, rtol=0
    )


def test_project_brings_latents_into_the_codebooks_range_in_place(generator: VQGANGenerator) -> None:
    z = 100 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3))
    inside = generator.network.codebook[:16].T.reshape(1, 4, 4, 4).clone()
    generator.project({"z": z})
    low, high = generator.network.codebook.min(0).values, generator.network.codebook.max(0).values
    for channel in range(4):
        assert float(z[0, channel].min()) == pytest.approx(float(low[channel]))
        assert float(z[0, channel].max()) == pytest.approx(float(high[channel]))
    before = inside.clone()
    generator.project({"z": inside})
    assert torch.equal(inside, before)


def test_weights_are_frozen_and_nothing_else_is_kept(generator: VQGANGenerator) -> None:
    assert not any(p.requires_grad for p in generator.network.parameters())
    assert not generator.network.training
    assert generator.state({"z": torch.zeros(1)}) == {}


def test_clamping_lets_values_come_back() -> None:
    x = torch.tensor([-1.0, -1.0, 0.5, 2.0, 2.0], requires_grad=True)
    upstream = torch.tensor([1.0, -1.0, 3.0, 1.0, -1.0])
    y = clamp_with_grad(x, 0.0, 1.0)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    assert y.tolist() == [0, 0, 0.5, 1, 1]
    assert gradient.tolist() == [0, -1, 3, 1, 0]  # descent would push the first and last further out


def test_equal_files_give_equal_hashes_and_pictures(generator: VQGANGenerator, picture: torch.Tensor) -> None:
    entry = get_generator_entry("pocket")
    again = load_vqgan(entry, torch.device("cpu"))
    assert again.hash == generator.hash == entry.hash
    assert torch.equal(again.decode(again.carry(picture)), generator.decode(generator.carry(picture)))


def test_damaged_weights_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = get_generator_entry("pocket")
    path = copy_of(entry, tmp_path, monkeypatch)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_vqgan(entry, torch.device("cpu"))
    assert str(path) in str(caught.value)
    assert "reinstall" in str(caught.value)


def test_a_catalogue_that_contradicts_the_network_is_refused() -> None:
    entry = replace(get_generator_entry("pocket"), multiple=16)
    with pytest.raises(
        InputError, match=r"vqgan\.yaml: the network shrinks pictures 4x, the catalogue says 16x"
    ):
        load_vqgan(entry, torch.device("cpu"))


def test_the_factor_follows_from_the_levels() -> None:
    assert VQGANConfig.from_mapping(TINY).factor == 2
    pocket = get_generator_entry("pocket").files["config"].locate().read_text()
    assert VQGANConfig.from_mapping(yaml.safe_load(pocket)).factor == 4
