"""Where a value comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.parameters import Problem, runtime_names, with_sources


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    texts = {
        "base/faq/parameters.yml": "# a comment\nfaq:\n  split:\n    seed: 1\n    share: 0.1\n",
        "test/faq/parameters.yml": "faq:\n  split:\n    seed: 2\n",
        "base/faq/catalog.yml": 'a: {filepath: "${runtime_params:faq_raw,${globals:faq_raw}}/x"}\n',
        "test/mlflow.yml": "# ${runtime_params:a,1}\nuri: ${runtime_params: uri, x} # ${runtime_params:b}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return [tmp_path / "base", tmp_path / "test"]


def test_the_last_file_wins_and_the_command_line_over_all(folders: list[Path]) -> None:
    names = ["faq.split.seed", "faq.split.share", "faq.split.sizes[2]", "faq.gone"]
    problems = [Problem(name, "") for name in names]
    found = with_sources(problems, folders, {"faq": {"split": {"sizes": 1}}}, folders[0].parent)
    assert [problem.source for problem in found] == [
        "test/faq/parameters.yml:3",
        "base/faq/parameters.yml:5",
        "--params",
        "",
    ]


def test_names_read_from_the_command_line_are_found_outside_comments(folders: list[Path]) -> None:
    assert runtime_names(folders) == {"faq_raw", "uri"}
