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
        ("model", ..., "model: is missing, expected a mapping"),
        ("model.params", [1], "model.params: found '[1]', expected a mapping"),
        (
            "model.target",
            "ldm.models.autoencoder.AutoencoderKL",
            "model.target: found 'ldm.models.autoencoder.",
        ),
        (
            "model.params.embed_dim",
            "256",
            "model.params.embed_dim: found '256', expected a whole number from 1",
        ),
        ("model.params.n_embed", 10**12, "model.params.n_embed: found '1000000000000', expected"),
        ("model.params.n_embed", True, "model.params.n_embed: found 'True', expected"),
        ("model.params.remap", "data/used.npy", "models with remapped codes are not supported"),
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


def test_a_gumbel_model_has_as_many_dimensions_as_channels() -> None:
    with pytest.raises(InputError, match="a GumbelVQ has as many as z_channels, 32"):
        parse(changed("model.params.embed_dim", 16, taming_vq(gumbel=True).config()))


def test_what_training_needed_is_ignored() -> None:
    config = changed("model.params.lossconfig", {"target": "os.system", "params": ["touch marker"]})
    assert parse(changed("data", {"target": "main.DataModule"}, config)) == parse(PLAIN)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is no mapping with the key `model`"),
        ("- model", "it is no mapping"),
        ("<!DOCTYPE html><html>", "it is a web page"),
        ("model: [", "it is no YAML"),
        ("model: !!python/object/apply:os.system [touch marker]", "it is no YAML"),
        (b"\xff\xfe\x00", "it is no YAML"),
        (b"\x80\x02}q\x00.", "it is no YAML"),
        ("a: &a [1]\nmodel: [*a, *a]", "found the alias *a, aliases are not allowed"),
        ("[" * 20_000, "nested more than 32 deep"),
        ("[" + "1," * 30_000 + "]", "more than 20,000 values"),
        ("model: " + "x" * 1_000_001, "allowed are 1,000,000"),
        ('model: "\\UFFFFFFFF"', "it is no YAML"),
        ("model: " + "9" * 10_000, "it is no YAML"),
    ],
)
def test_what_is_no_config_is_refused(content: str | bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(content)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
