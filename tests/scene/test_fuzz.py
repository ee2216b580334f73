"""Any text at all, given to the small grammars: an answer, or a ValueError with a reason."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from vqanim.scene.fields.short_prompts import parse_short
from vqanim.scene.times import TimeBase, parse_time

BASE = TimeBase(10.0, Fraction(12))
TIMES = st.text(alphabet="0123456789.:+-eE% smfbartdrop+\u0660\u00b2", max_size=24)
PROMPTS = st.text(alphabet=st.one_of(st.sampled_from("ab|:1.-+e \n\t"), st.characters()), max_size=60)


@given(st.one_of(TIMES, st.text(max_size=30)))
def test_any_text_is_a_time_or_refused_with_a_reason(text: str) -> None:
    try:
        time = parse_time(text)
    except ValueError as error:
        assert len(str(error)) > 10  # noqa: PT017
        return
    seconds = time.seconds(BASE)
    assert seconds == seconds, "no nan"
    assert abs(seconds) < float("inf")
    assert parse_time(str(time)) == time


@given(PROMPTS)
def test_any_text_is_prompts_or_refused_with_a_reason(text: str) -> None:
    try:
        prompts = parse_short(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017
        return
    assert len(prompts) == text.count("|") + 1
    for prompt in prompts:
        assert prompt.text == " ".join(prompt.text.split())
        assert prompt.text
        assert float(prompt.weight) == float(prompt.weight)
