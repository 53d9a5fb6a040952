"""Products taken down, and put back."""

import json
import threading
from pathlib import Path

import pytest

from aisle.errors import ReleaseCorrupt, SettingsError
from aisle.hidden import read_hidden
from aisle.layout import Layout
from batch.hide import hide_products, unhide_products
from tests.batch.catalogs import good_rows, write_catalog
from tests.batch.conftest import Run


def test_hidden_products_are_listed_until_they_are_put_back(run: Run, layout: Layout, tmp_path: Path):
    run(write_catalog(tmp_path / "c.parquet", good_rows(10)))
    done = hide_products(layout, ["p3", "p1", "p3", "elsewhere"])
    assert (done.changed, done.unchanged, done.unknown, done.hidden) == (
        ("p3", "p1", "elsewhere"),
        (),
        ("elsewhere",),
        3,
    )
    assert read_hidden(layout) == {"p1", "p3", "elsewhere"}
    assert json.loads(layout.hidden.read_text()) == {"format_version": 1, "ids": ["elsewhere", "p1", "p3"]}
    done = hide_products(layout, ["p1", "p2"])
    assert (done.changed, done.unchanged, done.unknown, done.hidden) == (("p2",), ("p1",), (), 4)
    done = unhide_products(layout, ["p3", "p4"])
    assert (done.changed, done.unchanged, done.hidden) == (("p3",), ("p4",), 3)
    assert read_hidden(layout) == {"p1", "p2", "elsewhere"}


def test_a_reindex_changes_nothing_about_it(run: Run, layout: Layout, tmp_path: Path):
    catalog = write_catalog(tmp_path / "c.parquet", good_rows(10))
    run(catalog)
    hide_products(layout, ["p3"])
    run(catalog)
    assert read_hidden(layout) == {"p3"}


def test_products_can_be_hidden_before_there_is_a_release(layout: Layout):
    done = hide_products(layout, ["p3"])
    assert (done.changed, done.unknown) == (("p3",), ("p3",))
    assert read_hidden(layout) == {"p3"}


def test_an_empty_id_is_an_error(layout: Layout):
    with pytest.raises(SettingsError, match="empty"):
        hide_products(layout, ["p3", ""])
    assert not layout.hidden.exists()


def test_a_list_that_cannot_be_read_is_left_as_it_is(layout: Layout):
    layout.root.mkdir()
    layout.hidden.write_text("[]")
    with pytest.raises(ReleaseCorrupt, match=r"hidden\.json"):
        hide_products(layout, ["p3"])
    assert layout.hidden.read_text() == "[]"


def test_no_change_is_lost_when_many_hide_at_once(layout: Layout):
    threads = [threading.Thread(target=hide_products, args=(layout, [f"p{n}"])) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_hidden(layout) == {f"p{n}" for n in range(6)}
