"""Every route is in README's table or in the docs, and nothing is promised that is no route."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from serving import openai_schemas, query
from serving.knn_routes import DUPLICATE_COSINE
from serving.routes import ROUTERS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLIENTS = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
ROUTES = sorted(
    (method, re.sub(r"\{(\w+):path\}", r"{\1}", route.path))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
)


def named(text: str) -> set[tuple[str, str]]:
    """Endpoints in code spans; a span without a method goes on with the last one of its line."""
    found = set()
    for line in text.splitlines():
        method = "GET"
        for given, path in re.findall(r"`(?:(GET|POST) )?(/[^`?\s]*)[^`]*`", line):
            method = given or method
            found.add((method, path))
    return found


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_documented(method, path):
    assert (method, path) in named(README) | named(CLIENTS)


def test_readme_promises_routes_only():
    table = "\n".join(line for line in README.splitlines() if re.match(r"\| `(GET|POST) /", line))
    assert named(table) - set(ROUTES) == {("GET", "/openapi.json")}


@pytest.mark.parametrize(
    "statement",
    [
        f"up to {openai_schemas.MAX_INPUTS:,}",
        f"up to {query.DEFAULT_LIMITS.text_length:,} characters",
        f"At most {query.MAX_HITS} come back",
        f"(cosine {DUPLICATE_COSINE})",
    ],
)
def test_numbers_of_the_clients_page(statement):
    assert statement in CLIENTS
