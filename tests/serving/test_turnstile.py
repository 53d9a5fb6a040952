import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
import uvicorn

from aisle.settings import LoggedRequests
from serving import turnstile
from serving.connections import ImpatientProtocol
from serving.turnstile import Turnstile, turnstile_of


@contextmanager
def full(client, door):
    """No room at one door, as if its searches never ended."""
    with full_door(client.app, door):
        yield


@contextmanager
def full_door(app, door):
    door = app.state.service.searcher.door(pictured=door == "pictures")
    before = door.inside
    door.inside = 10_000
    try:
        yield
    finally:
        door.inside = before


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


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Counted:
    """An application, and which requests it hears of."""

    def __init__(self, app):
        self.app = app
        self.heard = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.heard.append((scope["method"], scope["path"]))
        await self.app(scope, receive, send)


@pytest.fixture
def counted(serving_app):
    return Counted(serving_app)


@pytest.fixture
def connect(serving_app, counted):
    """Opens connections to the application behind a turnstile."""
    protocol = type("Protocol", (ImpatientProtocol,), {"turnstile": Turnstile(serving_app), "application": None})
    config = uvicorn.Config(counted, port=0, log_level="error", ws="none", lifespan="on", http=protocol)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started and serving_app.state.service.watcher.snapshot is not None)
    opened = []

    def connect():
        opened.append(socket.create_connection(server.servers[0].sockets[0].getsockname(), timeout=10))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
    server.should_exit = True
    thread.join(10)


def request(path="/search", *, body=b'{"text": "red"}', method="POST", **headers):
    lines = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body))} | headers
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode() + b"\r\n" + body


def answers(connection, count):
    """Status, headers and body of so many answers."""
    file, found = connection.makefile("rb"), []
    for _ in range(count):
        status = int(file.readline().split()[1])
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        found.append((status, headers, json.loads(file.read(int(headers["content-length"])))))
    return found


def test_at_the_connection_a_full_door_is_said_before_the_application_hears_of_it(serving_app, connect, counted):
    connection = connect()
    with full_door(serving_app, "texts"):
        connection.sendall(request(**{"X-Request-ID": "mine"}))
        ((status, headers, body),) = answers(connection, 1)
        assert (status, headers["retry-after"], headers["x-request-id"]) == (429, "1", "mine")
        assert headers["content-type"] == "application/json"
        assert parsedate_to_datetime(headers["date"])
        assert headers["x-content-type-options"] == "nosniff"
        assert body["error"]["code"] == "overloaded"
        assert body["error"]["request_id"] == "mine"
        assert "10000 texts are being worked on already" in body["error"]["message"]
        connection.sendall(request("/search?q=red", method="GET", body=b""))
        ((status, headers, _),) = answers(connection, 1)
        assert status == 429
        assert len(headers["x-request-id"]) == 32
        assert counted.heard == []
    connection.sendall(request())  # the same connection goes on
    assert answers(connection, 1)[0][0] == 200
    assert counted.heard == [("POST", "/search")]
    connection.sendall(request("/metrics", method="GET", body=b""))
    file = connection.makefile("rb")
    metrics = file.read(4000)
    while b"aisle_rejects_total" not in metrics:
        metrics += file.read(1000)
    assert b'aisle_requests_total{method="POST",route="/search",status="429"} 1.0' in metrics
    assert b'aisle_requests_total{method="GET",route="/search",status="429"} 1.0' in metrics


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("/search/image"), 422),
        (request("/release", method="GET", body=b""), 200),
        (request(body=json.dumps({"text": "red", "fields": ["x" * turnstile.LONGEST_TEXT]}).encode()), 422),
        (request(Origin="https://shop.example"), 429),
        (request(Connection="close"), 429),
        (request(Expect="100-continue"), 429),
    ],
    ids=["another door", "no search", "may hold a picture", "of a page", "the last", "asks first"],
)
def test_what_the_application_has_to_answer_itself(serving_app, connect, counted, sent, status):
    connection = connect()
    with full_door(serving_app, "texts"):
        connection.sendall(sent)
        assert answers(connection, 1)[0][0] == status
    assert len(counted.heard) == 1


def test_a_body_that_comes_later_is_thrown_away(serving_app, connect, counted):
    connection, whole = connect(), request()
    with full_door(serving_app, "texts"):
        connection.sendall(whole[:-5])
        assert answers(connection, 1)[0][0] == 429
    connection.sendall(whole[-5:] + request())
    assert answers(connection, 1)[0][0] == 200
    assert len(counted.heard) == 1


def test_pipelined_requests_are_answered_in_their_order(serving_app, connect):
    connection = connect()
    with full_door(serving_app, "texts"):
        connection.sendall(request("/release", method="GET", body=b"") + request() + request("/livez", method="GET"))
        assert [status for status, _, _ in answers(connection, 3)] == [200, 429, 200]
        connection.sendall(request() * 3)
        assert [status for status, _, _ in answers(connection, 3)] == [429] * 3


def test_searches_on_their_way_take_room(serving_app, connect, counted):
    """Until they are answered, or their clients are gone; half a search takes none."""
    door = serving_app.state.service.searcher.door(pictured=False)
    connection = connect()
    connection.sendall(request()[:-1])
    time.sleep(0.1)
    assert door._approaching == 0
    most = []
    approach = door.approach

    def counting():
        pass_by = approach()
        most.append(door._approaching)
        return pass_by

    door.approach = counting
    connection.sendall(request()[-1:])
    assert answers(connection, 1)[0][0] == 200
    assert most == [1]
    until(lambda: not door._approaching)


def test_a_search_whose_client_is_gone_takes_no_room(serving_app, connect, monkeypatch):
    encoder = serving_app.state.service.watcher.snapshot.encoder
    gate, begun, encode = threading.Event(), threading.Event(), encoder.encode_texts

    def slow(texts):
        begun.set()
        assert gate.wait(10)
        return encode(texts)

    monkeypatch.setattr(encoder, "encode_texts", slow)
    door = serving_app.state.service.searcher.door(pictured=False)
    connection = connect()
    connection.sendall(request())
    assert begun.wait(10)
    assert door._approaching == 1
    connection.close()
    until(lambda: not door._approaching)
    gate.set()


def test_when_every_request_has_a_line_in_the_log_the_application_hears_of_all(serving_app, settings):
    assert turnstile_of(serving_app, settings) is not None
    assert turnstile_of(serving_app, replace(settings, log_requests=LoggedRequests.ALL)) is None
