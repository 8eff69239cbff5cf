"""What every model's papers have in common."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import triptych
from triptych.registry import papers
from triptych.registry.papers import flatten_parameters, tag_version


@dataclass(frozen=True)
class SplitParams:
    seed: int = 0


def test_parameters_are_named_as_kedro_mlflow_names_them() -> None:
    assert flatten_parameters("faq", split=SplitParams(3), other=SplitParams()) == {
        "faq.split.seed": 3,
        "faq.other.seed": 0,
    }


def test_tags_are_text_and_name_the_commit_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers, "find_commit", lambda folder: "c0ffee")
    tags = {"data_fingerprint": "abc", "code": triptych.__version__, "mrr": "0.5234"}
    assert tag_version("abc", {"mrr": 0.52345}) == tags | {"git_commit": "c0ffee"}
    monkeypatch.setattr(papers, "find_commit", lambda folder: None)
    assert tag_version("abc", {"mrr": 0.52345}) == tags
