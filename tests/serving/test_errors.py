"""What goes wrong has the same envelope everywhere, and the right code."""

import asyncio
import base64
import threading
import zlib

import pytest


def fault(response, status: int) -> dict:
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "request_id"]
    assert body["error"]["request_id"] == response.headers["X-Request-ID"]
    assert body["error"]["message"]
    return body["error"]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"text": 3}, "invalid_request", "text"),
        ({"k": 0}, "invalid_request", "k: "),
        ({"k": 201}, "invalid_request", "k: "),
        ({"balance": 2}, "invalid_request", "balance"),
        ({"weights": {"words": 1}}, "invalid_request", "words"),
        ({"query": "red"}, "invalid_request", "query"),
        ({"text": "x" * 2001}, "invalid_query", "2,001 characters; at most 2,000"),
        ({"filters": {"color": "red"}}, "invalid_query", "known are colour"),
        ({"filters": {"price": {"min": "cheap"}}}, "invalid_query", "'cheap'"),
        ([], "invalid_request", "body"),
    ],
    ids=str,
)
def test_nonsense(client, body, code, message):
    error = fault(client.post("/search", json=body), 422)
    assert error["code"] == code
    assert message in error["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"text": "red"', b'{"weights": {"text": NaN}}'])
def test_broken_json(client, content):
    error = fault(client.post("/search", content=content, headers={"Content-Type": "application/json"}), 422)
    assert error["code"] == "invalid_request"


def test_broken_json_is_called_that(client):
    response = client.post("/search", content=b"{", headers={"Content-Type": "application/json"})
    assert fault(response, 422)["message"].startswith("the body is not JSON: ")


def _truncated(make_picture):
    return make_picture((3, 5, 7), kind="JPEG", size=200)[:500]


def _bomb() -> bytes:
    """A PNG of 65,000 x 65,000 pixels in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (65000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


@pytest.mark.parametrize("hostile", ["text", "truncated", "bomb", "svg", "header"])
def test_hostile_pictures(client, make_picture, hostile):
    data = {
        "text": b"just some words",
        "truncated": _truncated(make_picture),
        "bomb": _bomb(),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "header": b"\x89PNG\r\n\x1a\n",
    }[hostile]
    for response in (
        client.post("/search/image", files={"image": ("x.jpg", data, "image/jpeg")}),
        client.post("/search", json={"image": base64.b64encode(data).decode()}),
    ):
        assert fault(response, 422)["code"] == "invalid_image"


def test_broken_base64(client):
    assert fault(client.post("/search", json={"image": "not base64!"}), 422)["code"] == "invalid_image"
    assert fault(client.post("/search", json={"image": "data:image/png;base64,@@"}), 422)["code"] == "invalid_image"


def test_broken_forms(client, make_picture):
    file = {"image": ("x.png", make_picture("red"), "image/png")}
    assert fault(client.post("/search/image", data={"text": "red"}), 422)["code"] == "invalid_request"
    assert "image" in fault(client.post("/search/image", files={"image": ("x", b"", "image/png")}), 422)["message"]
    assert "image" in fault(client.post("/search/image", data={"image": "text"}), 422)["message"]
    assert "filters" in fault(client.post("/search/image", files=file, data={"filters": "{"}), 422)["message"]
    assert "weights" in fault(client.post("/search/image", files=file, data={"weights": "[1]"}), 422)["message"]
    assert "k" in fault(client.post("/search/image", files=file, data={"k": "many"}), 422)["message"]
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert fault(client.post("/search/image", content=b"--y garbage", headers=headers), 400)["code"] == "bad_request"


def test_bodies_that_are_too_large(release, start, make_picture):
    release()
    with start(max_body_bytes=10_000, max_image_bytes=2_000) as client:
        assert fault(client.post("/search", json={"text": "x" * 20_000}), 413)["code"] == "body_too_large"

        sent = 0

        def endless():
            nonlocal sent
            for _ in range(1000):
                sent += 1000
                yield b"x" * 1000

        json_type = {"Content-Type": "application/json"}
        assert fault(client.post("/search", content=endless(), headers=json_type), 413)["code"] == "body_too_large"
        form_type = {"Content-Type": "multipart/form-data; boundary=x"}
        head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
        content = (part for part in [head, *[b"x" * 1000] * 50])
        assert fault(client.post("/search/image", content=content, headers=form_type), 413)["code"] == "body_too_large"

        file = {"image": ("x.png", b"\x89PNG" + b"x" * 3000, "image/png")}
        assert fault(client.post("/search/image", files=file), 413)["code"] == "invalid_image"


def test_a_declared_length_is_refused_before_the_body_is_read(release, start):
    """The application is asked directly: it must answer without ever asking for the body."""
    release()
    with start(max_body_bytes=1000) as client:

        async def ask() -> list[dict]:
            messages = []

            async def receive():
                raise AssertionError("the body was read")

            async def send(message):
                messages.append(message)

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/search",
                "headers": [(b"content-length", b"5000")],
                "query_string": b"",
            }
            await client.app(scope, receive, send)
            return messages

        assert asyncio.run(ask())[0]["status"] == 413


def test_unknown_products(client):
    for response in (
        client.get("/products/none"),
        client.get("/images/none"),
        client.post("/search", json={"like": "none"}),
    ):
        error = fault(response, 404)
        assert error["code"] == "unknown_product"
        assert "'none'" in error["message"]


def test_unknown_paths_and_methods(client):
    for path in ("/nothing", "/search/", "/static/none.js", "/docs", "/favicon.ico", "/products"):
        assert fault(client.get(path), 404)["code"] == "not_found", path
    response = client.put("/search")
    assert fault(response, 405)["code"] == "method_not_allowed"
    assert response.headers["Allow"] == "GET, POST"
    assert client.get("/search/batch").headers["Allow"] == "POST"
    assert fault(client.delete("/release"), 405)["code"] == "method_not_allowed"
    assert fault(client.post("/static/app.js"), 405)["code"] == "method_not_allowed"


def test_what_we_did_not_think_of_is_500_without_details(client, monkeypatch, caplog):
    from serving import search_routes

    def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(search_routes, "answer_json", broken)
    error = fault(client.post("/search", json={"text": "red"}, headers={"X-Request-ID": "my-id.1"}), 500)
    assert error["code"] == "internal"
    assert error["request_id"] == "my-id.1"
    assert "secret" not in error["message"]
    assert "my-id.1" in caplog.text
    assert "secret detail" in caplog.text


def test_request_ids(client):
    assert client.get("/livez", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    invented = client.get("/livez", headers={"X-Request-ID": "no spaces\tplease"}).headers["X-Request-ID"]
    assert len(invented) == 32
    assert client.get("/livez").headers["X-Request-ID"] != invented


def test_a_request_that_takes_too_long(release, start, monkeypatch):
    from serving.searcher import Searcher

    async def sleep(*_, **__):
        await asyncio.sleep(30)

    release()
    with start(timeout_seconds=0.2) as client:
        monkeypatch.setattr(Searcher, "search", sleep)
        assert fault(client.post("/search", json={"text": "red"}), 504)["code"] == "timeout"


def test_nobody_searches_for_a_client_that_went_away(release, start, monkeypatch):
    """One request runs, another waits behind it; the waiting one's client leaves, and its text is never encoded."""
    release()
    with start(batches_in_flight=1, timeout_seconds=60.0) as client:  # its time being up is another reason to stop
        encoder = client.app.state.service.watcher.snapshot.encoder
        gate, entered, encoded, encode = threading.Event(), threading.Event(), [], encoder.encode_texts

        def slow(texts):
            encoded.extend(texts)
            entered.set()
            assert gate.wait(10)
            return encode(texts)

        monkeypatch.setattr(encoder, "encode_texts", slow)
        first = threading.Thread(target=client.post, args=("/search",), kwargs={"json": {"text": "first"}})
        first.start()
        assert entered.wait(10)

        async def ask_and_leave():
            messages = iter([{"type": "http.request", "body": b'{"text": "abandoned"}'}, {"type": "http.disconnect"}])
            sent = []

            async def receive():
                return next(messages)

            async def send(message):
                sent.append(message)

            headers = [(b"content-type", b"application/json")]
            scope = {"type": "http", "method": "POST", "path": "/search", "headers": headers, "query_string": b""}
            await client.app(scope, receive, send)
            return sent[0]["status"]

        assert client.portal.call(ask_and_leave) == 499
        gate.set()
        first.join()
        assert client.post("/search", json={"text": "last"}).status_code == 200
        assert encoded == ["first", "last"]
