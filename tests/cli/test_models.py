"""What `--model` leads to."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.layout import Layout
from cli.models import resolve_model
from export.random_checkpoint import random_checkpoint
from tests.cli.test_commands import COLOURS, picture


def _catalog(path: Path, *, products: int) -> Path:
    names = list(COLOURS)[:products]
    rows = {"id": names, "title": [f"{name} shirt" for name in names], "image": [picture(COLOURS[n]) for n in names]}
    pq.write_table(pa.table(rows), path)
    return path


def test_a_checkpoint_is_exported_once_whatever_becomes_of_the_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = random_checkpoint(tmp_path / "tiny", seed=0)
    layout = Layout(tmp_path / "shop")
    monday = _catalog(tmp_path / "monday.parquet", products=2)
    tuesday = _catalog(tmp_path / "tuesday.parquet", products=4)
    folder = resolve_model(str(checkpoint), layout=layout, catalog=str(monday))

    def written(*_: object, **__: object) -> None:
        raise AssertionError("graphs are written again")

    monkeypatch.setattr("export.bundle.write_graphs", written)
    assert resolve_model(str(checkpoint), layout=layout, catalog=str(tuesday)) == folder
