"""Every query that docs/search.md shows is answered, and what it says of limits and defaults is so."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from aisle.settings import Settings
from serving import columns, engine, facets, filters, query, schemas, suggestions, text_cache

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
BODIES = re.findall(r"```json\n(.*?)\n```", TEXT, re.DOTALL)
ADDRESSES = re.findall(r"^(/search\?.*)$", TEXT, re.MULTILINE)


@pytest.fixture
def shop(release, start, item):
    release(
        items=[
            item(
                f"sku-{n}", looks="red", says="red dress", colour="red", price=15.0, in_stock=True, tags=("new", "sale")
            )
            for n in range(1, 6)
        ]
    )
    with start() as client:
        yield client


@pytest.mark.parametrize("body", BODIES)
def test_bodies(shop, body):
    response = shop.post("/search", json=json.loads(body))
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses(shop, address):
    path, _, parameters = address.partition("?")
    response = shop.get(path, params=parse_qsl(parameters))
    assert response.status_code == 200, response.text


def test_there_is_something_to_run():
    assert len(BODIES) >= 8
    assert len(ADDRESSES) == 3


def test_fields_of_a_body_are_all_explained():
    for field in schemas.SearchRequest.model_fields:
        assert re.search(rf"`{field}`|\"{field}\":", TEXT), field


@pytest.mark.parametrize(
    "statement",
    [
        f"1 to {query.MAX_HITS}",
        f"together at most {query.MAX_DEPTH:,}",
        f"weighs {engine.UNWANTED}",
        f"At most {filters.MAX_CONDITIONS} conditions of {columns.MAX_WANTED} values each",
        f"nested {query.DEFAULT_LIMITS.filter_depth} deep",
        f"the {facets.MAX_VALUES} most frequent",
        f"at most {Settings().max_batch_queries} (`AISLE_MAX_BATCH_QUERIES`), and answers",
        f"The {suggestions.MAX_TEXTS:,} most frequent texts of a release of up to {suggestions.MAX_LENGTH} characters",
        f"the {text_cache.MAX_TEXTS:,} texts asked for last",
    ],
)
def test_numbers(statement):
    assert statement in " ".join(TEXT.split())
