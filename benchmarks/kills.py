"""`kill -9` at random moments of `aisle reindex` on Ray: does the next run end where an undisturbed one does?

    python benchmarks/kills.py --catalog photos.parquet --json kills.json

Each trial starts the command in a fresh workspace and kills after a random number of committed shards and a random
part of half a second: the driver, a worker that is at work, Ray's cluster (raylet, GCS, workers), or cluster and
driver. The command then runs again until it ends well. Two things are checked: index, products, thumbnails and rejects
are those of the undisturbed run to the byte, and no picture of a committed shard is encoded again. Every picture of the
catalog is another one, so that the counts are exact. The model is a small float32 one with random weights unless one
is given: int8 graphs with dynamic scales differ in the last bits by what a batch holds (ADR 006).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from report import print_bar, print_table, write_json

from aisle.current import read_current
from aisle.layout import INDEX, PRODUCTS, REJECTS, REPORT, THUMBNAILS, Layout
from aisle.manifest import Precision
from aisle.store import read_shard_keys
from batch.known import Half, good_rows
from batch.known_rows import is_shard_file

RESULTS = (INDEX, PRODUCTS, THUMBNAILS, REJECTS)
TARGETS = ("driver", "worker", "cluster", "all")
PATIENCE = 300.0
ATTEMPTS = 6
"""Runs after the killed one before a trial counts as lost."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What every run of `aisle reindex` is given."""

    catalog: Path
    model: Path
    workers: int

    def start(self, root: Path) -> "subprocess.Popen[bytes]":
        """The command, as the leader of a session of its own."""
        words = [sys.executable, "-m", "cli", "reindex", "--catalog", self.catalog, "--workspace", root]
        words += ["--model", self.model, "--workers", str(self.workers), "--provider", "cpu", "--wait", "60"]
        log = root.with_suffix(".log").open("ab")
        return subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)

    def committed(self, root: Path) -> set[str]:
        """Pictures with a vector in a committed shard."""
        folder = Layout(root=root).embeddings(self.model.name)
        shards = [path for path in folder.glob("*.arrow") if is_shard_file(path)]
        return {key for path in shards for _, key in good_rows(read_shard_keys(path), Half.IMAGE)}

    def shards(self, root: Path) -> int:
        """Shards that are committed."""
        return sum(map(is_shard_file, Layout(root=root).embeddings(self.model.name).glob("*.arrow")))


@dataclass(frozen=True, slots=True)
class Trial:
    """One kill and what came after it."""

    target: str
    moment: str
    shards: int
    by_itself: bool
    equal: bool
    again: int


def main() -> None:
    """Kill and report."""
    arguments = _arguments()
    generator = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="aisle-kills-") as name:
        work = Path(name)
        catalog = work / "catalog.parquet"
        pq.write_table(_distinct(pq.read_table(arguments.catalog)).slice(0, arguments.images), catalog)
        shop = Shop(catalog=catalog, model=arguments.model or small_model(work), workers=arguments.workers)
        root = work / "undisturbed"
        if shop.start(root).wait(PATIENCE):
            raise SystemExit(root.with_suffix(".log").read_text())
        expected, pictures, shards = _results(root), shop.committed(root), shop.shards(root)
        print(f"{len(pictures)} pictures in {shards} shards; {_encoded(root)} encoded, undisturbed", flush=True)
        trials: list[Trial] = []
        tried = 0
        while len(trials) < arguments.kills:
            target = TARGETS[len(trials) % len(TARGETS)]
            after, pause = generator.randint(0, shards if target != "worker" else shards - 3), generator.uniform(0, 0.5)
            trial = _trial(shop, work / f"trial-{tried}", target, after, pause, expected, pictures)
            tried += 1
            if trial is None:
                print(f"{target} after {after} shards and {pause:.2f} s: too late, drawn again", flush=True)
                continue
            trials.append(trial)
            print(trial, flush=True)
    _report(trials, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True, help="Parquet file with photos in it")
    parser.add_argument("--images", type=int, default=2000, help="rows of it (default: 2000)")
    parser.add_argument("--kills", type=int, default=10, help="(default: 10)")
    parser.add_argument("--seed", type=int, default=7, help="of the moments (default: 7)")
    parser.add_argument("--workers", type=int, default=2, help="(default: 2)")
    parser.add_argument("--model", type=Path, help="folder of a bundle; default: a small random one, exported now")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def small_model(work: Path) -> Path:
    """A random float32 bundle of 32-pixel pictures."""
    from export.bundle import export_checkpoint
    from export.random_checkpoint import random_checkpoint

    checkpoint = random_checkpoint(work / "checkpoint", size="tiny", seed=0)
    return export_checkpoint(str(checkpoint), layout=Layout(root=work), precision=Precision.FLOAT32).folder


