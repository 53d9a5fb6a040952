"""Products that were taken down are nowhere, within seconds and without a new release."""

import threading
import time

import pytest

from aisle.errors import ReleaseCorrupt, UnknownProduct
from aisle.hidden import write_hidden
from aisle.images import ImageLimits
from serving import engine
from serving.query import LikePart, Query
from serving.snapshot import load_snapshot


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hidden_count(client):
    return client.get("/release").json()["hidden"]


def everywhere(client) -> dict[str, set[str]]:
    """Ids in each kind of answer."""

    def hits(response):
        return {hit["id"] for hit in response.json()["hits"]}

    return {
        "text": hits(client.post("/search", json={"text": "red shirt", "k": 200})),
        "browse": hits(client.post("/search", json={"k": 200})),
        "filter": hits(client.post("/search", json={"text": "x", "filters": {"$not": {"colour": "pink"}}, "k": 200})),
        "address": hits(client.get("/search", params={"q": "red", "k": 200})),
        "similar": hits(client.get("/products/shirt/blue/similar", params={"k": 200})) | {"shirt/blue"},
        "batch": {
            hit["id"]
            for result in client.post("/search/batch", json={"queries": [{"text": "red", "k": 200}]}).json()["results"]
            for hit in result["hits"]
        },
    }


def test_hidden_products_are_nowhere_and_come_back(client, layout):
    every = set(client.app.state.service.watcher.snapshot.products.ids)
    assert all(ids == every for ids in everywhere(client).values())
    gone = {"shirt/red", "dress/red"}
    write_hidden(layout, [*gone, "of another release"])
    wait_for(lambda: hidden_count(client) == 2)
    for where, ids in everywhere(client).items():
        assert ids == every - gone, where
    for path in ("/products/shirt/red", "/images/shirt/red", "/products/shirt/red/similar"):
        assert client.get(path).status_code == 404, path
        assert client.get(path).json()["error"]["message"] == "no product has the id 'shirt/red' in this release"
    assert client.post("/search", json={"like": "shirt/red"}).status_code == 404
    assert client.post("/search", json={"parts": [{"like": "shirt/red", "weight": -1}]}).status_code == 404
    answer = client.post("/search", json={"text": "red", "facets": ["colour", "price"]}).json()
    assert answer["matches"] == 7
    assert {v["value"]: v["count"] for v in answer["facets"][0]["values"]} == {"blue": 3, "green": 3, "red": 1}
    assert answer["facets"][1]["minimum"] == 10.0
    described = client.get("/release").json()
    assert (described["products"], described["hidden_fault"]) == (9, None)
    assert {v["value"]: v["count"] for v in described["attributes"][0]["values"]}["red"] == 1
    suggested = client.get("/suggest", params={"q": "red"}).json()["suggestions"]
    assert [(s["text"], s["products"]) for s in suggested] == [("red", 1), ("Red Shoe", 1)]
    layout.hidden.unlink()
    wait_for(lambda: hidden_count(client) == 0)
    assert all(ids == every for ids in everywhere(client).values())
    assert client.get("/images/shirt/red").status_code == 200


def test_a_new_release_begins_without_them(release, start, layout, item):
    write_hidden(layout, ["a"])
    release("r1", items=[item("a", looks="red", says="red"), item("b", looks="red", says="red")])
    with start() as client:
        assert [hit["id"] for hit in client.post("/search", json={"text": "red"}).json()["hits"]] == ["b"]
        release("r2", items=[item("c", looks="red", says="red"), item("a", looks="red", says="red")])
        wait_for(lambda: client.get("/release").json()["release"] == "r2")
        assert [hit["id"] for hit in client.post("/search", json={"text": "red"}).json()["hits"]] == ["c"]
        assert hidden_count(client) == 1


def test_they_go_while_a_new_release_loads(release, start, layout, monkeypatch):
    from serving import app

    gate, loading, load = threading.Event(), threading.Event(), app.load_snapshot
    release("r1")

    def slow(layout, release_id, **options):
        if release_id == "r2":
            loading.set()
            assert gate.wait(10)
        return load(layout, release_id, **options)

    monkeypatch.setattr(app, "load_snapshot", slow)
    with start() as client:
        release("r2")
        assert loading.wait(10)
        write_hidden(layout, ["shirt/red"])
        wait_for(lambda: hidden_count(client) == 1)
        assert client.get("/release").json()["release"] == "r1"
        gate.set()
        wait_for(lambda: client.get("/release").json()["release"] == "r2")
        assert hidden_count(client) == 1


def test_a_file_that_cannot_be_read_shows_nothing_again(client, layout, caplog):
    write_hidden(layout, ["shirt/red"])
    wait_for(lambda: hidden_count(client) == 1)
    layout.hidden.write_text('{"format_version": 1, "ids": ["shirt/')
    wait_for(lambda: client.get("/release").json()["hidden_fault"])
    time.sleep(0.2)  # several more polls
    assert "aisle hide" in client.get("/release").json()["hidden_fault"]
    assert str(layout.root) in caplog.text
    assert str(layout.root) not in client.get("/release").text
    assert hidden_count(client) == 1
    assert client.get("/products/shirt/red").status_code == 404
    assert caplog.text.count("stay hidden as before") == 1
    write_hidden(layout, [])
    wait_for(lambda: hidden_count(client) == 0)
    assert client.get("/release").json()["hidden_fault"] is None


def test_a_release_does_not_go_live_while_it_is_unknown_what_to_hide(layout, release, start):
    release("r1")
    layout.hidden.write_text("?")
    with pytest.raises(ReleaseCorrupt, match="aisle hide"):
        load_snapshot(layout, "r1")
    with start(wait=False) as client:
        wait_for(lambda: "no release can be used" in client.get("/readyz").text)
        assert str(layout.root) not in client.get("/readyz").text
        assert client.post("/search", json={"text": "red"}).status_code == 503


def test_the_engine_itself_hides(snapshot):
    hiding = snapshot.hiding(frozenset({"shirt/red", "unknown"}))
    assert (hiding.hidden_products, snapshot.hidden_products) == (1, 0)
    answer = engine.search(hiding, Query(text="red shirt", k=200), limits=ImageLimits())
    assert (len(answer.hits), answer.matches) == (8, 8)
    with pytest.raises(UnknownProduct):
        engine.search(hiding, Query(parts=(LikePart(("shirt/red",)),)), limits=ImageLimits())
    everything = snapshot.hiding(frozenset(snapshot.products.ids))
    nothing = engine.search(everything, Query(text="red", facets=("colour",)), limits=ImageLimits())
    assert (nothing.hits, nothing.matches, nothing.facets[0].values) == ((), 0, ())
    # what is put back is back, whatever was hidden before
    assert everything.hiding(frozenset()).shown is None
