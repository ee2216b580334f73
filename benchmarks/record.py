"""What vqanim makes, as a record to compare: `python benchmarks/record.py make FILE`, `... compare A B`.

A change that shall alter no pixel and no plan is tried by a record of the code before and one of the code
after it. Everything is made by the command line in processes of their own (of the checkout `--code`), in a
fresh folder with a fresh cache and one thread, from the scenes of this checkout: `scenes/` made tiny, and
those of `benchmarks/record/`, which use all of the scene language. Pictures and films are recorded as hashes
of their decoded pixels.

The kinds of a record: `renders` and `stills` (pixels, and the resolved scene), `plans` (`plan --json` without
what depends on the machine), `imports` (the scenes that other tools' settings become, and their plans),
`schema`, and `words`, which are texts for people.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import yaml
from PIL import Image, ImageSequence

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("renders", "stills", "plans", "imports", "schema", "words")
SHOWN = 6
"""Differences told of each entry."""

TINY = ("size=64x36", "guidance.steps=1", "guidance.first_steps=2", "guidance.cutouts=2")
SCENES: dict[str, tuple[str, ...]] = {
    "change": ("fps=3",),
    "dissolve": ("fps=4", "guidance.rate=2"),
    "expressions": ("fps=2",),
    "look": ("fps=2",),
    "loop": ("fps=3",),
    "mask": ("fps=2", "size=48x48"),
    "mordor": ("fps=2",),
    "rate": ("fps=6", "guidance.rate=2"),
    "reef": ("fps=2",),
    "seasons": ("fps=1",),
    "shots": ("fps=2",),
    "storm": ("fps=4",),
    "story": ("fps=1",),
    "timelapse": ("fps=2",),
    "music/ember": ("fps=4", "guidance.rate=1"),
    "music/tide": ("fps=4", "guidance.rate=1"),
}
"""The example scenes, and what makes each of them quick beside TINY."""
ARTICLE = ("05", "08", "13")
"""Those of the article's recipes that differ in more than their texts."""
WEIGHTS = "--models=pocket"

Record = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> dict[str, Any]:
        return {"code": self.code, "out": self.out.split("\n"), "err": self.err.split("\n")}


class Recorder:
    """Runs the commands of a checkout in a folder of scenes, and keeps what they make."""

    def __init__(self, code: Path, folder: Path, only: str) -> None:
        self.folder, self.only = folder, only
        self.record: Record = {kind: {} for kind in KINDS}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("VQANIM")}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        place = {"PYTHONPATH": str(code), "VQANIM_CACHE": str(folder / "cache"), "VQANIM_OFFLINE": "1"}
        self.env = kept | threads | place | {"CUDA_VISIBLE_DEVICES": "", "COLUMNS": "100", "NO_COLOR": "1"}

    def wants(self, name: str) -> bool:
        """Whether an entry is asked for."""
        return self.only in name

    def run(self, *arguments: str, fails: bool = False) -> Done:
        """A command of vqanim; one that fails and may not is told of."""
        command = [sys.executable, "-m", "vqanim", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, check=False)
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        if result.code and not fails:
            print(f"vqanim {' '.join(arguments)}: exit code {result.code}\n{result.err}", file=sys.stderr)
        return result

    def render(self, name: str, scene: str, *options: str, sets: Sequence[str] = ()) -> None:
        """Record a render: each frame, the films, and the scene as it was understood."""
        if not self.wants(name):
            return
        began, out = time.monotonic(), self.folder / "renders" / name
        options = (*options, "--allow-outside", *(f"--set={change}" for change in sets))
        done = self.run("render", scene, "--quiet", f"--out={out}", *options)
        self.record["renders"][name] = {"code": done.code, **dict(pixels(out))}
        if (resolved := out / "scene.resolved.yaml").exists():
            self.record["renders"][name]["scene"] = yaml.load(resolved.read_text("utf-8"), yaml.BaseLoader)
        self.report(f"render {name}", began)

    def still(self, name: str, *arguments: str) -> None:
        """Record what a command makes in the folder of its `--out`, which is a picture's or that itself."""
        if not self.wants(name):
            return
        began, out = time.monotonic(), self.folder / "stills" / name
        out.mkdir(parents=True)
        done = self.run(*(argument.replace("OUT", str(out)) for argument in arguments))
        self.record["stills"][name] = {"code": done.code, **dict(pixels(out))}
        self.report(f"still {name}", began)

    def plan(self, kind: str, name: str, scene: str, *options: str) -> None:
        """Record a scene's plan."""
        if not self.wants(name):
            return
        planned = self.run("plan", scene, "--json", "--allow-outside", *options, fails=True)
        plan = json.loads(planned.out) if planned.code == 0 else {}
        for key in ("time", "disk"):
            plan.pop(key, None)
        self.record[kind].setdefault(name, {}).update({"code": planned.code, "plan": plan})

    def convert(self, name: str, source: Path, *options: str) -> None:
        """Record the scene that another tool's settings become. It is written beside them."""
        if not self.wants(name):
            return
        folder = self.folder / "imports" / name
        shutil.copytree(source.parent, folder)
        path, scene = (str((folder / file).relative_to(self.folder)) for file in (source.name, "made.yaml"))
        done = self.run("import", path, f"--out={scene}", "--force", *options, fails=True)
        self.record["words"][f"import {name}"] = done.words
        made: dict[str, Any] = {"imported": done.code}
        if done.code == 0:
            text = (self.folder / scene).read_text(encoding="utf-8")
            made["scene"] = yaml.load(text, yaml.BaseLoader)
            self.record["words"][f"scene {name}"] = [line for line in text.split("\n") if "#" in line]
        self.record["imports"][name] = made
        if done.code == 0:
            self.plan("imports", name, scene)

    def report(self, what: str, began: float) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)


