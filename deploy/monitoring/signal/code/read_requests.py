"""Preprocessing of a monitor: what a deployment collected in a window of time, as a table."""

from __future__ import annotations

import argparse

from triptych.drift.azure_monitor import read_collected, write_table


def run() -> None:
    """Read the window that the monitor asks for."""
    parser = argparse.ArgumentParser()
    for name in ("data_window_start", "data_window_end", "input_data", "preprocessed_input_data"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    table = read_collected(given.input_data, given.data_window_start, given.data_window_end)
    print(f"{len(table)} requests from {given.data_window_start} to {given.data_window_end}")
    write_table(given.preprocessed_input_data, table)


if __name__ == "__main__":
    run()
