"""dVAEs from every kind of file paint as the reference does, and what is no dVAE is refused with a reason."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models import discrete_vaes
from tests.models.discrete_vaes import CODES, half, paint, save
from tests.models.official import taming_vq
from tests.models.server import serving
from tests.models.test_unpickle import hostile
from vqanim.errors import InputError
from vqanim.guidance.adam import make_adam
from vqanim.models.adding import add_dvae, add_generator
from vqanim.models.dvae import DVAEGenerator
from vqanim.models.families.dvae import HalfConfig
from vqanim.models.load import load_generator
from vqanim.types import Generator, Knob

IMAGE = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(7))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


def add(folder: Path, encoder: Any = None, decoder: Any = None) -> DVAEGenerator:
    """A dVAE that was added from what two files hold."""
    front = save(half("encoder") if encoder is None else encoder, folder / "encoder.pkl")
    back = save(half("decoder") if decoder is None else decoder, folder / "decoder.pkl")
    add_dvae("mine", front, back, force=True)
    generator = load_generator("mine")
    assert isinstance(generator, DVAEGenerator)
    return generator


def through(generator: Generator, image: torch.Tensor = IMAGE) -> torch.Tensor:
    height, width = image.shape[2:]
    return generator.decode(generator.carry(image), (height, width))


def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As FLAVA's codebook in the transformers package names them."""
    found = {}
    for name, tensor in state.items():
        name = name.replace(".block_", ".group.block_").replace("res_path.", "res_path.path.")
        found[name[:-1] + {"w": "weight", "b": "bias"}[name[-1]]] = tensor
    return found


