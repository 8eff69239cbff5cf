"""The faq workload from the bundled dump to answered questions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from tests.bench import Bench, MakeBench
from tests.conftest import ROOT
from tests.e2e.conftest import read_metrics, settings
from tests.faq.conftest import SAMPLE, Sample
from tests.faq.conftest import sample as sample
from tests.faq.unrelated import draw_unrelated
from tests.shared_runs import copy_few_photos
from tests.video.clips import short_clip
from triptych.faq.evaluation.metrics import METRICS
from triptych.faq.matcher import FaqMatcher
from triptych.faq.text.new_questions import clean_new_questions

RunProject = Callable[..., Path]
FILES = [
    "02_intermediate/faq/posts.parquet",
    "02_intermediate/faq/links.parquet",
    "03_primary/faq/questions.parquet",
    "03_primary/faq/pairs.parquet",
    "03_primary/faq/answers.parquet",
    "04_feature/faq/features.parquet",
    "05_model_input/faq/roles.parquet",
    "06_models/faq/rankers.json",
    "06_models/faq/matcher/about.json",
    "06_models/faq/matcher/ranker.json",
    "07_model_output/faq/reference_scores.parquet",
    "07_model_output/faq/probabilities.parquet",
    "07_model_output/faq/ranks.parquet",
    "07_model_output/faq/matches.csv",
    "07_model_output/faq/rejected_questions.csv",
    "08_reporting/faq/data_report.json",
    "08_reporting/faq/split_report.json",
    "08_reporting/faq/reference_report.json",
    "08_reporting/faq/metrics.json",
    "08_reporting/faq/comparison.csv",
    "08_reporting/faq/comparison.plotly.json",
    "08_reporting/faq/coverage.plotly.json",
    "08_reporting/faq/reliability.plotly.json",
    "08_reporting/faq/worst_misses.csv",
]
# What each new question is about, in the words of the right original's title.
TOPICS = {
    1: "every callback created in a loop",
    2: "0.1 + 0.2",
    3: "return the result of an asynchronous call",
    4: "put 10 before 9",
    5: "deep copy",
    6: "click handlers work for elements that are added",
    7: "off by one month",
    8: "forEach wait for await",
    9: "reload when my form is submitted",
    10: "Access-Control-Allow-Origin",
}


@pytest.fixture
def own_run(sample_run: Path, tmp_path: Path) -> Path:
    """Return a data_root of the test's own that holds the whole run."""
    return Path(shutil.copytree(sample_run, tmp_path / "data"))


def test_every_file_is_there_and_nothing_half_written(sample_run: Path) -> None:
    for file in FILES:
        assert (sample_run / file).stat().st_size > 0, file
    assert not [path for path in sample_run.rglob("*") if path.name.endswith(".part") or path.name.startswith(".")]


def test_the_data_report_counts_the_sample(sample_run: Path) -> None:
    report = json.loads((sample_run / "08_reporting/faq/data_report.json").read_text())
    posts = (SAMPLE / "Posts.xml").read_text(encoding="utf-8")
    questions = posts.count('PostTypeId="1"')
    assert report["ingest"]["questions"] == report["clean"]["questions"] == questions
    assert report["ingest"]["broken_rows"] == 0
    links = len(re.findall(r'LinkTypeId="3"', (SAMPLE / "PostLinks.xml").read_text(encoding="utf-8")))
    assert (report["clean"]["links"], report["clean"]["pairs"], report["clean"]["originals"]) == (links, 308, 44)
    assert report["clean"]["background_questions"] == questions - 308 - 44
    assert report["clean"]["originals_without_answer"] == 0


def test_every_duplicate_has_its_role(sample_run: Path) -> None:
    roles = pd.read_parquet(sample_run / "05_model_input/faq/roles.parquet")
    assert len(roles) == 308
    assert roles["question_id"].is_unique
    report = json.loads((sample_run / "08_reporting/faq/split_report.json").read_text())
    assert report["roles"]["fold_0"] == roles["role"].value_counts().to_dict()


