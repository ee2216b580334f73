"""Whatever stands in files of other tools: a scene comes of it, or one clear refusal."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.importers.importing import notebook
from tests.importers.test_disco import V5
from tests.importers.test_parseq import keyed, manifest
from tests.importers.test_pytti import SETTINGS
from vqanim.api.create import checked
from vqanim.errors import UsageError
from vqanim.importers import import_settings
from vqanim.importers.curves import Untranslatable
from vqanim.importers.manifests.language import number_at, parse
from vqanim.importers.manifests.moment import Keyed, Moment

TEXT = st.lists(st.sampled_from("0123t:(),`'\"|- a\n\\#{}[]<é\u2028_$%"), max_size=20).map("".join)
ODD = st.sampled_from(
    [
        "0:(1.02)",
        "0: (0), 5: (1)",
        "",
        "None",
        "-1",
        "1e400",
        "0:(x)",
        [],
        {},
        {"0": None},
        [None],
        1e308,
        True,
    ]
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXT, ODD)
VALUES |= st.lists(VALUES, max_size=3) | st.dictionaries(TEXT, VALUES, max_size=3)
PARSEQ = {**keyed(), "rendered_frames": manifest(zoom=1.0, translation_z=0.1)["rendered_frames"][:3]}


def holds(folder: Any, data: Any, name: str) -> None:
    (folder / name).write_text(json.dumps(data), encoding="utf-8")
    try:
        draft = import_settings(str(folder / name), folder)
        checked(draft, folder / "scene.yaml")
    except UsageError:
        return


@pytest.mark.parametrize(
    "base", [V5, SETTINGS, keyed(), PARSEQ], ids=["disco", "pytti", "parseq", "rendered"]
)
def test_settings_with_odd_values(base: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("odd")

    @settings(max_examples=25, deadline=None)
    @given(st.dictionaries(st.sampled_from(sorted(base)), VALUES, min_size=1, max_size=3))
    def odd(change: dict[str, Any]) -> None:
        holds(folder, {**base, **change}, "a.json")

    odd()


@settings(max_examples=25, deadline=None)
@example(cell="'" * 3)
@given(
    cell=st.lists(
        st.sampled_from(["width = 4 #@param", "texts = 'a'", "!x", "if 1:", "  ", "scenes = ("])
    ).map("\n".join)
)
def test_cells_of_all_kinds(cell: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    holds(
        tmp_path_factory.mktemp("cells"),
        notebook("texts = 'a' #@param\nwidth = 64 #@param\n", cell),
        "a.ipynb",
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([*'fsbkLCSP+-*/%^()<>=,.: 0123"', "if ", "else ", "sin(", "bez("]), max_size=12)
)
def test_formulas_of_all_kinds(parts: list[str]) -> None:
    at = Moment(7, Keyed((0, 5, 9), (1.0, 3.0, 2.0)), fps=10, bpm=120, last_frame=9)
    try:
        number_at(parse("".join(parts)), at)
    except Untranslatable:
        return


def test_large_files_are_read_at_once(tmp_path: Any) -> None:
    for text in ("{'" + "[" * 200_000, "x = 1 #@param\n" * 30_000, '{"scenes": "' + "a:_|[" * 50_000 + '"}'):
        (tmp_path / "a.txt").write_text(text)
        with suppress(UsageError):
            import_settings(str(tmp_path / "a.txt"), tmp_path)
