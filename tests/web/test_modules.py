"""What the page's modules compute, run by node: addresses, request bodies, wording, examples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from web import STATIC

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Any]:
    """`evaluate(module, expression)`: the expression's value, with the module as `m`."""
    folder = tmp_path_factory.mktemp("page")
    for path in STATIC.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")

    def run(module: str, expression: str) -> Any:
        program = f'import * as m from "./{module}.js"; console.log(JSON.stringify({expression}))'
        command = ["node", "--input-type=module", "-e", program]
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "LC_ALL": "en_US.UTF-8"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


EVERYTHING = (
    "?q=red+dress&like=a%2F1&like=b&in.baseColour=Red&in.baseColour=Navy+Blue"
    "&is.in_stock=false&min.price=10&max.price=49.5&balance=0.25&mix=80&k=96"
)


def test_an_address_is_read(evaluate) -> None:
    assert evaluate("address", f"m.readAddress({EVERYTHING!r})") == {
        "text": "red dress",
        "like": ["a/1", "b"],
        "filters": {"baseColour": ["Red", "Navy Blue"], "in_stock": False, "price": {"min": 10, "max": 49.5}},
        "balance": 0.25,
        "mix": 80,
        "k": 96,
    }


def test_an_address_survives_a_round_trip(evaluate) -> None:
    assert evaluate("address", f"m.writeAddress(m.readAddress({EVERYTHING!r}))") == EVERYTHING


def test_an_empty_query_has_an_empty_address(evaluate) -> None:
    assert evaluate("address", "m.writeAddress(m.emptyQuery())") == ""


def test_nonsense_in_an_address_is_left_out(evaluate) -> None:
    query = evaluate(
        "address", "m.readAddress('?q=+&like=&balance=7&mix=-5&k=many&min.price=zz&is.x=maybe&in.=v&in.y=')"
    )
    assert query == {"text": "", "like": [], "filters": {}, "balance": None, "mix": 50, "k": 24}


@pytest.mark.parametrize(("asked", "given"), [("1", 24), ("25", 48), ("96", 96), ("150", 200), ("9999", 200)])
def test_k_is_one_of_the_steps(evaluate, asked: str, given: int) -> None:
    assert evaluate("address", f"m.readAddress('?k={asked}').k") == given


def test_attribute_names_cannot_reach_the_prototype(evaluate) -> None:
    filters = "m.readAddress('?in.__proto__=x&in.constructor=y').filters"
    assert evaluate("address", f"[Object.keys({filters}), ({{}}).x === undefined]") == [
        ["__proto__", "constructor"],
        True,
    ]


def test_an_empty_wish_removes_a_filter(evaluate) -> None:
    program = (
        "[[], null, {}].map((wanted) => Object.keys(m.withFilter({colour: ['Red'], size: ['M']}, 'colour', wanted)))"
    )
    assert evaluate("address", program) == [["size"]] * 3


def test_filters_are_counted_by_value(evaluate) -> None:
    assert evaluate("address", "m.filterCount({colour: ['Red', 'Blue'], price: {min: 1, max: 2}, new: true})") == 4


def body(query: str, picture: str = "null") -> str:
    return f"m.question({{text: '', like: [], filters: {{}}, balance: null, mix: 50, k: 24, ...{query}}}, {picture})"


def test_browsing_asks_for_nothing_but_a_number(evaluate) -> None:
    assert evaluate("question", body("{}")) == {"k": 24}


def test_what_is_counted_is_asked_for(evaluate) -> None:
    call = body("{text: 'red'}").removesuffix(")") + ", ['colour', 'new'])"
    assert evaluate("question", call) == {"k": 24, "text": "red", "facets": ["colour", "new"]}


def test_everything_is_asked_for(evaluate) -> None:
    asked = body(
        "{text: 'red', like: ['a'], filters: {size: ['M']}, balance: 0, mix: 75}", "{base64: 'QUJD', preview: 'blob:x'}"
    )
    assert evaluate("question", asked) == {
        "k": 24,
        "text": "red",
        "image": "QUJD",
        "like": ["a"],
        "weights": {"text": 0.5, "image": 1, "like": 1},
        "balance": 0,
        "filters": {"size": ["M"]},
    }


