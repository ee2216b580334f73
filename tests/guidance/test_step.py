"""One step: what it costs, what it may not do, and that it is the same with less memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from tests.models.official import FORMS, perceptor_entry, tiny_clip
from tests.plans import decode, frame_plan, make_descent, optimize
from vqanim.errors import DeviceError
from vqanim.guidance import objective
from vqanim.guidance.cutouts import Cutouts, Viewer, draw_boxes
from vqanim.guidance.descent import Descent, DescentResult, Step, StepInputs
from vqanim.guidance.memory import Memory, MemoryPolicy, is_out_of_memory
from vqanim.guidance.objective import Objective, Part, Terms
from vqanim.losses import LOSSES, Loss
from vqanim.losses.base import prepare_weights
from vqanim.models.clip import CLIPPerceptor, build_clip, load_clip
from vqanim.models.families.clip import CLIPConfig
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.models.vqgan import VQGAN, VQGANGenerator
from vqanim.types import Generator, Params, Perceptor

PLAN = frame_plan(steps=3, cutouts=(10,), cutout_noise=(0.1,))


@pytest.fixture(scope="module")
def latents(generator: Generator) -> Params:
    rng = torch.Generator().manual_seed(3)
    return generator.carry(torch.rand(1, 3, 32, 48, generator=rng))


def optimize_plan(guide: Descent, latents: Params, steps: int = 3) -> DescentResult:
    plan = replace(PLAN, steps=steps, cutouts=(10,) * len(guide.objective.viewers))
    plan = replace(plan, cutout_noise=(0.1,) * len(guide.objective.viewers))
    return optimize(guide, latents, plan, torch.Generator().manual_seed(0))


# Less memory


@pytest.mark.parametrize("memory", ["chunks", "checkpoint"])
def test_with_less_memory_the_step_is_the_same(
    generator: Generator, perceptor: Perceptor, latents: Params, memory: Memory
) -> None:
    viewers = [Viewer(perceptor, 0.7), Viewer(perceptor, 0.3)]
    full = optimize_plan(make_descent(generator, viewers, ["a volcano"]), latents, 1)
    less = optimize_plan(make_descent(generator, viewers, ["a volcano"], memory=memory), latents, 1)
    moved = (full.params["z"] - latents["z"]).abs().mean()
    assert (full.params["z"] - less.params["z"]).abs().mean() < 1e-3 * moved
    assert less.similarities[0][1] == pytest.approx(full.similarities[0][1], abs=1e-5)
    assert dict(less.losses) == pytest.approx(dict(full.losses), rel=1e-4)


@contextmanager
def saved_bytes() -> Iterator[Counter[str]]:
    """Bytes of all tensors that are kept for the backward pass, each once."""
    total: Counter[str] = Counter()
    seen: set[int] = set()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total["kept"] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total


def test_a_decoder_that_computes_twice_keeps_less(generator: Generator, latents: Params) -> None:
    z = {"z": latents["z"].clone().requires_grad_(True)}
    kept: list[int] = []
    norms: list[float] = []
    for recompute in (False, True):
        with saved_bytes() as total:
            image = decode(generator, z, recompute)
        kept.append(total["kept"])
        (gradient,) = torch.autograd.grad(image.square().sum(), z["z"])
        norms.append(float(gradient.norm()))
    assert kept[1] < 0.5 * kept[0]
    assert norms[1] == pytest.approx(norms[0], rel=1e-5)


class Narrow:
    """A perceptor on a device that has no room for more than `limit` cutouts."""

    def __init__(self, perceptor: Perceptor, limit: int, error: type[RuntimeError], says: str) -> None:
        self.perceptor, self.limit, self.error, self.says = perceptor, limit, error, says
        self.batches: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.perceptor, name)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(images))
        if len(images) > self.limit:
            raise self.error(self.says)
        return self.perceptor.encode_image(images)


FAILURES = [
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB."),
    (
        RuntimeError,
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
    ),
]


@pytest.mark.parametrize(("error", "says"), FAILURES)
def test_the_same_frame_goes_on_when_memory_runs_out(
    generator: Generator, perceptor: Perceptor, latents: Params, error: type[RuntimeError], says: str
) -> None:
    narrow = Narrow(perceptor, 8, error, says)
    guide = make_descent(generator, [Viewer(narrow)], ["a volcano"])
    result = optimize_plan(guide, latents)
    assert guide.memory.level.name == "chunks"
    assert narrow.batches == [10, 8, 2, 8, 2, 8, 2], "it tried in vain once, and lost no step"
    full = optimize_plan(make_descent(generator, [Viewer(perceptor)], ["a volcano"]), latents)
    moved = (full.params["z"] - latents["z"]).abs().mean()
    assert (full.params["z"] - result.params["z"]).abs().mean() < 0.02 * moved


def test_the_last_rung_is_reached_when_the_second_is_not_enough(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    guide = make_descent(generator, [Viewer(Narrow(perceptor, 2, *FAILURES[0]))], ["a volcano"])
    assert optimize_plan(guide, latents).finite
    assert guide.memory.level.name == "checkpoint"


def test_when_nothing_helps_the_message_says_what_would(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    guide = make_descent(generator, [Viewer(Narrow(perceptor, 1, *FAILURES[1]))], ["a volcano"])
    with pytest.raises(DeviceError, match=r"lower size, guidance\.cutouts"):
        optimize_plan(guide, latents)
    assert DeviceError.exit_code == 4


def test_other_errors_are_not_taken_for_a_lack_of_memory(
    generator: Generator, perceptor: Perceptor, latents: Params
) -> None:
    guide = make_descent(
        generator, [Viewer(Narrow(perceptor, 8, RuntimeError, "shapes do not fit"))], ["a volcano"]
    )
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        optimize_plan(guide, latents)
    assert guide.memory.level.name == "full"


def test_torch_says_it_as_expected_when_there_is_no_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_the_failed_attempt_is_forgotten_before_the_next_one() -> None:
    """Else its tensors would lie in the way."""
    attempts: list[bool] = []

    class Big:
        alive = 0

        def __init__(self) -> None:
            Big.alive += 1

        def __del__(self) -> None:
            Big.alive -= 1

    def compute(rung: object) -> int:
        attempts.append(Big.alive > 0)
        big = Big()
        if len(attempts) < 3:
            raise torch.OutOfMemoryError("out of memory")
        del big
        return 7

    assert MemoryPolicy().run_within_memory(compute) == 7
    assert attempts == [False, False, False]


# What a step does not do


class Reads(TorchDispatchMode):
    """Counts how often a value is read back from the device, which waits until all work is done."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            self.count += 1
        return func(*args, **(kwargs or {}))


