from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import InvalidQuery
from aisle.images import ImageLimits
from aisle.manifest import IndexKind
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
        ({"tags": {"any": ["new", "shoe"]}}, EVERY[:5] + EVERY[6:]),
        ({"tags": {"all": ["new", "shirt"]}}, EVERY[:3]),
        ({"tags": {"all": ["new", "shirt", "old"]}}, []),
        ({"tags": {"all": ["new", "new"], "none": "dress"}}, EVERY[:3]),
        ({"tags": {"none": ["shirt", "dress"]}}, EVERY[6:]),
        ({"tags": {"any": ["shirt", "dress"], "none": ["new"]}}, ["dress/blue"]),
        ({"colour": {"none": "red"}}, [name for name in EVERY if not name.endswith("red")]),
        ({"colour": {"all": ["red"]}}, ["shirt/red", "dress/red", "shoe/red"]),
        ({"colour": {"all": ["red", "blue"]}}, []),
        ({"$not": {"colour": "red"}}, [name for name in EVERY if not name.endswith("red")]),
        ({"$or": [{"colour": "red"}, {"price": {"min": 80}}]}, ["shirt/red", "dress/red", "shoe/red", "shoe/blue"]),
        ({"$and": [{"colour": "red"}, {"tags": "new"}]}, ["shirt/red", "dress/red"]),
        ({"$and": ({"colour": "red"},), "tags": "new", "$not": {"in_stock": True}}, ["dress/red"]),
        ({"$not": {"$or": [{"tags": "new"}, {"$not": {"in_stock": True}}]}}, ["shoe/red", "shoe/blue"]),
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
    "filters",
    [
        {"colour": {"none": "red"}},
        {"tags": {"none": "new"}},
        *({"$not": wanted} for wanted in ({"colour": "red"}, {"price": {"max": 0}}, {"in_stock": False})),
    ],
    ids=str,
)
def test_products_without_a_value_meet_what_is_negative(layout, release, item, filters):
    items = [
        item("bare", looks="red", says="red"),
        item("full", looks="red", says="red", colour="red", price=0.0, in_stock=False, tags=("new",)),
    ]
    snapshot = load_snapshot(layout, release(items=items))
    assert [hit.id for hit in found(snapshot, filters).hits] == ["bare"]


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
        ({"tags": {}}, "tags"),
        ({"tags": {"some": ["new"]}}, "tags"),
        ({"tags": {"any": []}}, "tags"),
        ({"tags": {"all": "new", "none": 3}}, "tags"),
        ({"colour": {"none": ["x"] * 101}}, "at most 100"),
        ({"$or": []}, r"\$or is \[\]; a list of filters is wanted"),
        ({"$or": {"colour": "red"}}, r"\$or"),
        ({"$and": [{}]}, "is no filter"),
        ({"$and": ["red"]}, "'red' is no filter"),
        ({"$not": []}, "is no filter"),
        ({"$not": {"color": "red"}}, "'color'"),
        ({"$nor": [{"colour": "red"}]}, r"'\$nor'"),
    ],
    ids=str,
)
def test_nonsense_is_refused_with_the_name(snapshot, filters, message):
    with pytest.raises(InvalidQuery, match=message):
        found(snapshot, filters)


def nested(depth):
    filters = {"colour": "red"}
    for _ in range(depth):
        filters = {"$not": filters}
    return filters


def test_depth_and_number_of_conditions_are_limited(snapshot):
    assert len(found(snapshot, nested(8)).hits) == 3
    many = {"$or": [{"colour": "red"}] * 64}
    assert len(found(snapshot, many).hits) == 3
    for filters, message in (
        (nested(9), "nested more than 8 deep"),
        (nested(500), "nested more than 8 deep"),
        ({"$or": [many, {"colour": "red"}]}, "more than 64 conditions"),
    ):
        with pytest.raises(InvalidQuery, match=message):
            found(snapshot, filters)


