"""One small drawn catalog for the whole folder: drawing is the slow part."""

from pathlib import Path

import pytest

from demo.catalog import draw_catalog

PRODUCTS = 100


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "catalog.parquet"
    draw_catalog(path, products=PRODUCTS, processes=1)
    return path
