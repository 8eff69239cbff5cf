"""The reference solution's method, as a baseline: TF-IDF of both texts into a LightGBM classifier.

Reimplemented from the description of Microsoft's MLHyperparameterTuning (2018): each training duplicate is paired
with its original (a match) and with `match - 1` other originals drawn at random; the two texts' TF-IDF vectors
stand side by side; a binary classifier weighs both classes equally unless told not to; originals are ranked by its
probability of a match. Texts are lower-cased prose without code.
"""

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from triptych.faq.params import ReferenceParams
from triptych.parallel import count_threads

if TYPE_CHECKING:
    import lightgbm as lgb

_CHUNK_PAIRS = 50_000


class ReferenceModel:
    """TF-IDF of the question and of the original, and the classifier over both."""

    def __init__(self, params: ReferenceParams) -> None:
        # Imported here so that `kedro` starts without them.
        import lightgbm as lgb
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.params = params
        ngrams = (1, params.ngrams)
        self.duplicate_tfidf = TfidfVectorizer(ngram_range=ngrams)
        self.original_tfidf = TfidfVectorizer(ngram_range=ngrams)
        self.classifier = lgb.LGBMClassifier(
            n_estimators=params.rounds,
            min_child_samples=params.min_child_samples,
            class_weight=None if params.unweighted else "balanced",
            n_jobs=count_threads(params.threads),
            random_state=params.seed,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        )

    def fit(self, texts: pd.Series, train: pd.DataFrame, before: "lgb.Booster | None" = None) -> "ReferenceModel":
        """Train on matching and non-matching pairs.

        Args:
            texts: Text of every question, by question id.
            train: Columns `question_id`, `original_id`: the training duplicates.
            before: Classifier to go on boosting from, trained on the same pairs.
        """
        pairs = draw_pairs(train, self.params)
        left, right = texts.loc[pairs["question_id"]], texts.loc[pairs["candidate_id"]]
        self.duplicate_tfidf.fit(left)
        self.original_tfidf.fit(right)
        self.classifier.fit(self._vectorize(texts, pairs), pairs["label"], init_model=before)
        return self

    def score(self, texts: pd.Series, pairs: pd.DataFrame) -> NDArray[np.float64]:
        """Give the probability of a match of each row (columns `question_id`, `candidate_id`)."""
        parts = [np.empty(0)]
        # A row's two texts take some kilobytes as vectors.
        for start in range(0, len(pairs), _CHUNK_PAIRS):
            vectors = self._vectorize(texts, pairs.iloc[start : start + _CHUNK_PAIRS])
            parts.append(np.asarray(self.classifier.predict_proba(vectors), dtype=np.float64)[:, 1])
        return np.concatenate(parts)

    def _vectorize(self, texts: pd.Series, pairs: pd.DataFrame) -> csr_matrix:
        sides = []
        for column, tfidf in (("question_id", self.duplicate_tfidf), ("candidate_id", self.original_tfidf)):
            ids, rows = np.unique(pairs[column], return_inverse=True)
            sides.append(csr_matrix(tfidf.transform(texts.loc[ids]))[rows])
        return csr_matrix(hstack(sides))


def score_fold(
    questions: pd.DataFrame, roles: pd.DataFrame, asked: pd.DataFrame, params: ReferenceParams
) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Train on a fold's training and tuning duplicates, and score its test questions' candidates.

    Args:
        questions: Columns `question_id`, `title`, `text`.
        roles: Columns `question_id`, `original_id`, `role` of the fold.
        asked: Columns `question_id`, `candidate_id` (and any others, which stay).
        params: The method's settings.

    Returns:
        `asked` with a column `score`, and the seconds of training and of scoring.
    """
    start = time.perf_counter()
    texts = reference_texts(questions)
    model = ReferenceModel(params).fit(texts, roles[roles["role"].isin(["train", "tune"])])
    trained = time.perf_counter()
    table = asked.assign(score=model.score(texts, asked))
    return table, (trained - start, time.perf_counter() - trained)


def draw_pairs(train: pd.DataFrame, params: ReferenceParams) -> pd.DataFrame:
    """Pair each duplicate with its original and with `match - 1` others (fewer where there are not as many).

    Returns:
        Columns `question_id`, `candidate_id`, `label` (1 for the original).
    """
    rng = np.random.default_rng(params.seed)
    originals = np.unique(train["original_id"])
    rows = []
    for question, original in train[["question_id", "original_id"]].itertuples(index=False):
        others = rng.choice(originals, size=min(params.match, len(originals)), replace=False)
        others = others[others != original][: params.match - 1]
        rows += [(question, original, 1), *((question, other, 0) for other in others.tolist())]
    return pd.DataFrame(rows, columns=["question_id", "candidate_id", "label"])


def reference_texts(questions: pd.DataFrame) -> pd.Series:
    """Lower-case title and prose of each question, by question id."""
    text = (questions["title"] + " " + questions["text"]).str.lower()
    return text.set_axis(questions["question_id"])
