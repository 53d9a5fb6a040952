"""What catalogs of some sizes cost, from rates that were measured: time, memory, disk. See docs/operations.md.

python benchmarks/sizing.py --products 10000000 --dimension 512 --per-core 28 --cores 64
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from batch.index_plan import plan_index

SIZES = (10_000_000, 100_000_000, 1_000_000_000)

MEMORY = 192 * 1000**3
"""Of a serving machine: the fastest index that fits into it is taken."""

THUMBNAIL_BYTES = 5_720
"""Of the 8,000 product photos, on average."""

ROW_BYTES = 170
"""Id, title, text and seven attributes of those products in `products.arrow`."""

KEYS_BYTES = 320
"""Ids and content keys in a shard, and the tables of what is known."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, and where.

    Attributes:
        per_core: Products per core and second, picture and title, ViT-B/32 int8 (`benchmarks/embed.py`).
        per_gpu: Pictures per GPU and second: clip-retrieval's published figure for ViT-B/32 on an RTX 3080, not ours.
        cores: Of the cluster whose hours are shown.
        dimension: Of the model's vectors.
    """

    per_core: float = 28.0
    per_gpu: float = 1_500.0
    cores: int = 64
    dimension: int = 512


def row(products: int, rates: Rates) -> str:
    """One row of the table."""
    width = 2 * rates.dimension
    vectors = 2 * width
    embeddings = products * (vectors + THUMBNAIL_BYTES + KEYS_BYTES)
    index = plan_index(products, width=width, memory=MEMORY)
    release = products * (THUMBNAIL_BYTES + ROW_BYTES) + index.disk_bytes
    core_hours = products / rates.per_core / 3600
    cells = (
        f"{products:,}",
        f"{core_hours:,.0f}",
        f"{core_hours / rates.cores:,.1f} h",
        f"{products / rates.per_gpu / 3600:,.1f}",
        f"{embeddings / 1000**4:,.2f} TB",
        f"{release / 1000**4:,.2f} TB",
        f"{index.memory_bytes / 1000**3:,.0f} GB ({index.kind})",
    )
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the rows."""
    usual = Rates()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--per-core", type=float, default=usual.per_core)
    parser.add_argument("--per-gpu", type=float, default=usual.per_gpu)
    parser.add_argument("--cores", type=int, default=usual.cores)
    parser.add_argument("--dimension", type=int, default=usual.dimension)
    given = parser.parse_args(arguments)
    rates = Rates(per_core=given.per_core, per_gpu=given.per_gpu, cores=given.cores, dimension=given.dimension)
    for products in given.products:
        print(row(products, rates))


if __name__ == "__main__":
    main()
