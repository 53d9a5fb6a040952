"""What 1 % of changes costs an index: appended to the live release's, against built anew.

    python benchmarks/append.py --products 200000

Imports clustered vectors with their titles as a release, as `aisle import` does; then the same with 1 % of the
products changed, which is appended; then prices alone; then the changed catalog once more with `--compact`. Titles are
encoded by the embedded model, so that the index is tuned for real texts. Told are the seconds of the build stage, the
bytes of the index that had to be written, and the recall that was measured.
"""

import argparse
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from report import print_bar, print_table, write_json

from aisle.catalog import Roles
from aisle.encoder import OnnxEncoder
from aisle.layout import ENTRIES, INDEX, TRAINED, VECTORS, Layout
from aisle.machine import Provider
from aisle.manifest import AttributeType, IndexKind
from aisle.vectors import unit_norm
from batch.build import BuildOptions
from batch.executor import WorkerLayout
from batch.given import GivenVectors, Halves
from batch.local_executor import LocalExecutor
from batch.options import ReindexOptions, Summary
from batch.progress import SilentProgress
from batch.reindex import reindex
from cli.models import EMBEDDED

CHANGED = 0.01
PARTS = (
    ("soft", "classic", "slim", "loose", "warm", "light", "long", "short"),
    ("striped", "plain", "dotted", "floral", "checked", "sporty", "formal", "ribbed"),
    ("red", "blue", "green", "black", "white", "grey", "pink", "purple"),
    ("shirt", "dress", "shoe", "bag", "hat", "watch", "belt", "jacket"),
)
"""A title has one word of each."""

ROLES = Roles(id="id", title="title", attributes={"price": AttributeType.NUMBER})


def main() -> None:
    """Publish four releases and compare."""
    arguments = _arguments()
    table: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="aisle-append-", dir=arguments.work) as name:
        work, rng = Path(name), np.random.default_rng(11)
        shop = Shop(work, arguments)
        titles, vectors = shop.products(arguments.products, rng)
        prices = np.arange(len(titles)) % 100
        before = shop.run("clean", titles, vectors, prices, table)
        some = rng.choice(len(titles), size=round(CHANGED * len(titles)), replace=False)
        new_titles, new_vectors = shop.products(len(some), rng)
        for place, title in zip(some, new_titles, strict=True):
            titles[place] = title
        vectors[some] = new_vectors
        appended = shop.run("1 % changed", titles, vectors, prices, table, before=before)
        shop.run("prices alone", titles, vectors, prices + 1, table, before=appended)
        shop.run("1 % changed, --compact", titles, vectors, prices, table, compact=True)
    print_table(f"{arguments.products:,} products, {arguments.kind}", table)
    for figure, most in (("build s", 0.5), ("MB written", 0.1)):
        ratio = float(str(table[1][figure])) / float(str(table[-1][figure]))
        print_bar(f"{figure}, appended / built anew", ratio, at_most=most)
    if arguments.json:
        write_json(arguments.json, {"products": arguments.products, "runs": table})


class Shop:
    """A workspace with the embedded model, and products for it."""

    def __init__(self, work: Path, arguments: argparse.Namespace) -> None:
        """Encode some titles."""
        self.work, self.arguments = work, arguments
        self.layout = Layout(root=work / "shop")
        self.bundle = EMBEDDED
        self.titles = [" ".join(words) for words in itertools.product(*PARTS)]
        encoder = OnnxEncoder(self.bundle, provider=Provider.CPU, threads=2, verify=False)
        self.said = np.concatenate(
            [encoder.encode_texts(self.titles[first : first + 32]) for first in range(0, len(self.titles), 32)]
        )
        noise = np.random.default_rng(5).standard_normal(self.said.shape, dtype=np.float32)
        self.looks = unit_norm(self.said + noise / np.sqrt(self.said.shape[1]))

    def products(self, count: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
        """Titles, and rows of [image ; text] scattered around theirs."""
        chosen, dimension = rng.integers(0, len(self.titles), count), self.said.shape[1]
        rows = np.empty((count, 2 * dimension), np.float16)
        for first in range(0, count, 50_000):
            some = chosen[first : first + 50_000]
            for side, centres in enumerate((self.looks, self.said)):
                noise = rng.standard_normal((len(some), dimension), dtype=np.float32) / np.sqrt(dimension)
                part = unit_norm(centres[some] + 0.5 * noise)
                rows[first : first + 50_000, side * dimension : (side + 1) * dimension] = part
        return [self.titles[one] for one in chosen], rows

    def run(
        self,
        name: str,
        titles: list[str],
        vectors: np.ndarray,
        prices: np.ndarray,
        table: list[dict[str, object]],
        *,
        before: Summary | None = None,
        compact: bool = False,
    ) -> Summary:
        """Import, and write down what it cost."""
        ids = [f"p{number}" for number in range(len(titles))]
        catalog = self.work / "catalog.parquet"
        pq.write_table(pa.table({"id": ids, "title": titles, "price": prices.astype(float)}), catalog)
        np.save(self.work / "vectors.npy", vectors)
        with LocalExecutor(WorkerLayout(workers=2)) as executor:
            summary = reindex(
                catalog=str(catalog),
                layout=self.layout,
                model=self.bundle,
                roles=ROLES,
                executor=executor,
                options=ReindexOptions(
                    index=self.arguments.kind,
                    recall_target=self.arguments.recall,
                    compact=compact,
                    max_drift=1.0,
                    build=BuildOptions(append_from=1000),
                ),
                progress=SilentProgress(),
                given=GivenVectors(self.work / "vectors.npy", Halves.BOTH, normalise=True),
                thumbnails=False,
            )
        seconds = json.loads((summary.folder / "report.json").read_text(encoding="utf-8"))["seconds"]
        row = {
            "run": name,
            "build s": seconds["build"],
            "MB written": _written(summary, before) / 1e6,
            "parts": " + ".join(str(part) for part in summary.parameters.parts) or "1",
            "nprobe": summary.parameters.nprobe,
            **{f"recall {kind}": found for kind, found in summary.recall.items()},
        }
        table.append(row)
        print(json.dumps(row), flush=True)
        return summary


def _written(summary: Summary, before: Summary | None) -> int:
    """Bytes of the index that no earlier release holds."""
    old = set() if before is None else {path.stat().st_ino for path in before.folder.iterdir()}
    stems = tuple(name.partition(".")[0] for name in (INDEX, VECTORS, ENTRIES, TRAINED))
    files = [path.stat() for path in summary.folder.iterdir() if path.name.startswith(stems)]
    return sum(file.st_size for file in files if file.st_ino not in old)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=200_000, help="(default: 200,000)")
    parser.add_argument("--kind", type=IndexKind, choices=list(IndexKind), default=IndexKind.IVF, help="(default: ivf)")
    parser.add_argument("--recall", type=float, default=0.99, help="(default: 0.99)")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
