"""Index plans, builds and their measured recall."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pytest

from aisle.encoder import OnnxEncoder
from aisle.errors import IncompleteRun, ProviderUnavailable, ReleaseError
from aisle.index import ProductIndex
from aisle.layout import INDEX, Layout
from aisle.machine import Provider
from aisle.manifest import AttributeType, IndexKind, IndexParameters, QueryKind
from aisle.store import Shard, write_shard
from aisle.types import ProductVectors
from aisle.vectors import HalfWeights, unit_norm
from batch.build import BuildOptions, BuiltIndex, build_index
from batch.evaluate import evaluate_index, exact_search, recall_at_k
from batch.executor import TaskDied, WorkerLayout
from batch.index_family import untrained_index
from batch.index_plan import IndexPlan, bytes_per_product, plan_index
from batch.local_executor import LocalExecutor
from batch.progress import SilentProgress
from batch.queries import QUERIES, default_weights, query_texts, sample_queries
from batch.stored import StoredPart, StoredVectors

DIMENSION = 16


def stored(layout: Layout, images: np.ndarray, texts: np.ndarray, *, shard_rows: int = 100) -> StoredVectors:
    """Shards on disk, with a rejected row before each product that must not show up anywhere."""
    parts = []
    for number, first in enumerate(range(0, len(images), shard_rows)):
        some, said = images[first : first + shard_rows], texts[first : first + shard_rows]
        count = 2 * len(some)
        halves = np.zeros((2, count, images.shape[1]), dtype=np.float32)
        halves[:, 0::2] = 9.0
        halves[0, 1::2], halves[1, 1::2] = some, said
        shard = Shard(
            rows=np.arange(count),
            ids=[f"{number}-{place}" for place in range(count)],
            image_keys=["k"] * count,
            text_keys=["k"] * count,
            images=halves[0],
            texts=halves[1],
            thumbnails=[f"thumbnail {first + place // 2}".encode() for place in range(count)],
            faults=["", ""] * len(some),
            details=[""] * count,
        )
        write_shard(shard, layout.shard("model", f"s{number}"))
        parts.append(StoredPart(key=f"s{number}", first=first, kept=np.arange(1, count, 2)))
    return StoredVectors(layout=layout, fingerprint="model", dimension=images.shape[1], parts=tuple(parts))


def random_units(count: int, *, seed: int, dimension: int = DIMENSION) -> np.ndarray:
    vectors = unit_norm(np.random.default_rng(seed).normal(size=(count, dimension)))
    return vectors.astype(np.float16).astype(np.float32)


@pytest.fixture
def vectors(layout: Layout) -> StoredVectors:
    texts = random_units(950, seed=2)
    texts[::7] = 0
    return stored(layout, random_units(950, seed=1), texts)


def all_of(vectors: StoredVectors) -> ProductVectors:
    return np.concatenate([block for _, block in vectors.blocks()])


def test_stored_vectors_are_read_in_any_order_without_rejects(vectors: StoredVectors):
    everything = all_of(vectors)
    assert len(vectors) == len(everything) == 950
    np.testing.assert_array_equal(everything[:, :DIMENSION], random_units(950, seed=1))
    rows = np.array([949, 0, 100, 99, 100, 523])
    np.testing.assert_array_equal(vectors.take(rows), everything[rows])
    groups = list(vectors.groups(250))
    assert [(group.first, len(group)) for group in groups] == [(0, 300), (300, 300), (600, 300), (900, 50)]
    np.testing.assert_array_equal(all_of(groups[1]), everything[300:600])
    np.testing.assert_array_equal(groups[3].take(np.array([949])), everything[[949]])
    thumbnails = pa.concat_tables(vectors.thumbnails()).column("thumbnail").to_pylist()
    assert thumbnails == [f"thumbnail {row}".encode() for row in range(950)]


@pytest.mark.parametrize(
    ("products", "forced", "kind", "nlist", "words"),
    [
        (1, None, IndexKind.EXACT, 0, "up to 50,000"),
        (50_000, None, IndexKind.EXACT, 0, "50,000 products"),
        (50_001, None, IndexKind.IVF, 894, "square root"),
        (1_000_000, None, IndexKind.IVF, 4000, "square root"),
        (1_000_000, IndexKind.EXACT, IndexKind.EXACT, 0, "exact was asked for"),
        (1000, IndexKind.IVF, IndexKind.IVF, 25, "39 products to learn each"),
        (1, IndexKind.IVF, IndexKind.IVF, 1, "ivf was asked for"),
    ],
)
def test_plans(products: int, forced: IndexKind | None, kind: IndexKind, nlist: int, words: str):
    plan = plan_index(products, width=1024, forced=forced)
    assert (plan.kind, plan.nlist) == (kind, nlist)
    assert words in plan.reason
    assert plan.training_rows <= products
    assert plan.training_rows >= min(products, 39 * nlist)


def build(vectors: StoredVectors, plan: IndexPlan, folder: Path, *, executor=None, **options: Any) -> BuiltIndex:
    folder.mkdir(exist_ok=True)
    before = {path.name for path in folder.iterdir()}
    built = build_index(
        vectors,
        plan,
        folder=folder,
        options=BuildOptions(**options),
        executor=executor or LocalExecutor(WorkerLayout(workers=1)),
        progress=SilentProgress(),
    )
    assert {path.name for path in folder.iterdir()} == before | set(built.files)
    return built


@pytest.mark.parametrize("kind", IndexKind)
def test_ids_are_explicit_and_vectors_are_kept_to_the_bit(kind: IndexKind, vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=kind)
    build(vectors, plan, tmp_path)
    stock = faiss.read_index(str(tmp_path / INDEX))
    assert (stock.ntotal, stock.d, stock.metric_type) == (950, 2 * DIMENSION, faiss.METRIC_INNER_PRODUCT)
    index = ProductIndex.open(tmp_path, IndexParameters(kind=kind, nlist=plan.nlist, nprobe=plan.nlist))
    np.testing.assert_array_equal(index.vectors(np.arange(950)), all_of(vectors))


class InThisProcess:
    """Two workers, they say, and one of them may die."""

    layout = WorkerLayout(workers=2)

    def __init__(self, *, deadly: bool = False) -> None:
        self.deadly = deadly

    def run(self, function, tasks, /):
        for task in reversed(list(tasks)):
            yield TaskDied(task=task, detail="told to") if self.deadly else function(task)


def test_a_build_in_parts_equals_one_in_one_piece(vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=IndexKind.IVF)
    build(vectors, plan, tmp_path / "whole")
    build(vectors, plan, tmp_path / "groups", group_rows=200, executor=InThisProcess())
    assert (tmp_path / "whole" / INDEX).read_bytes() == (tmp_path / "groups" / INDEX).read_bytes()


def test_a_worker_that_dies_while_it_adds_is_an_error(vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=IndexKind.IVF)
    with pytest.raises(IncompleteRun, match="rows 800 to 949"):
        build(vectors, plan, tmp_path, group_rows=200, executor=InThisProcess(deadly=True))


def test_exact_search_by_hand(layout: Layout):
    axes = np.eye(3, dtype=np.float32)
    images = np.stack([axes[0], axes[1], axes[0], axes[2]])
    texts = np.stack([axes[1], axes[1], 0 * axes[0], axes[0]])
    found = exact_search(np.array([[0.5, 0, 0, 0, 0.5, 0]], np.float32), stored(layout, images, texts), k=3)
    assert found.rows.tolist() == [[0, 1, 2]]  # both halves; the text; the picture: ties by row
    assert found.scores.tolist() == [[1.0, 0.5, 0.5]]
    assert exact_search(np.zeros((2, 6), np.float32), stored(layout, images, texts), k=10).rows.shape == (2, 4)


class Answers:
    """An index that was told what to answer."""

    def __init__(self, scores: Sequence[Sequence[float]], rows: Sequence[Sequence[int]]) -> None:
        self.answer = np.array(scores, dtype=np.float32), np.array(rows, dtype=np.int64)

    def search(self, queries, *, k, kind=None):
        return self.answer


def test_recall_by_hand(layout: Layout):
    # Scores of the query [1, 0, 0, 0]: rows 0..4 have 1.0, 0.8, 0.6, 0.6, 0.0
    cosines = [1.0, 0.8, 0.6, 0.6, 0.0]
    images = np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float16).astype(np.float32)
    vectors = stored(layout, images, np.zeros_like(images))
    query = np.array([[1, 0, 0, 0]], np.float32)
    exact = exact_search(query, vectors, k=3)
    assert exact.rows.tolist() == [[0, 1, 2]]

    def recall(scores: Sequence[float], rows: Sequence[int]) -> float:
        return recall_at_k(Answers([scores], [rows]), query, exact, vectors)  # type: ignore[arg-type]

    sixth = float(images[2, 0])
    assert recall([1.0, 0.8, sixth], [0, 1, 2]) == 1.0
    assert recall([1.0, 0.8, sixth], [0, 1, 3]) == 1.0  # a tie with the third counts
    assert recall([1.0, sixth, sixth], [0, 2, 3]) == 1.0  # but 1 is missing: two ties fill its place
    assert recall([1.0, 0.8, 0.0], [0, 1, 4]) == pytest.approx(2 / 3)
    assert recall([1.0, 0.9, 0.8], [0, 4, 1]) == pytest.approx(2 / 3)  # a score that the index made up
    assert recall([1.0, -9.0, -9.0], [0, -1, -1]) == pytest.approx(1 / 3)


def queries_of(vectors: StoredVectors) -> dict[QueryKind, ProductVectors]:
    asked = random_units(40, seed=3)
    return {
        QueryKind.TEXT: np.concatenate([0.5 * asked, 0.5 * asked], axis=1),
        QueryKind.IMAGE: np.concatenate([asked, 0 * asked], axis=1),
    }


def test_nprobe_grows_until_every_kind_is_found(vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=IndexKind.IVF)
    built = build(vectors, plan, tmp_path)
    queries = queries_of(vectors)
    low, high = (
        evaluate_index(tmp_path, built.parameters, queries, vectors, recall_target=target) for target in (0.5, 0.99)
    )
    assert 1 <= low.parameters.nprobe < high.parameters.nprobe <= plan.nlist
    assert min(high.recall.values()) >= 0.99
    assert 0.5 <= min(low.recall.values()) < 0.99
    assert high.queries == {QueryKind.TEXT: 40, QueryKind.IMAGE: 40}
    before = ProductIndex.open(tmp_path, IndexParameters(kind=IndexKind.IVF, nlist=plan.nlist, nprobe=1))
    exact = exact_search(queries[QueryKind.IMAGE], vectors, k=10)
    assert recall_at_k(before, queries[QueryKind.IMAGE], exact, vectors) < 0.9


def test_a_query_is_answered_in_company_as_it_is_alone(vectors: StoredVectors, tmp_path: Path):
    plan = IndexPlan(kind=IndexKind.IVF, nlist=100, training_rows=950, reason="lists of about ten")
    build(vectors, plan, tmp_path)
    index = ProductIndex.open(tmp_path, IndexParameters(kind=IndexKind.IVF, nlist=100, nprobe=1))
    queries = queries_of(vectors)[QueryKind.IMAGE]
    _, together = index.search(queries, k=10)
    alone = np.concatenate([index.search(query[None], k=10)[1] for query in queries])
    np.testing.assert_array_equal(together, alone)
    full = ProductIndex.open(tmp_path, IndexParameters(kind=IndexKind.IVF, nlist=100, nprobe=100)).search(
        queries, k=10
    )[1]
    assert 0.1 < (together == full).all(axis=1).mean() < 0.9  # some visited one list, some all of them


@pytest.mark.parametrize("kind", IndexKind)
def test_an_index_of_other_vectors_is_an_error(kind: IndexKind, vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=kind)
    other = stored(Layout(root=tmp_path / "other"), random_units(950, seed=8), random_units(950, seed=9))
    built = build(other, plan, tmp_path)
    with pytest.raises(ReleaseError, match=r"recall@10 is text 0\.\d+, image 0\.\d+ and the target 0\.99"):
        evaluate_index(tmp_path, built.parameters, queries_of(vectors), vectors, recall_target=0.99)


def test_exact_is_exact(vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION)
    built = build(vectors, plan, tmp_path)
    found = evaluate_index(tmp_path, built.parameters, queries_of(vectors), vectors, recall_target=1.0)
    assert found.recall == {QueryKind.TEXT: 1.0, QueryKind.IMAGE: 1.0}
    assert found.parameters == IndexParameters(kind=IndexKind.EXACT)


def test_weights_count_what_there_is():
    assert default_weights(images=5, texts=0)[QueryKind.TEXT] == HalfWeights(image=1.0, text=0.0)
    assert default_weights(images=0, texts=5)[QueryKind.IMAGE] == HalfWeights(image=0.0, text=1.0)
    both = default_weights(images=5, texts=5)
    assert both[QueryKind.TEXT] == HalfWeights(image=0.5, text=0.5)
    assert both[QueryKind.IMAGE] == HalfWeights(image=1.0, text=0.0)


PRODUCTS = pa.table(
    {
        "title": ["first title", "second title", ""],
        "attribute.article": ["shirt", "shoe", "hat"],
        "attribute.season": ["summer", "summer", "summer"],
        "attribute.colour": ["red", "blue", None],
        "attribute.price": [1.0, 2.0, 3.0],
    }
)
KINDS = dict.fromkeys(("article", "season", "colour"), AttributeType.CATEGORY) | {"price": AttributeType.NUMBER}


def test_texts_are_what_people_type():
    texts = query_texts(PRODUCTS, KINDS)
    assert texts == ["red shirt", "first title", "blue shoe", "second title", "hat"]
    assert query_texts(PRODUCTS, {"price": AttributeType.NUMBER}) == ["first title", "second title"]
    untitled = PRODUCTS.set_column(0, "title", pa.array([""] * 3))
    assert query_texts(untitled, KINDS) == ["red shirt", "blue shoe", "hat"]
    assert query_texts(untitled, {}) == []


def test_queries_of_each_kind(layout: Layout, tiny_model: Path):
    encoder = OnnxEncoder(tiny_model)
    colours = ["red", "green", "blue", "white", "black"]
    names = [f"{colours[n % 5]} {'shirt' if n % 2 else 'hat'}" for n in range(600)]
    products = pa.table({"title": names, "attribute.colour": [name.split()[0] for name in names]})
    vectors = stored(layout, random_units(600, seed=1), np.zeros((600, DIMENSION)))
    attributes = {"colour": AttributeType.CATEGORY}
    weights = default_weights(images=1, texts=1)
    queries = sample_queries(products, vectors, attributes=attributes, weights=weights, encoder=encoder)
    assert {kind: len(asked) for kind, asked in queries.items()} == {
        QueryKind.TEXT: 15,  # five colours and ten titles
        QueryKind.IMAGE: QUERIES,
        QueryKind.MIXED: 15,
    }
    for asked in queries.values():
        np.testing.assert_allclose(np.linalg.norm(asked[:, :DIMENSION], axis=1).round(3), asked_norm(asked), atol=2e-3)
    assert not queries[QueryKind.IMAGE][:, DIMENSION:].any()
    blind = stored(Layout(root=layout.root / "blind"), np.zeros((600, DIMENSION)), random_units(600, seed=1))
    assert set(sample_queries(products, blind, attributes=attributes, weights=weights, encoder=encoder)) == {
        QueryKind.TEXT
    }
    silent = products.set_column(0, "title", pa.array([""] * 600))
    assert set(sample_queries(silent, vectors, attributes={}, weights=weights, encoder=encoder)) == {QueryKind.IMAGE}


def asked_norm(asked: ProductVectors) -> float:
    """An image query looks with all its weight, the others with half."""
    return 0.5 if asked[:, asked.shape[1] // 2 :].any() else 1.0


@pytest.mark.parametrize("kind", [kind for kind in IndexKind if kind.has_lists])
@pytest.mark.parametrize("executor", [None, InThisProcess()], ids=["here", "in parallel"])
def test_an_index_too_large_for_one_file_is_kept_in_parts(
    kind: IndexKind, executor: InThisProcess | None, vectors: StoredVectors, tmp_path: Path
):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=kind)
    whole = build(vectors, plan, tmp_path / "whole")
    size = 350 * bytes_per_product(kind, width=2 * DIMENSION)
    built = build(vectors, plan, tmp_path / "parts", executor=executor, group_rows=100, part_bytes=size)
    assert (whole.parts, built.parts, built.base_parts) == ((), (400, 400, 150), 3)
    evaluated = evaluate_index(tmp_path / "parts", built.parameters, queries_of(vectors), vectors, recall_target=0.9)
    assert evaluated.parameters.parts == built.parts
    everything = {"nprobe": plan.nlist, "candidates": 4000}
    one, many = (
        ProductIndex.open(tmp_path / name, replace(found.parameters, **everything))
        for name, found in (("whole", whole), ("parts", built))
    )
    np.testing.assert_array_equal(many.vectors(np.arange(950)), all_of(vectors))
    queries = queries_of(vectors)[QueryKind.TEXT]
    for found, expected in zip(many.search(queries, k=950), one.search(queries, k=950), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", IndexKind)
def test_gpus_learn_and_look_for_lists_and_change_nothing(
    kind: IndexKind, vectors: StoredVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A CPU stands in for the GPUs: what is asked of them, and that the rest goes on as ever."""
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=kind)
    expected = build(vectors, plan, tmp_path / "cpu")
    assert expected.device is Provider.CPU
    moved: list[int] = []

    def to_gpus(index: faiss.IndexFlat) -> faiss.IndexFlat:
        moved.append(index.ntotal)
        return faiss.clone_index(index)

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", to_gpus)
    built = build(vectors, plan, tmp_path / "gpu")
    assert built.device is Provider.CUDA
    assert moved == ([0, plan.nlist] if kind.has_lists else [])  # to learn the lists, then to look for them
    for name in built.files:
        assert (tmp_path / "gpu" / name).read_bytes() == (tmp_path / "cpu" / name).read_bytes()
    moved.clear()
    assert build(vectors, plan, tmp_path / "told", device=Provider.CPU).device is Provider.CPU
    assert not moved