@pytest.mark.parametrize("attribute", ["colour", "price", "in_stock", "tags", "none"])
def test_what_is_deep_or_long_is_refused_in_few_words(snapshot, attribute):
    deep = "red"
    for _ in range(500):
        deep = [deep]
    for wanted in (
        deep,
        {"min": deep},
        {"any": deep},
        ["x" * 100_000, 3],
        "y" * 100_000 if attribute == "price" else deep,
    ):
        with pytest.raises(InvalidQuery) as refusal:
            found(snapshot, {attribute: wanted})
        assert len(str(refusal.value)) < 400


scalars = {
    "colour": st.sampled_from(["red", "green", "navy blue", "or", "pink"]),
    "tags": st.sampled_from(["new", "sale", "eco", "old"]),
    "price": st.sampled_from([-3.0, 0.0, 5.0, 9.99, 10.0, 25.0]),
}


@st.composite
def conditions(draw):
    """A condition in JSON, and the same as a question about one product's attributes."""
    name = draw(st.sampled_from(["colour", "tags", "price", "in_stock"]))
    if name == "in_stock":
        wanted = draw(st.booleans())
        return {name: wanted}, lambda product: product[name] is wanted
    if name == "price":
        low, high = sorted([draw(scalars[name]), draw(scalars[name])])
        return {
            name: {"min": low, "max": high}
        }, lambda product: product[name] is not None and low <= product[name] <= high
    texts = draw(st.lists(scalars[name], min_size=1, max_size=3))
    mode = draw(st.sampled_from(["any", "all", "none"]))

    def has(product):
        held = set(product[name]) if name == "tags" else {product[name]}
        return {"any": bool(held & set(texts)), "all": held >= set(texts), "none": not held & set(texts)}[mode]

    return {name: texts if mode == "any" and draw(st.booleans()) else {mode: texts}}, has


def combined(children):
    def joined(several):
        operator, parts = several
        judge = all if operator == "$and" else any
        return {operator: [filters for filters, _ in parts]}, lambda product: judge(has(product) for _, has in parts)

    several = st.tuples(st.sampled_from(["$and", "$or"]), st.lists(children, min_size=1, max_size=3)).map(joined)
    negated = children.map(lambda part: ({"$not": part[0]}, lambda product: not part[1](product)))
    return several | negated


@given(part=st.recursive(conditions(), combined, max_leaves=6))
def test_filters_and_facets_mean_what_they_say(varied, part):
    """Against a question asked of each product in turn."""
    filters, meets = part
    snapshot = varied[IndexKind.EXACT]
    try:
        answer = engine.search(
            snapshot,
            Query(filters=filters, k=200, facets=("colour", "price", "in_stock", "tags")),
            limits=ImageLimits(),
        )
    except InvalidQuery as error:
        if "nested" not in str(error):
            raise
        return
    products = [product for product in snapshot.products.take(range(400)) if meets(product.attributes)]
    assert answer.matches == len(products)
    assert [hit.id for hit in answer.hits] == [product.id for product in products][:200]
    values = {name: [product.attributes[name] for product in products] for name in snapshot.columns}
    colour, price, in_stock, tags = answer.facets
    assert {v.value: v.count for v in colour.values} == Counter(v for v in values["colour"] if v is not None)
    assert {v.value: v.count for v in tags.values} == Counter(tag for held in values["tags"] for tag in set(held))
    known = [v for v in values["price"] if v is not None]
    assert (price.minimum, price.maximum) == (min(known, default=None), max(known, default=None))
    assert (in_stock.true, in_stock.false) == (values["in_stock"].count(True), values["in_stock"].count(False))


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


@pytest.mark.parametrize("kind", IndexKind)
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
    assert [hit.score for hit in answer.hits[:best]] == pytest.approx([1.0] * best, abs=1e-3)  # float16


def test_a_release_of_no_products(layout, release):
    """Arrow columns of no chunks have no dictionary either."""
    from serving.columns import filter_columns
    from serving.filters import read_filters, select

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
    assert len(select(read_filters(wanted, columns), products=0)) == 0
