"""Makers of Stack Exchange dumps, and a slow, plain reader to compare with."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import py7zr

from triptych.faq.dump.posts import PostSelection, PostStream

BOM = b"\xef\xbb\xbf"
HEADER = b'<?xml version="1.0" encoding="utf-8"?>\n'


def row(**attributes: object) -> bytes:
    """Write one row; quoteattr takes single quotes where the value has double ones."""
    return f"<row {' '.join(f'{name}={quoteattr(str(value))}' for name, value in attributes.items())} />".encode()


def question(post_id: int, tags: str = "<a>", **more: object) -> bytes:
    return row(Id=post_id, PostTypeId=1, Score=1, Body=f"<p>question {post_id}</p>", Tags=tags, **more)


def answer(post_id: int, parent: int, **more: object) -> bytes:
    return row(Id=post_id, PostTypeId=2, ParentId=parent, Score=2, Body=f"answer {post_id}", **more)


def link(duplicate: int, original: int, kind: int = 3, day: int = 1) -> bytes:
    return row(
        Id=1,
        CreationDate=f"2020-01-{day:02}T00:00:00.000",
        PostId=duplicate,
        RelatedPostId=original,
        LinkTypeId=kind,
    )


def document(root: str, rows: Iterable[bytes], newline: bytes = b"\r\n") -> bytes:
    lines = [f"<{root}>".encode(), *(b"  " + line for line in rows), f"</{root}>".encode()]
    return BOM + HEADER + newline.join(lines)


POSTS = [
    question(1, "<a><b>", AcceptedAnswerId=4, Title='Fish & <chips> "é"', CreationDate="2018-03-12T17:00:45.567"),
    question(2, "|b|c|", Title="two"),
    question(3),
    answer(4, 1),
    answer(5, 3),
    row(Id=6, PostTypeId=5, Body="wiki"),
    question(7, "<c>"),
]
LINKS = [link(2, 1), link(3, 1, kind=1), link(2, 1, day=2)]


def write_dump(
    folder: Path,
    posts: Sequence[bytes] = POSTS,
    links: Sequence[bytes] = LINKS,
    form: str = "plain",
) -> Path:
    """Write a dump as plain files, .gz, .7z, or one archive of the site; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"PostLinks.xml": document("postlinks", links), "Posts.xml": document("posts", posts)}
    if form == "site":
        with py7zr.SevenZipFile(folder / "site.example.7z", "w") as archive:
            for name, data in files.items():
                archive.writestr(data, f"site.example/{name}")
        return folder
    for name, data in files.items():
        if form == "7z":
            with py7zr.SevenZipFile(folder / f"{name}.7z", "w") as archive:
                archive.writestr(data, name)
        elif form == "gz":
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)
    return folder


def read_all(stream: PostStream) -> list[dict[str, Any]]:
    return [post for batch in stream for post in batch.to_pylist()]


class Naive(NamedTuple):
    """What the plain reader finds."""

    posts: list[dict[str, Any]]
    broken: list[int]
    """Numbers of the lines, from 1, that cannot be read."""

    kinds: dict[int, int]


def read_naively(lines: Sequence[bytes], linked: set[int], originals: set[int], selection: PostSelection) -> Naive:
    """Parse every line as XML and apply the selection's definition word by word."""
    found = Naive([], [], {})
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            kind, post = _read_post(line.strip(), linked, originals, selection)
        except (ET.ParseError, KeyError, ValueError):
            found.broken.append(number)
            continue
        found.kinds[kind] = found.kinds.get(kind, 0) + 1
        if post is not None:
            found.posts.append(post)
    return found


def _integer(text: str, low: int = 0, high: int = 2**31 - 1) -> int:
    if not re.fullmatch("-?[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise ValueError(text)
    return int(text)


def _read_post(
    line: bytes, linked: set[int], originals: set[int], selection: PostSelection
) -> tuple[int, dict[str, Any] | None]:
    element = ET.fromstring(line)  # noqa: S314 - our own data
    if element.tag != "row" or len(element) or not line.startswith(b"<row"):
        raise ValueError(element.tag)
    post_id, kind = _integer(element.attrib["Id"]), _integer(element.attrib["PostTypeId"], 1, 99)
    tags = re.sub("[<>|]", " ", element.get("Tags", "")).split()
    parent, every = None, selection.background_every
    if kind == 1:
        in_sample = every > 0 and post_id % every == 0
        is_kept = (post_id in linked or in_sample) and (not selection.tags or set(tags) & set(selection.tags))
    elif kind == 2:
        parent = _integer(element.attrib["ParentId"])
        is_kept = parent in originals
    else:
        is_kept = False
    if not is_kept:
        return kind, None
    accepted = element.get("AcceptedAnswerId") if kind == 1 else None
    return kind, {
        "id": post_id,
        "kind": "question" if kind == 1 else "answer",
        "parent_id": parent,
        "accepted_answer_id": None if accepted is None else _integer(accepted),
        "score": _integer(element.get("Score", "0"), -(2**31) + 1),
        "title": element.get("Title"),
        "body": element.get("Body", ""),
        "tags": " ".join(tags) if kind == 1 else "",
    }
