"""Turn a post's HTML into prose and code, without what gives its answer away."""

import re
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

# A link to another question: in a duplicate it is mostly the site's own banner, its text the original's title.
_QUESTION_LINK = re.compile(r"/(?:questions|q|a|duplicates)/\d+")
_URL = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_CLOSED_AS = (
    r"(?:(?:edit|update)\s*\d*\W*)?(?:this|my)\s+(?:question|post)?\s*(?:was|is|has been|got)\s+"
    r"(?:closed|marked|flagged)\s+(?:as\s+)?(?:an?\s+)?(?:exact\s+|possible\s+)?dup(?:licate|e)?\b[^.!?]*[.!?]?"
)
_LABEL_LEAK = re.compile(
    r"(?:exact|possible)\s+duplicates?\s*(?:of\s*)?:"
    r"|this question already has (?:an answer|answers)(?:\s+here)?\s*:?(?:\s*\d+ answers?)?"
    rf"|{_CLOSED_AS}",
    re.IGNORECASE,
)
_TITLE_MARK = re.compile(r"\s*\[(?:duplicate|closed|on hold|migrated)\]\s*$", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


class CleanText(NamedTuple):
    """Prose on one line, and code with its line breaks."""

    text: str
    code: str


def clean_html(body: str) -> CleanText:
    """Split a post's HTML into prose and code.

    Inline code stays in the prose, where it is part of the sentence, and is repeated in the code. Links to
    other questions, bare addresses and duplicate banners are dropped: they tell the right answer.

    Args:
        body: HTML as Stack Exchange stores it.

    Returns:
        Prose with entities decoded and white space folded, and the code blocks one below the other.
    """
    tree = LexborHTMLParser(body)
    for link in tree.css("a"):
        if _QUESTION_LINK.search(link.attributes.get("href") or ""):
            link.replace_with(" ")
    # Nodes are replaced, not freed: broken HTML nests them, and the inner one would be freed twice.
    for node in tree.css("script, style"):
        node.replace_with(" ")
    blocks = []
    for node in tree.css("pre:not(pre *)"):
        blocks.append(node.text())
        node.replace_with(" ")
    blocks += [node.text() for node in tree.css("code:not(code *)")]
    text = tree.body.text(separator=" ") if tree.body else ""
    return CleanText(_strip_leaks(text), "\n".join(block.strip() for block in blocks))


def clean_plain(body: str) -> CleanText:
    """Fold plain text into one line and drop addresses and duplicate banners; all of it counts as prose."""
    return CleanText(_strip_leaks(body), "")


def clean_title(title: str) -> str:
    """Drop the marks that the site appends to titles, and label leaks."""
    # Folded before: a search for the mark goes with the square of the white space in a row.
    return _strip_leaks(_TITLE_MARK.sub("", _SPACE.sub(" ", title)))


def _strip_leaks(text: str) -> str:
    return _SPACE.sub(" ", _LABEL_LEAK.sub(" ", _URL.sub(" ", _SPACE.sub(" ", text)))).strip()
