"""Our step beside the one of a notebook, at official size: `python benchmarks/step.py [--size 256x256]`.

Both run in one process and take turns, with the same networks and random weights: a VQGAN f16 with 16384
codes and ViT-B/32. Then the networks alone, which is the floor, and the fastest that the device multiplies.
All of these in float32; where the device multiplies bfloat16 faster, ours in that precision too.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import ctypes
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from plain import NOISE, PlainStep
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from vqanim.camera.step import CameraStep
from vqanim.engine.device import choose_device
from vqanim.engine.loading import weights_dtype
from vqanim.guidance.cutouts import Viewer
from vqanim.guidance.descent import Descent
from vqanim.guidance.objective import Objective
from vqanim.models.clip import TEXT_PARTS, CLIPPerceptor, clip_package
from vqanim.models.families.clip import CLIPConfig
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.models.vqgan import VQGAN, VQGANGenerator
from vqanim.timeline.plan import FramePlan, StartPlan, WeightedTerm

IMAGENET = VQGANConfig(
    embed_dim=256, n_embed=16384, gumbel=False, ddconfig={
        "double_z": False, "z_channels": 256, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
        "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [16], "dropout": 0.0,
    },
)  # fmt: skip
STEPS = 3
"""Of one way before it is another's turn; ours takes them as one frame."""
VIT_B_32 = CLIPConfig(512, 224, 12, 768, 32, 77, 49_408, 512, 12)


@dataclass(frozen=True)
class Setting:
    """What is measured."""

    height: int
    width: int
    cutouts: int
    rounds: int
    device: torch.device


@dataclass
class Measured:
    """The rounds of one way."""

    seconds: list[float]
    compute: list[float]
    """Seconds that the processor worked for a round, on all threads together."""
    memory: float = 0.0
    """Most that a step added to what was there before it, in MiB; 0 where it cannot be known."""

    @property
    def best(self) -> float:
        """Median of the rounds, in seconds."""
        return statistics.median(self.seconds)


class Prompted(CLIPPerceptor):
    """CLIP without a text tower; every text is the same random vector."""

    def encode_text(self, texts: Any) -> Tensor:
        """Unit vectors [N, D]."""
        return prompt_vector(self.device).expand(len(texts), -1)


