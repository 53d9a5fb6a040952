"""How hard an index is told to look: the least that suffices, for each kind of query by itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aisle.index import ProductIndex
from aisle.manifest import Effort, IndexKind, IndexParameters, QueryKind
from batch import evaluate
from batch.evaluate import ExactHits, evaluate_index, tune
from tests.indexes import write_index

Recall = Callable[[int, int], float]


@pytest.fixture
def tuned(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Effort, float]]:
    """Tunes an index whose recall is told: by how many lists are visited and how many candidates compared."""

    def tuned(kind: IndexKind, recall: Recall, *, nlist: int = 64) -> tuple[Effort, float]:
        index = SimpleNamespace(parameters=IndexParameters(kind=kind, nlist=nlist))

        def measure(asked: SimpleNamespace, *_: object) -> float:
            return recall(asked.parameters.nprobe, asked.parameters.candidates)

        monkeypatch.setattr(evaluate, "recall_at_k", measure)
        none = ExactHits(scores=np.zeros((0, 10), np.float32), rows=np.zeros((0, 10), np.int64))
        return tune(index, np.zeros((0, 8), np.float32), none, range(100_000), recall_target=0.9)  # type: ignore[arg-type]

    return tuned


def test_the_fewest_lists_that_suffice(tuned: Callable[..., tuple[Effort, float]]):
    assert tuned(IndexKind.IVF, lambda nprobe, _: 0.95 if nprobe >= 5 else 0.5) == (Effort(nprobe=8), 0.95)
    assert tuned(IndexKind.IVF, lambda nprobe, _: 0.95 if nprobe >= 40 else 0.5, nlist=50) == (Effort(nprobe=50), 0.95)
    assert tuned(IndexKind.IVF, lambda *_: 0.1) == (Effort(nprobe=64), 0.1)  # none does: the most, and what it reaches


def test_the_fewest_candidates_that_suffice(tuned: Callable[..., tuple[Effort, float]]):
    enough: Recall = lambda nprobe, candidates: 0.95 if nprobe >= 4 and candidates >= 100 else 0.5  # noqa: E731
    assert tuned(IndexKind.IVF_PQ, enough) == (Effort(nprobe=4, candidates=128), 0.95)
    assert tuned(IndexKind.HNSW, lambda _, candidates: candidates / 500, nlist=0)[0] == Effort(candidates=512)
    assert tuned(IndexKind.IVF_PQ, lambda *_: 0.1)[0] == Effort(nprobe=64, candidates=4096)


@pytest.mark.parametrize(("with_twice", "chosen"), [(128, (8, 128)), (129, (4, 256))])
def test_twice_the_lists_if_that_halves_the_candidates(
    tuned: Callable[..., tuple[Effort, float]], with_twice: int, chosen: tuple[int, int]
):
    def recall(nprobe: int, candidates: int) -> float:
        least = {1: 10**6, 2: 10**6, 4: 256}.get(nprobe, with_twice)
        return 0.95 if candidates >= least else 0.5

    assert tuned(IndexKind.IVF_RABITQ, recall)[0] == Effort(nprobe=chosen[0], candidates=chosen[1])


class Held:
    """Vectors in memory in the place of stored ones."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.vectors)

    def blocks(self):
        yield 0, self.vectors

    def take(self, rows: np.ndarray) -> np.ndarray:
        return self.vectors[rows]


def test_each_kind_of_query_has_an_effort_and_is_asked_with_it(tmp_path: Path):
    numbers = np.random.default_rng(2)
    centres = numbers.normal(size=(64, 16))
    vectors = (centres[np.arange(4000) % 64] + 0.3 * numbers.normal(size=(4000, 16))).astype(np.float16)
    vectors = vectors.astype(np.float32)
    own, strange = vectors[:60], numbers.normal(size=(60, 16)).astype(np.float32)
    built = write_index(IndexKind.IVF, vectors, tmp_path)
    asked = {QueryKind.IMAGE: own, QueryKind.TEXT: strange}
    found = evaluate_index(tmp_path, built, asked, Held(vectors), recall_target=0.95)  # type: ignore[arg-type]
    efforts = found.parameters.efforts
    assert set(efforts) == set(asked)
    least = {kind: effort.nprobe for kind, effort in efforts.items()}
    assert least[QueryKind.IMAGE] < least[QueryKind.TEXT] == found.parameters.nprobe < built.nlist
    two = {QueryKind.TEXT: Effort(nprobe=1), QueryKind.IMAGE: Effort(nprobe=built.nlist)}
    index = ProductIndex.open(tmp_path, replace(built, nprobe=2, efforts=two))
    exact = np.argsort(-(strange @ vectors.T), axis=1)[:, :10]
    shares = [np.isin(index.search(strange, k=10, kind=kind)[1], exact).mean() for kind in (*two, None)]
    assert shares[0] < shares[2] < shares[1]
    order = np.arange(4000)
    ranked = [[index.rank(query[None], depth=1, order=order, kind=kind)[1][0] for query in strange] for kind in two]
    assert ranked[1] == exact[:, 0].tolist()


def test_rank_visits_as_many_lists_as_its_kind_needs(tmp_path: Path):
    vectors = np.random.default_rng(2).normal(size=(40_000, 16)).astype(np.float32)
    built = write_index(IndexKind.IVF, vectors, tmp_path, nlist=400, nprobe=1)
    efforts = {QueryKind.TEXT: Effort(nprobe=1), QueryKind.IMAGE: Effort(nprobe=400)}
    index = ProductIndex.open(tmp_path, replace(built, efforts=efforts))
    queries = np.random.default_rng(3).normal(size=(40, 16)).astype(np.float32)
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    order = np.arange(len(vectors))
    found = {
        kind: np.mean(
            [
                np.isin(index.rank(query[None], depth=10, order=order, kind=kind)[1], truth).mean()
                for query, truth in zip(queries, exact, strict=True)
            ]
        )
        for kind in efforts
    }
    assert found[QueryKind.TEXT] < 0.97 < found[QueryKind.IMAGE]
