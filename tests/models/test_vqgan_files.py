"""Checkpoints and configs of VQGANs as people own them: once added they paint what the original does."""

from __future__ import annotations

import argparse
import collections
import copy
import datetime
import enum
import functools
import pathlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models.autoencoders import IMAGE, Autoencoder, add, autoencoder, dumped, paint, same, within
from tests.models.official import generator_entry
from vqanim.cli.main import main
from vqanim.errors import InputError
from vqanim.models.adding import add_generator, inspect_generator
from vqanim.models.vqgan import load_vqgan

State = dict[str, Tensor]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


KINDS: dict[str, dict[str, Any]] = {
    "taming": {},
    "no attention at a level": {"attn_resolutions": []},
    "gumbel": {"kind": "gumbel"},
    "averages": {"kind": "ema"},
    "ldm f4": {"kind": "ldm", "ch_mult": [1, 2, 2], "attn_resolutions": [], "embed_dim": 3, "z_channels": 3},
    "ldm f8": {"kind": "ldm", "ch_mult": [1, 1, 2, 2], "attn_resolutions": [8], "embed_dim": 4},
    "ldm f4 noattn": {"kind": "ldm", "attn_type": "none", "attn_resolutions": []},
    "no attention though a level is named": {"kind": "ldm", "attn_type": "none"},
    "linear attention": {"kind": "ldm", "attn_type": "linear"},
    "tanh at the end": {"kind": "ldm", "tanh_out": True},
    "without convolutions at the levels": {"resamp_with_conv": False, "num_res_blocks": 2},
    "wide codes": {"embed_dim": 16},
}


@pytest.mark.parametrize("title", KINDS)
def test_every_kind_paints_as_the_original(title: str, tmp_path: Path) -> None:
    model = autoencoder(**KINDS[title])
    add(tmp_path, {"state_dict": model.state_dict()}, model.config())
    same(model)


@pytest.mark.parametrize("title", [title for title in KINDS if title != "tanh at the end"])
def test_without_a_config_the_weights_tell_the_network(title: str, tmp_path: Path) -> None:
    model = autoencoder(**KINDS[title])
    notes = add(tmp_path, dict(model.state_dict()), form="m.safetensors")
    assert "taken from the weights: ch 32, ch_mult [1, " in notes[0]
    same(model)


