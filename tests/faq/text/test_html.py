"""Prose and code come apart, and nothing that tells the right answer stays."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faq.conftest import Sample
from triptych.faq.text.html import clean_html, clean_title

LINK = '<a href="https://stackoverflow.com/questions/1058/slug">How to run promises</a>'
BLOCKQUOTE = f"<blockquote>\n  <p><strong>Possible Duplicate:</strong><br>\n  {LINK}  </p>\n</blockquote>\n"
EDIT = '<p><strong>EDIT:</strong> this was closed as a duplicate of <a href="/q/1058">that question</a>.</p>'
NOTICE = f"<div><p>This question already has answers here:</p>{LINK}<p>(3 answers)</p></div>"


@pytest.mark.parametrize(
    ("body", "text", "code"),
    [
        ("", "", ""),
        ("plain words", "plain words", ""),
        ("<p>one</p><p>two</p>", "one two", ""),
        ("<p>one\n  two\t three&nbsp;four</p>", "one two three four", ""),
        ("1 < 2 & 3", "1 < 2 & 3", ""),
        ("<p>&lt;b&gt; &amp;amp; &eacute;&#x96EA;</p>", "<b> &amp; é雪", ""),
        ("<p>use <code>x = 1</code> here</p>", "use x = 1 here", "x = 1"),
        ("<p>a</p><pre><code>if (x) {\n  y();\n}\n</code></pre><p>b</p>", "a b", "if (x) {\n  y();\n}"),
        ("<pre>no code tag</pre><pre><code>two</code></pre>", "", "no code tag\ntwo"),
        ("<code>inline</code><pre>block</pre>", "inline", "block\ninline"),
        ("<pre><code>a &lt; b &amp;&amp; c</code></pre>", "", "a < b && c"),
        ("<pre>a<pre>b</pre></pre>", "", "ab"),
        ("<pre><code>a<pre>b</pre></code></pre>c", "c", "ab"),
        ("<code>a<code>b</code></code>", "a b", "ab"),
        ("<p>never closed <b>bold", "never closed bold", ""),
        ("</div></p>stray<table><tr><td>cell", "stray cell", ""),
        ("<script>alert(1)</script><style>p {}</style><p>x</p>", "x", ""),
        ("<svg><script>a<style>b</style></script></svg><p>x</p>", "x", ""),
        ("<!-- hidden --><p title='no'>shown</p><img src='x' alt='no'>", "shown", ""),
        ("<frameset><frame></frameset>", "", ""),
        ('see <a href="https://example.org/docs">the docs</a> first', "see the docs first", ""),
        ('see <a>no address</a> and <a href="">none</a>', "see no address and none", ""),
        ('see <a href="/questions/tagged/js">tag</a> and <a href="/users/12">me</a>', "see tag and me", ""),
        ("at https://example.org/a?b=1 or ftp://x.y/z or www.example.org now", "at or or now", ""),
        ("HTTPS://EXAMPLE.ORG/Q end", "end", ""),
        (f"<p>like {LINK} but other</p>", "like but other", ""),
        ('<p>see <a href="/q/12">q</a><a href="/a/34/5">a</a><a href="/duplicates/5">d</a>!</p>', "see !", ""),
        ("<a href='/q/1'>x<table><a href='/q/2'>y</a></table></a>z", "z", ""),
        (f"<pre>{LINK}kept</pre>", "", "kept"),
        (BLOCKQUOTE + "<p>Mine differs.</p>", "Mine differs.", ""),
        ("<p>Mine.</p>" + EDIT, "Mine.", ""),
        (NOTICE + "<p>Mine.</p>", "(3 answers) Mine.", ""),
        ("<p>This question already has an answer here: 2 answers</p><p>Mine.</p>", "Mine.", ""),
        ("<p>Exact duplicates of: x</p>", "x", ""),
        ("<p>My question has been marked as an exact duplicate. It is not.</p>", "It is not.", ""),
        ("<p>How do I find a possible duplicate in a list?</p>", "How do I find a possible duplicate in a list?", ""),
        ("<p>This was closed by the server. Why?</p>", "This was closed by the server. Why?", ""),
    ],
)
def test_examples(body: str, text: str, code: str) -> None:
    assert clean_html(body) == (text, code)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Why? [duplicate]", "Why?"),
        ("Why? [Closed] ", "Why?"),
        ("Why? [on hold]", "Why?"),
        ("[duplicate] keys in an object", "[duplicate] keys in an object"),
        ("Find duplicates in an array", "Find duplicates in an array"),
        ("Possible Duplicate: this", "this"),
        ("  two   spaces ", "two spaces"),
        ("if (a < b && c) why?", "if (a < b && c) why?"),
        ("", ""),
    ],
)
def test_titles(title: str, expected: str) -> None:
    assert clean_title(title) == expected


TAGS = ["pre", "code", "p", "a href='/q/1'", "a href='/x'", "svg", "script", "style", "table", "td", "template", "b"]
SOUP = st.lists(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag.split()[0]}>" for tag in TAGS] + ["one ", "&lt;", "\x00"])
    | st.text(max_size=5),
    max_size=25,
)


@given(SOUP)
def test_any_soup_gives_folded_prose_and_code_once(parts: list[str]) -> None:
    text, code = clean_html("".join(parts))
    assert text == re.sub(r"\s+", " ", text).strip()
    # Inline code stands in both, a block in one, nothing more often than it was written.
    written = max(sum(part.count("one") for part in parts), "".join(parts).count("one"))
    assert text.count("one") <= written
    assert code.count("one") <= written


def test_many_spaces_in_a_title_cost_no_more_than_its_length() -> None:
    start = time.process_time()
    assert clean_title("a" + " " * 100_000 + "b") == "a b"
    assert time.process_time() - start < 2


def test_deep_nesting_costs_no_more_than_its_length() -> None:
    assert len(clean_html("<pre>" * 2000 + "x" * 100).code) == 100
    assert len(clean_html("<code>" * 2000 + "x" * 100).code) == 100


def test_both_forms_of_banner_are_in_the_sample(sample: Sample) -> None:
    bodies = sample.raw.loc[sample.raw["kind"] == "question", "body"]
    assert bodies.str.contains("Possible Duplicate:</strong>").sum() > 10
    assert bodies.str.contains("this was closed as a duplicate of").sum() > 10


def test_no_banner_of_the_sample_survives(sample: Sample) -> None:
    table = sample.questions
    whole = table["title"] + "\n" + table["text"] + "\n" + table["code"]
    assert not whole.str.contains(r"possible duplicate|closed as a duplicate|\[duplicate\]", case=False).any()
    assert not whole.str.contains(r"stackoverflow\.com/questions", case=False).any()
    assert not table["text"].str.contains(r"https?://", case=False).any()
    titles = table.set_index("question_id")["title"]
    for question, original in sample.pairs.itertuples(index=False):
        text = table.loc[table["question_id"] == question, ["text", "code"]].iloc[0].str.cat(sep="\n")
        assert titles[original].lower() not in text.lower(), question


def test_cleaning_the_sample_keeps_what_people_wrote(sample: Sample) -> None:
    raw = sample.raw[sample.raw["kind"] == "question"]
    assert (sample.questions["text"].str.len() > 40).all()
    with_code = raw["body"].str.contains("<pre>").to_numpy()
    assert ((sample.questions["code"] != "").to_numpy() >= with_code).all()
    # What is dropped is tags, banners and code blocks; prose is most of the rest.
    prose = raw["body"].str.replace(r"(?s)<pre>.*?</pre>|<blockquote>.*?</blockquote>|<[^>]+>", " ", regex=True)
    for kept, written in zip(sample.questions["text"], prose, strict=True):
        assert len(kept.split()) > 0.6 * len(written.split()), written
