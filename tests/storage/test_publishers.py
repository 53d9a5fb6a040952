"""Two runs in one workspace on a store: one release is live, and of the other nothing is half there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aisle.current import current_tag, read_current, write_current
from aisle.errors import IncompleteRun, WorkspaceBusy
from aisle.layout import RELEASE_MANIFEST, Layout
from batch import publish
from batch.progress import SilentProgress, Stage
from batch.releases import list_releases, rollback
from batch.verify import verify_release
from cli.exit_codes import ExitCode, exit_code
from tests.batch.catalogs import good_rows, write_catalog
from tests.storage.conftest import Run, names


class Meanwhile(SilentProgress):
    """Lets something happen when a run reaches a stage."""

    def __init__(self, stage: Stage, happens: Callable[[], None]) -> None:
        self.stage, self.happens = stage, happens

    def started(self, stage: Stage, *, total: int | None) -> None:
        if stage is self.stage:
            self.happens()


@pytest.fixture
def other_run(run: Run, elsewhere: Layout, tmp_path: Path) -> Callable[[], str]:
    """Another machine's run over a smaller catalog; the release that it publishes."""
    smaller = write_catalog(tmp_path / "smaller.parquet", good_rows(20))
    return lambda: run(smaller, layout=elsewhere).release_id


def only_release(bucket: str, layout: Layout, release_id: str) -> None:
    """Make sure that it is live, whole and alone."""
    assert read_current(layout) == release_id
    assert [(one.id, one.live, one.problem) for one in list_releases(layout)] == [(release_id, True, "")]
    assert {name.split("/")[2] for name in names(bucket) if name.endswith(RELEASE_MANIFEST)} == {release_id}
    verify_release(layout, release_id)


@pytest.mark.parametrize("stage", Stage)
def test_the_second_is_refused_at_any_stage(
    run: Run, other_run: Callable[[], str], catalog: str, layout: Layout, elsewhere: Layout, bucket: str, stage: Stage
):
    refused: list[WorkspaceBusy] = []

    def comes() -> None:
        with pytest.raises(WorkspaceBusy, match=r"in use by process \d+ on .+, reindexing since") as raised:
            other_run()
        refused.append(raised.value)

    first = run(catalog, progress=Meanwhile(stage, comes)).release_id
    assert [exit_code(error) for error in refused] == [ExitCode.AGAIN]
    only_release(bucket, elsewhere, first)


def taken_over(layout: Layout, other_run: Callable[[], str], published: list[str]) -> Callable[..., None]:
    """What a run sees that was stopped for minutes: others took it for dead, and have finished."""

    def happens(*_: Any) -> None:
        assert layout.store is not None
        layout.store.remove([layout.lock.name, layout.publish_lock.name])
        published.append(other_run())

    return happens


def test_who_was_taken_over_before_it_publishes_does_not(
    run: Run, other_run: Callable[[], str], catalog: str, layout: Layout, elsewhere: Layout, bucket: str
):
    published: list[str] = []
    with pytest.raises(IncompleteRun, match=r"lost s3://.+; nothing was published") as raised:
        run(catalog, progress=Meanwhile(Stage.PUBLISH, taken_over(layout, other_run, published)))
    assert exit_code(raised.value) is ExitCode.AGAIN
    only_release(bucket, elsewhere, published[0])


@pytest.mark.parametrize("moment", ["hold", "current_tag", "sync_folder"])
def test_who_was_taken_over_while_it_publishes_leaves_nothing_behind(
    run: Run,
    other_run: Callable[[], str],
    catalog: str,
    layout: Layout,
    elsewhere: Layout,
    bucket: str,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """After all was copied; as it looks what is live; and when it was sure for the last time that it is the owner."""
    published: list[str] = []
    happens, goes_on = taken_over(layout, other_run, published), getattr(publish, moment)

    def stopped(*given: Any, **options: Any) -> Any:
        monkeypatch.setattr(publish, moment, goes_on)
        happens()
        return goes_on(*given, **options)

    monkeypatch.setattr(publish, moment, stopped)
    with pytest.raises(IncompleteRun, match=r"lost s3://|somebody else has just made another release"):
        run(catalog)
    only_release(bucket, elsewhere, published[0])
    assert run(catalog).embedded_images == 0, "what the one that lost had embedded is kept"
    assert not [name for name in names(bucket) if "/releases/" in name and name.split("/")[2] not in live(elsewhere)]


def live(layout: Layout) -> set[str]:
    return {one.id for one in list_releases(layout)}


def test_who_rolls_back_undoes_no_release_that_came_meanwhile(
    run: Run, catalog: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    first, second, third = (run(catalog).release_id for _ in range(3))
    write_current(layout, second, replacing=current_tag(layout))

    def publishes(found: Layout, release_id: str) -> None:
        write_current(found, third, replacing=current_tag(found))

    monkeypatch.setattr("batch.releases.check_sizes", publishes)
    with pytest.raises(WorkspaceBusy, match="somebody else has just made another release"):
        rollback(layout)
    assert read_current(layout) == third != first


@pytest.mark.parametrize("before", [None, "20260101T000000-before"])
def test_an_answer_that_was_lost_is_no_refusal(layout: Layout, before: str | None, monkeypatch: pytest.MonkeyPatch):
    """The store did as it was told, its answer got lost, and it is told again: what it then finds is our own."""
    import obstore

    if before is not None:
        write_current(layout, before)
    put = obstore.put

    def twice(*given: Any, **options: Any) -> Any:
        put(*given, **options)
        return put(*given, **options)

    tag = current_tag(layout)
    monkeypatch.setattr(obstore, "put", twice)
    write_current(layout, "20260101T000000-after", replacing=tag)
    assert read_current(layout) == "20260101T000000-after"
    with pytest.raises(WorkspaceBusy):
        write_current(layout, "20260101T000000-later", replacing=tag)