def test_a_gpu_that_is_not_there_is_not_made_up_for(vectors: StoredVectors, tmp_path: Path):
    plan = plan_index(len(vectors), width=2 * DIMENSION, forced=IndexKind.IVF)
    with pytest.raises(ProviderUnavailable, match=r"FAISS sees no GPU.*aisle\[gpu\].*--index-device cpu"):
        build(vectors, plan, tmp_path, device=Provider.CUDA)


@pytest.mark.parametrize(
    ("kind", "code", "residual"),
    [
        (IndexKind.IVF, 2 * 64, False),
        (IndexKind.IVF_SQ8, 64, True),
        (IndexKind.IVF_PQ, 64 // 4, True),
        (IndexKind.IVF_RABITQ, 64 // 8 + 8, True),
    ],
)
def test_codes_are_as_long_as_memory_is_counted(kind: IndexKind, code: int, residual: bool):
    """Codes of what a vector adds to its list's centroid are finer than codes of the vector."""
    index = untrained_index(plan_index(100_000, width=64, forced=kind), width=64)
    assert index.code_size == code
    assert bytes_per_product(kind, width=64) - code in {12, 20}  # an id, the list's number, and perhaps a place
    assert index.by_residual is residual or kind is IndexKind.IVF_RABITQ


def test_a_graph_is_built_with_more_effort_than_faiss_s_own():
    graph = untrained_index(plan_index(1000, width=64, forced=IndexKind.HNSW), width=64)
    assert (graph.hnsw.efConstruction, graph.hnsw.nb_neighbors(0)) == (80, 2 * 32)
