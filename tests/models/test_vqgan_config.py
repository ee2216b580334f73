from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.models.official import taming_vq, transformer_config
from vqanim.errors import InputError
from vqanim.models.entries import LocalFile
from vqanim.models.families.vqgan import VQGANConfig, parse_config

BOMB = "a0: &a0 {}\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
PLAIN = taming_vq(levels=3).config()


def parse(content: str | bytes | dict[str, Any]) -> VQGANConfig:
    if isinstance(content, dict):
        content = yaml.safe_dump(content)
    if isinstance(content, str):
        content = content.encode()
    return parse_config(content, LocalFile(Path("c.yaml"), "get it again"))


def changed(path: str, value: Any, config: dict[str, Any] = PLAIN) -> dict[str, Any]:
    """The config with another value; `...` leaves the field out."""
    result = copy.deepcopy(config)
    *parents, last = path.split(".")
    place = result
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return result


def test_the_official_layout_is_read() -> None:
    found = parse(PLAIN)
    assert (found.kind, found.gumbel, found.factor) == ("VQModel", False, 4)
    assert (found.embed_dim, found.n_embed, found.norm_groups) == (8, 64, 32)
    assert found.ddconfig["ch_mult"] == [1, 1, 1]


def test_a_gumbel_model_is_told_apart() -> None:
    found = parse(taming_vq(gumbel=True).config())
    assert (found.kind, found.gumbel, found.factor) == ("GumbelVQ", True, 2)


def test_a_transformers_vqgan_lies_deeper() -> None:
    found = parse(transformer_config(taming_vq(gumbel=True)))
    assert (found.kind, found.gumbel, found.embed_dim) == ("Net2NetTransformer", True, 32)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model", ..., "it describes no network"),
        ("model", [1], "line 1: model: found '[1]', expected a mapping"),
        ("model.params.ddconfig", ..., "line 4: model.params.ddconfig: is missing, expected a mapping"),
        ("model.params.ddconfig.attn_type", "sparse", "attn_type: found 'sparse', expected one of vanilla"),
        ("model.params.ddconfig.give_pre_end", True, "give_pre_end: found true, with which the decoder ends"),
        ("model.params.ddconfig.num_down", 4, "num_down: found '4', which may change the network"),
        ("model.params.ddconfig.tanh_out", "maybe", "tanh_out: found 'maybe', expected true or false"),
        ("model.params.ddconfig.in_channels", 1, "in_channels: found '1', expected 3"),
        (
            "model.params.use_l2_norm",
            True,
            "use_l2_norm: found 'True'; codes that are compared by their angle",
        ),
        ("model.params.n_embed", "${data.codes}", "which refers to nothing in this file; write the value"),
        ("model.params.n_embed", 1024.5, "n_embed: found '1024.5', expected a whole number"),
        ("model.params.n_embed", "1e9", "n_embed: found '1e9', expected a whole number"),
        ("model.params", [1], "model.params: found '[1]', expected a mapping"),
        (
            "model.target",
            "ldm.models.autoencoder.AutoencoderKL",
            "model.target: found 'ldm.models.autoencoder.",
        ),
        (
            "model.params.embed_dim",
            "wide",
            "model.params.embed_dim: found 'wide', expected a whole number from 1",
        ),
        ("model.params.n_embed", 10**12, "model.params.n_embed: found '1000000000000', expected"),
        ("model.params.n_embed", True, "model.params.n_embed: found 'True', expected"),
        (
            "model.params.ddconfig.double_z",
            True,
            "double_z: found true, which a model without a codebook has",
        ),
        ("model.params.ddconfig.out_ch", 182, "ddconfig.out_ch: found '182', expected 3"),
        ("model.params.ddconfig.ch_mult", [1] * 11, "ch_mult: found '[1, 1,"),
        ("model.params.ddconfig.ch_mult", [], "ch_mult: found an empty list"),
        ("model.params.ddconfig.ch_mult", [1, 10**9], "whole numbers from 1 to 64"),
        ("model.params.ddconfig.num_res_blocks", 10**9, "num_res_blocks: found '1000000000', expected"),
        ("model.params.ddconfig.z_channels", ..., "ddconfig.z_channels: is missing, expected a whole number"),
    ],
)
def test_a_wrong_field_is_named(path: str, value: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(changed(path, value))
    message = str(caught.value)
    assert words in message
    assert message.startswith("c.yaml: this config cannot be used: ")
    assert message.endswith("; get it again")


def test_references_that_multiply_are_no_trouble() -> None:
    steps = [f"x{i}: {{a: '${{x{i + 1}}}', b: '${{x{i + 1}}}'}}" for i in range(200)]
    config = changed("model.params.ddconfig.tanh_out", "${x0}")
    with pytest.raises(InputError, match="tanh_out: found a mapping, expected true or false"):
        parse(yaml.safe_dump(config) + "\n".join(steps) + "\nx200: 1\n")
    config = changed("model.params.ddconfig.attn_type", "${model}")
    with pytest.raises(InputError, match="attn_type: found a mapping, expected one of"):
        parse(config)


def test_all_that_is_missing_is_named() -> None:
    config = changed("model.params.embed_dim", ..., changed("model.params.ddconfig.ch", ...))
    with pytest.raises(InputError, match=r"line 4: model\.params: embed_dim, ddconfig\.ch are missing"):
        parse(config)


def test_a_gumbel_model_has_as_many_dimensions_as_channels() -> None:
    with pytest.raises(InputError, match="a GumbelVQ has as many as z_channels, 32"):
        parse(changed("model.params.embed_dim", 16, taming_vq(gumbel=True).config()))


def test_what_training_needed_is_ignored() -> None:
    config = changed("model.params.lossconfig", {"target": "os.system", "params": ["touch marker"]})
    assert parse(changed("data", {"target": "main.DataModule"}, config)) == parse(PLAIN)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it describes no network"),
        ("- model", "it describes no network"),
        ("<!DOCTYPE html><html>", "it is a web page"),
        ("model: [", "it is no YAML"),
        (
            "model: !!python/object/apply:os.system [touch marker]",
            "wants to call 'os.system', which is refused",
        ),
        ("a: !!python/object/new:subprocess.Popen [touch marker]", "wants to call 'subprocess.Popen'"),
        (b"\xff\xfe\x00", "it is no YAML"),
        (b"\x80\x02}q\x00.", "it is no YAML"),
        ("a: &a [1]\nmodel: [*a, *a]", "line 2: model: found a list, expected a mapping"),
        ("model: &a [*a]", "found the alias *a of nothing that stands before it"),
        (BOMB, "more than 20,000 values"),
        (BOMB.replace("[", "{<<: [").replace("]", "]}"), "more than 20,000 values"),
        ("[" * 20_000, "nested more than 32 deep"),
        ("[" + "1," * 30_000 + "]", "more than 20,000 values"),
        ("model: " + "x" * 1_000_001, "allowed are 1,000,000"),
        ('model: "\\UFFFFFFFF"', "it is no YAML"),
        ("model: " + "9" * 10_000, "found a number of 10,000 characters"),
    ],
)
def test_what_is_no_config_is_refused(content: str | bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(content)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
