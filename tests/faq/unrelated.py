"""Questions that no FAQ about programs answers: of other subjects, in other languages, and of made-up words."""

from __future__ import annotations

import numpy as np
import pandas as pd

_ASKED = (
    "How do I {verb} {thing} {when}?",
    "What is the best way to {verb} {thing} {when}?",
    "Why can I not {verb} {thing} {when}?",
    "Is it safe to {verb} {thing} {when}?",
    "Wie kann ich {thing} {when} {verb}, ohne dass es Ärger gibt?",
    "Comment faire pour {verb} {thing} {when} sans rien casser ?",
    "¿Cuál es la mejor manera de {verb} {thing} {when}?",
    "Как лучше всего {verb} {thing} {when}?",
    "请问怎么 {verb} {thing} {when} 比较好",
)
_WORDS = {
    "en": (
        ["prune", "roast", "repaint", "insure", "knit", "sharpen", "breed", "rent out", "tune", "season"],
        ["a rose bush", "a duck", "an oak door", "a narrow boat", "a woollen scarf", "a bread knife", "parakeets"],
        ["in spring", "for twelve guests", "before it rains", "without a licence", "on a budget", "at high altitude"],
    ),
    "de": (
        ["schneiden", "braten", "streichen", "versichern", "stricken", "schleifen"],
        ["einen Rosenstrauch", "eine Ente", "die Haustür", "mein Segelboot", "einen Schal", "das Brotmesser"],
        ["im Frühling", "für zwölf Gäste", "vor dem Regen", "ohne Führerschein", "im Hochgebirge"],
    ),
    "ru": (
        ["подстричь", "зажарить", "покрасить", "застраховать", "связать"],
        ["розовый куст", "утку", "входную дверь", "парусную лодку", "шерстяной шарф"],
        ["весной", "на двенадцать гостей", "до дождя", "без прав", "после зимы"],
    ),
    "zh": (["修剪", "烤", "油漆", "投保"], ["玫瑰", "鸭子", "木门", "帆船"], ["春天", "十二位客人", "下雨之前"]),
}
_LANGUAGES = ("en", "en", "en", "en", "de", "de", "de", "ru", "zh")


def draw_unrelated(count: int, seed: int = 0) -> pd.DataFrame:
    """Draw questions as `clean_new_questions` gives them: columns `question_id`, `title`, `text`, `code`.

    A fifth are words of random letters.
    """
    rng = np.random.default_rng(seed)
    titles, texts = [], []
    for number in range(count):
        if number % 5 == 4:
            drawn = [_draw_word(rng) for _ in range(20)]
            title, text = " ".join(drawn[:6]), " ".join(drawn[6:])
        else:
            title, text = _write(rng), " ".join(_write(rng) for _ in range(3))
        titles.append(title)
        texts.append(text)
    return pd.DataFrame({"question_id": np.arange(1, count + 1), "title": titles, "text": texts, "code": ""})


def _write(rng: np.random.Generator) -> str:
    kind = int(rng.integers(len(_ASKED)))
    verb, thing, when = (str(rng.choice(words)) for words in _WORDS[_LANGUAGES[kind]])
    return _ASKED[kind].format(verb=verb, thing=thing, when=when)


def _draw_word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=int(rng.integers(3, 10))))
