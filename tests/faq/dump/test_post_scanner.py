from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faq.dumps import BOM, answer, link, question, read_naively, row
from triptych.faq.dump.post_scanner import BlockCounts, PostScanner, scan_links, split_tags
from triptych.faq.dump.posts import POST_SCHEMA, PostSelection
from triptych.faq.dump.xml_blocks import MemoryBlock

LINKED, ORIGINALS = {1, 2, 5, 12}, {1, 5}


def scan(data: bytes, selection: PostSelection | None = None) -> BlockCounts:
    linked, originals = (np.array(sorted(ids), dtype=np.int32) for ids in (LINKED, ORIGINALS))
    return PostScanner(linked, originals, selection or PostSelection())(MemoryBlock(data))


def kept(counts: BlockCounts) -> list[dict[str, Any]]:
    return counts.batch.to_pylist() if counts.batch is not None else []


TEXT = st.text(
    st.sampled_from("ab é&<>\"'=/|\t\n雪 ") | st.characters(min_codepoint=0x20, max_codepoint=0x17F),
    max_size=12,
)
TAGS = st.lists(st.sampled_from(["a", "b", "c++", "é", "java"]), max_size=3).flatmap(
    lambda tags: st.sampled_from(["".join(f"<{tag}>" for tag in tags), "|" + "|".join(tags) + "|", ""])
)
NUMBER = st.integers(0, 15).map(str)
ODD_NUMBER = st.sampled_from(["", "x", "1.0", "+1", "007", "-1", "99999999999", "2147483647", " 1", "1_0", "\uff11"])


def escaped(value: str, quote: str, numeric: bool) -> str:
    table = {
        "&": "&amp;",
        "<": "&lt;",
        quote: "&#34;" if quote == '"' else "&#39;",
        "\n": "&#xA;",
        "\t": "&#x9;",
    }
    if numeric:
        table.update({character: f"&#{ord(character)};" for character in set(value) & set("ab>é")})
    return "".join(table.get(character, character) for character in value)


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """A row, mostly as Stack Exchange writes them, with attributes in any order and form, perhaps damaged."""
    is_usual = draw(st.integers(0, 3)) > 0
    number = NUMBER if is_usual or draw(st.booleans()) else NUMBER | ODD_NUMBER
    attributes = {
        "Id": draw(number),
        "PostTypeId": draw(st.sampled_from("112234") if number is NUMBER else number),
        "ParentId": draw(number),
        "AcceptedAnswerId": draw(number),
        "Score": draw(number),
        "Title": draw(TEXT | st.just(" Tags=") | st.just(' Tags="&lt;a&gt;"')),
        "Tags": draw(TAGS),
        "Body": draw(TEXT | st.just(' Tags="<java>"') | st.just("x = 'Tags'") | st.just(" Tags=")),
    }
    names = list(attributes)
    dropped = draw(st.sets(st.sampled_from(names[2:] if is_usual else names), max_size=3))
    names = [name for name in names if name not in dropped]
    if not is_usual:
        names = draw(st.permutations(names))
    text, numeric = "<row", draw(st.integers(0, 3)) == 0
    for name in names:
        is_plain = is_usual and name not in ("Title", "Body")
        quote = '"' if is_plain else draw(st.sampled_from('""\''))
        space = " " if is_plain else draw(st.sampled_from([" ", " ", "\t", "  "]))
        equals = "=" if is_plain else draw(st.sampled_from(["=", "=", " = "]))
        text += f"{space}{name}{equals}{quote}{escaped(attributes[name], quote, numeric)}{quote}"
    endings = ["></row>", " >text</row>", "><b/></row>", "", " /", ">"]
    text += draw(st.sampled_from([" />", "/>"] if draw(st.integers(0, 3)) else endings))
    line = text.encode()
    damage = draw(st.sampled_from([*[None] * 6, b"<", b"\xff", b"\xed\xa0\x80", b'"', b"<row "]))
    if damage:
        place = draw(st.integers(0, len(line)))
        line = line[:place] + damage + line[place:]
    return draw(st.sampled_from([b"", b"  ", b"\t", b"     "])) + line + draw(st.sampled_from([b"", b"\r", b" "]))