def test_no_value_is_read_back_in_a_step(generator: Generator, perceptor: Perceptor, latents: Params) -> None:
    """Whatever is read at the end of a frame is read once, however many steps there are."""
    guide = make_descent(generator, [Viewer(perceptor)], ["a volcano"])
    counts = []
    for steps in (1, 4):
        with Reads() as reads:
            optimize_plan(guide, latents, steps)
        counts.append(reads.count)
    assert counts[0] == counts[1]
    assert counts[0] < 5


def test_reads_are_noticed() -> None:
    with Reads() as reads:
        assert bool(torch.ones(()) > 0)
        assert torch.ones(()).item() == 1
    assert reads.count == 2


NOT_DETERMINISTIC = (
    "adaptive", "upsample_bilinear", "upsample_bicubic", "grid_sampler", "reflection_pad",
                     "max_pool", "scatter", "index_put", "index_add", "cumsum", "embedding_dense",
)  # fmt: skip
"""Of the operations whose backward pass depends on chance on CUDA, those that could occur here."""


def clip(folder: Path, kind: str) -> Perceptor:
    FORMS["plain.pth"](tiny_clip(kind).float().state_dict(), folder / f"{kind}.pt")
    return load_clip(perceptor_entry(folder / f"{kind}.pt"), torch.device("cpu"))


