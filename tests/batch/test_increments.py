"""What a second run costs, and that it ends where a clean rebuild would."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from aisle.current import read_current
from aisle.index import ProductIndex
from aisle.layout import INDEX, PRODUCTS, REJECTS, REPORT, THUMBNAILS, Layout
from aisle.manifest import IndexKind, load_release_manifest
from aisle.mirror import FileInfo
from aisle.products import Products
from batch import known_rows
from batch.executor import WorkerLayout
from batch.local_executor import LocalExecutor
from batch.options import ReindexOptions, Summary
from tests.batch.catalogs import ROLES, good_rows, picture, row
from tests.batch.conftest import Run

Rows = list[dict[str, Any]]
OPTIONS = ReindexOptions(shard_rows=16, max_rejects=0.9)


def cost(summary: Summary) -> tuple[int, int]:
    """Pictures and texts that were encoded."""
    return summary.embedded_images, summary.embedded_texts


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS)}


def test_an_unchanged_catalog_costs_nothing(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(100)
    first = run(catalogs(rows), options=OPTIONS)
    assert cost(first) == (100, 100)
    again = run(catalogs(rows), options=OPTIONS)
    assert (cost(again), again.embedded_shards, again.cached_shards) == ((0, 0), 0, first.embedded_shards)
    assert contents(again.folder) == contents(first.folder)


def test_one_percent_changed_costs_one_percent(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(300)
    run(catalogs(rows), options=OPTIONS)
    for number in (5, 111, 290):
        rows[number] |= {"image": picture(9000 + number)}
    changed = run(catalogs(rows), options=OPTIONS)
    assert cost(changed) == (3, 0)
    assert 1 <= changed.embedded_shards <= 3
    assert changed.products == 300


def test_a_price_costs_nothing_and_reaches_the_page(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(60)
    run(catalogs(rows), options=OPTIONS)
    rows[7] |= {"price": 1234.5, "colour": "mauve"}
    changed = run(catalogs(rows), options=OPTIONS)
    assert (cost(changed), changed.embedded_shards) == ((0, 0), 0)
    products = Products(changed.folder, load_release_manifest(changed.folder).attributes)
    assert products.take([products.row("p7")])[0].attributes | {"article": ""} == {
        "price": 1234.5,
        "colour": "mauve",
        "article": "",
    }


def test_a_text_costs_a_text_and_a_picture_a_picture(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(60)
    run(catalogs(rows), options=OPTIONS)
    rows[7]["title"] = "blue bag, waterproof"
    assert cost(run(catalogs(rows), options=OPTIONS)) == (0, 1)
    rows[8]["image"] = picture(9000)
    assert cost(run(catalogs(rows), options=OPTIONS)) == (1, 0)
    template = replace(ROLES, text="{title} in {colour}")
    assert cost(run(catalogs(rows), roles=template, options=OPTIONS)) == (0, 60)
    assert cost(run(catalogs(rows), roles=replace(ROLES, image=None), options=OPTIONS)) == (0, 0)


def test_another_model_embeds_everything(run: Run, catalogs: Callable[[Rows], str], other_model: Path):
    rows = good_rows(40)
    run(catalogs(rows), options=OPTIONS)
    assert cost(run(catalogs(rows), model=other_model, options=OPTIONS)) == (40, 40)
    assert cost(run(catalogs(rows), options=OPTIONS)) == (0, 0)  # and the first one's vectors are still there


def test_deleted_products_are_gone_and_cost_nothing(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(90)
    run(catalogs(rows), options=OPTIONS)
    fewer = run(catalogs([r for number, r in enumerate(rows) if number % 9]), options=OPTIONS)
    assert (cost(fewer), fewer.products) == ((0, 0), 80)
    manifest = load_release_manifest(fewer.folder)
    products = Products(fewer.folder, manifest.attributes)
    gone = {f"p{number}" for number in range(0, 90, 9)}
    assert not gone & set(products.ids)
    index = ProductIndex.open(fewer.folder, manifest.index)
    assert len(index) == 80
    _, found = index.search(index.vectors(np.arange(80)), k=80)
    assert set(found.ravel().tolist()) == set(range(80))


def test_a_product_under_a_new_id_or_in_a_new_place_costs_nothing(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(60)
    run(catalogs(rows), options=OPTIONS)
    rows[3]["id"] = "renamed"
    rows.reverse()
    moved = run(catalogs(rows), options=OPTIONS)
    assert cost(moved) == (0, 0)
    assert moved.embedded_shards > 0  # of vectors that were there


@pytest.mark.parametrize("workers", [1, 2])
def test_products_that_share_a_picture_share_its_computation(run: Run, catalogs: Callable[[Rows], str], workers: int):
    """Four pictures on eighty products, within shards and across them."""
    rows = [row(number, picture(number % 4), title=f"red shirt number {number % 5}") for number in range(80)]
    with LocalExecutor(WorkerLayout(workers=workers)) as executor:
        summary = run(catalogs(rows), options=OPTIONS, executor=executor)
        again = run(catalogs(list(reversed(rows))), options=OPTIONS, executor=executor)
    # Two workers may meet a picture at the same moment.
    assert 4 <= summary.embedded_images <= 4 * workers
    assert 5 <= summary.embedded_texts <= 5 * workers
    assert cost(again) == (0, 0)
    assert summary.products == 80
    index = ProductIndex.open(summary.folder, load_release_manifest(summary.folder).index)
    halves = index.vectors(np.arange(80)).reshape(80, 2, -1)
    np.testing.assert_array_equal(halves[:, 0], halves[np.arange(80) % 4, 0])
    np.testing.assert_array_equal(halves[:, 1], halves[np.arange(80) % 5, 1])
    assert len({vector.tobytes() for vector in halves[:, 0]}) == 4
    products = Products(summary.folder, load_release_manifest(summary.folder).attributes)
    assert [products.thumbnail(number) for number in range(80)] == [r["image"] for r in rows]


def test_the_report_counts_what_was_computed(run: Run, catalogs: Callable[[Rows], str]):
    import json

    rows = good_rows(40)
    run(catalogs(rows), options=OPTIONS)
    rows[0] |= {"image": picture(9000), "title": "hat"}
    rows[1] |= {"title": "hat"}
    report = json.loads((run(catalogs(rows), options=OPTIONS).folder / REPORT).read_text())
    assert report["images"]["embedded"] == 1
    assert report["images"]["read"] == 40
    assert report["texts"]["embedded"] == 1


def test_an_earlier_shard_that_is_gone_is_embedded_again(run: Run, layout: Layout, catalogs, tiny_model: Path):
    """The tables are believed in nothing: they may name shards that somebody has deleted since."""
    rows = good_rows(40)
    first = run(catalogs(rows), options=OPTIONS)
    keys = pq.read_table(first.folder / "shards.parquet").column("key").to_pylist()
    rows.reverse()
    original = known_rows.forget

    def stale(of: Layout, folder: Path) -> list[FileInfo]:
        """The listing of the moment before the deletion."""
        found = original(of, folder)
        if folder == layout.embeddings(tiny_model.name):
            layout.shard(tiny_model.name, keys[0]).unlink(missing_ok=True)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(known_rows, "forget", stale)
        again = run(catalogs(rows), options=OPTIONS)
    assert 0 < again.embedded_images < 40
    assert contents(again.folder) == contents(run(catalogs(rows), layout=Layout(root=layout.root / "clean")).folder)


class Shop:
    """A catalog that changes at random, and what a perfect cache would know of it."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.rows = good_rows(60)
        self.fresh = iter(range(10_000, 99_999))
        self.images: set[bytes] = set()
        self.texts: set[str] = set()

    def edit(self) -> None:
        edits = [getattr(self, name) for name in dir(self) if name.startswith("edit_")]
        for _ in range(self.random.integers(1, 6)):
            self.random.choice(edits)(int(self.random.integers(len(self.rows))))

    def edit_add(self, place: int) -> None:
        number = next(self.fresh)
        self.rows.insert(place, row(number, picture(number)))

    def edit_delete(self, place: int) -> None:
        del self.rows[place]

    def edit_picture(self, place: int) -> None:
        self.rows[place]["image"] = picture(next(self.fresh), format=str(self.random.choice(["PNG", "JPEG"])))

    def edit_share(self, place: int) -> None:
        other = self.rows[self.random.integers(len(self.rows))]
        self.rows[place] |= {"image": other["image"], "title": other["title"]}

    def edit_text(self, place: int) -> None:
        self.rows[place]["title"] = f"{self.random.choice(['red', 'blue', 'striped'])} hat {next(self.fresh)}"

    def edit_price(self, place: int) -> None:
        self.rows[place]["price"] = float(self.random.integers(1000))

    def edit_move(self, place: int) -> None:
        self.rows.insert(int(self.random.integers(len(self.rows))), self.rows.pop(place))

    def edit_rename(self, place: int) -> None:
        self.rows[place]["id"] = f"q{next(self.fresh)}"

    def edit_break(self, place: int) -> None:
        self.rows[place]["image"] = self.rows[place]["image"][:100] if self.rows[place]["image"] else b"no picture"

    def edit_without(self, place: int) -> None:
        self.rows[place]["image"] = None

    def edit_double(self, place: int) -> None:
        self.rows[place] = self.rows[place] | {"id": self.rows[0]["id"]}

    def new(self, rejected: set[int]) -> tuple[int, int]:
        """Contents of good rows that were never seen before."""
        good = [r for number, r in enumerate(self.rows) if number not in rejected]
        images = {r["image"] for r in good if r["image"]} - self.images
        texts = {r["title"] for r in good if r["title"]} - self.texts
        self.images |= images
        self.texts |= texts
        return len(images), len(texts)


@pytest.mark.parametrize(("seed", "kind"), [(1, IndexKind.EXACT), (2, IndexKind.IVF), (3, IndexKind.EXACT)])
def test_any_sequence_of_changes_ends_like_a_clean_rebuild(
    run: Run, catalogs: Callable[[Rows], str], tmp_path: Path, seed: int, kind: IndexKind
):
    shop = Shop(seed)
    options = replace(OPTIONS, index=kind)
    for step in range(6):
        catalog = catalogs(shop.rows)
        made = run(catalog, options=options)
        rejected = set(pq.read_table(made.folder / REJECTS).column("row").to_pylist())
        assert cost(made) == shop.new(rejected), step
        clean = run(catalog, options=options, layout=Layout(root=tmp_path / f"clean-{step}"))
        assert contents(made.folder) == contents(clean.folder), step
        shop.edit()


def test_each_increment_goes_live(run: Run, layout: Layout, catalogs: Callable[[Rows], str]):
    rows = good_rows(20)
    for number in range(3):
        rows[number]["image"] = picture(9000 + number)
        assert run(catalogs(rows), options=OPTIONS).release_id == read_current(layout)
