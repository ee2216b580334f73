"""From a scene file to a film, in one call: the public functions, which the command line uses as well.

    project    read, check and compile scenes         create    new scenes, also from other tools and songs
    render     paint a film                           still     single pictures and timelapses
    export     films from painted frames              icon      icons as pictures
    inspect    reports and comparisons of renders     listen    what is heard in a song
    estimate   plans, previews and times              prompts   what prompts do
    schema     the scene language, as data            doctor    what this machine has and lacks

Functions that take long give events one after the other, or call `on_event` with each.
"""

from vqanim.api.create import import_scene, new_scene, write_song_scene
from vqanim.api.doctor import examine
from vqanim.api.estimate import draw_plot, find_part, measure, outline, preview
from vqanim.api.export import at_painted_rate, encode, other_rate
from vqanim.api.icon import write_icon
from vqanim.api.inspect import compare, find_rendered, report
from vqanim.api.listen import draw_signals, song_csv, song_document
from vqanim.api.project import (
    Prepared,
    check_free,
    fetch_models,
    load_scene,
    prepare,
    prepare_lapse,
    prepare_still,
)
from vqanim.api.prompts import load_modifiers, read_prompts
from vqanim.api.render import render, with_response
from vqanim.api.schema import reference, schema_text
from vqanim.api.still import TimelapseRun, open_timelapse, paint_images, restyled

__all__ = [
    "Prepared", "TimelapseRun", "at_painted_rate", "check_free", "compare", "draw_plot", "draw_signals",
    "encode", "examine", "fetch_models", "find_part", "find_rendered", "import_scene", "load_modifiers",
    "load_scene", "measure", "new_scene", "open_timelapse", "other_rate", "outline", "paint_images",
    "prepare", "prepare_lapse", "prepare_still", "preview", "read_prompts", "reference", "render", "report",
    "restyled", "schema_text", "song_csv", "song_document", "with_response", "write_icon", "write_song_scene",
]  # fmt: skip
