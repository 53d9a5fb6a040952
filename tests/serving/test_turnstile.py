from contextlib import contextmanager

import pytest

from serving import turnstile


@contextmanager
def full(client, door):
    """No room at one door, as if its searches never ended."""
    searcher = client.app.state.service.searcher
    doors = {"texts": searcher._text_door, "pictures": searcher._picture_door}
    before = doors[door].inside
    doors[door].inside = 10_000
    try:
        yield
    finally:
        doors[door].inside = before


@pytest.fixture
def client(release, start):
    release()
    with start() as client:
        yield client


@pytest.mark.parametrize(
    ("door", "method", "path", "status"),
    [
        ("texts", "POST", "/search", 429),
        ("texts", "GET", "/search?q=red", 429),
        ("texts", "POST", "/search/image", 422),
        ("texts", "GET", "/release", 200),
        ("pictures", "POST", "/search/image", 429),
        ("pictures", "POST", "/search", 200),
        ("pictures", "GET", "/search?q=red", 200),
    ],
)
def test_only_what_would_come_by_the_full_door_is_turned_away(client, door, method, path, status):
    body = {"json": {"text": "red"}} if (method, path) == ("POST", "/search") else {}
    with full(client, door):
        response = client.request(method, path, **body)
    assert response.status_code == status
    if status == 429:
        assert response.headers["Retry-After"] == "1"
        assert response.json()["error"]["code"] == "overloaded"
        assert response.json()["error"]["request_id"] == response.headers["X-Request-ID"]


def test_nothing_of_it_is_read(client):
    with full(client, "texts"):
        assert client.post("/search", content=b"no JSON").status_code == 429
    assert client.post("/search", content=b"no JSON").status_code == 422


def test_a_body_that_may_hold_a_picture_is_read_first(client):
    long = {"text": "red", "fields": ["x" * turnstile.LONGEST_TEXT]}
    with full(client, "texts"):
        assert client.post("/search", json=long).status_code == 422  # such a field there is not


def test_it_is_counted_as_what_it_asked_for(client):
    with full(client, "texts"):
        client.post("/search", json={"text": "red"})
    assert 'aisle_requests_total{method="POST",route="/search",status="429"} 1.0' in client.get("/metrics").text
