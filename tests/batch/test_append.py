"""An index that is appended to: what it costs, where it ends, and when it is built anew instead."""

import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from aisle.index import ProductIndex
from aisle.layout import ENTRIES, INDEX, TRAINED, VECTORS, Layout, part_name
from aisle.manifest import IndexKind, QueryKind, load_release_manifest
from aisle.products import Products
from batch import append, index_stage
from batch.append import matched, vector_keys
from batch.build import BuildOptions
from batch.evaluate import RecallUnreached
from batch.garbage import collect_garbage
from batch.options import ReindexOptions, Summary
from batch.verify import verify_release
from tests.batch.catalogs import good_rows, picture, row
from tests.batch.conftest import Run

Rows = list[dict[str, Any]]
LISTED = [kind for kind in IndexKind if kind.has_lists]


def options(kind: IndexKind = IndexKind.IVF, **changes: Any) -> ReindexOptions:
    build = BuildOptions(append_from=50)
    return ReindexOptions(**({"index": kind, "shard_rows": 16, "recall_target": 0.9, "build": build} | changes))


def changed(rows: Rows) -> Rows:
    """A day later: of 200 products eight are new or look otherwise, three are gone, one is renamed, one moved."""
    rows = [dict(one) for one in rows]
    for number in (5, 111, 190):
        rows[number]["image"] = picture(9000 + number)
    rows[7]["title"] = "blue bag, waterproof"
    rows[8]["price"] = 1234.5
    rows[9]["id"] = "renamed"
    rows = [rows[180], *rows[:60], *rows[63:180], *rows[181:]]
    return rows[:100] + [row(number, picture(number)) for number in range(300, 304)] + rows[100:]


def everything(summary: Summary) -> tuple[Any, ...]:
    """Ids, vectors, and what a search finds that visits and compares everything, in the order that serving shows it."""
    manifest = load_release_manifest(summary.folder)
    all_of_it = {"nprobe": manifest.index.nlist, "candidates": 1000, "efforts": {}}
    index = ProductIndex.open(summary.folder, replace(manifest.index, **all_of_it))
    ids = Products(summary.folder, manifest.attributes).ids
    vectors = index.vectors(np.arange(len(index)))
    order = np.argsort(np.argsort(ids))
    found = [index.rank(query[None], depth=len(index), order=order) for query in vectors[::20]]
    return ids, vectors, [rows.tolist() for _, rows in found], np.array([scores for scores, _ in found])


