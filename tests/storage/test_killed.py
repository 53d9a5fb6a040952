"""`kill -9` of a driver whose workspace is on a store: the next run, on another machine, ends as an undisturbed one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aisle.current import read_current
from aisle.layout import INDEX, PRODUCTS, REJECTS, SHARDS, THUMBNAILS, Layout
from aisle.mirror import files_below, pull_all
from aisle.store import read_shard_keys
from batch.known_rows import is_shard_file
from tests.batch.catalogs import good_rows, write_catalog
from tests.storage.conftest import Run, names

ROOT = Path(__file__).parents[2]
ROWS = 60
LARGEST_SHARD = 24
PATIENCE = 120.0


def committed(layout: Layout, fingerprint: str) -> set[str]:
    """Pictures in the shards that the store has, seen from a machine that has nothing yet."""
    found = files_below(layout, layout.embeddings(fingerprint))
    shards = [one.path for one in found if one.path.suffix == ".arrow" and is_shard_file(one.path)]
    pull_all(layout, shards)
    return {key for path in shards for key in read_shard_keys(path).image_keys}


@pytest.mark.parametrize("moment", ["picture", f"/{PRODUCTS}", "put CURRENT"])
def test_a_killed_driver(
    run: Run, layout: Layout, elsewhere: Layout, bucket: str, tiny_model: Path, tmp_path: Path, moment: str
):
    """In the middle of embedding; of copying the release; and when all is there but `CURRENT`."""
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(ROWS))
    expected = run(catalog, layout=Layout(root=tmp_path / "undisturbed"))
    log = tmp_path / "log"
    log.touch()
    times = ROWS // 2 if moment == "picture" else 1
    environment = {"RUN_LOG": str(log), "PYTHONPATH": str(ROOT), "SHARD_ROWS": "8"}
    environment |= {"RUN_STOPS_AT": moment, "RUN_STOPS_AFTER": str(times)}
    process = subprocess.Popen(
        [sys.executable, ROOT / "tests/batch/logged_run.py", catalog, f"{bucket}/workspace", tiny_model, "1"],
        env=os.environ | environment,
    )
    deadline = time.monotonic() + PATIENCE
    while log.read_text().count(moment) < times:
        assert process.poll() is None, "it ended before its moment came"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert read_current(elsewhere) is None
    done = committed(elsewhere, tiny_model.name)
    assert ROWS // 2 - LARGEST_SHARD <= len(done) <= ROWS

    again = run(catalog, layout=elsewhere)
    assert again.embedded_images == ROWS - len(done), "a picture of a committed shard was encoded again"
    assert read_current(layout) == again.release_id
    for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS, SHARDS):
        assert (again.folder / name).read_bytes() == (expected.folder / name).read_bytes()
    there = {name.split("/")[2] for name in names(bucket) if name.startswith("workspace/releases/")}
    assert there - {again.release_id} == (whole_release(log) if moment == "put CURRENT" else set())


def whole_release(log: Path) -> set[str]:
    """The release that was whole when the run was killed: not live, and no reason to delete it."""
    lines = [line.split() for line in log.read_text().splitlines()]
    return {words[1].split("/")[1] for words in lines if words[0] == "upload" and words[1].startswith("releases/")}
