"""Filters in one line: read into the JSON form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import InvalidQuery
from aisle.manifest import AttributeType
from serving.compact_filters import read_compact

TYPES = {
    "colour": AttributeType.CATEGORY,
    "price": AttributeType.NUMBER,
    "in_stock": AttributeType.BOOLEAN,
    "tags": AttributeType.LIST,
}
RED, BLUE = {"colour": ["red"]}, {"colour": ["blue"]}


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("colour:red", RED),
        ("colour:red,blue", {"colour": ["red", "blue"]}),
        ("colour : red , blue", {"colour": ["red", "blue"]}),
        ("colour:any(red,blue)", {"colour": ["red", "blue"]}),
        ("tags:all(new,sale)", {"tags": {"all": ["new", "sale"]}}),
        ("tags:none(old)", {"tags": {"none": ["old"]}}),
        ("price:10..50", {"price": {"min": 10.0, "max": 50.0}}),
        ("price:10..", {"price": {"min": 10.0}}),
        ("price:..50", {"price": {"max": 50.0}}),
        ("price:-5..-1.5", {"price": {"min": -5.0, "max": -1.5}}),
        ("price:10", {"price": {"min": 10.0, "max": 10.0}}),
        ("price:1..2,8..9", {"$or": [{"price": {"min": 1.0, "max": 2.0}}, {"price": {"min": 8.0, "max": 9.0}}]}),
        ("price:none(5..)", {"$not": {"price": {"min": 5.0}}}),
        ("in_stock:true", {"in_stock": True}),
        ("in_stock:False", {"in_stock": False}),
        ('colour:"navy blue"', {"colour": ["navy blue"]}),
        (r'colour:"a, (b): \"c\" \\"', {"colour": ['a, (b): "c" \\']}),
        ('"colour":"red"', RED),
        # words of the language as values and names
        ("colour:or", {"colour": ["or"]}),
        ("colour:any", {"colour": ["any"]}),
        ("colour:all,none", {"colour": ["all", "none"]}),
        ("colour:not and colour:and", {"$and": [{"colour": ["not"]}, {"colour": ["and"]}]}),
        ('"not":x', {"not": ["x"]}),
        # what there is no attribute for is refused later, by name
        ("size:10..20", {"size": ["10..20"]}),
        # together
        ("colour:red and in_stock:true", {"$and": [RED, {"in_stock": True}]}),
        ("colour:red OR colour:blue", {"$or": [RED, BLUE]}),
        ("not colour:red", {"$not": RED}),
        ("not not colour:red", {"$not": {"$not": RED}}),
        ("colour:red or colour:blue and in_stock:true", {"$or": [RED, {"$and": [BLUE, {"in_stock": True}]}]}),
        ("(colour:red or colour:blue) and in_stock:true", {"$and": [{"$or": [RED, BLUE]}, {"in_stock": True}]}),
        ("not colour:red and colour:blue", {"$and": [{"$not": RED}, BLUE]}),
        ("not (colour:red and colour:blue)", {"$not": {"$and": [RED, BLUE]}}),
        ("((colour:red))", RED),
    ],
)
def test_one_line(text, filters):
    assert read_compact([text], TYPES) == filters


def test_a_long_line_is_not_a_deep_one():
    assert read_compact([" or ".join(["(colour:red)"] * 50)], TYPES) == {"$or": [RED] * 50}


def test_several_lines_must_all_hold():
    assert read_compact(["colour:red", "  ", "colour:blue"], TYPES) == {"$and": [RED, BLUE]}
    assert read_compact([], TYPES) == {}
    assert read_compact([""], TYPES) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour", "`:` should come where the end does"),
        ("colour:", "a value should come where the end does"),
        (":red", "the name of an attribute should come where ':red' does"),
        ("colour:red,", "a value"),
        ("colour:navy blue", "`and`, `or` or the end should come where 'blue' does.*want quotes"),
        ("colour:red and", "the name of an attribute should come where the end does"),
        ("(colour:red", r"`\)` should come"),
        ("colour:red)", "the end should come"),
        ("tags:all(new", r"`\)` should come"),
        ('colour:"red', "a value"),
        ("price:cheap", "'cheap'; a number or a range is wanted: price:10..50"),
        ("price:..", "a number or a range"),
        ("price:1..2..3", "a number or a range"),
        ("in_stock:maybe", "in_stock:true or in_stock:false"),
        ("(" * 9 + "colour:red" + ")" * 9, "nested more than 8 deep"),
        ("(" * 900 + "colour:red" + ")" * 900, "nested more than 8 deep"),
        ("not " * 400 + "colour:red", "nested more than 8 deep"),
        ("x" * 2001, "2,001 characters"),
    ],
)
def test_what_cannot_be_read_says_where(text, message):
    with pytest.raises(InvalidQuery, match=message):
        read_compact([text], TYPES)


@given(st.text(st.sampled_from('colour:price red"\\,().10and or not tags in_stock'), max_size=80))
def test_anything_is_read_or_refused(text):
    try:
        told = json.dumps(read_compact([text], TYPES))
    except InvalidQuery as error:
        told = str(error)
    assert 0 < len(told) < 2000


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30))
def test_every_value_can_be_written_in_quotes(value):
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert read_compact([f'colour:"{quoted}"'], TYPES) == {"colour": [value]}
