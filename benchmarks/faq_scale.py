"""Measure how indexing, matching and adding grow with the FAQ, next to scikit-learn's TF-IDF and bm25s.

    python benchmarks/faq_scale.py                              # 20,000, 100,000, 300,000, 1,000,000 originals
    python benchmarks/faq_scale.py --originals 20000 --json result.json

Texts are generated clean, as the pipeline has them, with no known duplicates. Each step runs in a process of its own:
`build` reads the texts, indexes them, trains the ranker and saves; `serve` loads what was saved and matches
questions one by one; `add` loads it too, and adds originals that it does not have, 1,000 at once and 50 one by one;
`sklearn` is TfidfVectorizer and one sparse product with all documents, transposed beforehand; `bm25s` is that library,
where it is installed, on words cut and stemmed as ours are.
`user_s` is processor time, which other work on the machine changes little; peaks are resident memory of the process, in
`serve` with the pages of the mapped files that were touched.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from faq_matching import Figures, _time_singles
from generated_faq import QuestionMaker

from triptych.faq.matcher import FaqMatcher
from triptych.faq.params import ProbabilityParams, RankerParams, RetrievalParams
from triptych.faq.ranking.features import featurize, tabulate
from triptych.faq.ranking.plans import QueryPlan
from triptych.faq.ranking.training import TrainedRanker, train_fold
from triptych.faq.retrieval.index import FaqIndex
from triptych.faq.text.tokens import word_tokens

SIZES = (20_000, 100_000, 300_000, 1_000_000)
_CHUNK = 50_000
_ADDED, _SINGLES = 1050, 50
_GIB = 2**30


def write_texts(folder: Path, originals: int, asked: int, seed: int) -> None:
    """Write originals in parts, and reworded ones of the first part as questions."""
    maker = QuestionMaker(seed)
    for start in range(0, originals, _CHUNK):
        drawn = maker.draw(min(_CHUNK, originals - start))
        maker.spell_clean(start, drawn).to_parquet(folder / f"known_{start:08}.parquet")
        if start == 0:
            added = maker.spell_clean(originals + 2 * asked, maker.draw(_ADDED))
            added.to_parquet(folder / "added.parquet")
            about = np.arange(2 * asked) % len(drawn[0])
            questions = maker.spell_clean(originals, maker.reword(drawn, about)).assign(original_id=about)
            questions.iloc[:asked].to_parquet(folder / "asked.parquet")
            questions.iloc[asked:].to_parquet(folder / "training.parquet")


def read_known(folder: Path) -> pd.DataFrame:
    """Read the originals."""
    return pd.concat([pq.read_table(path).to_pandas() for path in sorted(folder.glob("known_*"))], ignore_index=True)


def run_build(folder: Path) -> Figures:
    """Index, train, save."""
    questions = read_known(folder)
    figures = {"texts_gib": _peak_gib()}
    ids = questions["question_id"]
    start, user = time.perf_counter(), _user_s()
    index = FaqIndex.build(questions, pd.DataFrame({"original_id": ids, "question_id": ids}), RetrievalParams())
    figures |= {"index_s": time.perf_counter() - start, "index_user_s": _user_s() - user, "peak_gib": _peak_gib()}
    trained = _train(index, pd.read_parquet(folder / "training.parquet"))
    entries = questions[["question_id", "title"]].set_axis(["original_id", "title"], axis=1)
    (folder / "matcher").mkdir()
    matcher = FaqMatcher(index, trained, entries.assign(answer_id=-1, answer=""), RetrievalParams().candidates)
    matcher.save(folder / "matcher")
    figures["disk_gib"] = sum(file.stat().st_size for file in (folder / "matcher").rglob("*")) / _GIB
    return figures


def _train(index: FaqIndex, training: pd.DataFrame) -> TrainedRanker:
    asked = training[["question_id", "original_id"]].itertuples(index=False)
    plans = [QueryPlan(question, original, count=50, add_original=True) for question, original in asked]
    table = tabulate(index, plans, featurize(index, training, plans, 1))
    query = np.repeat(np.arange(len(plans)), table.groupby("question_id").size())
    table = table.assign(role="train", query=query, group=query)
    return train_fold(table, RankerParams(rounds=100, threads=1), ProbabilityParams())[0]


def run_serve(folder: Path) -> Figures:
    """Load, and match one by one."""
    start = time.perf_counter()
    matcher = FaqMatcher.load(folder / "matcher")
    figures = {"load_s": time.perf_counter() - start}
    return figures | _ask(folder, lambda row: int(matcher.match(row, top_k=1)["original_id"].iloc[0]))


def run_add(folder: Path) -> Figures:
    """Load, add many at once and some one by one, and save."""
    matcher, added = FaqMatcher.load(folder / "matcher"), pd.read_parquet(folder / "added.parquet")
    nothing = pd.DataFrame(columns=["question_id", "original_id"], dtype=np.int64)
    no_answers = pd.DataFrame(columns=["question_id", "answer_id", "html", "text"])
    many, few = added.iloc[:-_SINGLES], added.iloc[-_SINGLES:]
    start = time.perf_counter()
    matcher = matcher.add(many, nothing, no_answers)
    figures = {"added_per_s": len(many) / (time.perf_counter() - start)}
    start = time.perf_counter()
    for row in range(len(few)):
        matcher = matcher.add(few.iloc[row : row + 1], nothing, no_answers)
    figures["one_by_one_per_s"] = len(few) / (time.perf_counter() - start)
    (folder / "grown").mkdir()
    start = time.perf_counter()
    matcher.save(folder / "grown")
    figures["save_s"] = time.perf_counter() - start
    return figures | _ask(folder, lambda row: int(matcher.match(row, top_k=1)["original_id"].iloc[0]))


def run_bm25s(folder: Path) -> Figures:
    """Do the same with bm25s, Okapi's with its defaults."""
    import bm25s

    questions = read_known(folder)
    start, user = time.perf_counter(), _user_s()
    index = bm25s.BM25()
    index.index([word_tokens(text) for text in _join_fields(questions)], show_progress=False)
    figures = {"index_s": time.perf_counter() - start, "index_user_s": _user_s() - user}

    def match(row: pd.DataFrame) -> int:
        found, _ = index.retrieve([word_tokens(_join_fields(row).iloc[0])], k=1, show_progress=False)
        return int(found[0, 0])

    return figures | _ask(folder, match)


