"""Time matching against a generated FAQ, next to a plain scikit-learn TF-IDF dot product.

    python benchmarks/faq_matching.py                      # 100,000 originals
    python benchmarks/faq_matching.py --originals 20000 --json result.json

The questions asked are reworded originals, so the share whose original comes first (gain@1) is stated too. Each
step runs in a process of its own: `build` cleans, indexes, trains the ranker and saves; `serve` loads what was
saved and matches; `sklearn` is TfidfVectorizer and one sparse product with all documents, transposed beforehand
(the fastest plain way). Latencies include cleaning the HTML. Memory is the resident memory of the process and
its children, of which the generated texts are a part in `build` and `sklearn`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from generated_faq import generate

from triptych.faq.matcher import FaqMatcher
from triptych.faq.params import ProbabilityParams, RankerParams, RetrievalParams
from triptych.faq.ranking.features import featurize, tabulate
from triptych.faq.ranking.plans import QueryPlan
from triptych.faq.ranking.training import TrainedRanker, train_fold
from triptych.faq.retrieval.index import FaqIndex
from triptych.faq.text.html import clean_html, clean_title

MIB = 2**20
Figures = dict[str, float]


def clean(posts: pd.DataFrame) -> pd.DataFrame:
    """Clean generated posts as the pipeline does."""
    texts = [clean_html(body) for body in posts["body"]]
    return pd.DataFrame(
        {
            "question_id": posts["question_id"].to_numpy(),
            "title": [clean_title(title) for title in posts["title"]],
            "text": [text for text, _ in texts],
            "code": [code for _, code in texts],
        }
    )


def run_build(folder: Path) -> Figures:
    """Index, train, save."""
    known, pairs, training = (pd.read_parquet(folder / f"{n}.parquet") for n in ("known", "pairs", "training"))
    figures: Figures = {"corpus_mib": psutil.Process().memory_info().rss / MIB}
    start = time.perf_counter()
    questions = clean(known)
    figures["clean_s"] = time.perf_counter() - start
    originals = questions.iloc[: len(questions) - len(pairs)]
    entries = originals[["question_id", "title"]].set_axis(["original_id", "title"], axis=1)
    entries = entries.assign(answer_id=-1, answer="<p>An answer.</p>")
    own = pd.DataFrame({"original_id": originals["question_id"], "question_id": originals["question_id"]})
    start = time.perf_counter()
    index = FaqIndex.build(questions, pd.concat([own, pairs], ignore_index=True), RetrievalParams())
    figures["index_s"] = time.perf_counter() - start
    start = time.perf_counter()
    trained = _train(index, training)
    figures["train_s"] = time.perf_counter() - start
    start = time.perf_counter()
    (folder / "matcher").mkdir()
    FaqMatcher(index, trained, entries, RetrievalParams().candidates).save(folder / "matcher")
    figures["save_s"] = time.perf_counter() - start
    figures["disk_mib"] = sum(file.stat().st_size for file in (folder / "matcher").iterdir()) / MIB
    return figures


def _train(index: FaqIndex, training: pd.DataFrame) -> TrainedRanker:
    """Train conf/base's 100 rounds of 8 leaves."""
    asked = training[["question_id", "original_id"]].itertuples(index=False)
    plans = [QueryPlan(question, original, count=50, add_original=True) for question, original in asked]
    table = tabulate(index, plans, featurize(index, clean(training), plans, 1))
    query = np.repeat(np.arange(len(plans)), table.groupby("question_id").size())
    table = table.assign(role="train", query=query, group=query)
    return train_fold(table, RankerParams(rounds=100, early_stopping_rounds=0), ProbabilityParams())[0]


def run_serve(folder: Path, singles: int) -> Figures:
    """Load, match one by one, match all at once."""
    asked = pd.read_parquet(folder / "asked.parquet")
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    matcher = FaqMatcher.load(folder / "matcher")
    figures: Figures = {"load_s": time.perf_counter() - start}
    figures["index_mib"] = (psutil.Process().memory_info().rss - before) / MIB
    posts = [asked.iloc[i : i + 1] for i in range(singles)]
    one, latencies = _time_singles(posts, lambda post: _match_one(matcher, post))
    figures |= latencies
    for workers in (1, 2):
        start = time.perf_counter()
        found = matcher.match(clean(asked), top_k=1, workers=workers)
        figures[f"batch_{workers}_per_s"] = len(asked) / (time.perf_counter() - start)
    first = found["original_id"].to_numpy()
    if not np.array_equal(first[:singles], np.array(one)):
        raise SystemExit("one by one and all at once do not find the same originals")
    return figures | {"gain_at_1": float(np.mean(first == asked["original_id"].to_numpy()))}