@pytest.mark.parametrize(
    "query", ["{text: 'red', mix: 80}", "{like: ['a'], mix: 80}", "{text: 'red', like: ['a'], mix: 50}"]
)
def test_weights_need_words_a_picture_and_a_choice(evaluate, query: str) -> None:
    assert "weights" not in evaluate("question", body(query))


@pytest.mark.parametrize(("mix", "words", "looks"), [(0, 1, 0), (20, 1, 0.4), (50, 1, 1), (80, 0.4, 1), (100, 0, 1)])
def test_the_heavier_side_weighs_one(evaluate, mix: int, words: float, looks: float) -> None:
    assert evaluate("question", f"m.weightsOf({mix})") == {"words": words, "looks": looks}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("baseColour", "Base colour"),
        ("in_stock", "In stock"),
        ("SKU", "SKU"),
        ("itemSKUCode", "Item SKU code"),
        ("list-price", "List price"),
        ("size2Fit", "Size2 fit"),
    ],
)
def test_names_are_humanised(evaluate, name: str, shown: str) -> None:
    assert evaluate("wording", f"m.humanise({name!r})") == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("'price', 39.5", "39.50"),
        ("'price', 39.5, {currency: 'EUR'}", "€39.50"),
        ("'price', 39.5, {currency: 'shells'}", "39.50 shells"),
        ("'year', 2019", "2019"),
        ("'weight', 12345.678", "12,345.68"),
        ("'tags', ['a', 'b']", "a, b"),
        ("'in_stock', false", "No"),
        ("'season', null", ""),
    ],
)
def test_values_are_written_for_people(evaluate, arguments: str, shown: str) -> None:
    assert evaluate("wording", f"m.attributeValue({arguments})") == shown


def test_scores_have_two_decimals_and_a_true_minus(evaluate) -> None:
    assert evaluate("wording", "[m.score(0.8312), m.score(-0.05)]") == ["0.83", "\u22120.05"]


def test_the_price_is_the_plainest_price(evaluate) -> None:
    attributes = "{list_price: 9, price: 7, unitPrice: 'n/a'}"
    assert evaluate("wording", f"[m.priceName({attributes}), m.priceName({{unitPrice: 'n/a', size: 3}})]") == [
        "price",
        None,
    ]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("'7'", 7),
        ("'0'", 1),
        ("'99999'", 120),
        ("'Sat, 21 Nov 2026 00:00:10 GMT'", 10),
        ("'soon'", None),
        ("null", None),
    ],
)
def test_retry_after_is_understood(evaluate, header: str, seconds: int | None) -> None:
    assert evaluate("service", f"m.retryAfterSeconds({header}, Date.UTC(2026, 10, 21))") == seconds


def test_ids_are_escaped_in_addresses(evaluate) -> None:
    assert evaluate("service", "m.imageAddress('a/b ?#')") == "images/a%2Fb%20%3F%23"


def test_large_pictures_shrink_and_small_ones_do_not_grow(evaluate) -> None:
    sizes = evaluate("picture", "[m.fitted(3000, 2000), m.fitted(600, 800), m.fitted(9000, 2)]")
    assert sizes == [{"width": 1024, "height": 683}, {"width": 600, "height": 800}, {"width": 1024, "height": 1}]


def category(name: str, *values: str) -> dict[str, Any]:
    return {"name": name, "type": "category", "values": [{"value": value, "count": 9} for value in values]}


@pytest.mark.parametrize(
    ("attributes", "examples"),
    [
        (
            [
                category("gender", "Men"),
                category("articleType", "Tshirts", "Casual Shoes"),
                category("baseColour", "Navy Blue"),
            ],
            ["Navy blue tshirts", "Navy blue casual shoes"],
        ),
        ([category("article", "dress"), category("colour", "red", "blue")], ["Red dress"]),
        ([category("brand", "LG", "Philips"), category("room", "Kitchen")], ["LG", "Philips", "Kitchen"]),
        ([category("colour", "12", "#")], []),
        ([{"name": "price", "type": "number", "minimum": 1, "maximum": 2}], []),
    ],
)
def test_examples_come_from_the_catalog(evaluate, attributes: list[dict[str, Any]], examples: list[str]) -> None:
    assert evaluate("examples", f"m.exampleQueries({json.dumps(attributes)})") == examples
