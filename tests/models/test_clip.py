from __future__ import annotations

import gc
import subprocess
import sys
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.models.official import FORMS, perceptor_entry, tiny_clip
from tests.plans import frame_plan, make_descent, optimize
from vqanim.errors import InputError
from vqanim.guidance.cutouts import Viewer
from vqanim.models.clip import (
    TEXT_PARTS,
    CLIPPerceptor,
    clip_package,
    linear,
    load_clip,
    words_cut,
)
from vqanim.models.families.clip import CLIPConfig
from vqanim.models.vqgan import VQGANGenerator

KINDS = ["ViT", "RN"]
TEXTS = ["a volcano erupting at night", "a castle", "Fluß, 山!"]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQANIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Pictures [3, 3, 64, 64]."""
    coarse = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    return F.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)


def save_archive(network: Any, path: Path) -> None:
    """A TorchScript archive as OpenAI made theirs: traced in half precision."""
    tokens = clip_package().tokenize("a")
    example = {"encode_image": torch.ones(1, 3, 64, 64).half(), "encode_text": tokens}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace_module(network, example, check_trace=False), str(path))


def save_state(form: str) -> Callable[[Any, Path], None]:
    def save(network: Any, path: Path) -> None:
        FORMS[form](network.state_dict(), path)

    return save


SAVERS = {"archive": save_archive, **{form: save_state(form) for form in FORMS}}


def reference(network: Any, path: Path) -> Any:
    """What `clip.load` makes of the same weights."""
    return clip_package().model.build_model(dict(network.state_dict())).float()


def load(kind: str, saver: str, folder: Path) -> tuple[CLIPPerceptor, Any]:
    network = tiny_clip(kind)
    expected = reference(network, folder)
    SAVERS[saver](network, folder / "clip.pt")
    return load_clip(perceptor_entry(folder / "clip.pt"), torch.device("cpu")), expected


@pytest.mark.parametrize("saver", SAVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_are_those_of_clip(kind: str, saver: str, images: Tensor, tmp_path: Path) -> None:
    perceptor, network = load(kind, saver, tmp_path)
    normalise = clip_package().clip._transform(64).transforms[-1]
    expected = network.encode_image(normalise(images))
    found = perceptor.encode_image(images)
    torch.testing.assert_close(found, expected / expected.norm(dim=1, keepdim=True), atol=1e-5, rtol=0)
    expected = network.encode_text(clip_package().tokenize(TEXTS))
    found = perceptor.encode_text(TEXTS)
    torch.testing.assert_close(found, expected / expected.norm(dim=1, keepdim=True), atol=1e-5, rtol=0)
    assert perceptor.input_size == 64
    assert found.dtype == torch.float32
    assert (found[0] @ found[1]) < 0.999


def test_clips_own_loader_gives_the_same(images: Tensor, tmp_path: Path) -> None:
    perceptor, _ = load("ViT", "plain.pth", tmp_path)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tries torch.jit.load first, which is out of fashion
        network, transform = clip_package().load(str(tmp_path / "clip.pt"), device="cpu")
        expected = network.encode_image(transform.transforms[-1](images))
    torch.testing.assert_close(perceptor.encode_image(images), F.normalize(expected), atol=1e-5, rtol=0)


def test_single_precision_weights_are_rounded_as_clip_does_it(images: Tensor, tmp_path: Path) -> None:
    network = tiny_clip("ViT").float()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.0001)
    torch.save(network.state_dict(), tmp_path / "clip.pt")
    perceptor = load_clip(perceptor_entry(tmp_path / "clip.pt"), torch.device("cpu"))
    expected = reference(network, tmp_path).encode_image(
        clip_package().clip._transform(64).transforms[-1](images)
    )
    torch.testing.assert_close(perceptor.encode_image(images), F.normalize(expected), atol=1e-5, rtol=0)


def test_images_have_a_gradient_and_weights_have_none(images: Tensor, tmp_path: Path) -> None:
    perceptor, _ = load("RN", "plain.pth", tmp_path)
    images = images.clone().requires_grad_(True)
    perceptor.encode_image(images)[:, 0].sum().backward()
    assert images.grad is not None
    assert float(images.grad.abs().mean()) > 0
    assert not any(parameter.requires_grad for parameter in perceptor.network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_an_objective_needs_the_text_tower_only_once(
    kind: str, generator: VQGANGenerator, images: Tensor, tmp_path: Path
) -> None:
    perceptor, _ = load(kind, "plain.pth", tmp_path)
    descent = make_descent(generator, [Viewer(perceptor)], ["a volcano"])
    perceptor.release_text()
    latents = generator.carry(images[:1])
    result = optimize(descent, latents, frame_plan(steps=2, cutouts=(4,)), torch.Generator().manual_seed(0))
    assert result.finite
    assert not torch.equal(result.params["z"], latents["z"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_tower_is_gone_once_it_is_released(kind: str, images: Tensor, tmp_path: Path) -> None:
    perceptor, _ = load(kind, "plain.pth", tmp_path)
    before = perceptor.encode_image(images)
    tower = weakref.ref(perceptor.network.token_embedding.weight)
    perceptor.release_text()
    gc.collect()
    assert tower() is None
    assert {name.split(".")[0] for name in perceptor.network.state_dict()} == {"visual", "logit_scale"}
    assert not any(hasattr(perceptor.network, part) for part in TEXT_PARTS)
    assert torch.equal(perceptor.encode_image(images), before)
    assert perceptor.notes(["short"]) == ()
    with pytest.raises(RuntimeError, match="text tower of mine was released"):
        perceptor.encode_text(["a castle"])


def test_long_prompts_are_cut_and_the_words_cut_are_shown(tmp_path: Path) -> None:
    perceptor, _ = load("ViT", "plain.pth", tmp_path)
    words = [f"castle{'s' * (i % 2)}" for i in range(75)]
    fits, long = " ".join(words), " ".join([*words, "Volcano,", "erupting"])
    assert perceptor.notes([fits, "a lake"]) == ()
    (note,) = perceptor.notes([fits, long])
    assert note.endswith("these words are cut: Volcano, erupting")
    assert "mine reads at most 77 tokens" in note
    whole, cut = perceptor.encode_text([fits, long])
    assert torch.equal(whole, cut)


def test_a_word_that_is_cut_in_two_is_shown_whole() -> None:
    assert words_cut("castle " * 74 + "supercalifragilistic end", 77) == "supercalifragilistic end"
    assert words_cut("x" * 2000, 77) == "x" * 2000
    assert words_cut("", 77) == ""


@pytest.mark.parametrize(
    ("width", "layers", "patch", "positions", "name", "size"),
    [
        (768, 12, 32, 50, "ViT-B/32", 224),
        (768, 12, 16, 197, "ViT-B/16", 224),
        (1024, 24, 14, 257, "ViT-L/14", 224),
        (1024, 24, 14, 577, "ViT-L/14@336px", 336),
        (64, 2, 16, 17, "ViT (64 wide)/16", 64),
    ],
)
def test_transformers_are_recognized(
    width: int, layers: int, patch: int, positions: int, name: str, size: int
) -> None:
    shapes = {
        **TEXT_SHAPES, "visual.proj": (width, 512), "visual.conv1.weight": (width, 3, patch, patch),
        "visual.positional_embedding": (positions, width),
        **{f"visual.transformer.resblocks.{i}.mlp.c_fc.weight": (4 * width, width) for i in range(layers)},
    }  # fmt: skip
    found = CLIPConfig.from_shapes(shapes)
    assert (found.architecture, found.input_size, found.embed_dim) == (name, size, 512)


TEXT_SHAPES = {
    "positional_embedding": (77, 512), "token_embedding.weight": (49_408, 512), "text_projection": (512, 512),
    "transformer.resblocks.0.mlp.c_fc.weight": (2048, 512),
}  # fmt: skip


@pytest.mark.parametrize(
    ("blocks", "width", "positions", "name", "size"),
    [
        ((3, 4, 6, 3), 64, 50, "RN50", 224),
        ((3, 4, 23, 3), 64, 50, "RN101", 224),
        ((4, 6, 10, 6), 80, 82, "RN50x4", 288),
        ((6, 8, 18, 8), 96, 145, "RN50x16", 384),
        ((3, 15, 36, 10), 128, 197, "RN50x64", 448),
        ((1, 1, 1, 1), 8, 5, "RN (8 wide)", 64),
    ],
)
def test_resnets_are_recognized(
    blocks: tuple[int, ...], width: int, positions: int, name: str, size: int
) -> None:
    shapes = {
        **TEXT_SHAPES, "visual.layer1.0.conv1.weight": (width, 3, 1, 1),
        "visual.attnpool.positional_embedding": (positions, width * 32),
        **{f"visual.layer{s}.{i}.bn1.weight": (1,) for s, n in enumerate(blocks, 1) for i in range(n)},
    }  # fmt: skip
    found = CLIPConfig.from_shapes(shapes)
    assert (found.architecture, found.input_size) == (name, size)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text_projection": None}, "it has no 'text_projection'"),
        ({"text_projection": torch.ones(64, 33)}, "visual.proj|of another shape"),
        ({"token_embedding.weight": torch.ones(100, 64)}, "it knows 100 tokens, CLIP's tokenizer has 49,408"),
        ({"visual.positional_embedding": torch.ones(18, 64)}, "17 positions, expected a square number"),
        ({"extra": torch.ones(1)}, "does not fit the network: unexpected: extra; get it again"),
        ({"ln_final.weight": None}, "missing: ln_final.weight"),
        ({"visual.conv1.weight": torch.ones(1)}, "these weights are no CLIP"),
        ({"visual.conv1.weight": torch.ones(0, 3, 16, 16)}, "less than 64 wide"),
        ({"positional_embedding": torch.ones(1, 64)}, "it reads 1 tokens"),
    ],
)
def test_weights_that_are_no_clip_are_refused(
    changes: dict[str, Tensor | None], words: str, tmp_path: Path
) -> None:
    state = {**tiny_clip("ViT").state_dict(), **changes}
    torch.save({name: tensor for name, tensor in state.items() if tensor is not None}, tmp_path / "clip.pt")
    with pytest.raises(InputError, match=words):
        load_clip(perceptor_entry(tmp_path / "clip.pt"), torch.device("cpu"))


def test_another_package_of_the_same_name_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    clip_package.cache_clear()
    monkeypatch.setitem(sys.modules, "clip", ModuleType("clip"))
    with pytest.raises(InputError, match="not OpenAI's; mend it: python -m pip uninstall clip"):
        clip_package()
    monkeypatch.setitem(sys.modules, "clip", None)
    with pytest.raises(InputError, match=r"cannot be imported .*pip install 'clip-anytorch>=2\.6\.0'"):
        clip_package()
    clip_package.cache_clear()


def test_nothing_of_an_archive_runs(tmp_path: Path, root: Path) -> None:
    network = tiny_clip("ViT")
    save_archive(network, tmp_path / "clip.pt")
    program = (
        "import sys, torch; from pathlib import Path; from vqanim.models.adding import inspect_perceptor\n"
        "torch.jit.load = None; torch.load = None\n"
        "print(inspect_perceptor(Path(sys.argv[1]))[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "clip.pt")], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "embed_dim=32, input_size=64" in done.stdout


@pytest.mark.parametrize("shape", [(5, 12), (2, 3, 12)])
def test_products_are_those_of_linear_both_ways(shape: tuple[int, ...]) -> None:
    rng = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*size, generator=rng).double() for size in (shape, (8, 12), (8,)))
    x = x.requires_grad_(True)
    ours, theirs = linear(x, weight, bias), F.linear(x, weight, bias)
    assert torch.allclose(ours, theirs)
    pull = torch.randn(*ours.shape, generator=rng).double()
    mine, other = (torch.autograd.grad(out, x, pull)[0] for out in (ours, theirs))
    assert torch.allclose(mine, other)
