"""Train a linear ranker on whole lists of candidates.

The loss of a question is minus the logarithm of its right candidate's softmax probability: the conditional logit of
McFadden (1974), in ranking ListNet's top-one loss (Cao et al., "Learning to rank: from pairwise approach to listwise
approach", ICML 2007). It has one weight a feature, so a few hundred questions suffice, where trees overfit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Lists:
    """Candidates of questions that have their right one among them.

    Attributes:
        starts: First row of each question, shape (questions,).
        owner: Question number of each row, shape (rows,).
        right: The row of each question's right candidate, shape (questions,).
        rows: Which of the rows given belong to such questions, shape (all rows,).
    """

    starts: NDArray[np.int64]
    owner: NDArray[np.int64]
    right: NDArray[np.int64]
    rows: NDArray[np.bool_]

    @classmethod
    def read(cls, query: NDArray[np.int64], label: NDArray[np.int8]) -> Lists:
        """Keep the questions with a right candidate; rows of a question must be together."""
        number = np.cumsum(np.diff(query, prepend=query[:1]) != 0)
        found = np.zeros(int(number[-1]) + 1 if len(number) else 0, dtype=bool)
        found[number[label == 1]] = True
        rows = found[number]
        owner = np.unique(number[rows], return_inverse=True)[1]
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        return cls(starts, owner, np.flatnonzero(label[rows] == 1), rows)

    def lose(self, scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Average the loss over questions; give it with its gradient, shape (rows,)."""
        shifted = scores - np.maximum.reduceat(scores, self.starts)[self.owner]
        odds = np.exp(shifted)
        totals = np.add.reduceat(odds, self.starts)
        gradient = odds / totals[self.owner]
        gradient[self.right] -= 1
        return float(np.mean(np.log(totals) - shifted[self.right])), gradient / len(self.starts)


def fit_weights(values: NDArray[np.float64], lists: Lists, penalty: float, start: float) -> NDArray[np.float64]:
    """Find the weights, none below 0, of least loss plus penalty / 2 times the sum of their squares.

    Args:
        values: Features of the rows of `lists`, shape (rows, features).
        lists: Which rows belong together.
        penalty: Weight of the L2 penalty.
        start: The weight that the search starts at for each feature.

    Returns:
        Shape (features,).
    """
    from scipy.optimize import minimize

    def lose(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss, gradient = lists.lose(values @ weights)
        return loss + penalty / 2 * float(weights @ weights), gradient @ values + penalty * weights

    features = values.shape[1]
    found = minimize(
        lose, np.full(features, start), jac=True, method="L-BFGS-B", bounds=[(0, None)] * features,
        options={"maxiter": 300},
    )  # fmt: skip
    return np.asarray(found.x, dtype=np.float64)


def add_weighted(values: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum each row's values times the weights, shape (rows,), the same for the same row among any others.

    BLAS's product does not promise that: it adds in another order in the last rows of a block, so that candidates which
    are equal would differ in the last digit and no longer be ordered by their id.
    """
    return np.asarray((values * weights).sum(axis=1), dtype=np.float64)


def train_linear(
    values: Values, query: NDArray[np.int64], label: NDArray[np.int8], penalty: float
) -> NDArray[np.float64]:
    """Train the linear ranker; its score never falls where a feature grows.

    Args:
        values: Features of candidates, shape (rows, features), at least 0.
        query: Question number of each row; rows of a question are together.
        label: 1 for the right candidate. A question without one teaches nothing.
        penalty: L2 penalty of the weights of features scaled to unit variance.

    Returns:
        Weights of the features, shape (features,), at least 0; 0 where there is nothing to learn from.
    """
    lists = Lists.read(query, label)
    if not len(lists.starts):
        return np.zeros(values.shape[1])
    rows = values[lists.rows].astype(np.float64)
    scale = rows.std(axis=0)
    scale[scale < 1e-6] = np.inf  # a feature that is always the same
    weights = fit_weights(rows / scale, lists, penalty, start=0.01)
    return np.asarray(weights / scale, dtype=np.float64)
