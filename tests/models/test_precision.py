"""Low precision, as GPUs use it: near enough to single precision, with latents and embeddings left in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.models.official import FORMS, perceptor_entry, tiny_clip
from tests.plans import decode
from vqanim.models.catalogue import get_generator_entry, get_perceptor_entry
from vqanim.models.clip import CLIPPerceptor, load_clip
from vqanim.models.conse.perceptor import ConsePerceptor
from vqanim.models.vqgan import load_vqgan
from vqanim.types import Perceptor

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images() -> Tensor:
    coarse = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_a_decoder_in_low_precision_paints_the_same_picture(images: Tensor) -> None:
    generator = load_vqgan(get_generator_entry("pocket"), CPU)
    latents = generator.carry(images)
    before = decode(generator, latents)
    generator.lower_precision(torch.bfloat16)
    assert torch.equal(generator.carry(images)["z"], latents["z"]), "the encoder is left alone"
    z = latents["z"].clone().requires_grad_(True)
    after = decode(generator, {"z": z})
    after.mean().backward()
    assert after.dtype == torch.float32
    assert z.grad is not None
    assert z.grad.dtype == torch.float32
    assert (after - before).abs().mean() < 0.01
    weights = {parameter.dtype for parameter in generator.network.decoder.parameters()}
    assert weights == {torch.bfloat16}


def clip(folder: Path, kind: str) -> CLIPPerceptor:
    FORMS["plain.pth"](tiny_clip(kind).float().state_dict(), folder / "clip.pt")
    return load_clip(perceptor_entry(folder / "clip.pt"), CPU)


@pytest.mark.parametrize("kind", ["pocket", "ViT", "RN"])
def test_a_perceptor_in_low_precision_sees_the_same(
    kind: str, images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    pocket = kind == "pocket"
    perceptor: Perceptor = (
        ConsePerceptor(get_perceptor_entry("pocket"), CPU) if pocket else clip(tmp_path, kind)
    )
    before, text = perceptor.encode_image(images), perceptor.encode_text(["a volcano"])
    perceptor.lower_precision(torch.bfloat16)
    pixels = images.clone().requires_grad_(True)
    after = perceptor.encode_image(pixels)
    (after @ text.T).sum().backward()
    assert after.dtype == torch.float32
    assert pixels.grad is not None
    assert torch.isfinite(pixels.grad).all()
    assert (after * before).sum(1).min() > 0.98


def test_norms_that_compute_in_single_precision_keep_their_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU, other than here, such a norm fails when its weights have another precision."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    perceptor = clip(tmp_path, "ViT")
    perceptor.lower_precision(torch.bfloat16)
    for module in perceptor.network.visual.modules():
        wanted = torch.float32 if isinstance(module, nn.LayerNorm) else torch.bfloat16
        assert {parameter.dtype for parameter in module.parameters(recurse=False)} <= {wanted}
