"""How good a VQGAN is: `python training/measure_vqgan.py [--state DIR/state.pt]`, the package's own if none.

Rebuilds held-out photographs at 256x256 px: PSNR, the distance in EfficientNet-lite0 features, and what 50
passes of encoding and decoding do to mean, spread, saturation and sharpness. All from the averaged weights.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import pictures
from losses import FeatureDistance

from vqanim.models.codebook import look_up, nearest_codes
from vqanim.models.families.vqgan import VQGANConfig
from vqanim.models.vqgan import VQGAN

PASSES = 50


def centre_square(picture: np.ndarray, side: int) -> Tensor:
    """The centre of uint8 [H, W, 3] as float [1, 3, side, side] in 0..1."""
    size = min(picture.shape[:2])
    top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    square = Image.fromarray(picture[top : top + size, left : left + size])
    array = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS)).copy()
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255


@torch.no_grad()
def rebuild(model: VQGAN, x: Tensor, passes: int = 1) -> Tensor:
    """Pictures encoded, quantized and decoded, rounded to 8 bits between passes."""
    for _ in range(passes):
        codes = nearest_codes(model.encode(x), model.codebook)
        x = (model.decode(look_up(codes, model.codebook)).clamp(0, 1) * 255).round() / 255
    return x


def look(picture: Tensor) -> dict[str, float]:
    """Mean, spread, saturation and sharpness of [1, 3, H, W] in 0..1."""
    grey = picture.mean(1)
    across, down = grey.diff(dim=2).abs().mean(), grey.diff(dim=1).abs().mean()
    colour = picture.max(1).values - picture.min(1).values
    return {
        "mean": float(picture.mean()),
        "spread": float(picture.std()),
        "saturation": float(colour.mean()),
        "sharpness": float(across + down),
    }


def measure(
    model: VQGAN,
    held_out: Sequence[np.ndarray],
    features: FeatureDistance,
    side: int = 256,
    drift_of: int | None = None,
) -> dict:
    """PSNR in dB, feature distance, and each look after 50 passes relative to that after one.

    The passes take long: `drift_of` bounds the number of pictures that go through them.
    """
    psnr, distance, drift = [], [], []
    for picture in held_out:
        x = centre_square(picture, side)
        once = rebuild(model, x)
        psnr.append(-10 * math.log10(float((x - once).square().mean()) + 1e-9))
        with torch.no_grad():
            distance.append(float(features(once, x)))
        if drift_of is not None and len(drift) >= drift_of:
            continue
        before, after = look(once), look(rebuild(model, once, PASSES - 1))
        drift.append({name: after[name] / before[name] for name in before})
    return {
        "psnr": [round(v, 2) for v in psnr],
        "mean psnr": round(float(np.mean(psnr)), 2),
        "features": round(float(np.mean(distance)), 4),
        f"after {PASSES} passes": {name: [round(d[name], 3) for d in drift] for name in drift[0]},
    }


def sample_sheet(model: VQGAN, held_out: Sequence[np.ndarray], path: Path, side: int = 192) -> None:
    """Rows of photograph, one pass, fifty passes."""
    rows = []
    for picture in held_out:
        x = centre_square(picture, side)
        once = rebuild(model, x)
        rows.append(torch.cat([x, once, rebuild(model, once, PASSES - 1)], 3))
    sheet = (torch.cat(rows, 2)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(sheet).save(path)


def load(weights: Mapping[str, Tensor], config: Mapping) -> VQGAN:
    """A frozen model."""
    model = VQGAN(VQGANConfig.from_mapping(config))
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def main() -> None:
    import yaml
    from safetensors.torch import load_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--state", type=Path, help="a state of train_vqgan.py")
    parser.add_argument("--sheet", type=Path, help="also write a PNG: photograph, one pass, fifty passes")
    parser.add_argument("pictures", type=Path, nargs="*", help="photographs; the held-out ones if none")
    options = parser.parse_args()
    pocket = Path(__file__).resolve().parents[1] / "vqanim/models/pocket"
    if options.state:
        weights = torch.load(options.state, weights_only=True)["average"]
    else:
        weights = load_file(pocket / "vqgan.safetensors")
    model = load(weights, yaml.safe_load((pocket / "vqgan.yaml").read_text()))
    shown = [pictures.load(path) for path in options.pictures] or pictures.photographs()[1]
    print(json.dumps(measure(model, shown, FeatureDistance()), indent=1))
    if options.sheet:
        sample_sheet(model, shown, options.sheet)


if __name__ == "__main__":
    main()
