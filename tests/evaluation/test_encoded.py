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
from evaluation.encoded import encode_catalog
from evaluation.titles import titles_to_pictures

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
    report = titles_to_pictures(encoded, encoder)
    assert (report.products, report.recall_at_1) == (3, 1.0)


def test_roles_must_name_pictures(catalog: str, tiny_model: Path) -> None:
    with pytest.raises(CatalogError, match="no column of pictures"):
        encode_catalog(open_source(catalog), Roles(id="id", title="title"), OnnxEncoder(tiny_model))