def prefixed(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def within_transformer(state: State) -> State:
    other = {"transformer.tok_emb.weight": torch.ones(4, 4), "cond_stage_model.quantize.w": torch.ones(1)}
    second = prefixed("cond_stage_model.", autoencoder(seed=5).state_dict())
    return {**second, **other, **prefixed("first_stage_model.", state)}


def within_diffusion(state: State) -> State:
    other = {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(3), "betas": torch.ones(10)}
    return {**other, **prefixed("first_stage_model.", state), "scale_factor": torch.tensor(0.18)}


def trained(state: State) -> State:
    """With what a training leaves."""
    leftovers = ["loss.discriminator.main.0.weight", "model_ema.decay", "model_ema.decoderconv_inweight"]
    leftovers += ["colorize", "quantize.ema_count", "quantize.embed_avg", "global_step", "logit_scale"]
    leftovers += ["model_ema.decoder.conv_in.weight", "model_ema.quantize.embedding.weight"]
    return {**dict.fromkeys(leftovers, torch.zeros(2)), **state}


LAYOUTS: dict[str, Callable[[State], Any]] = {
    "plain": dict,
    "module": lambda s: prefixed("module.", s),
    "model": lambda s: {"state_dict": prefixed("model.", s)},
    "vqgan in module": lambda s: {"state_dict": prefixed("module.vqgan.", s)},
    "parts in modules": lambda s: {k.replace("coder.", "coder.module.", 1): v for k, v in s.items()},
    "compiled": lambda s: {"model": prefixed("_orig_mod.", s)},
    "transformer": lambda s: {"state_dict": within_transformer(s)},
    "transformer in modules": lambda s: {"state_dict": prefixed("module.model.", within_transformer(s))},
    "diffusion": lambda s: {"state_dict": within_diffusion(s), "global_step": 3},
    "leftovers": lambda s: {"state_dict": trained(s)},
    "optimizer beside": lambda s: {"model": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
    "discriminator beside": lambda s: {"generator": s, "discriminator": {"main.0.weight": torch.ones(2)}},
    "average beside": lambda s: {"params_ema": s, "params": {k: v * 0 for k, v in s.items()}},
    "model_state_dict": lambda s: {"model_state_dict": s, "epoch": 3},
    "net": lambda s: {"net": prefixed("module.", s), "acc": 0.5},
    "transformer first": lambda s: {"model": {"blocks.0.weight": torch.ones(2)}, "my_vqgan": s},
    "by parts": lambda s: {
        part: {k.removeprefix(f"{part}."): v for k, v in s.items() if k.startswith(f"{part}.")}
        for part in ("encoder", "decoder", "quantize", "quant_conv", "post_quant_conv")
    },
    "a pair": lambda s: ({"state": {0: {}}, "param_groups": []}, s),
    "two deep": lambda s: {"checkpoint": {"state_dict": prefixed("model.", s)}},
}


@pytest.mark.parametrize("title", LAYOUTS)
def test_every_layout_gives_the_network(title: str, tmp_path: Path) -> None:
    state = autoencoder().state_dict()
    torch.save(LAYOUTS[title](dict(state)), tmp_path / "m.ckpt")
    _, found = inspect_generator(None, tmp_path / "m.ckpt")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("kind", ["ldm", "gumbel"])
def test_files_of_a_catalogue_may_be_of_the_same_kinds(kind: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"attn_type": "linear", "tanh_out": True} if kind == "ldm" else {}
    model = autoencoder(kind, **changes)
    torch.save({"state_dict": within_diffusion(trained(dict(model.state_dict())))}, tmp_path / "m.ckpt")
    used = torch.tensor([0, 7, 30])
    if kind == "gumbel":
        state = {**model.state_dict(), "quantize.used": used}
        torch.save({"state_dict": prefixed("module.", state)}, tmp_path / "m.ckpt")
    (tmp_path / "c.yaml").write_text(dumped(model.params))  # without the name of its class
    generator = load_vqgan(generator_entry(tmp_path / "c.yaml", tmp_path / "m.ckpt", 2), torch.device("cpu"))
    expected = model.paint(IMAGE, used if kind == "gumbel" else None).clamp(0, 1)
    features = generator.network.encode(IMAGE)
    torch.testing.assert_close(generator.decode({"z": features}, (32, 48)), expected, atol=1e-4, rtol=0)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    model = autoencoder()
    notes = add(tmp_path, trained(dict(model.state_dict())), model.config())
    assert "left out of the weights: model_ema (4), " in notes[-1]
    assert "quantize.ema_count (1)" in notes[-1]


@pytest.mark.parametrize("wrap", ["plain", "parallel", "beside"])
@pytest.mark.parametrize("legacy", [False, True])
def test_whole_modules_are_read_as_data(wrap: str, legacy: bool, tmp_path: Path) -> None:
    model = copy.deepcopy(autoencoder("gumbel"))
    model.register_buffer("passing", torch.ones(3), persistent=False)
    module = nn.DataParallel(model) if wrap == "parallel" else model
    content = {"epoch": 3, "ema": None, "model": model} if wrap == "beside" else module
    add(tmp_path, content, model.config(), _use_new_zipfile_serialization=not legacy)
    same(model)


class Color(enum.Enum):
    """An enumeration of a training's own code."""

    RED = 1


class Shade(enum.Enum):
    """Another, which looks as if it stood within the first."""

    DARK = 1


Shade.__qualname__ = "Color.Shade"
Color.Shade = Shade  # type: ignore[attr-defined]


class Journal:
    """Something whose methods are hooks."""

    def note(self) -> None:
        """A method."""


class DictConfig:
    """As omegaconf keeps its mappings: nodes in `_content`, values in `_val`."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = {key: self.node(value) for key, value in content.items()}
        self._metadata = object()

    @classmethod
    def node(cls, value: Any) -> Any:
        """A node of its own for each value."""
        if isinstance(value, dict):
            return cls(value)
        result = cls({})
        if isinstance(value, list):
            result._content = [cls.node(item) for item in value]  # type: ignore[assignment]
        else:
            del result._content
            result._val = value  # type: ignore[attr-defined]
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(2)


def test_values_of_all_kinds_beside_the_weights_are_no_trouble(tmp_path: Path) -> None:
    model = autoencoder()
    values = [
        collections.Counter("abc"), collections.defaultdict(list, a=[1]), collections.deque([1]),
        datetime.datetime(2021, 5, 1), datetime.timedelta(1), datetime.timezone.utc,
        functools.partial(max, 1), type(None), Journal().note, torch.relu, nn.functional.silu, Shade.DARK,
        pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), argparse.Namespace(lr=1e-4, size=(1, 2)),
        np.float32(0.5), np.dtype("int64"), np.arange(3), np.random.default_rng(0), Color.RED, {1, 2},
        frozenset("a"), 1j, slice(1), range(3), torch.float16, torch.device("cpu"), torch.Size([1]),
        complex, bytearray(b"a"), Ellipsis, dict[str, int], torch.optim.SGD([torch.ones(1)], lr=0.1),
    ]  # fmt: skip
    for protocol in (2, 4, 5):
        content = {"state_dict": model.state_dict(), "beside": values}
        add(tmp_path, content, model.config(), pickle_protocol=protocol)
    same(model)


@pytest.mark.parametrize("kind", ["mapping", "namespace", "omegaconf", "hparams"])
def test_settings_in_the_checkpoint_are_the_config(kind: str, tmp_path: Path) -> None:
    model = autoencoder(kind="ldm", tanh_out=True)  # which the weights alone do not tell
    params = model.params
    network = model.config()
    network["model"]["params"]["ddconfig"] = {**params["ddconfig"], "in_channels": "${image.channels}"}
    settings: Any = {
        "mapping": params,
        "namespace": argparse.Namespace(model=model.config()["model"], lr=1e-4),
        "omegaconf": DictConfig({**network, "image": {"channels": 3}}),
        "hparams": {"learning_rate": 1, **params["ddconfig"], "n_embed": 48, "embed_dim": 5},
    }[kind]
    notes = add(tmp_path, {"state_dict": model.state_dict(), "hyper_parameters": settings})
    assert notes == ["the network is described by settings in the checkpoint"]
    same(model)


def test_codes_that_a_gumbel_head_may_not_choose_are_cut_away(tmp_path: Path) -> None:
    model = autoencoder("gumbel")
    used = torch.tensor([3, 9, 40, 41])
    config = model.config()
    config["model"]["params"]["remap"] = "data/used.npy"
    with pytest.raises(InputError, match="codes are remapped, but 'quantize.used' is missing"):
        add(tmp_path, dict(model.state_dict()), config)
    add(tmp_path, {**model.state_dict(), "quantize.used": used}, config)
    torch.testing.assert_close(paint(), model.paint(IMAGE, used).clamp(0, 1), atol=1e-4, rtol=0)
    assert len(model.paint(IMAGE).unique()) > 1
    with pytest.raises(InputError, match="does not list codes from 0 to 47"):
        add(tmp_path, {**model.state_dict(), "quantize.used": used + 40}, config)


@pytest.mark.parametrize(
    ("stray", "words"),
    [
        ("decoder.up.0.attn.0.q.weight", r"unexpected: decoder\.up\.0\.attn\.0\.q\.weight"),
        ("encoder.pre_norm.weight", r"unexpected: encoder\.pre_norm\.weight"),
        ("quantize.project_in.weight", r"unexpected: quantize\.project_in\.weight"),
        ("quant_conv.scale", r"unexpected: quant_conv\.scale"),
    ],
)
def test_what_belongs_to_the_network_is_never_dropped(stray: str, words: str, tmp_path: Path) -> None:
    model = autoencoder()
    with pytest.raises(InputError, match=words):
        add(tmp_path, {**model.state_dict(), stray: torch.ones(2)}, model.config())


@pytest.mark.parametrize(
    ("made", "said", "words"),
    [
        ({}, {"attn_type": "none"}, "attn_type none in the config, vanilla in the weights"),
        ({"attn_type": "linear"}, {}, "attn_type vanilla in the config, linear in the weights"),
        ({"ch_mult": [1, 1]}, {}, r"ch_mult \[1, 2\] in the config, \[1, 1\] in the weights"),
        ({"n_embed": 50}, {}, "n_embed 48 in the config, 50 in the weights"),
        ({"attn_resolutions": [32]}, {}, r"attn_resolutions \[16\] in the config, \[32\] in the weights"),
    ],
)
def test_where_config_and_weights_differ_is_told(
    made: dict[str, Any], said: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        add(tmp_path, dict(autoencoder(**made).state_dict()), autoencoder(**said).config())


def test_an_autoencoder_without_codes_is_named(tmp_path: Path) -> None:
    model = autoencoder()
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("quantize")}
    with pytest.raises(InputError, match=r"an autoencoder without a codebook \(a KL autoencoder"):
        add(tmp_path, {"state_dict": within_diffusion(state)})
    config = within(model.config(), "ldm.models.diffusion.ddpm.LatentDiffusion")
    first = config["model"]["params"]["first_stage_config"]
    first["target"] = "ldm.models.autoencoder.AutoencoderKL"
    first["params"] = {"embed_dim": 4, "ddconfig": {**model.dd, "double_z": True}}
    with pytest.raises(InputError, match=r"line \d+: .*first_stage_config.target: found .*has no codebook"):
        add(tmp_path, dict(model.state_dict()), config)


def test_a_part_of_a_vqgan_is_named(tmp_path: Path) -> None:
    state = {k: v for k, v in autoencoder().state_dict().items() if not k.startswith("encoder")}
    with pytest.raises(
        InputError, match=r"missing: encoder\.conv_in\.weight, .*give a checkpoint that is whole"
    ):
        add(tmp_path, state)
    other = {
        "encoder.down_blocks.0.norm.weight": torch.ones(1),
        "quantize.embedding.weight": torch.ones(2, 2),
    }
    with pytest.raises(InputError, match="an autoencoder in the layout of the diffusers package"):
        add(tmp_path, other)


def test_a_checkpoint_of_a_module_that_nobody_has_runs_nothing(tmp_path: Path) -> None:
    module = ModuleType("gone_package")
    sys.modules["gone_package"] = module
    cls = type("Net", (Autoencoder,), {"__module__": "gone_package"})
    module.Net = cls  # type: ignore[attr-defined]
    torch.manual_seed(0)
    model = cls().eval().requires_grad_(False)
    torch.save(model, tmp_path / "m.pkl")
    (tmp_path / "c.yaml").write_text(dumped(model.config()))
    del sys.modules["gone_package"]
    add_generator("mine", tmp_path / "c.yaml", tmp_path / "m.pkl")
    same(model)


def test_the_command_tells_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": trained(dict(autoencoder().state_dict()))}, tmp_path / "m.ckpt")
    assert main(["models", "add", "mine", "--checkpoint", str(tmp_path / "m.ckpt")]) == 0
    output = capsys.readouterr().out
    for part in ("f2, 48 codes of 5 channels", "the network is taken from the weights", "model_ema (4)"):
        assert part in output
    assert main(["models", "add", "mine", "--config", "c.yaml"]) == 2