def _match_one(matcher: FaqMatcher, post: pd.DataFrame) -> int:
    return int(matcher.match(clean(post), top_k=1)["original_id"].iloc[0])


def _time_singles(posts: list[pd.DataFrame], match: Callable[[pd.DataFrame], int]) -> tuple[list[int], Figures]:
    match(posts[0])  # imports and caches
    seconds, found = [], []
    for post in posts:
        start = time.perf_counter()
        found.append(match(post))
        seconds.append(time.perf_counter() - start)
    quantiles = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return found, dict(zip(("p50_ms", "p95_ms", "p99_ms"), quantiles.tolist(), strict=True))


def run_sklearn(folder: Path, singles: int) -> Figures:
    """Do the same with TfidfVectorizer and a dot product."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    known, pairs, asked = (pd.read_parquet(folder / f"{n}.parquet") for n in ("known", "pairs", "asked"))
    owner = np.append(np.arange(len(known) - len(pairs)), pairs["original_id"].to_numpy())
    figures: Figures = {"corpus_mib": psutil.Process().memory_info().rss / MIB}
    questions = clean(known)
    start = time.perf_counter()
    vectorizer = TfidfVectorizer(dtype=np.float32)
    documents = vectorizer.fit_transform(_join_fields(questions)).T.tocsr()
    figures["index_s"] = time.perf_counter() - start

    def match(posts: pd.DataFrame) -> Any:
        scores = vectorizer.transform(_join_fields(clean(posts))) @ documents
        return owner[np.asarray(scores.argmax(axis=1)).ravel()]

    posts = [asked.iloc[i : i + 1] for i in range(singles)]
    figures |= _time_singles(posts, lambda post: int(match(post)[0]))[1]
    start = time.perf_counter()
    first = np.concatenate([match(asked.iloc[i : i + 100]) for i in range(0, len(asked), 100)])
    figures["batch_1_per_s"] = len(asked) / (time.perf_counter() - start)
    return figures | {"gain_at_1": float(np.mean(first == asked["original_id"].to_numpy()))}


def _join_fields(questions: pd.DataFrame) -> pd.Series[str]:
    return questions["title"] + "\n" + questions["text"] + "\n" + questions["code"]


class MemorySampler(threading.Thread):
    """Sum the memory of a process and its children every 50 ms; shared pages are divided among their users."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.peak_mib = 0.0

    def run(self) -> None:
        """Sample until the process ends."""
        while self._process.is_running():
            try:
                family = (self._process, *self._process.children(recursive=True))
                total = (
                    sum(_own_memory(process) for process in family) if len(family) > 1 else family[0].memory_info().rss
                )
            except psutil.Error:
                break
            self.peak_mib = max(self.peak_mib, total / MIB)
            time.sleep(0.05)


def _own_memory(process: psutil.Process) -> int:
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.uss))


def measure(step: str, folder: Path, singles: int) -> Figures:
    """Run one step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--singles", str(singles)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        sampler = MemorySampler(process.pid)
        sampler.start()
        output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{step} failed")
    return {**json.loads(output.splitlines()[-1]), "peak_mib": sampler.peak_mib}


def compare(folder: Path, options: argparse.Namespace) -> dict[str, Figures]:
    """Generate, run every step, print."""
    start = time.perf_counter()
    tables = generate(options.originals, options.questions, options.training, options.seed)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    print(f"{len(tables['known'])} questions generated in {time.perf_counter() - start:.0f} s", flush=True)
    del tables
    results = {}
    for step in ("build", "serve", "sklearn"):
        results[step] = measure(step, folder, options.singles)
        print("  ".join([f"{step:>8}:", *(f"{n} {value:.4g}" for n, value in results[step].items())]), flush=True)
    return results


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--originals", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=5_000, help="questions matched at once (default 5000)")
    parser.add_argument("--singles", type=int, default=500, help="of which matched one by one (default 500)")
    parser.add_argument("--training", type=int, default=500, help="questions the ranker learns from (default 500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here")
    for hidden in ("--step", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        folder = Path(options.folder)
        steps = {"serve": run_serve, "sklearn": run_sklearn}
        print(
            json.dumps(run_build(folder) if options.step == "build" else steps[options.step](folder, options.singles))
        )
        return
    with tempfile.TemporaryDirectory() as work:
        results = compare(Path(work), options)
    if options.json:
        about = {"originals": options.originals, "questions": options.questions, "cores": os.cpu_count()}
        options.json.write_text(json.dumps({**about, **results}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
