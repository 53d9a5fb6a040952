"""Which rows become products, and where shards end."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aisle.catalog import RejectReason, Roles
from aisle.errors import CatalogError
from aisle.manifest import AttributeType
from aisle.sources import TableSource, open_source
from batch.plan import cut, guess_roles, plan_catalog
from tests.batch.catalogs import ROLES, good_rows, picture, row, write_catalog


def test_rows_are_taken_or_rejected_with_the_reason(tmp_path: Path):
    image = picture(1)
    rows = [
        row(0, image),
        row(1, image, id=None),
        row(2, image, id="  "),
        row(3, image, id="p0"),
        row(4, image, price=float("inf")),
        row(5, image, id="p4"),
        row(6, image, id="p4"),
    ]
    plan = plan_catalog(open_source(write_catalog(tmp_path / "c.parquet", rows, row_group=2)), roles=ROLES)
    assert plan.rows_in_catalog == 7
    assert plan.rows.tolist() == [0, 5]
    assert plan.products.column("id").to_pylist() == ["p0", "p4"]
    assert plan.products.column("attribute.colour").to_pylist() == ["red", "red"]
    found = [(reject.row, reject.id, reject.reason) for reject in plan.rejects]
    assert found == [
        (1, "", RejectReason.MISSING_ID),
        (2, "", RejectReason.MISSING_ID),
        (3, "p0", RejectReason.DUPLICATE_ID),
        (4, "p4", RejectReason.INVALID_ATTRIBUTE),
        (6, "p4", RejectReason.DUPLICATE_ID),
    ]
    details = [reject.detail for reject in plan.rejects]
    assert "'id'" in details[0]
    assert "row 0" in details[2]
    assert "'p0'" in details[2]
    assert "price is inf" in details[3]
    assert "row 5" in details[4]  # the first one that is good, not the one that was rejected


def test_a_missing_column_is_an_error(tmp_path: Path):
    source = open_source(write_catalog(tmp_path / "c.parquet", good_rows(2)))
    with pytest.raises(CatalogError, match="no column 'sku'"):
        plan_catalog(source, roles=Roles(id="sku", image="image"))


def test_roles_are_guessed_without_reading_pictures(tmp_path: Path):
    source = open_source(write_catalog(tmp_path / "c.parquet", good_rows(60)))
    roles = guess_roles(source)
    assert (roles.id, roles.image, roles.title) == ("id", "image", "title")
    assert roles.attributes == {
        "colour": AttributeType.CATEGORY,
        "article": AttributeType.CATEGORY,
        "price": AttributeType.NUMBER,
    }
    empty = TableSource(pa.table({"id": pa.array([], pa.string()), "title": pa.array([], pa.string())}), ".")
    assert guess_roles(empty).title == "title"


def test_pictures_inside_the_catalog_are_read_by_the_worker(tmp_path: Path):
    rows = good_rows(9)
    rows[4]["id"] = None
    plan = plan_catalog(open_source(write_catalog(tmp_path / "c.parquet", rows, row_group=2)), roles=ROLES)
    pictures = plan.pictures(2, 6)
    assert pictures is not None
    assert pictures.values == ()
    wanted = [rows[number]["image"] for number in (2, 3, 5, 6)]
    assert pictures.read(plan.rows[2:6]) == wanted
    assert pictures.part(1, 3).read(plan.rows[3:5]) == wanted[1:3]


def test_paths_travel_with_the_task(tmp_path: Path):
    table = pa.table({"id": ["a", None, "b", "c"], "image": ["a.jpg", "x.jpg", None, "c.jpg"]})
    plan = plan_catalog(TableSource(table, str(tmp_path)), roles=Roles(id="id", image="image"))
    pictures = plan.pictures(0, 3)
    assert pictures is not None
    assert pictures.source is None
    assert pictures.folder == str(tmp_path)
    assert pictures.read(plan.rows) == ["a.jpg", None, "c.jpg"]
    assert pictures.part(1, 3).read(plan.rows[1:3]) == [None, "c.jpg"]
    texts = plan_catalog(TableSource(table, "."), roles=Roles(id="id", title="image"))
    assert texts.pictures(0, 3) is None


IDS = [f"product {number}" for number in range(5000)]


def test_shards_cover_all_rows_in_order():
    cuts = list(cut(IDS, rows=256))
    assert cuts[0][0] == 0
    assert cuts[-1][1] == len(IDS)
    assert all(stop == start for (_, stop), (start, _) in pairwise(cuts))
    lengths = np.array([stop - start for start, stop in cuts[:-1]])
    assert lengths.min() >= 96
    assert lengths.max() <= 384
    assert 200 < lengths.mean() < 300
    assert list(cut(IDS, rows=256)) == cuts
    assert list(cut([], rows=256)) == []
    assert list(cut(["one"], rows=2)) == [(0, 1)]


@pytest.mark.parametrize("place", [0, 1000, 4999])
def test_a_new_row_moves_few_shards(place: int):
    before = {tuple(IDS[start:stop]) for start, stop in cut(IDS, rows=256)}
    changed = [*IDS[:place], "a new one", *IDS[place:]]
    after = {tuple(changed[start:stop]) for start, stop in cut(changed, rows=256)}
    assert 1 <= len(after - before) <= 3
