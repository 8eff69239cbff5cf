from __future__ import annotations

import gzip
import logging
import multiprocessing
import pickle
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import py7zr
import pytest
from kedro.io import DataCatalog, DatasetError, SharedMemoryDataCatalog
from kedro.pipeline import Pipeline, node
from kedro.runner import ParallelRunner
from kedro_datasets.json import JSONDataset

from tests.faq.dumps import (
    BOM,
    HEADER,
    LINKS,
    POSTS,
    answer,
    document,
    link,
    question,
    read_all,
    read_naively,
    row,
    write_dump,
)
from triptych.datasets.question_source import StackExchangeDataset
from triptych.errors import InputError
from triptych.faq.dump import compressed_streams, stack_exchange, xml_blocks
from triptych.faq.dump.posts import PostSelection, PostStream, QuestionSource
from triptych.faq.dump.stack_exchange import StackExchangeSource

EVERYTHING = PostSelection()


def source(folder: Path) -> StackExchangeSource:
    return StackExchangeDataset(filepath=folder).load()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make even small files go through several blocks and processes."""
    monkeypatch.setattr(xml_blocks, "BLOCK_BYTES", 8 << 10)
    monkeypatch.setattr(stack_exchange, "_PARALLEL_BYTES", 0)


def many_posts(count: int = 600) -> list[bytes]:
    posts = []
    for number in range(1, count):
        if number % 3 == 1:
            posts.append(question(number, "<b>" if number % 2 else "<a>", Title="t" * (number % 50)))
        else:
            posts.append(answer(number, number // 3 * 3 + 1, CreationDate="2020-02-02T02:02:02.002"))
    return posts


class TestReading:
    @pytest.mark.parametrize("form", ["plain", "gz", "7z", "site"])
    def test_round_trip_in_every_form(self, tmp_path: Path, form: str) -> None:
        opened = source(write_dump(tmp_path, form=form))
        stream = opened.read_posts(EVERYTHING)
        posts = read_all(stream)
        assert [post["id"] for post in posts] == [1, 2, 3, 4, 7]
        assert posts[0] == {
            "id": 1,
            "kind": "question",
            "parent_id": None,
            "accepted_answer_id": 4,
            "created": pd.Timestamp("2018-03-12T17:00:45.567"),
            "score": 1,
            "title": 'Fish & <chips> "é"',
            "body": "<p>question 1</p>",
            "tags": "a b",
        }
        assert posts[1]["tags"] == "b c"
        assert (posts[3]["kind"], posts[3]["parent_id"], posts[3]["tags"]) == ("answer", 1, "")
        report = stream.metadata
        expected = {"rows": 7, "questions": 4, "answers": 2, "other_posts": 1, "kept_questions": 4}
        expected |= {"kept_answers": 1, "broken_rows": 0, "duplicate_ids": 0, "undated_posts": 4}
        assert {key: report[key] for key in expected} == expected
        assert report["links"] == {"1": 1, "3": 2}
        assert [Path(file["name"].partition(":")[0]).is_file() for file in report["files"]] == [True, True]

    def test_links_are_unique_sorted_and_without_loops(self, tmp_path: Path) -> None:
        links = [
            link(9, 1, day=3),
            link(2, 1, day=2),
            link(2, 1, day=1),
            link(4, 4),
            link(9, 0),
            link(5, 6, kind=1),
        ]
        frame = source(write_dump(tmp_path, links=links)).read_links()
        assert frame[["duplicate_id", "original_id"]].to_numpy().tolist() == [[2, 1], [9, 0], [9, 1]]
        assert frame["created"].dt.day.tolist() == [1, 1, 3]
        assert [str(kind) for kind in frame.dtypes] == ["int64", "int64", "datetime64[ns]"]

    def test_no_link_gives_an_empty_table(self, tmp_path: Path) -> None:
        opened = source(write_dump(tmp_path, links=[]))
        assert opened.read_links().empty
        assert [str(kind) for kind in opened.read_links().dtypes] == ["int64", "int64", "datetime64[ns]"]
        assert {post["kind"] for post in read_all(opened.read_posts(EVERYTHING))} == {"question"}

    @pytest.mark.parametrize(
        ("selection", "ids"),
        [
            (PostSelection(background_every=0), [1, 2, 4]),
            (PostSelection(background_every=7), [1, 2, 4, 7]),
            (PostSelection(tags=("c",)), [2, 4, 7]),
            (PostSelection(tags=("c",), background_every=0), [2, 4]),
            (PostSelection(tags=("none",)), [4]),
        ],
    )
    def test_selection(self, tmp_path: Path, selection: PostSelection, ids: list[int]) -> None:
        opened = source(write_dump(tmp_path))
        assert [post["id"] for post in read_all(opened.read_posts(selection))] == ids

    def test_first_of_equal_ids_is_kept(self, tmp_path: Path) -> None:
        posts = [question(1, Title="first"), question(5), question(1, Title="second"), question(5)]
        stream = source(write_dump(tmp_path, posts)).read_posts(EVERYTHING)
        assert [post["title"] for post in read_all(stream)] == ["first", None]
        assert (stream.metadata["duplicate_ids"], stream.metadata["kept_questions"]) == (2, 2)

    def test_stream_can_be_read_again(self, tmp_path: Path) -> None:
        stream = source(write_dump(tmp_path)).read_posts(EVERYTHING)
        assert read_all(stream) == read_all(stream)
        assert stream.metadata["rows"] == len(POSTS)

    def test_handle_is_a_question_source_and_pickles(self, tmp_path: Path) -> None:
        opened = source(write_dump(tmp_path))
        assert isinstance(opened, QuestionSource)
        copied = pickle.loads(pickle.dumps(opened))  # noqa: S301 - our own
        assert copied.read_links().equals(opened.read_links())

    def test_empty_root_is_an_empty_dump(self, tmp_path: Path) -> None:
        for name, root in (("Posts.xml", "posts"), ("PostLinks.xml", "postlinks")):
            (tmp_path / name).write_bytes(HEADER + f"<{root} />\n".encode())
        assert read_all(source(tmp_path).read_posts(EVERYTHING)) == []

    def test_batches_have_at_most_4096_rows(self, tmp_path: Path) -> None:
        posts = [row(Id=number, PostTypeId=1) for number in range(1, 10_001)]
        sizes = [batch.num_rows for batch in source(write_dump(tmp_path, posts)).read_posts(EVERYTHING)]
        assert sum(sizes) == 10_000
        assert max(sizes) == 4096


@pytest.mark.usefixtures("small_blocks")
class TestSeveralProcesses:
    def test_same_as_in_one(self, tmp_path: Path) -> None:
        posts = many_posts()
        posts[100] = b"<row Id='oops' />"
        posts[-1] = b"<broken"
        links = [link(10, 1), link(40, 301)]
        opened = source(write_dump(tmp_path, posts, links))
        together, alone = (opened.read_posts(PostSelection(workers=workers)) for workers in (2, 1))
        assert read_all(together) == read_all(alone)
        naive = read_naively(posts, {10, 1, 40, 301}, {1, 301}, EVERYTHING)
        assert [post["id"] for post in read_all(alone)] == [post["id"] for post in naive.posts]
        lines = [broken["line"] for broken in together.metadata["first_broken_lines"]]
        assert lines == [number + 2 for number in naive.broken] == [103, 601]  # after header and root
        times = {"seconds": 0}
        assert together.metadata | times == alone.metadata | times

    @pytest.mark.parametrize("form", ["gz", "7z", "site"])
    def test_compressed_forms(self, tmp_path: Path, form: str) -> None:
        plain = source(write_dump(tmp_path / "plain", many_posts()))
        packed = source(write_dump(tmp_path / form, many_posts(), form=form))
        selection = PostSelection(tags=("a",), workers=2)
        assert read_all(packed.read_posts(selection)) == read_all(plain.read_posts(selection))

    @pytest.mark.parametrize("form", ["plain", "gz", "7z"])
    def test_consumer_may_stop_early(self, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(xml_blocks, "BLOCK_BYTES", 2 << 10)
        posts = [question(number, Title="x" * 3000) for number in range(5000)]
        before = set(multiprocessing.active_children())
        iterator = iter(source(write_dump(tmp_path, posts, form=form)).read_posts(PostSelection(workers=2)))
        assert next(iterator).num_rows > 0
        del iterator
        assert set(multiprocessing.active_children()) <= before

    def test_refusal_in_a_later_block_stops_the_workers(self, tmp_path: Path) -> None:
        posts = many_posts()
        posts[500] = b'<!ENTITY lol "lol">'
        before = set(multiprocessing.active_children())
        with pytest.raises(InputError, match=r"Posts\.xml, line 503: a DOCTYPE or ENTITY"):
            read_all(source(write_dump(tmp_path, posts)).read_posts(PostSelection(workers=2)))
        assert set(multiprocessing.active_children()) <= before


def _read_in_parallel(opened: StackExchangeSource) -> list[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack_exchange, "_PARALLEL_BYTES", 0)
        return [post["id"] for post in read_all(opened.read_posts(PostSelection(workers=2)))]


def test_inside_a_parallel_runner(tmp_path: Path) -> None:
    write_dump(tmp_path / "dump")
    nodes = [node(_read_in_parallel, "raw", f"ids{number}", name=f"read{number}") for number in (1, 2)]
    catalog = SharedMemoryDataCatalog(
        {
            "raw": StackExchangeDataset(filepath=str(tmp_path / "dump")),
            **{f"ids{number}": JSONDataset(filepath=str(tmp_path / f"{number}.json")) for number in (1, 2)},
        }
    )
    ParallelRunner(max_workers=2).run(Pipeline(nodes), catalog)
    assert [catalog.load(f"ids{number}") for number in (1, 2)] == [[1, 2, 3, 4, 7]] * 2


class TestHostile:
    BOMB = b"".join(
        [
            b'<!DOCTYPE posts [<!ENTITY a "lol">',
            *(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)),
            b"]>\n",
        ]
    )
    EXTERNAL = b'<!DOCTYPE posts [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>\n'

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("declaration", [BOMB, EXTERNAL, b"<!doctype posts>", b'<!DOCTYPE posts SYSTEM "x.dtd">'])
    def test_declarations_are_refused(self, tmp_path: Path, declaration: bytes, packed: bool) -> None:
        write_dump(tmp_path)
        data = (
            BOM + HEADER + declaration + document("posts", [row(Id=1, PostTypeId=1, Body="&j;")])[len(BOM + HEADER) :]
        )
        (tmp_path / "Posts.xml").unlink()
        name = "Posts.xml.gz" if packed else "Posts.xml"
        (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
        with pytest.raises(InputError, match=r"Posts\.xml.*line 2.*refused"):
            read_all(source(tmp_path).read_posts(EVERYTHING))

    def test_a_comment_before_the_root_harms_nobody(self, tmp_path: Path) -> None:
        write_dump(tmp_path)
        data = document("posts", [question(1)])
        start = len(BOM + HEADER)
        (tmp_path / "Posts.xml").write_bytes(data[:start] + b"<!-- made by x -->\n<!-- 2 -->" + data[start:])
        assert [post["id"] for post in read_all(source(tmp_path).read_posts(EVERYTHING))] == [1]
        (tmp_path / "Posts.xml").write_bytes(data[:start] + b"<!-- a --><!DOCTYPE posts>" + data[start:])
        with pytest.raises(InputError, match="refused"):
            read_all(source(tmp_path).read_posts(EVERYTHING))

    def test_any_share_of_the_background_can_be_asked_for(self, tmp_path: Path) -> None:
        write_dump(tmp_path, [question(901), question(902)])
        assert read_all(source(tmp_path).read_posts(PostSelection(background_every=2**40))) == []

    def test_undefined_entity_is_a_broken_row(self, tmp_path: Path) -> None:
        posts = [question(1), b'<row Id="2" PostTypeId="1" Body="&xxe;" />', question(3)]
        stream = source(write_dump(tmp_path, posts)).read_posts(EVERYTHING)
        assert [post["id"] for post in read_all(stream)] == [1, 3]
        assert stream.metadata["first_broken_lines"][0]["reason"].endswith("undefined entity")

    def test_overlong_line_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_blocks: None
    ) -> None:
        monkeypatch.setattr(xml_blocks, "MAX_LINE_BYTES", 32 << 10)
        monkeypatch.setattr(compressed_streams, "_CHUNK_BYTES", 1 << 10)
        for form in ("plain", "gz"):
            folder = write_dump(tmp_path / form, [question(1), question(2, Title="x" * 100_000)], form=form)
            with pytest.raises(InputError, match=r"Posts\.xml.*a line longer than"):
                read_all(source(folder).read_posts(EVERYTHING))

    def test_ids_far_apart_take_little_memory(self, tmp_path: Path) -> None:
        posts = [row(Id=number * 20_000_000 + 1, PostTypeId=1) for number in range(100)]
        links = [link(number * 20_000_000 + 1, 1) for number in range(1, 100)]
        assert len(read_all(source(write_dump(tmp_path, posts, links)).read_posts(EVERYTHING))) == 100


class TestBrokenRows:
    def test_logged_with_line_numbers_then_summed_up(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        posts = [question(1), *[b"<row Id='x' />"] * 30, question(2)]
        stream = source(write_dump(tmp_path, posts)).read_posts(EVERYTHING)
        with caplog.at_level(logging.WARNING):
            assert [post["id"] for post in read_all(stream)] == [1, 2]
        messages = [record.getMessage() for record in caplog.records]
        assert len(messages) == 21
        assert messages[0].startswith(f"{tmp_path / 'Posts.xml'}, line 4: row skipped: Id is not an integer")
        assert messages[-1] == f"{tmp_path / 'Posts.xml'}: 30 of 32 rows were broken and skipped"
        assert stream.metadata["broken_rows"] == 30
        assert [broken["line"] for broken in stream.metadata["first_broken_lines"]] == list(range(4, 24))

    def test_broken_links_are_counted(self, tmp_path: Path) -> None:
        stream = source(write_dump(tmp_path, links=[*LINKS, row(Id=4, LinkTypeId=3)])).read_posts(EVERYTHING)
        read_all(stream)
        assert stream.metadata["broken_links"] == 1
        assert stream.metadata["first_broken_links"][0]["line"] == 6

    def test_nothing_readable_is_a_wrong_schema(self, tmp_path: Path) -> None:
        posts = [row(UserId=number, Name="x") for number in range(3)]
        with pytest.raises(InputError, match=r"Posts\.xml: wrong schema: none of the first 3 rows.*no Id"):
            read_all(source(write_dump(tmp_path, posts)).read_posts(EVERYTHING))


class TestDamagedFiles:
    @staticmethod
    def read(folder: Path) -> list[dict[str, Any]]:
        return read_all(source(folder).read_posts(EVERYTHING))

    @pytest.mark.parametrize("form", ["plain", "gz", "7z"])
    def test_missing_closing_tag(self, tmp_path: Path, form: str) -> None:
        whole = write_dump(tmp_path / "whole", many_posts())
        cut = (whole / "Posts.xml").read_bytes()[:-200]
        folder = write_dump(tmp_path / "cut", form=form)
        if form == "plain":
            (folder / "Posts.xml").write_bytes(cut)
        elif form == "gz":
            (folder / "Posts.xml.gz").write_bytes(gzip.compress(cut))
        else:
            with py7zr.SevenZipFile(folder / "Posts.xml.7z", "w") as archive:
                archive.writestr(cut, "Posts.xml")
        with pytest.raises(InputError, match=r"Posts\.xml.*truncated"):
            self.read(folder)

    @pytest.mark.parametrize("form", ["gz", "7z"])
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
    def test_archive_cut_off(self, tmp_path: Path, form: str, share: float) -> None:
        path = write_dump(tmp_path, many_posts(), form=form) / f"Posts.xml.{form}"
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises((DatasetError, InputError), match=rf"Posts\.xml\.{form}.*truncated"):
            self.read(tmp_path)

    @pytest.mark.parametrize("form", ["gz", "7z"])
    def test_archive_with_flipped_bytes(self, tmp_path: Path, form: str) -> None:
        path = write_dump(tmp_path, many_posts(), form=form) / f"Posts.xml.{form}"
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 8] = bytes(255 - octet for octet in data[middle : middle + 8])
        path.write_bytes(data)
        with pytest.raises(InputError, match=rf"Posts\.xml\.{form}.*(damaged|truncated)"):
            self.read(tmp_path)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "empty or truncated"),
            (BOM + HEADER, "empty or truncated|wrong schema"),
            (HEADER + b"<comments>\n</comments>", "wrong schema.*expected.*<posts>, found <comments>"),
            (b"Id,PostTypeId\n1,1\n", "wrong schema"),
            (b"\xff\xfe" + "<posts>".encode("utf-16-le"), "UTF-16"),
            (b'<?xml version="1.0" encoding="iso-8859-1"?>\n<posts>\n</posts>', "iso-8859-1.*Convert"),
        ],
    )
    def test_wrong_file(self, tmp_path: Path, content: bytes, message: str) -> None:
        (write_dump(tmp_path) / "Posts.xml").write_bytes(content)
        with pytest.raises(InputError, match=rf"Posts\.xml: .*({message})"):
            self.read(tmp_path)

    def test_missing_file_says_what_to_do(self, tmp_path: Path) -> None:
        (write_dump(tmp_path) / "PostLinks.xml").unlink()
        dataset = StackExchangeDataset(filepath=tmp_path)
        assert not dataset.exists()
        with pytest.raises(DatasetError, match=rf"No PostLinks\.xml in {tmp_path}: looked for .*filepath"):
            dataset.load()

    def test_two_archives_with_the_same_file(self, tmp_path: Path) -> None:
        archive = write_dump(tmp_path, form="site") / "site.example.7z"
        (tmp_path / "copy.7z").write_bytes(archive.read_bytes())
        with pytest.raises(DatasetError, match="several archives"):
            source(tmp_path)


class TestDataset:
    def test_archive_as_filepath(self, tmp_path: Path) -> None:
        archive = write_dump(tmp_path, form="site") / "site.example.7z"
        dataset = StackExchangeDataset(filepath=str(archive), metadata={"kedro-viz": {"layer": "raw"}})
        assert dataset.exists()
        assert len(read_all(dataset.load().read_posts(EVERYTHING))) == 5

    def test_is_read_only(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="read-only"):
            StackExchangeDataset(filepath=tmp_path).save(PostStream(lambda _: iter(())))  # type: ignore[arg-type]

    def test_from_catalog_config(self, tmp_path: Path) -> None:
        config = {"raw": {"type": "triptych.datasets.StackExchangeDataset", "filepath": str(write_dump(tmp_path))}}
        catalog = DataCatalog.from_config(config)
        assert str(tmp_path) in str(catalog["raw"])
        assert len(catalog.load("raw").read_links()) == 1


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["quantum_dump", "askubuntu_pairs"])
def test_real_dump_against_element_tree(shared_data: Path, name: str) -> None:
    folder = shared_data / "faq" / name
    links = [element.attrib for element in ET.parse(folder / "PostLinks.xml").getroot()]  # noqa: S314
    pairs = {(int(a["PostId"]), int(a["RelatedPostId"])) for a in links if a["LinkTypeId"] == "3"}
    posts = [element.attrib for element in ET.parse(folder / "Posts.xml").getroot()]  # noqa: S314
    originals = {original for _, original in pairs}
    expected = [
        (int(post["Id"]), post["Body"], post.get("Title"), int(post["Score"]))
        for post in posts
        if post["PostTypeId"] == "1" or (post["PostTypeId"] == "2" and int(post["ParentId"]) in originals)
    ]
    opened = source(folder)
    frame = opened.read_links()
    assert set(zip(frame["duplicate_id"], frame["original_id"], strict=True)) == pairs
    assert frame["created"].notna().all()
    stream = opened.read_posts(EVERYTHING)
    found = read_all(stream)
    assert [(post["id"], post["body"], post["title"], post["score"]) for post in found] == expected
    kinds = Counter(post["PostTypeId"] for post in posts)
    report = stream.metadata
    assert (report["questions"], report["answers"]) == (kinds["1"], kinds["2"])
    assert (report["rows"], report["broken_rows"], report["undated_posts"]) == (len(posts), 0, 0)
    assert report["links"] == dict(sorted(Counter(a["LinkTypeId"] for a in links).items()))