def pixels(folder: Path) -> Iterator[tuple[str, Any]]:
    """Hashes of the decoded pixels of all pictures and films in a folder, by their paths in it."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".png", ".gif"):
            with Image.open(path) as image:
                frames = [digest(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
            yield name, frames[0] if len(frames) == 1 else frames
        elif path.suffix in (".mp4", ".webm", ".mov"):
            yield name, film(path)


def digest(image: Image.Image) -> str:
    """Of size and pixels."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()[:16]


def film(path: Path) -> dict[str, Any]:
    """Hash of each picture of a film and of its sound."""
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    to_hashes = ["-map", "0", "-fps_mode", "passthrough", "-f", "framehash", "-hash", "sha256", "-"]
    done = subprocess.run([*program, *to_hashes], capture_output=True, check=False)
    if done.returncode:
        return {"error": done.stderr.decode()}
    found = done.stdout.decode()
    rows = [line.replace(" ", "").split(",") for line in found.splitlines() if not line.startswith("#")]
    sound = "".join(row[5] for row in rows if row[0] == "1")
    return {
        "frames": [row[5][:16] for row in rows if row[0] == "0"],
        "sound": hashlib.sha256(sound.encode()).hexdigest()[:16] if sound else None,
    }


def make_pictures(folder: Path) -> None:
    """The pictures that the scenes name."""
    y, x = np.mgrid[0:48, 0:80] / 48
    waves = [np.sin(6 * x + 3 * y), np.cos(5 * y), np.sin(9 * x * y)]
    photo = np.where(((x - 0.8) ** 2 + (y - 0.5) ** 2 < 0.08)[..., None], (200, 60, 40), 0)
    photo = np.where(photo.any(-1, keepdims=True), photo, np.stack(waves, -1) * 90 + 120)
    Image.fromarray(photo.astype(np.uint8)).save(folder / "photo.png")
    strokes = np.stack([(x + y) * 40 % 2 > 1, x * 30 % 3 > 1, y * 20 % 2 > 1.5], -1) * 255
    Image.fromarray(strokes.astype(np.uint8)).save(folder / "strokes.png")
    Image.fromarray(np.clip(x * 200, 0, 255).astype(np.uint8)).save(folder / "mask.png")


def record_renders(recorder: Recorder) -> None:
    """The example scenes, those of benchmarks/record, and what options do to them."""
    for scene, changes in SCENES.items():
        recorder.render(scene, f"scenes/{scene}.yaml", sets=(*TINY, *changes))
    for path in sorted((recorder.folder / "scenes" / "article").glob("*.yaml")):
        if path.name.startswith(ARTICLE):
            sets = ("size=48x48", "guidance.first_steps=2", "guidance.cutouts=2")
            recorder.render(f"article/{path.stem}", f"scenes/article/{path.name}", WEIGHTS, sets=sets)
    for path in sorted((recorder.folder / "record").glob("*.yaml")):
        recorder.render(f"record/{path.stem}", f"record/{path.name}")
    recorder.render("draft", "scenes/mordor.yaml", "--quality=draft", sets=("size=128x72", "duration=1s"))
    recorder.render("high", "scenes/mordor.yaml", "--quality=high", sets=("size=32x18", "fps=1", *TINY[1:]))
    recorder.render("part", "record/carry.yaml", "--frames=4f:6f")
    recorder.render("shot", "record/starts.yaml", "--shot=shape")


