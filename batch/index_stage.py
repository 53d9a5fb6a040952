"""The index of a release: appended to the live one's where that is enough, else built anew; then measured."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from aisle.current import read_current
from aisle.layout import Layout
from aisle.manifest import QueryKind
from aisle.types import ProductVectors
from batch.append import CompactionDue, append_index
from batch.build import BuiltIndex, build_index
from batch.evaluate import Evaluation, RecallUnreached, evaluate_index
from batch.executor import Executor
from batch.index_plan import IndexPlan
from batch.options import ReindexOptions
from batch.progress import ProgressSink
from batch.stored import StoredVectors


def make_index(
    vectors: StoredVectors,
    plan: IndexPlan,
    *,
    layout: Layout,
    folder: Path,
    options: ReindexOptions,
    executor: Executor,
    progress: ProgressSink,
) -> BuiltIndex:
    """Append to the live release's index, or build anew where there is none, or too much has changed.

    Args:
        vectors: Of all products.
        plan: What is built anew.
        layout: The workspace.
        folder: Of the new release.
        options: Of the run.
        executor: Who runs the tasks.
        progress: Is told of rows.

    Raises:
        IncompleteRun: A worker died while it added vectors.
        ProviderUnavailable: A GPU was asked for and FAISS has none.
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    live = read_current(layout)
    appendable = plan.kind.has_lists and len(vectors) >= options.build.append_from
    if live is not None and appendable and not options.compact:
        try:
            return append_index(
                vectors,
                plan,
                layout=layout,
                live=live,
                folder=folder,
                options=options.build,
                memory=options.memory,
                progress=progress,
            )
        except CompactionDue as due:
            plan = replace(plan, reason=f"{plan.reason}; built anew: {due}")
    return build_index(vectors, plan, folder=folder, options=options.build, executor=executor, progress=progress)


def evaluate_or_rebuild(
    built: BuiltIndex,
    queries: Mapping[QueryKind, ProductVectors],
    vectors: StoredVectors,
    plan: IndexPlan,
    *,
    folder: Path,
    options: ReindexOptions,
    executor: Executor,
    progress: ProgressSink,
) -> tuple[BuiltIndex, Evaluation]:
    """Tune an index to the recall target; one that was appended to and no longer reaches it is built anew.

    Args:
        built: From `make_index`, in `folder`.
        queries: float32 `[n, 2 * dimension]` per kind.
        vectors: Of all products.
        plan: What is built anew.
        folder: Of the new release.
        options: Of the run.
        executor: Who runs the tasks.
        progress: Is told of rows that are added anew.

    Raises:
        ReleaseError: The target cannot be reached.
        IncompleteRun: A worker died while it added vectors.
    """
    try:
        return built, evaluate_index(folder, built.parameters, queries, vectors, recall_target=options.recall_target)
    except RecallUnreached as unreached:
        if built.added == len(vectors):
            raise
        for name in built.files:
            (folder / name).unlink()
        plan = replace(plan, reason=f"{plan.reason}; built anew: appended to, its {unreached.figures}")
    built = build_index(vectors, plan, folder=folder, options=options.build, executor=executor, progress=progress)
    return built, evaluate_index(folder, built.parameters, queries, vectors, recall_target=options.recall_target)
