"""Settings of other tools, turned into scenes: Deforum, VQGAN-CLIP and pytti. No torch.

    reading    a file or a command line -> plain data, and whose it is
    formulas   expressions of numexpr and of Python -> expressions of ours
    values     numbers over time, as a scene writes them
    draft      a scene while it is written, with a word on what became of everything that was given
    sources    one line for each tool: how it is recognized and what converts it

Nothing that is read here is ever run: files come from strangers.
"""

from vqanim.importers.draft import Draft, Note
from vqanim.importers.sources import import_settings

__all__ = ["Draft", "Note", "import_settings"]
