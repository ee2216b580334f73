"""StyleGANs from every kind of file paint as the reference, and what is none is refused with a reason."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.models import stylegans
from tests.models.stylegans import State, Z, latents, network_pickle, paint2, paint3, stylegan2, stylegan3
from tests.models.test_unpickle import TITLES, hostile
from vqanim.errors import InputError, UsageError
from vqanim.models.adding import add_generator
from vqanim.models.load import load_generator
from vqanim.models.stylegan.generator import StyleGANGenerator


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))


def add(
    checkpoint: Path, config: Path | None = None, truncation: float = 0.7, label: int | None = None
) -> StyleGANGenerator:
    add_generator("mine", config, checkpoint, force=True)
    generator = load_generator("mine", settings={"truncation": truncation, "class": label})
    assert isinstance(generator, StyleGANGenerator)
    return generator


def painted(generator: StyleGANGenerator, ws: torch.Tensor, state: State) -> torch.Tensor:
    """What a generator paints of latents [num_ws, W] in the network's own units."""
    samples = latents(state, torch.randn(4, Z), 0 if "mapping.embed.weight" in state else None)
    assert samples.shape[1] == ws.shape[1]
    units = (ws - state["mapping.w_avg"]) / generator.spread
    return generator.decode({"w": units[None]}, (generator.side, generator.side))


