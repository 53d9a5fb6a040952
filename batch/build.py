"""Stored vectors to one FAISS file. Row numbers are explicit ids, so the order of adding does not matter.

Only a graph is built in one piece and in order: graphs cannot be merged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from aisle.errors import IncompleteRun
from aisle.files import write_atomically
from aisle.layout import VECTORS
from aisle.types import ProductVectors
from aisle.vector_file import write_vectors
from batch.executor import Executor, TaskDied
from batch.index_family import SEED, add, finished, train, untrained_index
from batch.index_plan import IndexPlan
from batch.progress import ProgressSink
from batch.stored import StoredVectors

TRAINED = "trained.faiss"


@dataclass(frozen=True, slots=True)
class GroupTask:
    """Some vectors to be added to a copy of the trained index.

    Attributes:
        vectors: What to add.
        trained: File of the trained, empty index; on a disk that all workers see.
        path: File of the filled one.
    """

    vectors: StoredVectors
    trained: Path
    path: Path


def build_index(
    vectors: StoredVectors,
    plan: IndexPlan,
    *,
    path: Path,
    scratch: Path,
    group_rows: int,
    executor: Executor,
    progress: ProgressSink,
) -> None:
    """Build an index and write it where stock FAISS reads it; beside it the vectors, where it holds only codes.

    Args:
        vectors: Of all products, at least one.
        plan: Which kind.
        path: Where to.
        scratch: A folder for the parts of a parallel build; on a disk that all workers see.
        group_rows: Rows that one task adds; with no more in all, or one worker, everything is added here.
        executor: Who runs the tasks.
        progress: Is told of rows.

    Raises:
        IncompleteRun: A worker died while it added vectors.
    """
    index = trained_index(vectors, plan)
    groups = list(vectors.groups(group_rows))
    if not plan.kind.has_lists or len(groups) == 1 or executor.layout.workers == 1:
        for added in _add(index, vectors):
            progress.advanced(added)
    else:
        _add_in_parallel(index, groups, scratch=scratch, executor=executor, progress=progress)
    whole = finished(index)
    write_atomically(path, lambda temporary: faiss.write_index(whole, str(temporary)))
    if plan.kind.refined:
        blocks = (block for _, block in vectors.blocks())
        write_vectors(blocks, path.with_name(VECTORS), shape=(len(vectors), 2 * vectors.dimension))


def trained_index(vectors: StoredVectors, plan: IndexPlan) -> Any:
    """An index with nothing in it, trained on a sample where its kind learns."""
    index = untrained_index(plan, width=2 * vectors.dimension)
    train(index, _sample(vectors, plan.training_rows or 1))
    return index


def _sample(vectors: StoredVectors, rows: int) -> ProductVectors:
    chosen = np.random.default_rng(SEED).choice(len(vectors), size=rows, replace=False)
    return vectors.take(np.sort(chosen).astype(np.int64))


def _add(index: Any, vectors: StoredVectors) -> Iterator[int]:
    for first, block in vectors.blocks():
        add(index, block, first=first)
        yield len(block)


def _add_in_parallel(
    index: Any, groups: list[StoredVectors], *, scratch: Path, executor: Executor, progress: ProgressSink
) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    trained = scratch / TRAINED
    faiss.write_index(index, str(trained))
    tasks = [GroupTask(vectors=group, trained=trained, path=scratch / f"{group.first}.faiss") for group in groups]
    for outcome in executor.run(add_group, tasks):
        if isinstance(outcome, TaskDied):
            rows = outcome.task.vectors
            raise IncompleteRun(
                f"the worker that added the rows {rows.first:,} to {rows.stop - 1:,} to the index died "
                f"({outcome.detail}); nothing was published. Embedded shards are kept: run again with fewer workers"
            )
        progress.advanced(outcome)
    for task in tasks:
        index.merge_from(faiss.read_index(str(task.path)), 0)
        task.path.unlink()
    trained.unlink()
    scratch.rmdir()


def add_group(task: GroupTask) -> int:
    """Add one group to a copy of the trained index and write it; the number of rows."""
    faiss.omp_set_num_threads(1)  # one worker per core
    index = faiss.read_index(str(task.trained))
    added = sum(_add(index, task.vectors))
    faiss.write_index(index, str(task.path))
    return added