def _distinct(table: pa.Table) -> pa.Table:
    """The rows whose picture no earlier row has."""
    pictures = [value["bytes"] if isinstance(value, dict) else value for value in table.column("image").to_pylist()]
    first = {picture: row for row, picture in reversed(list(enumerate(pictures)))}
    return table.take(sorted(first.values()))


def _trial(
    shop: Shop, root: Path, target: str, after: int, pause: float, expected: dict[str, bytes], pictures: set[str]
) -> Trial | None:
    """Kill and go on; None when the run was over before its moment came."""
    process = shop.start(root)
    while process.poll() is None and not (Layout(root=root).lock.exists() and shop.shards(root) >= after):
        time.sleep(0.002)
    time.sleep(pause)
    if process.poll() is not None or not _kill(process, target):
        process.wait(PATIENCE)
        return None
    by_itself = process.wait(PATIENCE) == 0
    _end(process)
    committed, shards = shop.committed(root), shop.shards(root)
    if by_itself:
        again = max(0, _encoded(root) - len(pictures))
    else:
        for _ in range(ATTEMPTS):
            if shop.start(root).wait(PATIENCE) == 0:
                break
        again = max(0, _encoded(root) - len(pictures - committed))
    moment = f"{after} shards + {pause:.2f} s"
    equal = _results(root) == expected
    return Trial(target=target, moment=moment, shards=shards, by_itself=by_itself, equal=equal, again=again)


def _kill(process: "subprocess.Popen[bytes]", target: str) -> bool:
    """Kill; whether there was anything to kill."""
    victims = [process] if target in {"driver", "all"} else []
    family = list(_family(process))
    if target == "worker":
        victims += [one for one in family if one.cmdline()[:1] and one.cmdline()[0].startswith("ray::_call")][:1]
    elif target != "driver":
        victims += family
    for victim in victims:
        victim.kill()
    return bool(victims)


def _family(process: "subprocess.Popen[bytes]") -> Iterator[psutil.Process]:
    """What the driver started, and what that started, but not what is over."""
    try:
        for one in psutil.Process(process.pid).children(recursive=True):
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                yield one
    except psutil.NoSuchProcess:
        return


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait until nothing of the run lives: what Ray's helpers leave behind ends by itself."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(_session(one) == process.pid for one in psutil.process_iter()):
        time.sleep(0.1)


def _session(process: psutil.Process) -> int:
    try:
        return -1 if process.status() == psutil.STATUS_ZOMBIE else os.getsid(process.pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return -1


def _results(root: Path) -> dict[str, bytes]:
    folder = _live(root)
    return {name: (folder / name).read_bytes() for name in RESULTS} if folder else {}


def _encoded(root: Path) -> int:
    folder = _live(root)
    return int(json.loads((folder / REPORT).read_text())["images"]["embedded"]) if folder else 0


def _live(root: Path) -> Path | None:
    release = read_current(Layout(root=root))
    return Layout(root=root).release(release) if release else None


def _report(trials: list[Trial], path: Path | None) -> None:
    rows = [
        {
            "killed": trial.target,
            "after": trial.moment,
            "shards kept": trial.shards,
            "went on": "by itself" if trial.by_itself else "next run",
            "equal": "yes" if trial.equal else "NO",
            "committed pictures encoded again": trial.again,
        }
        for trial in trials
    ]
    print_table("kill -9 at random moments", rows)
    print_bar("trials that end in the undisturbed release", sum(t.equal for t in trials), at_least=len(trials))
    print_bar("committed pictures encoded again", sum(t.again for t in trials), at_most=0)
    if path is not None:
        write_json(path, {"trials": rows})


if __name__ == "__main__":
    main()
