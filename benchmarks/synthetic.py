"""What the serving benchmarks serve: a model of real size with random weights, and releases of random products.

Speed depends on neither weights nor products. Nothing here says anything about relevance.
"""

import random
from pathlib import Path

import faiss
import numpy as np

from aisle.catalog import Product
from aisle.current import write_current
from aisle.layout import INDEX, PRODUCTS, THUMBNAILS, Layout
from aisle.manifest import (
    AttributeType,
    IndexKind,
    IndexParameters,
    Precision,
    QueryKind,
    ReleaseManifest,
    load_model_manifest,
    record_files,
    save_release_manifest,
)
from aisle.products import THUMBNAILS_SCHEMA, products_schema, products_table, write_table
from aisle.vectors import HalfWeights, product_vectors, unit_norm

WORDS = (  # noqa: SIM905 - a list of words reads better as words
    "red green blue navy black white grey shirt dress shoe bag watch jeans skirt jacket coat striped checked floral "
    "casual formal summer winter cotton leather denim for men women kids with long short sleeves slim wide dotted"
).split()
ATTRIBUTES = {"colour": AttributeType.CATEGORY, "price": AttributeType.NUMBER, "in_stock": AttributeType.BOOLEAN}
THUMBNAIL_BYTES = 3000


def make_model(folder: Path) -> tuple[Path, Path]:
    """A checkpoint of ViT-B/32's size and its int8 bundle; made when they are not there.

    Args:
        folder: Holds, or will hold, `checkpoint/` and `models/<fingerprint>/`.

    Returns:
        The folders of both.
    """
    from export.bundle import export_checkpoint
    from export.random_checkpoint import random_checkpoint

    checkpoint, layout = folder / "checkpoint", Layout(folder)
    bundles = [path for path in layout.models.glob("*") if path.is_dir()]
    if checkpoint.is_dir() and len(bundles) == 1:
        return checkpoint, bundles[0]
    print("exporting a random checkpoint of ViT-B/32's size ...", flush=True)
    random_checkpoint(checkpoint, size="vit-b-32", seed=0)
    return checkpoint, export_checkpoint(str(checkpoint), layout=layout, precision=Precision.INT8).folder


def write_release(layout: Layout, bundle: Path, *, products: int, name: str = "benchmark", seed: int = 0) -> str:
    """Write a release of random products with an exact index, and make it the live one.

    Args:
        layout: The workspace.
        bundle: Of the model; the workspace links to it.
        products: How many.
        name: Ends the release's id, and begins every product's.
        seed: Of vectors and titles.

    Returns:
        The release's id.
    """
    model = load_model_manifest(bundle)
    layout.models.mkdir(parents=True, exist_ok=True)
    if not layout.model(model.fingerprint).exists():
        layout.model(model.fingerprint).symlink_to(bundle.resolve())
    numbers, chance = np.random.default_rng(seed), random.Random(seed)
    flat = faiss.IndexScalarQuantizer(2 * model.dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap2(flat)
    halves = [
        unit_norm(numbers.standard_normal((products, model.dimension), dtype=np.float32)) for _ in ("pictures", "texts")
    ]
    index.add_with_ids(product_vectors(*halves), np.arange(products))
    folder = layout.release(f"20260101T000000-{name}")
    folder.mkdir(parents=True)
    faiss.write_index(index, str(folder / INDEX))
    items = [
        Product(
            id=f"{name}-{row:06}",
            title=" ".join(chance.choices(WORDS, k=5)).title(),
            text=" ".join(chance.choices(WORDS, k=8)),
            attributes={"colour": WORDS[row % 7], "price": float(row % 100), "in_stock": row % 3 > 0},
        )
        for row in range(products)
    ]
    write_table([products_table(items, ATTRIBUTES)], products_schema(ATTRIBUTES), folder / PRODUCTS)
    thumbnails = {"thumbnail": [b"\xff\xd8" + numbers.bytes(THUMBNAIL_BYTES) for _ in range(products)]}
    table = THUMBNAILS_SCHEMA.empty_table().from_pydict(thumbnails, schema=THUMBNAILS_SCHEMA)
    write_table([table], THUMBNAILS_SCHEMA, folder / THUMBNAILS)
    manifest = ReleaseManifest(
        id=folder.name,
        created="2026-01-01T00:00:00+00:00",
        model_fingerprint=model.fingerprint,
        model_name=model.name,
        dimension=model.dimension,
        products=products,
        rejected=0,
        attributes=ATTRIBUTES,
        index=IndexParameters(IndexKind.EXACT),
        recall=dict.fromkeys(QueryKind, 1.0),
        weights=dict.fromkeys(QueryKind, HalfWeights(image=0.5, text=0.5)),
        files=record_files(folder, (INDEX, PRODUCTS, THUMBNAILS)),
    )
    save_release_manifest(manifest, folder)
    write_current(layout, manifest.id)
    return manifest.id