def assert_same(one: Summary, other: Summary) -> None:
    for mine, theirs in zip(everything(one), everything(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", LISTED)
def test_what_changed_is_appended_and_equals_a_clean_rebuild(
    kind: IndexKind, run: Run, catalogs: Callable[[Rows], str], tmp_path: Path
):
    rows = good_rows(200)
    first = run(catalogs(rows), options=options(kind))
    assert (first.added, first.parameters.parts) == (200, ())
    second = run(catalogs(changed(rows)), options=options(kind))
    assert (second.added, second.products) == (8, 201)
    assert second.parameters.parts == (200, 8)
    assert (second.parameters.base_parts, second.parameters.nlist) == (1, first.parameters.nlist)
    assert second.index.reason == f"8 products appended to the index of {first.release_id}"
    kept = [TRAINED, INDEX] + ([VECTORS] if kind.refined else [])
    assert all((first.folder / name).samefile(second.folder / name) for name in kept)
    clean = run(catalogs(changed(rows)), options=options(kind), layout=Layout(root=tmp_path / "clean"))
    assert clean.parameters.parts == ()
    assert_same(second, clean)
    stock = faiss.read_index(str(second.folder / part_name(INDEX, 1)))
    assert (stock.ntotal, stock.nlist) == (8, first.parameters.nlist)


def test_prices_alone_append_nothing_and_parts_survive_the_release_they_came_from(
    run: Run, layout: Layout, catalogs: Callable[[Rows], str], monkeypatch: pytest.MonkeyPatch
):
    rows = good_rows(200)
    first = run(catalogs(rows), options=options())
    rows[3]["price"] = 7.0

    def no_links(source: object, target: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    second = run(catalogs(rows), options=options())
    assert (second.added, second.parameters.parts) == (0, (200,))
    assert not (first.folder / INDEX).samefile(second.folder / INDEX)
    monkeypatch.undo()
    third = run(catalogs(rows[1:]), options=options())
    assert (third.added, third.parameters.parts) == (0, (200,))
    collect_garbage(layout, keep=1)
    assert not second.folder.exists()
    verified = verify_release(layout, third.release_id)
    assert verified.sampled == 64
    assert min((verified.recall or {}).values()) >= 0.9


def test_many_days_end_in_a_few_parts(
    run: Run, catalogs: Callable[[Rows], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(append, "MOST_PARTS", 3)
    rows = good_rows(200)
    run(catalogs(rows), options=options())
    seen = []
    for day in range(5):
        rows[40 * day] = row(1000 + day, picture(1000 + day))
        rows[40 * day + 1]["title"] = f"a new name on day {day}"
        summary = run(catalogs(rows), options=options())
        seen.append((summary.parameters.parts, summary.added))
    assert seen == [((200, 2), 2), ((200, 2, 2), 2), ((200, 2, 2, 2), 2), ((200, 8), 8), ((200, 8, 2), 2)]
    assert_same(summary, run(catalogs(rows), options=options(), layout=Layout(root=tmp_path / "clean")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:150] + good_rows(300)[250:], "50 of 200 products came or changed .* more than 20%"),
        (lambda rows: rows[:150], "50 of its 200 vectors are of products that are gone or have changed"),
    ],
)
def test_too_much_change_builds_anew(
    change: Callable[[Rows], Rows], words: str, run: Run, catalogs: Callable[[Rows], str], tmp_path: Path
):
    rows = good_rows(200)
    run(catalogs(rows), options=options())
    again = run(catalogs(change(rows)), options=options(max_drift=1.0))
    assert (again.added, again.parameters.parts) == (again.products, ())
    assert re.search(f"built anew: {words}", again.index.reason)
    clean = run(catalogs(change(rows)), options=options(), layout=Layout(root=tmp_path / "clean"))
    assert (again.folder / INDEX).read_bytes() == (clean.folder / INDEX).read_bytes()


def test_compaction_and_other_reasons_to_build_anew(
    run: Run, layout: Layout, catalogs: Callable[[Rows], str], other_model: Path
):
    rows = good_rows(200)
    first = run(catalogs(rows), options=options())
    rows[3]["title"] = "something else"
    appended = run(catalogs(rows), options=options())
    assert appended.parameters.parts == (200, 1)
    assert run(catalogs(rows), options=options(memory=appended.index.memory_bytes)).parameters.parts == (200, 1)
    tight = run(catalogs(rows), options=options(memory=appended.index.memory_bytes - 1))
    assert "takes more memory than is allowed" in tight.index.reason
    compacted = run(catalogs(rows), options=options(compact=True))
    assert (compacted.added, compacted.parameters.parts) == (200, ())
    other = run(catalogs(rows), options=options(IndexKind.IVF_SQ8))
    assert f"the index of {compacted.release_id} is ivf, of another kind" in other.index.reason
    another = run(catalogs(rows), options=options(IndexKind.IVF_SQ8), model=other_model)
    assert f"{other.release_id} has vectors of another model" in another.index.reason
    small = run(catalogs(rows[:40]), options=options(IndexKind.IVF_SQ8, max_drift=1.0))
    assert TRAINED not in {path.name for path in small.folder.iterdir()}
    assert "too small to be appended to" in run(catalogs(rows[:60]), options=options(IndexKind.IVF_SQ8)).index.reason
    assert run(catalogs(rows), options=options(IndexKind.EXACT, max_drift=1.0)).added == 200
    assert first.folder.exists()


def test_a_damaged_live_release_is_not_built_upon(run: Run, catalogs: Callable[[Rows], str]):
    rows = good_rows(200)
    first = run(catalogs(rows), options=options())
    content = bytearray((first.folder / INDEX).read_bytes())
    content[-5] ^= 1
    (first.folder / INDEX).write_bytes(content)
    rows[3]["title"] = "something else"
    again = run(catalogs(rows), options=options())
    assert again.added == 200
    assert f"{INDEX} was altered" in again.index.reason


def test_an_appended_index_that_finds_too_little_is_built_anew(
    run: Run, catalogs: Callable[[Rows], str], monkeypatch: pytest.MonkeyPatch
):
    rows = good_rows(200)
    run(catalogs(rows), options=options())
    rows[3]["title"] = "something else"
    measure = index_stage.evaluate_index

    def evaluate(folder: Path, built: Any, *args: Any, **kwargs: Any) -> Any:
        if built.parts:
            raise RecallUnreached("text 0.500", target=0.9, effort="ivf")
        return measure(folder, built, *args, **kwargs)

    monkeypatch.setattr(index_stage, "evaluate_index", evaluate)
    again = run(catalogs(rows), options=options())
    assert (again.added, again.parameters.parts) == (200, ())
    assert "built anew: appended to, its recall@10 is text 0.500 and the target 0.9" in again.index.reason
    assert ENTRIES not in {path.name for path in again.folder.iterdir()}
    assert again.recall[QueryKind.TEXT] >= 0.9


def test_equal_vectors_are_matched_one_to_one():
    held = np.array([[1, 1], [2, 2], [1, 1], [1, 2]], np.uint64)
    wanted = np.array([[2, 2], [1, 1], [9, 9], [1, 1], [1, 1], [2, 2]], np.uint64)
    assert matched(held, wanted, np.array([10, 11, 12, 13])).tolist() == [11, 10, -1, 12, -1, -1]
    none = np.zeros((0, 2), np.uint64)
    assert matched(none, wanted, np.zeros(0, np.int64)).tolist() == [-1] * 6
    assert matched(held, none, np.arange(4)).tolist() == []


def test_matching_agrees_with_a_dictionary():
    generator = random.Random(7)
    for _ in range(50):
        held, wanted = ([generator.randrange(12) for _ in range(generator.randrange(30))] for _ in range(2))
        free: dict[int, list[int]] = {}
        for place, key in enumerate(held):
            free.setdefault(key, []).append(place)
        expected = [free[key].pop(0) if free.get(key) else -1 for key in wanted]
        keys = [np.array([[key // 3, key % 3] for key in side], np.uint64).reshape(-1, 2) for side in (held, wanted)]
        assert matched(*keys, np.arange(len(held))).tolist() == expected


def test_keys_tell_vectors_apart_by_their_last_bit():
    vectors = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float16)
    other = vectors.copy()
    other.view(np.uint16)[3, 7] ^= 1
    one, two = (vector_keys([each[:2].astype(np.float32), each[2:].astype(np.float32)]) for each in (vectors, other))
    assert (one == two).all(axis=1).tolist() == [True, True, True, False, True]
    assert vector_keys([]).shape == (0, 2)