SELECTIONS = st.builds(
    PostSelection,
    tags=st.sampled_from([(), ("a",), ("java", "c++"), ("é",)]),
    background_every=st.sampled_from([0, 1, 3]),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(rows() | st.sampled_from([b"", b"junk", b"<!-- x -->"]), max_size=8), SELECTIONS)
def test_result_is_that_of_parsing_every_line(lines: list[bytes], selection: PostSelection) -> None:
    counts = scan(b"\n".join(lines), selection)
    naive = read_naively(lines, LINKED, ORIGINALS, selection)
    posts = kept(counts)
    for post in posts:
        del post["created"]
    assert posts == naive.posts
    # A dropped row's XML is not parsed, so damage inside it (here: a stray quote) may go unnoticed.
    assert {line for line, _ in counts.first_broken} <= set(naive.broken)
    assert counts.rows == len(naive.broken) + sum(naive.kinds.values())
    if not any(line.count(b'"') % 2 for line in lines):
        assert counts.broken == len(naive.broken)
        assert dict(counts.kinds) == naive.kinds


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        # Text that looks like tags, after the tags or instead of them.
        (b"""<row Id="1" PostTypeId="1" Tags="&lt;a&gt;" Body='x Tags="&lt;java&gt;" y' />""", True),
        (b"""<row Id="1" PostTypeId="1" Tags="&lt;a&gt;" Body = 'x Tags="|java|" y' />""", True),
        (b'<row Id="1" PostTypeId="1" Tags="&lt;a&gt;" Title="x Tags=" Body="y" />', True),
        (b'<row Id="1" PostTypeId="1" Tags="&lt;a&gt;" Title="x Tags=" />', True),
        (b'<row Id="1" PostTypeId="1" Tags="&lt;&#97;&gt;" />', True),
        (b"""<row Id="1" PostTypeId="1" Tags='&lt;a&gt;' />""", True),
        (b'<row Id="1" PostTypeId="1" Tags="|java|a|" />', True),
        (b'<row Id="1" PostTypeId="1" Tags="|java|" Title="a" />', False),
        (b'<row Id="1" PostTypeId="1" Title="a" />', False),
        # The parent is not the third attribute.
        (b'<row Id="4" PostTypeId="2" Score="1" ParentId="5" />', True),
        (b"""<row Id="4" PostTypeId="2" ParentId='5' />""", True),
        (b'<row Id="4" PostTypeId="2" ParentId="5"/>', True),
        (b'<row Id="0000000004" PostTypeId="02" ParentId="005" />', True),
        (b'<row Id="4" PostTypeId="2" ParentId="55" />', False),
        # Damage in rows that are not selected.
        (b'<row Id="9" PostTypeId="1" Body="\xff" />', None),
        (b'<row Id="9" PostTypeId="1" Body="a<b" />', None),
        (b'<row Id="9" PostTypeId="1" Body="cut', None),
        (b'<row Id="9" PostTypeId="1" Body="cut"', None),
        (b'<row Id="9" PostTypeId="100" />', None),
        (b'<row Id="9" PostTypeId="0" />', None),
        (b'<row Id="9999999999" PostTypeId="1" />', None),
        (b'x <row Id="9" PostTypeId="1" />', None),
    ],
)
@pytest.mark.parametrize("after", [b"", b"\r", b" \t"])
def test_what_looks_almost_usual(line: bytes, is_kept: bool | None, after: bytes) -> None:
    """`is_kept` None: a broken row."""
    selection = PostSelection(tags=("a",), background_every=0)
    filler = row(Id=9, PostTypeId=1)
    naive = read_naively([filler, line + after, filler], LINKED, ORIGINALS, selection)
    assert (len(naive.posts), len(naive.broken)) == (int(is_kept is True), int(is_kept is None))
    for lines in ([filler, line + after, filler], [filler, line + after]):
        counts = scan(b"\n".join(lines), selection)
        assert [post["id"] for post in kept(counts)] == [post["id"] for post in naive.posts]
        assert [number for number, _ in counts.first_broken] == naive.broken


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bytes_never_crash(data: st.DataObject) -> None:
    block = bytearray(b"\n".join([question(1), answer(4, 1), question(2), row(Id=9, PostTypeId=3)]))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(block) - 1))
        block[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    counts = scan(bytes(block))
    lines = sum(1 for line in bytes(block).split(b"\n") if line.strip())
    assert counts.refused_line is not None or counts.rows == lines
    assert counts.batch is None or counts.batch.schema == POST_SCHEMA


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_broken_rows(data: bytes) -> None:
    counts = scan(data)
    links = scan_links(MemoryBlock(data))
    assert counts.rows == counts.broken == sum(1 for line in data.split(b"\n") if line.strip())
    assert links.broken == counts.broken


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'<row PostTypeId="1" Body="" />', "no Id"),
        (b'<row Id="1" Body="" />', "no PostTypeId"),
        (b'<row Id="x" PostTypeId="1" />', "Id is not an integer"),
        (b'<row Id="1" PostTypeId="2" />', "no ParentId"),
        (b'<row Id="1" PostTypeId="1" Score="many" />', "Score is not an integer"),
        (b'<row Id="1" PostTypeId="1" Body="&xxe;" />', "undefined entity"),
        (b'<row Id="1" PostTypeId="1" Body="caf\xe9" />', "not well-formed"),
        (b'<row Id="1" PostTypeId="1" Body="cut off', "not well-formed"),
        (b'<row Id="1" PostTypeId="1"/><row Id="2" PostTypeId="1"/>', "junk after document element"),
        (b"<tag />", "not a <row>"),
    ],
)
def test_broken_row_is_skipped_with_its_reason(line: bytes, reason: str) -> None:
    counts = scan(b"\n".join([question(1), line, question(2)]))
    assert [post["id"] for post in kept(counts)] == [1, 2]
    assert counts.broken == 1
    number, found = counts.first_broken[0]
    assert number == 2
    assert reason in found


