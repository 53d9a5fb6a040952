"""Peak memory of `aisle reindex` by the catalog's size: the driver's and its largest worker's, small catalog and large.

    python benchmarks/memory.py --rows 8000 80000 --json memory.json

Draws a catalog of pictures that are all different (48 pixels of noise; decoding and encoding are real, and small),
runs the command on each size in a fresh workspace, and reads peak resident memory (`VmHWM`) of every process from /proc
while it runs. That counts pages of mapped files (shards, tables), which the kernel takes back when it wants to; so what
is the process's own (`RssAnon`, looked at ten times a second) is told beside it, of the driver also up to the end of
the embed stage, and what each further row takes.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from kills import small_model
from PIL import Image
from report import print_bar, print_table, write_json

MIB = 1024 * 1024
GROUP = 2000

EMBEDDED = b"embed: done"
"""What the command says at the end of that stage."""


def main() -> None:
    """Run each size and compare."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="aisle-memory-") as name:
        work = Path(name)
        model = arguments.model or small_model(work)
        rows = []
        for count in sorted(arguments.rows):
            catalog = work / f"{count}.parquet"
            draw(catalog, count)
            driver, worker = peaks(catalog, work / f"shop-{count}", model, arguments.executor)
            rows.append(
                {
                    "rows": count,
                    "driver MiB": driver.all / MIB,
                    "driver's own MiB": driver.own / MIB,
                    "driver's own while embedding MiB": driver.embedding / MIB,
                    "largest worker MiB": worker.all / MIB,
                    "its own MiB": worker.own / MIB,
                }
            )
            print(rows[-1], flush=True)
    print_table("Peak resident memory", rows)
    least, most = rows[0], rows[-1]
    for who in ("driver", "driver's own", "driver's own while embedding", "largest worker", "its own"):
        ratio = float(most[f"{who} MiB"]) / float(least[f"{who} MiB"])
        print_bar(f"{who}: {most['rows']:,} rows to {least['rows']:,}", ratio, at_most=1.25)
    growth = {
        name: (float(most[f"{name} MiB"]) - float(least[f"{name} MiB"]))
        * MIB
        / (int(most["rows"]) - int(least["rows"]))
        for name in ("driver", "driver's own", "driver's own while embedding")
    }
    for name, found in growth.items():
        print(f"{name}: {found:,.0f} bytes for each further row")
    if arguments.json is not None:
        write_json(arguments.json, {"sizes": rows, "bytes_per_row": growth})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[8_000, 80_000], help="(default: 8000 80000)")
    parser.add_argument("--executor", choices=("ray", "local"), default="ray", help="(default: ray)")
    parser.add_argument("--model", type=Path, help="folder of a bundle; default: a small random one, exported now")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def draw(path: Path, rows: int) -> None:
    """A catalog of that many products, written a row group at a time."""
    generator = np.random.default_rng(0)
    schema = pa.schema([("id", pa.string()), ("title", pa.string()), ("price", pa.float64()), ("image", pa.binary())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, GROUP):
            numbers = range(start, min(start + GROUP, rows))
            pictures = [_picture(generator) for _ in numbers]
            columns = [
                [f"p{n}" for n in numbers],
                [f"product number {n}" for n in numbers],
                [float(n) for n in numbers],
            ]
            writer.write_table(pa.table([*columns, pictures], schema=schema))


def _picture(generator: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(generator.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Peak:
    """Most bytes of a process: with mapped files, without, and without up to the end of the embed stage."""

    all: int = 0
    own: int = 0
    embedding: int = 0


def peaks(catalog: Path, workspace: Path, model: Path, executor: str) -> tuple[Peak, Peak]:
    """Of the driver, and of its largest worker."""
    words = [sys.executable, "-m", "cli", "reindex", "--catalog", catalog, "--workspace", workspace, "--model", model]
    words += ["--workers", "2", "--provider", "cpu", "--executor", executor]
    said = workspace.with_suffix(".log")
    with said.open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    found: dict[int, Peak] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            for pid in [process.pid, *_workers(process.pid)]:
                before, now = found.get(pid, Peak()), _peak(pid)
                embedding = now.own if pid == process.pid and EMBEDDED not in said.read_bytes() else 0
                found[pid] = Peak(
                    all=max(before.all, now.all),
                    own=max(before.own, now.own),
                    embedding=max(before.embedding, embedding),
                )

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    over.set()
    watcher.join()
    if code:
        raise SystemExit(said.read_text())
    return found.pop(process.pid), max(found.values(), key=lambda peak: peak.all, default=Peak())


def _workers(driver: int) -> list[int]:
    """Processes that run our tasks: Ray's, by the name it gives them, or a pool's."""
    try:
        children = psutil.Process(driver).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    workers = []
    for child in children:
        try:
            words = child.cmdline()
        except psutil.NoSuchProcess:
            continue
        if words and (words[0].startswith("ray::") or "spawn_main" in " ".join(words)):
            workers.append(child.pid)
    return workers


def _peak(pid: int) -> Peak:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Peak()
    peak, own = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmHWM", "RssAnon"))
    return Peak(all=1024 * int(peak[1]) if peak else 0, own=1024 * int(own[1]) if own else 0)


if __name__ == "__main__":
    main()
