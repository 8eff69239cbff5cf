"""The FAQ matcher as an MLflow model: questions in, the originals that answer them out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel

from triptych.faq.text.markup import TextFormat
from triptych.faq.text.new_questions import clean_new_questions, complete_columns
from triptych.serving.request_params import complete_params
from triptych.startup import ensure_openmp

if TYPE_CHECKING:
    from triptych.faq.matcher import FaqMatcher

MATCHER = "matcher"
DEFAULT_TOP_K = 3
DEFAULT_TEXT_FORMAT: TextFormat = "auto"
MOST_QUESTIONS = 200
MOST_CHARACTERS = 2_000_000
MOST_MATCHES = 10_000
_MOST_ORIGINALS = 1000
UNLIMITED = "TRIPTYCH_UNLIMITED"
"""Variable of the environment; 1 lifts the limits of a request, for batches of files that nobody waits for."""


class FaqModel(PythonModel):
    """Match questions with the FAQ in the model's artifact `matcher`.

    Input: columns `title` and `body` (HTML or plain text), of which one may be missing, and optionally
    `question_id` (whole numbers or text; counted from 1 where missing). Parameters: `top_k`, originals a question, in
    [1, 1000]; `text_format`, what bodies are: `html`, `plain`, or `auto`, told text by text.
    Output: a row an original with `question_id`, `rank` (from 1), `original_id`, `score`, `probability` (that it
    answers the question), `verdict` (`match`, or `no match` where the probability is below the model's threshold),
    `title`, `answer_id` (-1: none), `answer` (HTML, may be empty). A question without any text has no row.
    A request, which holds the server's worker until it is answered, has at most 200 questions, 2 million characters and
    10,000 rows of output.
    """

    _matcher: FaqMatcher
    _number: int

    def load_context(self, context: Any) -> None:
        """Load the matcher.

        Args:
            context: MLflow's, with the path of the artifact.
        """
        ensure_openmp()
        from triptych.faq.asked import number_matcher
        from triptych.faq.matcher import FaqMatcher

        self._matcher = FaqMatcher.load(Path(context.artifacts[MATCHER]))
        self._number = number_matcher(self._matcher)
        # Opened now: a server without the encoder's libraries is not to take questions, and the first is not to wait.
        self._matcher.index.encode(pd.DataFrame({"title": ["a"], "text": [""]}))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Match questions.

        Args:
            context: Not used.
            model_input: The questions.
            params: `top_k`, `text_format`.

        Returns:
            The originals, best first.

        Raises:
            MlflowException: If the input or a parameter is wrong (HTTP 400 from a server).
        """
        given = complete_params(params, {"top_k": DEFAULT_TOP_K, "text_format": DEFAULT_TEXT_FORMAT})
        top_k = int(given["top_k"])
        if not 1 <= top_k <= _MOST_ORIGINALS:
            raise MlflowException.invalid_parameter_value(f"top_k must be in [1, {_MOST_ORIGINALS}], got {top_k}")
        is_limited = os.environ.get(UNLIMITED) != "1"
        if is_limited:
            _check_count(len(model_input), top_k)
        text_format = given["text_format"]
        if text_format not in get_args(TextFormat):
            raise MlflowException.invalid_parameter_value(
                f"text_format must be one of {', '.join(get_args(TextFormat))}, got {text_format}"
            )
        try:
            questions = complete_columns(model_input)
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(f"questions: {error}") from error
        if is_limited:
            _check_length(questions)
        clean, _ = clean_new_questions(questions, text_format)
        # One process: a server has its own.
        return self._matcher.match(clean, top_k, workers=1)

    def measure(
        self, model_input: pd.DataFrame, found: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[Any, Any]]:
        """Measure questions that were answered, for `faq_drift`: a row of figures each, never their text.

        Args:
            model_input: As for `predict`.
            found: What that gave.
            params: As for that.
        """
        from triptych.drift.versions import MODEL
        from triptych.faq.asked import measure_questions

        text_format = complete_params(params, {"text_format": DEFAULT_TEXT_FORMAT})["text_format"]
        clean, _ = clean_new_questions(complete_columns(model_input), text_format)
        measured = measure_questions(self._matcher, clean, found).assign(**{MODEL: self._number})
        rows: list[dict[Any, Any]] = measured.to_dict("records")
        return rows


def _check_count(questions: int, top_k: int) -> None:
    if questions > MOST_QUESTIONS:
        raise MlflowException.invalid_parameter_value(
            f"{questions} questions, more than {MOST_QUESTIONS} a request: ask in parts, or use the batch endpoint or "
            "`kedro run --pipelines faq_score`"
        )
    if questions * top_k > MOST_MATCHES:
        raise MlflowException.invalid_parameter_value(
            f"{questions} questions with top_k {top_k} ask for {questions * top_k} rows, more than {MOST_MATCHES} a "
            "request: take a smaller top_k, or ask in parts"
        )


def _check_length(questions: pd.DataFrame) -> None:
    length = int(questions["title"].str.len().sum() + questions["body"].str.len().sum())
    if length > MOST_CHARACTERS:
        raise MlflowException.invalid_parameter_value(
            f"the questions have {length} characters, more than {MOST_CHARACTERS} a request: ask in parts"
        )
