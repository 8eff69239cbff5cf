"""Show text that strangers wrote: cleaned, and with the words marked that it shares with a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import nh3
from markupsafe import Markup, escape

from triptych.faq.text.tokens import find_tokens, normalize_token

_TAGS = {
    *("a", "b", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em", "hr", "i", "kbd", "li", "ol", "p", "pre"),
    *("s", "strong", "sub", "sup", "ul", "h1", "h2", "h3", "h4", "h5", "h6"),
}
# Cleaned HTML has its quotes within attributes spelt out.
_TAG = re.compile(r'(<(?:[^<>"]|"[^"]*")*>)')
_HEADING = re.compile(r"<(/?)h[1-6]>")
# Words of nearly every question: marked, they would hide the others. As they are stemmed.
_COMMON = frozenset(
    {
        *("a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "doe", "for", "from", "get", "have"),
        *("how", "i", "if", "in", "into", "is", "it", "me", "my", "no", "not", "of", "on", "or", "so", "than", "that"),
        *("the", "their", "them", "then", "there", "these", "this", "to", "use", "via", "was", "we", "what", "when"),
        *("where", "which", "whi", "will", "with", "without", "you", "your"),
    }
)


def find_words(*texts: str) -> frozenset[str]:
    """Find the words of a question as the FAQ's index knows them, without those that nearly every question has."""
    words = (word for text in texts for token in find_tokens(_lower(text)) for word in normalize_token(token))
    return frozenset(words) - _COMMON


def mark_text(text: str, words: frozenset[str]) -> Markup:
    """Escape plain text, and mark the words in it that a question has too.

    >>> mark_text("Lists & <b>", frozenset({"list"}))
    Markup('<mark>Lists</mark> &amp; &lt;b&gt;')
    """
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if is_shared else escape(part) for part, is_shared in _cut(text, words)
    )


def clean_answer(html: str, words: frozenset[str]) -> Markup:
    """Clean an answer's HTML by a list of what is allowed, and mark the words in its text.

    No pictures, styles or scripts are left, and of attributes only the targets of links; headings become bold lines,
    because a page has headings of its own.

    Args:
        html: As it was written.
        words: Of the question.
    """
    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
    )
    cleaned = _HEADING.sub(lambda tag: "</strong></p>" if tag[1] else "<p><strong>", cleaned)
    parts = _TAG.split(cleaned)
    # What is between tags is at even places.
    shown = (part if place % 2 else str(mark_text(unescape(part), words)) for place, part in enumerate(parts))
    return Markup("".join(shown))  # noqa: S704 - it was cleaned above


def _cut(text: str, words: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """Cut text into parts, each with whether it is a word of the question."""
    lower, end = _lower(text), 0
    for token in find_tokens(lower):
        if words.isdisjoint(normalize_token(token)):
            continue
        start = lower.find(token, end)
        if start < 0:
            continue
        yield text[end:start], False
        end = start + len(token)
        yield text[start:end], True
    yield text[end:], False


def _lower(text: str) -> str:
    """Make letters small, but for the few that become two: places must stay."""
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
