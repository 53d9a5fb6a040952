import faiss
import numpy as np
import pytest

from aisle.index import SCAN_ROWS, ProductIndex
from aisle.manifest import IndexKind, IndexParameters

WIDTH = 16
COUNT = 6000


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rows = np.random.default_rng(3).normal(size=(COUNT, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module", params=list(IndexKind))
def index(request: pytest.FixtureRequest, vectors: np.ndarray) -> ProductIndex:
    if request.param is IndexKind.EXACT:
        built = faiss.IndexIDMap2(
            faiss.IndexScalarQuantizer(WIDTH, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        )
        parameters = IndexParameters(kind=IndexKind.EXACT)
    else:
        built = faiss.index_factory(WIDTH, "IVF64,SQfp16", faiss.METRIC_INNER_PRODUCT)
        parameters = IndexParameters(kind=IndexKind.IVF, nlist=64, nprobe=4)
        built.train(vectors)
    order = np.random.default_rng(4).permutation(COUNT)
    built.add_with_ids(vectors[order], order)
    return ProductIndex(built, parameters)


def test_a_product_finds_itself(index: ProductIndex, vectors: np.ndarray) -> None:
    scores, rows = index.search(vectors[:50], k=3)
    assert rows[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(scores[:, 0], 1, atol=2e-3)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_vectors_are_read_back_by_row(index: ProductIndex, vectors: np.ndarray) -> None:
    rows = np.array([5, 0, 4321])
    np.testing.assert_allclose(index.vectors(rows), vectors[rows], atol=1e-3)


@pytest.mark.parametrize("matches", [0, 1, 7, 100, SCAN_ROWS, SCAN_ROWS + 1, COUNT])
def test_a_filter_never_costs_a_result(index: ProductIndex, vectors: np.ndarray, matches: int) -> None:
    allowed = np.zeros(COUNT, dtype=bool)
    allowed[np.random.default_rng(5).permutation(COUNT)[:matches]] = True
    scores, rows = index.search(vectors[:4], k=200, allowed=allowed)
    assert rows.shape == scores.shape == (4, min(200, matches))
    assert allowed[rows].all()
    assert all(len(set(row)) == len(row) for row in rows.tolist())


def test_a_few_matches_are_ranked_exactly(index: ProductIndex, vectors: np.ndarray) -> None:
    allowed = np.zeros(COUNT, dtype=bool)
    allowed[::3] = True
    _, rows = index.search(vectors[:4], k=10, allowed=allowed)
    exact = np.where(allowed, vectors[:4] @ vectors.T, -2)
    best = np.argsort(-exact, axis=1)[:, :10]
    assert [len(set(a) & set(b)) for a, b in zip(rows.tolist(), best.tolist(), strict=True)] == [10] * 4


def test_more_hits_than_a_few_lists_hold(index: ProductIndex, vectors: np.ndarray) -> None:
    _, rows = index.search(vectors[:1], k=COUNT)
    assert sorted(rows[0].tolist()) == list(range(COUNT))


def test_equal_scores_come_by_row() -> None:
    built = faiss.IndexIDMap2(faiss.IndexFlatIP(2))
    built.add_with_ids(np.float32([[1, 0]] * 4), np.array([3, 1, 2, 0]))
    _, rows = ProductIndex(built, IndexParameters(kind=IndexKind.EXACT)).search(np.float32([[1, 0]]), k=4)
    assert rows.tolist() == [[0, 1, 2, 3]]
