"""A perceptor made of an image classifier and word vectors.

ConSE (Norouzi et al. 2013, "Zero-Shot Learning by Convex Combination of Semantic Embeddings"): an image is
embedded as the mix of the text embeddings of the classes that the classifier sees in it, so images and texts
share a space. It knows the classifier's thousand classes and what lies between them, and nothing else.

The classifier was made robust (training/train_perceptor.py): it answers alike to a picture and to its small
perturbations, so that its gradient looks like things (Santurkar et al. 2019, "Image Synthesis with a Single
(Robust) Classifier").
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
import torch.nn.functional as F
import yaml
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vqanim.errors import InputError
from vqanim.models.catalogue import package_catalogue
from vqanim.models.conse.color_words import ColorReading
from vqanim.models.conse.nearest import NOTHING, SHARPNESS, THING, VAGUE
from vqanim.models.conse.palettes import PaletteTable, palette
from vqanim.models.conse.words import Reading, WordTable
from vqanim.models.entries import ModelFile, PerceptorEntry, file_error, read_verified
from vqanim.models.weights import freeze, load_into, parse_tensors
from vqanim.types import Image

INPUT_SIZE = 128
"""Pixels; the classifier was trained at 224, but sees as much at 128 for a third of the time."""
TEMPERATURE = 2.0
"""Of the classifier's softmax. At 1.5 it tells pictures apart best but, alone, gets stuck far from a prompt;
at 4 it blurs. With the second part of the embedding, 2 keeps both the distinction and the gradient."""
CLASS_SHARE = 1.0
"""How far a text is drawn to its nearest classes, which are all that the image side can see."""

PALETTE_SHARE = 0.3
"""Share of the palette in an image's embedding."""
WORD_PALETTE_SHARE = 0.35
"""Share of the palette in a text's embedding where a word asks for colors with full strength."""
PURE_PALETTE_SHARE = 0.8
"""The same where the text says nothing else."""
USUAL_PALETTE_SHARE = 0.1
"""The same where no word asks for colors: then those of photographs are wanted, else all turns purple."""
DECORRELATION = 0.5
"""How far the space is whitened: 0 leaves it as it is, 1 makes all its directions equally long."""


class ConsePerceptor:
    """A classifier and tables of words as a `types.Perceptor`; embeddings are float32 [N, D + K].

    An embedding has two blocks, what is seen (D) and the palette (K). Their lengths are fixed for images;
    those of a text depend on its words for colors alone.
    """

    def __init__(self, entry: PerceptorEntry, device: torch.device) -> None:
        """Load classifier, class embeddings and tables of words.

        Raises InputError when a file is missing, damaged or does not fit.
        """
        self.name, self.hash, self.device = entry.name, entry.hash, device
        self.input_size = INPUT_SIZE
        files = entry.files
        contents = {role: read_verified(file) for role, file in files.items() if role != "features"}
        tensors = parse_tensors(contents["table"], files["table"])
        self._dtype = torch.float32
        self.classifier = freeze(load_robust(contents["classifier"], files["classifier"]), device)
        classes = F.normalize(tensors["classes"].float(), dim=1)
        self.classes = classes.to(device)
        self.whitening = decorrelation(classes).to(device)
        self.seen = F.normalize(self.classes @ self.whitening, dim=1)
        self.words = WordTable(contents["words"].decode("utf-8").splitlines())
        self.vectors = F.normalize(tensors["vectors"].float(), dim=1)
        self.weights = tensors["weights"].float()
        try:
            self.palettes = PaletteTable(yaml.safe_load(contents["palettes"]))
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise file_error(files["palettes"], "not a table of palettes") from error

    def lower_precision(self, dtype: torch.dtype) -> None:
        """Let the classifier compute in `dtype`; what is made of its logits stays as it is."""
        self._dtype = dtype
        self.classifier.to(dtype)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Texts to unit vectors [N, D + K]. One of which no word is known means nothing in particular beside
        others; raises InputError where all texts are like that."""
        meanings = (self._embed(self.words.read(text)) for text in texts)
        if texts and all(meaning.norm() < NOTHING for meaning in meanings):
            about = f"the perceptor {self.name!r} knows none of its words"
            raise InputError(f"prompt {texts[0]!r}: {about}; describe the thing in common English words")
        return torch.stack([self._encode_one(text) for text in texts])

    def encode_image(self, images: Image) -> Tensor:
        """Images [B, 3, S, S] in 0..1 to unit vectors [B, D + K], differentiable."""
        blocks = (1 - PALETTE_SHARE) ** 0.5 * self._seen(images), PALETTE_SHARE**0.5 * palette(images)
        return torch.cat(blocks, 1)

    def _seen(self, images: Image) -> Tensor:
        """What the classifier sees, as unit vectors [B, D]."""
        images = images.to(memory_format=torch.channels_last)
        logits: Tensor = self.classifier(scaled(images).to(self._dtype)).float()
        likely = F.normalize(F.softmax(logits / TEMPERATURE, dim=1) @ self.seen, dim=1)
        # The softmax forgets what is unlikely; standardized logits keep a gradient towards every class.
        overall = F.normalize((logits - logits.mean(1, keepdim=True)) @ self.seen, dim=1)
        return F.normalize(likely + overall, dim=1)

    def release_text(self) -> None:
        """Nothing: the table of words is small."""

    def notes(self, texts: Sequence[str]) -> tuple[str, ...]:
        """None: what it makes of a text, unknown words included, its family says before it is loaded."""
        return ()

    def _encode_one(self, text: str) -> Tensor:
        """One text to a unit vector [D + K]; in a batch its last bits would depend on the others."""
        reading = self.palettes.read(text, self.words.phrase_length)
        seen = F.normalize(self._encode_text(text, reading) @ self.whitening, dim=0)
        share = USUAL_PALETTE_SHARE
        if reading.strengths:
            share = PURE_PALETTE_SHARE if reading.alone else WORD_PALETTE_SHARE
            share *= max(reading.strengths.values())
        colors = self.palettes.shares(reading).to(self.device)
        return torch.cat([(1 - share) ** 0.5 * seen, (share * colors).sqrt()])

    def _encode_text(self, text: str, reading: ColorReading) -> Tensor:
        """What a text is about, [D]; `nearest.ClassReader` says in words what this makes of it."""
        words = self.words.read(text, reading.faint(self._is_thing))
        weighted = self._weighted(words)
        parts = torch.zeros(max(words.parts, default=0) + 1, weighted.shape[1])
        parts = parts.index_add(0, torch.tensor(words.parts, dtype=torch.long), weighted).to(self.device)
        vague = (F.normalize(parts, dim=1) @ self.classes.T).amax(
            1
        ) < VAGUE  # "at dawn" is no place of its own
        vague[0] = False
        parts = torch.cat([parts[:1] + parts[vague].sum(0), parts[1:][~vague[1:]]])
        if parts.norm(dim=1).sum() < NOTHING or parts.sum(0).norm() < NOTHING:
            parts = self.classes.mean(0, keepdim=True)
        plain, lengths = F.normalize(parts.sum(0), dim=0), parts.norm(dim=1)
        shares = F.softmax(F.normalize(parts, dim=1) @ self.classes.T / SHARPNESS, dim=1)
        nearest = (lengths / lengths.sum()) @ shares @ self.classes
        return F.normalize(plain + CLASS_SHARE * F.normalize(nearest, dim=0), dim=0)

    def _is_thing(self, word: str) -> bool:
        """Whether a word names something that the classifier knows, as "orange" does and "night" does not."""
        meaning = F.normalize(self._embed(self.words.read(word)).to(self.device), dim=0)
        return bool((self.classes @ meaning).max() > THING)

    def _embed(self, reading: Reading) -> Tensor:
        """Weighted sum [D] of the words' vectors, not normalized; zeros when no word is known."""
        return self._weighted(reading).sum(0)

    def _weighted(self, reading: Reading) -> Tensor:
        """The words' vectors [N, D], each as long as it weighs."""
        rows = torch.tensor(reading.rows, dtype=torch.long)
        weights = self.weights[rows] * torch.tensor(reading.factors, dtype=self.weights.dtype)
        return weights[:, None] * self.vectors[rows]


