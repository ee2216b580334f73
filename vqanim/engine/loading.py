"""The models of a film, loaded and made ready to paint."""

from __future__ import annotations

import time

import torch

from vqanim.engine.events import ModelsLoaded
from vqanim.engine.frame import Painter
from vqanim.engine.precision import Precision, lower_precision
from vqanim.engine.start import whole_picture
from vqanim.guidance.descent import Descent
from vqanim.guidance.graphs import Choice
from vqanim.guidance.objective import Objective
from vqanim.guidance.views import Viewer
from vqanim.losses import LOSSES, LooksAt
from vqanim.models.conse import load_features
from vqanim.models.load import load_generator, load_perceptor
from vqanim.timeline.plan import StartPlan, Timeline
from vqanim.types import Image

FEATURE_KINDS = frozenset(name for name, kind in LOSSES.items() if kind.looks_at == "features")


def load_painter(
    timeline: Timeline, device: torch.device, steps: Choice, precision: Precision = "auto"
) -> tuple[Painter, ModelsLoaded]:
    """Load the models of a timeline, embed its prompts once a run, and drop what only texts need."""
    began = time.monotonic()
    generator = load_generator(timeline.generator, device, dict(timeline.generator_settings))
    perceptors = {plan.name: load_perceptor(plan.name, device) for plan in timeline.perceptors}
    viewers = [Viewer(perceptors[plan.name], plan.share) for plan in timeline.perceptors]
    objective = Objective(
        viewers,
        timeline.prompts,
        whole_pictures(timeline, "cutouts", device),
        load_features(device) if timeline.kinds & FEATURE_KINDS else None,
        whole_pictures(timeline, "features", device),
    )
    notes: tuple[str, ...] = ()
    for perceptor in perceptors.values():
        perceptor.release_text()
        notes += perceptor.notes(timeline.prompts)
    lower_precision(generator, perceptors.values(), device, precision)
    method = Descent(generator, objective, graphs=steps.mode == "graph")
    painter = Painter(generator, method, device, timeline.height, timeline.width)
    return painter, ModelsLoaded(generator.name, tuple(perceptors), time.monotonic() - began, notes)


def whole_pictures(timeline: Timeline, looks_at: LooksAt, device: torch.device) -> dict[StartPlan, Image]:
    """The pictures [1, 3, h, w] that terms see in their own shape, by their plans. Raises InputError."""
    terms = (term for shot in timeline.shots for frame in shot.frames for term in frame.losses)
    kinds = {name for name, kind in LOSSES.items() if kind.whole and kind.looks_at == looks_at}
    plans = dict.fromkeys(term.target for term in terms if term.kind in kinds and term.target)
    rng = torch.Generator().manual_seed(timeline.seed)
    return {plan: whole_picture(plan, timeline.height, timeline.width, rng).to(device) for plan in plans}
