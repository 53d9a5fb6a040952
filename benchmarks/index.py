"""Index kinds against exact search, and against autofaiss, on the same clustered vectors.

    python benchmarks/index.py --products 1000000 --width 512 --kinds ivf,ivf-pq --autofaiss OTHER_PYTHON

`--width` is the length of a whole product vector: two halves of unit norm, clustered and noisy, as `[image ; text]`.
Queries lie beside the products, in both halves alike, as texts do. Every kind is built, tuned and asked as
`aisle reindex` and serving do (`batch.build`, `batch.evaluate`, `ProductIndex.rank`), one query at a time, one thread,
in rounds that alternate with exact float32 search. Filtered recall is against exact search over what a filter leaves.

autofaiss may live in an environment of its own, whose Python `--autofaiss` names (autofaiss 2.18 wants `faiss-cpu<1.9`
and `pyarrow<18`). Its index is built there with the memory that our first kind takes, opened here, and asked with the
parameters it tuned for itself. Seconds of the processor are told beside those of the clock.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np
from report import print_table, write_json

from aisle.index import ProductIndex
from aisle.layout import INDEX
from aisle.manifest import IndexKind, QueryKind
from aisle.types import ProductVectors, RowIds
from aisle.vectors import unit_norm
from batch.build import BuildOptions, build_index
from batch.evaluate import evaluate_index
from batch.executor import WorkerLayout
from batch.index_plan import BY_SIZE, plan_index
from batch.local_executor import LocalExecutor
from batch.progress import SilentProgress

K = 10
SHARES = (1.0, 0.1, 0.01, 0.001, 0.0001)
ROUNDS = 3

AUTOFAISS = """
import json, sys, time
from autofaiss import build_index
folder, out, memory, cores = sys.argv[1:]
start = time.perf_counter()
build_index(embeddings=folder, index_path=out, index_infos_path=out + ".json", metric_type="ip", verbose=40,
            max_index_memory_usage=memory, current_memory_available="12G", nb_cores=int(cores),
            max_index_query_time_ms=10)
