from __future__ import annotations

import pytest
import yaml

from tests.cli.conftest import Run
from vqanim.api import load_modifiers
from vqanim.models.catalogue import get_perceptor_entry
from vqanim.models.conse.color_words import ColorWords
from vqanim.models.conse.words import WordTable

ABOUT, MODIFIERS = load_modifiers()
ARTICLE = (
    "artstationHQ",
    "by Salvador Dali",
    "green and white",
    "by Junji Ito",
    "by Vincent van Gogh",
    "rendered in unreal engine",
    "high quality",
    "black and white",
    "of the Old Gods",
    "matte painting",
    "isometric",
    "vaporwave",
    "tilt shift",
    "trending on artstation",
)


def test_there_are_many_each_once_with_one_line() -> None:
    texts = [one.text.lower() for one in MODIFIERS]
    assert len(texts) == len(set(texts)) >= 60
    assert {one.text for one in MODIFIERS} >= set(ARTICLE)
    assert set(ABOUT) == {one.effect for one in MODIFIERS}
    for one in MODIFIERS:
        assert 5 < len(one.does) < 80, one
        assert len(one.text) < 32, one


def test_those_that_are_marked_are_those_with_a_palette() -> None:
    files = get_perceptor_entry("pocket").files
    palettes = ColorWords(yaml.safe_load(files["palettes"].locate().read_bytes()))
    words = files["words"].locate().read_text(encoding="utf-8").splitlines()
    table = WordTable(words)
    for one in MODIFIERS:
        assert bool(palettes.read(one.text, table.phrase_length).strengths) == one.pocket, one


def test_all_are_listed_by_effect(run: Run) -> None:
    result = run("prompts")
    assert (result.code, result.err) == (0, "")
    assert all(one.text in result.out and one.does in result.out for one in MODIFIERS)
    assert all(f"\n{effect}: " in f"\n{result.out}" for effect in ABOUT)
    assert "need a VQGAN with CLIP" in result.out
    assert all(effect in run("prompts", "--help").out for effect in ABOUT)


def test_one_effect(run: Run) -> None:
    result = run("prompts", "LIGHT")
    assert result.code == 0
    listed = [one for one in MODIFIERS if f" {one.text} " in result.out]
    assert {one.effect for one in listed} == {"light"}
    assert "* at sunset" in result.out
    assert "  god rays" in result.out


def test_searching(run: Run) -> None:
    result = run("prompts", "--search", "unreal")
    assert "rendered in unreal engine" in result.out
    assert "octane" not in result.out
    assert "react to none of these" in result.out
    assert "by Junji Ito" in run("prompts", "artist", "--search", "manga horror").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["lihgt"], "did you mean 'light'?"), (["--search", "qqq"], "has to do with 'qqq'")],
)
def test_a_miss_is_said(run: Run, arguments: list[str], said: str) -> None:
    result = run("prompts", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
