"""Settings that are a number of things or their names, as the classes of a BigGAN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vqanim.errors import SceneError
from vqanim.scene.dump import dump_scene
from vqanim.scene.loader import load_scene_text
from vqanim.timeline.compile import compile_timeline

SCENE = "duration: 1s\nprompts: a cat\nmodels:\n  generator: {name: biggan-deep-128, classes: %s}\n"


def classes(written: str, folder: Path) -> Any:
    scene = load_scene_text(SCENE % written, str(folder / "a.yaml"), folder)
    again = load_scene_text(dump_scene(scene), str(folder / "a.yaml"), folder)
    assert again.models.settings == scene.models.settings
    compile_timeline(scene)
    return dict(scene.models.settings)["classes"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("8", 8),
        ("castle", ("castle",)),
        ("[castle, great white shark]", ("castle", "great white shark")),
        ('"castle, lakeshore"', ("castle", "lakeshore")),
        ('"8"', 8),
    ],
)
def test_every_form(written: str, value: Any, tmp_path: Path) -> None:
    assert classes(written, tmp_path) == value


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("0", "found '0', allowed a whole number from 1 to 1000, a name"),
        ("1001", "found '1001'"),
        ("2.5", "found '2.5'"),
        ("[]", "found 0 names"),
        ("{a: 1}", "found keys and values"),
        ("[[castle]]", "allowed a name of at most 100 characters"),
        (f"[{', '.join(['castle'] * 17)}]", "found 17 names"),
        ('"castle, "', "found nothing, allowed a name"),
        ("castel", "'castel' is no class that a BigGAN knows; did you mean 'castle'"),
        ("[castle, dog]", "'dog' is a kind of 118 classes; name one, such as"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_field(written: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(SceneError) as error:
        classes(written, tmp_path)
    assert reason in str(error.value)
    assert "a.yaml:4: models.generator" in str(error.value)
