from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from triptych.drift.comparison import DECIMALS, adjust_holm, compare_samples, count_bins, find_edges, measure_stability
from triptych.drift.params import DriftParams
from triptych.errors import InputError

SEEDS = 200


def draw(seed: int, rows: int, brightness: float = 0.5, no_match: float = 0.3) -> pd.DataFrame:
    """Draw requests like those of a shelf and of a FAQ: with ties, skewed, with gaps, and truth values."""
    rng = np.random.default_rng(seed)
    detections = rng.poisson(1.5, rows).astype(float)
    return pd.DataFrame(
        {
            "brightness": rng.normal(brightness, 0.1, rows),
            "characters": np.round(rng.lognormal(5, 1, rows)),
            "megapixels": rng.choice([0.4, 2.1, 12.0], rows),
            "detections": detections,
            "score": np.where(detections > 0, rng.beta(8, 2, rows), np.nan),
            "no_match": rng.random(rows) < no_match,
        }
    )


@pytest.mark.parametrize(("before", "now"), [(80, 40), (400, 25)])
def test_false_alarms_come_at_the_stated_rate(before: int, now: int) -> None:
    params = DriftParams(false_alarm_rate=0.05, min_psi=0.0)
    alarms = sum(
        compare_samples(draw(2 * seed, before), draw(2 * seed + 1, now), params)["is_drift"].any()
        for seed in range(SEEDS)
    )
    # 10 are stated; more than 19 come by chance once in 500 times.
    assert alarms <= 19


def test_what_changes_is_told_from_what_does_not() -> None:
    table = compare_samples(draw(0, 200), draw(1, 100, brightness=0.25, no_match=0.8), DriftParams())
    assert set(table.loc[table["is_drift"], "measure"]) == {"brightness", "no_match"}
    row = table.set_index("measure").loc["brightness"]
    assert row["reference_mean"] == pytest.approx(0.5, abs=0.03)
    assert row["requests_mean"] == pytest.approx(0.25, abs=0.03)


def test_a_difference_without_meaning_is_no_drift_however_certain() -> None:
    table = compare_samples(draw(0, 50_000), draw(1, 50_000, brightness=0.505), DriftParams())
    row = table.set_index("measure").loc["brightness"]
    assert row["adjusted_p"] < 1e-6
    assert not table["is_drift"].any()


def test_values_that_are_missing_more_often_are_a_measure() -> None:
    requests = draw(1, 100)
    requests.loc[:79, "score"] = None
    table = compare_samples(draw(0, 100), requests, DriftParams()).set_index("measure")
    assert table.loc["no_score", "is_drift"]
    assert not table.loc["score", "is_drift"]


def test_a_measure_that_nobody_has_any_more_is_found() -> None:
    requests = draw(1, 100).assign(score=np.nan)
    table = compare_samples(draw(0, 100), requests, DriftParams()).set_index("measure")
    assert table.loc["no_score", "is_drift"]
    assert "score" not in table.index


def test_truth_values_read_from_a_log_are_truth_values_still() -> None:
    requests = draw(1, 100, no_match=0.9).astype(object)
    assert compare_samples(draw(0, 100), requests, DriftParams()).set_index("measure").loc["no_match", "is_drift"]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_what_is_not_finite_is_missing(value: float) -> None:
    reference, requests = draw(0, 100), draw(1, 100)
    reference.loc[:2, "brightness"] = requests.loc[:4, "brightness"] = value
    table = compare_samples(reference, requests, DriftParams()).set_index("measure")
    assert table.loc["no_brightness", "reference_mean"] == 0.03
    assert table.loc["no_brightness", "requests_mean"] == 0.05
    assert np.isfinite(table.drop(columns="is_drift").to_numpy(float)).all()


def test_what_was_rounded_on_its_way_is_the_same() -> None:
    """As JSON of pandas is: a share that many questions have would all be a little less than its own bin."""
    shares = np.random.default_rng(0).choice([1 / 7, 1 / 3, 3 / 7, 2 / 3], 400)
    reference, requests = (pd.DataFrame({"unknown_words": values}) for values in (shares, shares.round(DECIMALS)))
    assert not reference.equals(requests)
    row = compare_samples(reference, requests, DriftParams()).iloc[0]
    assert (row["statistic"], row["psi"], row["p_value"]) == (0, 0, 1)


def test_truth_values_are_tested_as_such_where_some_are_missing() -> None:
    from scipy.stats import fisher_exact

    reference, requests = draw(0, 100), draw(1, 100)
    reference["no_match"] = reference["no_match"].astype(object)
    reference.loc[0, "no_match"] = None
    row = compare_samples(reference, requests, DriftParams()).set_index("measure").loc["no_match"]
    old, new = int(reference["no_match"].sum()), int(requests["no_match"].sum())
    assert row["p_value"] == pytest.approx(fisher_exact([[old, 99 - old], [new, 100 - new]])[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="score"), "have no score"),
        (lambda rows: rows.head(4), "4 requests are fewer than 5"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: Callable[[pd.DataFrame], pd.DataFrame], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_samples(draw(0, 50), change(draw(1, 50)), DriftParams())


def test_too_small_a_reference_is_refused() -> None:
    with pytest.raises(InputError, match="4 rows of the reference"):
        compare_samples(draw(0, 4), draw(1, 50), DriftParams())


def test_stability_is_that_of_its_definition() -> None:
    # By hand: (.5 - .25) ln(.5 / .25) + (.5 - .75) ln(.5 / .75)
    found = measure_stability(np.array([25, 75]), np.array([50, 50]))
    assert found == pytest.approx(0.25 * np.log(2) + 0.25 * np.log(1.5))


def test_holm_is_as_in_the_paper() -> None:
    assert adjust_holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.integers(-3, 3) | st.floats(-5, 5), min_size=1, max_size=60))
def test_every_value_of_the_reference_is_in_one_bin(values: list[float]) -> None:
    reference: NDArray[np.float64] = np.array(values, dtype=np.float64)
    edges = find_edges(reference)
    assert (np.diff(edges) > 0).all()
    assert count_bins(reference, edges).sum() == len(values)
    # A value that most have stands alone.
    common, often = np.unique(reference, return_counts=True)
    if often.max() > len(values) / 2:
        value = common[often.argmax()]
        assert count_bins(reference, edges)[np.searchsorted(edges, value, side="right")] == often.max()
