"""Tiny StyleGANs of NVIDIA's layout with random weights, computed step by step: the reference.

A network is its state dict by the official names. `persistent` makes whole modules of it, which are pickled
as NVIDIA's `torch_utils.persistence` does: with the source of their classes, which may leave a file behind if
it runs.
"""

from __future__ import annotations

import math
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = dict[str, Tensor]
Z, W = 6, 10


def _dense(state: State, name: str, n_in: int, n_out: int, rng: torch.Generator, scale: float = 1.0) -> None:
    state[f"{name}.weight"] = torch.randn(n_out, n_in, generator=rng) / scale
    state[f"{name}.bias"] = torch.randn(n_out, generator=rng) * 0.2 / scale
    if name.endswith(".affine"):
        state[f"{name}.bias"] += 1


def _mapping(state: State, layers: int, classes: int, rng: torch.Generator) -> None:
    wide = Z
    if classes:
        _dense(state, "mapping.embed", classes, W, rng)
        wide += W
    for number in range(layers):
        _dense(state, f"mapping.fc{number}", wide, W, rng, 0.01)
        wide = W
    state["mapping.w_avg"] = torch.randn(W, generator=rng) * 0.3


def _filter(rng: torch.Generator, *shape: int) -> Tensor:
    """An asymmetric one, so that a flipped filter is seen."""
    kernel = torch.rand(*shape, generator=rng) + 0.1
    return kernel / kernel.sum()


def stylegan2(
    side: int = 32,
    architecture: str = "skip",
    classes: int = 0,
    colors: int = 3,
    layers: int = 3,
    seed: int = 0,
) -> State:
    """The state of a StyleGAN2's generator."""
    rng, state, channels = torch.Generator().manual_seed(seed), State(), 0
    _mapping(state, layers, classes, rng)
    kernel = _filter(rng, 4, 4)
    for size in (2**step for step in range(2, side.bit_length())):
        block, width = f"synthesis.b{size}", max(4, 48 // size)
        state[f"{block}.resample_filter"] = kernel
        if not channels:
            state[f"{block}.const"] = torch.randn(width, size, size, generator=rng)
        for conv in ("conv0", "conv1") if channels else ("conv1",):
            n_in = channels if conv == "conv0" else width
            _dense(state, f"{block}.{conv}.affine", W, n_in, rng)
            state[f"{block}.{conv}.weight"] = torch.randn(width, n_in, 3, 3, generator=rng)
            state[f"{block}.{conv}.bias"] = torch.randn(width, generator=rng) * 0.2
            state[f"{block}.{conv}.noise_const"] = torch.randn(size, size, generator=rng)
            state[f"{block}.{conv}.noise_strength"] = torch.tensor(0.3)
            state[f"{block}.{conv}.resample_filter"] = kernel
        if architecture == "skip" or size == side:
            _dense(state, f"{block}.torgb.affine", W, width, rng)
            state[f"{block}.torgb.weight"] = torch.randn(colors, width, 1, 1, generator=rng) * 0.3
            state[f"{block}.torgb.bias"] = torch.randn(colors, generator=rng) * 0.1
        if architecture == "resnet" and channels:
            state[f"{block}.skip.weight"] = torch.randn(width, channels, 1, 1, generator=rng)
            state[f"{block}.skip.resample_filter"] = kernel
        channels = width
    return state


def stylegan3(
    side: int = 32, radial: bool = False, classes: int = 0, seed: int = 0, steps: int = 14
) -> State:
    """The state of a StyleGAN3's generator, config R where it is radial, else T."""
    rng, state = torch.Generator().manual_seed(seed), State()
    _mapping(state, 2, classes, rng)
    widths, sizes, rates = [], [], []
    for number in range(steps + 1):
        share = min(number / (steps - 2), 1)
        cutoff = 2 * (side / 2 / 2) ** share
        stopband = 2**2.1 * (side / 2 * 2**0.3 / 2**2.1) ** share
        rates.append(2 ** math.ceil(math.log2(min(2 * stopband, side))))
        sizes.append(side if number >= steps - 1 else rates[-1] + 20)
        widths.append(3 if number == steps else round(min(24 / cutoff, 8)))
    first = widths[0]
    _dense(state, "synthesis.input.affine", W, 4, rng, 4)
    state["synthesis.input.weight"] = torch.randn(first, first, generator=rng)
    state["synthesis.input.transform"] = torch.eye(3)
    state["synthesis.input.freqs"] = (torch.rand(first, 2, generator=rng) - 0.5) * 2.5
    state["synthesis.input.phases"] = torch.rand(first, generator=rng) - 0.5
    for number, width in enumerate(widths):
        before, last = max(number - 1, 0), number == steps
        layer = f"synthesis.L{number}_{sizes[number]}_{width}"
        kernel = 1 if radial or last else 3
        _dense(state, f"{layer}.affine", W, widths[before], rng)
        state[f"{layer}.weight"] = torch.randn(width, widths[before], kernel, kernel, generator=rng)
        state[f"{layer}.bias"] = torch.randn(width, generator=rng) * 0.2
        if last:
            state[f"{layer}.weight"] *= 8  # else pictures are all but gray
        state[f"{layer}.magnitude_ema"] = torch.tensor(0.8)
        if not last:
            between = 2 * max(rates[before], rates[number])
            state[f"{layer}.up_filter"] = _filter(rng, 6 * between // rates[before])
            taps = 6 * between // rates[number]
            flat = number >= steps - 2 or not radial
            state[f"{layer}.down_filter"] = _filter(rng, *([taps] if flat else [taps, taps]))
    return state


def latents(state: State, z: Tensor, label: int | None = None) -> Tensor:
    """[B, Z] to [B, W]."""
    x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    if label is not None:
        y = state["mapping.embed.weight"][:, label] / state["mapping.embed.weight"].shape[1] ** 0.5
        y = y + state["mapping.embed.bias"]
        x = torch.cat([x, (y / (y.square().mean() + 1e-8).sqrt()).expand(len(z), -1)], 1)
    number = 0
    while (name := f"mapping.fc{number}") + ".weight" in state:
        weight = state[f"{name}.weight"] * 0.01
        x = x @ weight.T / weight.shape[1] ** 0.5 + state[f"{name}.bias"] * 0.01
        x = torch.where(x > 0, x, 0.2 * x) * 2**0.5
        number += 1
    return x


def _resampled(
    x: Tensor, kernel: Tensor, up: int, down: int, before: int, behind: int, gain: float
) -> Tensor:
    """Zeros between, edges, a true convolution with the filter, and every so-manieth value."""
    if kernel.ndim == 1:
        kernel = torch.outer(kernel, kernel)
    batch, channels, height, width = x.shape
    wide = x.new_zeros(batch, channels, height * up, width * up)
    wide[:, :, ::up, ::up] = x
    wide = F.pad(wide, [before, behind, before, behind]).flatten(0, 1)[:, None]
    found = F.conv2d(wide, kernel.flip([0, 1])[None, None] * gain)
    return found.view(batch, channels, *found.shape[2:])[:, :, ::down, ::down]


def _style(state: State, name: str, w: Tensor) -> Tensor:
    weight = state[f"{name}.affine.weight"]
    return weight @ w / weight.shape[1] ** 0.5 + state[f"{name}.affine.bias"]


def _styled(weight: Tensor, style: Tensor) -> Tensor:
    weight = weight * style[None, :, None, None]
    return weight / (weight.square().sum([1, 2, 3], keepdim=True) + 1e-8).sqrt()


def _conv2(state: State, name: str, x: Tensor, w: Tensor, gain: float, clamp: float) -> Tensor:
    weight = _styled(state[f"{name}.weight"], _style(state, name, w))
    if name.endswith("conv0"):
        wide = x.new_zeros(1, x.shape[1], 2 * x.shape[2] - 1, 2 * x.shape[3] - 1)
        wide[:, :, ::2, ::2] = x
        x = F.conv2d(F.pad(wide, [2, 2, 2, 2]), weight.flip([2, 3]))
        x = _resampled(x, state[f"{name}.resample_filter"], 1, 1, 1, 1, 4)
    else:
        x = F.conv2d(x, weight, padding=1)
    x = x + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
    x = F.leaky_relu(x + state[f"{name}.bias"].view(1, -1, 1, 1), 0.2) * 2**0.5 * gain
    return x.clamp(-clamp * gain, clamp * gain)


def paint2(state: State, ws: Tensor, clamp: float = 256) -> Tensor:
    """Latents [num_ws, W] of a StyleGAN2 to a picture [1, colors, side, side] in -1..1."""
    image, row, x = None, 0, torch.zeros(0)
    sizes = sorted({int(name.split(".")[1][1:]) for name in state if name.startswith("synthesis.b")})
    for size in sizes:
        block = f"synthesis.b{size}"
        skip = state.get(f"{block}.skip.weight")
        gain = 1.0 if skip is None else 0.5**0.5
        if size == 4:
            x = state[f"{block}.const"][None]
        else:
            before = x
            x = _conv2(state, f"{block}.conv0", x, ws[row], 1, clamp)
            row += 1
        x = _conv2(state, f"{block}.conv1", x, ws[row], gain, clamp)
        row += 1
        if skip is not None:
            short = F.conv2d(before, skip / skip.shape[1] ** 0.5)
            x = x + _resampled(short, state[f"{block}.skip.resample_filter"], 2, 1, 2, 1, 4) * gain
        if image is not None:
            image = _resampled(image, state[f"{block}.resample_filter"], 2, 1, 2, 1, 4)
        if f"{block}.torgb.weight" in state:
            weight = state[f"{block}.torgb.weight"]
            style = _style(state, f"{block}.torgb", ws[row]) / weight.shape[1] ** 0.5
            bias = state[f"{block}.torgb.bias"]
            colors = F.conv2d(x, weight * style[None, :, None, None], bias).clamp(-clamp, clamp)
            image = colors if image is None else image + colors
    assert image is not None
    return image


def paint3(state: State, ws: Tensor) -> Tensor:
    """Latents [num_ws, W] of a StyleGAN3 to a picture [1, 3, side, side] in -1..1."""
    layers = {name.rpartition(".")[0] for name in state if name.endswith(".magnitude_ema")}
    names = {int(name.split("_")[0].removeprefix("synthesis.L")): name for name in layers}
    sizes = [int(names[number].split("_")[1]) for number in sorted(names)]
    rates = [size - 20 for size in sizes[:-2]] + sizes[-2:]
    turn = _style(state, "synthesis.input", ws[0])
    c, s, dx, dy = turn / turn[:2].norm()
    inverse = torch.tensor([[c, -s], [s, c]]) @ torch.tensor([[1.0, 0, -dx], [0, 1.0, -dy]])
    freqs = state["synthesis.input.freqs"] @ inverse[:, :2]
    phases = state["synthesis.input.phases"] + state["synthesis.input.freqs"] @ inverse[:, 2]
    along = (torch.arange(sizes[0]) + 0.5 - sizes[0] / 2) / rates[0]
    waves = freqs[:, 0, None, None] * along[None, None, :] + freqs[:, 1, None, None] * along[None, :, None]
    waves = torch.sin(2 * math.pi * (waves + phases[:, None, None]))
    weight = state["synthesis.input.weight"]
    x = torch.einsum("oc,chw->ohw", weight / len(weight) ** 0.5, waves)[None]
    for number in sorted(names):
        layer, last, before = names[number], number == len(names) - 1, max(number - 1, 0)
        weight, style = state[f"{layer}.weight"], _style(state, layer, ws[number + 1])
        if last:
            weight = weight * (style / weight.shape[1] ** 0.5)[None, :, None, None]
        else:
            weight = _styled(weight, style)
        x = F.conv2d(x, weight / state[f"{layer}.magnitude_ema"] ** 0.5, padding=weight.shape[-1] - 1)
        x = x + state[f"{layer}.bias"].view(1, -1, 1, 1)
        if last:
            return x.clamp(-256, 256)[:, :, : sizes[-1], : sizes[-1]] * 0.25
        up_filter, down_filter = state[f"{layer}.up_filter"], state[f"{layer}.down_filter"]
        up, down = (len(taps) // 6 for taps in (up_filter, down_filter))
        total = (sizes[number] - 1) * down + 1 - (sizes[before] + weight.shape[-1] - 1) * up
        total += len(up_filter) + len(down_filter) - 2
        low = (total + up) // 2
        x = _resampled(x, up_filter, up, 1, low, total - low, up**2)
        x = (F.leaky_relu(x, 0.2) * 2**0.5).clamp(-256, 256)
        x = _resampled(x, down_filter, 1, down, 0, 0, 1)
    raise AssertionError


class Persistent(nn.Module):
    """A module that is pickled with the source of its class."""

    source = ""

    def __reduce__(self) -> Any:
        rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": "Generator",
                "state": self.__dict__}  # fmt: skip
        return rebuild, (meta,), None


def persistent(state: State, source: str = "", **arguments: Any) -> Persistent:
    """Whole modules with a state, the innermost of which keep what NVIDIA's keep."""
    top = Persistent()
    for name, tensor in state.items():
        *way, last = name.split(".")
        here: nn.Module = top
        for step in way:
            if step not in here._modules:
                here.add_module(step, Persistent())
            here = here.get_submodule(step)
        if last in ("weight", "bias", "const", "noise_strength"):
            here.register_parameter(last, nn.Parameter(tensor, requires_grad=False))
        else:
            here.register_buffer(last, tensor)
    synthesis: Any = top.get_submodule("synthesis")
    for name, part in top.named_modules():
        part.source = source
        part.conv_clamp = arguments.get("conv_clamp", 256)
        if name.startswith("mapping.fc"):
            part.bias_gain = 0.01
            part.activation = "lrelu"
        if any(key in part._buffers for key in ("up_filter", "noise_const")):
            part.activation = "lrelu"
    synthesis.margin_size, synthesis.output_scale = 10, 0.25
    vars(top).update(_init_args=(), _init_kwargs=_EasyDict(arguments))
    return top


class _EasyDict(dict[str, Any]):
    """Of `dnnlib.util`."""


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> object:
    exec(meta["module_src"], {})  # as NVIDIA's does
    return types.SimpleNamespace(**meta["state"])


@contextmanager
def nvidia() -> Iterator[None]:
    """As if NVIDIA's packages were installed, by whose names classes are pickled."""
    modules = {name: types.ModuleType(name) for name in ("torch_utils", "torch_utils.persistence", "dnnlib",
                                                         "dnnlib.util")}  # fmt: skip
    vars(modules["torch_utils.persistence"])["_reconstruct_persistent_obj"] = _reconstruct_persistent_obj
    vars(modules["dnnlib.util"])["EasyDict"] = _EasyDict
    own = _reconstruct_persistent_obj.__module__
    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _EasyDict.__module__, _EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
    sys.modules.update(modules)
    try:
        yield
    finally:
        _reconstruct_persistent_obj.__module__ = _EasyDict.__module__ = own
        for name in modules:
            del sys.modules[name]


def network_pickle(
    state: State, path: Path, protocol: int = 4, marker: Path | None = None, **facts: Any
) -> Path:
    """Write a network pickle: G, D and G_ema. marker: a file that its source would make if it ran."""
    source = f"open({str(marker)!r}, 'w').close()" if marker else ""
    young = {name: tensor + 1 for name, tensor in state.items()}
    critic = Persistent()
    critic.add_module("b4", nn.Conv2d(3, 4, 3))
    critic.source = source
    averaged = persistent(state, source, **facts)
    whole: dict[str, Any] = {
        "G": persistent(young, source, **facts),
        "D": critic,
        "G_ema": averaged,
        "augment_pipe": None,
    }
    whole["training_set_kwargs"] = _EasyDict(path="data.zip")
    with nvidia():
        path.write_bytes(pickle.dumps(whole, protocol))
    return path
