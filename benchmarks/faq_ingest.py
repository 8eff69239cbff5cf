"""Time the ingest of a generated Stack Exchange dump against xml.etree.ElementTree.iterparse.

    python benchmarks/faq_ingest.py    # 2 GiB plain and 256 MiB gzipped, in a temporary folder
    python benchmarks/faq_ingest.py --size-mib 200 --gz-mib 0 --json result.json

Both readers make the same selection, questions with the tag javascript on either side of a duplicate link and
the answers of originals, each in a process of its own; what they select is compared value by value. Ours is
charged for starting its workers and for writing the selection to Parquet, iterparse for neither.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

# Other imports are where they are needed: every worker process imports this file again.

TAG = "javascript"
TAG_SHARE = 0.1
QUESTION_SHARE = 0.396  # 1 question to 1.5 answers, and 1 % of wiki pages
OTHER_SHARE = 0.01
FOREIGN_SHARE = 0.15  # of bodies: not all ASCII
LINKED_SHARE = 0.04  # of questions: duplicates of an earlier one
TEXT = """
    the a of to in how do I get value from array when function returns undefined error string object loop
    <code>for (var i = 0; i &lt; n; i++) { a[i] = 'x'; }</code> <p> </p> <a href="https://example.org/q"> </a>
    <pre><code>if (a && b) { return "c"; }</code></pre> naive quotes - class method thread
"""
WORDS = TEXT.split()
FOREIGN = " 日本 naïve \u201cquotes\u201d"


def _write_attribute(text: str) -> str:
    return escape(text, {'"': "&quot;", "\n": "&#xA;"})


def _make_bodies(rng: random.Random, count: int = 4000) -> list[str]:
    """Bodies whose length is lognormal around 750 characters (about 1 KB a row), escaped as attributes."""
    bodies = []
    for _ in range(count):
        length = min(30_000, int(rng.lognormvariate(6.2, 0.8)))
        words: list[str] = []
        while length > 0:
            words.append(rng.choice(WORDS) + ("\n" if rng.random() < 0.05 else ""))
            length -= len(words[-1]) + 1
        foreign = FOREIGN if rng.random() < FOREIGN_SHARE else ""
        bodies.append(_write_attribute(f"<p>{' '.join(words)}{foreign}</p>\n"))
    return bodies


def _make_tags(rng: random.Random) -> str:
    others = rng.sample(["python", "java", "c#", "php", "html", "css", "jquery", "sql", "node.js"], rng.randint(1, 3))
    return "".join(f"&lt;{tag}&gt;" for tag in ([TAG] if rng.random() < TAG_SHARE else []) + others)


def _make_date(rng: random.Random) -> str:
    day = f"20{rng.randint(10, 23)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    return f"{day}T12:34:{rng.randint(0, 59):02}.{rng.randint(0, 999):03}"


def _make_question(post_id: int, date: str, rng: random.Random) -> tuple[str, str]:
    head = (
        f'PostTypeId="1" AcceptedAnswerId="{post_id + 1}" CreationDate="{date}" '
        f'Score="{rng.randint(-5, 90)}" ViewCount="77"'
    )
    tail = (
        f' Title="Title of {post_id} &amp; more" Tags="{_make_tags(rng)}" AnswerCount="2" CommentCount="0" '
        'ContentLicense="CC BY-SA 4.0"'
    )
    return head, tail


def generate(folder: Path, size_bytes: int, seed: int) -> dict[str, int]:
    """Write Posts.xml of about a size and PostLinks.xml as Stack Exchange does; return what they hold."""
    rng = random.Random(seed)  # noqa: S311 - no cryptography
    bodies, questions, originals, links = _make_bodies(rng), [1], [1], []
    written, post_id = 0, 0
    with (folder / "Posts.xml").open("wb") as file:
        file.write(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n')
        while written < size_bytes:
            post_id += 1
            kind, body, date = rng.random(), rng.choice(bodies), _make_date(rng)
            if kind < QUESTION_SHARE or post_id == 1:
                head, tail = _make_question(post_id, date, rng)
                if rng.random() < LINKED_SHARE:
                    original = rng.choice(originals if rng.random() < 0.5 else questions)
                    originals.append(original)
                    links.append((post_id, original))
                questions.append(post_id)
            elif kind < 1 - OTHER_SHARE:
                parent = questions[-1 - int(rng.expovariate(0.01)) % len(questions)]
                head = f'PostTypeId="2" ParentId="{parent}" CreationDate="{date}" Score="{rng.randint(-2, 50)}"'
                tail = ' CommentCount="1" ContentLicense="CC BY-SA 4.0"'
            else:
                head, tail = f'PostTypeId="5" CreationDate="{date}" Score="0"', ' CommentCount="0"'
            row = (
                f'  <row Id="{post_id}" {head} Body="{body}" OwnerUserId="{post_id % 977}" '
                f'LastActivityDate="{date}"{tail} />\r\n'
            )
            written += file.write(row.encode())
        file.write(b"</posts>")
    _write_links(folder / "PostLinks.xml", links, len(questions), rng)
    return {"posts": post_id, "questions": len(questions) - 1, "duplicate_links": len(links)}


def _write_links(path: Path, links: list[tuple[int, int]], related: int, rng: random.Random) -> None:
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<postlinks>\n')
        rows = [(*pair, 3) for pair in links] + [(rng.randint(1, related), 1, 1) for _ in range(related // 20)]
        for number, (post, other, kind) in enumerate(rows):
            date = _make_date(rng)
            file.write(
                f'  <row Id="{number}" CreationDate="{date}" PostId="{post}" RelatedPostId="{other}" '
                f'LinkTypeId="{kind}" />\n'
            )
        file.write("</postlinks>")


def read_ours(folder: Path, target: Path) -> None:
    """Read the selection with the project's dataset and save it."""
    from triptych.datasets.parquet_batches import ParquetBatchesDataset
    from triptych.datasets.question_source import StackExchangeDataset
    from triptych.faq.dump.posts import PostSelection

    source = StackExchangeDataset(filepath=folder).load()
    stream = source.read_posts(PostSelection(tags=(TAG,), background_every=0))
    ParquetBatchesDataset(filepath=target).save(stream)


