from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.pairs.links import resolve_originals

EVERYTHING = range(1, 10)


def make_links(edges: list[tuple[int, int]], days: list[int | None] | None = None) -> pd.DataFrame:
    dates = [
        pd.NaT if day is None else pd.Timestamp("2020-01-01") + pd.Timedelta(days=day)
        for day in (days or [0] * len(edges))
    ]
    table = pd.DataFrame(edges, columns=["duplicate_id", "original_id"], dtype="int64")
    return table.assign(created=pd.Series(dates, dtype="datetime64[ns]"))


def resolve(links: pd.DataFrame, available: object = EVERYTHING) -> dict[int, int]:
    pairs = resolve_originals(links, set(available))  # type: ignore[call-overload]
    assert pairs["question_id"].is_monotonic_increasing
    assert [str(kind) for kind in pairs.dtypes] == ["int64", "int64"]
    return dict(pairs.itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([], {}),
        ([(2, 1)], {2: 1}),
        ([(1, 2)], {1: 2}),  # a newer question may be the original
        ([(4, 3), (3, 2), (2, 1)], {2: 1, 3: 1, 4: 1}),
        ([(1, 1)], {}),
        ([(1, 1), (1, 2)], {1: 2}),
        ([(1, 2), (2, 1)], {2: 1}),
        ([(3, 5), (5, 4), (4, 3)], {4: 3, 5: 3}),
        ([(9, 8), (8, 4), (4, 6), (6, 4)], {6: 4, 8: 4, 9: 4}),
        ([(1, 4), (4, 6), (6, 4)], {1: 4, 6: 4}),  # the tail is older than the cycle, and not part of it
        ([(2, 1), (4, 3)], {2: 1, 4: 3}),
    ],
    ids=str,
)
def test_chains_and_cycles(edges: list[tuple[int, int]], expected: dict[int, int]) -> None:
    assert resolve(make_links(edges)) == expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({2}, {3: 1, 4: 1}),
        ({1}, {3: 2, 4: 2}),
        ({1, 2}, {4: 3}),
        ({4}, {2: 1, 3: 1}),
        ({1, 2, 3}, {}),
        ({1, 2, 3, 4}, {}),
    ],
)
def test_chains_with_missing_questions(missing: set[int], expected: dict[int, int]) -> None:
    links = make_links([(4, 3), (3, 2), (2, 1)])
    assert resolve(links, set(EVERYTHING) - missing) == expected


def test_a_cycle_with_missing_questions() -> None:
    links = make_links([(8, 4), (4, 5), (5, 6), (6, 4)])
    assert resolve(links, {5, 6, 8}) == {6: 5, 8: 5}
    assert resolve(links, {6, 8}) == {8: 6}
    assert resolve(links, {8}) == {}


def test_of_several_originals_the_first_link_counts() -> None:
    assert resolve(make_links([(5, 1), (5, 2), (5, 3)], [3, 1, 2])) == {5: 2}
    assert resolve(make_links([(5, 1), (5, 2)], [None, 1])) == {5: 2}
    assert resolve(make_links([(5, 3), (5, 2)], [1, 1])) == {5: 2}
    assert resolve(make_links([(5, 3), (5, 2)], [None, None])) == {5: 2}


IDS = st.integers(1, 9)
LINKS = st.lists(st.tuples(IDS, IDS, st.none() | st.integers(0, 3)), max_size=14)


@given(LINKS, st.sets(IDS))
def test_what_comes_out_is_flat_and_stable(links: list[tuple[int, int, int | None]], available: set[int]) -> None:
    table = make_links([(a, b) for a, b, _ in links], [day for *_, day in links])
    pairs = resolve(table, available)
    assert set(pairs) | set(pairs.values()) <= available
    assert not set(pairs) & set(pairs.values())
    # Resolving the result changes nothing, and no order of the links does.
    assert resolve(make_links(list(pairs.items())), available) == pairs
    assert resolve(table.iloc[::-1], available) == pairs


@given(LINKS)
def test_every_duplicate_ends_where_following_its_links_leads(links: list[tuple[int, int, int | None]]) -> None:
    pairs = resolve(make_links([(a, b) for a, b, _ in links], [day for *_, day in links]))
    firsts = sorted((9 if day is None else day, b, a) for a, b, day in links if a != b)
    target = {a: b for _, b, a in reversed(firsts)}
    for question in EVERYTHING:
        steps = [question]
        for _ in range(20):
            steps.append(target.get(steps[-1], steps[-1]))
        # After more steps than there are questions only the end, or the cycle, is left.
        end = min(steps[-9:])
        assert pairs.get(question, question) == end
