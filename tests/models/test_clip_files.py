"""CLIPs that people own, in all layouts: loaded exactly, or refused with what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from tests.models.official import FORMS, tiny_clip
from tests.models.reference_clip import DEVIATION, MEAN, ReferenceCLIP, reference_clip, write_json
from vqanim.cache import cache_folder
from vqanim.errors import InputError, UsageError
from vqanim.models.adding import add_perceptor
from vqanim.models.clip import clip_package
from vqanim.models.clip_files.config import ConfigError, dump_clip_config, parse_clip_config
from vqanim.models.clip_files.reading import read_description, settle_config
from vqanim.models.entries import LocalFile, PerceptorEntry
from vqanim.models.families.clip import CLIPConfig
from vqanim.models.load import load_perceptor
from vqanim.models.open_clip_package import open_clip_package

TEXTS = ["a volcano erupting at night", "Fluß, 山!", "castle " * 90]
STATE = {"gelu": {"quick_gelu": False}, "quickgelu": {"quick_gelu": True}}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Pictures [3, 3, 64, 64]."""
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(3))


def embeddings(network: ReferenceCLIP, images: Tensor, mean: Any = MEAN, std: Any = DEVIATION) -> Tensor:
    """Of images and texts, as the reference computes them."""
    normalized = (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    tokens = clip_package().tokenize(TEXTS, truncate=True)
    return torch.cat([network.encode_image(normalized), network.encode_text(tokens)])


def found(name: str, images: Tensor) -> Tensor:
    """Of images and texts, as the model of this name gives them."""
    perceptor = load_perceptor(name)
    return torch.cat([perceptor.encode_image(images), perceptor.encode_text(TEXTS)])


def _module(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def _own_text(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name if name.startswith("visual.") or name == "logit_scale" else f"text.{name}": tensor
        for name, tensor in state.items()
    } | {"logit_bias": torch.ones(1)}


VARIANTS: Mapping[str, tuple[Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]], str]] = {
    "plain": (dict, "plain.pth"),
    "training checkpoint": (_module, "lightning.ckpt"),
    "within another network": (
        lambda state: {f"model.clip.{k}": v for k, v in state.items()} | {"model.head": torch.ones(1)},
        "model.safetensors",
    ),
    "text tower of its own": (_own_text, "nested.pt"),
}


@pytest.mark.parametrize("activation", STATE)
@pytest.mark.parametrize("variant", VARIANTS)
def test_open_clips_weights_with_its_config(
    variant: str, activation: str, images: Tensor, tmp_path: Path
) -> None:
    network, (change, form) = reference_clip(**STATE[activation]), VARIANTS[variant]
    FORMS[form](change(network.state_dict()), tmp_path / form)
    config = write_json(tmp_path / "my.json", network.open_clip_config())
    entry = add_perceptor("mine", tmp_path / form, str(config))
    (tmp_path / form).unlink()
    config.unlink()
    torch.testing.assert_close(found("mine", images), embeddings(network, images), atol=1e-5, rtol=0)
    assert "2 heads of 80" in entry.good_at
    other = reference_clip(quick_gelu=activation == "gelu")
    moved = (embeddings(other, images) - embeddings(network, images)).abs().amax(1)
    assert moved.min() > 2e-4, "it matters, of images and of texts"


@pytest.mark.parametrize("activation", STATE)
@pytest.mark.parametrize("config", ["beside", "given", "old"])
def test_a_clip_model_of_transformers(config: str, activation: str, images: Tensor, tmp_path: Path) -> None:
    network = reference_clip(eps=1e-3, **STATE[activation])
    folder = tmp_path / "clip"
    folder.mkdir()
    FORMS["model.safetensors"](network.transformers_state(), folder / "model.safetensors")
    described = network.transformers_config()
    if config == "old":  # both ways, of which the second counts; its number for the end was a slip
        for tower in ("text", "vision"):
            described[f"{tower}_config_dict"] = described[f"{tower}_config"]
            described[f"{tower}_config"] = {"hidden_size": 7, "hidden_act": "relu"}
        described["text_config_dict"]["eos_token_id"] = 2
    path = write_json((tmp_path if config == "given" else folder) / "config.json", described)
    colors = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "crop_size": 64}
    write_json(path.with_name("preprocessor_config.json"), colors)
    add_perceptor("mine", folder / "model.safetensors", str(path) if config == "given" else None)
    expected = embeddings(network, images, colors["image_mean"], colors["image_std"])
    torch.testing.assert_close(found("mine", images), expected, atol=1e-5, rtol=0)


