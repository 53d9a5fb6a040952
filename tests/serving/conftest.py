"""Releases made by hand, of the tiny model in `bundles.py`: neither torch nor the batch half."""

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import faiss
import hypothesis
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from aisle.catalog import Product
from aisle.current import write_current
from aisle.layout import INDEX, PRODUCTS, THUMBNAILS, Layout
from aisle.machine import Provider
from aisle.manifest import (
    AttributeType,
    IndexKind,
    IndexParameters,
    QueryKind,
    ReleaseManifest,
    record_files,
    save_release_manifest,
)
from aisle.products import THUMBNAILS_SCHEMA, products_schema, products_table, write_table
from aisle.settings import Settings
from aisle.vectors import HalfWeights, product_vectors, unit_norm
from serving.app import create_app
from serving.snapshot import Snapshot, load_snapshot
from tests.indexes import write_index
from tests.serving.bundles import DIMENSION, WORDS, make_bundle

hypothesis.settings.register_profile("aisle", deadline=None, database=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("aisle")

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
COMPUTED = (IndexKind.EXACT, IndexKind.IVF)
ATTRIBUTES = {
    "colour": AttributeType.CATEGORY,
    "price": AttributeType.NUMBER,
    "in_stock": AttributeType.BOOLEAN,
    "tags": AttributeType.LIST,
}


def picture(colour: str | tuple[int, int, int], *, kind: str = "PNG", size: int = 24) -> bytes:
    """A file of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (size, size), COLOURS.get(colour, colour)).save(stream, kind)
    return stream.getvalue()


@dataclass(frozen=True)
class Item:
    """A product before it is indexed: what it looks like and what it says, either of which may be missing."""

    id: str
    looks: str | None
    says: str
    colour: str | None = None
    price: float | None = None
    in_stock: bool | None = None
    tags: tuple[str, ...] = ()


def shop() -> list[Item]:
    """Every colour of every article, in catalog order: shirts, dresses, shoes; ids `shirt/red` and so on."""
    return [
        Item(
            id=f"{article}/{colour}",
            looks=colour,
            says=f"{colour} {article}",
            colour=colour,
            price=10.0 * number,
            in_stock=number % 2 == 0,
            tags=("new", article) if number < 5 else (article,),
        )
        for number, (article, colour) in enumerate(
            (article, colour) for article in ("shirt", "dress", "shoe") for colour in COLOURS
        )
    ]


def _vector_of_words(text: str) -> np.ndarray:
    axes = [WORDS.index(word) if word in WORDS else 7 for word in text.split()]
    return np.sum(np.eye(DIMENSION, dtype=np.float32)[axes], axis=0) if axes else np.zeros(DIMENSION, np.float32)


def _vector_of_looks(colour: str | None) -> np.ndarray:
    return np.eye(DIMENSION, dtype=np.float32)[list(COLOURS).index(colour)] if colour else np.zeros(DIMENSION)


def make_index(vectors: np.ndarray, parameters: IndexParameters) -> faiss.Index:
    """An index that keeps vectors as they are."""
    width = vectors.shape[1]
    if parameters.kind is IndexKind.EXACT:
        index = faiss.IndexFlatIP(width)
    else:
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, parameters.nlist, faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1
        index.train(vectors)
    index.add(vectors)
    return index


def make_release(
    layout: Layout,
    release_id: str,
    items: Sequence[Item],
    *,
    fingerprint: str,
    kind: IndexKind = IndexKind.EXACT,
    nlist: int = 3,
    publish: bool = True,
) -> None:
    """Write a release and, unless told otherwise, make it the live one."""
    folder = layout.release(release_id)
    folder.mkdir(parents=True)
    vectors = product_vectors(
        unit_norm(np.stack([_vector_of_looks(item.looks) for item in items])),
        unit_norm(np.stack([_vector_of_words(item.says) for item in items])),
    )
    # One list out of several is visited, so that filling a page takes more than the first try.
    parameters = write_index(kind, vectors, folder, nlist=nlist, nprobe=1)
    if kind in COMPUTED:  # in float32: scores are as computed by hand
        faiss.write_index(make_index(vectors, parameters), str(folder / INDEX))
    products = [
        Product(
            id=item.id,
            title=item.says.title(),
            text=item.says,
            attributes={
                "colour": item.colour,
                "price": item.price,
                "in_stock": item.in_stock,
                "tags": list(item.tags),
            },
        )
        for item in items
    ]
    write_table([products_table(products, ATTRIBUTES)], products_schema(ATTRIBUTES), folder / PRODUCTS)
    thumbnails = [picture(item.looks, size=8) if item.looks else b"" for item in items]
    table = THUMBNAILS_SCHEMA.empty_table().from_pydict({"thumbnail": thumbnails}, schema=THUMBNAILS_SCHEMA)
    write_table([table], THUMBNAILS_SCHEMA, folder / THUMBNAILS)
    manifest = ReleaseManifest(
        id=release_id,
        created="2026-11-21T10:15:00+00:00",
        model_fingerprint=fingerprint,
        model_name="by hand",
        dimension=DIMENSION,
        products=len(items),
        rejected=1,
        attributes=ATTRIBUTES,
        index=parameters,
        recall=dict.fromkeys(QueryKind, 1.0),
        weights={
            QueryKind.TEXT: HalfWeights(image=0.25, text=0.75),
            QueryKind.IMAGE: HalfWeights(image=0.75, text=0.25),
            QueryKind.MIXED: HalfWeights(image=0.5, text=0.5),
        },
        files=record_files(folder, (INDEX, PRODUCTS, THUMBNAILS)),
    )
    save_release_manifest(manifest, folder)
    if publish:
        write_current(layout, release_id)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> tuple[Path, str]:
    """A `models` folder with one bundle, and its fingerprint."""
    models = tmp_path_factory.mktemp("bundles") / "models"
    return models, make_bundle(models)


@pytest.fixture(scope="session")
def mirrored(bundles) -> str:
    """The fingerprint of another model beside the first."""
    return make_bundle(bundles[0], mirrored=True)


@pytest.fixture
def layout(tmp_path, bundles) -> Layout:
    """A workspace with a model and no release."""
    layout = Layout(tmp_path / "workspace")
    layout.root.mkdir()
    layout.models.symlink_to(bundles[0])
    return layout


@pytest.fixture
def release(layout, bundles) -> Callable[..., None]:
    """Writes a release into the workspace and makes it the live one."""

    def write(release_id: str = "20261121T101500-00000001", items: Sequence[Item] | None = None, **options) -> str:
        make_release(layout, release_id, shop() if items is None else items, **({"fingerprint": bundles[1]} | options))
        return release_id

    return write


@pytest.fixture(params=COMPUTED)
def kind(request) -> IndexKind:
    """Index kinds whose scores are as computed by hand."""
    return request.param


@pytest.fixture
def snapshot(layout, release, kind) -> Snapshot:
    """The shop, opened."""
    return load_snapshot(layout, release(kind=kind), provider=Provider.CPU)


def varied_items(count: int, *, seed: int) -> list[Item]:
    """Products that often look and say the same, some without picture, words or values; ids not in their order."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(count)

    def some(values: Sequence, none: float):
        return None if rng.random() < none else values[rng.integers(len(values))]

    items = []
    for number in numbers:
        says = " ".join(rng.choice(WORDS, rng.integers(0, 3)))
        looks = some(list(COLOURS), 0.2) if says else str(rng.choice(list(COLOURS)))
        items.append(
            Item(
                id=f"p{number:04}",
                looks=looks,
                says=says,
                colour=some(["red", "green", "navy blue", "or"], 0.2),
                price=some([0.0, 5.0, 9.99, 10.0, 25.0, -3.0], 0.2),
                in_stock=some([True, False], 0.2),
                tags=tuple(rng.choice(["new", "sale", "eco"], rng.integers(0, 4)).tolist()),
            )
        )
    return items


@pytest.fixture(scope="session")
def varied(tmp_path_factory, bundles) -> dict[IndexKind, Snapshot]:
    """The same 400 products under every index kind."""
    layout = Layout(tmp_path_factory.mktemp("varied"))
    layout.models.symlink_to(bundles[0])
    items = varied_items(400, seed=7)
    snapshots = {}
    for kind in IndexKind:
        make_release(layout, f"r-{kind}", items, fingerprint=bundles[1], kind=kind, nlist=20)
        snapshots[kind] = load_snapshot(layout, f"r-{kind}", provider=Provider.CPU)
    return snapshots


@pytest.fixture
def settings(layout) -> Settings:
    """Of a server over the workspace, in a hurry to find new releases."""
    return replace(Settings(), workspace=layout.root, poll_seconds=0.05, provider=Provider.CPU)


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., bytes]:
    """Writes picture files of one colour."""
    return picture


