"""Imports point one way, knots are impossible, and what answers at once never imports torch."""

from __future__ import annotations

import ast
import graphlib
import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vqanim

LEVELS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "errors",
            "types",
            "files",
            "pictures",
            "color_spaces",
            "cache",
            "ffmpeg",
            "oklab",
            "settings",
            "lazy",
            "leftovers",
            "own_files",
            "collection",
            "registry",
        }
    ),
    frozenset({"losses"}),
    frozenset({"models", "camera"}),
    frozenset({"icons", "effects"}),
    frozenset({"scene"}),
    frozenset({"timeline", "importers"}),
    frozenset({"guidance", "takes", "audio", "plots"}),
    frozenset({"engine", "film"}),
    frozenset({"preview"}),
    frozenset({"report"}),
    frozenset({"api"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
"""Rooms from the ground up. A room imports what lies on lower levels, and nothing else of vqanim."""

LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
GROUND = LEVELS[0]  # small and without a purpose of their own; they may know each other

HEAVY = ("torch", "torchvision", "kornia", "PIL", "imageio_ffmpeg", "clip", "taming")

PACKAGE = Path(vqanim.__file__).parent


def modules() -> dict[str, ast.Module]:
    """Syntax trees of all modules, by dotted name; a package has the name of its folder."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["vqanim", *path.relative_to(PACKAGE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.AST, *, typing_too: bool = True) -> Iterator[str]:
    """What a module imports from vqanim, inside functions as well, as full dotted names of modules."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not typing_too:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "vqanim")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if (node.module or "").split(".")[0] == "vqanim":
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield full if full in MODULES else str(node.module)
        else:
            yield from imports(node, typing_too=typing_too)


def room(module: str) -> str:
    """`vqanim.scene.curves` lies in `scene`; the package itself in ``."""
    return [*module.split("."), ""][1]


def test_imports_point_downwards() -> None:
    wrong = []
    for name in MODULES.keys() - {"vqanim"}:
        here = room(name)
        assert here in LEVEL, f"the room {here} has no level yet"
        for target in imports(MODULES[name], typing_too=False):
            there = room(target)
            if not (there in ("", here) or LEVEL[there] < LEVEL[here] or {here, there} <= GROUND):
                wrong.append(f"{name} imports {target}")
    assert not wrong


def test_no_module_reaches_itself() -> None:
    graph = {name: set(imports(tree, typing_too=False)) - {name} for name, tree in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError and names the knot


def test_imports_inside_functions_are_seen() -> None:
    tree = ast.parse("def f():\n    if True:\n        from vqanim.scene import curves, load_scene")
    assert list(imports(tree)) == ["vqanim.scene.curves", "vqanim.scene"]


def test_the_packages_that_are_installed_are_all_there() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)


def test_public_names_exist_once() -> None:
    for name in MODULES.keys() - {"vqanim.__main__"}:
        module = importlib.import_module(name)
        names = getattr(module, "__all__", [])
        assert len(names) == len(set(names)), name
        assert all(hasattr(module, public) for public in names), name


def test_the_public_api_is_what_it_says() -> None:
    assert {"load_scene", "compile_timeline", "render", "prepare", "__version__"} <= set(vqanim.__all__)
    assert all(callable(getattr(vqanim, name)) for name in vqanim.__all__ if not name.startswith("__"))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = vqanim.nothing


LIGHT = {
    "import vqanim": "import vqanim",
    "load and compile": (
        "import vqanim; vqanim.compile_timeline(vqanim.load_scene(root + '/scenes/mordor.yaml'))"
    ),
    "--help": "from vqanim.cli.main import main; main(['--help'])",
    "render --help": "from vqanim.cli.main import main; main(['render', '--help'])",
    "check": "from vqanim.cli.main import main; assert main(['check', root + '/scenes/mordor.yaml']) == 0",
    "a scene with mistakes": (
        "from vqanim.cli.main import main; "
        "assert main(['render', root + '/scenes/mordor.yaml', '--set', 'fps=0']) == 2"
    ),
    "plan": "from vqanim.cli.main import main; assert main(['plan', root + '/scenes/shots.yaml']) == 0",
    "schema": "from vqanim.cli.main import main; assert main(['schema']) == 0",
    "preview --help": "from vqanim.cli.main import main; main(['preview', '--help'])",
    "report --help": "from vqanim.cli.main import main; main(['report', '--help'])",
    "compare --help": "from vqanim.cli.main import main; main(['compare', '--help'])",
    "encode --help": "from vqanim.cli.main import main; main(['encode', '--help'])",
    "a scene with an icon": (
        "from vqanim.cli.main import main; open('x.yaml', 'w').write("
        "'duration: 1s\\nprompts: a lake\\nstart: {icon: robot}'); assert main(['check', 'x.yaml']) == 0"
    ),
    "icon --help": "from vqanim.cli.main import main; main(['icon', '--help'])",
    "icon --search": "from vqanim.cli.main import main; assert main(['icon', '--search', 'bird']) == 0",
    "prompts": "from vqanim.cli.main import main; assert main(['prompts']) == 0",
    "models list": "from vqanim.cli.main import main; assert main(['models', 'list']) == 0",
    "models fetch": "from vqanim.cli.main import main; assert main(['models', 'fetch', 'pocket']) == 0",
    "listen --help": "from vqanim.cli.main import main; main(['listen', '--help'])",
    "a scene with a soundtrack": (
        "from vqanim.cli.main import main; assert main(['check', root + '/scenes/music/ember.yaml']) == 0"
    ),
    "import": (
        "from vqanim.cli.main import main; "
        "assert main(['import', root + '/tests/importers/samples/generate.sh', '--out', 'y.yaml']) == 0"
    ),
    "new": "from vqanim.cli.main import main; assert main(['new', 'z']) == 0",
}


LIGHT_PROGRAM = """
import sys
import vqanim
root = sys.argv[1]
for title, code in {light!r}.items():
    exec(code)
    heavy = sorted(set(sys.modules) & set({heavy!r}))
    assert not heavy, (title, heavy)
"""


def test_what_answers_at_once_imports_nothing_heavy(root: Path, tmp_path: Path) -> None:
    """One after the other in one process, since what nothing imported is not there."""
    program = LIGHT_PROGRAM.format(light=LIGHT, heavy=HEAVY)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", program, str(root)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_every_module_is_silent(root: Path) -> None:
    names = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "vqanim.")]
    program = "import importlib\n" + "\n".join(
        f"importlib.import_module({name!r})" for name in names if name != "vqanim.__main__"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


OPENERS = frozenset(
    {"open", "read_text", "read_bytes", "load", "safe_open", "SoundFile", "truetype", "fromfile"}
)
"""Names of calls that read a file by its name, of Python and of the libraries that are used here."""

CHECKED = {
    "vqanim.files": "the one place where files are opened",
    "vqanim.takes.lock": "/proc",
    "vqanim.engine.memory": "/proc and /sys",
    "vqanim.api.prompts": "comes with the package",
    "vqanim.api.schema": "comes with the package",
    "vqanim.api.create": "comes with the package",
    "vqanim.icons.fontawesome": "comes with a package",
    "vqanim.models.conse.nearest": "comes with the package",
    "vqanim.cli.terminal": "the null device",
    "vqanim.takes.records": "appends, after refuse_special",
    "vqanim.film.formats.gif": "a new file in a new folder",
    "vqanim.models.download": "appends to the part of a download, which was looked at",
}
"""Modules that open files themselves, and why they may."""


def raw_opens(tree: ast.AST) -> Iterator[str]:
    """Calls that open what others may have put in a file's place, as they are written."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        given = ast.unparse(node.args[0]) if node.args else ""
        if name not in OPENERS or owner == "files" or (name in ("read_text", "read_bytes") and not owner):
            continue
        if name == "load" and owner not in ("np", "numpy", "torch", "json", "pickle"):
            continue
        # Of what is open already, or lies in memory.
        if given.startswith("io.BytesIO(") or (owner == "Image" and given == "file"):
            continue
        yield ast.unparse(node)


def test_files_are_opened_in_one_place() -> None:
    """So that none of them hangs on a pipe, or reads a device without end: see vqanim.files.open_file."""
    known = {
        "output.open()", "recording.open(folder)", "recording.open(job.store.folder)", "archive.open(info)",
        "_OPENER.open(request, timeout=timeout)", "Path(os.devnull).open('wb')",
        "safe_open(path, framework='pt')", "safe_open(path, framework='numpy')",
        "soundfile.SoundFile(str(song.path))",
        "soundfile.SoundFile(str(path), 'w', rate, 2, 'PCM_16', format='WAV')",
    }  # fmt: skip
    found = [
        f"{name}: {call}"
        for name, tree in MODULES.items()
        if name not in CHECKED
        for call in raw_opens(tree)
        if call not in known
    ]
    assert not found
    assert list(raw_opens(ast.parse("path.open()\nopen(x)\nPath(x).read_text()\nnp.load(path)"))) != []


PARSERS = {
    "json.load": {"vqanim.own_files"},
    "json.loads": {
        "vqanim.own_files",
        "vqanim.importers.reading",  # settings of other tools, which are looser
        "vqanim.importers.manifests.merging",
    },
    "np.load": set[str](),  # see own_files.read_array
    "Image.open": {"vqanim.pictures", "vqanim.icons.svg"},  # of a picture that was drawn a line before
}
"""Who may understand what was read; all others ask vqanim.own_files for own files, vqanim.pictures for
pictures, which know what can be wrong with them."""


def test_files_are_understood_in_one_place() -> None:
    found = {
        (name, call)
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (call := ast.unparse(node.func)) in PARSERS
    }
    assert {(name, call) for name, call in found if name not in PARSERS[call]} == set()
    assert {call for _, call in found} == {"json.loads", "Image.open"}
