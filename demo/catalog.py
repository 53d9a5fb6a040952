"""The embedded catalog as a Parquet file of any size, drawn by many processes and written as one."""

import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from demo.product import DemoProduct, drawn

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("category", pa.string()),
        ("article", pa.string()),
        ("colour", pa.string()),
        ("pattern", pa.string()),
        ("gender", pa.string()),
        ("season", pa.string()),
        ("usage", pa.string()),
        ("brand", pa.string()),
        ("price", pa.float64()),
        ("in_stock", pa.bool_()),
        ("tags", pa.list_(pa.string())),
        ("image", pa.binary()),
    ]
)
"""Columns of the catalog; their roles are in `catalog.toml` beside this file."""

ROW_GROUP = 500
"""Products in one row group of the Parquet file."""

_CHUNK = 50
_AHEAD = 3
_DICTIONARIES = ["category", "article", "colour", "pattern", "gender", "season", "usage", "brand"]


def draw_product(index: int, *, seed: int = 0) -> DemoProduct:
    """One product, the same however many others are drawn.

    Args:
        index: position in the catalog, from 0.
        seed: which catalog.

    Raises:
        ValueError: if `index` or `seed` is negative.
    """
    if index < 0:
        raise ValueError(f"index must be 0 or more, got {index}")
    _check_seed(seed)
    return drawn(index, seed=seed)


def draw_catalog(
    path: Path,
    *,
    products: int = 2000,
    seed: int = 0,
    processes: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw a catalog into one Parquet file, which appears only when it is complete.

    A larger catalog of the same seed begins with the smaller one. Memory does not grow with `products`.

    Args:
        path: the file to write; an older one is replaced. Its folder must exist.
        products: how many.
        seed: which catalog; different seeds share ids.
        processes: how many to draw with; by default one for each usable core. More than one starts Python
            afresh, so a script that calls this wants the `if __name__ == "__main__"` guard.
        progress: called with the number of products drawn so far, after every row group.

    Raises:
        ValueError: if `products` or `processes` is below 1, or `seed` is negative.
        FileNotFoundError: if the folder of `path` does not exist.
    """
    if products < 1:
        raise ValueError(f"products must be 1 or more, got {products}")
    if processes is not None and processes < 1:
        raise ValueError(f"processes must be 1 or more, got {processes}")
    _check_seed(seed)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it before drawing {path.name}")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, _row_groups(products, seed=seed, processes=processes), progress=progress)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)
        partial.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise
    _sync_folder(path.parent)


def _write(file: BinaryIO, groups: Iterator[list[DemoProduct]], *, progress: Callable[[int], None] | None) -> None:
    count = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=_DICTIONARIES) as writer:
        for group in groups:
            writer.write_table(_table(group), row_group_size=ROW_GROUP)
            count += len(group)
            if progress is not None:
                progress(count)


def _table(products: list[DemoProduct]) -> pa.Table:
    columns = [pa.array([getattr(product, field.name) for product in products], type=field.type) for field in SCHEMA]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _row_groups(products: int, *, seed: int, processes: int | None) -> Iterator[list[DemoProduct]]:
    spans = [(start, min(start + _CHUNK, products), seed) for start in range(0, products, _CHUNK)]
    workers = min(processes or _usable_cores(), len(spans))
    stream = iter(product for chunk in _chunks(spans, workers=workers) for product in chunk)
    while group := list(islice(stream, ROW_GROUP)):
        yield group


def _chunks(spans: list[tuple[int, int, int]], *, workers: int) -> Iterator[list[DemoProduct]]:
    if workers == 1:
        yield from map(_drawn_span, spans)
        return
    waiting: deque[Future[list[DemoProduct]]] = deque()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            for span in spans:
                waiting.append(pool.submit(_drawn_span, span))
                if len(waiting) > workers * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _drawn_span(span: tuple[int, int, int]) -> list[DemoProduct]:
    start, stop, seed = span
    return [drawn(index, seed=seed) for index in range(start, stop)]


def _usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