def scaled(images: Image) -> Image:
    """Images in 0..1 as the classifier was trained on them, near -1..1."""
    return (images * 255 - 127) / 128


def decorrelation(classes: Tensor) -> Tensor:
    """Symmetric matrix [D, D] that shortens the directions which many of the classes [K, D] share.

    Without it a picture of a pirate ship is half a lighthouse, since both are about the sea, and the
    optimization rests there (compare Mu and Viswanath 2018, "All-but-the-Top"). A part of full whitening
    keeps related things related.
    """
    second = classes.double().T @ classes.double() / len(classes)
    lengths, directions = torch.linalg.eigh(second)
    scales = (lengths + 0.05 * lengths.mean()) ** (-DECORRELATION / 2)
    return (directions * scales @ directions.T).float()


def load_classifier(content: bytes, file: ModelFile) -> EfficientNet:
    """The classifier, with every batch normalization folded into the convolution before it: same output,
    fewer passes. Raises InputError when the file does not fit."""
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    load_into(network, torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), file)
    return _without_norms(network)


def _without_norms(network: EfficientNet) -> EfficientNet:
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            pairs.append((block, "_expand_conv", "_bn0"))
        pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
    for owner, convolution, norm in pairs:
        setattr(owner, convolution, fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm)))
        setattr(owner, norm, nn.Identity())
    return network


def load_robust(content: bytes, file: ModelFile) -> EfficientNet:
    """The classifier as it is kept after its training: without the norms, which were folded before it. Raises
    InputError when the file does not fit."""
    network = _without_norms(EfficientNet.from_name("efficientnet-lite0").eval())
    load_into(network, parse_tensors(content, file), file)
    return network


STAGES = (2, 4, 7, 10)
"""Blocks after which the features are taken, besides those of the stem."""


class Features:
    """Layers of the classifier as a `types.FeatureNetwork`: [B, C, H / s, W / s] with strides s of 2 to 16.

    They tell what a picture shows and in what style, whatever perceptor is chosen, and serve as well as those
    of VGG, usual in style transfer (Gatys et al. 2016), which would have to be downloaded.
    """

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
    file = package_catalogue()["perceptor"]["pocket"].files["features"]
    return Features(load_classifier(read_verified(file), file), torch.device(device))
