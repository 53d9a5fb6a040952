"""A request whose time is up while it waits is never computed; how much it has, it may say itself."""

import asyncio
import threading

import pytest

from serving.errors import TIMEOUT_HEADER


@pytest.mark.parametrize("stage", ["texts", "pictures"])
def test_what_waits_too_long_is_not_encoded(release, start, monkeypatch, make_picture, stage):
    import base64

    release()
    gate, begun, encoded = threading.Event(), threading.Event(), []
    with start(timeout_seconds=0.4, batches_in_flight=1, decode_workers=1) as client:
        encoder = client.app.state.service.watcher.snapshot.encoder
        name = "encode_texts" if stage == "texts" else "encode_images"
        encode = getattr(encoder, name)

        def slow(batch):
            encoded.append(len(batch))
            begun.set()
            assert gate.wait(10)
            return encode(batch)

        monkeypatch.setattr(encoder, name, slow)

        def body(number: int) -> dict[str, object]:
            if stage == "texts":
                return {"text": f"shirt {number}"}
            return {"image": base64.b64encode(make_picture((number, 0, 0))).decode()}

        statuses = []
        asking = [
            threading.Thread(target=lambda n=n: statuses.append(client.post("/search", json=body(n)).status_code))
            for n in range(4)
        ]
        asking[0].start()
        assert begun.wait(10)
        for thread in asking[1:]:
            thread.start()
        for thread in asking:
            thread.join()
        assert statuses == [504] * 4
        gate.set()
        assert client.post("/search", json=body(9)).status_code == 200
    assert encoded == [1, 1]  # the first and the last: the three that waited were dropped from the queue


@pytest.fixture
def held(release, start, monkeypatch):
    """A service with one encoder, which is held until the gate opens; and what it was given to encode."""
    release()
    gate, begun, encoded = threading.Event(), threading.Event(), []
    with start(batches_in_flight=1) as client:
        encoder = client.app.state.service.watcher.snapshot.encoder
        encode = encoder.encode_texts

        def slow(texts):
            encoded.extend(texts)
            begun.set()
            assert gate.wait(10)
            return encode(texts)

        monkeypatch.setattr(encoder, "encode_texts", slow)
        yield client, gate, begun, encoded
        gate.set()


def embed(client, text, **options):
    return client.post("/v1/embeddings", json={"input": [text]}, **options)


def search(client, text, **options):
    return client.post("/search", json={"text": text}, **options)


def look(client, text, **options):
    return client.get("/search", params={"q": text}, **options)


def knn(client, text, **options):
    return client.post("/knn-service", json={"text": text}, **options)


def batch(client, text, **options):
    return client.post("/search/batch", json={"queries": [{"text": text}]}, **options)


ASKING = pytest.mark.parametrize("ask", [search, look, knn, batch, embed])


@ASKING
def test_a_request_may_say_how_long_it_may_take(held, ask):
    client, gate, begun, encoded = held
    answered = []
    first = threading.Thread(target=lambda: answered.append(search(client, "the first").status_code))
    first.start()
    assert begun.wait(10)
    response = ask(client, "the second", headers={TIMEOUT_HEADER: "50"})
    assert response.status_code == 504
    error = response.json()["error"]
    assert error["code"] == "timeout"
    assert "0.05 s" in error["message"]
    assert response.headers["Retry-After"] == "1"
    gate.set()
    first.join()
    assert answered == [200]
    assert search(client, "the last").status_code == 200
    assert encoded == ["the first", "the last"]


@ASKING
def test_what_is_inside_is_known_to_take_longer(client, ask):
    """Then it is refused at once: the service does not even wait for its time to be up."""
    door = client.app.state.service.searcher.door(pictured=False)
    assert ask(client, "red", headers={TIMEOUT_HEADER: "8000"}).status_code == 200
    door._done, door._busy_seconds, door.inside = 100.0, 10.0, 100  # ten seconds
    response = ask(client, "blue", headers={TIMEOUT_HEADER: "4000"})
    error = response.json()["results"][0]["error"] if ask is batch else response.json()["error"]
    assert response.status_code == (200 if ask is batch else 504)
    assert error["code"] == "timeout"
    assert "100 texts are being worked on already, for about 10 s: longer than the" in error["message"]
    door.inside = 0
    assert ask(client, "blue", headers={TIMEOUT_HEADER: "4000"}).status_code == 200


def test_the_service_s_own_limit_holds_for_all(release, start):
    release()
    with start(timeout_seconds=0.1) as client:
        searcher = client.app.state.service.searcher

        async def forever(*arguments, **options):
            await asyncio.sleep(60)

        searcher.search = forever
        response = search(client, "red", headers={TIMEOUT_HEADER: "60000"})
        assert response.status_code == 504
        assert "0.1 s" in response.json()["error"]["message"]


@pytest.mark.parametrize("given", ["", "0", "-1", "1.5", "soon", "1s", "\u0661", "9" * 11])
def test_what_is_no_time_is_said(client, given):
    response = client.get("/search?q=red", headers={TIMEOUT_HEADER: given.encode()})
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid_request"
    assert TIMEOUT_HEADER in error["message"]
    assert "milliseconds" in error["message"]


def test_openapi_tells_it_of_every_route_that_computes(client):
    paths = client.get("/openapi.json").json()["paths"]
    told = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, route in methods.items()
        if any(parameter["name"] == TIMEOUT_HEADER for parameter in route.get("parameters", ()))
    }
    assert told == {
        "POST /search",
        "GET /search",
        "POST /search/image",
        "POST /search/batch",
        "GET /products/{id}/similar",
        "POST /v1/embeddings",
        "POST /knn-service",
    }
