from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.text.tokens import word_pairs, word_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Arrays, ARRAY; array's", ["array", "array", "array", "s"]),
        ("a == b === c != d !== e", ["a", "==", "b", "===", "c", "!=", "d", "!==", "e"]),
        ("x => y && z || w++ ?. ?? ...", ["x", "=>", "y", "&&", "z", "||", "w", "++", "?.", "??", "..."]),
        ("snake_case camelCase", ["snake", "case", "camelcas"]),
        ("naïve 雪 2.5", ["naïv", "雪", "2", "5"]),
        ("x" * 40, ["x" * 40]),
        ("x" * 41 + " short", ["short"]),
        ("a < b > c = d", ["a", "b", "c", "d"]),
    ],
)
def test_words_and_operators(text: str, tokens: list[str]) -> None:
    assert word_tokens(text) == tokens


@given(st.text(max_size=60))
def test_pairs_are_the_words_in_a_row(text: str) -> None:
    words = word_tokens(text)
    pairs = word_pairs(text)
    assert len(pairs) == max(len(words) - 1, 0)
    assert [pair.split(" ") for pair in pairs] == [[words[i], words[i + 1]] for i in range(len(pairs))]
