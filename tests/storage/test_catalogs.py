"""Catalogs and pictures on S3."""

import io
import json
from pathlib import Path

import obstore
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from aisle.errors import CatalogError, ImageFault, InvalidImage
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS
from aisle.sources import open_source
from aisle.stamps import stamp
from batch.known import NOTHING
from batch.picture_files import find_files
from batch.plan import guess_roles, plan_catalog
from tests.batch.catalogs import good_rows, picture, write_catalog
from tests.storage.conftest import client


@pytest.fixture
def shop(bucket: str, tmp_path: Path) -> str:
    """Eight products as Parquet, as JSON lines and CSV with addresses, and as a folder of pictures."""
    store = client(bucket)
    rows = good_rows(8)
    write_catalog(tmp_path / "all.parquet", rows)
    obstore.put(store, "parquet/all.parquet", tmp_path / "all.parquet")
    for number, row in enumerate(rows):
        obstore.put(store, f"pictures/{number}.jpg", row["image"])
        row["image"] = f"{bucket}/pictures/{number}.jpg"
    obstore.put(store, "lines/all.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    table = pq.read_table(tmp_path / "all.parquet").drop_columns(["image"])
    table = table.append_column("image", [[row["image"] for row in rows]])
    stream = io.BytesIO()
    pyarrow.csv.write_csv(table, stream)
    obstore.put(store, "lines/all.csv", stream.getvalue())
    return bucket


@pytest.mark.parametrize("place", ["parquet", "parquet/all.parquet", "lines/all.jsonl", "lines/all.csv", "pictures"])
def test_a_catalog_on_s3_is_read_with_its_pictures(shop: str, place: str):
    source = open_source(f"{shop}/{place}")
    plan = plan_catalog(source, roles=guess_roles(source))
    assert len(plan.rows) == 8
    files = find_files(plan.pictures(0, 8), plan.rows, known=NOTHING, read_all=False, per_host=4)
    formats = ("JPEG", "PNG", "WEBP", "GIF")
    assert [file.data for file in files] == [picture(number, format=formats[number % 4]) for number in range(8)]
    assert all(file.key and not file.fault for file in files)


def test_the_state_of_a_picture_on_s3_is_its_etag(shop: str):
    place = f"{shop}/pictures/0.jpg"
    first = stamp(place)
    assert first is not None
    assert stamp(place) == first
    obstore.put(client(shop), "pictures/0.jpg", picture(99))
    assert stamp(place) not in {first, None}


def test_what_is_not_there_is_not_found(shop: str):
    with pytest.raises(InvalidImage) as raised:
        fetch_image(f"{shop}/pictures/none.jpg", folder=".", limits=DEFAULT_LIMITS)
    assert raised.value.fault is ImageFault.NOT_FOUND
    with pytest.raises(CatalogError, match="does not exist"):
        open_source(f"{shop}/none.parquet")
