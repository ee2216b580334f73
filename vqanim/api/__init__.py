"""From a scene file to a film, in one call: the public functions, which the command line uses as well."""

from vqanim.api.lookback import (
    at_painted_rate,
    compare,
    encode,
    find_rendered,
    other_rate,
    report,
)
from vqanim.api.outlook import draw_plot, find_part, measure, outline, preview
from vqanim.api.prepared import (
    Prepared,
    fetch_models,
    prepare,
    prepare_lapse,
    prepare_still,
)
from vqanim.api.rendering import (
    render,
    with_response,
)
from vqanim.api.stills import lapse_recording, paint, record

__all__ = [
    "Prepared",
    "at_painted_rate",
    "compare",
    "draw_plot",
    "encode",
    "fetch_models",
    "find_part",
    "find_rendered",
    "lapse_recording",
    "measure",
    "other_rate",
    "outline",
    "paint",
    "prepare",
    "prepare_lapse",
    "prepare_still",
    "preview",
    "record",
    "render",
    "report",
    "with_response",
]
