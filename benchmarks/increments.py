"""What a change of the catalog costs `aisle reindex`, counted in pictures and texts that are encoded.

    python benchmarks/increments.py --catalog photos.parquet --json increments.json

Runs one catalog through a sequence of changes in one workspace and counts from each run's summary. In the end the
release is compared with one that is built anew from the last catalog: ids must be equal, and vectors too (to the bit
for a float32 model; an int8 graph with dynamic scales varies with what a batch holds, and the difference is shown).
The model is a small float32 one with random weights unless one is given: counts do not depend on it.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from kills import small_model
from PIL import Image
from report import print_bar, print_table, write_json

from aisle.catalog import Roles
from aisle.layout import INDEX, PRODUCTS, Layout
from aisle.machine import Provider
from aisle.manifest import AttributeType, IndexKind
from batch.executor import Executor, ExecutorKind, open_executor, worker_layout
from batch.options import ReindexOptions, Summary
from batch.progress import SilentProgress
from batch.reindex import reindex

ROLES = Roles(id="id", image="image", title="title", attributes={"price": AttributeType.NUMBER})
Change = Callable[[pa.Table], pa.Table]


def main() -> None:
    """Change, count and compare."""
    arguments = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="aisle-increments-") as name,
        open_executor(ExecutorKind.RAY, worker_layout(Provider.CPU)) as executor,
    ):
        work = Path(name)
        runs = Runs(work=work, model=arguments.model or small_model(work), executor=executor)
        table = catalog_of(arguments.catalog, arguments.images)
        rows = []
        for what, change in changes(np.random.default_rng(arguments.seed), rows=len(table)).items():
            table = change(table)
            start = time.perf_counter()
            summary = runs.run(table, "increments")
            rows.append(
                {
                    "change": what,
                    "products": summary.products,
                    "pictures encoded": summary.embedded_images,
                    "texts encoded": summary.embedded_texts,
                    "of all pictures %": 100 * summary.embedded_images / len(table),
                    "shards made": summary.embedded_shards,
                    "seconds": time.perf_counter() - start,
                }
            )
            print(rows[-1], flush=True)
        same_ids, worst = compare(summary.folder, runs.run(table, "clean").folder)
    print_table("What a change costs", rows)
    cost = {str(row["change"]): row for row in rows}
    print_bar("1 % of pictures: % of all encoded", cost["1 % of pictures"]["of all pictures %"], at_most=1.5)
    for free in ("none", "every price", "1 % deleted", "1 % under new ids"):
        print_bar(f"{free}: pictures encoded", cost[free]["pictures encoded"], at_most=0)
    print_bar("ids equal to a clean rebuild's", float(same_ids), at_least=1)
    print(f"largest difference of a vector's number: {worst:.2g}")
    if arguments.json is not None:
        write_json(arguments.json, {"changes": rows, "ids_equal": same_ids, "largest_difference": worst})


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of one model on one executor."""

    work: Path
    model: Path
    executor: Executor

    def run(self, table: pa.Table, workspace: str) -> Summary:
        """Reindex a catalog in a workspace."""
        catalog = self.work / f"{len(list(self.work.glob('*.parquet')))}.parquet"  # workers keep the last one open
        pq.write_table(table, catalog, row_group_size=500)
        return reindex(
            catalog=str(catalog),
            layout=Layout(root=self.work / workspace),
            model=self.model,
            roles=ROLES,
            executor=self.executor,
            options=ReindexOptions(index=IndexKind.EXACT, max_drift=1.0),
            progress=SilentProgress(),
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True, help="Parquet file with `id`, `image` and `productDisplayName`")
    parser.add_argument("--images", type=int, default=8000, help="rows of it (default: 8000)")
    parser.add_argument("--seed", type=int, default=7, help="of the changes (default: 7)")
    parser.add_argument("--model", type=Path, help="folder of a bundle; default: a small random one, exported now")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def catalog_of(path: str, rows: int) -> pa.Table:
    """The first rows with a title and a price: ids as text, pictures as plain bytes."""
    table = pq.read_table(path).slice(0, rows)
    pictures = [value["bytes"] if isinstance(value, dict) else value for value in table.column("image").to_pylist()]
    return pa.table(
        {
            "id": [str(value) for value in table.column("id").to_pylist()],
            "title": table.column("productDisplayName").cast(pa.string()),
            "price": np.arange(len(table), dtype=np.float64),
            "image": pa.array(pictures, pa.binary()),
        }
    )


def changes(generator: np.random.Generator, *, rows: int) -> dict[str, Change]:
    """Changes by name, in order; each is applied to the outcome of those before it."""
    few = max(1, rows // 100)

    def some(table: pa.Table) -> list[int]:
        return sorted(generator.choice(len(table), size=few, replace=False).tolist())

    def edit(column: str, new: Callable[[object], object]) -> Change:
        def change(table: pa.Table) -> pa.Table:
            values = table.column(column).to_pylist()
            for row in some(table):
                values[row] = new(values[row])
            place = table.column_names.index(column)
            return table.set_column(place, column, pa.array(values, table.schema.field(column).type))

        return change

    def price(table: pa.Table) -> pa.Table:
        return table.set_column(2, "price", pa.array(np.asarray(table.column("price")) + 1.0))

    def delete(table: pa.Table) -> pa.Table:
        gone = set(some(table))
        return table.take([row for row in range(len(table)) if row not in gone])

    def share(table: pa.Table) -> pa.Table:
        copies = table.take(some(table))
        return pa.concat_tables([table, copies.set_column(0, "id", pa.array([f"copy-{n}" for n in range(few)]))])

    return {
        "first run": lambda table: table,
        "none": lambda table: table,
        "1 % of pictures": edit("image", _other_picture),
        "1 % of titles": edit("title", lambda title: f"{title}, new"),
        "every price": price,
        "1 % deleted": delete,
        "1 % under new ids": edit("id", lambda product: f"new-{product}"),
        "1 % that share a picture": share,
    }


def _other_picture(data: object) -> bytes:
    image = Image.open(io.BytesIO(data if isinstance(data, bytes) else b"")).convert("RGB")
    stream = io.BytesIO()
    image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def compare(one: Path, other: Path) -> tuple[bool, float]:
    """Whether two releases hold the same products in the same order, and the largest difference of their vectors."""
    import faiss

    def vectors(folder: Path) -> np.ndarray:
        index = faiss.read_index(str(folder / INDEX))
        return index.reconstruct_n(0, index.ntotal)

    same = (one / PRODUCTS).read_bytes() == (other / PRODUCTS).read_bytes()
    first, second = vectors(one), vectors(other)
    return same, float(np.abs(first - second).max()) if first.shape == second.shape else float("inf")


if __name__ == "__main__":
    main()
