"""The client against the service itself, and against answers made up."""

import asyncio
import re
import threading
import time
from pathlib import Path

import httpx
import pytest

import aisle_client
from aisle_client import AsyncClient, Client, Part, Query, Weights, calls


@pytest.fixture
def shop(listening):
    with Client(listening) as client:
        yield client


def ids(answer) -> list[str]:
    return [hit.id for hit in answer.hits]


def test_search(shop, make_picture):
    answer = shop.search("red shirt")
    assert answer.hits[0].id == "shirt/red"
    assert answer.hits[0].attributes["colour"] == "red"
    assert answer.matches == 9
    assert answer.milliseconds.total > 0
    assert ids(shop.search(Query(image=make_picture("blue"), balance=0.0, k=3))) == [
        "dress/blue",
        "shirt/blue",
        "shoe/blue",
    ]
    assert "shirt/red" not in ids(shop.search(Query(like=["shirt/red"])))
    assert ids(shop.search(Query(vector=[1.0] + [0.0] * 7, balance=0.0, k=1))) == ["dress/red"]


def test_everything_a_query_can_say(shop):
    query = Query(
        text="shirt",
        like=["shoe/red"],
        weights=Weights(like=-0.5),
        parts=[Part(text="blue", weight=0.5)],
        balance=1.0,
        k=2,
        filters={"$not": {"colour": "green"}},
        facets=["colour", "price", "in_stock"],
        fields=["price"],
        explain=True,
    )
    answer = shop.search(query)
    assert ids(answer)[0] == "shirt/blue"
    assert set(answer.hits[0].attributes) == {"price"}
    colour, price, stock = answer.facets
    assert colour.values == {"blue": 3, "red": 2}
    assert (price.minimum, price.maximum) == (0.0, 80.0)
    assert stock.true + stock.false == 5
    explanation = answer.hits[0].explanation
    assert [(part.kind, part.weight) for part in explanation] == [("text", 1.0), ("like", -0.5), ("text", 0.5)]
    assert sum(part.image + part.text for part in explanation) == pytest.approx(answer.hits[0].score, abs=1e-5)


def test_pages_are_the_whole_answer(shop):
    pages = list(shop.pages(Query(text="red", k=4)))
    assert [len(page.hits) for page in pages] == [4, 4, 1]
    assert [hit.id for hit in shop.hits(Query(text="red", k=4))] == ids(shop.search("red"))
    assert len(list(shop.pages(Query(text="red", filters={"colour": "mauve"})))) == 1


def test_batch(shop):
    found, broken, unknown = shop.search_batch(["red shirt", Query(k=900), Query(like=["gone"])])
    assert found.hits[0].id == "shirt/red"
    assert isinstance(broken, aisle_client.InvalidRequest)
    assert broken.code == "invalid_request"
    assert isinstance(unknown, aisle_client.NotFound)


def test_the_other_endpoints(shop, bundles, make_picture):
    similar = shop.similar("shirt/red", Query(k=2, balance=0.0, facets=["colour"], fields=[]))
    assert ids(similar) == ["dress/red", "shoe/red"]
    assert similar.hits[0].attributes == {}
    assert shop.suggest("blue s")[0].text.lower().startswith("blue s")
    assert shop.product("shirt/red").title == "Red Shirt"
    assert shop.image("shirt/red").startswith(b"\x89PNG")
    release = shop.release()
    assert (release.id, release.products, release.fingerprint) == ("20261121T101500-00000001", 9, bundles[1])
    assert {facet.name for facet in release.attributes} == {"colour", "price", "in_stock", "tags"}
    text, picture = shop.embed(["red", make_picture("red")], model=release.fingerprint)
    assert text == pytest.approx(picture, abs=1e-6)
    assert sum(number**2 for number in text) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "kind", "status", "code"),
    [
        (lambda shop: shop.product("gone"), aisle_client.NotFound, 404, "unknown_product"),
        (lambda shop: shop.search(Query(k=900)), aisle_client.InvalidRequest, 422, "invalid_request"),
        (lambda shop: shop.embed(["red"], model="other"), aisle_client.NotFound, 404, "model_not_found"),
        (lambda shop: shop.search(Query(image=b"x")), aisle_client.InvalidRequest, 422, "invalid_image"),
    ],
)
def test_errors_are_typed(shop, call, kind, status, code):
    with pytest.raises(kind) as caught:
        call(shop)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(caught.value.request_id) == 32
    assert str(caught.value)


@pytest.mark.asyncio
async def test_asynchronously(listening):
    async with AsyncClient(listening) as client:
        answers = await asyncio.gather(*(client.search(f"red shirt {number}") for number in range(20)))
        assert all(answer.hits[0].id == "shirt/red" for answer in answers)
        assert [len(page.hits) async for page in client.pages(Query(text="red", k=4))] == [4, 4, 1]
        assert len([hit async for hit in client.hits("red")]) == 9
        assert (await client.product("shirt/red")).id == "shirt/red"
        with pytest.raises(aisle_client.NotFound):
            await client.product("gone")


