"""Custom signal of a monitor: requests, compared with the reference kept beside the model that answered them."""

from __future__ import annotations

import argparse

from triptych.drift.azure_monitor import list_metrics, read_parquet, read_table, write_table
from triptych.drift.comparison import compare_requests
from triptych.drift.params import DriftParams


def run() -> None:
    """Compare, as `kedro run --pipelines faq_drift` does."""
    parser = argparse.ArgumentParser()
    for name in ("production_data", "reference_data", "signal_metrics"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--certain_psi_threshold", type=float, required=True)
    parser.add_argument("--false_alarm_rate", type=float, required=True)
    parser.add_argument("--min_requests", type=int, required=True)
    given = parser.parse_args()
    params = DriftParams(
        false_alarm_rate=given.false_alarm_rate, min_psi=given.certain_psi_threshold, min_requests=given.min_requests
    )
    compared = compare_requests(read_parquet(given.reference_data), read_table(given.production_data), params)
    print(f"{len(compared.requests)} requests compared, {compared.repeats} were the same as one of them")
    print(compared.table.to_string(index=False))
    write_table(given.signal_metrics, list_metrics(compared, params.false_alarm_rate, params.min_psi))


if __name__ == "__main__":
    run()
