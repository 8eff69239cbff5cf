"""Ask the FAQ one question."""

from __future__ import annotations

import html
import os
import re
import textwrap
from pathlib import Path
from typing import Any

from triptych.errors import InputError

__all__ = ["ask", "to_text"]

_BLOCK_END = re.compile(r"</(?:p|li|h[1-6]|pre|blockquote|div|tr)>|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_BLANK = re.compile(r"\n\s*\n")
_CODE = re.compile(r"(<pre\b.*?</pre\s*>)", re.IGNORECASE | re.DOTALL)
# What a terminal would obey: all controls but tab and line break.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def ask(matcher: Path, title: str, body: str, top_k: int, text_format: Any = "auto") -> list[dict[str, Any]]:
    """Find the originals that answer a question.

    Args:
        matcher: Folder of the matcher.
        title: The question in a line.
        body: What else there is to say; HTML or plain text, may be empty.
        top_k: Originals to give.
        text_format: `html`, `plain` or `auto`, of the body.

    Returns:
        `rank`, `original_id`, `score`, `probability`, `verdict`, `title`, `answer_id`, `answer` of each, best first.

    Raises:
        InputError: If nothing is asked, or the folder holds no matcher of this version.
    """
    from triptych.startup import ensure_openmp

    ensure_openmp()
    import pandas as pd

    from triptych.faq.matcher import FaqMatcher
    from triptych.faq.text.new_questions import clean_new_questions, complete_columns

    # Words of a command line that are no UTF-8 have half letters, which no library takes.
    title, body = (os.fsencode(text).decode("utf-8", "replace") for text in (title, body))
    clean, _ = clean_new_questions(complete_columns(pd.DataFrame({"title": [title], "body": [body]})), text_format)
    if clean.empty:
        raise InputError("the question has no text: ask it in words")
    try:
        loaded = FaqMatcher.load(matcher)
    except (ValueError, KeyError, OSError) as error:
        raise InputError(f"{matcher} cannot be read as a matcher: {error}") from error
    found = loaded.match(clean, top_k).drop(columns="question_id")
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def to_text(markup: str, width: int = 100, indent: str = "") -> str:
    """Turn HTML into text for a terminal, without anything that a terminal would obey.

    Args:
        markup: HTML.
        width: Prose is wrapped at so many letters; code keeps its lines.
        indent: Before every line.
    """
    parts = []
    for part in _CODE.split(markup):
        text = _CONTROL.sub("", html.unescape(_TAG.sub("", _BLOCK_END.sub("\n\n", part))))
        if _CODE.fullmatch(part):
            parts.append(textwrap.indent(text.strip("\n"), f"{indent}    "))
        else:
            paragraphs = filter(None, (" ".join(block.split()) for block in _BLANK.split(text)))
            parts += [
                textwrap.fill(block, width, initial_indent=indent, subsequent_indent=indent) for block in paragraphs
            ]
    return "\n\n".join(filter(str.strip, parts))
