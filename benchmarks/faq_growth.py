"""Measure how time and memory of every node of `faq` grow with a dump: `kedro run` on five sizes.

    python benchmarks/faq_growth.py                              # 500 to 8,000 duplicates
    python benchmarks/faq_growth.py --duplicates 1000 2000 --params faq.ranker.rounds=50

Each dump is generated (see `generated_faq`): half as many originals as duplicates, and as many questions as duplicates
that nothing is linked to. Every size runs in a process of its own, with one worker and one thread. A node is charged
from the loading of its inputs to the saving of its outputs: processor seconds, and the most memory the process had
meanwhile. At the end stands each node's growth: the exponent b of seconds ~ size^b, by least squares on the logarithms.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Node

ROOT = Path(__file__).parents[1]
SIZES = (500, 1000, 2000, 4000, 8000)
THREADS = "faq.ingest.workers=1,faq.retrieval.workers=1,faq.ranker.threads=1,faq.reference.threads=1"
LEAST_S = 0.05  # what takes less says nothing of growth


def write_dump(folder: Path, duplicates: int, seed: int = 0) -> None:
    """Write Posts.xml and PostLinks.xml."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.generated_faq import QuestionMaker

    maker = QuestionMaker(seed)
    originals = duplicates // 2
    drawn = maker.draw(originals + duplicates)
    asked = np.arange(duplicates) % originals
    first = originals + duplicates
    questions = pd.concat([maker.spell(0, drawn), maker.spell(first, maker.reword(drawn, asked))])
    with (folder / "Posts.xml").open("w", encoding="utf-8") as posts:
        posts.write('<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
        for number, title, body in questions.itertuples(index=False):
            posts.write(
                f'  <row Id="{number + 1}" PostTypeId="1" CreationDate="2020-01-01T00:00:00.000" Score="1"'
                f' Body={quoteattr(body)} Title={quoteattr(title)} Tags="&lt;javascript&gt;" />\n'
            )
        posts.write("</posts>\n")
    with (folder / "PostLinks.xml").open("w", encoding="utf-8") as links:
        links.write('<?xml version="1.0" encoding="utf-8"?>\n<postlinks>\n')
        for place, original in enumerate(asked.tolist()):
            links.write(
                f'  <row Id="{place + 1}" CreationDate="2020-01-01T00:00:00.000" PostId="{first + place + 1}"'
                f' RelatedPostId="{original + 1}" LinkTypeId="3" />\n'
            )
        links.write("</postlinks>\n")


class NodeCosts:
    """Notes what each node costs this process."""

    def __init__(self) -> None:
        self.costs: dict[str, tuple[float, float]] = {}
        self._name = ""

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        """Start with the first input."""
        self._start(node)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Start a node without inputs."""
        self._start(node)

    @hook_impl(trylast=True)
    def after_dataset_saved(self, node: Node) -> None:
        """Note what it has cost so far; the last output counts."""
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        self.costs[node.name] = _used_s() - self._begun, peak / 1024

    def _start(self, node: Node) -> None:
        if node.name != self._name:
            self._name, self._begun = node.name, _used_s()
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak before


def _used_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run_here(dump: Path, work: Path, params: str) -> dict[str, tuple[float, float]]:
    """Run the pipeline in this process; give seconds and MiB of each node."""
    bootstrap_project(ROOT)
    given: dict[str, Any] = {
        "data_root": str(work),
        "faq_raw": str(dump),
        "mlflow_uri": f"sqlite:///{work / 'mlflow.db'}",
        "mlflow_artifacts": str(work / "mlartifacts"),
    }
    for pair in f"{THREADS},{params}".strip(",").split(","):
        *blocks, name = pair.partition("=")[0].split(".")
        place = given
        for block in blocks:
            place = place.setdefault(block, {})
        place[name] = json.loads(pair.partition("=")[2])
    costs = NodeCosts()
    session: Any
    with KedroSession.create(ROOT, runtime_params=given) as session:
        session._hook_manager.register(costs)
        session.run(pipeline_names=["faq"])
    return costs.costs


def measure(duplicates: int, params: str) -> dict[str, tuple[float, float]]:
    """Run one size in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        dump, work = Path(folder) / "dump", Path(folder) / "work"
        dump.mkdir()
        work.mkdir()
        write_dump(dump, duplicates)
        result = work / "costs.json"
        command = [sys.executable, __file__, "--run", str(dump), str(work), "--params", params, "--json", str(result)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}"}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - ourselves
        return {name: tuple(cost) for name, cost in json.loads(result.read_text(encoding="utf-8")).items()}


def tabulate(costs: dict[int, dict[str, tuple[float, float]]]) -> pd.DataFrame:
    """Set out seconds / MiB of each node and size, and the exponent of its growth."""
    rows = {}
    for node in costs[min(costs)]:
        seconds = np.array([costs[size][node][0] for size in costs])
        enough = seconds >= LEAST_S
        logs = np.log(np.array(list(costs))[enough]), np.log(seconds[enough])
        rows[node] = {
            **{f"{size:,}": "{:.1f} / {:,.0f}".format(*costs[size][node]) for size in costs},
            "b": f"{np.polyfit(*logs, 1)[0]:.2f}" if enough.sum() > 1 else "",
        }
    return pd.DataFrame(rows).T


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duplicates", type=int, nargs="+", default=SIZES)
    parser.add_argument("--params", default="", help="more parameters, as for kedro run; values as JSON")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--run", type=Path, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        args.json.write_text(json.dumps(run_here(*args.run, args.params)), encoding="utf-8")
        return
    costs = {}
    for size in args.duplicates:
        costs[size] = measure(size, args.params)
        if args.json:
            args.json.write_text(json.dumps(costs), encoding="utf-8")
        print(tabulate(costs).to_string(), flush=True)


if __name__ == "__main__":
    main()