def record_stills(recorder: Recorder) -> None:
    """Single pictures, timelapses, films of takes in other forms, and a preview."""
    small = ("--quiet", "--steps=3")
    picture = ("--target=record/strokes.png:0.5", "--target-pixels=record/photo.png:0.3")
    recorder.still(
        "image", "image", "a lake | fog:-0.5", *small, "--size=64x36", "--out=OUT/a.png", "--count=2"
    )
    recorder.still(
        "image-init", "image", "a lake", *small, "--size=48x48",
        "--init=record/photo.png", "--resize=contain",
        "--also-target=0.5", *picture, "--out=OUT/a.png",
    )  # fmt: skip
    recorder.still("image-icon", "image", "roses", *small, "--size=48x48", "--icon=heart", "--out=OUT/a.png")
    recorder.still(
        "style", "style", "record/photo.png", "oil painting", *small, "--size=64x36", "--out=OUT/a.png"
    )
    recorder.still(
        "style-image", "style", "record/photo.png", "--style-image=record/strokes.png", "--strength=0.9",
        *small, "--size=64x36", "--out=OUT/a.png",
    )  # fmt: skip
    recorder.still(
        "timelapse",
        "timelapse",
        "a lake",
        "--quiet",
        "--steps=12",
        "--size=64x36",
        "--out=OUT/a",
        "--duration=1",
    )
    recorder.still(
        "timelapse-init", "timelapse", "a lake", "--quiet", "--steps=6", "--size=48x48", "--pace=linear",
        "--init=record/photo.png", "--out=OUT/a", "--duration=0.5", "--freeze-end=0.2",
    )  # fmt: skip
    recorder.still("preview", "preview", "record/cameras.yaml", "--out=OUT")
    takes = recorder.folder / "renders" / "record" / "edit"
    if takes.exists():
        presets = [f"--preset={name}" for name in ("frames", "apng", "gif", "webm", "prores")]
        recorder.still("encode", "encode", str(takes), *presets, "--out=OUT")
        changed = ("--set=effects=[{contrast: 1.5}]", "--set=fps=8", "--preset=frames", "--upscale=2")
        recorder.still("encode-changed", "encode", str(takes), *changed, "--out=OUT")


def record_plans(recorder: Recorder) -> None:
    """The plans of all scenes, and the scene language."""
    paths = [*(recorder.folder / "scenes").rglob("*.yaml"), *(recorder.folder / "record").glob("*.yaml")]
    scenes = sorted(path.relative_to(recorder.folder).as_posix() for path in paths)
    for scene in scenes:
        recorder.plan("plans", scene, scene)
    if recorder.wants("check"):
        recorder.record["words"]["check"] = recorder.run(
            "check", "--allow-outside", *scenes, fails=True
        ).words
    for quality in ("draft", "high"):
        options = f"--quality={quality}"
        if recorder.wants(f"mordor {quality}"):
            plan = json.loads(recorder.run("plan", "scenes/mordor.yaml", "--json", options).out)
            recorder.record["plans"][f"mordor {quality}"] = plan | {"time": None, "disk": None}
    if recorder.wants("schema"):
        recorder.record["schema"]["json"] = without_texts(json.loads(recorder.run("schema").out))
        recorder.record["words"]["schema json"] = json.loads(recorder.run("schema").out)
        recorder.record["words"]["schema docs"] = recorder.run("schema", "--docs").words


def without_texts(schema: Any) -> Any:
    """A JSON schema without what is written for people."""
    if isinstance(schema, dict):
        texts = [
            key for key, value in schema.items() if key in ("description", "title") and isinstance(value, str)
        ]
        return {key: without_texts(value) for key, value in schema.items() if key not in texts}
    return [without_texts(part) for part in schema] if isinstance(schema, list) else schema


def record_imports(recorder: Recorder, cases: Path | None) -> None:
    """The samples of the tests, and folders with settings of other tools, or with scenes to check."""
    samples = next((ROOT / "tests").glob("*/samples"))
    for path in sorted(samples.iterdir()):
        recorder.convert(f"samples/{path.name}", path)
    for path in sorted(cases.rglob("*.*")) if cases else ():
        name = f"cases/{path.relative_to(cases or path).as_posix()}"
        if path.suffix == ".yaml" and path.read_text(encoding="utf-8").startswith("vqanim:"):
            scene = recorder.folder / "cases" / path.relative_to(cases or path)
            scene.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, scene)
            recorder.plan("imports", name, scene.relative_to(recorder.folder).as_posix())
        elif path.suffix not in (".md", ".lrc", ".srt", ".mp3"):
            recorder.convert(name, path)


