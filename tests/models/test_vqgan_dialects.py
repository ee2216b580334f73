"""Configs of VQGANs in every form that people have: each says the same network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from tests.models.autoencoders import add, autoencoder, dumped, within
from vqanim.errors import InputError
from vqanim.models.adding import inspect_generator
from vqanim.models.families.vqgan import VQGANConfig

ANCHORS = """
base: &net
  z_channels: 6
  ch: 32
  num_res_blocks: 1
  attn_resolutions: &at [16]
model:
  target: ldm.models.autoencoder.VQModelInterface
  params:
    embed_dim: &d 5
    n_embed: 48.0
    ddconfig:
      <<: *net
      attn_resolutions: *at
      resolution: "32"
      in_channels: 3
      out_ch: ${..ddconfig.in_channels}
      ch_mult: [1, 2]
"""
TABS = (
    "model:\n\tparams:\n\t\tembed_dim:\t5\n\t\tn_embed: 48\n\t\tddconfig:\n\t\t\tz_channels: 6\n"
    + "".join(
        f"\t\t\t{line}\n"
        for line in (
            "resolution: 32",
            "ch: 3.2e1",
            "ch_mult: 1,2",
            "num_res_blocks: '1'",
            "attn_resolutions: (16,)",
        )
    )
)

CONFIGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "JSON": lambda c: json.dumps(c, indent="\t"),
    "JSON in one line": json.dumps,
    "with a mark and other line ends": lambda c: "\ufeff" + dumped(c).replace("\n", "\r\n"),
    "the arguments": lambda c: dumped(c["model"]["params"]),
    "under params": lambda c: dumped({"params": c["model"]["params"]}),
    "a first stage's": lambda c: dumped(c["model"]),
    "no class": lambda c: dumped({"model": {"params": c["model"]["params"]}}),
    "another way to name a class": lambda c: dumped(c).replace("vqgan.VQModel", "vqgan:VQModel"),
    "comments of another encoding": lambda c: "# gr\xfc\xdfe\n" + dumped(c),
    "another class": lambda c: dumped(c).replace("taming.models.vqgan.VQModel", "mylab.nets.PaintedVQGAN"),
    "hydra": lambda c: dumped({"model": {"_target_": "a.VQModel", **c["model"]["params"]}}),
    "Lightning's command line": lambda c: dumped(
        {"trainer": {"x": 1}, "model": {"class_path": "a.VQModel", "init_args": c["model"]["params"]}}
    ),
    "transformer": lambda c: dumped(within(c, "taming.models.cond_transformer.Net2NetTransformer")),
    "transformer on two": lambda c: dumped(
        within(c, "x.Net2NetTransformer", cond_stage_config=autoencoder(embed_dim=7).config()["model"])
    ),
    "diffusion": lambda c: dumped(within(c, "ldm.models.diffusion.ddpm.LatentDiffusion")),
    "project": lambda c: dumped({**c, "data": {"params": {"batch_size": 4}}, "lightning": {"trainer": {}}}),
    "lists as Lightning writes tuples": lambda c: dumped(c["model"]["params"]).replace(
        "ch_mult:", "ch_mult: !!python/tuple"
    ),
    "a namespace": lambda c: "!!python/object:argparse.Namespace\n" + dumped(c["model"]["params"]),
    "interpolations": lambda c: dumped(c).replace("embed_dim: 5", "embed_dim: ${extra.dim}")
    + "extra: {dim: '${extra.real}', real: 5}\n",
    "what is left of interpolations": lambda c: dumped(c["model"]["params"]).replace(
        "out_ch: 3", "out_ch: ${model.params.ddconfig.in_channels}"
    ),
    "a remap that only numbers codes": lambda c: dumped(c).replace("monitor: val/rec", "remap: a.npy"),
    "anchors": lambda _: ANCHORS,
    "tabs": lambda _: TABS,
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights that all configs here are of."""
    path = tmp_path_factory.mktemp("dialects") / "m.safetensors"
    save_file(dict(autoencoder().state_dict()), path)
    return path


@pytest.mark.parametrize("title", CONFIGS)
def test_configs_in_every_form_are_read(title: str, checkpoint: Path, tmp_path: Path) -> None:
    config = autoencoder().config()
    text, notes = CONFIGS[title](config), list[str]()
    (tmp_path / "c.yaml").write_bytes(text.encode("latin-1" if "\xfc" in text else "utf-8"))
    found, _ = inspect_generator(tmp_path / "c.yaml", checkpoint, notes.append)
    assert bool(notes) == (title == "another class")
    assert found.to_mapping() == VQGANConfig.from_mapping(config).to_mapping()
    assert found.to_mapping()["model"]["params"]["ddconfig"].items() >= config_of(config).items()


def config_of(config: dict[str, Any]) -> dict[str, Any]:
    """What an official config says about encoder and decoder."""
    found: dict[str, Any] = config["model"]["params"]["ddconfig"]
    return found


def test_a_config_of_two_vqgans_says_where(tmp_path: Path) -> None:
    model, other = autoencoder(), autoencoder(embed_dim=7)
    config = {"a": model.config()["model"], "b": other.config()["model"]}
    with pytest.raises(InputError, match=r"it describes 2 VQGANs, in a\.params, b\.params; leave one"):
        add(tmp_path, dict(model.state_dict()), config)
