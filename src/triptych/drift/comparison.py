"""Compare two samples of measurements, measure by measure.

Whether they differ at all is told by a test, how much by two distances:

* numbers: the two-sample Kolmogorov-Smirnov test; it needs no shape and holds its rate with ties, too;
* truth values: Fisher's exact test;
* the population stability index (Siddiqi, "Credit Risk Scorecards", 2006) and the Jensen-Shannon distance (Lin,
  "Divergence measures based on the Shannon entropy", 1991; base 2, in [0, 1]) over tenths of the reference.

The p-values of all measures are adjusted together (Holm, "A simple sequentially rejective multiple test procedure",
1979), so that the rate of false alarms is that of the whole comparison.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.drift.params import DriftParams
from triptych.drift.versions import match_versions
from triptych.errors import InputError

BINS = 10
DECIMALS = 9
"""To which figures are compared: JSON that pandas writes keeps no more than ten."""
# A bin that one side does not have would make the index infinite.
_LEAST = 0.5
_EXACT = 100  # values; of more the limit is as good, and much quicker
Values = NDArray[np.float64]


class Comparison(NamedTuple):
    """What was compared, and what came of it.

    Attributes:
        reference: Measures of the data.
        requests: Measures of what was asked of the reference's model, each request once.
        repeats: How many were the same as one of these.
        table: See `compare_samples`.
    """

    reference: pd.DataFrame
    requests: pd.DataFrame
    repeats: int
    table: pd.DataFrame


def compare_requests(reference: pd.DataFrame, asked: pd.DataFrame, params: DriftParams) -> Comparison:
    """Compare requests with the reference that is kept beside their model.

    Args:
        reference: A row a question or photo of the data: measures, and the number of the model if there is one.
        asked: A row a request: the same, and anything else.
        params: When it is drift.

    Raises:
        InputError: If there are too few requests, or all were answered by another model.
    """
    reference, answered = match_versions(reference, asked)
    old, new = (drop_repeats(rows, reference.columns) for rows in (reference, answered))
    return Comparison(old, new, len(answered) - len(new), compare_samples(old, new, params))


def compare_samples(reference: pd.DataFrame, requests: pd.DataFrame, params: DriftParams) -> pd.DataFrame:
    """Compare what was asked with the reference.

    Args:
        reference: A column a measure: numbers, or truth values; a value that is missing, or not finite, says that there
            is nothing to measure.
        requests: The same columns; others are not looked at.
        params: When it is drift.

    Returns:
        A row a measure, the most different first: `measure`, `reference_mean`, `requests_mean`, `statistic` (largest
        distance of the two distribution functions, in [0, 1]), `p_value`, `adjusted_p`, `psi`, `jensen_shannon`,
        `is_drift`. What is missing on one side more often than on the other is a measure of its own.

    Raises:
        InputError: If a measure is missing, or there are too few requests.
    """
    if missing := [str(name) for name in reference if name not in requests]:
        raise InputError(f"the requests have no {', '.join(missing)}: they were measured by another version")
    for side, rows in (("requests", requests), ("rows of the reference", reference)):
        if len(rows) < params.min_requests:
            raise InputError(
                f"{len(rows)} {side} are fewer than {params.min_requests}: wait for more, or set drift.min_requests"
            )
    compared = [_compare(name, *pair) for name, pair in _pair_measures(reference, requests).items()]
    table = pd.DataFrame(compared).sort_values(["p_value", "psi"], ascending=[True, False], ignore_index=True)
    table.insert(5, "adjusted_p", adjust_holm(table["p_value"].to_numpy()))
    certain = table["adjusted_p"] < params.false_alarm_rate
    return table.assign(is_drift=certain & (table["psi"] >= params.min_psi))


def drop_repeats(rows: pd.DataFrame, measures: Collection[str]) -> pd.DataFrame:
    """Leave one of several rows that are equal in every measure.

    They are the same question or photo again: of a program, or of somebody who tries once more. The tests suppose that
    requests do not depend on each other; a thousand of these say what one says.

    Args:
        rows: A column a measure, and any others.
        measures: Those that count; at least one of them should be continuous, or different requests are equal.
    """
    known = [name for name in measures if name in rows]
    return rows.drop_duplicates(known, ignore_index=True) if known else rows


def _pair_measures(reference: pd.DataFrame, requests: pd.DataFrame) -> dict[str, tuple[pd.Series, pd.Series]]:
    pairs: dict[str, tuple[pd.Series, pd.Series]] = {}
    for name in reference:
        old, new = (hide_infinite(rows[name]) for rows in (reference, requests))
        if old.isna().any() or new.isna().any():
            pairs[f"no_{name}"] = (old.isna(), new.isna())
        if len(old := old.dropna()) and len(new := new.dropna()):
            # Truth values among missing ones were objects.
            pairs[str(name)] = (old.infer_objects(), new)
    return pairs


def hide_infinite(values: pd.Series) -> pd.Series:
    """Take what is not finite for missing."""
    return values.mask(values.isin([np.inf, -np.inf]))


def _compare(measure: str, reference: pd.Series, requests: pd.Series) -> dict[str, Any]:
    from scipy.spatial.distance import jensenshannon

    old, new = (side.to_numpy(np.float64).round(DECIMALS) for side in (reference, requests))
    is_truth = reference.dtype == bool
    statistic, p_value = _test_shares(old, new) if is_truth else _test_distributions(old, new)
    edges = np.array([0.5]) if is_truth else find_edges(old)
    before, now = count_bins(old, edges), count_bins(new, edges)
    return {
        "measure": measure,
        "reference_mean": float(old.mean()),
        "requests_mean": float(new.mean()),
        "statistic": statistic,
        "p_value": p_value,
        "psi": measure_stability(before, now),
        "jensen_shannon": float(jensenshannon(before, now, base=2)),
    }


def _test_distributions(old: Values, new: Values) -> tuple[float, float]:
    from scipy.stats import ks_2samp

    found = ks_2samp(old, new, method="exact" if max(len(old), len(new)) <= _EXACT else "asymp")
    return float(found.statistic), float(found.pvalue)


def _test_shares(old: Values, new: Values) -> tuple[float, float]:
    from scipy.stats import fisher_exact

    table = [[old.sum(), len(old) - old.sum()], [new.sum(), len(new) - new.sum()]]
    return float(abs(old.mean() - new.mean())), float(fisher_exact(np.array(table, dtype=np.int64)).pvalue)


def find_edges(reference: Values) -> Values:
    """Give the inner edges of bins that hold about a tenth of the reference each, ascending, without repeats.

    A value that many have is a bin of its own.
    """
    quantiles = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS, method="higher"))
    after = [np.nextafter(value, np.inf) for value in quantiles if np.mean(reference == value) >= 1 / BINS]
    return np.unique(np.concatenate([quantiles, np.array(after, dtype=np.float64)]))


def count_bins(values: Values, edges: Values) -> NDArray[np.int64]:
    """Count the values below the first edge, from each edge to before the next, and from the last on."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def measure_stability(before: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """Give the population stability index of two histograms; an empty bin counts as half a value."""
    old, new = np.maximum(before, _LEAST) / before.sum(), np.maximum(now, _LEAST) / now.sum()
    # What is empty on both sides says nothing.
    used = (before > 0) | (now > 0)
    return float(((new - old) * np.log(new / old))[used].sum())


def adjust_holm(p_values: Values) -> Values:
    """Adjust p-values, shape (tests,), so that the chance of any false alarm is that of one."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted
