"""A catalog through a bundle: pictures, texts, and rows that lack one."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.catalog import Roles
from aisle.encoder import OnnxEncoder
from aisle.errors import CatalogError
from aisle.manifest import AttributeType
from aisle.sources import open_source
from evaluation.encoded import encode_catalog, read_products
from evaluation.titles import pair_titles, titles_to_pictures

ROLES = Roles(id="id", image="image", title="title", attributes={"colour": AttributeType.CATEGORY})
COLOURS = {"red": "red", "green": "lime", "blue": "blue"}


def _png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    rows = [
        {"id": str(number), "title": f"{name} shirt", "colour": name, "image": _png(css)}
        for number, (name, css) in enumerate(COLOURS.items())
    ]
    rows += [
        {"id": "broken", "title": "white bag", "colour": "white", "image": b"\xff\xd8\xff broken"},
        {"id": "bare", "title": None, "colour": "black", "image": None},
    ]
    path = tmp_path / "catalog.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def test_pictures_and_texts_become_unit_vectors(catalog: str, tiny_model: Path) -> None:
    encoder = OnnxEncoder(tiny_model)
    encoded = encode_catalog(open_source(catalog), ROLES, encoder)
    assert [product.id for product in encoded.products] == ["0", "1", "2", "broken", "bare"]
    assert encoded.pictured.tolist() == [True, True, True, False, False]
    np.testing.assert_allclose(np.linalg.norm(encoded.images, axis=1), [1, 1, 1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(encoded.texts, axis=1), [1, 1, 1, 1, 0], atol=1e-5)
    np.testing.assert_allclose(encoded.texts[:1], encoder.encode_texts(["red shirt"]), atol=1e-6)
    report = titles_to_pictures(pair_titles(encoded, encoder))
    assert report is not None
    assert (report.products, report.recall_at_1) == (3, 1.0)


def test_some_rows_are_encoded_as_all_are(catalog: str, tiny_model: Path) -> None:
    encoder = OnnxEncoder(tiny_model)
    source = open_source(catalog)
    done: list[int] = []
    every = encode_catalog(source, ROLES, encoder)
    part = encode_catalog(source, ROLES, encoder, rows=np.array([1, 3, 4]), with_texts=False, progress=done.append)
    assert [product.id for product in part.products] == ["1", "broken", "bare"]
    assert part.rows.tolist() == [1, 3, 4]
    np.testing.assert_array_equal(part.images, every.images[[1, 3, 4]])
    assert not part.texts.any()
    assert done == [3]


def test_rows_far_apart_keep_their_own_pictures(tmp_path: Path, tiny_model: Path) -> None:
    """Pictures are read in blocks of rows and encoded in batches: neither may shift one to another product."""
    names = list(COLOURS)
    rows = [{"id": str(n), "title": "bag", "colour": "", "image": _png(COLOURS[names[n % 3]])} for n in range(700)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "many.parquet", row_group_size=90)
    wanted = np.array([0, 1, *range(250, 330), 511, 512, 699])
    encoder = OnnxEncoder(tiny_model)
    part = encode_catalog(open_source(str(tmp_path / "many.parquet")), ROLES, encoder, rows=wanted, with_texts=False)
    assert part.pictured.all()
    said = encoder.encode_texts([names[row % 3] for row in wanted])
    assert (part.images * said).sum(axis=1).min() > 0.9


def test_rows_that_are_no_products_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "price": "1"},
        {"id": None, "price": "2"},
        {"id": "b", "price": "cheap"},
        {"id": "a", "price": "3"},
        {"id": "c", "price": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet", row_group_size=2)
    roles = Roles(id="id", title="id", attributes={"price": AttributeType.NUMBER})
    found = read_products(open_source(str(tmp_path / "rows.parquet")), roles)
    assert [product.id for product in found.products] == ["a", "c"]
    assert found.rows.tolist() == [0, 4]
    assert found.left_out == 3
    assert read_products(open_source(str(tmp_path / "rows.parquet")), roles, rows=np.array([3, 4])).left_out == 0


def test_a_catalog_without_products_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    pq.write_table(pa.Table.from_pylist([{"id": None, "image": b"x", "title": "bag"}]), tmp_path / "rows.parquet")
    roles = Roles(id="id", image="image", title="title")
    with pytest.raises(CatalogError, match="no row of the catalog is a product"):
        encode_catalog(open_source(str(tmp_path / "rows.parquet")), roles, OnnxEncoder(tiny_model))


def test_roles_must_name_pictures(catalog: str, tiny_model: Path) -> None:
    with pytest.raises(CatalogError, match="no column of pictures"):
        encode_catalog(open_source(catalog), Roles(id="id", title="title"), OnnxEncoder(tiny_model))
