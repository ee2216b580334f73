"""Settings of other tools, turned into scenes: Deforum, VQGAN-CLIP and pytti. No torch.

    registry   the tools, and which of them a file comes from
    reading    a file or a command line -> plain data
    formulas   expressions of numexpr and of Python -> expressions of ours
    curves     numbers over time, as a scene writes them
    schedules  Deforum's keyframes, which others have too
    motion     moves per frame and in pixels -> those of our camera
    draft      a scene while it is written, and what becomes of every key that was given

A tool is a module of its own, an `Importer`, and a name in the registry. Nothing that is read here is ever
run: files come from strangers.
"""

from vqanim.importers.registry import TOOLS, Importer, import_settings

__all__ = ["TOOLS", "Importer", "import_settings"]
