"""Tell HTML from plain text, in which `a<b` is no tag, and clean either."""

from __future__ import annotations

import re
from typing import Literal

from triptych.faq.text.html import CleanText, clean_html, clean_plain

TextFormat = Literal["auto", "html", "plain"]
"""What texts are: told one by one, all HTML, or all plain text."""

# What people and editors write into posts; `<String>` of Java and `<vector>` of C++ are none of it.
_NAMES = (
    "a|abbr|b|blockquote|body|br|caption|center|cite|code|dd|del|details|div|dl|dt|em|font|h1|h2|h3|h4|h5|h6|"
    "head|hr|html|i|img|kbd|li|ol|p|pre|q|s|samp|script|small|span|strike|strong|style|sub|summary|sup|table|"
    "tbody|td|tfoot|th|thead|tr|tt|u|ul|var"
)
# Attributes have values here: `<b and c>` compares, it marks nothing up.
_ATTRIBUTES = r"(?:\s+[a-z][\w:-]*\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+))*\s*"
_OPENING = re.compile(rf"<({_NAMES}){_ATTRIBUTES}>", re.IGNORECASE)
# What HTML starts with, also where it never closes it.
_START = re.compile(rf"\s*<(?:!--|!doctype\b|(?:p|pre|ul|ol|h[1-6]|blockquote|html|body){_ATTRIBUTES}>)", re.IGNORECASE)
_EMPTY = re.compile(rf"<(?:br|hr|img){_ATTRIBUTES}/?>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8}\d{0,2});", re.IGNORECASE)


def clean_body(body: str, text_format: TextFormat = "auto") -> CleanText:
    """Split a post into prose and code, whichever it is written in.

    Args:
        body: HTML or plain text.
        text_format: Which of them; `auto` goes by `is_markup`.

    Returns:
        Prose on one line, and code; plain text is all prose.
    """
    as_html = is_markup(body) if text_format == "auto" else text_format == "html"
    return clean_html(body) if as_html else clean_plain(body)


def is_markup(body: str) -> bool:
    """Tell whether a text is HTML.

    It is where it starts as HTML does, where an element is opened and closed again, where there is `<br>`, `<hr>` or
    `<img>`, and where characters are spelt (`&amp;`) and no `<` stands in it, which HTML would have spelt too.

    >>> is_markup("List<String> to array? if (a<b && c>d)"), is_markup("use <code>x</code>"), is_markup("a &lt; b")
    (False, True, True)
    """
    if "<" not in body:
        return _REFERENCE.search(body) is not None
    if _START.match(body) or _EMPTY.search(body):
        return True
    lower = body.lower()
    first = {tag[1]: tag.end() for tag in reversed(list(_OPENING.finditer(lower)))}
    return any(lower.rfind(f"</{name}") >= end for name, end in first.items())
