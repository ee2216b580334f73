from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from taming.modules.diffusionmodules import model as diffusion

from tests.models.official import (
    FORMS,
    TamingVQ,
    generator_entry,
    taming_vq,
    transformer_config,
    write_config,
)
from tests.plans import decode, frame_plan, make_descent, optimize
from vqanim.errors import InputError
from vqanim.guidance.cutouts import Viewer
from vqanim.models.catalogue import get_generator_entry
from vqanim.models.codebook import clamp_with_grad, look_up, nearest_codes
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.models.entries import GeneratorEntry, PackageFile
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.models.vqgan import VQGAN, VQGANGenerator, load_vqgan

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
        assert isinstance(file, PackageFile)
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.locate().read_bytes())
    monkeypatch.setattr("vqanim.models.entries.PackageFile.locate", lambda file: folder / file.path)
    return entry.files["weights"].locate()


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


def test_quantization_agrees_with_tamings() -> None:
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
    image = decode(generator, latents)
    assert image.shape == (1, 3, *size)
    assert 0 <= float(image.min()) <= float(image.max()) <= 1


def test_a_size_that_does_not_fit_is_refused(generator: VQGANGenerator) -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        generator.carry(torch.zeros(1, 3, 34, 32))


def test_a_picture_survives_encoding_and_decoding(generator: VQGANGenerator, picture: torch.Tensor) -> None:
    again = decode(generator, generator.carry(picture))
    error = (again - picture).square().mean()
    shuffled = (again.flip(3) - picture).square().mean()
    assert -10 * error.log10() > 15  # dB
    assert error < shuffled / 2


def test_the_gradient_goes_straight_through_the_codebook(
    generator: VQGANGenerator, picture: torch.Tensor
) -> None:
    z = generator.carry(picture)["z"].requires_grad_(True)
    (gradient,) = torch.autograd.grad(decode(generator, {"z": z}).mean(), z)
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
        decode(generator, {"z": z}), decode(generator, {"z": snapped}), atol=1e-4, rtol=0
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


def test_weights_are_frozen(generator: VQGANGenerator) -> None:
    assert not any(p.requires_grad for p in generator.network.parameters())
    assert not generator.network.training


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
    assert torch.equal(decode(again, again.carry(picture)), decode(generator, generator.carry(picture)))


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


