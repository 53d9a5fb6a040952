"""SIGKILL at any moment, to the driver or to a worker: the next run ends where an undisturbed one does."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from aisle.current import read_current
from aisle.layout import INDEX, PRODUCTS, REJECTS, THUMBNAILS, Layout
from aisle.manifest import load_release_manifest
from aisle.preprocess import decode_for, load_preprocess, prepare_image
from aisle.store import content_key, read_shard_keys
from tests.batch.catalogs import good_rows, write_catalog

ROOT = Path(__file__).parents[2]
ROWS = 90
LARGEST_SHARD = 24
PATIENCE = 120.0

# Moments as the number of lines in the log: a picture or a stage each. The last stages follow the last picture.
_random = np.random.default_rng(7)
DRIVER_MOMENTS = [*sorted(_random.integers(2, ROWS, size=3).tolist()), ROWS + 3, ROWS + 5]
WORKER_MOMENTS = sorted(_random.integers(5, ROWS, size=2).tolist())


@dataclass(frozen=True)
class Shop:
    """A catalog, a place for a workspace, and what an undisturbed run makes."""

    catalog: str
    model: Path
    expected: dict[str, bytes]
    pictures: dict[str, str]  # content key of each picture: the name it has in the log

    def start(self, root: Path, log: Path, *, workers: int = 2) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, ROOT / "tests/batch/logged_run.py", self.catalog, root, self.model, str(workers)],
            env=os.environ | {"RUN_LOG": str(log), "PYTHONPATH": str(ROOT)},
        )

    def finish(self, root: Path, log: Path) -> None:
        assert self.start(root, log).wait(timeout=PATIENCE) == 0


def contents(root: Path) -> dict[str, bytes]:
    layout = Layout(root=root)
    release = read_current(layout)
    assert release is not None
    load_release_manifest(layout.release(release))
    return {name: (layout.release(release) / name).read_bytes() for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS)}


def lines(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def pictures(log: Path) -> Counter[str]:
    """How often each picture was encoded."""
    return Counter(words[1] for words in lines(log) if words[0] == "picture")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    rows = good_rows(ROWS)
    catalog = write_catalog(folder / "catalog.parquet", rows)
    preprocess = load_preprocess(tiny_model / "preprocess.json")
    from hashlib import sha256

    names = {
        content_key(r["image"]): sha256(
            prepare_image(decode_for(r["image"], preprocess), preprocess).tobytes()
        ).hexdigest()
        for r in rows
    }
    assert len(set(names.values())) == ROWS
    made = Shop(catalog=catalog, model=tiny_model, expected={}, pictures=names)
    made.finish(folder / "undisturbed", folder / "log")
    assert set(pictures(folder / "log").values()) == {1}
    assert [words[1] for words in lines(folder / "log") if words[0] == "stage"] == [
        "plan", "embed", "build", "evaluate", "publish"
    ]  # fmt: skip
    made.expected.update(contents(folder / "undisturbed"))
    return made


def committed(shop: Shop, root: Path) -> set[str]:
    """Pictures in whole shards, as the log names them."""
    shards = Layout(root=root).embeddings(shop.model.name).glob("[!.]*.arrow")
    return {shop.pictures[key] for path in shards for key in read_shard_keys(path).image_keys}


def wait_for(log: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(lines(log)) < count and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("moment", DRIVER_MOMENTS)
def test_a_killed_driver(shop: Shop, tmp_path: Path, moment: int):
    root, log, after = tmp_path / "workspace", tmp_path / "before", tmp_path / "after"
    process = shop.start(root, log)
    wait_for(log, moment, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before its moment came"
    time.sleep(0.3)  # its workers follow it when they notice
    assert read_current(Layout(root=root)) is None
    done = committed(shop, root)

    shop.finish(root, after)
    assert contents(root) == shop.expected
    assert not done & set(pictures(after)), "a picture of a committed shard was encoded again"
    assert set(pictures(log)) | set(pictures(after)) == set(shop.pictures.values())
    twice = pictures(log) & pictures(after)
    assert twice.total() <= 2 * LARGEST_SHARD, "more than the two shards in flight"
    assert set((pictures(log) + pictures(after)).values()) <= {1, 2}
    assert not list(Layout(root=root).releases.glob(".*"))


@pytest.mark.parametrize("moment", WORKER_MOMENTS)
def test_a_killed_worker(shop: Shop, tmp_path: Path, moment: int):
    """The run goes on by itself."""
    root, log = tmp_path / "workspace", tmp_path / "log"
    process = shop.start(root, log)
    wait_for(log, moment, process)
    worker = next(int(words[-1]) for words in reversed(lines(log)) if words[0] == "picture")
    assert worker != process.pid
    os.kill(worker, signal.SIGKILL)
    assert process.wait(timeout=PATIENCE) == 0
    assert contents(root) == shop.expected
    # The pool goes down with it: what was in its two workers is done again, and no more.
    assert sum(times - 1 for times in pictures(log).values()) <= 2 * LARGEST_SHARD


def test_killed_again_and_again(shop: Shop, tmp_path: Path):
    root = tmp_path / "workspace"
    for attempt in range(3):
        log = tmp_path / f"{attempt}"
        process = shop.start(root, log, workers=1)
        wait_for(log, 12, process)
        process.kill()
        process.wait()
    shop.finish(root, tmp_path / "last")
    assert contents(root) == shop.expected
    total = sum((pictures(tmp_path / name) for name in ("0", "1", "2", "last")), Counter())
    assert total.total() <= ROWS + 3 * LARGEST_SHARD