def _iterate_rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    plain = folder / name
    with plain.open("rb") if plain.exists() else gzip.open(f"{plain}.gz") as file:
        events = ElementTree.iterparse(file, events=("start", "end"))  # noqa: S314 - our own dump
        _, root = next(events)
        for event, element in events:
            if event == "end" and element.tag == "row":
                yield element.attrib
                root.clear()


def read_iterparse(folder: Path) -> list[tuple[Any, ...]]:
    """Read the selection the plain way."""
    pairs = [
        (int(row["PostId"]), int(row["RelatedPostId"]))
        for row in _iterate_rows(folder, "PostLinks.xml")
        if row["LinkTypeId"] == "3"
    ]
    originals = {original for _, original in pairs}
    linked = originals | {duplicate for duplicate, _ in pairs}
    posts: list[tuple[dict[str, str], str, int | None, int | None, str | None, str]] = []
    for row in _iterate_rows(folder, "Posts.xml"):
        kind = row["PostTypeId"]
        if kind == "1" and int(row["Id"]) in linked:
            tags = row["Tags"].replace("<", " ").replace(">", " ").split()
            if TAG in tags:
                posts.append((row, "question", None, int(row["AcceptedAnswerId"]), row["Title"], " ".join(tags)))
        elif kind == "2" and int(row["ParentId"]) in originals:
            posts.append((row, "answer", int(row["ParentId"]), None, None, ""))
    return [
        (
            int(row["Id"]), name, parent, accepted, datetime.fromisoformat(row["CreationDate"]),
            int(row["Score"]), title, row["Body"], tags,
        )
        for row, name, parent, accepted, title, tags in posts
    ]  # fmt: skip


