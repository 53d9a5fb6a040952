"""The embed stage: every shard of the plan through an executor, and rows that kill their worker found and left out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.errors import IncompleteRun
from batch.embed import EmbedSetup, ShardResult, ShardTask, embed_shard
from batch.executor import Executor, TaskDied
from batch.known import NO_FACTS
from batch.known_rows import KnownRows
from batch.plan import CatalogPlan, cut
from batch.progress import ProgressSink
from batch.rejects import Reject, WorkerFault, check_rejects

_AT_ONCE = 4096

MAX_DEATHS = 64
"""Dead tasks after which it is the machine that is ill and not a row: one poison row costs about nine."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embed stage's outcome.

    Attributes:
        shards: In the order of the plan.
        rejects: Of the plan and of this stage.
    """

    shards: tuple[ShardResult, ...]
    rejects: tuple[Reject, ...]

    @property
    def cached_shards(self) -> int:
        """Shards that were there before."""
        return sum(shard.cached for shard in self.shards)

    @property
    def embedded_shards(self) -> int:
        """Shards that this run made."""
        return len(self.shards) - self.cached_shards

    @property
    def embedded_images(self) -> int:
        """Pictures that this run encoded."""
        return sum(shard.images_encoded for shard in self.shards)

    @property
    def embedded_texts(self) -> int:
        """Texts that this run encoded."""
        return sum(shard.texts_encoded for shard in self.shards)

    @property
    def read_images(self) -> int:
        """Picture files that this run read; those of the others have not changed since they were read."""
        return sum(shard.images_read for shard in self.shards)

    @property
    def images(self) -> int:
        """Products that have a picture."""
        return sum(shard.images for shard in self.shards)

    @property
    def texts(self) -> int:
        """Products that have a text."""
        return sum(shard.texts for shard in self.shards)


def embed_catalog(
    plan: CatalogPlan,
    *,
    setup: EmbedSetup,
    shard_rows: int,
    max_rejects: float,
    executor: Executor,
    progress: ProgressSink,
) -> Embedded:
    """Make sure that every shard of the plan is on disk.

    A task whose worker dies each time is halved until the row that kills it stands alone.

    Args:
        plan: What to embed.
        setup: What the shards have in common.
        shard_rows: Rows per shard on average.
        max_rejects: Largest fraction of the catalog's rows that may be rejected.
        executor: Who runs the tasks.
        progress: Is told of rows.

    Raises:
        IncompleteRun: Too many rows are rejected (known as soon as it is certain), or workers keep dying.
        AisleError: What a shard raised.
    """
    known = KnownRows(setup.layout, setup.fingerprint)

    def learn(shard: ShardResult) -> ShardResult:
        known.add(shard.facts, shard=None if shard.cached else shard.key)
        return replace(shard, facts=NO_FACTS)  # a few kilobytes per shard, for the whole run

    tasks = shard_tasks(plan, setup=setup, shard_rows=shard_rows, known=known)
    embedded = make_shards(
        embed_shard, tasks, plan=plan, max_rejects=max_rejects, executor=executor, progress=progress, learn=learn
    )
    known.tell()
    return embedded


class RowsTask(Protocol):
    """Rows of the catalog to make a shard of."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """Their numbers, `[n]`, rising."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """Their product ids."""
        ...

    def part(self, start: int, stop: int) -> Self:
        """A range of them as a task of its own, `stop` excluded."""
        ...


_Rows = TypeVar("_Rows", bound=RowsTask)


def make_shards(
    function: Callable[[_Rows], ShardResult],
    tasks: Iterable[_Rows],
    *,
    plan: CatalogPlan,
    max_rejects: float,
    executor: Executor,
    progress: ProgressSink,
    learn: Callable[[ShardResult], ShardResult] = lambda shard: shard,
) -> Embedded:
    """Run the tasks of a stage that makes shards.

    A task whose worker dies each time is halved until the row that kills it stands alone.

    Args:
        function: Makes one shard.
        tasks: All of the plan.
        plan: Whose rows they are.
        max_rejects: As in `embed_catalog`.
        executor: Who runs the tasks.
        progress: Is told of rows.
        learn: Is given each shard as soon as it is there, and gives what is kept of it.

    Raises:
        IncompleteRun: As `embed_catalog`.
        AisleError: What `function` raised.
    """
    shards: list[ShardResult] = []
    rejects = list(plan.rejects)
    deaths = 0
    pending = tasks
    while pending:
        halves: list[_Rows] = []
        for outcome in executor.run(function, pending):
            if not isinstance(outcome, TaskDied):
                shards.append(learn(outcome))
                rejects += outcome.rejects
                progress.advanced(outcome.rows)
            else:
                deaths += 1
                _check_deaths(deaths, outcome)
                if len(outcome.task.rows) > 1:
                    halves += _halves(outcome.task)
                else:
                    rejects.append(_killer(outcome))
                    progress.advanced(1)
            check_rejects(rejects, rows=plan.rows_in_catalog, most=max_rejects)
        pending = halves
    return Embedded(shards=tuple(sorted(shards, key=lambda shard: shard.start)), rejects=tuple(rejects))


def shard_tasks(plan: CatalogPlan, *, setup: EmbedSetup, shard_rows: int, known: KnownRows) -> Iterator[ShardTask]:
    """The plan as tasks, made one at a time as they are drawn, each with what is known by then."""
    ids = plan.products.column("id")
    texts = plan.products.column("text")
    for start, stop in cut(_one_by_one(ids), rows=shard_rows):
        yield ShardTask(
            start=start,
            rows=plan.rows[start:stop],
            ids=tuple(ids.slice(start, stop - start).to_pylist()),
            texts=tuple(texts.slice(start, stop - start).to_pylist()),
            pictures=plan.pictures(start, stop),
            setup=setup,
            known=known.now,
        )


def _one_by_one(ids: pa.ChunkedArray) -> Iterator[str]:
    """A column as Python texts, few of which live at a time."""
    for start in range(0, len(ids), _AT_ONCE):
        yield from ids.slice(start, _AT_ONCE).to_pylist()


def _halves(task: _Rows) -> list[_Rows]:
    middle = len(task.rows) // 2
    return [task.part(0, middle), task.part(middle, len(task.rows))]


def _killer(death: TaskDied[_Rows]) -> Reject:
    task = death.task
    return Reject(
        row=int(task.rows[0]),
        id=task.ids[0],
        reason=WorkerFault.WORKER_DIED,
        detail=f"this row alone ends the worker: {death.detail}",
    )


def _check_deaths(deaths: int, death: TaskDied[_Rows]) -> None:
    if deaths > MAX_DEATHS:
        rows = death.task.rows
        raise IncompleteRun(
            f"{deaths} tasks lost their workers, the last one with the catalog rows {rows[0]} to {rows[-1]} "
            f"({death.detail}); nothing was published. Shards that are done are kept: give the workers more memory "
            "or choose fewer of them (--workers), then run again"
        )
