"""`aisle import` on the command line."""

from pathlib import Path

import numpy as np
import pytest

from aisle.manifest import load_model_manifest
from tests.batch.catalogs import good_rows, write_catalog
from tests.cli.conftest import Run

COUNT = 40


@pytest.fixture
def words(tmp_path: Path, tiny_model: Path) -> list[object]:
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(COUNT))
    vectors = np.random.default_rng(0).normal(size=(COUNT, load_model_manifest(tiny_model).dimension))
    np.save(tmp_path / "vectors.npy", vectors)
    given = ["--vectors", tmp_path / "vectors.npy", "--catalog", catalog, "--workspace", tmp_path / "shop"]
    return ["import", *given, "--model", tiny_model, "--executor", "local", "--workers", 1]


def test_a_release_of_given_vectors(run: Run, words: list[object], tmp_path: Path):
    code, printed, said = run(*words, "--normalise")
    assert code == 0, said
    assert "products   40" in printed
    assert "0 encoded" in printed
    assert (tmp_path / "shop" / "CURRENT").exists()


def test_what_is_wrong_is_said_in_a_line(run: Run, words: list[object], tmp_path: Path):
    code, _, said = run(*words)
    assert code == 65
    assert "error: the vector of 'p0'" in said
    assert "--normalise" in said
    code, _, said = run(*words, "--half", "front")
    assert code == 2
    assert "'front' is not one of image, text, both" in " ".join(said.replace("│", " ").split())
    assert not (tmp_path / "shop" / "CURRENT").exists()
