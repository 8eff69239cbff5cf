from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faq.dumps import BOM, HEADER
from triptych.faq.dump import xml_blocks
from triptych.faq.dump.xml_blocks import cut_file, cut_stream, find_content, strip_closing_tag

LINES = st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")), max_size=60)


@settings(max_examples=60, deadline=None)
@given(LINES, st.integers(1, 300), st.integers(1, 500), st.sampled_from([b"", b"\n", b"\r\n  "]))
def test_blocks_are_whole_lines_and_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], block: int, chunk: int, end: bytes
) -> None:
    content = b"".join(b"\n" + line for line in lines) + b"\n"
    data = BOM + HEADER + b"<posts>" + content + b"</posts>" + end
    path = tmp_path_factory.mktemp("dump") / "Posts.xml"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_blocks, "BLOCK_BYTES", block)
        patch.setattr(xml_blocks, "TAIL_BYTES", 16)
        advanced: list[int] = []
        pieces = [data[start : start + chunk] for start in range(0, len(data), chunk)]
        for cut in (cut_file(path, "posts", advanced.append), cut_stream(iter(pieces), "posts", "x")):
            blocks = [part.read() for part in cut.blocks]
            assert cut.first_line == 2
            assert b"".join(blocks) == content
            assert all(part.endswith(b"\n") for part in blocks[:-1])
        assert sum(advanced) == len(content)


@pytest.mark.parametrize(
    ("head", "start", "line", "is_empty"),
    [
        (b"<posts>", 7, 1, False),
        (BOM + b'<?xml version="1.0" encoding="UTF-8" ?>\r\n\n<posts x="1">\n', 58, 3, False),
        (b"  <posts/>", 10, 1, True),
    ],
)
def test_content_is_found(head: bytes, start: int, line: int, is_empty: bool) -> None:
    assert find_content(head, "posts", "x") == (start, line, is_empty)


@given(st.binary(max_size=30))
def test_closing_tag_is_cut_with_what_follows(data: bytes) -> None:
    assert strip_closing_tag(data + b"</posts>\r\n \n", "posts", "x") == data


def test_block_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    assert xml_blocks.FileBlock(tmp_path / "x", 2, 5).read() == b"234"
