"""Successive halving against random search with the whole budget for every trial, on the bundled sample.

    python benchmarks/faq_tuning.py                          # both searches, three seeds; then the runners
    python benchmarks/faq_tuning.py --searches ranker --eta 4 --json result.json

All search the same configurations, in this process and without MLflow. Compute is the sum of the trials' seconds.
`random_full` uses up the budget of every trial and takes its best round; in `random`, as in halving, a ranker's
trial stops early after 100 rounds without a better tuning score (the reference's method never stops early).
Then `kedro run --pipelines faq_tune` is timed with SequentialRunner and ParallelRunner, from features to leaderboard.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from triptych.faq.evaluation.metrics import rank_fold
from triptych.faq.evaluation.report import flatten_metrics
from triptych.faq.params import ProbabilityParams
from triptych.faq.ranking.ranker import Ranker
from triptych.parameters import build_parameters
from triptych.pipeline_registry import register_pipelines
from triptych.pipelines.faq.nodes import train_ranker, train_reference
from triptych.pipelines.faq_tune.nodes import run_ranker_trials, run_reference_trials
from triptych.tuning.nodes import Place, select_best
from triptych.tuning.params import SearchParams
from triptych.tuning.space import Dimension
from triptych.tuning.trials import Trial, TrialBatch

ROOT = Path(__file__).parents[1]
RUNNERS = ("SequentialRunner", "ParallelRunner")
TEST_SETS = ("known", "unseen")
FIGURES = ("gain_at_3", "mrr")


def search(params: SearchParams, take_share: Callable[..., TrialBatch]) -> dict[str, Any]:
    """Run a search and give what select_best says, with the median of all trials' best metric."""
    params = params.replace(slots=1)
    rungs: list[list[Trial]] = []
    for rung in range(params.rungs):
        batch = take_share(params, *rungs[-1:], place=Place(rung, 0, params.shape))
        rungs.append([batch.run(trial) for trial in batch.trials])
    best, table, *_ = select_best(params, *rungs, shape=params.shape)
    return {**best, "median": float(table[params.metric].median())}


