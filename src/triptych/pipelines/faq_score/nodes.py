"""The node that answers new questions."""

from pathlib import Path

import pandas as pd

from triptych.drift.request_log import log_batch
from triptych.drift.versions import MODEL
from triptych.faq.asked import measure_questions, number_matcher
from triptych.faq.matcher import FaqMatcher
from triptych.faq.params import ScoringParams
from triptych.faq.text.new_questions import clean_new_questions


def score_questions(
    matcher: FaqMatcher, new_questions: pd.DataFrame, request_log: Path, scoring: ScoringParams
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match a file of new questions with the FAQ.

    Args:
        matcher: The FAQ.
        new_questions: Columns `question_id`, `title`, `body` (HTML or plain text).
        request_log: Where measures of the questions are logged, if that is asked for.
        scoring: How many originals to give.

    Returns:
        The best originals of each question with scores and answers, and the questions without any text.
    """
    clean, rejected = clean_new_questions(new_questions, scoring.text_format)
    matches = matcher.match(clean, scoring.top_k, scoring.workers)
    if scoring.log_requests and len(clean):
        measured = measure_questions(matcher, clean, matches)
        log_batch(request_log, measured.assign(**{MODEL: number_matcher(matcher)}))
    return matches, rejected
