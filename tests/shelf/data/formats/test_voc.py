"""Pascal VOC is read, hostile XML is not."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import triptych.shelf.data.formats.voc as voc
from tests.shelf.raw_folders import write_voc
from triptych.shelf.data.formats.voc import read_voc
from triptych.shelf.data.records import AnnotationError, PhotoRecord, RawObject, to_number, to_size

_ENTITIES = [
    f'<!ENTITY {letter} "{f"&{before};" * 10}">' for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
]
LAUGHS = (
    f'<!DOCTYPE annotation [<!ENTITY a "ha">{"".join(_ENTITIES)}]><annotation><filename>&i;</filename></annotation>'
)


def test_an_annotation_is_read_as_it_stands(tmp_path: Path) -> None:
    write_voc(tmp_path / "a.xml", [(1.5, 2, 30.25, 20, " empty shelf "), (0, 0, 1, 1)], name=" x y.jpg ")
    objects = [RawObject("empty shelf", (1.5, 2.0, 30.25, 20.0)), RawObject("gap", (0.0, 0.0, 1.0, 1.0))]
    assert read_voc(tmp_path, "a.xml") == PhotoRecord("a.xml", "x y.jpg", to_size(40, 30), objects)


def test_parts_of_an_object_are_not_objects(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        "<annotation><object><name>person</name><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
        "<xmax>2</xmax><ymax>2</ymax></bndbox></part></object></annotation>"
    )
    assert read_voc(tmp_path, "a.xml") == PhotoRecord("a.xml", "", None, [RawObject("person", None)])


def test_values_that_are_no_numbers_are_left_to_be_refused(tmp_path: Path) -> None:
    write_voc(tmp_path / "a.xml", [("one", "", "1e999", "nan")])
    box = read_voc(tmp_path, "a.xml").objects[0].box
    assert box is not None
    assert [math.isnan(value) for value in box] == [True, True, False, True]
    assert box[2] == math.inf


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (LAUGHS, "unreadable XML: DTDForbidden"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>', "DTDForbidden"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><annotation/>', "DTDForbidden"),
        ('<?xml version="1.0" encoding="none-such"?><annotation/>', "unreadable XML"),
        ("<annotation><object></annotation>", "unreadable XML: mismatched tag"),
        ("", "unreadable XML: no element found"),
        ("no XML", "unreadable XML"),
        ("\x00" * 100, "unreadable XML"),
        ("<html/>", "no Pascal VOC: its root is <html>"),
    ],
)
def test_what_is_no_annotation_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(content)
    start = time.perf_counter()
    with pytest.raises(AnnotationError, match=reason):
        read_voc(tmp_path, "a.xml")
    assert time.perf_counter() - start < 2


def test_depth_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation>" + "<object>" * 200_000 + "</object>" * 200_000 + "</annotation>")
    assert read_voc(tmp_path, "a.xml").objects == [RawObject("", None)]


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_voc(tmp_path / "a.xml", [])
    monkeypatch.setattr(voc, "MAX_BYTES", 10)
    with pytest.raises(AnnotationError, match="larger than 10 bytes"):
        read_voc(tmp_path, "a.xml")


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_any_value_is_a_number_or_none(value: object) -> None:
    number = to_number(value)
    assert isinstance(number, float)
    if isinstance(value, bool | list | None):
        assert math.isnan(number)


@pytest.mark.parametrize("size", [(-1, 2), (1.5, 2), ("a", 2), (None, 2), (1e10, 2), (True, 2), (math.nan, 2)])
def test_what_is_no_size_is_none(size: tuple[object, object]) -> None:
    assert to_size(*size) is None
    assert to_size("640", 480.0) == (640, 480)
