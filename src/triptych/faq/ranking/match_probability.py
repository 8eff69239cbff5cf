"""How likely it is that an original answers a question: a softmax over its candidates with "none of them" as a choice.

The share of a candidate among them is the softmax of the ranker's scores, which are log-odds. Whether any of them is
right is a logistic regression over the first one's similarities and its share: what nobody has asked before has a first
candidate, too, but one that is less alike. No weight is below 0, so what has nothing in common with any original is the
least likely of all, however far it is from what was fitted. The product of both is the probability. Fitted are
questions whose original is there and questions whose original is not, weighed as they are expected to come in.

Both are questions of the same site. What is of another, or in another language, shows by its words: where more of them
are unknown than in all but a twentieth of the questions, the probability is multiplied by twenty times the share of
questions with as many.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from triptych.faq.params import ProbabilityParams
from triptych.faq.ranking.linear import add_weighted

# Lists are of different length; only the best of each are compared.
_COMPARED = 50
# A threshold is not set by fewer questions above it.
_FEWEST = 20
_STRANGE = 0.05
_POINTS = 11
_UNKNOWN = -1
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class MatchProbability:
    """The logistic regression, and the probability from which on a match is called one.

    Attributes:
        weights: Of the first candidate's similarities and the log-odds of its share.
        intercept: Log-odds where all of these are 0.
        threshold: In [0, 1].
        strangeness: Shares of unknown words, ascending, and what each leaves of the probability, in (0, 1].
    """

    weights: tuple[float, ...]
    intercept: float
    threshold: float
    strangeness: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,), (1.0,))

    def estimate(self, values: NDArray[np.float32], scores: Scores, sizes: NDArray[np.int64]) -> Scores:
        """Estimate the probability of every candidate.

        Args:
            values: Those of the candidates of some questions, shape (rows, described).
            scores: The ranker's, shape (rows,).
            sizes: Candidates of each question, shape (questions,), none empty.

        Returns:
            Shape (rows,), in [0, 1]; those of a question sum to at most 1 and are in the order of the scores.
        """
        shares, first = share_candidates(scores, sizes)
        odds = add_weighted(describe_first(values, shares, first), np.array(self.weights)) + self.intercept
        known = np.interp(values[first, _UNKNOWN], *self.strangeness)
        return np.asarray(shares * np.repeat(known * expit(odds), sizes), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as what JSON holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> MatchProbability:
        """Restore what `to_dict` gave."""
        points, left = saved["strangeness"]
        return cls(**saved | {"weights": tuple(saved["weights"]), "strangeness": (tuple(points), tuple(left))})


def share_candidates(
    scores: Scores, sizes: NDArray[np.int64], ids: NDArray[np.int64] | None = None
) -> tuple[Scores, NDArray[np.int64]]:
    """Divide each question's certainty among its candidates.

    Args:
        scores: The ranker's, shape (rows,).
        sizes: Candidates of each question, shape (questions,), none empty.
        ids: Of candidates with the same score, the one of the smallest of these is best, shape (rows,); None takes the
            first row.

    Returns:
        The softmax of the scores over the 50 best of each question, shape (rows,), and the row of each question's
        best candidate, shape (questions,).
    """
    shares, first = np.empty(len(scores)), np.empty(len(sizes), dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    for number, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        own = scores[start : start + size]
        odds = np.exp(own - own.max())
        best = odds if size <= _COMPARED else np.partition(odds, size - _COMPARED)[size - _COMPARED :]
        shares[start : start + size] = odds / best.sum()
        tied = start + np.flatnonzero(own == own.max())
        first[number] = tied[0] if ids is None else tied[int(ids[tied].argmin())]
    return shares, first


def describe_first(values: NDArray[np.float32], shares: Scores, first: NDArray[np.int64]) -> Scores:
    """List the similarities and the log-odds of the share of each question's first candidate."""
    share = np.clip(shares[first], 1e-4, 1 - 1e-4)
    # Each in three forms, the similarity itself first. By numbers: a slice is laid out otherwise, and sums round so.
    alike = np.arange((values.shape[1] - 1) // 3)
    return np.column_stack([values[first][:, alike].astype(np.float64), np.log(share / (1 - share))])


def fit_probability(
    values: NDArray[np.float32],
    scores: Scores,
    sizes: NDArray[np.int64],
    label: NDArray[np.int8],
    absent: NDArray[np.bool_],
    params: ProbabilityParams,
) -> MatchProbability:
    """Fit the probability on questions that the ranker's scores have not seen.

    Args:
        values: Shape (rows, DESCRIBED).
        scores: The ranker's, shape (rows,), of models that were not trained on the question.
        sizes: Candidates of each question, shape (questions,).
        label: 1 for the right candidate, shape (rows,).
        absent: Whether the question's original is not there, shape (questions,).
        params: The share of questions that have a match, and the precision that is wanted.
    """
    shares, first = share_candidates(scores, sizes)
    rows, weights = describe_first(values, shares, first), weigh_questions(absent, params.match_share)
    right = label[first] == 1
    if absent.all() or not absent.any():
        # Nothing to tell them apart by: the ranker's share is all there is.
        coefficients, intercept = np.zeros(rows.shape[1]), float(np.log(params.match_share / (1 - params.match_share)))
    else:
        coefficients, intercept = fit_rising_logistic(rows, ~absent, weights * len(absent), params.inverse_l2)
    strangeness = rate_strangeness(values[first, _UNKNOWN])
    model = MatchProbability(tuple(coefficients.tolist()), intercept, 0.0, strangeness)
    found = model.estimate(values, scores, sizes)[first]
    threshold = params.threshold
    if threshold == "auto":
        threshold = choose_threshold(found, right, weights, params.min_precision)
    return replace(model, threshold=threshold)


def rate_strangeness(unknown: NDArray[np.float32]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rate shares of unknown words by how few questions have as many.

    Args:
        unknown: Of questions, shape (questions,), at least one.

    Returns:
        Shares, ascending, and what is left of a probability there: all up to the share that a twentieth of the
        questions reach, then as much less as fewer reach it; where many have the highest share, less from there up to
        1, where all words are unknown.
    """
    levels = np.linspace(1 - _STRANGE, 1, _POINTS)
    points, where = np.unique(np.quantile(unknown.astype(np.float64), levels), return_index=True)
    # Never nothing: of so many questions, one more may be as strange.
    least = 1 / (1 + _STRANGE * len(unknown))
    left = np.clip((1 - levels[where]) / _STRANGE, least, 1)
    if left[-1] > least and points[-1] < 1:
        points, left = np.append(points, 1), np.append(left, least)
    return tuple(points.tolist()), tuple(left.tolist())


def fit_rising_logistic(
    rows: Scores, label: NDArray[np.bool_], weights: Scores, inverse_l2: float
) -> tuple[Scores, float]:
    """Fit a logistic regression none of whose weights is below 0, which scikit-learn does not have.

    Args:
        rows: Shape (questions, inputs).
        label: Shape (questions,).
        weights: Of each question.
        inverse_l2: Inverse of the L2 penalty on weights of inputs scaled to unit variance.

    Returns:
        Weights of shape (inputs,), and the intercept.
    """
    from scipy.optimize import minimize

    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    scaled = np.column_stack([(rows - mean) / scale, np.ones(len(rows))])
    sign = np.where(label, 1.0, -1.0)

    def lose(at: Scores) -> tuple[float, Scores]:
        margin = sign * (scaled @ at)
        pull = weights * sign / (1 + np.exp(np.minimum(margin, 500)))
        penalty = np.append(at[:-1], 0) / inverse_l2
        loss = float(weights @ np.logaddexp(0, -margin) + penalty @ at / 2)
        return loss, penalty - pull @ scaled

    bounds = [(0, None)] * rows.shape[1] + [(None, None)]
    found = minimize(lose, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    coefficients = found.x[:-1] / scale
    return coefficients, float(found.x[-1] - coefficients @ mean)


def weigh_questions(absent: NDArray[np.bool_], match_share: float) -> Scores:
    """Weigh questions so that those with an original count as many as are expected; the weights sum to 1."""
    weights = np.where(absent, (1 - match_share) / max(absent.sum(), 1), match_share / max((~absent).sum(), 1))
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def choose_threshold(probability: Scores, right: NDArray[np.bool_], weights: Scores, min_precision: float) -> float:
    """Find the lowest probability from which on first candidates are right as often as is wanted.

    Args:
        probability: Of each question's first candidate, shape (questions,).
        right: Whether it is the right one.
        weights: Of each question.
        min_precision: Share of right ones among those at or above the threshold.

    Returns:
        The threshold; the one of the highest precision where none is enough.
    """
    order = np.argsort(-probability, kind="stable")
    precision = np.cumsum((weights * right)[order]) / np.cumsum(weights[order])
    ordered = probability[order]
    # Equal probabilities are above a threshold together.
    last = np.flatnonzero(np.append(np.diff(ordered) < 0, True))
    last = last[last >= min(_FEWEST, len(ordered)) - 1]
    enough = last[precision[last] >= min_precision - 1e-9]  # sums round
    chosen = enough[-1] if len(enough) else last[int(np.argmax(precision[last]))]
    return float(ordered[chosen])
