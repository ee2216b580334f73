"""Tabs are refused where they indent and are blanks elsewhere; a list that became one text is seen."""

from __future__ import annotations

from time import perf_counter

import pytest

from vqanim.errors import SceneError
from vqanim.scene import load_scene_text

HEAD = "duration: 1s\n"


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        ("prompts:\n  - a\tcat\t\n", ["a cat"]),
        ("prompts: [a cat]\t# all\n\t# a comment\n\t\n#\tanother\n", ["a cat"]),
        ("prompts:\t[a,\tb]\n", ["a", "b"]),
        ("prompts:\n  -\ta cat\n  - \t'b'\t\n", ["a cat", "b"]),
        ('prompts: ["a\tcat",\n\t"a\n\t\tdog"]\n', ["a cat", "a dog"]),
        ("prompts: [\n\ta,\n\tb\n\t]\nfps: 3\n", ["a", "b"]),
        ("prompts: |\n  a cat\n  \twith a hat\nfps: 3\n", ["a cat with a hat"]),
        ("prompts:\n  - a cat\n    \twith a hat\n", ["a cat with a hat"]),
        ("prompts: 'a\n\tcat'\r\n\t\r\nfps: 3\t\r\n", ["a cat"]),
    ],
)
def test_a_tab_that_does_not_indent_is_a_blank(text: str, prompts: list[str]) -> None:
    scene = load_scene_text(HEAD + text)
    assert [prompt.text for prompt in scene.shots[0].prompts] == prompts
    assert scene.warnings == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("prompts: [a]\ncamera:\n\tzoom: 1.1\n", 4),
        ("prompts: [a]\ncamera:\n  \tzoom: 1.1\n", 4),
        ("prompts: [a]\ncamera:\n  zoom: 1.1\n\trotate: 1\n", 5),
        ("prompts:\n\t- a\n", 3),
        ("prompts:\n - a\n\tcat\n", 4),
        ("title: 'x\n\ty'\nprompts:\n\t- a\n", 5),
        ("prompts: [a,\n\tb]\ncamera:\n \tzoom: 1\n", 5),
    ],
)
def test_a_tab_that_indents_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(SceneError, match=f"^scene.yaml:{line}: found a tab in the indentation"):
        load_scene_text(HEAD + text)


def test_a_tab_in_a_text_hides_no_other_mistake() -> None:
    with pytest.raises(SceneError, match=r"^scene.yaml:5: the \[ that opens in line 4 is not closed"):
        load_scene_text(HEAD + "title: 'x\n\ty'\nprompts: [a\nfps: 3\n")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("prompts:\n  - a cat\n    - a dog\n    - a bird\n", 3, "line 4"),
        ("prompts:\n  - a cat\n    -a dog\n", 3, "line 4"),
        ("prompts:\n  a cat\n  - a dog\n", 3, "line 4"),
        ("prompts:\n  - a cat\n    by night\n      - a dog\n", 3, "line 5"),
        ("shots:\n  - name: b\n    prompts: a cat\n      - a dog\n", 4, "line 5"),
        ("prompts: |\n  - a cat\n  - a dog\n", 2, "leave that out"),
        ("prompts: >\n  - a cat\n  - a dog\n", 2, "leave that out"),
    ],
)
def test_entries_of_a_list_that_became_one_text_are_pointed_out(text: str, line: int, said: str) -> None:
    (warning,) = load_scene_text(HEAD + text, "s").warnings
    assert warning.startswith(f"s:{line}: ")
    assert said in warning


@pytest.mark.parametrize(
    "text",
    [
        "prompts:\n  - a long text that is\n    well - known\n    at -5 degrees\n    -5 in all\n",
        "prompts:\n  - 'a list\n    - of things'\n",
        "prompts:\n  - a cat\n  - a dog\n",
    ],
)
def test_a_long_text_over_several_lines_is_left_alone(text: str) -> None:
    assert load_scene_text(HEAD + text).warnings == ()


def test_many_tabs_take_no_long_time() -> None:
    began = perf_counter()
    text = "".join(f"  - 'a\n\tb {n}'\n" for n in range(20_000))
    with pytest.raises(SceneError, match="prompts"):
        load_scene_text(HEAD + "prompts:\n" + text)
    assert perf_counter() - began < 10
