import numpy as np
import pyarrow as pa
import pytest

from aisle.errors import InvalidQuery
from aisle.images import ImageLimits
from serving import engine
from serving.query import Query
from serving.snapshot import load_snapshot

EVERY = ["shirt/red", "shirt/green", "shirt/blue", "dress/red", "dress/green", "dress/blue"]
EVERY += ["shoe/red", "shoe/green", "shoe/blue"]


def found(snapshot, filters, **query):
    return engine.search(snapshot, Query(filters=filters, k=200, **query), limits=ImageLimits())


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, EVERY),
        ({"colour": "red"}, ["shirt/red", "dress/red", "shoe/red"]),
        ({"colour": ["red", "blue", "red"]}, [name for name in EVERY if not name.endswith("green")]),
        ({"colour": ["pink"]}, []),
        ({"price": {"min": 60}}, ["shoe/red", "shoe/green", "shoe/blue"]),
        ({"price": {"max": 10, "min": None}}, ["shirt/red", "shirt/green"]),
        ({"price": {"min": 10, "max": 20}}, ["shirt/green", "shirt/blue"]),
        ({"in_stock": True}, ["shirt/red", "shirt/blue", "dress/green", "shoe/red", "shoe/blue"]),
        ({"in_stock": False}, ["shirt/green", "dress/red", "dress/blue", "shoe/green"]),
        ({"tags": "new"}, EVERY[:5]),
        ({"tags": ["shoe", "shirt"]}, EVERY[:3] + EVERY[6:]),
        ({"tags": "new", "colour": "red", "price": {"min": 1}}, ["dress/red"]),
    ],
    ids=str,
)
def test_filters(snapshot, filters, expected):
    browsed = found(snapshot, filters)
    assert [hit.id for hit in browsed.hits] == expected
    assert browsed.matches == len(expected)
    searched = found(snapshot, filters, text="green shoe")
    assert sorted(hit.id for hit in searched.hits) == sorted(expected)
    assert searched.matches == len(expected)


def test_products_without_a_value_match_nothing(layout, release, item):
    snapshot = load_snapshot(
        layout,
        release(
            items=[
                item("bare", looks="red", says="red"),
                item("full", looks="red", says="red", colour="red", price=0.0, in_stock=False, tags=("new",)),
            ]
        ),
    )
    for filters in ({"colour": "red"}, {"price": {"min": -1}}, {"in_stock": False}, {"tags": "new"}):
        assert [hit.id for hit in found(snapshot, filters).hits] == ["full"], filters
    assert found(snapshot, {"in_stock": True}).hits == ()


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"color": "red"}, "'color'.*known are colour, price, in_stock, tags"),
        ({"colour": 3}, "colour"),
        ({"colour": []}, "colour"),
        ({"colour": ["red", None]}, "colour"),
        ({"colour": {"min": 1}}, "colour"),
        ({"colour": ["x"] * 101}, "at most 100"),
        ({"price": 10}, "price"),
        ({"price": {}}, "price"),
        ({"price": {"minimum": 10}}, "price"),
        ({"price": {"min": "10"}}, "price"),
        ({"price": {"min": True}}, "price"),
        ({"price": {"min": float("nan")}}, "price"),
        ({"price": {"min": 20, "max": 10}}, "must not exceed"),
        ({"in_stock": "yes"}, "in_stock"),
        ({"in_stock": 1}, "in_stock"),
        ({"tags": None}, "tags"),
    ],
    ids=str,
)
def test_nonsense_is_refused_with_the_name(snapshot, filters, message):
    with pytest.raises(InvalidQuery, match=message):
        found(snapshot, filters)


@pytest.fixture(scope="module")
def large(tmp_path_factory, bundles, write_release, item_class):
    """Per index kind: 6,000 products, so that filters pass the bound below which rows are scanned one by one."""
    from aisle.layout import Layout
    from aisle.manifest import IndexKind

    layout = Layout(tmp_path_factory.mktemp("large"))
    layout.models.symlink_to(bundles[0])
    rng = np.random.default_rng(5)
    looks, says = rng.choice(["red", "green", "blue"], 6000), rng.choice(["shirt", "shoe", "dress striped"], 6000)
    items = [
        item_class(
            id=f"p{number}", looks=str(looks[number]), says=f"{looks[number]} {says[number]}", price=float(number)
        )
        for number in range(6000)
    ]
    snapshots = {}
    for kind in IndexKind:
        write_release(layout, f"r-{kind}", items, fingerprint=bundles[1], kind=kind)
        snapshots[kind] = load_snapshot(layout, f"r-{kind}")
    return snapshots


@pytest.mark.parametrize("matches", [0, 1, 7, 24, 25, 199, 200, 201, 4095, 4096, 4097, 5999, 6000])
def test_a_filter_never_costs_a_result(large, kind, matches):
    """min(k, matches) hits at every selectivity, and the best ones: products equal to the query lead."""
    snapshot = large[kind]
    filters = {"price": {"max": matches - 1}}
    answer = found(snapshot, filters, text="blue shoe", balance=1.0)
    assert answer.matches == matches
    assert len(answer.hits) == min(200, matches)
    assert len({hit.id for hit in answer.hits}) == len(answer.hits)
    assert all(hit.attributes["price"] < matches for hit in answer.hits)
    texts = snapshot.products.table.column("text").to_pylist()[:matches]
    best = min(texts.count("blue shoe"), len(answer.hits))
    assert [round(hit.score, 4) for hit in answer.hits[:best]] == [1.0] * best


def test_a_release_of_no_products(layout, release):
    """Arrow columns of no chunks have no dictionary either."""
    from serving.filters import check_filters, filter_columns, select

    class Products:
        attributes = load_snapshot(layout, release()).manifest.attributes

        def column(self, name):
            kinds = {
                "colour": pa.string(),
                "price": pa.float64(),
                "in_stock": pa.bool_(),
                "tags": pa.list_(pa.string()),
            }
            return pa.chunked_array([], type=kinds[name])

    columns = filter_columns(Products())
    wanted = {"colour": "red", "price": {"min": 1}, "in_stock": True, "tags": "new"}
    assert len(select(check_filters(wanted, columns), products=0)) == 0