def prompt_vector(device: torch.device) -> Tensor:
    """A random unit vector [1, D]."""
    vector = torch.randn(1, VIT_B_32.embed_dim, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.normalize(vector, dim=1).to(device)


def make_networks(device: torch.device) -> tuple[VQGAN, Any]:
    """Official networks with random weights, as their packages make them."""
    torch.manual_seed(0)
    vqgan = VQGAN(IMAGENET)
    torch.nn.init.normal_(vqgan.codebook, std=0.3)
    config = VIT_B_32
    clip = clip_package().model.CLIP(
        config.embed_dim, config.input_size, config.vision_layers, config.vision_width, config.patch_size,
        config.context_length, config.vocabulary, config.text_width, 8, 1,
    )  # fmt: skip
    for part in TEXT_PARTS:
        if hasattr(clip, part):
            delattr(clip, part)
    return tuple(network.float().eval().requires_grad_(False).to(device) for network in (vqgan, clip))  # type: ignore[return-value]


def frame_plan(setting: Setting) -> FramePlan:
    """A frame of a few steps."""
    return FramePlan(
        shot="main", index=0, time=0.0, seed=0, previous=None, start=StartPlan("noise"), camera=CameraStep(),
        losses=(WeightedTerm("prompt", "a volcano", 1.0),), steps=STEPS, learning_rate=0.1,
        cutouts=(setting.cutouts,), match_colors=0.0, match_detail=0.0, sharpen=0.0, noise=0.0,
        cutout_noise=(NOISE,),
    )  # fmt: skip


def ways(setting: Setting) -> Mapping[str, Callable[[], object]]:
    """What is compared, by name; each call does STEPS steps."""
    device = setting.device
    vqgan, clip = make_networks(device)
    z = 0.3 * torch.randn(1, 256, setting.height // 16, setting.width // 16).to(device)
    plain = PlainStep(copy.deepcopy(vqgan), copy.deepcopy(clip), prompt_vector(device), z,
                      setting.cutouts, VIT_B_32.input_size)  # fmt: skip
    plan, size = frame_plan(setting), (setting.height, setting.width)
    fastest = weights_dtype(device, "auto", None)
    descents = {"": make_descent(vqgan, clip, device, torch.float32)}
    if fastest != torch.float32:
        named = f", {str(fastest).removeprefix('torch.')}"
        descents[named] = make_descent(*copy.deepcopy((vqgan, clip)), device, fastest)

    def ours(descent: Descent) -> None:
        list(descent.steps({"z": z}, plan, size, torch.Generator().manual_seed(0)))

    def plainly() -> None:
        for _ in range(STEPS):
            plain()

    def networks(descent: Descent) -> None:
        for _ in range(STEPS):
            there_and_back(descent)

    def there_and_back(descent: Descent) -> None:
        leaf = z.clone().requires_grad_(True)
        image = descent.generator.decode({"z": leaf}, size)
        shape = (setting.cutouts, 3, VIT_B_32.input_size, VIT_B_32.input_size)
        views = torch.full(shape, 0.5, device=device, requires_grad=True)
        torch.autograd.grad(descent.objective.viewers[0].perceptor.encode_image(views).sum(), views)
        torch.autograd.grad(image.sum(), leaf)

    found: dict[str, Callable[[], object]] = {"plain": plainly}
    for named, descent in descents.items():
        found[f"ours{named}"] = partial(ours, descent)
        found[f"networks alone{named}"] = partial(networks, descent)
    return found


def make_descent(vqgan: VQGAN, clip: Any, device: torch.device, dtype: torch.dtype) -> Descent:
    """Our way to make a step, with networks of a precision."""
    generator = VQGANGenerator("official", vqgan, "", device)
    perceptor = Prompted("official", clip, "", device, input_size=VIT_B_32.input_size, context_length=77)
    objective = Objective([Viewer(perceptor)], ["a volcano"])
    if dtype != torch.float32:
        generator.lower_precision(dtype)
        perceptor.lower_precision(dtype)
    return Descent(generator, objective, graphs=device.type == "cuda")


def measure(setting: Setting) -> dict[str, Measured]:
    """Let the ways take turns; the first round warms up, looks at memory, and does not count."""
    results: dict[str, Measured] = {}
    steps = ways(setting)
    for index in range(setting.rounds + 1):
        for name, step in steps.items():
            before = start_memory(setting.device) if index == 0 else 0.0
            began, worked = time.perf_counter(), time.process_time()
            step()
            if setting.device.type == "cuda":
                torch.cuda.synchronize(setting.device)
            seconds = (time.perf_counter() - began) / STEPS
            compute = (time.process_time() - worked) / STEPS
            result = results.setdefault(name, Measured([], []))
            if index == 0:
                result.memory = peak_memory(setting.device) - before
            else:
                result.seconds.append(seconds)
                result.compute.append(compute)
                print(f"round {index}: {name} {seconds:.3f} s, {compute:.3f} s of compute", flush=True)
    return results


def start_memory(device: torch.device) -> float:
    """Begin to look for a peak; MiB that are in use now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / 2**20
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what the way before left lying
        Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the old peak
    return status("VmRSS")


def peak_memory(device: torch.device) -> float:
    """MiB at the peak since then."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return status("VmHWM")


def status(name: str) -> float:
    """A number that Linux gives about this process, in MiB; 0 elsewhere."""
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def count_flops(setting: Setting) -> float:
    """FLOPs of the networks in a step as their packages make them, counted without computing anything."""
    meta = torch.device("meta")
    with meta:
        network = VQGAN(IMAGENET)
    z = torch.zeros(1, 256, setting.height // 16, setting.width // 16, device=meta, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(network.decode(z * 1).sum(), z)
    per_image = 2 * vit_flops()
    return counter.get_total_flops() + setting.cutouts * per_image


def vit_flops() -> float:
    """FLOPs of ViT-B/32 for one image, one way: products of matrices and attention."""
    width, tokens, layers = VIT_B_32.vision_width, 50, VIT_B_32.vision_layers
    assert isinstance(layers, int)
    a_layer = 2 * 12 * width**2 * tokens + 2 * 2 * tokens**2 * width
    ends = 2 * (tokens - 1) * 3 * 32**2 * width + 2 * width * VIT_B_32.embed_dim
    return layers * a_layer + ends


def matmul_rate(device: torch.device, dtype: torch.dtype, side: int = 2048) -> float:
    """The fastest of a few products of large square matrices, in GFLOP/s."""
    a = torch.randn(side, side).to(device, dtype)
    rates = []
    for _ in range(6):
        began = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        rates.append(2 * side**3 / (time.perf_counter() - began) / 1e9)
    return max(rates)


def table(results: Mapping[str, Measured], flops: float, rate: float) -> str:
    """The results as Markdown."""
    plain = results["plain"]
    rows = ["| step | seconds | plain / it | GFLOP/s | s of compute | plain / it | memory, MiB |"]
    rows.append("|---|--:|--:|--:|--:|--:|--:|")
    for name, result in results.items():
        worked = statistics.median(result.compute)
        cells = (
            f"{result.best:.3f}",
            f"{plain.best / result.best:.2f}x",
            f"{flops / result.best / 1e9:.0f}",
            f"{worked:.3f}",
            f"{statistics.median(plain.compute) / worked:.2f}x",
            f"{result.memory:.0f}",
        )
        rows.append(f"| {name} | {' | '.join(cells)} |")
    floor = flops / rate / 1e9
    cells = (f"{floor:.3f}", f"{plain.best / floor:.2f}x", f"{rate:.0f}")
    rows.append(f"| as products of large matrices | {' | '.join(cells)} | | | |")
    return "\n".join(rows)


def parse_options() -> Setting:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", default="256x256", help="multiples of 16; 256x256")
    parser.add_argument("--cutouts", type=int, default=32, help="of a step; 32")
    parser.add_argument("--rounds", type=int, default=3, help="after one that warms up; 3")
    parser.add_argument("--threads", type=int, help="of torch; as many as it wants if not given")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps; cpu if not given")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    if width % 16 or height % 16:
        parser.error("--size: both sides are multiples of 16")
    if options.threads:
        torch.set_num_threads(options.threads)
    return Setting(height, width, options.cutouts, max(1, options.rounds), choose_device(options.device))


def main() -> None:
    setting = parse_options()
    flops = count_flops(setting)
    results = measure(setting)
    rate = matmul_rate(setting.device, torch.float32)
    print(
        f"\n{setting.width}x{setting.height}, {setting.cutouts} cutouts, f16 with 16384 codes and ViT-B/32, "
        f"{flops / 1e9:.0f} GFLOP a step, {setting.device}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, median of {setting.rounds}\n"
    )
    print(table(results, flops, rate))


if __name__ == "__main__":
    main()
