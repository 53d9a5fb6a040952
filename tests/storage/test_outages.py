"""A store that is away for a while: the request is tried again; away for longer, it is one clear line."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from aisle import objects
from aisle.errors import StoreUnreachable
from aisle.objects import ObjectStore
from tests.http_server import http_server


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A server that answers with 503 as often as the list says, then with an object."""
    left = [0]

    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            left[0] -= 1
            status, body = (503, b"<Error><Code>SlowDown</Code></Error>") if left[0] >= 0 else (200, b"release")
            self.send_response(status)
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Wed, 25 Nov 2026 00:00:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_server(Store) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setattr(objects, "FIRST_PAUSE", timedelta(seconds=0.01))
        monkeypatch.setattr(objects, "LONGEST_PAUSE", timedelta(seconds=0.05))
        yield left


def test_a_store_that_fails_for_a_while(failing: list[int]):
    failing[0] = 20
    found = ObjectStore("s3://shop/comes-back").get("CURRENT")
    assert found is not None
    assert found.data == b"release"
    assert failing[0] == -1, "twenty failures, and the answer"


def test_a_store_that_stays_away(failing: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(objects, "RETRY_TIME", timedelta(seconds=0.5))
    failing[0] = 10**9
    with pytest.raises(StoreUnreachable, match="nothing is lost: run again"):
        ObjectStore("s3://shop/stays-away").get("CURRENT")
    assert 10**9 - failing[0] > 2, "it was tried more than once"