@pytest.fixture(scope="session")
def item_class() -> type[Item]:
    """A product before it is indexed."""
    return Item


@pytest.fixture
def item() -> Callable[..., Item]:
    """Makes a product by its id."""
    return lambda product_id, **fields: Item(id=product_id, **fields)


@pytest.fixture(scope="session")
def write_release() -> Callable[..., None]:
    """Writes a release into any workspace."""
    return make_release


@pytest.fixture
def start(settings) -> Callable[..., AbstractContextManager[TestClient]]:
    """Starts the application; waits for the release unless told that there is none."""

    @contextmanager
    def run(*, wait: bool = True, **changes):
        with TestClient(create_app(replace(settings, **changes))) as client:
            deadline = time.monotonic() + 10
            while wait and client.get("/readyz").status_code != 200:
                assert time.monotonic() < deadline, client.get("/readyz").text
                time.sleep(0.01)
            yield client

    return run


@pytest.fixture
def client(release, start) -> Iterator[TestClient]:
    """The running application over the shop."""
    release()
    with start() as client:
        yield client


@pytest.fixture
def serving_app(settings, release) -> FastAPI:
    """The application over the shop, for `listening`."""
    release()
    return create_app(settings)


@pytest.fixture
def listening(serving_app) -> Iterator[str]:
    """The address of `serving_app`, on a socket."""
    config = uvicorn.Config(serving_app, port=0, log_level="error", ws="none", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started or serving_app.state.service.watcher.snapshot is None:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
