"""How far a new release may be from the live one, and what is not counted."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.current import read_current
from aisle.encoder import OnnxEncoder
from aisle.errors import ReleaseError
from aisle.layout import PRODUCTS, REPORT, Layout
from aisle.manifest import QueryKind, load_release_manifest
from aisle.vectors import HalfWeights
from batch.drift import Side, measure_drift, open_side, unchanged_products
from batch.options import ReindexOptions, Summary
from tests.batch.catalogs import ROLES, good_rows, picture, row
from tests.batch.conftest import Run

WEIGHTS = {QueryKind.TEXT: HalfWeights(0.5, 0.5), QueryKind.IMAGE: HalfWeights(1.0, 0.0)}
TEXTS = ["red", "blue shoe", "white hat"]


@pytest.fixture
def side(tiny_model: Path) -> Callable[[Summary], Side]:
    encoder = OnnxEncoder(tiny_model)

    def open_it(summary: Summary) -> Side:
        manifest = load_release_manifest(summary.folder)
        return open_side(summary.folder, manifest.index, manifest.attributes, encoder)

    return open_it


def test_what_did_not_change_is_found_by_id_text_and_picture(run: Run, catalogs, side):
    rows = good_rows(12)
    old = side(run(catalogs(rows)))
    rows[3]["title"] = "hat"
    rows[4]["image"] = picture(4, size=(90, 90))
    rows[5]["price"] = 99.0
    del rows[0]
    rows.insert(6, row(500, picture(500)))
    new = side(run(catalogs(rows)))
    assert unchanged_products(new, old).tolist() == [1, 2, -1, -1, 5, 6, -1, 7, 8, 9, 10, 11]


def test_equal_releases_do_not_differ(run: Run, catalogs, side):
    catalog = catalogs(good_rows(60))
    old, new = side(run(catalog)), side(run(catalog))
    shared = unchanged_products(new, old)
    assert measure_drift(new, old, shared, texts=TEXTS, weights=WEIGHTS) == {"text": 0.0, "image": 0.0}
    assert measure_drift(new, old, shared, texts=[], weights=WEIGHTS) == {"image": 0.0}
    assert measure_drift(new, old, np.full(60, -1), texts=TEXTS, weights=WEIGHTS) == {}


def test_vectors_under_other_ids_differ(run: Run, catalogs, side):
    """Each product has another one's vector: every list is another one."""
    old = side(run(catalogs(good_rows(60))))
    others = np.random.default_rng(0).permutation(60)

    class Shuffled:
        def vectors(self, rows: np.ndarray) -> np.ndarray:
            return old.index.vectors(others[rows])

    new = replace(old, index=Shuffled())
    drift = measure_drift(new, old, np.arange(60), texts=TEXTS, weights=WEIGHTS)
    assert drift["text"] > 0.5
    assert drift["image"] > 0.5


def test_drift_by_hand():
    """Twelve products in a row; in the new release the first two have gone to the end."""
    angles = np.linspace(0.0, 1.1, 12)

    class Fan:
        def __init__(self, order: np.ndarray) -> None:
            self.order = order

        def vectors(self, rows: np.ndarray) -> np.ndarray:
            turned = angles[self.order[rows]]
            return np.stack([np.cos(turned), np.sin(turned), 0 * turned, 0 * turned], axis=1).astype(np.float32)

    class Words:
        def encode_texts(self, texts: list[str]) -> np.ndarray:
            return np.array([[1.0, 0.0]] * len(texts), dtype=np.float32)

    def side(order: np.ndarray) -> Side:
        return Side(products=None, index=Fan(order), encoder=Words())

    moved = np.array([10, 11, *range(10)])
    looks = {QueryKind.TEXT: HalfWeights(1.0, 0.0), QueryKind.IMAGE: HalfWeights(1.0, 0.0)}
    drift = measure_drift(side(moved), side(np.arange(12)), np.arange(12), texts=["x"], weights=looks)
    # Old ten best: 0-9. New ones: those whose angles are the ten smallest: 2-11. Two of ten are lost.
    assert drift["text"] == pytest.approx(0.2)


def test_additions_deletions_and_changes_are_no_drift(run: Run, catalogs):
    rows = good_rows(80)
    run(catalogs(rows))
    for number in range(0, 80, 2):
        rows[number] |= {"image": picture(9000 + number), "title": f"green bag {number}"}
    rows = [row(600 + n, picture(600 + n)) for n in range(30)] + rows[10:]
    changed = run(catalogs(rows))
    assert changed.drift.unchanged == 35
    assert changed.drift.differing == {"text": 0.0, "image": 0.0}
    report = json.loads((changed.folder / REPORT).read_text())
    assert report["drift"]["differing"] == {"text": 0.0, "image": 0.0}
    assert report["drift"]["against"] == changed.drift.against


def test_the_first_release_has_nothing_to_differ_from(run: Run, catalogs):
    assert run(catalogs(good_rows(10))).drift.against == ""


def test_results_that_differ_without_a_reason_are_refused(run: Run, layout: Layout, catalogs, tiny_model: Path):
    """The shards of the cache were changed under it: other vectors for the same content."""
    from aisle.store import read_shard, write_shard

    rows = good_rows(80)
    live = run(catalogs(rows))
    for path in layout.embeddings(tiny_model.name).glob("*.arrow"):
        shard = read_shard(path)
        write_shard(replace(shard, images=shard.images[::-1], texts=shard.texts[::-1]), path)
    with pytest.raises(ReleaseError, match=r"80 products that did not change .*at most 20%.*--max-drift 1"):
        run(catalogs(rows))
    assert read_current(layout) == live.release_id
    forced = run(catalogs(rows), options=ReindexOptions(shard_rows=32, max_drift=1.0))
    assert forced.drift.worst > 0.2
    assert read_current(layout) == forced.release_id


def test_another_model_may_differ(run: Run, catalogs, other_model: Path, monkeypatch: pytest.MonkeyPatch):
    rows = good_rows(60)
    live = run(catalogs(rows))
    monkeypatch.setattr("batch.drift._differing", lambda now, before: 0.9)
    changed = run(catalogs(rows), model=other_model)
    assert (changed.drift.same_model, changed.drift.worst, changed.drift.against) == (False, 0.9, live.release_id)


@pytest.mark.parametrize("harm", ["release.json", PRODUCTS])
def test_a_broken_live_release_does_not_keep_its_successor_from_coming(run: Run, layout: Layout, catalogs, harm: str):
    live = run(catalogs(good_rows(20)), roles=ROLES)
    (live.folder / harm).write_bytes(b"broken")
    after = run(catalogs(good_rows(20)), roles=ROLES)
    assert read_current(layout) == after.release_id
    assert harm in after.drift.problem
    assert after.drift.differing is None
