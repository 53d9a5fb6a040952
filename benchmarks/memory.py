"""Peak memory of `aisle reindex` by the catalog's size: the driver's and its largest worker's, small catalog and large.

    python benchmarks/memory.py --rows 8000 80000 --json memory.json

Draws a catalog of pictures that are all different (48 pixels of noise; decoding and encoding are real, and small),
runs the command on each size in a fresh workspace, and reads peak resident memory (`VmHWM`) of every process from /proc
while it runs. What grows with the rows is told: bytes of the driver for each further one.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
import threading
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
            rows.append({"rows": count, "driver MiB": driver / MIB, "largest worker MiB": worker / MIB})
            print(rows[-1], flush=True)
    print_table("Peak resident memory", rows)
    least, most = rows[0], rows[-1]
    for who in ("driver", "largest worker"):
        ratio = float(most[f"{who} MiB"]) / float(least[f"{who} MiB"])
        print_bar(f"{who}: {most['rows']:,} rows to {least['rows']:,}", ratio, at_most=1.25)
    growth = (float(most["driver MiB"]) - float(least["driver MiB"])) * MIB / (int(most["rows"]) - int(least["rows"]))
    print(f"driver: {growth:,.0f} bytes for each further row")
    if arguments.json is not None:
        write_json(arguments.json, {"sizes": rows, "driver_bytes_per_row": growth})


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


def peaks(catalog: Path, workspace: Path, model: Path, executor: str) -> tuple[int, int]:
    """Peak bytes of the driver and of its largest worker."""
    words = [sys.executable, "-m", "cli", "reindex", "--catalog", catalog, "--workspace", workspace, "--model", model]
    words += ["--workers", "2", "--provider", "cpu", "--executor", executor]
    with workspace.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    found: dict[int, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            for pid in [process.pid, *_workers(process.pid)]:
                found[pid] = max(found.get(pid, 0), _peak(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    over.set()
    watcher.join()
    if code:
        raise SystemExit(workspace.with_suffix(".log").read_text())
    return found.pop(process.pid), max(found.values(), default=0)


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


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024 * int(peak[1]) if peak else 0


if __name__ == "__main__":
    main()
