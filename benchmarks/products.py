"""A large release's tables: how long they take to open, and to read a page of random products from.

    python benchmarks/products.py --products 1000000

Rows are written as `aisle reindex` writes them. Reading is measured through `Products`, as serving reads, just after
the files were written, so from the page cache.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from report import print_table

from aisle.layout import PRODUCTS, THUMBNAILS
from aisle.manifest import AttributeType
from aisle.products import THUMBNAILS_SCHEMA, Products, products_schema, write_table

ATTRIBUTES = {"colour": AttributeType.CATEGORY, "price": AttributeType.NUMBER, "tags": AttributeType.LIST}
ROWS = 100


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=1_000_000)
    count = parser.parse_args().products
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        folder = Path(name)
        write(folder, count)
        opened = timed(lambda: pa.ipc.open_file(pa.memory_map(str(folder / PRODUCTS))).read_all())
        release = timed(lambda: Products(folder, ATTRIBUTES))
        products = Products(folder, ATTRIBUTES)
        rows = [timed(lambda some=some: products.take(some)) for some in rng.integers(0, count, (50, ROWS)).tolist()]
        ids = products.ids
        found = [
            timed(lambda some=some: [products.row(ids[row]) for row in some])
            for some in rng.integers(0, count, (50, ROWS)).tolist()
        ]
    table = [
        {"what": "products.arrow opened", "ms": 1000 * opened},
        {"what": "both tables opened, ids ready to be looked up", "ms": 1000 * release},
        {"what": f"{ROWS} random products, median", "ms": 1000 * statistics.median(rows)},
        {"what": f"{ROWS} random products, worst of 50", "ms": 1000 * max(rows)},
        {"what": f"{ROWS} ids looked up, median", "ms": 1000 * statistics.median(found)},
    ]
    print_table(f"{count:,} products", table)


def write(folder: Path, count: int) -> None:
    """Write both tables."""
    numbers = np.arange(count)
    columns = {
        "id": [f"sku-{number:09}" for number in numbers],
        "title": [f"Navy blue striped shirt number {number}" for number in numbers],
        "text": [
            f"Navy blue striped shirt number {number}, cotton, for summer days and for winter ones"
            for number in numbers
        ],
        "attribute.colour": pa.array(["navy", "red", "green", None] * (count // 4 + 1))[:count],
        "attribute.price": numbers / 100,
        "attribute.tags": pa.array([["new", "sale"], [], None, ["eco"]] * (count // 4 + 1))[:count],
    }
    table = pa.table(columns, schema=products_schema(ATTRIBUTES))
    write_table([table], table.schema, folder / PRODUCTS)
    thumbnails = pa.table({"thumbnail": [b"a small picture"] * count}, schema=THUMBNAILS_SCHEMA)
    write_table([thumbnails], THUMBNAILS_SCHEMA, folder / THUMBNAILS)


def timed(work: Callable[[], object]) -> float:
    """Seconds it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