def run_reader(reader: str, folder: Path, target: Path) -> dict[str, float]:
    """Run one reader in this process; return its seconds, imports of modules left out, and its memory."""
    if reader == "ours":
        for module in ("question_source", "parquet_batches"):
            importlib.import_module(f"triptych.datasets.{module}")
    start = time.perf_counter()
    rows: list[tuple[Any, ...]] = []
    if reader == "ours":
        read_ours(folder, target)
    else:
        rows = read_iterparse(folder)
    seconds = time.perf_counter() - start
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    if reader != "ours":
        import pyarrow as pa
        import pyarrow.parquet as pq

        from triptych.faq.dump.posts import POST_SCHEMA

        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, POST_SCHEMA, strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=POST_SCHEMA), target)
    return {"seconds": seconds, "own_peak_mb": own / 1024, "largest_child_mb": children / 1024}


class MemorySampler(threading.Thread):
    """Sum the resident memory of a process and its children every 20 ms; shared pages count each time."""

    def __init__(self, pid: int) -> None:
        import psutil

        super().__init__(daemon=True)
        self._process, self._errors = psutil.Process(pid), psutil.Error
        self.peak_mb = 0.0

    def run(self) -> None:
        """Sample until the process ends."""
        while self._process.is_running():
            total = 0
            try:
                for process in (self._process, *self._process.children(recursive=True)):
                    total += process.memory_info().rss
            except self._errors:
                continue
            finally:
                self.peak_mb = max(self.peak_mb, total / 2**20)
            time.sleep(0.02)


def measure(reader: str, folder: Path, work: Path) -> dict[str, float]:
    """Run one reader in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--reader",
        reader,
        "--folder",
        str(folder),
        "--target",
        str(work / reader),
    ]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        sampler = MemorySampler(process.pid)
        sampler.start()
        output, _ = process.communicate()
    wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{reader} failed")
    return {**json.loads(output), "process_seconds": wall, "tree_peak_mb": sampler.peak_mb}


def compare(folder: Path, size_bytes: int, runs: int, form: str) -> dict[str, Any]:
    """Alternate the readers, check that they agree, and print the figures."""
    import pyarrow.parquet as pq

    result: dict[str, Any] = {"form": form, "bytes": size_bytes, "ours": [], "iterparse": []}
    with tempfile.TemporaryDirectory() as work:
        for _ in range(runs):
            for reader in ("ours", "iterparse"):
                figures = measure(reader, folder, Path(work))
                figures["mb_per_s"] = size_bytes / 1e6 / figures["seconds"]
                result[reader].append(figures)
                print(f"{form:>5} {reader:>9}: " + "  ".join(f"{name} {value:.1f}" for name, value in figures.items()))
        ours, theirs = (pq.read_table(Path(work) / reader) for reader in ("ours", "iterparse"))
        if not ours.replace_schema_metadata().equals(theirs.replace_schema_metadata()):
            raise SystemExit("the readers do not select the same posts")
        result["selected"] = ours.num_rows
    best = {reader: min(run["seconds"] for run in result[reader]) for reader in ("ours", "iterparse")}
    result["ratio"] = best["iterparse"] / best["ours"]
    print(f"{form:>5}: {result['selected']} posts selected by both; {result['ratio']:.1f} times iterparse's speed")
    return result


def _compress(folder: Path) -> None:
    for name in ("Posts.xml", "PostLinks.xml"):
        with (
            (folder / name).open("rb") as plain,
            gzip.open(folder / f"{name}.gz", "wb", compresslevel=6) as packed,
        ):
            shutil.copyfileobj(plain, packed, 1 << 20)
        (folder / name).unlink()


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=2048, help="size of Posts.xml (default 2048)")
    parser.add_argument("--gz-mib", type=int, default=256, help="size of the gzipped one before packing; 0: none")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here")
    for hidden in ("--reader", "--folder", "--target"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        print(json.dumps(run_reader(options.reader, Path(options.folder), Path(options.target))))
        return
    results = []
    for form, mib in (("plain", options.size_mib), ("gz", options.gz_mib)):
        if not mib:
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(f"{form}: generating {mib} MiB in {folder}")
            holds = generate(Path(folder), mib << 20, options.seed)
            size = sum((Path(folder) / name).stat().st_size for name in ("Posts.xml", "PostLinks.xml"))
            if form == "gz":
                _compress(Path(folder))
            results.append({**compare(Path(folder), size, options.runs, form), **holds, "cores": os.cpu_count()})
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
