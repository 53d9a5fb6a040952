"""Limits of queries are settings: another one takes effect wherever it holds, and its error names it."""

import pytest

from aisle.settings import Settings
from serving.query import DEFAULT_LIMITS, QueryLimits


@pytest.fixture(params=["lower", "higher"])
def limited(request, release, start):
    """A service with limits of its own, and how much each lets through."""
    release()
    most = {"lower": (5, 1, 2), "higher": (3000, 20, 80)}[request.param]
    length, depth, queries = most
    with start(max_text_length=length, max_filter_depth=depth, max_batch_queries=queries) as client:
        yield client, *most


def nested(depth):
    return {"colour": "red"} if depth == 0 else {"$not": nested(depth - 1)}


def refused(response, *, code="invalid_query"):
    assert response.status_code == (400 if "/v1/" in str(response.url) else 422), response.text
    assert response.json()["error"]["code"] == code
    return response.json()["error"]["message"]


def test_defaults_are_those_of_the_engine():
    assert QueryLimits.of(Settings()) == DEFAULT_LIMITS


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, text: client.post("/search", json={"text": text}),
        lambda client, text: client.post("/search", json={"parts": [{"text": text}]}),
        lambda client, text: client.post("/search", json={"parts": [{"text": text, "weight": -0.5}, {"text": "a"}]}),
        lambda client, text: client.get("/search", params={"q": text}),
        lambda client, text: client.post("/v1/embeddings", json={"input": text}),
        lambda client, text: client.post("/v1/embeddings", json={"input": [{"text": text}]}),
        lambda client, text: client.post("/knn-service", json={"text": text}),
    ],
    ids=["text", "part", "unwanted part", "address", "embedding", "embedded item", "knn"],
)
def test_length_of_a_text(limited, ask):
    client, length, _, _ = limited
    assert ask(client, "x" * length).status_code == 200
    message = refused(ask(client, "x" * (length + 1)))
    assert f"{length + 1:,} characters; at most {length:,} are accepted (AISLE_MAX_TEXT_LENGTH)" in message


@pytest.mark.parametrize("method", ["POST", "GET", "similar"])
def test_depth_of_filters(limited, method):
    client, _, depth, _ = limited

    def ask(levels):
        if method == "POST":
            return client.post("/search", json={"filters": nested(levels)})
        path = "/search" if method == "GET" else "/products/shirt%2Fred/similar"
        return client.get(path, params={"filter": "not " * levels + "colour:red"})

    assert ask(depth).status_code == 200
    assert f"nested more than {depth} deep (AISLE_MAX_FILTER_DEPTH)" in refused(ask(depth + 1))


def test_queries_of_a_batch(limited):
    client, _, _, queries = limited
    assert len(client.post("/search/batch", json={"queries": [{"k": 1}] * queries}).json()["results"]) == queries
    message = refused(
        client.post("/search/batch", json={"queries": [{"k": 1}] * (queries + 1)}), code="invalid_request"
    )
    assert f"{queries + 1} queries; at most {queries} are accepted (AISLE_MAX_BATCH_QUERIES)" in message


def test_limits_hold_for_each_query_of_a_batch(release, start):
    release()
    with start(max_text_length=5) as client:
        results = client.post("/search/batch", json={"queries": [{"text": "red"}, {"text": "purple"}]}).json()[
            "results"
        ]
    assert "hits" in results[0]
    assert "AISLE_MAX_TEXT_LENGTH" in results[1]["error"]["message"]


@pytest.mark.parametrize("path", ["/search", "/v1/embeddings", "/knn-service"])
def test_half_a_character_is_no_text(client, path):
    field = "input" if path == "/v1/embeddings" else "text"
    body = f'{{"{field}": "red \\ud800"}}'.encode()
    response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == (400 if field == "input" else 422), response.text
