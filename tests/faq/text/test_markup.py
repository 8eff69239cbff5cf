"""Markup and plain text are told apart, and nothing written in plain text is lost."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faq.conftest import Sample
from triptych.faq.text.markup import clean_body, is_markup

PLAIN = [
    "",
    "plain words",
    "List<String> to array? if (a<b && c>d)",
    "1 < 2 & 3",
    "a<b>c and x<i>y",
    "Map<String, List<Integer>> of vector<a>",
    "How do I center a <div> in another <div>?",
    "#include <iostream> in C++",
    "if (a <b and c> d) x",
    "AT&T; fish & chips",
    "<property name='x'>1</property>",
    "foo <me@example.org> wrote",
]
MARKUP = [
    "<p>one</p>",
    "  <p>never closed <b>bold",
    "<pre><code>a &lt; b</code></pre>",
    "use <code>x = 1</code> here",
    'see <a href="https://example.org/docs">the docs</a> first',
    "one<br>two<br/>three",
    "look <img src='x' alt='no'>",
    "a &lt; b &amp;&amp; c",
    "it&#39;s",
    "<!-- hidden -->shown",
    "<!DOCTYPE html><p>x",
    "<UL><LI>one</UL>",
]


@pytest.mark.parametrize("body", PLAIN)
def test_plain_text_is_kept_whole(body: str) -> None:
    assert not is_markup(body)
    assert clean_body(body) == (" ".join(body.split()), "")


@pytest.mark.parametrize("body", MARKUP)
def test_markup_is_read_as_markup(body: str) -> None:
    assert is_markup(body)
    assert "<" not in clean_body(body).text.replace("a < b", "")


def test_the_user_may_say_which() -> None:
    body = "why is <b>this</b> not bold?"
    assert clean_body(body, "auto") == clean_body(body, "html") == ("why is this not bold?", "")
    assert clean_body(body, "plain") == (body, "")
    assert clean_body("a<b && c>d", "html").text != "a<b && c>d"


def test_plain_text_gives_no_answer_away() -> None:
    body = "Possible Duplicate: see https://stackoverflow.com/questions/1058/slug\n\nif (a<b) why?"
    assert clean_body(body).text == "see if (a<b) why?"


@given(st.text(alphabet="ab <>&;/='\"pcode\n", max_size=40))
def test_whatever_is_typed_survives_once_it_is_spelt_as_html(text: str) -> None:
    spelt = f"<p>{html.escape(text)}</p>"
    assert is_markup(spelt)
    assert clean_body(spelt) == clean_body(text, "plain")


def test_every_body_of_the_sample_is_markup(sample: Sample) -> None:
    assert sample.raw["body"].map(is_markup).all()
