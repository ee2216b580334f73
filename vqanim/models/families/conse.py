"""Perceptors made of a classifier and word vectors. No torch until a model is loaded."""

from vqanim.lazy import LazyModule
from vqanim.models.family import Family

conse = LazyModule("vqanim.models.conse.perceptor")
nearest = LazyModule("vqanim.models.conse.nearest")

FAMILY = Family(
    "conse",
    "perceptor",
    lambda entry, device, _: conse.ConsePerceptor(entry, device),
    roles=("classifier", "features", "palettes", "table", "words"),
    describe=lambda entry, texts: nearest.read_texts(entry, texts),
)
