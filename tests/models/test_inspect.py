from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.models.official import FORMS, taming_vq, tiny_clip, transformer_config, write_config
from vqanim.errors import InputError
from vqanim.models.adding import inspect_generator, inspect_perceptor
from vqanim.models.kinds import recognize


def facts(config: Path, weights: Path) -> tuple[str, int, int, int]:
    """What is found out about a generator."""
    found, _ = inspect_generator(config, weights)
    return found.kind, found.factor, found.embed_dim, found.n_embed


def saved(state: dict[str, Tensor], folder: Path, form: str = "plain.pth") -> Path:
    FORMS[form](state, folder / form)
    return folder / form


@pytest.mark.parametrize("form", FORMS)
def test_a_generator_is_recognized_in_every_form(form: str, tmp_path: Path) -> None:
    plain, gumbel = taming_vq(3), taming_vq(4, gumbel=True)
    weights = saved(plain.state_dict(), tmp_path, form)
    assert facts(write_config(tmp_path, plain.config()), weights) == ("VQModel", 4, 8, 64)
    weights = saved(gumbel.state_dict(), tmp_path, form)
    assert facts(write_config(tmp_path, gumbel.config()), weights) == ("GumbelVQ", 8, 32, 64)


def test_a_transformer_is_recognized(tmp_path: Path) -> None:
    model = taming_vq(2)
    state = {f"first_stage_model.{name}": tensor for name, tensor in model.state_dict().items()}
    weights = saved({**state, "transformer.head.weight": torch.ones(1)}, tmp_path)
    assert facts(write_config(tmp_path, transformer_config(model)), weights) == (
        "Net2NetTransformer",
        2,
        8,
        64,
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["ViT", "RN"])
def test_a_perceptor_is_recognized_in_every_form(form: str, kind: str, tmp_path: Path) -> None:
    found, *_ = inspect_perceptor(saved(tiny_clip(kind).state_dict(), tmp_path, form))
    name = "ViT (64 wide)/16" if kind == "ViT" else "RN (8 wide)"
    assert (found.architecture, found.input_size, found.embed_dim) == (name, 64, 32)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    plain, gumbel = taming_vq(2), taming_vq(2, gumbel=True)
    config, weights = write_config(tmp_path, plain.config()), saved(gumbel.state_dict(), tmp_path)
    with pytest.raises(
        InputError, match=r"plain\.pth: this is a VQGAN with a Gumbel head, but .*config\.yaml"
    ):
        inspect_generator(config, weights)
    weights = saved(taming_vq(3).state_dict(), tmp_path)
    with pytest.raises(
        InputError,
        match=r"missing: .*; ch_mult \[1, 1\] in the config, \[1, 1, 1\] in the weights; give",
    ):
        inspect_generator(config, weights)
    state = {k: v for k, v in plain.state_dict().items() if k != "quant_conv.bias"}
    weights = saved({**state, "quant_conv.weight": torch.ones(3, 3, 1, 1), "stray": torch.ones(1)}, tmp_path)
    with pytest.raises(InputError) as caught:
        inspect_generator(config, weights)
    message = str(caught.value)
    assert "missing: quant_conv.bias; of another shape: quant_conv.weight" in message


def test_another_kind_of_checkpoint_is_named(tmp_path: Path) -> None:
    config = write_config(tmp_path, taming_vq(2).config())
    clip = saved(tiny_clip("ViT").state_dict(), tmp_path)
    with pytest.raises(InputError, match="this is a CLIP, not a VQGAN"):
        inspect_generator(config, clip)
    vqgan = saved(taming_vq(2).state_dict(), tmp_path, "nested.pt")
    with pytest.raises(InputError, match="this is a VQGAN with a codebook, not a CLIP"):
        inspect_perceptor(vqgan)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["model.diffusion_model.input_blocks.0.weight"], "a diffusion model"),
        (
            ["encoder.down.0.block.0.conv1.weight", "quant_conv.weight"],
            "an autoencoder without a codebook (a KL autoencoder, as in Stable Diffusion)",
        ),
        (["text_model.embeddings.weight"], "a CLIP in the layout of the transformers package"),
        (["transformer.blocks.0.ln1.weight"], "a transformer without its VQGAN"),
        (["layer1.0.conv1.weight"], "something else (it begins with 'layer1.0.conv1.weight')"),
        ([], "an empty checkpoint"),
    ],
)
def test_kinds_are_told_apart_by_names(names: list[str], kind: str) -> None:
    assert recognize(names) == kind


def test_files_that_are_something_else_are_named(tmp_path: Path) -> None:
    page = tmp_path / "page.ckpt"
    page.write_text("<html>404</html>")
    good = write_config(tmp_path, taming_vq(2).config())
    with pytest.raises(InputError, match=r"page\.ckpt: .* web page instead of the file"):
        inspect_generator(page, page)
    with pytest.raises(InputError, match=r"page\.ckpt: .* web page instead of the file"):
        inspect_generator(good, page)
    with pytest.raises(InputError, match=r"page\.ckpt: .* web page instead of the file"):
        inspect_perceptor(page)
    with pytest.raises(InputError, match=r"gone\.yaml: cannot be read"):
        inspect_generator(tmp_path / "gone.yaml", page)


def test_nothing_is_written_while_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    inspect_generator(
        write_config(tmp_path, taming_vq(2).config()), saved(taming_vq(2).state_dict(), tmp_path)
    )
    assert not (tmp_path / "cache").exists()
