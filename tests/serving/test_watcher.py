"""A new release takes over without a failed request; a bad one never does."""

import json
import threading
import time

import pytest

from aisle.current import write_current
from aisle.files import write_atomically
from aisle.layout import INDEX
from serving import canary
from serving import watcher as watcher_module


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_hot_swap_under_load(release, start, item):
    """Every answer is whole and of one release: its hits' titles name the release that the answer names."""

    def shop_of(name):
        return [item(f"p{number}", looks="red", says=f"red {name}") for number in range(50)]

    release("r0", items=shop_of("r0"))
    answers, failures, stop = [], [], threading.Event()
    with start() as client:

        def load():
            while not stop.is_set():
                response = client.post("/search", json={"text": "red", "k": 10})
                (answers if response.status_code == 200 else failures).append(response)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(1, 6):
            release(f"r{number}", items=shop_of(f"r{number}"))
            wait_for(lambda number=number: client.get("/release").json()["release"] == f"r{number}")
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert {answer.json()["release"] for answer in answers} == {f"r{number}" for number in range(6)}
    for answer in (response.json() for response in answers):
        assert {hit["title"] for hit in answer["hits"]} == {f"Red {answer['release'].title()}"}


@pytest.mark.parametrize("damage", ["altered", "missing", "nonsense"])
def test_a_bad_release_is_refused_once_and_the_old_one_goes_on(release, start, layout, damage, caplog):
    release("good")
    with start() as client:
        release("bad", publish=False)
        path = layout.release("bad") / INDEX
        match damage:
            case "altered":
                path.write_bytes(path.read_bytes()[:-1] + b"?")
            case "missing":
                path.unlink()
        named = "../../etc" if damage == "nonsense" else "bad"
        write_atomically(layout.current, lambda temporary: temporary.write_text(named))
        wait_for(lambda: client.get("/release").json()["refused"])
        time.sleep(0.3)  # several more polls
        body = client.get("/release").json()
        assert body["refused"]["release"] == (None if damage == "nonsense" else "bad")
        assert "aisle reindex" in body["refused"]["reason"] or "build it again" in body["refused"]["reason"]
        assert client.post("/search", json={"text": "red"}).status_code == 200
        assert client.get("/readyz").status_code == 200
        assert caplog.text.count("is refused") == 1
        assert str(layout.root) not in client.get("/release").text
        assert "aisle_refused_releases_total 1.0" in client.get("/metrics").text
        release("better")
        wait_for(lambda: client.get("/release").json()["release"] == "better")
        assert client.get("/release").json()["refused"] is None


def test_going_back_clears_the_refusal(release, start, layout):
    release("good")
    with start() as client:
        release("bad", fingerprint="0" * 16)
        wait_for(lambda: client.get("/release").json()["refused"])
        assert "0000000000000000" in client.get("/release").json()["refused"]["reason"]
        write_current(layout, "good")
        wait_for(lambda: client.get("/release").json()["refused"] is None)
        assert client.get("/release").json()["release"] == "good"


def test_a_refused_release_is_tried_again_later(release, start, layout, bundles, monkeypatch):
    """Its model may be copied after `CURRENT` was: that must not need a restart."""
    monkeypatch.setattr(watcher_module, "RETRY_SECONDS", 0.05)
    release("r1")
    layout.models.unlink()
    with start(wait=False) as client:
        wait_for(lambda: "no release can be used" in client.get("/readyz").text)
        layout.models.symlink_to(bundles[0])
        wait_for(lambda: client.get("/readyz").status_code == 200)


def test_started_with_nothing(release, start, layout):
    with start(wait=False) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/").status_code == 200
        for response in (
            client.get("/readyz"),
            client.get("/release"),
            client.get("/products/x"),
            client.get("/images/x"),
            client.post("/search", json={"text": "red"}),
        ):
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "no_release"
            assert "aisle reindex" in response.json()["error"]["message"]
            assert response.headers["Retry-After"] == "5"
        release("first")
        wait_for(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/search", json={"text": "red"}).json()["release"] == "first"


def test_while_the_first_release_loads(release, start, monkeypatch):
    from serving import app

    monkeypatch.setattr(app, "FIRST_LOAD_SECONDS", 0.05)
    gate, load = threading.Event(), app.load_snapshot

    def slow(*arguments, **options):
        assert gate.wait(10)
        return load(*arguments, **options)

    monkeypatch.setattr(app, "load_snapshot", slow)
    release("r1")
    with start(wait=False) as client:
        wait_for(lambda: "being loaded" in client.get("/readyz").text)
        assert client.get("/livez").status_code == 200
        gate.set()
        wait_for(lambda: client.get("/readyz").status_code == 200)


def test_a_worker_takes_no_request_before_its_release_is_there(release, start):
    """The load of a worker that was killed would else be refused by its successor."""
    release("r1")
    with start(wait=False) as client:
        assert client.post("/search", json={"text": "red"}).status_code == 200


def test_a_crash_while_loading_does_not_end_the_watch(release, start, monkeypatch, caplog):
    from serving import app

    load = app.load_snapshot

    def crash(layout, release_id, **options):
        if release_id == "r1":
            raise MemoryError("no room")
        return load(layout, release_id, **options)

    monkeypatch.setattr(app, "load_snapshot", crash)
    release("r1")
    with start(wait=False) as client:
        wait_for(lambda: "MemoryError; the service's log" in client.get("/readyz").text)
        assert "MemoryError: no room" in caplog.text
        release("r2")
        wait_for(lambda: client.get("/readyz").status_code == 200)


def test_readiness_finds_out_that_searching_fails(client, monkeypatch):
    monkeypatch.setattr(canary, "FRESH_SECONDS", 0.0)
    service = client.app.state.service
    assert client.get("/readyz").json() == {"status": "ready", "release": "20261121T101500-00000001"}

    def broken(*_):
        raise RuntimeError("the session is gone")

    monkeypatch.setattr(service.watcher.snapshot.encoder, "encode_texts", broken)
    response = client.get("/readyz")
    assert response.status_code == 500
    assert json.loads(response.content)["error"]["code"] == "internal"
    assert client.get("/livez").status_code == 200