FORMS: dict[str, Callable[[str, Path], Path]] = {
    "whole module": lambda part, path: save(half(part), path / f"{part}.pkl"),
    "whole module, old": lambda part, path: save(
        half(part), path / f"{part}.pkl", _use_new_zipfile_serialization=False
    ),
    "state dict": lambda part, path: save(half(part).state_dict(), path / f"{part}.pt"),
    "halves": lambda part, path: save(
        {name: tensor.half() for name, tensor in half(part).state_dict().items()}, path / f"{part}.pt"
    ),
    "wrapped": lambda part, path: save(
        {"state_dict": {f"module.{name}": t for name, t in half(part).state_dict().items()}, "epoch": 3},
        path / f"{part}.ckpt",
    ),
    "other names": lambda part, path: save(renamed(half(part).state_dict()), path / f"{part}.bin"),
    "safetensors": lambda part, path: save(half(part).state_dict(), path / f"{part}.safetensors"),
    "both in one": lambda part, path: save(
        {f"{p[:3]}.{n}": t for p in ("encoder", "decoder") for n, t in half(p).state_dict().items()},
        path / "both.safetensors",
    ),
    "both in one module": lambda part, path: save(
        {"weights": {"vae": torch.nn.ModuleDict({p: half(p) for p in ("encoder", "decoder")})}},
        path / "both.pt",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_files_of_every_form_paint_as_the_reference(form: str, tmp_path: Path) -> None:
    entry = add_dvae("mine", FORMS[form]("encoder", tmp_path), FORMS[form]("decoder", tmp_path))
    assert (entry.own, entry.family, entry.good_at) == (
        True,
        "dvae",
        f"dVAE, f8, {CODES} codes of 10 channels",
    )
    generator = load_generator("mine")
    assert (generator.multiple, generator.hash) == (8, entry.hash)
    if form != "halves":
        expected = paint(half("encoder"), half("decoder"), IMAGE)
        assert expected.std() > 0.01
        torch.testing.assert_close(through(generator), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("changes", [{"groups": 3}, {"blocks": 1}, {"hidden": 8}, {"codes": 7}])
def test_sizes_are_taken_from_the_weights(changes: dict[str, int], tmp_path: Path) -> None:
    front, back = half("encoder", 1, **changes), half("decoder", 1, **changes)
    generator = add(tmp_path, front, back)
    assert generator.multiple == 2 ** (changes.get("groups", 4) - 1)
    torch.testing.assert_close(through(generator), paint(front, back, IMAGE), atol=1e-4, rtol=0)


def test_the_official_sizes_are_known() -> None:
    """Those of OpenAI's files: 74 and 76 tensors, in groups of two blocks."""
    with torch.device("meta"):
        front = discrete_vaes.Half("encoder", 256, 128, 8192, 4, 2)
        back = discrete_vaes.Half("decoder", 256, 128, 8192, 4, 2)
    shapes = [{name: tensor.shape for name, tensor in each.state_dict().items()} for each in (front, back)]
    assert [len(each) for each in shapes] == [74, 76]
    found = HalfConfig.from_shapes("decoder", shapes[1])
    assert (found.codes, found.factor, found.groups[0]) == (8192, 8, ((128, 2048), (2048, 2048)))
    assert HalfConfig.from_shapes("encoder", shapes[0]).codes == 8192


def test_a_catalogue_entry_is_fetched_and_loads_from_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vqanim.models.catalogue import get_generator_entry
    from vqanim.models.fetch import fetch_model

    files = {
        f"dalle/{part}.ckpt": save(half(part), tmp_path / f"{part}.pkl").read_bytes()
        for part in ("encoder", "decoder")
    }
    with serving() as shelf:
        shelf.files = files
        monkeypatch.setenv("VQANIM_MIRROR", shelf.address)
        list(fetch_model(get_generator_entry("dalle")))
    expected = paint(half("encoder"), half("decoder"), IMAGE)
    for _ in range(2):  # converted, and from what was converted
        torch.testing.assert_close(through(load_generator("dalle")), expected, atol=1e-4, rtol=0)


def test_gradients_reach_all_latents_and_few_steps_lead_to_other_codes(tmp_path: Path) -> None:
    generator = add(tmp_path)
    goal = paint(half("encoder"), half("decoder"), IMAGE.flip(3))
    z = generator.carry(IMAGE)["z"].requires_grad_(True)
    begun, optimizer, distances = generator.carry(IMAGE)["z"], make_adam(z.data, Knob()), []
    for _ in range(12):
        distance = (generator.decode({"z": z}, (32, 48)) - goal).square().mean()
        (gradient,) = torch.autograd.grad(distance, z)
        assert (gradient != 0).any(1).all()
        optimizer.step(gradient, 0.1)
        generator.project({"z": z})
        distances.append(distance.item())
    assert min(distances) < 0.9 * distances[0]
    images = [generator.decode({"z": each}, (32, 48)) for each in (z, begun)]
    assert not torch.equal(*images)


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_steps_are_as_long_as_codes_are_far_apart(scale: float, tmp_path: Path) -> None:
    """A training leaves codes and what reads them at any scale; what is painted does not depend on it."""
    weights = {name: tensor.clone() for name, tensor in half("decoder").state_dict().items()}
    weights["blocks.input.w"] *= scale
    weights["blocks.input.b"] *= scale
    for way in ("id_path", "res_path.conv_1"):
        weights[f"blocks.group_1.block_1.{way}.w"] /= scale
    latents = [add(tmp_path).carry(IMAGE)["z"], add(tmp_path, None, weights).carry(IMAGE)["z"]]
    torch.testing.assert_close(*latents, atol=1e-4, rtol=1e-4)


def test_recomputing_gives_the_same_picture_and_gradient(tmp_path: Path) -> None:
    generator = add(tmp_path)
    found = []
    for recompute in (False, True):
        z = generator.carry(IMAGE)["z"].requires_grad_(True)
        image = generator.decode({"z": z}, (32, 48), recompute)
        found.append((image.detach(), *torch.autograd.grad(image.square().sum(), z)))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_lower_precision_paints_nearly_the_same(tmp_path: Path) -> None:
    generator = add(tmp_path)
    before, latents = through(generator), generator.carry(IMAGE)["z"]
    generator.lower_precision(torch.bfloat16)
    assert torch.equal(generator.carry(IMAGE)["z"], latents)
    after = through(generator)
    assert after.dtype == torch.float32
    torch.testing.assert_close(after, before, atol=0.03, rtol=0)
    assert not torch.equal(after, before)


def test_a_size_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiples of 8"):
        add(tmp_path).carry(torch.zeros(1, 3, 36, 32))


def without(part: str, *names: str) -> dict[str, torch.Tensor]:
    return {name: t for name, t in half(part).state_dict().items() if name not in names}


BAD: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "the two in the wrong order": (
        lambda: half("decoder"),
        lambda: half("encoder"),
        r"encoder\.pkl: this is the decoder of a dVAE, not its encoder; give the encoder",
    ),
    "the decoder twice": (
        lambda: half("decoder"),
        lambda: half("decoder"),
        r"encoder\.pkl: this is the decoder of a dVAE, not its encoder",
    ),
    "a VQGAN": (
        lambda: half("encoder"),
        lambda: {f"model.{name}": t for name, t in taming_vq().state_dict().items()},
        r"decoder\.pkl: this is a VQGAN with a codebook, not the decoder of a dVAE; give the decoder",
    ),
    "something else": (
        lambda: {"fc.weight": torch.ones(2)},
        lambda: half("decoder"),
        r"encoder\.pkl: this is something else \(it begins with 'fc\.weight'\), not the encoder of a dVAE",
    ),
    "of two models": (
        lambda: half("encoder", codes=7),
        lambda: half("decoder"),
        r"it does not fit .*encoder\.pkl: the encoder knows 7 codes of 8 pixels, the decoder 40",
    ),
    "a tensor is missing": (
        lambda: without("encoder", "blocks.group_2.block_1.res_path.conv_3.b"),
        lambda: half("decoder"),
        r"does not fit the network: missing: blocks\.group_2\.block_1\.res_path\.conv_3\.b; give the encoder",
    ),
    "a block is missing": (
        lambda: half("encoder"),
        lambda: without("decoder", "blocks.group_2.block_2.res_path.conv_4.w"),
        r"this is no decoder of a dVAE: it has no 'blocks\.group_2\.block_2\.res_path\.conv_4\.w'",
    ),
    "strange shapes": (
        lambda: without("encoder") | {"blocks.output.conv.w": torch.ones(3)},
        lambda: half("decoder"),
        r"blocks\.output\.conv\.w has the shape \[3\], expected a convolution's",
    ),
    "far too many groups": (
        lambda: without("encoder") | {"blocks.group_999999999.block_1.res_path.conv_1.w": torch.ones(1)},
        lambda: half("decoder"),
        r"it has groups of .* allowed are 1 to 8 groups",
    ),
    "pictures without colors": (
        lambda: without("encoder") | {"blocks.input.w": torch.ones(4, 1, 7, 7)},
        lambda: half("decoder"),
        r"found 1 and 6 channels of pictures, expected 3 in and 6 out",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_files_are_refused_with_one_reason(title: str, tmp_path: Path) -> None:
    encoder, decoder, reason = BAD[title]
    with pytest.raises(InputError, match=reason):
        add(tmp_path, encoder(), decoder())
    assert not (tmp_path / "cache").exists()


def test_a_dvae_given_as_a_vqgan_is_told_how_to_be_added(tmp_path: Path) -> None:
    path = save(half("encoder"), tmp_path / "encoder.pkl")
    with pytest.raises(InputError, match="OpenAI's dVAE, not a VQGAN; give its two files by --encoder"):
        add_generator("mine", None, path)


def test_files_that_mean_ill_run_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    decoder = save(half("decoder"), tmp_path / "decoder.pkl")
    for body in hostile(marker).values():
        (tmp_path / "encoder.pkl").write_bytes(pickle.PROTO + b"\x02" + body + pickle.STOP)
        with pytest.raises(InputError):
            add_dvae("mine", tmp_path / "encoder.pkl", decoder)
        assert not marker.exists()
