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
        ("C#, F# and C# 8", ["c#", "f#", "and", "c#", "8"]),
        ("C++ (C++17) or G++", ["c++", "c++", "17", "or", "g++"]),
        ("i++; w#x a#", ["i", "++", "w", "x", "a"]),
        (".NET Core, ASP.NET", [".net", "core", "asp.net", "asp", ".net"]),
        ("node.js; index.jsp fishing net", ["node.js", "node", "js", "index", "jsp", "fish", "net"]),
        ("socket.io?.net ...net", ["socket.io", "socket", "io", "?.", "net", "...", "net"]),
    ],
)
def test_words_and_operators(text: str, tokens: list[str]) -> None:
    assert word_tokens(text) == tokens


@pytest.mark.parametrize(
    ("name", "other"), [("C#", "C"), ("F#", "F"), ("C++", "C"), (".NET", "net"), ("node.js", "node js")]
)
def test_names_keep_what_makes_them_what_they_are(name: str, other: str) -> None:
    assert word_tokens(name) != word_tokens(other)
    # Of a question about one, a text about the other shares less than a text about the same.
    asked = set(word_tokens(f"sort a list in {name}"))
    assert len(asked & set(word_tokens(f"{name} list"))) > len(asked & set(word_tokens(f"{other} list")))


@given(st.text(max_size=60))
def test_pairs_are_the_words_in_a_row(text: str) -> None:
    words = word_tokens(text)
    pairs = word_pairs(text)
    assert len(pairs) == max(len(words) - 1, 0)
    assert [pair.split(" ") for pair in pairs] == [[words[i], words[i + 1]] for i in range(len(pairs))]