def test_a_clip_in_parts_is_read_by_its_index(images: Tensor, tmp_path: Path) -> None:
    network = reference_clip()
    state = network.transformers_state()
    write_json(tmp_path / "config.json", network.transformers_config())
    places = {name: f"model-{i % 3 + 1:05}-of-00003.safetensors" for i, name in enumerate(sorted(state))}
    for part in set(places.values()):
        save_file({name: state[name] for name in state if places[name] == part}, tmp_path / part)
    index = write_json(tmp_path / "model.safetensors.index.json", {"metadata": {}, "weight_map": places})
    add_perceptor("mine", tmp_path)  # the folder, as it is published
    torch.testing.assert_close(found("mine", images), embeddings(network, images), atol=1e-5, rtol=0)
    with pytest.raises(InputError, match=r"one part of .* give its index, model\.safetensors\.index\.json"):
        add_perceptor("part", tmp_path / part)
    (tmp_path / part).unlink()
    with pytest.raises(InputError, match=f"{part}: cannot be read"):
        add_perceptor("part", index)
    write_json(index, {"weight_map": {"a": "../secret.safetensors"}})
    with pytest.raises(InputError, match="allowed are files beside it"):
        add_perceptor("part", index)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halved_weights_are_used_as_they_are(dtype: torch.dtype, images: Tensor, tmp_path: Path) -> None:
    network = deepcopy(reference_clip())
    for parameter in network.parameters():
        parameter.data = parameter.to(dtype).float()
    FORMS["model.safetensors"]({k: v.to(dtype) for k, v in network.state_dict().items()}, tmp_path / "a.pt")
    add_perceptor("mine", tmp_path / "a.pt", str(write_json(tmp_path / "c", network.open_clip_config())))
    torch.testing.assert_close(found("mine", images), embeddings(network, images), atol=1e-5, rtol=0)