print(json.dumps({"build s": time.perf_counter() - start, "CPU s": time.process_time()}))
"""


class ArrayVectors:
    """Vectors in memory in the place of stored ones."""

    first = 0

    def __init__(self, rows: ProductVectors) -> None:
        """Hold float16 rows."""
        self.rows = rows
        self.dimension = rows.shape[1] // 2

    def __len__(self) -> int:
        """Products."""
        return len(self.rows)

    def blocks(self) -> Iterator[tuple[int, ProductVectors]]:
        """See `StoredVectors`."""
        for first in range(0, len(self.rows), 8192):
            yield first, self.rows[first : first + 8192].astype(np.float32)

    def groups(self, _rows: int) -> Iterator["ArrayVectors"]:
        """One."""
        yield self

    def take(self, rows: RowIds) -> ProductVectors:
        """See `StoredVectors`."""
        return self.rows[rows].astype(np.float32)


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    rows, queries = clustered(arguments.products, width=arguments.width, queries=arguments.queries)
    vectors = ArrayVectors(rows)
    order = np.arange(len(rows))
    faiss.omp_set_num_threads(1)
    exact = faiss.IndexFlatIP(arguments.width)
    for _, block in vectors.blocks():
        exact.add(block)
    masks = {share: np.random.default_rng(3).permutation(len(rows)) < max(1, share * len(rows)) for share in SHARES}
    scores = np.concatenate([queries @ block.T for _, block in vectors.blocks()], axis=1)
    truth = {share: [exactly(row, masks[share]) for row in scores] for share in SHARES}
    del scores
    table: list[dict[str, object]] = []
    asked = {QueryKind.TEXT: queries}
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-", dir=arguments.work) as name:
        folder = Path(name)
        for kind in arguments.kinds:
            plan = plan_index(len(rows), width=arguments.width, forced=kind)
            faiss.omp_set_num_threads(arguments.threads)
            start, worked = time.perf_counter(), time.process_time()
            made = build_index(
                vectors,  # type: ignore[arg-type]
                plan,
                folder=folder,
                options=BuildOptions(append_from=10**9),
                executor=LocalExecutor(WorkerLayout(workers=1)),
                progress=SilentProgress(),
            )
            built, worked = time.perf_counter(), time.process_time() - worked
            found = evaluate_index(folder, made.parameters, asked, vectors, recall_target=arguments.recall)  # type: ignore[arg-type]
            tuned = time.perf_counter()
            faiss.omp_set_num_threads(1)
            index = ProductIndex.open(folder, found.parameters)

            def ask(query: ProductVectors, index: ProductIndex = index) -> RowIds:
                return index.rank(query[None], depth=K, order=order, kind=QueryKind.TEXT)[1]

            ours, brute = alternate(ask, lambda query: exact.search(query[None], K)[1][0], queries)
            table.append(
                {
                    "index": str(found.parameters.asked),
                    "build s": built - start,
                    "CPU s": worked,
                    "tune s": tuned - built,
                    "memory MB": (folder / INDEX).stat().st_size / 1e6,
                    "recall@10": recall([ask(query) for query in queries], truth[1.0]),
                    "ms": 1000 * ours,
                    "exact ms": 1000 * brute,
                    "x exact": brute / ours,
                    **{
                        f"filtered {share:.2%}": recall(
                            [
                                index.rank(q[None], depth=K, order=order, allowed=masks[share], kind=QueryKind.TEXT)[1]
                                for q in queries
                            ],
                            truth[share],
                        )
                        for share in SHARES[1:]
                    },
                }
            )
            print(json.dumps(table[-1]), flush=True)
            for file in made.files:
                (folder / file).unlink()
        if arguments.autofaiss:
            table.append(autofaiss(arguments, rows, queries, exact, truth[1.0], folder, like=table[0]))
    print_table(f"{len(rows):,} x {arguments.width} in all (two halves), one thread", table)
    if arguments.json:
        write_json(arguments.json, {"products": len(rows), "width": arguments.width, "kinds": table})


def clustered(products: int, *, width: int, queries: int) -> tuple[ProductVectors, ProductVectors]:
    """Products as float16 of two unit halves around a thousand centres, and queries beside centres."""
    rng = np.random.default_rng(7)
    half, centres = width // 2, max(50, products // 1000)
    looks, says = (unit_norm(rng.standard_normal((centres, half), dtype=np.float32)) for _ in range(2))
    rows = np.empty((products, width), dtype=np.float16)
    for first in range(0, products, 50_000):
        chosen = rng.integers(0, centres, min(50_000, products - first))
        for side, centre in enumerate((looks, says)):
            noise = rng.standard_normal((len(chosen), half), dtype=np.float32) / np.sqrt(half)
            rows[first : first + len(chosen), side * half : (side + 1) * half] = unit_norm(centre[chosen] + 0.7 * noise)
    near = rng.integers(0, centres, queries)
    noise = rng.standard_normal((queries, half), dtype=np.float32) / np.sqrt(half)
    asked = unit_norm(looks[near] + says[near] + 0.5 * noise)
    return rows, np.concatenate([0.5 * asked, 0.5 * asked], axis=1)


def exactly(scores: np.ndarray, allowed: np.ndarray) -> set[int]:
    """The true best of what is allowed, from all scores of one query."""
    rows = np.flatnonzero(allowed)
    k = min(K, len(rows))
    return set(rows[np.argpartition(-scores[rows], k - 1)[:k]].tolist())


def recall(found: list[RowIds], truth: list[set[int]]) -> float:
    """Share of the true hits that were found."""
    return sum(len(set(a.tolist()) & b) for a, b in zip(found, truth, strict=True)) / sum(map(len, truth))


def alternate(
    ours: Callable[[ProductVectors], object], theirs: Callable[[ProductVectors], object], queries: ProductVectors
) -> tuple[float, float]:
    """Median seconds of a query of both, in rounds that take turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for side, ask, some in ((0, ours, queries), (1, theirs, queries[:20])):
            for query in some:
                start = time.perf_counter()
                ask(query)
                times[side].append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def autofaiss(
    arguments: argparse.Namespace,
    rows: ProductVectors,
    queries: ProductVectors,
    exact: faiss.IndexFlatIP,
    truth: list[set[int]],
    folder: Path,
    *,
    like: dict[str, object],
) -> dict[str, object]:
    """Autofaiss' own choice with the memory that our first kind takes."""
    (folder / "embeddings").mkdir()
    np.save(folder / "embeddings" / "0.npy", rows.astype(np.float32))
    out = folder / "knn.index"
    memory = f"{int(float(str(like['memory MB']))) + 1}MB"
    script = [
        arguments.autofaiss,
        "-c",
        AUTOFAISS,
        str(folder / "embeddings"),
        str(out),
        memory,
        str(arguments.threads),
    ]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    infos = json.loads(Path(f"{out}.json").read_text(encoding="utf-8"))
    index = faiss.read_index(str(out))
    if infos.get("index_param"):
        faiss.ParameterSpace().set_index_parameters(index, infos["index_param"])
    theirs, brute = alternate(
        lambda query: index.search(query[None], K), lambda query: exact.search(query[None], K), queries
    )
    return {
        **dict.fromkeys(like, "-"),
        "index": f"autofaiss {infos['index_key']}, {infos.get('index_param')}",
        **json.loads(done.stdout.splitlines()[-1]),
        "memory MB": out.stat().st_size / 1e6,
        "recall@10": recall(list(index.search(queries, K)[1]), truth),
        "ms": 1000 * theirs,
        "exact ms": 1000 * brute,
        "x exact": brute / theirs,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2, help="of building and tuning")
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument(
        "--kinds", type=lambda text: [IndexKind(kind) for kind in text.split(",")], default=list(BY_SIZE)
    )
    parser.add_argument("--autofaiss", help="Python of an environment that has autofaiss")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
