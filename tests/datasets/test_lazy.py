"""Importing the package imports no dataset."""

from __future__ import annotations

import subprocess
import sys

import pytest

import triptych.datasets as datasets


def test_every_name_can_be_imported() -> None:
    for name in datasets.__all__:
        assert getattr(datasets, name).__name__ == name
    assert dir(datasets) == datasets.__all__
    with pytest.raises(AttributeError, match="Nothing"):
        _ = datasets.Nothing


def test_the_package_alone_imports_neither_pandas_nor_plotly() -> None:
    code = "import sys, triptych.datasets; print({'pandas', 'plotly', 'pyarrow', 'kedro'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
