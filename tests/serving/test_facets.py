"""Counts over what matches, and which attributes come back. (That counts are right: test_filters.)"""

import pytest

from aisle.errors import InvalidQuery
from aisle.images import ImageLimits
from aisle.manifest import AttributeType
from serving import engine
from serving.facets import Facet, ValueCount
from serving.query import Query
from serving.snapshot import load_snapshot


def ask(snapshot, **query):
    return engine.search(snapshot, Query(**query), limits=ImageLimits())


def test_facets_count_the_whole_filtered_set_and_not_the_page(snapshot):
    answer = ask(snapshot, text="red shirt", filters={"price": {"min": 30}}, k=1, facets=("tags", "in_stock"))
    assert len(answer.hits) == 1
    assert answer.facets == (
        Facet(
            "tags",
            AttributeType.LIST,
            values=(ValueCount("dress", 3), ValueCount("shoe", 3), ValueCount("new", 2)),
        ),
        Facet("in_stock", AttributeType.BOOLEAN, true=3, false=3),
    )
    assert ask(snapshot, text="red").facets == ()


def test_facets_leave_out_what_hits_leave_out(snapshot):
    (colours,) = ask(snapshot, like=("shirt/red", "dress/red"), facets=("colour",)).facets
    assert {value.value: value.count for value in colours.values} == {"blue": 3, "green": 3, "red": 1}


def test_of_nothing_there_is_nothing_to_count(snapshot):
    colours, prices, stock, tags = ask(
        snapshot, filters={"colour": "pink"}, facets=("colour", "price", "in_stock", "tags")
    ).facets
    assert colours.values == tags.values == ()
    assert (prices.minimum, prices.maximum, stock.true, stock.false) == (None, None, 0, 0)


def test_most_frequent_first_ties_by_value_and_no_more_than_a_hundred(layout, release, item):
    items = [
        item(f"{number}", looks="red", says="red", colour=f"c{number % 150:03}", tags=(f"t{number % 150:03}",) * 2)
        for number in range(370)
    ]
    snapshot = load_snapshot(layout, release(items=items))
    for facet, letter in zip(ask(snapshot, facets=("colour", "tags")).facets, "ct", strict=True):
        # 70 values come three times, the other 80 twice; a list that repeats itself counts once
        assert [(v.value, v.count) for v in facet.values] == [
            (f"{letter}{number:03}", 3 if number < 70 else 2) for number in range(100)
        ]


def test_fields_choose_the_attributes_that_come_back(snapshot):
    (everything,) = ask(snapshot, text="red shirt", k=1).hits
    assert list(everything.attributes) == ["colour", "price", "in_stock", "tags"]
    (some,) = ask(snapshot, text="red shirt", k=1, fields=("tags", "colour", "tags")).hits
    assert some.attributes == {"tags": ["new", "shirt"], "colour": "red"}
    (none,) = ask(snapshot, text="red shirt", k=1, fields=()).hits
    assert none.attributes == {}
    assert none.title == "Red Shirt"


@pytest.mark.parametrize("part", ["facets", "fields"])
def test_unknown_attributes_are_named(snapshot, part):
    with pytest.raises(InvalidQuery, match="'color'; known are colour, price, in_stock, tags"):
        ask(snapshot, **{part: ("colour", "color")})
