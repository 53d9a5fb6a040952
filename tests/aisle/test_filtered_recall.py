"""Filtered search on every approximate kind, against exact filtered search."""

from dataclasses import replace

import numpy as np
import pytest

from aisle import inverted_lists
from aisle.index import ProductIndex
from aisle.manifest import IndexKind
from tests.indexes import open_index

COUNT, DIMENSION, NLIST, CLUSTERS, QUERIES, K = 100_000, 16, 256, 150, 50, 10
ORDER = np.arange(COUNT)
LEAST_COMPARED = inverted_lists.LEAST_COMPARED // 4
"""A fourth of it, as the products here are a fourth of what it was chosen for."""


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted_lists, "LEAST_COMPARED", LEAST_COMPARED)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def shop() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Product vectors of two halves, the cluster of each, and queries that lie beside the products, not among them."""
    rng = np.random.default_rng(11)
    looks, says = (unit(rng.normal(size=(CLUSTERS, DIMENSION))) for _ in range(2))
    cluster = rng.integers(0, CLUSTERS, COUNT)
    noise = 0.15 * rng.standard_normal((COUNT, 2 * DIMENSION), dtype=np.float32)
    halves = np.concatenate([looks[cluster], says[cluster]], axis=1) + noise
    products = np.concatenate([unit(halves[:, :DIMENSION]), unit(halves[:, DIMENSION:])], axis=1)
    asked = unit(looks[:QUERIES] + says[:QUERIES] + 0.3 * rng.normal(size=(QUERIES, DIMENSION)))
    return products, cluster, np.concatenate([0.5 * asked, 0.5 * asked], axis=1)


@pytest.fixture(scope="module", params=[kind for kind in IndexKind if kind is not IndexKind.EXACT])
def index(
    request: pytest.FixtureRequest, shop: tuple[np.ndarray, np.ndarray, np.ndarray], tmp_path_factory
) -> ProductIndex:
    """Tuned in the manner of `aisle reindex`: more is visited, up to an eighth of the lists, and more is compared."""
    products, _, queries = shop
    index = open_index(request.param, products, tmp_path_factory.mktemp("i"), nlist=NLIST, nprobe=1, candidates=32)
    exact = [best(products, query, np.ones(COUNT, dtype=bool)) for query in queries]
    while recall([set(rows) for rows in index.search(queries, k=K)[1].tolist()], exact) < 0.99:
        now = index.parameters
        assert now.candidates < COUNT, "no number of candidates reaches the recall"
        index.parameters = replace(now, nprobe=min(2 * now.nprobe, NLIST // 8), candidates=2 * now.candidates)
    return index


def best(products: np.ndarray, query: np.ndarray, allowed: np.ndarray) -> set[int]:
    rows = np.flatnonzero(allowed)
    scores = products[rows] @ query
    return set(rows[np.argsort(-scores)[:K]].tolist())


def recall(found: list[set[int]], exact: list[set[int]]) -> float:
    return sum(len(a & b) for a, b in zip(found, exact, strict=True)) / sum(map(len, exact))


def measure(index: ProductIndex, shop: tuple[np.ndarray, np.ndarray, np.ndarray], masks: list[np.ndarray]) -> float:
    products, _, queries = shop
    found = []
    for query, allowed in zip(queries, masks, strict=True):
        rows = index.rank(query[None], depth=K, order=ORDER, allowed=allowed)[1].tolist()
        assert len(rows) == min(K, np.count_nonzero(allowed))
        assert allowed[rows].all()
        found.append(set(rows))
    return recall(found, [best(products, query, allowed) for query, allowed in zip(queries, masks, strict=True)])


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01, 0.001, 0.0001])
def test_recall_at_every_selectivity(index, shop, share: float) -> None:
    allowed = np.random.default_rng(12).permutation(COUNT) < share * COUNT
    assert index.parameters.nprobe < NLIST / 4, "the index must be approximate for this to say anything"
    assert index.parameters.candidates < COUNT / 20
    assert measure(index, shop, [allowed] * QUERIES) >= 0.99


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_recall_where_the_filter_goes_against_the_query(index, shop, share: float) -> None:
    """Whole clusters pass, never the one that was asked for: what is left lies in lists that are far away."""
    _, cluster, queries = shop
    assert share * COUNT > LEAST_COMPARED or share < 0.5
    masks = []
    for number in range(len(queries)):
        others = np.random.default_rng(number).permutation(CLUSTERS)
        masks.append(np.isin(cluster, others[others != number][: round(share * CLUSTERS)]))
    assert measure(index, shop, masks) >= 0.99
