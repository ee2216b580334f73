"""Makes the small films of the pages from the scenes that stand in them.

    python docs/make_moves.py              paints what is missing or stale
    python docs/make_moves.py loop pan     paints these, whatever they are
    python docs/make_moves.py --stale      names what is missing or stale; exit code 1 if anything is

A recipe is a picture `moves/<name>.gif` and the YAML block under it. `docs/moves/moves.json` says from what
each GIF was made, so that a change of the block, or of the settings here, makes it stale. What was painted
stays in renders/moves, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS / "cookbook.md", DOCS / "first-film.md")
MOVES = DOCS / "moves"
RECORD = MOVES / "moves.json"
RENDERS = DOCS.parent / "renders" / "moves"

SETTINGS = (
    "size=[160, 96]",
    "guidance.cutouts=8",
    "guidance.first_steps=45",
    "guidance.rate=6",
    "change=0.4",
)
"""For all of them: small, quick and calm, so that the move is what is seen. But for the size, what a block
writes itself stays."""
COLORS, STILL = 28, 24
"""Colors of a GIF, and by how much (of 255) a pixel must change to be drawn again: both keep it small."""
RECIPE = re.compile(
    r"!\[[^\]]*\]\(moves/([\w-]+)\.gif\)\n\n```yaml[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


def recipes() -> dict[str, str]:
    """The scenes of the pages by the names of their GIFs."""
    return dict(found for page in PAGES for found in RECIPE.findall(page.read_text(encoding="utf-8")))


def recipe_hash(scene: str) -> str:
    """What a GIF depends on: its scene and how it is made."""
    return hashlib.sha256(repr((scene, SETTINGS, COLORS, STILL)).encode()).hexdigest()[:16]


def stale() -> list[str]:
    """Names of the recipes whose GIF is missing or was made from something else."""
    made = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return [
        name
        for name, scene in recipes().items()
        if made.get(name) != recipe_hash(scene) or not (MOVES / f"{name}.gif").exists()
    ]


def paint(name: str, scene: str) -> None:
    """Paint a scene, write its GIF and take note of what it was made from."""
    from vqanim.cli.main import main as vqanim

    folder = RENDERS / name
    folder.mkdir(parents=True, exist_ok=True)
    file, out, frames = folder / "move.yaml", folder / "render", folder / "frames"
    file.write_text(scene, encoding="utf-8")
    changes = [f"--set={change}" for change in SETTINGS if not _writes(scene, change)]
    for command in (
        ["render", str(file), "--out", str(out), "--quiet", *changes],
        ["encode", str(out), "--preset", "frames", "--out", str(frames), "--quiet"],
    ):
        if code := vqanim(command):
            sys.exit(code)
    _write_gif(sorted(frames.rglob("*.png")), MOVES / f"{name}.gif")
    made = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    made[name] = recipe_hash(scene)
    kept = {known: made[known] for known in sorted(recipes()) if known in made}
    RECORD.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _writes(scene: str, change: str) -> bool:
    """Whether a scene says for itself what a change would set, and may."""
    key = change.partition("=")[0].rpartition(".")[2]
    if key == "first_steps" and re.search(r"^start: \{(icon|image|shape|text):", scene, re.MULTILINE):
        return True  # such a start is the first frame, and only the scene may say that it is worked on
    if key in ("change", "rate") and "first_steps:" in scene:
        return True  # it says how it wants to be painted
    return key != "size" and re.search(rf"\b{key}:", scene) is not None


def _write_gif(files: list[Path], path: Path) -> None:
    """A looping GIF of 12.5 pictures a second with one palette, taken from all of them."""
    import numpy as np
    from PIL import Image

    pictures = [Image.open(file).convert("RGB") for file in files]
    width, height = pictures[0].size
    all_in_one = Image.new("RGB", (width, height * len(pictures)))
    for row, picture in enumerate(pictures):
        all_in_one.paste(picture, (0, row * height))
    palette = all_in_one.quantize(COLORS, method=Image.Quantize.MEDIANCUT)
    colors = np.array(palette.getpalette()[: COLORS * 3], dtype=int).reshape(-1, 3)
    shown = np.full((height, width), -1)
    layers = []
    for picture in pictures:
        now = np.asarray(picture.quantize(palette=palette, dither=Image.Dither.NONE)).astype(int)
        near = np.abs(colors[now] - colors[shown]).max(axis=-1) <= STILL
        same = near & (shown >= 0)
        shown = np.where(same, shown, now)
        layer = Image.fromarray(np.where(same, COLORS, now).astype(np.uint8), "P")
        layer.putpalette([*colors.ravel().tolist(), 0, 0, 0])
        layers.append(layer)
    layers[0].save(
        path,
        save_all=True,
        append_images=layers[1:],
        duration=80,
        loop=0,
        transparency=COLORS,
        disposal=1,
        optimize=False,
    )


def main() -> int:
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(description="Makes the small films of the pages.")
    parser.add_argument("names", nargs="*", help="recipes to paint; those that are stale if not given")
    parser.add_argument("--stale", action="store_true", help="name what is stale and paint nothing")
    arguments = parser.parse_args()
    known = recipes()
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"no recipe is called {', '.join(unknown)}; there are {', '.join(known)}")
    names = arguments.names or stale()
    if arguments.stale:
        print("\n".join(names) or "all are fresh")
        return 1 if names else 0
    MOVES.mkdir(exist_ok=True)
    for name in names:
        paint(name, known[name])
        print(f"{name}.gif: {(MOVES / f'{name}.gif').stat().st_size / 1000:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
