from __future__ import annotations

import pytest

from vqanim.models.conse.words import SETTING_WEIGHT, WordTable, stems, tokens

WORDS = (
    "a",
    "at",
    "castle",
    "fire",
    "fire engine",
    "glass",
    "house",
    "night",
    "red",
    "run",
    "volcano",
    "wolf",
)


@pytest.fixture
def table() -> WordTable:
    return WordTable(WORDS)


def words_of(table: WordTable, text: str) -> list[str]:
    return [WORDS[row] for row in table.read(text).rows]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Café-Noir  AT\tNight!", ["cafe", "noir", "at", "night"]),
        ("the fox\N{RIGHT SINGLE QUOTATION MARK}s den", ["the", "fox's", "den"]),
        ("snake_case", ["snake", "case"]),
        ("火山", ["火山"]),
        ("…", []),
    ],
)
def test_tokens_are_folded_words(text: str, found: list[str]) -> None:
    assert tokens(text) == found


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ("volcanoes", "volcano"), ("wolves", "wolf"), ("cities", "city"), ("running", "run"),
        ("erupting", "erupt"), ("raging", "rage"), ("darkest", "dark"), ("reddish", "red"), ("rainy", "rain"),
        ("king's", "king"), ("happily", "happy"), ("dried", "dry"),
    ],
)  # fmt: skip
def test_forms_lead_to_their_word(form: str, word: str) -> None:
    assert word in set(stems(form))


def test_a_word_is_first_of_all_itself() -> None:
    assert next(iter(stems("glasses"))) == "glasses"


def test_plurals_case_and_hyphens_do_not_matter(table: WordTable) -> None:
    assert words_of(table, "VOLCANOES") == ["volcano"]
    assert words_of(table, "red-castle") == ["red", "castle"]
    assert table.read("Volcanoes, wolves").unknown == ()


def test_the_longest_phrase_wins(table: WordTable) -> None:
    assert words_of(table, "a red fire engine") == ["a", "red", "fire engine"]
    assert words_of(table, "fire-engines") == ["fire engine"]
    assert words_of(table, "fire, engine") == ["fire"]


def test_compounds_are_taken_apart_and_count_once(table: WordTable) -> None:
    reading = table.read("a glasshouse")
    assert [WORDS[row] for row in reading.rows] == ["a", "glass", "house"]
    assert sum(reading.factors[1:]) == pytest.approx(1)


def test_unknown_words_are_named_once_in_order(table: WordTable) -> None:
    assert table.read("a Xyzzy castle with QUUX and xyzzy").unknown == ("Xyzzy", "with", "QUUX", "and")


def test_unknown_words_are_spelled_as_they_are_written(table: WordTable) -> None:
    for text in ("Zürich", "Zu\u0308rich", "Straße", "L\u2019été", "Ёлка", "東京", "\ufb01nch", "QUUX42"):
        assert table.read(f"(a {text}-castle), {text}!").unknown == (text,)


def factors_of(table: WordTable, text: str) -> dict[str, float]:
    reading = table.read(text)
    return {WORDS[row]: factor for row, factor in zip(reading.rows, reading.factors, strict=True)}


def test_the_setting_counts_less_than_the_subject(table: WordTable) -> None:
    factors = factors_of(table, "a castle at night")
    assert factors["castle"] == 1
    assert factors["night"] == pytest.approx(SETTING_WEIGHT)


def test_what_follows_a_comma_counts_less(table: WordTable) -> None:
    factors = factors_of(table, "a castle, red")
    assert 0 < factors["red"] < factors["castle"]


def test_nothing_known_gives_no_rows(table: WordTable) -> None:
    assert table.read("xyzzy").rows == table.read("").rows == ()