def prepare(data_root: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Run the faq pipeline up to the features; give the tables and the typed parameters."""
    bootstrap_project(ROOT)
    runtime = {"data_root": str(data_root), "mlflow_uri": f"sqlite:///{data_root}/mlflow.db"}
    session: Any
    with KedroSession.create(ROOT, runtime_params=runtime) as session:
        session.run(pipeline_names=["faq_tune"], to_nodes=["faq.featurize_candidates"])
        context = session.load_context()
        tables = {name: context.catalog.load(f"faq.{name}") for name in ("questions", "roles", "features")}
        parameters = build_parameters(context.config_loader["parameters"], register_pipelines(), runtime, None).values
    return tables, parameters


def measure_ranker(best: dict[str, Any], tables: dict[str, pd.DataFrame], settings: Any) -> dict[str, float]:
    """Train the ranker with a configuration as faq does, and measure it on the two test sets."""
    rankers = train_ranker(tables["features"], settings, ProbabilityParams(), best)
    scores = pd.DataFrame({"fold": [], "question_id": [], "candidate_id": [], "score": []})
    ranks = rank_fold(tables["features"], Ranker.from_dict(rankers["models"][0]), scores, tables["roles"])
    return _pick(flatten_metrics(ranks), "model")


def measure_reference(best: dict[str, Any], tables: dict[str, pd.DataFrame], settings: Any) -> dict[str, float]:
    """Train the reference's method with a configuration as faq does, and measure it on the two test sets."""
    scores, _ = train_reference(
        tables["questions"], tables["roles"], tables["features"], settings, ProbabilityParams(), best
    )
    rankers = train_ranker(tables["features"], BASE_RANKER[0], ProbabilityParams(), {})
    ranks = rank_fold(tables["features"], Ranker.from_dict(rankers["models"][0]), scores, tables["roles"])
    return _pick(flatten_metrics(ranks), "reference")


BASE_RANKER: list[Any] = []


def _pick(metrics: dict[str, float], ranker: str) -> dict[str, float]:
    return {f"{where}.{name}": metrics[f"{where}.{ranker}.{name}"] for where in TEST_SETS for name in FIGURES}


def compare(
    name: str, tables: dict[str, pd.DataFrame], parameters: dict[str, Any], seeds: int, halving: dict[str, Any]
) -> pd.DataFrame:
    """Search in every way and with every seed; a row each."""
    settings, params = parameters[f"faq.{name}"], parameters[f"faq.{name}_search"].replace(**halving)
    if name == "ranker":

        def take_share(search: SearchParams, *before: list[Trial], place: Place) -> TrialBatch:
            return run_ranker_trials(search, tables["features"], settings, *before, place=place)

        measure = measure_ranker
    else:

        def take_share(search: SearchParams, *before: list[Trial], place: Place) -> TrialBatch:
            return run_reference_trials(search, *tables.values(), settings, *before, place=place)

        measure = measure_reference
    at_once = params.replace(rungs=1)
    arms = [("halving", params), ("halving_tpe", params.replace(sampler="tpe")), ("random", at_once)]
    if "early_stopping_rounds" in params.space:
        never = Dimension(kind="choice", values=(params.max_budget,))
        arms.append(("random_full", at_once.replace(space={**params.space, "early_stopping_rounds": never})))
    rows = []
    for seed in range(seeds):
        for kind, searched in arms:
            best = search(searched.replace(seed=seed), take_share)
            rows.append(
                {"search": name, "seed": seed, "kind": kind, "seconds": best["trial_seconds"], "trial": best["trial"]}
                | {metric: best["metrics"][metric] for metric in FIGURES}
                | {"median": best["median"]}
                | measure(best, tables, settings)
            )
            print(json.dumps(rows[-1]), flush=True)
    return pd.DataFrame(rows)


def time_runner(runner: str, data_root: Path, name: str) -> float:
    """Give the wall seconds of one search of faq_tune in a process of its own, on features that are there."""
    params = (
        f"data_root={data_root},mlflow_uri=sqlite:///{data_root}/{runner}.db,mlflow_artifacts={data_root}/artifacts"
    )
    command = [str(Path(sys.executable).with_name("kedro")), "run", "--pipelines", "faq_tune", "--runner", runner]
    command += ["--tags", f"{name}_search"]
    start = time.perf_counter()
    subprocess.run([*command, "--params", params], cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - start


def main() -> None:
    """Run everything and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", nargs="+", default=["ranker", "reference"], choices=["ranker", "reference"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--eta", type=int, help="of the halving, if not as in the parameters")
    parser.add_argument("--skip-runners", action="store_true", help="do not time the runners")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_root = Path(folder)
        tables, parameters = prepare(data_root)
        halving = {"eta": options.eta} if options.eta else {}
        BASE_RANKER.append(parameters["faq.ranker"].replace(tuned=False))
        table = pd.concat([compare(name, tables, parameters, options.seeds, halving) for name in options.searches])
        seconds = table.pivot(index=["search", "seed"], columns="kind", values="seconds")
        share = seconds.rdiv(seconds["halving"], axis=0).drop(columns="halving")
        total = seconds.groupby("search").sum(min_count=1)
        print(table.round(3).to_string(index=False))
        print(f"halving's share of the compute of\n{share.round(3).to_string()}\nall seeds together, of")
        print(total.rdiv(total["halving"], axis=0).drop(columns="halving").round(3).to_string())
        walls = {}
        for name in options.searches if not options.skip_runners else ():
            walls[name] = {runner: time_runner(runner, data_root, name) for runner in RUNNERS}
            ratio = walls[name]["ParallelRunner"] / walls[name]["SequentialRunner"]
            print(f"faq_tune, {name}: {walls[name]} s wall, ratio {ratio:.2f}, {os.cpu_count()} cores")
    if options.json:
        result = {"searches": table.to_dict("records"), "share": share.reset_index().to_dict("records"), "walls": walls}
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
