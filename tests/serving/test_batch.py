"""Many queries in one request: one answer each, and errors beside results."""

import base64
from collections import Counter

import pytest

from serving import searcher
from serving.response_schemas import BatchResponse
from serving.searcher import Searcher


def post(client, queries):
    response = client.post("/search/batch", json={"queries": queries})
    assert response.status_code == 200, response.text
    BatchResponse.model_validate_json(response.content)
    return response.json()["results"]


def test_31_good_images_and_a_bad_one(client, make_picture):
    colours = ["red", "green", "blue"] * 11
    queries = [
        {"image": base64.b64encode(make_picture(colour, size=20 + number)).decode(), "balance": 0, "k": 1}
        for number, colour in enumerate(colours[:32])
    ]
    queries[17]["image"] = base64.b64encode(b"\xff\xd8\xff but no picture").decode()
    results = post(client, queries)
    assert [("hits" in result, "error" in result) for result in results] == [
        (number != 17, number == 17) for number in range(32)
    ]
    assert results[17]["error"]["code"] == "invalid_image"
    for colour, result in zip(colours, results, strict=False):
        if "hits" in result:
            assert result["hits"][0]["id"] == f"dress/{colour}"


def test_every_kind_of_fault_stays_with_its_query(client):
    response = client.post(
        "/search/batch",
        json={
            "queries": [
                {"text": "red shirt", "balance": 1, "k": 1},
                {"text": 3},
                {"k": 0},
                {"words": "red"},
                "red",
                None,
                {"filters": {"color": "red"}},
                {"like": "nothing"},
                {"image": "not base64!"},
                {"parts": [{}]},
                {"text": "dress", "filters": {"colour": "blue"}},
            ]
        },
    )
    results = response.json()["results"]
    codes = [result.get("error", {}).get("code") for result in results]
    assert codes == [
        None,
        *["invalid_request"] * 5,
        "invalid_query",
        "unknown_product",
        "invalid_image",
        "invalid_query",
        None,
    ]
    assert "text: " in results[1]["error"]["message"]
    assert results[1]["error"]["request_id"] == response.headers["X-Request-ID"]
    assert results[0]["hits"][0]["id"] == "shirt/red"
    assert results[10]["hits"][0]["id"] == "dress/blue"


def test_answers_are_those_of_single_searches(client):
    queries = [{"text": "red shirt", "facets": ["colour"]}, {"like": "shoe/red", "explain": True}, {"k": 2}]
    for query, result in zip(queries, post(client, queries), strict=True):
        alone = client.post("/search", json=query).json()
        assert result.pop("milliseconds").keys() == alone.pop("milliseconds").keys()
        assert result == alone


def test_more_queries_than_the_queues_hold_are_answered(release, start, make_picture):
    """A batch takes its turns; it neither fills the queues nor is refused by them."""
    release()
    with start(text_queue=16, image_queue=16, decode_workers=1, batches_in_flight=1) as client:
        pictures = [make_picture((number, 0, 255), size=20) for number in range(64)]
        queries = [{"image": base64.b64encode(picture).decode(), "text": f"x{n}"} for n, picture in enumerate(pictures)]
        assert all("hits" in result for result in post(client, queries))


def test_what_nobody_thought_of_fails_alone_without_details(client, monkeypatch, caplog):
    search = Searcher.search

    async def broken(searcher, snapshot, query, **options):
        if query.text == "break":
            raise ZeroDivisionError("secret detail")
        return await search(searcher, snapshot, query, **options)

    monkeypatch.setattr(searcher.Searcher, "search", broken)
    fine, failed = post(client, [{"text": "red"}, {"text": "break"}])
    assert "hits" in fine
    assert failed["error"]["code"] == "internal"
    assert "secret" not in failed["error"]["message"]
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("body", [{}, {"queries": []}, {"queries": [{}] * 65}, {"queries": {}}, {"more": 1}], ids=str)
def test_a_batch_that_is_none(client, body):
    response = client.post("/search/batch", json=body)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_request"


def test_without_a_release(start):
    with start(wait=False) as client:
        assert client.post("/search/batch", json={"queries": [{}]}).status_code == 503


def test_each_answer_is_counted(client):
    post(client, [{"text": "red"}, {"text": 3}, {"text": "blue"}])
    counted = Counter(line.rpartition(" ")[::2] for line in client.get("/metrics").text.splitlines())
    assert counted['aisle_stage_seconds_count{stage="search"}', "2.0"] == 1