def compare(
    generator: StyleGANGenerator, state: State, expected: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    """Compare pictures of latents that differ from layer to layer with those of the reference."""
    rng = torch.Generator().manual_seed(5)
    label = 1 if "mapping.embed.weight" in state else None
    ws = latents(state, torch.randn(generator.config.num_ws, Z, generator=rng), label)
    picture = expected(ws).expand(-1, 3, -1, -1) / 2 + 0.5
    assert picture.std() > 0.02
    torch.testing.assert_close(painted(generator, ws, state), picture.clamp(0, 1), atol=2e-5, rtol=0)


NETWORKS: dict[str, tuple[Callable[[], State], Callable[[State, torch.Tensor], torch.Tensor], str]] = {
    "2": (stylegan2, paint2, "StyleGAN2, 32x32 pixels, 8 latents of 10"),
    "2, resnet": (lambda: stylegan2(architecture="resnet"), paint2, "StyleGAN2, 32x32 pixels"),
    "2, orig": (lambda: stylegan2(architecture="orig"), paint2, "StyleGAN2, 32x32 pixels"),
    "2, classes": (lambda: stylegan2(16, classes=3), paint2, "6 latents of 10, 3 classes"),
    "2, gray": (lambda: stylegan2(8, colors=1), paint2, "StyleGAN2, 8x8 pixels, 4 latents"),
    "2, deep mapping": (lambda: stylegan2(64, layers=8), paint2, "StyleGAN2, 64x64 pixels, 10 latents"),
    "3-t": (stylegan3, paint3, "StyleGAN3-t, 32x32 pixels, 16 latents of 10"),
    "3-r": (lambda: stylegan3(radial=True), paint3, "StyleGAN3-r, 32x32 pixels"),
    "3-r, classes": (
        lambda: stylegan3(64, True, 2, steps=9),
        paint3,
        "64x64 pixels, 11 latents of 10, 2 classes",
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_network_pickles_paint_as_the_reference(kind: str, tmp_path: Path) -> None:
    make, paint, about = NETWORKS[kind]
    state, marker = make(), tmp_path / "marker"
    generator = add(network_pickle(state, tmp_path / "network.pkl", marker=marker))
    compare(generator, state, lambda ws: paint(state, ws))
    assert about in generator.config.about
    assert not marker.exists()


def test_the_source_in_such_a_pickle_runs_in_pythons_own_reader(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = network_pickle(stylegan2(8), tmp_path / "network.pkl", marker=marker)
    with stylegans.nvidia():
        pickle.loads(path.read_bytes())
    assert marker.exists()


def whole(state: State, path: Path) -> Path:
    """The state as a file of its own."""
    save_file(
        {name: t.clone() for name, t in state.items()}, path
    ) if path.suffix == ".safetensors" else torch.save(state, path)
    return path


FORMS: dict[str, Callable[[State, Path], Path]] = {
    "protocol 3": lambda state, path: network_pickle(state, path / "a.pkl", 3),
    "protocol 5": lambda state, path: network_pickle(state, path / "a.pkl", 5),
    "state dict": lambda state, path: whole(state, path / "a.pt"),
    "safetensors": lambda state, path: whole(state, path / "a.safetensors"),
    "with a prefix": lambda state, path: whole(
        {
            f"{part}.{name}": tensor + (part == "G")
            for part in ("G", "G_ema")
            for name, tensor in state.items()
        },
        path / "a.safetensors",
    ),
    "arrays": lambda state, path: Path(_dump({n: t.numpy() for n, t in state.items()}, path / "a.pkl")),
    "tensors": lambda state, path: Path(_dump({"G_ema": state, "G": None}, path / "a.pkl")),
}


def _dump(thing: Any, path: Path) -> Path:
    path.write_bytes(pickle.dumps(thing))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_files_of_every_form_paint_the_same(form: str, tmp_path: Path) -> None:
    state = stylegan2(16)
    compare(add(FORMS[form](state, tmp_path)), state, lambda ws: paint2(state, ws))


def test_what_weights_do_not_show_is_read_from_the_modules_or_a_config(tmp_path: Path) -> None:
    state = stylegan2(16)
    plain = whole(state, tmp_path / "a.pt")
    options = tmp_path / "training_options.json"
    options.write_text(json.dumps({"batch": 4, "G_kwargs": {
        "class_name": "training.networks.Generator", "z_dim": Z, "mapping_kwargs": {"num_layers": 3},
        "synthesis_kwargs": {"conv_clamp": 0.5}}}))  # fmt: skip
    found = (
        add(network_pickle(state, tmp_path / "a.pkl", conv_clamp=0.5)),
        add(plain, options),
    )
    for generator in found:
        compare(generator, state, lambda ws: paint2(state, ws, clamp=0.5))
    options.write_text(json.dumps({"img_resolution": 256, "w_dim": 10}))
    with pytest.raises(InputError, match=r"img_resolution is 256 in the config and 16 in the weights"):
        add(plain, options)
    options.write_text(json.dumps({"batch": 256}))
    with pytest.raises(
        InputError, match=r"training_options\.json: this config has no arguments of a StyleGAN"
    ):
        add(plain, options)


def without(state: State, *names: str) -> State:
    return {name: tensor for name, tensor in state.items() if name not in names}


BAD: dict[str, tuple[Callable[[], State], str]] = {
    "no average": (lambda: without(stylegan2(8), "mapping.w_avg"), r"missing: mapping\.w_avg"),
    "no mapping": (
        lambda: {name: t for name, t in stylegan2(8).items() if not name.startswith("mapping")},
        r"it has no 'mapping\.fc0\.weight'",
    ),
    "a block is missing": (
        lambda: {name: t for name, t in stylegan2(16).items() if ".b8." not in name},
        r"it has blocks of \[4, 16\] pixels, expected 4, 8, 16 and so on",
    ),
    "a layer is missing": (
        lambda: {name: t for name, t in stylegan3().items() if ".L3_" not in name},
        r"it has the layers \[0, 1, 2, 4",
    ),
    "five colors": (lambda: stylegan2(8, colors=5), r"its pictures have 5 channels, expected 3 for RGB"),
    "strange shapes": (
        lambda: stylegan2(8) | {"synthesis.b8.torgb.weight": torch.ones(3)},
        r"synthesis\.b8\.torgb\.weight has the shape \[3\], expected 4 numbers above 0",
    ),
    "a stranger within": (
        lambda: stylegan2(8) | {"synthesis.b8.conv9.weight": torch.ones(3)},
        r"unexpected: synthesis\.b8\.conv9\.weight",
    ),
    "a critic alone": (lambda: {"b8.conv0.weight": torch.ones(3)}, r"this is something else"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_files_are_refused_with_one_reason(title: str, tmp_path: Path) -> None:
    make, reason = BAD[title]
    with pytest.raises(InputError, match=reason):
        add(whole(make(), tmp_path / "a.pt"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("title", TITLES)
def test_hostile_network_pickles_are_refused(title: str, tmp_path: Path) -> None:
    """Each attack stands in a network pickle, in the place of the module's source."""
    marker = tmp_path / "marker"
    attack = hostile(marker)[title]
    content = network_pickle(stylegan2(4), tmp_path / "network.pkl", 2).read_bytes()
    assert content.endswith(b".")
    (tmp_path / "network.pkl").write_bytes(content[:-1] + b"0" + attack + b".")
    with pytest.raises(InputError, match="this checkpoint cannot be used"):
        add(tmp_path / "network.pkl")
    assert not marker.exists()


def test_a_pickle_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = network_pickle(stylegan2(4), tmp_path / "network.pkl").read_bytes()
    for length in (1, 2, 30, len(content) // 3, len(content) // 2, len(content) - 1):
        (tmp_path / "network.pkl").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"network\.pkl: this checkpoint cannot be used: "):
            add(tmp_path / "network.pkl")


def test_a_class_is_chosen_and_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    state = stylegan2(8, classes=3)
    path = network_pickle(state, tmp_path / "a.pkl")
    chosen = add(path, truncation=1, label=2).seeded(torch.Generator().manual_seed(1))["w"]
    other = add(path, truncation=1, label=1).seeded(torch.Generator().manual_seed(1))["w"]
    assert not torch.allclose(chosen, other)
    with pytest.raises(UsageError, match="class 3: mine: it knows classes 0 to 2"):
        add(path, label=3)
    with pytest.raises(UsageError, match="it knows no classes; leave it out"):
        add(network_pickle(stylegan2(8), path), label=0)


def test_seeds_differ_and_truncation_brings_them_to_the_average(tmp_path: Path) -> None:
    path = network_pickle(stylegan2(8), tmp_path / "a.pkl")
    spreads = []
    for truncation in (0.0, 0.5, 1.0):
        generator = add(path, truncation=truncation)
        first, again, second = (generator.seeded(torch.Generator().manual_seed(n))["w"] for n in (1, 1, 2))
        assert torch.equal(first, again)
        assert torch.equal(first, second) == (truncation == 0)
        spreads.append(first.square().mean().sqrt().item())
    assert spreads[0] == 0
    assert spreads[2] == pytest.approx(2 * spreads[1], rel=1e-4)
    middle = generator.between({"w": first}, {"w": second}, 0.25)["w"]
    torch.testing.assert_close(middle, 0.75 * first + 0.25 * second)


@pytest.mark.parametrize("size", [(8, 8), (24, 40), (40, 24), (4, 6)])
def test_the_square_covers_the_frame(size: tuple[int, int], tmp_path: Path) -> None:
    generator = add(network_pickle(stylegan2(8), tmp_path / "a.pkl"))
    w = generator.seeded(torch.Generator().manual_seed(3))["w"].requires_grad_(True)
    picture = generator.decode({"w": w}, size)
    assert picture.shape == (1, 3, *size)
    (gradient,) = torch.autograd.grad(picture.square().sum(), w)
    assert (gradient != 0).any(2).all()
    square = generator.decode({"w": w}, (max(size), max(size)))
    top, left = ((max(size) - side) // 2 for side in size)
    cropped = square[:, :, top : top + size[0], left : left + size[1]]
    torch.testing.assert_close(picture, cropped, atol=1e-5, rtol=0)


def test_recomputing_gives_the_same_picture_and_gradient(tmp_path: Path) -> None:
    for state in (stylegan2(8), stylegan3(16, steps=6)):
        generator, found = add(network_pickle(state, tmp_path / "a.pkl")), []
        for recompute in (False, True):
            w = generator.seeded(torch.Generator().manual_seed(3))["w"].requires_grad_(True)
            image = generator.decode({"w": w}, (16, 24), recompute)
            found.append((image.detach(), *torch.autograd.grad(image.square().sum(), w)))
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_lower_precision_paints_nearly_the_same(tmp_path: Path) -> None:
    for state in (stylegan2(8), stylegan3(16, steps=6)):
        generator = add(network_pickle(state, tmp_path / "a.pkl"))
        params = generator.seeded(torch.Generator().manual_seed(3))
        before = generator.decode(params, (32, 32))
        generator.lower_precision(torch.bfloat16)
        after = generator.decode(params, (32, 32))
        assert after.dtype == torch.float32
        assert not torch.equal(after, before)
        torch.testing.assert_close(after, before, atol=0.1, rtol=0)


def test_a_shot_opens_near_its_picture(tmp_path: Path) -> None:
    from vqanim.types import Stage

    generator = add(network_pickle(stylegan2(8), tmp_path / "a.pkl"), truncation=1.0)
    goal = generator.decode(generator.seeded(torch.Generator().manual_seed(9)), (16, 16))
    stage, distances = Stage(16, 16, 1), []
    for seed in range(3):
        start = generator.start(goal, torch.Generator().manual_seed(seed), stage)
        any_one = generator.seeded(torch.Generator().manual_seed(seed))
        distances.append(
            [(generator.decode(each, (16, 16)) - goal).square().mean() for each in (start, any_one)]
        )
    near, far = torch.tensor(distances).mean(0)
    assert near < far


def test_a_catalogue_entry_is_fetched_and_loads_from_its_pickle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.models.server import serving
    from vqanim.models.catalogue import get_generator_entry
    from vqanim.models.fetch import fetch_model

    name, state = "stylegan2-cifar10-32x32", stylegan2(classes=10)
    path = network_pickle(state, tmp_path / "a.pkl", marker=tmp_path / "marker", conv_clamp=0.5)
    with serving() as shelf:
        shelf.files = {f"{name}/weights.ckpt": path.read_bytes()}
        monkeypatch.setenv("VQANIM_MIRROR", shelf.address)
        list(fetch_model(get_generator_entry(name)))
    for _ in range(2):  # converted, and from what was converted
        generator = load_generator(name, settings={"class": 3})
        assert isinstance(generator, StyleGANGenerator)
        compare(generator, state, lambda ws: paint2(state, ws, clamp=0.5))
    assert not (tmp_path / "marker").exists()


def test_every_entry_of_the_catalogue_says_that_its_license_forbids_commercial_use() -> None:
    from vqanim.models.catalogue import package_catalogue

    found = [entry for entry in package_catalogue()["generator"].values() if entry.family == "stylegan"]
    assert len(found) > 10
    assert all(entry.commercial.startswith("no: NVIDIA's license") for entry in found)