def make(file: Path, code: Path, cases: Path | None, kinds: str, only: str) -> None:
    """Write the record of a checkout's code, after each kind."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="record-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "scenes", folder / "scenes", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "benchmarks" / "record", folder / "record")
        make_pictures(folder / "record")
        recorder = Recorder(code, folder, only)
        asked = [sys.executable, "-c", "import vqanim; print(vqanim.__file__)"]
        found = subprocess.run(
            asked, cwd=folder, env=recorder.env, capture_output=True, check=True, text=True
        ).stdout
        if not Path(found.strip()).is_relative_to(code):
            raise SystemExit(f"the code that runs is {found.strip()}, not that in {code}")
        parts = {
            "plans": lambda: record_plans(recorder),
            "imports": lambda: record_imports(recorder, cases),
            "renders": lambda: record_renders(recorder),
            "stills": lambda: record_stills(recorder),
        }
        for part in parts:
            if part in kinds:
                started = time.monotonic()
                parts[part]()
                recorder.report(f"all {part}", started)
                text = json.dumps(recorder.record, indent=0, sort_keys=True)
                text = text.replace(str(folder), "FOLDER").replace(str(code), "CODE")
                file.write_text(text, encoding="utf-8")
    print(f"{time.monotonic() - began:6.1f} s in all: {file}")


def differences(a: Any, b: Any, at: str = "") -> Iterator[str]:
    """Where two values differ, each as `path: what, what`."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            below = f"{at}.{key}" if at else str(key)
            if key not in a or key not in b:
                yield f"{below}: only in the {'first' if key in a else 'second'}"
            else:
                yield from differences(a[key], b[key], below)
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield f"{at}: {len(a)} items, {len(b)} items"
        for number, pair in enumerate(zip(a, b, strict=False)):
            yield from differences(*pair, f"{at}[{number}]")
    elif a != b or type(a) is not type(b):
        yield f"{at}: {shown(a)}, {shown(b)}"


def shown(value: Any) -> str:
    """A value on at most 70 characters."""
    text = json.dumps(value)
    return text if len(text) <= 70 else f"{text[:67]}..."


def compare(first: Path, second: Path, kinds: Sequence[str], only: str) -> int:
    """Print where two records differ; 1 if they do anywhere, or if the second lacks an entry. What only the
    second has is no difference."""
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
    differing = compared = 0
    for kind in kinds:
        old, new = before[kind], after[kind]
        names = sorted(name for name in old if only in name)
        compared += len(names)
        if missing := [name for name in names if name not in new]:
            differing += len(missing)
            print(f"{kind}: {len(missing)} missing in the second: {', '.join(missing[:SHOWN])}")
        for name in names:
            if name in new and (found := list(differences(old[name], new[name]))):
                differing += 1
                print(f"{kind} {name}: {len(found)} differ")
                print("".join(f"    {line}\n" for line in found[:SHOWN]), end="")
        if added := sorted(set(new) - set(old)):
            print(f"{kind}: only in the second: {', '.join(added)}")
    print(f"{differing} of {compared} entries differ")
    return 1 if differing else 0


def main() -> int:
    """Make a record, or compare two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make", help="record what the code makes")
    maker.add_argument("file", type=Path)
    maker.add_argument(
        "--code", type=Path, default=ROOT, help="checkout whose code runs; this one if not given"
    )
    maker.add_argument("--cases", type=Path, help="folder with more settings of other tools to import")
    maker.add_argument("--kinds", default="plans,imports,renders,stills", help="%(default)s")
    comparer = commands.add_parser("compare", help="exit code 1 where two records differ")
    comparer.add_argument("first", type=Path)
    comparer.add_argument("second", type=Path)
    comparer.add_argument("--kinds", default=",".join(KINDS), help="%(default)s")
    for command in (maker, comparer):
        command.add_argument(
            "--only", default="", metavar="TEXT", help="only entries with this in their names"
        )
    options = parser.parse_args()
    if options.command == "compare":
        return compare(options.first, options.second, options.kinds.split(","), options.only)
    cases = options.cases and options.cases.resolve()
    make(options.file, options.code.resolve(), cases, options.kinds, options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
