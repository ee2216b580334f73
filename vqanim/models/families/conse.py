"""Perceptors made of a classifier and word vectors. No torch until a model is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from vqanim.errors import InputError
from vqanim.lazy import F
from vqanim.models.entries import read_verified
from vqanim.models.family import Family

if TYPE_CHECKING:
    import torch

    from vqanim.models.conse import ConsePerceptor
    from vqanim.models.entries import ModelFile, PerceptorEntry
    from vqanim.models.words import PaletteTable


def load_conse(entry: PerceptorEntry, device: torch.device) -> ConsePerceptor:
    """Load classifier, class embeddings and word table.

    Raises InputError when a file is missing, damaged or does not fit.
    """
    from vqanim.models.conse import ConsePerceptor, load_classifier
    from vqanim.models.weights import parse_tensors
    from vqanim.models.words import WordTable

    contents = {role: read_verified(file) for role, file in entry.files.items()}
    tensors = parse_tensors(contents["table"], entry.files["table"])
    words = contents["words"].decode("utf-8").splitlines()
    return ConsePerceptor(
        entry.name,
        entry.hash,
        load_classifier(contents["classifier"], entry.files["classifier"]),
        F.normalize(tensors["classes"].float(), dim=1),
        WordTable(words, F.normalize(tensors["vectors"].float(), dim=1), tensors["weights"].float()),
        _parse_palettes(contents["palettes"], entry.files["palettes"]),
        device,
    )


def _parse_palettes(content: bytes, file: ModelFile) -> PaletteTable:
    from vqanim.models.words import PaletteTable

    try:
        return PaletteTable.from_mapping(yaml.safe_load(content))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file.locate()}: not a table of palettes; {file.remedy}") from error


FAMILY = Family(
    "conse",
    "perceptor",
    lambda entry, device, _: load_conse(entry, device),
    roles=("classifier", "palettes", "table", "words"),
)