def load(folder: Path, model: TamingVQ, form: str = "lightning.ckpt") -> VQGANGenerator:
    """The generator that comes of a model's official files."""
    FORMS[form](model.state_dict(), folder / form)
    config = write_config(folder, model.config())
    multiple = VQGANConfig.from_mapping(model.config()).factor
    return load_vqgan(generator_entry(config, folder / form, multiple), torch.device("cpu"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def square() -> torch.Tensor:
    """A picture [1, 3, 64, 64] of random squares."""
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    return F.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("gumbel", [False, True])
@pytest.mark.parametrize("levels", [4, 5])  # f8, f16
def test_latents_codes_and_pictures_agree_with_tamings(
    levels: int,
    gumbel: bool,
    square: torch.Tensor,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = taming_vq(levels, gumbel)
    generator = load(tmp_path, model)
    network = generator.network
    assert generator.multiple == 2 ** (levels - 1)
    latents = generator.carry(square)["z"]
    picture = decode(generator, {"z": latents})

    monkeypatch.setattr(diffusion, "nonlinearity", lambda x: x * torch.sigmoid(x))  # as taming ships it
    before = model.before_codes(square * 2 - 1)
    if gumbel:
        _, _, _, logits = model.quantize(before, return_logits=True)
        expected = logits.argmax(1)
    else:
        _, _, (_, _, expected) = model.quantize(before)
        assert torch.equal(nearest_codes(before, network.codebook).flatten(), expected)
        torch.testing.assert_close(network.encode(square), before, atol=1e-5, rtol=0)
    sides = (1, 64 // generator.multiple, 64 // generator.multiple)
    vectors = model.quantize.get_codebook_entry(expected.flatten(), (*sides, network.codebook.shape[1]))
    assert torch.equal(nearest_codes(latents, network.codebook), expected.view(sides))
    if gumbel:
        torch.testing.assert_close(latents, vectors, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.decode(vectors), (model.decode(vectors) + 1) / 2, atol=1e-5, rtol=0)
    torch.testing.assert_close(picture, ((model.decode(vectors) + 1) / 2).clamp(0, 1), atol=1e-5, rtol=0)
    assert len(expected.unique()) > 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gumbel", [False, True])
def test_every_form_of_file_gives_the_same_weights(
    form: str, gumbel: bool, cache: Path, tmp_path: Path
) -> None:
    model = taming_vq(2, gumbel)
    found = load(tmp_path, model, form).network.state_dict()
    expected = {k: v for k, v in model.state_dict().items() if not k.startswith("loss.")}
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("gumbel", [False, True])
def test_a_transformers_checkpoint_gives_its_vqgan(gumbel: bool, cache: Path, tmp_path: Path) -> None:
    model = taming_vq(2, gumbel)
    state = {
        "transformer.tok_emb.weight": torch.ones(4, 4), "cond_stage_model.quantize.w": torch.ones(1),
        **{f"first_stage_model.{name}": tensor for name, tensor in model.state_dict().items()},
    }  # fmt: skip
    FORMS["lightning.ckpt"](state, tmp_path / "net2net.ckpt")
    config = write_config(tmp_path, transformer_config(model))
    entry = generator_entry(config, tmp_path / "net2net.ckpt", 2)
    generator = load_vqgan(entry, torch.device("cpu"))
    expected = model.state_dict()
    assert all(torch.equal(expected[k], v) for k, v in generator.network.state_dict().items())


def test_half_precision_weights_are_used_in_single_precision(cache: Path, tmp_path: Path) -> None:
    generator = load(tmp_path, taming_vq().half(), "plain.pth")
    assert {parameter.dtype for parameter in generator.network.parameters()} == {torch.float32}


def test_a_gumbel_model_is_guided_like_any_other(
    perceptor: ConsePerceptor, square: torch.Tensor, cache: Path, tmp_path: Path
) -> None:
    generator = load(tmp_path, taming_vq(3, gumbel=True))
    start = generator.carry(square)
    descent = make_descent(generator, [Viewer(perceptor)], ["a volcano"])
    result = optimize(descent, start, frame_plan(steps=2), torch.Generator().manual_seed(0))
    assert result.finite
    z = result.params["z"]
    assert not torch.equal(z, start["z"])
    codebook = generator.network.codebook
    assert (z.amax((0, 2, 3)) <= codebook.amax(0)).all()
    assert (z.amin((0, 2, 3)) >= codebook.amin(0)).all()
    snapped = look_up(nearest_codes(z, codebook), codebook)
    torch.testing.assert_close(
        decode(generator, {"z": z}), decode(generator, {"z": snapped}), atol=1e-5, rtol=0
    )


def test_weights_of_another_network_are_refused(cache: Path, tmp_path: Path) -> None:
    FORMS["nested.pt"](taming_vq(3).state_dict(), tmp_path / "a.pt")
    config = write_config(tmp_path, taming_vq(2).config())
    with pytest.raises(InputError) as caught:
        load_vqgan(generator_entry(config, tmp_path / "a.pt", 2), torch.device("cpu"))
    message = str(caught.value)
    assert "does not fit the network: missing: decoder.up.1.attn" in message
    assert "unexpected: decoder.up.2.attn" in message
    assert message.endswith("get it again")


def test_a_network_that_cannot_be_is_refused_before_it_takes_memory(cache: Path, tmp_path: Path) -> None:
    model = taming_vq()
    FORMS["plain.pth"](model.state_dict(), tmp_path / "a.pth")
    for ch, words in ((33, "multiples of 32"), (8192, "of another shape")):
        config = model.config()
        config["model"]["params"]["ddconfig"]["ch"] = ch
        entry = generator_entry(write_config(tmp_path, config), tmp_path / "a.pth", 2)
        with pytest.raises(InputError, match=words):
            load_vqgan(entry, torch.device("cpu"))