def test_metrics_have_stable_names_and_sane_values(sample_run: Path) -> None:
    metrics = read_metrics(sample_run)
    rankers = ["model", "reference", "bm25", "tfidf"]
    for test_set in ("known", "unseen"):
        for ranker in rankers:
            figures = {name: metrics[f"{test_set}.{ranker}.{name}"] for name in (*METRICS, "queries", "candidates")}
            assert figures["queries"] > 30
            assert 1 <= figures["mean_rank"] <= figures["candidates"] <= 44
            gains = [figures[f"gain_at_{k}"] for k in (1, 2, 3, 10)]
            assert gains == sorted(gains)
            assert 0 <= gains[0] <= figures["mrr"] <= 1
    chance = sum(1 / rank for rank in range(1, 45)) / 44
    for test_set in ("known", "unseen"):
        assert metrics[f"{test_set}.model.mrr"] > metrics[f"{test_set}.reference.mrr"] + 0.2
        assert metrics[f"{test_set}.model.mrr"] > 4 * chance
        assert metrics[f"{test_set}.model.mrr"] > metrics[f"{test_set}.bm25.mrr"]
        assert metrics[f"{test_set}.model.mrr"] > metrics[f"{test_set}.tfidf.mrr"]


def test_the_comparison_and_the_ranks_agree_with_the_metrics(sample_run: Path) -> None:
    metrics = read_metrics(sample_run)
    comparison = pd.read_csv(sample_run / "08_reporting/faq/comparison.csv")
    for row in comparison.itertuples():
        assert metrics[f"{row.test_set}.{row.ranker}.{row.metric}"] == pytest.approx(row.value)
    ranks = pd.read_parquet(sample_run / "07_model_output/faq/ranks.parquet")
    unseen = ranks[ranks["test_set"] == "unseen"]
    assert metrics["unseen.model.mrr"] == pytest.approx((1 / unseen["rank.model"]).mean())
    misses = pd.read_csv(sample_run / "08_reporting/faq/worst_misses.csv")
    assert misses["rank"].is_monotonic_decreasing
    assert misses["rank"].iloc[0] == ranks["rank.model"].max()


def test_unrelated_questions_are_no_match(sample_run: Path) -> None:
    found = pd.read_parquet(sample_run / "07_model_output/faq/probabilities.parquet")
    assert set(found["test_set"]) == {"known", "unseen", "absent"}
    matcher = FaqMatcher.load(sample_run / "06_models/faq/matcher")
    matches = matcher.match(draw_unrelated(300), top_k=1)
    assert (matches["verdict"] == "match").mean() <= 0.05
    metrics = read_metrics(sample_run)
    assert metrics["probability.ece"] < 0.15
    assert metrics["probability.absent_matched"] < metrics["probability.right_kept"]


def test_new_questions_are_answered(sample_run: Path, sample: Sample) -> None:
    matches = pd.read_csv(sample_run / "07_model_output/faq/matches.csv")
    titles = sample.questions.set_index("question_id")["title"].loc[sorted(set(sample.pairs["original_id"]))]
    right = {}
    for question, words in TOPICS.items():
        (right[question],) = titles[titles.str.contains(words, regex=False)].index
    assert matches["question_id"].tolist() == [q for q in TOPICS for _ in range(3)]
    found = {q: rows["original_id"].tolist() for q, rows in matches.groupby("question_id")}
    assert sum(right[q] in found[q] for q in TOPICS) >= 8, found
    assert sum(right[q] == found[q][0] for q in TOPICS) >= 6, found
    # Each comes with the accepted answer as it was written.
    raw = sample.raw.set_index("id")
    assert matches["answer_id"].tolist() == raw.loc[matches["original_id"], "accepted_answer_id"].tolist()
    assert matches["answer"].tolist() == raw.loc[matches["answer_id"], "body"].tolist()
    assert matches["title"].tolist() == titles.loc[matches["original_id"]].tolist()


