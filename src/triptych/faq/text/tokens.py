"""Cut text and code into words: what every view of a question is counted over."""

import itertools
import re
from functools import lru_cache

import Stemmer

# Operators are words of their own: `==` and `===` are what some questions are about.
_TOKEN = re.compile(r"[^\W_]+|[=!<>]=+|=>|&&|\|\||\+\+|\?\.|\?\?|\.\.\.")
_LONGEST_TOKEN = 40
_STEMMER = Stemmer.Stemmer("english", 0)


@lru_cache(maxsize=1 << 18)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


def word_tokens(text: str) -> list[str]:
    """Cut text into lower-case stemmed words and operators.

    Stemming is Snowball's English (Porter2) stemmer. Words over 40 characters (hashes, encoded data) are dropped.

    >>> word_tokens("Why does NaN === NaN return false?")
    ['whi', 'doe', 'nan', '===', 'nan', 'return', 'fals']
    """
    return [_stem(word) for word in _TOKEN.findall(text.lower()) if len(word) <= _LONGEST_TOKEN]


def word_pairs(text: str) -> list[str]:
    """List each two words in a row, joined by a space."""
    words = word_tokens(text)
    return [f"{first} {second}" for first, second in itertools.pairwise(words)]
