from dataclasses import replace

import numpy as np
import pytest

from aisle.images import ImageLimits
from aisle.manifest import IndexKind, QueryKind
from serving import engine
from serving.fusion import fuse
from serving.query import LikePart, Query, TextPart
from serving.snapshot import load_snapshot


def asked_of(snapshot, monkeypatch, **query):
    """Which index a query is put to."""
    asked = []
    kinds = {id(snapshot.index): "both halves", id(snapshot.fused): "fused"}
    rank = type(snapshot.index).rank

    def listen(index, *arguments, **options):
        asked.append(kinds[id(index)])
        return rank(index, *arguments, **options)

    monkeypatch.setattr(type(snapshot.index), "rank", listen)
    engine.search(snapshot, Query(**query), limits=ImageLimits())
    return asked


def test_scores_are_those_of_both_halves(layout, release):
    snapshot = load_snapshot(layout, release(kind=IndexKind.EXACT))
    halves, chance = snapshot.fused_halves, np.random.default_rng(0)
    query = chance.standard_normal((1, snapshot.index.width // 2)).astype(np.float32)
    query /= np.linalg.norm(query)
    vectors = snapshot.index.vectors(np.arange(len(snapshot.index)))
    pictures, texts = np.split(vectors, 2, axis=1)
    expected = (halves.image * pictures + halves.text * texts) @ query[0]
    fused = fuse(snapshot.index, halves)
    scores, rows = fused.rank(query, depth=len(fused), order=snapshot.order)
    assert len(fused) == len(snapshot.index)
    assert scores == pytest.approx(expected[rows], abs=5e-4)
    assert list(scores) == sorted(scores, reverse=True)


def test_texts_under_the_default_weights_ask_it(layout, release, monkeypatch):
    snapshot = load_snapshot(layout, release(kind=IndexKind.EXACT))
    assert asked_of(snapshot, monkeypatch, text="red -shirt") == ["fused"]
    assert asked_of(snapshot, monkeypatch, text="red", filters={"colour": "red"}) == ["fused"]


@pytest.mark.parametrize(
    "query",
    [
        {"text": "red", "balance": 0.123},
        {"like": ("shirt/red",)},
        {"parts": (TextPart("red"), LikePart(("shirt/red",)))},
    ],
    ids=["another balance", "like", "text and like"],
)
def test_others_ask_both_halves(layout, release, monkeypatch, query):
    snapshot = load_snapshot(layout, release(kind=IndexKind.EXACT))
    weights = dict.fromkeys(QueryKind, snapshot.fused_halves)  # so that it is not these that tell them apart
    snapshot = replace(snapshot, manifest=replace(snapshot.manifest, weights=weights))
    assert asked_of(snapshot, monkeypatch, **query) == ["both halves"]


def test_an_ivf_index_is_not_fused(layout, release, monkeypatch):
    snapshot = load_snapshot(layout, release(kind=IndexKind.IVF))
    assert snapshot.fused is None
    assert asked_of(snapshot, monkeypatch, text="red") == ["both halves"]


def test_its_weights_are_those_of_texts(layout, release):
    snapshot = load_snapshot(layout, release(kind=IndexKind.EXACT))
    assert snapshot.fused_halves == snapshot.manifest.weights[QueryKind.TEXT]