def test_added_questions_are_found_and_not_added_twice(own_run: Path, run_project: RunProject) -> None:
    run_project("faq_add", env="test", params=settings())
    report = json.loads((own_run / "08_reporting/faq/addition_report.json").read_text())
    assert (report["added_originals"], report["added_duplicates"], report["rejected"]) == (1, 2, 0)
    matcher = FaqMatcher.load(own_run / "06_models/faq/matcher")
    assert matcher.index.find_originals(np.array([90001, 90003, 90004])).tolist() == [90001, 90001, 1019]
    text = "My settings object has functions, structuredClone throws could not be cloned"
    asked, _ = clean_new_questions(pd.DataFrame({"question_id": [1], "title": ["object with methods"], "body": [text]}))
    found = matcher.match(asked, top_k=1).iloc[0]
    assert (found["original_id"], found["answer_id"]) == (90001, 90002)
    run_project("faq_add", env="test", params=settings())
    assert len(pd.read_csv(own_run / "07_model_output/faq/rejected_additions.csv")) == 3
    assert FaqMatcher.load(own_run / "06_models/faq/matcher").revision == matcher.revision


@pytest.mark.parametrize("options", [{"only_missing_outputs": True}, {"from_nodes": ["faq.evaluate_rankers"]}])
def test_a_run_goes_on_from_what_is_there(
    options: dict[str, object], own_run: Path, run_project: RunProject, sample_run: Path
) -> None:
    kept = ["04_feature/faq/features.parquet", "06_models/faq/rankers.json", "06_models/faq/matcher/ranker.json"]
    before = {name: (own_run / name).stat().st_mtime_ns for name in kept}
    (own_run / "08_reporting/faq/metrics.json").unlink()
    (own_run / "07_model_output/faq/ranks.parquet").unlink()
    assert run_project("faq", env="test", params=settings(), **options) == own_run
    assert {name: (own_run / name).stat().st_mtime_ns for name in kept} == before
    assert read_metrics(own_run) == read_metrics(sample_run)
    after, whole = (pd.read_parquet(root / "07_model_output/faq/ranks.parquet") for root in (own_run, sample_run))
    pd.testing.assert_frame_equal(after, whole)


def test_another_seed_gives_other_figures_and_a_second_run_replaces_the_first(
    own_run: Path, run_project: RunProject, sample_run: Path
) -> None:
    run_project("faq", env="test", params=settings(split={"seed": 1}, reference={"enabled": False}))
    metrics = read_metrics(own_run)
    assert metrics["unseen.model.mrr"] != read_metrics(sample_run)["unseen.model.mrr"]
    assert not [name for name in metrics if ".reference." in name]
    assert (own_run / "06_models/faq/matcher/about.json").is_file()
    run_project("faq", env="test", params=settings())
    assert read_metrics(own_run) == read_metrics(sample_run)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_question_files_of_either_form_are_answered_alike(
    form: str, own_run: Path, run_project: RunProject, sample_run: Path, tmp_path: Path
) -> None:
    asked = pd.read_csv(SAMPLE.parent / "faq_new" / "questions.csv").head(4)
    extra = pd.DataFrame({"question_id": [77], "title": [""], "body": ["<p></p>"]})
    path = tmp_path / f"asked.{form}"
    table = pd.concat([asked, extra], ignore_index=True)
    table.to_parquet(path) if form == "parquet" else table.to_csv(path, index=False)
    params = {**settings(scoring={"top_k": 1}), "faq_questions": str(path)}
    run_project("faq_score", env="test", params=params)
    matches, before = (pd.read_csv(r / "07_model_output/faq/matches.csv") for r in (own_run, sample_run))
    expected = before[before["question_id"].isin(asked["question_id"]) & (before["rank"] == 1)]
    pd.testing.assert_frame_equal(matches, expected.reset_index(drop=True))
    rejected = pd.read_csv(own_run / "07_model_output/faq/rejected_questions.csv")
    assert rejected.to_numpy().tolist() == [[77, "no text"]]


