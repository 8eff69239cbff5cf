"""Cut text and code into words: what every view of a question is counted over."""

import itertools
import re
from functools import lru_cache

import Stemmer

# Names that a sign makes: C# is not C, and .NET no net. Digits may follow, as in C++17.
_SIGNED = r"(?<![^\W_])(?:[cfjqx]#|(?:c|g|clang|libc|libstdc|notepad)\+\+)(?![^\W\d_])|(?<![^\W_])\.net(?![^\W_])"
# Products named after a file's ending are a word of their own beside their parts, which may be all that is written.
_ENDING = r"(?:\.(?:js|net|io)(?![^\W_]))?"
# Operators are words of their own: `==` and `===` are what some questions are about.
_TOKEN = re.compile(rf"{_SIGNED}|[^\W_]+{_ENDING}|[=!<>]=+|=>|&&|\|\||\+\+|\?\.|\?\?|\.\.\.")
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
    >>> word_tokens("Node.js or C#?")
    ['node.js', 'node', 'js', 'or', 'c#']
    """
    return [word for token in find_tokens(text) for word in normalize_token(token)]


def find_tokens(text: str) -> list[str]:
    """Cut text into lower-case tokens as they are written; `normalize_token` makes words of each."""
    return _TOKEN.findall(text.lower())


def normalize_token(token: str) -> tuple[str, ...]:
    """List the words of a token: its stem, none where it is too long, a product's name and its parts."""
    if len(token) > _LONGEST_TOKEN:
        return ()
    return _list_parts(token) if "." in token else (_stem(token),)


def _list_parts(name: str) -> tuple[str, ...]:
    product, dot, ending = name.partition(".")
    if not product.isalnum():
        return (name,)
    return name, _stem(product), dot + ending if ending == "net" else ending


def word_pairs(text: str) -> list[str]:
    """List each two words in a row, joined by a space."""
    words = word_tokens(text)
    return [f"{first} {second}" for first, second in itertools.pairwise(words)]
