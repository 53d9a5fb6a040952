"""Stored vectors to FAISS files: one, or parts side by side where it would grow too large for one machine to merge.

All parts are filled from the same trained lists. Each numbers what it holds from 0, explicitly, so the order of adding
does not matter. Only a graph is built in one piece and in order: graphs cannot be merged.
"""

import shutil
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from aisle.entries import write_entries
from aisle.errors import IncompleteRun, SettingsError
from aisle.files import link_or_copy, write_atomically
from aisle.layout import ENTRIES, INDEX, TRAINED, VECTORS, part_name
from aisle.machine import Provider
from aisle.manifest import IndexKind, IndexParameters
from aisle.mirror import pull, pull_as, push, remove
from aisle.types import ProductVectors
from aisle.vector_file import write_vectors
from batch.executor import Executor, TaskDied
from batch.index_device import index_device
from batch.index_family import SEED, add, finished, gpu_quantizer, train, untrained_index
from batch.index_plan import IndexPlan, bytes_per_product
from batch.progress import ProgressSink
from batch.releases import BUILDING
from batch.stored import StoredVectors

ADDING = "adding.faiss"
"""The trained, empty index while workers add to copies of it."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How an index is built.

    Attributes:
        group_rows: Rows that one task adds to an index that is built in parallel.
        part_bytes: Size from which an index with lists is kept in several files side by side.
        append_from: Products from which an index with lists can be appended to, by the release that follows.
        device: Where lists are learnt and looked for; `auto` takes GPUs where FAISS can use some.
    """

    group_rows: int = 100_000
    part_bytes: int = 4 * 10**9
    append_from: int = 1_000_000
    device: Provider = Provider.AUTO

    def __post_init__(self) -> None:
        for name in ("group_rows", "part_bytes", "append_from"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least 1")


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index in a release's folder.

    Attributes:
        plan: What was built, and why.
        parts: Entries of each part; empty for a single file that is never appended to.
        base_parts: Of these, how many were filled when the lists were learnt.
        files: Names of all its files.
        added: Products that were added now; the others stand in parts that were taken over.
        device: Where lists were learnt and looked for: `cpu` or `cuda`.
    """

    plan: IndexPlan
    parts: tuple[int, ...]
    base_parts: int
    files: tuple[str, ...]
    added: int
    device: Provider

    @property
    def parameters(self) -> IndexParameters:
        """How to open it, before it is tuned."""
        return IndexParameters(kind=self.plan.kind, nlist=self.plan.nlist, parts=self.parts, base_parts=self.base_parts)


@dataclass(frozen=True, slots=True)
class GroupTask:
    """Some vectors to be added to a copy of the trained index.

    Attributes:
        vectors: What to add.
        base: Release row that stands at the first place of the part.
        trained: File of the trained, empty index: on the driver's disk, and on the workspace's store if it has one.
        path: File of the filled one: likewise on the worker's.
        device: Where lists are looked for.
    """

    vectors: StoredVectors
    base: int
    trained: Path
    path: Path
    device: Provider


def build_index(
    vectors: StoredVectors,
    plan: IndexPlan,
    *,
    folder: Path,
    options: BuildOptions,
    executor: Executor,
    progress: ProgressSink,
) -> BuiltIndex:
    """Build an index anew and write it where stock FAISS reads it; beside it the vectors, where it holds only codes.

    Args:
        vectors: Of all products, at least one.
        plan: Which kind.
        folder: Where to. Several workers that fill one part see the driver's disk, or the workspace is on a store.
        options: See there.
        executor: Who runs the tasks; one worker, and no more rows than one task adds, are added here.
        progress: Is told of rows.

    Raises:
        IncompleteRun: A worker died while it added vectors.
        ProviderUnavailable: A GPU was asked for and FAISS has none.
    """
    device = index_device(options.device)
    index = untrained_index(plan, width=2 * vectors.dimension)
    train(index, _sample(vectors, plan.training_rows or 1), device=device)
    trained = folder / TRAINED
    if plan.kind.has_lists:
        write_index(index, trained)
    part_rows = max(1, options.part_bytes // bytes_per_product(plan.kind, width=2 * vectors.dimension))
    parts = list(vectors.groups(part_rows)) if plan.kind.has_lists else [vectors]
    files: list[str] = []
    for number, part in enumerate(parts):
        groups = list(part.groups(options.group_rows))
        if number:
            index = faiss.read_index(str(trained))
        if not plan.kind.has_lists or len(groups) == 1 or executor.layout.workers == 1:
            for count in _add(index, part, base=part.first, device=device):
                progress.advanced(count)
        else:
            tasks = [
                GroupTask(group, part.first, folder / ADDING, folder / f"adding-{group.first}.faiss", options.device)
                for group in groups
            ]
            link_or_copy(trained, folder / ADDING)
            _add_in_parallel(index, tasks, executor=executor, progress=progress)
        files += write_part(index, plan.kind, folder, number=number, blocks=(block for _, block in part.blocks()))
    sizes = tuple(len(part) for part in parts) if len(parts) > 1 else ()
    if sizes:
        write_entries(np.arange(len(vectors)), folder / ENTRIES)
        files.append(ENTRIES)
    if plan.kind.has_lists:
        if sizes or len(vectors) >= options.append_from:
            files.append(TRAINED)
        else:
            trained.unlink()
    return BuiltIndex(
        plan=plan,
        parts=sizes,
        base_parts=len(sizes),
        files=tuple(files),
        added=len(vectors),
        device=device,
    )


def write_part(
    index: Any, kind: IndexKind, folder: Path, *, number: int, blocks: Iterable[ProductVectors]
) -> list[str]:
    """Write one part of an index, and its vectors where it holds only codes.

    Args:
        index: Filled.
        kind: Of the index.
        folder: Where to.
        number: Of the part.
        blocks: What it was filled with, in the order of its places; float32 `[n, 2 * dimension]` each.

    Returns:
        The names of the files.
    """
    names = [part_name(INDEX, number)]
    count, width = index.ntotal, index.d
    write_index(finished(index), folder / names[0])
    if kind.refined:
        names.append(part_name(VECTORS, number))
        write_vectors(blocks, folder / names[1], shape=(count, width))
    return names


def write_index(index: Any, path: Path) -> None:
    """Write a FAISS index atomically."""
    write_atomically(path, lambda temporary: faiss.write_index(index, str(temporary)))


def _sample(vectors: StoredVectors, rows: int) -> ProductVectors:
    chosen = np.random.default_rng(SEED).choice(len(vectors), size=rows, replace=False)
    return vectors.take(np.sort(chosen).astype(np.int64))


def _add(index: Any, vectors: StoredVectors, *, base: int, device: Provider) -> Iterator[int]:
    quantizer = gpu_quantizer(index, device)
    for first, block in vectors.blocks():
        add(index, block, first=first - base, quantizer=quantizer)
        yield len(block)


def _add_in_parallel(index: Any, tasks: list[GroupTask], *, executor: Executor, progress: ProgressSink) -> None:
    layout, trained = tasks[0].vectors.layout, tasks[0].trained
    push(layout, trained)
    for outcome in executor.run(add_group, tasks):
        if isinstance(outcome, TaskDied):
            rows = outcome.task.vectors
            raise IncompleteRun(
                f"the worker that added the rows {rows.first:,} to {rows.stop - 1:,} to the index died "
                f"({outcome.detail}); nothing was published. Embedded shards are kept: run again with fewer workers"
            )
        progress.advanced(outcome)
    for task in tasks:
        pull(layout, task.path)
        index.merge_from(faiss.read_index(str(task.path)), 0)
    remove(layout, [trained, *(task.path for task in tasks)])


def add_group(task: GroupTask) -> int:
    """Add one group to a copy of the trained index and write it; the number of rows.

    A worker that does not see the driver's disk gets the one from the workspace's store and leaves the other there.
    """
    faiss.omp_set_num_threads(1)  # one worker per core
    index = faiss.read_index(str(_here(task)))
    added = sum(_add(index, task.vectors, base=task.base, device=index_device(task.device)))
    write_index(index, task.path)
    if not task.trained.exists():
        push(task.vectors.layout, task.path)
        task.path.unlink()
    return added


def _here(task: GroupTask) -> Path:
    """The trained index's file, for this worker; what other runs left here on its way goes."""
    if task.trained.exists():
        return task.trained
    folder, layout = task.trained.parent, task.vectors.layout
    for left in layout.releases.glob(f"{BUILDING}*"):
        if left != folder:
            shutil.rmtree(left, ignore_errors=True)
    copy = folder / f"arrived-{ADDING}"  # by the driver's name it would say that this is the driver's disk
    if not pull_as(layout, task.trained, copy):
        raise IncompleteRun(
            f"a worker on {socket.gethostname()} does not see {task.trained}: put the workspace on a disk that all "
            "nodes share or on s3://, or run with --executor local; nothing was published"
        )
    return copy
