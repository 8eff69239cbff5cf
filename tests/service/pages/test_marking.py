"""Words are marked as the index knows them, and of what strangers wrote nothing runs and nothing is loaded."""

from __future__ import annotations

import pytest

from triptych.service.pages.marking import clean_answer, find_words, mark_text


@pytest.mark.parametrize(
    ("question", "text", "marked"),
    [
        ("sorting lists", "How to sort a list?", "How to <mark>sort</mark> a <mark>list</mark>?"),
        ("what is C#?", "C is not c#", "C is not <mark>c#</mark>"),
        ("how do I do this", "How do I do that", "How do I do that"),  # what all questions have is not marked
        ("Straße", "die STRASSE, die Straße", "die STRASSE, die <mark>Straße</mark>"),
        ("İstanbul time", "İİ time", "İİ <mark>time</mark>"),  # a letter that becomes two when small
        ("ΟΔΟΣ", "ΟΔΟΣ", "<mark>ΟΔΟΣ</mark>"),
        ("", "any text", "any text"),
        ("x" * 50, "x" * 50, "x" * 50),
        ("script alert", "<script>alert(1)</script>", "&lt;<mark>script</mark>&gt;<mark>alert</mark>(1)&lt;/"),
    ],
)
def test_shared_words_are_marked(question: str, text: str, marked: str) -> None:
    assert str(mark_text(text, find_words(question))).startswith(marked)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("<p>a <b>loop</b></p>", "<p>a <b><mark>loop</mark></b></p>"),
        ("<script>loop()</script>x<style>loop{}</style>", "x"),
        ('<img src="http://evil.example/loop.png" onerror="x()">', ""),
        ('<p onclick="x()" style="color:red" class="loop">x</p>', "<p>x</p>"),
        ("<h2>The loop</h2>", "<p><strong>The <mark>loop</mark></strong></p>"),
        ("a &lt;loop&gt; &amp;amp;", "a &lt;<mark>loop</mark>&gt; &amp;amp;"),
        ('<iframe srcdoc="<script>x</script>"></iframe>', ""),
        ("<svg><script>x</script></svg>", ""),
    ],
)
def test_answers_are_cleaned(answer: str, shown: str) -> None:
    assert clean_answer(answer, frozenset({"loop"})) == shown


def test_links_keep_a_plain_target_only() -> None:
    shown = clean_answer(
        '<a href="https://x.example/?a=&gt;loop&quot;<loop" target="t">loop</a><a href="javascript:x()">y</a>',
        frozenset({"loop"}),
    )
    assert shown.count("<mark>") == 1
    assert "<mark>loop</mark></a>" in shown
    assert "javascript" not in shown
    assert shown.count("href=") == 1
