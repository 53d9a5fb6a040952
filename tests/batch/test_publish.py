"""Releases are sorted by their names: a later one has a later name, however quick or wrong the clock is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from aisle.layout import Layout
from batch.publish import new_release


def test_two_releases_of_one_second_are_in_order(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    names = []
    for _ in range(4):
        with new_release(layout) as release:
            layout.release(release.id).mkdir(parents=True)
            names.append(release.id)
    assert names == sorted(names)
    assert len({name.split("-")[0] for name in names}) == 4


def test_a_clock_that_is_set_back_does_not_reorder_releases(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    layout.release(f"{tomorrow:%Y%m%dT%H%M%S}-00000000").mkdir(parents=True)
    layout.release("named-by-hand").mkdir()
    with new_release(layout) as release:
        assert release.id > f"{tomorrow:%Y%m%dT%H%M%S}-ffffffff"
        assert release.created > tomorrow - timedelta(seconds=1)


def test_an_empty_workspace_is_named_after_now(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    with new_release(Layout(tmp_path)) as release:
        assert before <= release.created <= datetime.now(UTC)