@pytest.mark.parametrize(
    "line", [b'<!ENTITY a "b">', b'  <!DOCTYPE posts [ <!ENTITY x SYSTEM "file:///etc/passwd"> ]>']
)
def test_declaration_as_a_line_is_refused(line: bytes) -> None:
    counts = scan(b"\n".join([question(1), question(2), line]))
    assert counts.refused_line == 3
    assert scan_links(MemoryBlock(line)).refused_line == 1


def test_values_are_decoded_once() -> None:
    post = kept(scan(row(Id=1, PostTypeId=1, Title="a & b", Body='<p>1 &lt; 2 &amp;amp; "é"</p>', Tags="<c#><d>")))[0]
    assert post["title"] == "a & b"
    assert post["body"] == '<p>1 &lt; 2 &amp;amp; "é"</p>'
    assert post["tags"] == "c# d"


def test_missing_body_and_score_are_empty_and_zero() -> None:
    post = kept(scan(row(Id=1, PostTypeId=1)))[0]
    assert (post["body"], post["score"], post["title"], post["tags"], post["created"]) == (
        "",
        0,
        None,
        "",
        None,
    )


def test_many_line_feeds_take_little() -> None:
    counts = scan(b"\n" * 200_000 + question(1))
    assert counts.lines == 200_001
    assert [post["id"] for post in kept(counts)] == [1]


def test_number_at_the_end_of_a_block_is_not_read_on() -> None:
    for size in range(1, len(question(1))):
        assert scan(question(1)[:size]).rows == 1


@given(st.lists(st.text(st.characters(exclude_characters="<>| \t\r\n", exclude_categories=["C", "Z"]), min_size=1)))
def test_tags_of_both_forms(tags: list[str]) -> None:
    assert split_tags("".join(f"<{tag}>" for tag in tags)) == tags
    assert split_tags("|".join(["", *tags, ""])) == tags


def test_links_in_any_form() -> None:
    usual = link(2, 1)
    unusual = b"<row LinkTypeId='3' RelatedPostId = '1' PostId=\"2\" CreationDate='2020-01-01T00:00:00.000' Id='1'/>"
    related = link(3, 1, kind=1)
    counts = scan_links(MemoryBlock(b"\r\n".join([usual, unusual, related, b"<row Id='1' />"])))
    assert counts.batch is not None
    first, second = counts.batch.to_pylist()
    assert first == second
    assert (first["duplicate_id"], first["original_id"]) == (2, 1)
    assert first["created"].isoformat() == "2020-01-01T00:00:00"
    assert dict(counts.kinds) == {3: 2, 1: 1}
    assert counts.first_broken == [(4, "no PostId")]


def test_byte_order_mark_is_not_a_row() -> None:
    assert scan(BOM + question(1)).broken == 1
    assert re.match(rb"<row", question(1))
