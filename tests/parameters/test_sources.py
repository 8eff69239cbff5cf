"""Where a value comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.parameters import (
    Problem,
    explicit_keys,
    find_unusable_places,
    locate_values,
    runtime_names,
    with_sources,
)


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


def test_every_value_has_a_place(folders: list[Path]) -> None:
    assert locate_values(folders, {"faq": {"split": {"share": 1}}}, folders[0].parent) == {
        "faq": "--params",
        "faq.split": "--params",
        "faq.split.seed": "test/faq/parameters.yml:3",
        "faq.split.share": "--params",
    }


def test_what_the_user_set_is_in_the_users_folders_and_on_the_command_line(folders: list[Path]) -> None:
    keys = explicit_keys(folders[1:], {"shelf": {"seed": 1}})
    assert keys == {"faq", "faq.split", "faq.split.seed", "shelf", "shelf.seed"}


def test_names_read_from_the_command_line_are_found_outside_comments(folders: list[Path]) -> None:
    assert runtime_names(folders) == {"faq_raw", "uri"}


def test_places_that_would_become_odd_folders_are_found() -> None:
    places = {"root": "~/out", "raw": None, "retry": "", "good": "/data/~x", "list": ["~"], "number": 5}
    assert [str(problem) for problem in find_unusable_places(places)] == [
        "raw: is empty: leave it out, or fill it",
        "root: starts with ~, which only a shell knows: write the path in full, got '~/out'",
    ]


def test_merge_keys_and_references_count_as_set(tmp_path: Path) -> None:
    (tmp_path / "parameters.yml").write_text(
        "_mine: &mine { rounds: 55 }\nfaq:\n  ranker:\n    <<: *mine\n"
        "  reference: ${_mine}\n  split: &loop\n    again: *loop\n"
    )
    keys = explicit_keys([tmp_path], {})
    assert {"faq.ranker.rounds", "faq.reference.*", "faq.split.again"} <= keys


def test_files_that_kedro_passes_over_count_for_nothing(tmp_path: Path) -> None:
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "parameters-checkpoint.yml").write_text("faq:\n\tx: 1")
    assert explicit_keys([tmp_path], {}) == set()
