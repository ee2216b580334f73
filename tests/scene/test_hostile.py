"""Scenes of strangers: nothing runs, nothing leaves the folder, nothing reaches the terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PIL import Image

from vqanim.errors import SceneError
from vqanim.scene import load_scene_text

HEAD = "vqanim: 1\nduration: 1s\nprompts: [a]\n"
SOON = 0.05
"""Seconds in which an expression is refused."""

EXPRESSIONS = [
    "t.__class__",
    "().__class__.__bases__[0].__subclasses__()",
    "__import__('os').system('echo hi')",
    "eval('1')",
    "open('x')",
    "print(1)",
    "lambda: 1",
    "(lambda: 1)()",
    "[x for x in (1, 2)]",
    "{x for x in (1,)}",
    "f'{t}'",
    "(x := 3)",
    "t[0]",
    "sin(**{})",
    "max(*[1, 2])",
    "await t",
    "yield t",
    "9**9**9",
    "1e400",
    "9" * 900_000,
    "(" * 5000 + "t" + ")" * 5000,
    "-" * 5000 + "t",
    "sin(" * 3000,
    "t" + "+t" * 5000,
    "1j",
    "1 << 1000000",
    "'a' * 10",
    "\u200bt",
    "\uff54",
]


@pytest.mark.parametrize("text", EXPRESSIONS, ids=lambda text: text[:24])
def test_expressions_that_want_more_are_refused_at_once(text: str) -> None:
    scene = HEAD + f"camera: {{zoom: {json.dumps(text)}}}\n"

    def refuse() -> float:
        began = time.perf_counter()
        with pytest.raises(SceneError, match=r"^scene.yaml:4: .*found") as caught:
            load_scene_text(scene)
        assert len(str(caught.value)) < 1000
        return time.perf_counter() - began

    assert min(refuse() for _ in range(5)) < SOON


@pytest.mark.parametrize(
    "place", ["title: {}", "style: {}", "prompts: [{}]", "shots: [{{name: {}, duration: 1s}}]"]
)
@pytest.mark.parametrize("text", ['"\\e[31mred"', '"\\e]0;title\\a"', '"a\\bb"', '"a\\0b"', '"\\x9b31m"'])
def test_no_control_character_reaches_the_terminal(place: str, text: str) -> None:
    with pytest.raises(SceneError) as caught:
        load_scene_text(
            "vqanim: 1\nduration: 1s\nprompts: [a]\n".replace("prompts: [a]\n", "") + place.format(text)
        )
    message = str(caught.value)
    assert all(c.isprintable() or c == "\n" for c in message)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "pictures/../../secret.png",
        "/etc/passwd",
        "~/secret.png",
        "C:\\\\secret.png",
        "\\\\\\\\host\\\\share\\\\a.png",
        "file:///etc/passwd",
        "http://example.org/a.png",
        "concat:a.png|b.png",
        "-i",
        "a.png\\0.jpg",
        "link.png",
    ],
)
def test_paths_stay_in_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(
        SceneError, match="leads out|begins in the scene's folder|is missing|control character"
    ):
        load_scene_text(HEAD + f'start: {{image: "{path}"}}\n', folder=folder)


@pytest.mark.parametrize("text", ["\U0001f30b", "\u05e9\u05dc\u05d5\u05dd", "\u0627\u0644\u0639", "x" * 1000])
def test_prompts_of_all_peoples_are_prompts(text: str) -> None:
    scene = load_scene_text(f"vqanim: 1\nduration: 1s\nprompts: [{json.dumps(text, ensure_ascii=False)}]\n")
    assert scene.shots[0].prompts[0].text == text


def test_a_prompt_without_end_is_refused_in_few_words() -> None:
    with pytest.raises(SceneError, match="found 10000 characters, allowed a text of at most 1000") as caught:
        load_scene_text(f"vqanim: 1\nduration: 1s\nprompts: [{'x' * 10_000}]\n")
    assert len(str(caught.value)) < 200
