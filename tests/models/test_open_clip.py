from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.models.official import FORMS, perceptor_entry
from vqanim.errors import InputError
from vqanim.models.adding import add_perceptor
from vqanim.models.clip import build_clip
from vqanim.models.clip_files.reading import read_description
from vqanim.models.entries import UnknownModel
from vqanim.models.families import FAMILIES
from vqanim.models.families.open_clip import find_sources, load_open_clip
from vqanim.models.load import load_perceptor
from vqanim.models.open_clip_package import open_clip_package

NAME = "open_clip:tiny/mine"
CPU = torch.device("cpu")
TINY: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49_408, "width": 64, "heads": 1, "layers": 2},
}


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """open_clip, if it is installed."""
    try:
        return open_clip_package()
    except InputError:
        pytest.skip("open_clip is not installed")


@pytest.fixture
def tiny(package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tells open_clip about a tiny architecture; gives one with random weights."""
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    for name, changes in {
        "tiny": {},
        "tiny-custom": {"custom_text": True},
        "tiny-quick": {"quick_gelu": True},
    }.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({**TINY, **changes}))
        package.add_model_config(path)

    def make(name: str = "tiny") -> Any:
        config = package.get_model_config(name)
        kind = package.CustomTextCLIP if config.pop("custom_text", False) else package.CLIP
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return kind(**config).eval().requires_grad_(False)

    return make


@pytest.mark.parametrize("name", ["tiny", "tiny-custom", "tiny-quick"])
@pytest.mark.parametrize("form", ["model.safetensors", "plain.pth", "lightning.ckpt"])
def test_embeddings_are_those_of_open_clip(
    name: str, form: str, tiny: Any, package: ModuleType, tmp_path: Path
) -> None:
    network = tiny(name)
    prefix = "module." if form == "lightning.ckpt" else ""
    FORMS[form]({f"{prefix}{k}": v for k, v in network.state_dict().items()}, tmp_path / form)
    perceptor = load_open_clip(perceptor_entry(tmp_path / form, "open_clip", f"open_clip:{name}/mine"), CPU)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    normalise = package.image_transform(64, is_train=False).transforms[-1]
    expected: Tensor = F.normalize(network.encode_image(normalise(images)))
    torch.testing.assert_close(perceptor.encode_image(images), expected, atol=1e-5, rtol=0)
    texts = ["a castle", "A volcano, at night!", "castle " * 80]
    expected = F.normalize(network.encode_text(package.get_tokenizer("tiny")(texts)))
    torch.testing.assert_close(perceptor.encode_text(texts), expected, atol=1e-5, rtol=0)
    perceptor.release_text()
    left = {parameter.split(".")[0] for parameter in perceptor.network.state_dict()}
    assert left == {"visual", "logit_scale"}
    assert perceptor.encode_image(images).shape == (2, 32)


TOWERS: dict[str, dict[str, Any]] = {
    "timm": {"timm_model_name": "convnext_atto", "timm_model_pretrained": True, "image_size": 64},
    "pooled": {**TINY["vision_cfg"], "pool_type": "avg", "final_ln_after_pool": True},
    "wide heads": {**TINY["vision_cfg"], "width": 160, "head_width": 80},
}


@pytest.mark.parametrize("tower", TOWERS)
def test_files_of_other_towers_are_added_with_their_config(
    tower: str, package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    config: dict[str, Any] = {**TINY, "vision_cfg": {**TOWERS[tower]}}
    (tmp_path / "c.json").write_text(json.dumps({**config, "custom_text": True}))
    config["vision_cfg"].pop("timm_model_pretrained", None)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = package.CustomTextCLIP(**config).eval().requires_grad_(False)
    FORMS["nested.pt"]({f"module.{k}": v for k, v in network.state_dict().items()}, tmp_path / "a.pt")
    add_perceptor("mine", tmp_path / "a.pt", str(tmp_path / "c.json"))
    perceptor = load_perceptor("mine")
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    normalise = package.image_transform(64, is_train=False).transforms[-1]
    expected = F.normalize(network.encode_image(normalise(images)))
    torch.testing.assert_close(perceptor.encode_image(images), expected, atol=1e-5, rtol=0)
    texts = ["a castle", "A volcano, at night!"]
    expected = F.normalize(network.encode_text(package.get_tokenizer("ViT-B-32")(texts)))
    torch.testing.assert_close(perceptor.encode_text(texts), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["ViT-B-32", "ViT-B-32-quickgelu", "ViT-H-14", "ViT-bigG-14", "RN50"])
def test_an_architecture_is_described_by_its_name(name: str, package: ModuleType) -> None:
    described, _ = read_description(name)
    config = package.get_model_config(name)
    with torch.device("meta"):
        network = package.CLIP(**config)
    found = described.config
    fit: Any = build_clip(found)
    assert {k: v.shape for k, v in fit.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }
    assert found.quick_gelu == config.get("quick_gelu", False)
    if found.patch_size:
        heads = network.visual.transformer.resblocks[0].attn.num_heads
        assert found.vision_heads == heads == fit.visual.transformer.resblocks[0].attn.num_heads
        assert found.published_head_width == found.head_width
    with pytest.raises(UnknownModel, match="did you mean 'ViT-B-32'"):
        read_description("ViT-B-23")


def test_weights_that_do_not_fit_are_refused(tiny: Any, tmp_path: Path) -> None:
    FORMS["plain.pth"]({**tiny().state_dict(), "stray": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="does not fit the network: unexpected: stray"):
        load_open_clip(perceptor_entry(tmp_path / "a.pth", "open_clip", NAME), CPU)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open_clip:ViT-B-23/laion2b", "knows no model 'ViT-B-23'; did you mean 'ViT-B-32'"),
        ("open_clip:coca_ViT-B-32/x", "reads texts or images in another way than CLIP"),
        ("open_clip:ViT-B-16-SigLIP/webli", "reads texts or images in another way than CLIP"),
    ],
)
def test_models_that_are_unknown_or_not_supported_are_named(
    name: str, words: str, package: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises((InputError, UnknownModel), match=words):
        load_open_clip(perceptor_entry(tmp_path / "a", "open_clip", name), CPU)
    with pytest.raises((InputError, UnknownModel), match=words):
        find_sources(name)


def test_weights_that_are_not_here_are_named_with_the_command(package: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    name = "open_clip:ViT-B-32/laion2b_s34b_b79k"
    entry = replace(perceptor_entry(tmp_path / "a", "open_clip", name), files={})
    with pytest.raises(InputError, match=f"run: vqanim models fetch {name}"):
        load_open_clip(entry, CPU)


def test_the_package_says_where_weights_are(package: ModuleType) -> None:
    here, urls = find_sources("open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert here is None
    repository = "https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main"
    assert urls == (
        f"{repository}/open_clip_model.safetensors",
        f"{repository}/open_clip_pytorch_model.bin",
    )
    with pytest.raises(UnknownModel, match="has no weights 'laion2b_s34b_b97k' for ViT-B-32; did you mean"):
        find_sources("open_clip:ViT-B-32/laion2b_s34b_b97k")


def test_a_missing_package_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_clip_package.cache_clear()
    monkeypatch.setitem(sys.modules, "open_clip", None)
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(InputError, match=r"python -m pip install 'vqanim\[open-clip\]'"):
        FAMILIES["open_clip"].load(perceptor_entry(tmp_path / "a", "open_clip", NAME), CPU, {})
    open_clip_package.cache_clear()
