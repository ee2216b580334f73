"""The network whose features tell what a picture shows and in what style, whatever perceptor is chosen.

It is the first part of EfficientNet-lite0, which is installed with vqanim. The outputs of its stages serve as
well as those of VGG, usual in style transfer (Gatys et al. 2016), which would have to be downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from vqanim.models.catalogue import package_catalogue
from vqanim.models.conse import load_classifier, scaled
from vqanim.models.entries import read_verified
from vqanim.models.weights import freeze

if TYPE_CHECKING:
    from vqanim.types import Image

STAGES = (2, 4, 7, 10)
"""Blocks after which the features are taken, besides those of the stem."""


class Features:
    """Layers of a classifier as a `types.FeatureNetwork`: [B, C, H / s, W / s] with strides s of 2 to 16."""

    def __init__(self, classifier: EfficientNet, device: torch.device) -> None:
        network = freeze(classifier, device)
        self.stem = network._conv_stem
        self.activation = network._swish
        self.blocks = nn.ModuleList(network._blocks[: STAGES[-1] + 1])

    def __call__(self, images: Image) -> tuple[Tensor, ...]:
        """Layers of images [B, 3, H, W] in 0..1, fine to coarse, differentiable."""
        x = self.activation(self.stem(scaled(images.contiguous(memory_format=torch.channels_last))))
        layers = [x]
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in STAGES:
                layers.append(x)
        return tuple(layers)


def load_features(device: torch.device | str = "cpu") -> Features:
    """The network, frozen. Raises InputError when its file is missing or damaged."""
    file = package_catalogue()["perceptor"]["pocket"].files["classifier"]
    return Features(load_classifier(read_verified(file), file), torch.device(device))
