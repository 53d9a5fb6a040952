"""A tiny random checkpoint with its float32 bundle, made once."""

from pathlib import Path

import pytest

from aisle.layout import Layout
from aisle.manifest import Precision
from export.bundle import ExportResult, export_checkpoint
from export.checkpoint import Checkpoint, open_checkpoint
from export.random_checkpoint import random_checkpoint
from export.sample import ParitySample, drawn_sample


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of width 32, pictures of 32 pixels. Read only: copy it to change it."""
    return random_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-clip", size="tiny", seed=0)


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder: Path) -> Checkpoint:
    """The same, opened."""
    return open_checkpoint(str(checkpoint_folder))


@pytest.fixture(scope="session")
def sample() -> ParitySample:
    """Few pictures and texts, every odd kind among them."""
    return drawn_sample(32, seed=3)


@pytest.fixture(scope="session")
def float32(checkpoint_folder: Path, sample: ParitySample, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    """The checkpoint's float32 bundle in a workspace of its own."""
    return export_checkpoint(
        str(checkpoint_folder),
        layout=Layout(tmp_path_factory.mktemp("workspace")),
        precision=Precision.FLOAT32,
        sample=sample,
    )
