"""BigGANs from every kind of file paint as the reference does, and what is none is refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.models import biggans
from tests.models.biggans import CONFIG, official, reference
from tests.models.official import taming_vq
from tests.models.server import serving
from tests.models.stylegans import network_pickle, stylegan2
from vqanim.cli.main import main
from vqanim.errors import InputError, UsageError
from vqanim.models.adding import add_generator, add_perceptor
from vqanim.models.biggan.generator import BigGANGenerator, few_shares, noise_loss, other_classes, slerp
from vqanim.models.families.biggan import BigGANConfig, find_class
from vqanim.models.load import load_generator

SIDE = CONFIG["output_dim"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


def load(**settings: Any) -> BigGANGenerator:
    generator = load_generator("mine", "cpu", settings)
    assert isinstance(generator, BigGANGenerator)
    return generator


def drawn(generator: BigGANGenerator, seed: int = 3) -> dict[str, torch.Tensor]:
    return dict(generator.seeded(torch.Generator().manual_seed(seed)))


def distance(generator: BigGANGenerator, truncation: float = 1.0) -> float:
    """The largest difference to the reference."""
    params = drawn(generator)
    expected = reference()(params["z"], params["classes"].sigmoid(), truncation)
    assert expected.std() > 0.1
    return (generator.decode(params, (SIDE, SIDE)) - expected).abs().max().item()


def test_a_published_folder_paints_as_the_reference_at_all_truncations(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    for truncation in (1.0, 0.4, 0.37):  # with known statistics, and between known ones
        assert distance(load(truncation=truncation), truncation) < 1e-4


def prefixed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"module.biggan.{name}": tensor for name, tensor in state.items()}


def with_newer_norms(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    names = {
        "weight_orig": "parametrizations.weight.original",
        "weight_u": "parametrizations.weight.0._u",
        "weight_v": "parametrizations.weight.0._v",
    }
    found = {}
    for name, tensor in state.items():
        before, _, last = name.rpartition(".")
        found[f"{before}.{names.get(last, last)}"] = tensor
    return found


def without_norms(_: Any) -> dict[str, torch.Tensor]:
    network = biggans.Reference(CONFIG)
    network.load_state_dict(reference().state_dict())
    for part in network.eval().modules():
        if "weight_orig" in dict(part.named_parameters(recurse=False)):
            torch.nn.utils.remove_spectral_norm(part)
    return network.state_dict()


FORMS: dict[str, Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]] = {
    "as it is": dict,
    "with prefixes": prefixed,
    "with the newer norms": with_newer_norms,
    "without norms": without_norms,
    "beside others": lambda state: {**state, "extra.weight": torch.ones(3)},
}


@pytest.mark.parametrize("title", FORMS)
def test_renamed_files_in_other_forms_are_recognized(title: str, tmp_path: Path) -> None:
    state = FORMS[title](dict(reference().state_dict()))
    save_file(state, tmp_path / "renamed.safetensors")
    (tmp_path / "net.json").write_text(json.dumps(CONFIG))
    add_generator("mine", None, tmp_path / "renamed.safetensors")
    assert distance(load()) < 1e-4


def test_weights_alone_are_enough_where_the_network_is_as_all_published_ones(tmp_path: Path) -> None:
    published = [[False, 16, 16], [True, 16, 8], [False, 8, 8], [True, 8, 4], [False, 4, 2], [True, 2, 1]]
    config = BigGANConfig.from_mapping(CONFIG | {"layers": published})
    shapes = {name: tensor.shape for name, tensor in reference().state_dict().items()}
    assert BigGANConfig.from_shapes(shapes) == config
    torch.save(reference().state_dict(), tmp_path / "alone.pth")
    said: list[str] = []
    add_generator("mine", None, tmp_path / "alone.pth", note=said.append)
    assert "every second block doubles" in said[0]
    assert load().decode(drawn(load()), (SIDE, SIDE)).isfinite().all()


def test_pictures_cover_frames_of_any_shape(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    generator = load()
    square = generator.decode(drawn(generator), (SIDE, SIDE))
    for height, width in ((32, 24), (16, 32), (48, 64), (20, 12)):
        found = generator.decode(drawn(generator), (height, width))
        assert found.shape == (1, 3, height, width)
        assert 0 <= found.min() <= found.max() <= 1
    middle = generator.decode(drawn(generator), (32, 24))
    torch.testing.assert_close(middle, square[:, :, :, 4:28], atol=1e-5, rtol=0)


def test_every_row_and_class_is_reached_by_the_gradient(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    generator = load()
    params = {name: tensor.requires_grad_(True) for name, tensor in drawn(generator).items()}
    for recompute in (False, True):
        loss = generator.decode(params, (SIDE, SIDE), recompute).square().sum()
        gradients = torch.autograd.grad(loss, list(params.values()))
        assert all((gradient != 0).any(1).all() for gradient in gradients)


def test_lower_precision_paints_nearly_the_same(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    generator = load()
    before = generator.decode(drawn(generator), (SIDE, SIDE))
    generator.lower_precision(torch.bfloat16)
    after = generator.decode(drawn(generator), (SIDE, SIDE))
    assert after.dtype == torch.float32
    assert 0 < (after - before).abs().mean() < 0.03


def test_classes_are_named_or_counted(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    castle, lake = find_class("Castle"), find_class("lakeshore")
    shares = drawn(load(classes=("castle",)))["classes"].sigmoid()
    assert (shares.argmax(1) == castle).all()
    assert shares[0, castle] > 0.9
    both = drawn(load(classes=("castle", "lakeshore")))["classes"].sigmoid()
    assert {*both.topk(2, dim=1).indices.flatten().tolist()} == {castle, lake}
    shown = load(classes=2)._shares(drawn(load())["classes"])
    assert ((shown > 0).sum(1) == 2).all()
    with pytest.raises(ValueError, match="did you mean 'castle'"):
        find_class("castel")
    with pytest.raises(ValueError, match="is a kind of 118 classes; name one"):
        find_class("dog")


def test_few_shares_are_those_that_are_picked_one_by_one() -> None:
    classes = torch.randn(4, 9, generator=torch.Generator().manual_seed(1))
    left, expected = classes / 2, torch.zeros(4, 9)
    for _ in range(3):
        share, place = left.softmax(1).max(1, keepdim=True)
        expected.scatter_(1, place, share)
        left = left.scatter(1, place, -torch.inf)
    torch.testing.assert_close(few_shares(classes, 3), expected)
    assert few_shares(classes, 9).isfinite().all()


def test_noise_is_asked_to_look_like_noise_and_classes_to_be_few() -> None:
    rng = torch.Generator().manual_seed(2)
    z = torch.randn(8, 128, generator=rng)
    odd = {"long": 2 * z, "short": 0.3 * z, "moved": z + 1, "skew": z.exp() - 1.6, "two values": z.sign()}
    assert all(noise_loss(other) > noise_loss(z) + 0.2 for other in odd.values())
    one = torch.zeros(3, 10)
    one[:, 4] = 0.9
    assert other_classes(one) == 0
    one[:, 5] = 0.2  # (50 * 0.2)^2, a ninth of the others
    assert other_classes(one).item() == pytest.approx(100 / 9, rel=1e-4)


def test_the_way_between_seeds_begins_and_ends_at_them_and_keeps_noise_as_long(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    generator = load()
    first, second = drawn(generator, 1), drawn(generator, 2)
    assert not torch.equal(first["z"], second["z"])
    for share, end in ((0.0, first), (1.0, second)):
        for name, tensor in generator.between(first, second, share).items():
            torch.testing.assert_close(tensor, end[name], atol=1e-5, rtol=1e-5)
    long = torch.randn(2, 512, generator=torch.Generator().manual_seed(5))
    half = slerp(long[:1], long[1:], 0.5)
    assert half.std().item() == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(slerp(long, long, 0.3), long)


def test_the_catalogue_names_one_that_a_mirror_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vqanim.models.catalogue import get_generator_entry
    from vqanim.models.fetch import fetch_model

    folder = official(tmp_path / "big")
    with serving() as shelf:
        shelf.files = {
            "biggan-deep-128/config.yaml": (folder / "config.json").read_bytes(),
            "biggan-deep-128/weights.ckpt": (folder / "pytorch_model.bin").read_bytes(),
        }
        monkeypatch.setenv("VQANIM_MIRROR", shelf.address)
        list(fetch_model(get_generator_entry("biggan-deep-128")))
    with pytest.raises(InputError, match="it is of 32 pixels a side, the catalogue says 128"):
        load_generator("biggan-deep-128")


def changed(**changes: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        official(folder)
        (folder / "config.json").write_text(json.dumps(CONFIG | changes))

    return write


def of_weights(make: Callable[[], Any]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        official(folder)
        torch.save(make(), folder / "pytorch_model.bin")

    return write


def state(**changes: Any) -> dict[str, Any]:
    found = dict(reference().state_dict()) | changes
    return {name: tensor for name, tensor in found.items() if tensor is not None}


LAYER = "generator.layers.0.conv_0"
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a VQGAN": (
        of_weights(lambda: taming_vq().state_dict()),
        r"pytorch_model\.bin: this is a VQGAN with a codebook, but .*config\.json describes a BigGAN; give",
    ),
    "something else": (of_weights(lambda: {"fc.weight": torch.ones(2)}), "this is something else"),
    "another width": (changed(channel_width=8), "channel_width is 8 in the config and 4 in the weights"),
    "a wrong size": (changed(output_dim=64), "output_dim is 64, but its layers make pictures of 32 pixels"),
    "wrong layers": (
        changed(output_dim=8, layers=[[True, 16, 3]]),
        "block 0 leads from 16 to 3 channel widths, expected",
    ),
    "no layers": (changed(layers="many"), "layers: expected 1 to 64 blocks"),
    "far too large": (changed(z_dim=10**9), r"z_dim: found 1000000000, expected a whole number from 1"),
    "eps as a text": (changed(eps="small"), "eps: found 'small', expected a number between 0 and 1"),
    "a tensor is missing": (
        of_weights(lambda: state(**{f"{LAYER}.bias": None})),
        r"does not fit the network: missing: generator\.layers\.0\.conv_0\.bias",
    ),
    "a norm is missing": (
        of_weights(lambda: state(**{f"{LAYER}.weight_u": None})),
        r"does not fit the network: missing: generator\.layers\.0\.conv_0\.weight",
    ),
    "a strange shape": (
        of_weights(lambda: state(**{"generator.bn.weight": torch.ones(2, 2)})),
        r"generator\.bn\.weight has the shape \[2, 2\], expected 1 numbers",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_files_are_refused_with_one_reason(title: str, tmp_path: Path) -> None:
    write, reason = BAD[title]
    write(tmp_path / "big")
    with pytest.raises(InputError, match=reason):
        add_generator("mine", tmp_path / "big" / "config.json", tmp_path / "big" / "pytorch_model.bin")
    assert not (tmp_path / "cache").exists()


def test_families_are_not_mixed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = official(tmp_path / "big") / "pytorch_model.bin"
    (tmp_path / "vq.yaml").write_text("model: {params: {embed_dim: 4}}\n")
    with pytest.raises(InputError, match="this config is not of a BigGAN, but .* is one"):
        add_generator("mine", tmp_path / "vq.yaml", weights)
    with pytest.raises(InputError, match="this is a BigGAN, not a CLIP"):
        add_perceptor("mine", weights)
    halves = ["--encoder", str(weights), "--decoder", str(weights)]
    assert main(["models", "add", "mine", *halves]) != 0
    assert "this is a BigGAN, not the encoder of a dVAE" in capsys.readouterr().err
    network_pickle(stylegan2(16), tmp_path / "two.pkl")
    with pytest.raises(InputError, match="but .* describes a BigGAN"):
        add_generator("mine", tmp_path / "big" / "config.json", tmp_path / "two.pkl")
    (tmp_path / "big" / "other.pt").write_bytes(weights.read_bytes())
    with pytest.raises(InputError, match=r"it has the weights other\.pt, pytorch_model\.bin; give one"):
        add_generator("mine", None, tmp_path / "big")


def test_classes_that_a_model_lacks_are_told_before_its_weights_are_read(tmp_path: Path) -> None:
    add_generator("mine", None, official(tmp_path / "big"))
    card = next((tmp_path / "cache").rglob("model.yaml"))
    few = json.dumps(CONFIG | {"num_classes": 12})
    from vqanim.files import sha256_of

    (card.parent / "config.json").write_text(few)
    text = card.read_text().splitlines()
    place = next(number for number, line in enumerate(text) if line.strip() == "config:")
    text[place + 2] = f"        sha256: {sha256_of(card.parent / 'config.json')}"
    text[place + 3] = f"        size: {len(few)}"
    card.write_text("\n".join(text))
    with pytest.raises(UsageError, match="mine knows 12; give at most so many"):
        load(classes=20)
    with pytest.raises(UsageError, match="mine knows 12 classes, which have no names"):
        load(classes=("castle",))