def test_the_config_beside_open_clips_weights_is_found(images: Tensor, tmp_path: Path) -> None:
    network = reference_clip(quick_gelu=True)
    FORMS["plain.pth"](network.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    colors = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.4, 0.5]}
    config = {"model_cfg": network.open_clip_config(), "preprocess_cfg": colors}
    path = write_json(tmp_path / "open_clip_config.json", config)
    entry = add_perceptor("mine", tmp_path / "open_clip_pytorch_model.bin")
    assert str(path) in entry.source
    path.write_text("{}")
    with pytest.raises(InputError, match=r"open_clip_config\.json: .* not the config of a CLIP"):
        add_perceptor("other", tmp_path / "open_clip_pytorch_model.bin")
    path.unlink()
    write_json(tmp_path / "config.json", {"model_type": "something else"})
    with pytest.raises(UsageError, match="do not say"):
        add_perceptor("other", tmp_path / "open_clip_pytorch_model.bin")
    expected = embeddings(network, images, colors["mean"], colors["std"])
    torch.testing.assert_close(found("mine", images), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("key", ["model", "model_state_dict", "clip", "whole module"])
def test_weights_are_found_where_programs_keep_them(key: str, images: Tensor, tmp_path: Path) -> None:
    network = reference_clip()
    state = network.state_dict()
    torch.save(network if key == "whole module" else {"epoch": 3, key: state}, tmp_path / "a.pt")
    add_perceptor("mine", tmp_path / "a.pt", str(write_json(tmp_path / "c", network.open_clip_config())))
    torch.testing.assert_close(found("mine", images), embeddings(network, images), atol=1e-5, rtol=0)


def shapes_of(width: int, layers: int) -> dict[str, Tensor]:
    """Weights without numbers of a published size, under open_clip's names."""
    network = reference_clip(width=64, mlp=4 * 64, heads=1, layers=1, text_width=64, text_heads=1)
    state = {name: tensor.to("meta") for name, tensor in network.state_dict().items()}
    block = "visual.transformer.resblocks"
    state |= {
        f"{block}.{i}.mlp.c_fc.weight": torch.empty(4 * width, width, device="meta") for i in range(layers)
    }
    return state | {
        "visual.conv1.weight": torch.empty(width, 3, 16, 16, device="meta"),
        "visual.positional_embedding": torch.empty(17, width, device="meta"),
    }


FILE = LocalFile(Path("clip.pt"), "give another")
MARKED = {name: torch.tensor(1) for name in ("input_resolution", "context_length", "vocab_size")}


@pytest.mark.parametrize(
    ("width", "layers", "heads"), [(768, 12, 12), (1024, 24, 16), (1280, 32, 16), (384, 12, 6)]
)
def test_a_published_size_needs_only_its_activation(width: int, layers: int, heads: int) -> None:
    state = shapes_of(width, layers)
    with pytest.raises(UsageError, match=r"do not say whether .* --activation gelu"):
        settle_config(state, FILE)
    for quick in (True, False):
        config = settle_config(state, FILE, quick_gelu=quick)
        assert (config.vision_heads, config.quick_gelu) == (heads, quick)


def test_another_size_needs_a_config() -> None:
    state = shapes_of(160, 2)
    for quick in (None, True, False):
        with pytest.raises(UsageError, match=r"how many heads .* --config open_clip_config\.json"):
            settle_config(state, FILE, quick_gelu=quick)


def test_openais_archives_are_known() -> None:
    config = settle_config({**shapes_of(768, 12), **MARKED}, FILE)
    assert (config.vision_heads, config.quick_gelu) == (12, True)
    with pytest.raises(UsageError, match="OpenAI's CLIP, which has QuickGELU"):
        settle_config({**shapes_of(768, 12), **MARKED}, FILE, quick_gelu=False)
    with pytest.raises(UsageError, match="do not say"):  # OpenAI has none of this size
        settle_config({**shapes_of(1280, 32), **MARKED}, FILE)


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Sets a value deep in a config."""

    def apply(config: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for key in way:
            config = config[key]
        config[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("vision_cfg.width", 320, "width of the image tower 320, of the weights 160"),
        ("vision_cfg.layers", [1, 1, 1, 1], "does not describe"),
        ("vision_cfg.image_size", 224, "pixels of an image's side 224, of the weights 64"),
        ("vision_cfg.mlp_ratio", 4.0, "width of its MLPs 640, of the weights 320"),
        ("vision_cfg.head_width", 64, "head_width: found '64', expected a divisor of 160"),
        ("vision_cfg.head_width", 0, "a whole number from 1"),
        ("vision_cfg.timm_model_name", "hf-hub:someone/something", "expected the name of one of timm's"),
        ("text_cfg.pool_type", "last", "'pool_type': found 'last', which CLIP's text tower has not"),
        ("vision_cfg.image_size", [64, 32], "expected a square"),
        ("text_cfg.layers", 10**9, "a whole number from 1 to 200"),
        ("text_cfg.heads", 5, "expected a divisor of the width, 48"),
        ("text_cfg.vocab_size", 32_000, "with another tokenizer cannot be used"),
        ("text_cfg.hf_tokenizer_name", "bert", "with another tokenizer"),
        ("text_cfg.context_length", 64, "tokens of a text 64, of the weights 77"),
        ("multimodal_cfg", {}, "a CoCa"),
        ("vision_cfg", None, "expected a mapping"),
        ("quick_gelu", "yes", "expected true or false"),
        ("embed_dim", None, "embed_dim"),
    ],
)
def test_a_config_that_is_wrong_or_contradicts_is_named(
    path: str, value: object, words: str, tmp_path: Path
) -> None:
    network = reference_clip()
    config = network.open_clip_config()
    change(path, value)(config)
    file = write_json(tmp_path / "my.json", config)
    with pytest.raises(InputError, match=r"my\.json: ") as caught:
        settle_config(network.state_dict(), FILE, read_description(str(file)))
    assert words in str(caught.value)


def test_an_activation_that_contradicts_is_named(tmp_path: Path) -> None:
    network = reference_clip(quick_gelu=True)
    FORMS["plain.pth"](network.state_dict(), tmp_path / "clip.pt")
    config = write_json(tmp_path / "my.json", network.open_clip_config())
    with pytest.raises(InputError, match="says QuickGELU, but --activation says GELU"):
        add_perceptor("mine", tmp_path / "clip.pt", str(config), quick_gelu=False)
    FORMS["plain.pth"](tiny_clip("ViT").state_dict(), tmp_path / "openai.pt")
    with pytest.raises(InputError, match=r"does not describe .*openai\.pt"):
        add_perceptor("mine", tmp_path / "openai.pt", str(config))
    assert not cache_folder().exists()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model_type", "siglip", "model_type: found 'siglip'"),
        ("text_config.hidden_act", "gelu_new", "hidden_act: found 'gelu_new' and 'gelu'"),
        ("vision_config.hidden_act", "quick_gelu", "the same in both towers"),
        ("text_config.eos_token_id", 1, "eos_token_id: found '1'"),
        ("text_config.vocab_size", 30_000, "CLIP's tokenizer has 49,408"),
        ("vision_config.num_attention_heads", 3, "expected a divisor of the width, 160"),
        ("vision_config.num_channels", 4, "3, the channels of a picture"),
        ("vision_config.layer_norm_eps", -1.0, "above 0"),
    ],
)
def test_a_config_of_transformers_that_cannot_be_used_is_named(path: str, value: object, words: str) -> None:
    config = reference_clip(width=160).transformers_config()
    change(path, value)(config)
    with pytest.raises(ConfigError) as caught:
        parse_clip_config(json.dumps(config).encode())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model: {target: taming.VQModel}", "not the config of a CLIP"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[1]", "not a mapping"),
        (b"{}", "not the config of a CLIP"),
        (b" " * 1_000_001, "allowed are 1,000,000"),
        (b"\xff\xfe\x00", "not a JSON file"),
    ],
)
def test_a_file_that_is_no_config_is_named(content: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_clip_config(content)


@pytest.mark.parametrize(
    "config",
    [
        CLIPConfig(512, 224, 12, 768, 32, 77, 49_408, 512, 12),
        CLIPConfig(1024, 224, 40, 1408, 14, 77, 49_408, 1024, 24, 6144, 4096, 88, quick_gelu=False),
        CLIPConfig(640, 288, (4, 6, 10, 6), 80, None, 77, 49_408, 640, 12, mean=(0.5, 0.5, 0.5)),
    ],
)
def test_a_config_that_is_written_down_is_read_again(config: CLIPConfig) -> None:
    again = parse_clip_config(dump_clip_config(config).encode()).config
    vision = 0 if config.patch_size is None else config.vision_mlp or 4 * config.vision_width
    assert again.vision_mlp == vision
    assert again.text_mlp == (config.text_mlp or 4 * config.text_width)
    assert dump_clip_config(again) == dump_clip_config(config)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["visual.conv1.weight", "text_decoder.x"], "a CoCa"),
        (["vision_model.head.probe", "text_model.embeddings.token_embedding.weight"], "a SigLIP"),
        (["visual.conv1.weight", "text.transformer.embeddings.x"], "another tokenizer"),
        (["vision_model.embeddings.patch_embedding.weight"], "the image tower of a CLIP alone"),
        (["text_model.embeddings.token_embedding.weight", "text_projection.weight"], "the text tower"),
        (["conv1.weight", "class_embedding", "transformer.resblocks.0.ln_1.weight"], "image tower of a CLIP"),
        (["a.visual.conv1.weight", "b.visual.conv1.weight"], "several CLIPs (a., b.)"),
    ],
)
def test_relatives_of_clip_are_named(names: list[str], words: str, tmp_path: Path) -> None:
    FORMS["plain.pth"]({name: torch.ones(1) for name in names}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt: ") as caught:
        add_perceptor("mine", tmp_path / "a.pt", quick_gelu=True)
    assert words in str(caught.value)
    assert not cache_folder().exists()


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_tower_of_timm_needs_its_config_and_its_package(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{prefix}visual.trunk.stem.0.weight", f"{prefix}text.token_embedding.weight"]
    FORMS["plain.pth"]({name: torch.ones(1) for name in names}, tmp_path / "a.pt")
    with pytest.raises(UsageError, match=r"a\.pt: its image tower is one of timm.* --config"):
        add_perceptor("mine", tmp_path / "a.pt")
    config = reference_clip().open_clip_config()
    config["vision_cfg"] = {"timm_model_name": "convnext_base", "image_size": 256}
    open_clip_package.cache_clear()
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(InputError, match=r"python -m pip install 'vqanim\[open-clip\]'"):
        add_perceptor("mine", tmp_path / "a.pt", str(write_json(tmp_path / "c", config)))
    open_clip_package.cache_clear()
    assert not cache_folder().exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (torch.full((24,), torch.nan), "numbers that are none"),
        (torch.ones(24, dtype=torch.int8), "whole numbers"),
    ],
)
def test_numbers_that_cannot_be_weights_are_refused(changed: Tensor, words: str, tmp_path: Path) -> None:
    network = reference_clip()
    state = {**network.state_dict(), "text_projection": changed.expand(48, 24).clone()}
    FORMS["plain.pth"](state, tmp_path / "a.pt")
    with pytest.raises(InputError, match=words):
        add_perceptor("mine", tmp_path / "a.pt", str(write_json(tmp_path / "c", network.open_clip_config())))


def test_a_name_of_an_architecture_without_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vqanim.models.open_clip_package.importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"ViT-H-14: .*vqanim\[open-clip\]"):
        add_perceptor("mine", tmp_path / "a.pt", "ViT-H-14")


def test_the_weights_of_a_catalogue_must_say_enough(tmp_path: Path) -> None:
    """A user's catalogue may name any file; one that is not OpenAI's has a config there."""
    network = reference_clip()
    FORMS["plain.pth"](network.state_dict(), tmp_path / "weights.pt")
    config = write_json(tmp_path / "config.json", network.open_clip_config())
    files = {"weights": LocalFile(tmp_path / "weights.pt", "get it"), "config": LocalFile(config, "get it")}
    entry = PerceptorEntry(name="m", kind="perceptor", family="clip", license="", good_at="", files=files)
    from vqanim.models.clip import load_clip

    load_clip(entry, torch.device("cpu"))
    del files["config"]
    with pytest.raises(InputError, match="do not say .*; get it"):
        load_clip(entry, torch.device("cpu"))


@pytest.mark.parametrize("form", ["tower", "within", "transformers"])
def test_an_image_tower_alone_is_put_over_a_clip(form: str, images: Tensor, tmp_path: Path) -> None:
    base, other = reference_clip(quick_gelu=True), reference_clip(seed=1, quick_gelu=True)
    FORMS["plain.pth"](base.state_dict(), tmp_path / "base.pt")
    add_perceptor("base", tmp_path / "base.pt", str(write_json(tmp_path / "c", base.open_clip_config())))
    state = {f"model.{k}": v for k, v in other.visual.state_dict().items()}
    if form == "tower":
        state = dict(other.visual.state_dict())
    if form == "transformers":
        state = {k: v for k, v in other.transformers_state().items() if k.startswith("vis")}
    held = {"vision_encoder_state_dict": state, "optimizer_state_dict": {}} if form == "within" else state
    torch.save(held, tmp_path / "robust.pt")
    with pytest.raises(InputError, match=r"image tower of a CLIP alone.* --base ViT-L/14"):
        add_perceptor("mine", tmp_path / "robust.pt")
    add_perceptor("mine", tmp_path / "robust.pt", base="base")
    expected = torch.cat([embeddings(other, images)[: len(images)], embeddings(base, images)[len(images) :]])
    torch.testing.assert_close(found("mine", images), expected, atol=1e-5, rtol=0)
    with pytest.raises(InputError, match="add it without --base"):
        add_perceptor("third", tmp_path / "base.pt", base="base")
    with pytest.raises(UsageError, match="no text tower of CLIP's kind"):
        add_perceptor("third", tmp_path / "robust.pt", base="pocket")
    narrow = reference_clip(width=80).visual.state_dict()
    FORMS["plain.pth"](narrow, tmp_path / "robust.pt")
    with pytest.raises(InputError, match="width of the image tower 160, of the weights 80"):
        add_perceptor("third", tmp_path / "robust.pt", base="base")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_no_config_does_more_than_to_be_refused(data: st.DataObject) -> None:
    network = reference_clip()
    nested = {"model_cfg": network.open_clip_config(), "preprocess_cfg": {"mean": [0.5] * 3, "std": [1] * 3}}
    config = data.draw(st.sampled_from([nested, network.transformers_config()]))
    colors = {"image_mean": [0.5] * 3}
    for _ in range(data.draw(st.integers(1, 3))):
        place: dict[str, Any] = data.draw(st.sampled_from([config, colors]))
        while isinstance(inner := place[key := data.draw(st.sampled_from(sorted(place)))], dict) and inner:
            if data.draw(st.booleans()):
                break
            place = inner
        place[key] = data.draw(JSON)
    with suppress(ConfigError):
        found = parse_clip_config(json.dumps(config).encode(), colors)
        dump_clip_config(found.config)


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_the_embeddings_are_those_of_transformers(activation: str, images: Tensor, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"num_hidden_layers": 2, "hidden_act": activation, "layer_norm_eps": 1e-4}
    text = {**sizes, "hidden_size": 48, "intermediate_size": 100, "num_attention_heads": 3}
    vision = {**sizes, "hidden_size": 160, "intermediate_size": 300, "num_attention_heads": 2}
    vision |= {"image_size": 64, "patch_size": 16}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    network = transformers.CLIPModel(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    network.save_pretrained(tmp_path / "clip")
    add_perceptor("mine", tmp_path / "clip")
    normalized = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    tokens = clip_package().tokenize(TEXTS, truncate=True)
    theirs = network(input_ids=tokens, pixel_values=normalized)
    expected = torch.cat([theirs.image_embeds, theirs.text_embeds])
    torch.testing.assert_close(found("mine", images), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("form", ["a comma too many", "a comment", "yaml", "fractions"])
def test_configs_as_people_write_them(form: str, tmp_path: Path) -> None:
    network = reference_clip(eps=1e-5)
    plain = json.dumps({"model_cfg": network.open_clip_config()})
    content = {
        "a comma too many": plain[:-1] + ",}",
        "a comment": f"# of a fine-tune\n{plain}",
        "yaml": yaml.safe_dump(json.loads(plain)),
        "fractions": plain.replace('"layers": 2', '"layers": 2.0'),
    }[form]
    assert content != plain
    assert parse_clip_config(content.encode()) == parse_clip_config(plain.encode())


def test_a_broken_config_names_its_line() -> None:
    with pytest.raises(ConfigError, match=r"it is not a JSON file.*\(line 3"):
        parse_clip_config(b'{"model_cfg":\n {"embed_dim": 24,\n  "vision_cfg": [}}')