def run_sklearn(folder: Path) -> Figures:
    """Do the same with TfidfVectorizer and a sparse product."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    questions = read_known(folder)
    start, user = time.perf_counter(), _user_s()
    vectorizer = TfidfVectorizer(dtype=np.float32)
    documents = vectorizer.fit_transform(_join_fields(questions)).T.tocsr()
    figures = {"index_s": time.perf_counter() - start, "index_user_s": _user_s() - user}
    return figures | _ask(folder, lambda row: int((vectorizer.transform(_join_fields(row)) @ documents).argmax()))


def _ask(folder: Path, match: Any) -> Figures:
    asked = pd.read_parquet(folder / "asked.parquet")
    start = _user_s()
    found, latencies = _time_singles([asked.iloc[i : i + 1] for i in range(len(asked))], match)
    latencies["user_ms"] = 1000 * (_user_s() - start) / (len(asked) + 1)
    return latencies | {"gain_at_1": float(np.mean(np.array(found) == asked["original_id"])), "peak_gib": _peak_gib()}


def _join_fields(questions: pd.DataFrame) -> pd.Series[str]:
    return questions["title"] + "\n" + questions["text"] + "\n" + questions["code"]


def _user_s() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _open_folder(kept: Path | None) -> AbstractContextManager[str]:
    if kept is None:
        return tempfile.TemporaryDirectory()
    kept.mkdir(parents=True, exist_ok=True)
    return nullcontext(str(kept))


STEPS = {"build": run_build, "serve": run_serve, "add": run_add, "sklearn": run_sklearn, "bm25s": run_bm25s}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--originals", type=int, nargs="+", default=SIZES)
    parser.add_argument("--questions", type=int, default=200, help="questions matched one by one (default 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here")
    installed = [step for step in STEPS if step != "bm25s" or find_spec("bm25s")]
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=installed)
    parser.add_argument("--work", type=Path, help="keep texts and matcher here, for further steps of one size")
    for hidden in ("--step", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](Path(options.folder))))
        return
    results: dict[int, dict[str, Figures]] = {}
    for size in options.originals:
        with _open_folder(options.work) as work:
            if not (Path(work) / "asked.parquet").exists():
                write_texts(Path(work), size, options.questions, options.seed)
            results[size] = {}
            for step in options.steps:
                command = [sys.executable, __file__, "--step", step, "--folder", work]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ourselves
                results[size][step] = json.loads(done.stdout.splitlines()[-1])
                print(size, step, *(f"{n} {v:.4g}" for n, v in results[size][step].items()), flush=True)
                if options.json:
                    options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