class Service(httpx.MockTransport):
    """Answers with given responses, one after the other, and counts."""

    def __init__(self, *responses):
        self.given, self.asked = list(responses), []
        super().__init__(self.answer)

    def answer(self, request):
        self.asked.append(request)
        response = self.given.pop(0)
        if isinstance(response, Exception):
            raise response
        return response


def busy(status=429, wait="1"):
    error = {"error": {"code": "overloaded", "message": "too many", "request_id": "x"}}
    return httpx.Response(status, json=error, headers={"retry-after": wait, "x-request-id": "x"})


def suggestions():
    return httpx.Response(200, json={"release": "r", "suggestions": []})


@pytest.fixture
def slept(monkeypatch):
    """Seconds that were waited, without waiting."""
    seconds = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def test_retries_wait_as_long_as_they_are_told(slept):
    service = Service(busy(wait="3"), busy(503, wait="1"), suggestions())
    assert Client("http://shop", transport=service).suggest("x") == []
    assert slept == [3.0, 1.0]
    assert len(service.asked) == 3


def test_retries_end(slept):
    service = Service(*[busy() for _ in range(9)])
    with pytest.raises(aisle_client.Overloaded, match="too many"):
        Client("http://shop", transport=service, retries=3).suggest("x")
    assert len(service.asked) == 4


@pytest.mark.parametrize("response", [busy(504), busy(500), busy(422), busy(wait="3600")])
def test_what_is_not_tried_again(slept, response):
    service = Service(response)
    with pytest.raises(aisle_client.AisleClientError):
        Client("http://shop", transport=service).suggest("x")
    assert slept == []


def test_nobody_answers(slept):
    service = Service(*[httpx.ConnectError("refused") for _ in range(3)])
    with pytest.raises(aisle_client.ConnectionFailed, match=r"http://shop.*refused"):
        Client("http://shop", transport=service).suggest("x")
    assert len(slept) == 2
    assert 0 < slept[0] < slept[1] < 1


def test_a_proxys_answer_is_an_error_all_the_same(slept):
    service = Service(httpx.Response(502, text="<html>"))
    with pytest.raises(aisle_client.Unavailable, match=r"GET http://shop/suggest.*502"):
        Client("http://shop", transport=service).suggest("x")


def test_the_key_is_sent():
    service = Service(suggestions())
    Client("http://shop", transport=service, key="secret").suggest("x")
    assert service.asked[0].headers["x-api-key"] == "secret"


def test_pages_end_where_the_service_does():
    answer = calls.search("x").read(
        httpx.Response(
            200,
            json={
                "release": "r",
                "hits": [{"id": "a", "score": 1.0, "title": "", "image_url": None, "attributes": {}}] * 200,
                "matches": 99_999,
                "milliseconds": dict.fromkeys(("decode", "encode", "search", "fetch", "total"), 0.0),
            },
        )
    )
    assert calls.next_page(Query(k=200, offset=9_700), answer) == Query(k=100, offset=9_900)
    assert calls.next_page(Query(k=200, offset=9_800), answer) is None


def test_threads_share_a_client(shop):
    found = []
    threads = [threading.Thread(target=lambda: found.append(shop.search("red shirt"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.hits[0].id for answer in found] == ["shirt/red"] * 8


@pytest.mark.parametrize("page", ["README.md", "docs/clients.md"])
def test_what_the_pages_show_runs(page, listening, tmp_path, monkeypatch, make_picture):
    text = (Path(__file__).resolve().parents[2] / page).read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "aisle_client" in block]
    (tmp_path / "photo.jpg").write_bytes(make_picture("red", kind="JPEG"))
    monkeypatch.chdir(tmp_path)
    code = block.replace("http://localhost:3000", listening).replace('open("photo.jpg", "rb").read()', "photo")
    exec(compile(code, page, "exec"), {"photo": (tmp_path / "photo.jpg").read_bytes()})


@pytest.mark.asyncio
async def test_a_deadline_is_told_to_the_service():
    told = []

    def answer(request):
        told.append(request.headers.get("X-Envoy-Expected-Rq-Timeout-Ms"))
        return httpx.Response(504, json={"error": {"code": "timeout", "message": "too late", "request_id": "1"}})

    transport = httpx.MockTransport(answer)
    for deadline in (0.25, None):
        client = Client("http://shop", deadline=deadline, transport=transport)
        with client, pytest.raises(aisle_client.Unavailable, match="too late"):
            client.search("red")
        async with AsyncClient("http://shop", deadline=deadline, transport=transport) as other:
            with pytest.raises(aisle_client.Unavailable, match="too late"):
                await other.search("red")
    assert told == ["250", "250", None, None]  # once each: what is too late is not asked for again
    with pytest.raises(ValueError, match="millisecond"):
        Client("http://shop", deadline=0.0001)


def test_a_deadline_that_is_long_enough_changes_nothing(listening):
    with Client(listening, deadline=5.0) as client:
        assert ids(client.search("red shirt"))[0] == "shirt/red"
