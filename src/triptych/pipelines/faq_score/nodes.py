"""The node that answers new questions."""

import pandas as pd

from triptych.faq.matcher import FaqMatcher
from triptych.faq.params import ScoringParams
from triptych.faq.text.new_questions import clean_new_questions


def score_questions(
    matcher: FaqMatcher, new_questions: pd.DataFrame, scoring: ScoringParams
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match a file of new questions with the FAQ.

    Args:
        matcher: The FAQ.
        new_questions: Columns `question_id`, `title`, `body` (HTML or plain text).
        scoring: How many originals to give.

    Returns:
        The best originals of each question with scores and answers, and the questions without any text.
    """
    clean, rejected = clean_new_questions(new_questions, scoring.text_format)
    return matcher.match(clean, scoring.top_k, scoring.workers), rejected
