from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest

from aisle import inverted_lists
from aisle.entries import read_entries
from aisle.errors import ReleaseCorrupt
from aisle.index import ProductIndex
from aisle.inverted_lists import HEAD_ROWS, LEAST_COMPARED
from aisle.layout import ENTRIES
from aisle.manifest import IndexKind, IndexParameters
from tests.indexes import open_index, write_index

WIDTH = 16
COUNT = 6000
BY_ROW = np.arange(COUNT)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rows = np.random.default_rng(3).normal(size=(COUNT, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


IN_ONE = [(kind, 1) for kind in IndexKind]
IN_PARTS = [(kind, 3) for kind in IndexKind if kind.has_lists]


@pytest.fixture(scope="module", params=[*IN_ONE, *IN_PARTS], ids=lambda case: f"{case[0]} in {case[1]}")
def index(request: pytest.FixtureRequest, vectors: np.ndarray, tmp_path_factory) -> ProductIndex:
    kind, parts = request.param
    return open_index(kind, vectors, tmp_path_factory.mktemp("index"), parts=parts)


def test_a_product_finds_itself(index: ProductIndex, vectors: np.ndarray) -> None:
    scores, rows = index.search(vectors[:50], k=3)
    assert rows[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(scores[:, 0], 1, atol=2e-3)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_vectors_are_read_back_by_row(index: ProductIndex, vectors: np.ndarray) -> None:
    rows = np.array([5, 0, 4321])
    np.testing.assert_allclose(index.vectors(rows), vectors[rows], atol=1e-3)
    np.testing.assert_allclose(index.vectors(BY_ROW), vectors, atol=1e-3)  # the first and last of each part as well


def some(matches: int) -> np.ndarray:
    allowed = np.zeros(COUNT, dtype=bool)
    allowed[np.random.default_rng(5).permutation(COUNT)[:matches]] = True
    return allowed


@pytest.mark.parametrize("least", [LEAST_COMPARED, HEAD_ROWS + 100])
@pytest.mark.parametrize("matches", [0, 1, 7, 100, 600, 4000, 5399, 5400, COUNT - 1, COUNT])
def test_a_filter_never_costs_a_result(
    index: ProductIndex, vectors: np.ndarray, matches: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inverted_lists, "LEAST_COMPARED", least)  # few matches are compared all, many only in part
    allowed = some(matches)
    for query in vectors[:4]:
        for depth in (1, 200, HEAD_ROWS + 500):
            scores, rows = index.rank(query[None], depth=depth, order=BY_ROW, allowed=allowed)
            assert rows.shape == scores.shape == (min(depth, matches),)
            assert allowed[rows].all()
            assert len(set(rows.tolist())) == len(rows)


@pytest.mark.parametrize("matches", [3, 300, HEAD_ROWS, 4000])
def test_few_matches_are_ranked_exactly(index: ProductIndex, vectors: np.ndarray, matches: int) -> None:
    if index.parameters.kind.refined and matches > HEAD_ROWS:
        return  # codes propose there
    allowed = some(matches)
    for query in vectors[:4]:
        _, rows = index.rank(query[None], depth=10, order=BY_ROW, allowed=allowed)
        exact = np.where(allowed, query @ vectors.T, -2)
        assert set(rows.tolist()) == set(np.argsort(-exact)[: min(10, matches)].tolist())


def test_what_comes_first_does_not_depend_on_the_depth(index: ProductIndex, vectors: np.ndarray) -> None:
    for allowed in (None, some(COUNT - 20), some(2500)):
        for query in vectors[:3]:
            deepest = index.rank(query[None], depth=COUNT, order=BY_ROW, allowed=allowed)[1].tolist()
            assert sorted(deepest) == (list(range(COUNT)) if allowed is None else np.flatnonzero(allowed).tolist())
            for depth in (1, 24, 99, 100, HEAD_ROWS - 1, HEAD_ROWS, HEAD_ROWS + 1, 2000):
                assert (
                    index.rank(query[None], depth=depth, order=BY_ROW, allowed=allowed)[1].tolist() == (deepest[:depth])
                ), depth


@pytest.mark.parametrize("kind", IndexKind)
def test_ties_follow_the_given_order_at_every_depth(kind: IndexKind, tmp_path: Path) -> None:
    """A thousand copies of each of four products; the smaller number in `order` comes first, wherever the cut is."""
    copies = np.repeat(np.eye(4, 8, dtype=np.float32), 1000, axis=0)
    index = open_index(kind, copies, tmp_path, nlist=4, nprobe=1)
    order = np.random.default_rng(6).permutation(4000)
    query = np.float32([[0.9, 0.7, 0.5, 0.3, 0, 0, 0, 0]])
    expected = np.lexsort((order, np.repeat([0, 1, 2, 3], 1000))).tolist()
    for depth in (1, 10, 24, 999, 1000, 1001, 2345, 4000):
        assert index.rank(query, depth=depth, order=order)[1].tolist() == expected[:depth]
    even = np.arange(4000) % 2 == 0
    assert (
        index.rank(query, depth=7, order=order, allowed=even)[1].tolist() == [row for row in expected if even[row]][:7]
    )


def test_more_lists_are_visited_where_the_nearest_hold_too_few(vectors: np.ndarray, tmp_path: Path) -> None:
    """One list is asked for; a thousand hits must be had all the same, by every query alike."""
    index = open_index(IndexKind.IVF, vectors, tmp_path, nlist=500, nprobe=1)
    narrow = index.search(vectors[:20], k=10)[1]
    wide = [index.rank(query[None], depth=10, order=BY_ROW)[1].tolist() for query in vectors[:20]]
    exact = np.argsort(-(vectors[:20] @ vectors.T), axis=1)[:, :10].tolist()
    found = [sum(len(set(a) & set(b)) for a, b in zip(rows, exact, strict=True)) for rows in (narrow.tolist(), wide)]
    assert found[0] < 160
    assert found[1] > 185


def test_more_hits_than_a_few_lists_hold(index: ProductIndex, vectors: np.ndarray) -> None:
    _, rows = index.search(vectors[:1], k=COUNT)
    assert sorted(rows[0].tolist()) == list(range(COUNT))


@pytest.mark.parametrize("kind", [kind for kind in IndexKind if kind.has_lists])
def test_parts_side_by_side_answer_as_one_index_does(kind: IndexKind, vectors: np.ndarray, tmp_path: Path) -> None:
    one, three = (open_index(kind, vectors, tmp_path / str(parts), parts=parts) for parts in (1, 3))
    assert len(three) == len(one) == COUNT
    if kind is not IndexKind.IVF_PQ:  # its codes are so coarse that the last candidates tie: `rank` takes them all
        for found, expected in zip(three.search(vectors[:30], k=20), one.search(vectors[:30], k=20), strict=True):
            np.testing.assert_array_equal(found, expected)
    allowed = some(4000)
    for query in vectors[:5]:
        found, expected = (
            each.rank(query[None], depth=HEAD_ROWS + 300, order=BY_ROW[::-1], allowed=allowed) for each in (three, one)
        )
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_array_equal(found[0], expected[0])


def test_entries_that_cannot_be_are_refused(vectors: np.ndarray, tmp_path: Path) -> None:
    parameters = write_index(IndexKind.IVF, vectors, tmp_path, parts=2)
    entries = read_entries(tmp_path / ENTRIES)
    for wrong, words in (
        (np.where(entries == entries[0], sum(parameters.parts), entries), "beyond the 7,200 of the index"),
        (np.where(entries == entries[0], entries[1], entries), "two products stand at one entry"),
        (entries.astype(np.int32), "holds int32"),
    ):
        np.save(tmp_path / ENTRIES, wrong)
        with pytest.raises(ReleaseCorrupt, match=f"{words}.*aisle reindex --compact"):
            ProductIndex.open(tmp_path, parameters)
    (tmp_path / ENTRIES).unlink()
    with pytest.raises(ReleaseCorrupt, match="No such file"):
        ProductIndex.open(tmp_path, parameters)
    with pytest.raises(ReleaseCorrupt, match=r"hold \[.*\] vectors, its manifest says \[7200, 1\]"):
        ProductIndex.open(tmp_path, replace(parameters, parts=(7200, 1)))


def test_equal_scores_come_by_row() -> None:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(2))
    index.add_with_ids(np.float32([[1, 0]] * 4), np.array([3, 1, 2, 0]))
    _, rows = ProductIndex([index], IndexParameters(kind=IndexKind.EXACT)).search(np.float32([[1, 0]]), k=4)
    assert rows.tolist() == [[0, 1, 2, 3]]


def test_an_empty_index_finds_nothing() -> None:
    index = ProductIndex([faiss.IndexIDMap2(faiss.IndexFlatIP(2))], IndexParameters(kind=IndexKind.EXACT))
    query = np.float32([[1, 0]])
    assert [found.shape for found in index.search(query, k=4)] == [(1, 0), (1, 0)]
    assert [found.shape for found in index.rank(query, depth=4, order=np.arange(0))] == [(0,), (0,)]


def test_an_index_of_another_kind_is_refused() -> None:
    with pytest.raises(ReleaseCorrupt, match="IndexFlatIP, not an IVF"):
        ProductIndex([faiss.IndexFlatIP(2)], IndexParameters(kind=IndexKind.IVF, nlist=1, nprobe=1))
