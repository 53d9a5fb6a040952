"""What the tests of the batch half share: a workspace, an executor, and a run with everything given."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aisle.layout import Layout
from batch.executor import TaskDied, WorkerLayout
from batch.local_executor import LocalExecutor
from batch.options import ReindexOptions, Summary
from batch.progress import SilentProgress
from batch.reindex import reindex
from tests.batch.catalogs import ROLES, write_catalog


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test pulls the plug, and waiting for the disk would be most of what they do."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "workspace")


@pytest.fixture
def here() -> Iterator[LocalExecutor]:
    """An executor in this process."""
    with LocalExecutor(WorkerLayout(workers=1)) as executor:
        yield executor


@pytest.fixture
def catalogs(tmp_path: Path) -> Callable[[list[dict[str, Any]]], str]:
    """Writes each catalog under a name of its own."""
    numbers = iter(range(1000))
    return lambda rows: write_catalog(tmp_path / f"catalog-{next(numbers)}.parquet", rows)


Run = Callable[..., Summary]


@pytest.fixture
def run(layout: Layout, tiny_model: Path, here: LocalExecutor) -> Run:
    """`reindex` with everything but the catalog given, any of it replaceable."""

    def run(catalog: str, *, options: ReindexOptions | None = None, **changes: Any) -> Summary:
        given = {
            "layout": layout,
            "model": tiny_model,
            "roles": ROLES,
            "executor": here,
            "options": options or ReindexOptions(shard_rows=32),
            "progress": SilentProgress(),
        }
        return reindex(catalog=catalog, **(given | changes))

    return run


class Deadly:
    """Runs tasks here, and says of those that hold certain ids that they killed their worker."""

    layout = WorkerLayout(workers=1)

    def __init__(self, *poison: str) -> None:
        self.poison = set(poison)
        self.done = 0

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> Iterator[Any]:
        for task in tasks:
            self.done += 1
            poisoned = self.poison & set(getattr(task, "ids", ()))
            yield TaskDied(task=task, detail="it was told to") if poisoned else function(task)