@pytest.mark.parametrize("memory", ["full", "checkpoint"])
def test_the_way_back_of_a_step_is_deterministic(
    generator: Generator,
    perceptor: Perceptor,
    latents: Params,
    memory: Memory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VQANIM_CACHE", str(tmp_path / "cache"))
    seers = (perceptor, clip(tmp_path, "ViT"), clip(tmp_path, "RN"))
    viewers = [Viewer(seer, 1 / 3) for seer in seers]
    names: set[str] = set()

    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            names.add(str(func))
            return func(*args, **(kwargs or {}))

    with Names():
        optimize_plan(make_descent(generator, viewers, ["a volcano"], memory=memory), latents, 1)
    back = {name for name in names if "backward" in name or "index_put" in name or "scatter" in name}
    assert any("convolution_backward" in name for name in back)
    assert not {name for name in back if any(word in name for word in NOT_DETERMINISTIC)}


# What a step costs, at the official size

IMAGENET = VQGANConfig(
    embed_dim=256, n_embed=16384, gumbel=False, ddconfig={
        "double_z": False, "z_channels": 256, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
        "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [16], "dropout": 0.0,
    },
)  # fmt: skip
VIT_B_32 = CLIPConfig(512, 224, 12, 768, 32, 77, 49_408, 512, 12)
CUTOUTS, SIDE = 32, 256


def flops(compute: Any) -> int:
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops()


def test_a_step_costs_no_more_than_its_networks() -> None:
    """f16 with 16384 codes, ViT-B/32, 32 cutouts, 256x256: what is ours adds less than 2 % to the networks.

    The networks themselves take less than they do in the packages that they come from.
    """
    meta = torch.device("meta")
    z = torch.zeros(1, 256, 16, 16, device=meta, requires_grad=True)
    views = torch.zeros(CUTOUTS, 3, 224, 224, device=meta, requires_grad=True)

    def ways_back(decode: Any, encode: Any) -> int:
        """FLOPs there and back of both networks; torch's counter does not like leaves, hence the 1."""

        def networks() -> None:
            torch.autograd.grad(decode(z * 1).sum(), z)
            torch.autograd.grad(encode(views * 1).sum(), views)

        return flops(networks)

    with meta:
        vqgan, clip = VQGAN(IMAGENET), build_clip(VIT_B_32).float()
    official = ways_back(vqgan.decode, clip.encode_image)
    generator = VQGANGenerator("official", vqgan, "", meta)
    perceptor = CLIPPerceptor("official", clip, "", meta, input_size=224, context_length=77)
    floor = ways_back(lambda z: decode(generator, {"z": z}), perceptor.encode_image)
    boxes = draw_boxes(1, CUTOUTS, SIDE, SIDE, torch.Generator()).to(meta)
    prompt = {name: torch.zeros(*shape, device=meta) for name, shape in
              {"target": (2, 512), "weight": (2,), "stop": (2,)}.items()}  # fmt: skip
    inputs = StepInputs(
        {"z": z}, (Cutouts(boxes, None).step(0),), Terms((Part(None, ({"prompt": prompt},), {}, {}),), {})
    )
    step = flops(lambda: Step(generator, Objective([Viewer(perceptor)], []))(inputs, (SIDE, SIDE)))
    assert 1.0e12 < official < 1.15e12
    assert floor <= step < 1.02 * floor
    assert step < 0.95 * official


def test_terms_for_the_picture_and_for_the_latents_count_without_cutouts(
    generator: Generator, perceptor: Perceptor, latents: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradient is that of the sum, as torch gives it at once; without a term no perceptor looks."""

    def red(image: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
        return constants["weight"] * image[:, 0].mean()

    def size(latents_: Params, constants: dict[str, torch.Tensor]) -> torch.Tensor:
        return constants["weight"] * latents_["z"].square().mean()

    more = {
        "red": Loss("red", "picture", prepare_weights, red),
        "size": Loss("size", "params", prepare_weights, size),
    }
    monkeypatch.setattr(objective, "LOSSES", {**LOSSES, **more})
    narrow = Narrow(perceptor, 0, RuntimeError, "it looked")
    z = latents["z"].clone().requires_grad_(True)
    weights = {"weight": torch.tensor(0.5)}
    cutouts = Cutouts(draw_boxes(1, 4, 32, 48, torch.Generator()), None).step(0)
    inputs = StepInputs(
        {"z": z}, (cutouts,), Terms((Part(None, ({},), {"red": weights}, {}),), {"size": weights})
    )
    found = Step(generator, Objective([Viewer(narrow)], []))(inputs, (32, 48))
    expected = torch.autograd.grad(
        0.5 * decode(generator, {"z": z})[:, 0].mean() + 0.5 * z.square().mean(), z
    )[0]
    torch.testing.assert_close(found.params["z"], expected, rtol=1e-4, atol=1e-8)
    assert found.seen == ()


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2 GiB",
        "GET was unable to find an engine to execute this computation",
        "Unable to find a valid cuDNN algorithm to run convolution",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_what_libraries_say_of_too_little_memory_is_understood(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))