def write_triple(folder: Path, sample: Sample) -> Path:
    """Write the sample as the reference's three files, quoted and with line breaks as pandas does."""
    raw = sample.raw.set_index("id")
    raw["text"] = (raw["title"].fillna("") + "\n" + raw["body"]).str.strip()
    originals = pd.Index(sorted(set(sample.pairs["original_id"])))
    folder.mkdir()

    def write(name: str, ids: pd.Index, of: pd.Index) -> None:
        table = raw.loc[ids, ["text", "created"]].reset_index()
        table.insert(1, "answer", raw.loc[of, "accepted_answer_id"].astype("int64").to_numpy())
        table.to_csv(folder / f"{name}.tsv.gz", sep="\t", header=False, index=False)

    write("orig-q", originals, originals)
    write("dup-q", *(pd.Index(sample.pairs[column]) for column in ("question_id", "original_id")))
    answers = raw.loc[raw.loc[originals, "accepted_answer_id"].astype("int64"), ["body"]]
    answers.to_csv(folder / "ans.tsv.gz", sep="\t", header=False)
    return folder


@pytest.mark.parametrize("method", ["random", "time"])
def test_the_references_files_are_read(method: str, run_project: RunProject, tmp_path: Path, sample: Sample) -> None:
    folder = write_triple(tmp_path / "triple", sample)
    params = {
        **settings(split={"method": method}, reference={"enabled": False}),
        "faq_raw": str(folder),
        "faq_raw_type": "triptych.datasets.QuestionTsvDataset",
    }
    data_root = run_project("faq", env="test", params=params)
    pairs = pd.read_parquet(data_root / "03_primary/faq/pairs.parquet")
    pd.testing.assert_frame_equal(pairs, sample.pairs)
    metrics = read_metrics(data_root)
    assert metrics["known.model.queries"] > 20
    assert metrics["known.model.mrr"] > 0.35
    answers = pd.read_parquet(data_root / "03_primary/faq/answers.parquet")
    assert answers["accepted"].all()
    assert len(answers) == 44


class CommandLine(NamedTuple):
    """How `kedro run` ended, and what it left."""

    code: int
    output: str
    data_root: Path


def run_command_lines(bench: Bench) -> dict[str, CommandLine]:
    """Run faq by one runner, and all workloads by another, as a bare `kedro run` does.

    In processes of their own: ParallelRunner forks, after which OpenMP, once used, hangs.
    """
    short_clip(bench.folder / "landing" / "a.mp4", 13)
    photos = copy_few_photos(bench.folder / "photos")
    # The workloads beside faq have little to do.
    few = {"video_raw": bench.folder / "landing", "shelf_raw": photos, "shelf.training.epochs": 1}
    return {
        "SequentialRunner": run_command(bench.folder / "one", {}, "--pipelines", "faq", "--runner", "SequentialRunner"),
        "ParallelRunner": run_command(bench.folder / "all", few, "--runner", "ParallelRunner"),
    }


def run_command(work: Path, params: dict[str, Any], *options: str) -> CommandLine:
    params = {
        "data_root": work / "data",
        "mlflow_uri": f"sqlite:///{work / 'mlflow.db'}",
        "mlflow_artifacts": work / "mlartifacts",
        "faq.retrieval.workers": 1,
        "faq.ranker.threads": 1,
        "faq.reference.threads": 1,
        **params,
    }
    work.mkdir()
    text = ",".join(f"{name}={value}" for name, value in params.items())
    command = [str(Path(sys.executable).with_name("kedro")), "run", "--env", "test", *options, "--params", text]
    own = {name: value for name, value in os.environ.items() if name != "KEDRO_LOGGING_CONFIG"}
    run = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=300)
    return CommandLine(run.returncode, run.stdout + run.stderr, work / "data")


@pytest.fixture(scope="module")
def command_lines(make_bench: MakeBench) -> dict[str, CommandLine]:
    return run_command_lines(make_bench("command_lines"))


@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
def test_the_command_line_gives_the_same_figures_and_models(
    runner: str, command_lines: dict[str, CommandLine], sample_run: Path
) -> None:
    code, output, data_root = command_lines[runner]
    assert code == 0, output
    assert "Pipeline execution completed successfully" in output
    assert "Traceback" not in output
    assert "go on from there" not in output
    metrics = "08_reporting/faq/metrics.json"
    assert (data_root / metrics).read_bytes() == (sample_run / metrics).read_bytes()
    roots = (data_root, sample_run)
    models = [json.loads((root / "06_models/faq/rankers.json").read_text())["models"] for root in roots]
    assert models[0] == models[1]
