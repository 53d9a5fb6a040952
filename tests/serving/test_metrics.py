import subprocess
import sys
import threading
import time

from prometheus_client.parser import text_string_to_metric_families

from aisle.current import write_current


def samples(client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def value(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


def test_requests_are_counted_by_route_template(client):
    for number in range(30):
        client.get(f"/products/made-up-{number}")
        client.get(f"/made/up/{number}")
        client.get(f"/static/made-up-{number}.js")
    client.get("/images/shirt/red")
    client.post("/search", json={"text": "red"})
    client.post("/search", json={"k": 0})
    client.request("BREW", "/search")
    found = samples(client)
    assert value(found, "aisle_requests_total", route="/products/{id:path}", method="GET", status="404") == 30
    assert value(found, "aisle_requests_total", route="unmatched", method="GET", status="404") == 30
    assert value(found, "aisle_requests_total", route="/static/{path}", method="GET", status="404") == 30
    assert value(found, "aisle_requests_total", route="/images/{id:path}", method="GET", status="200") == 1
    assert value(found, "aisle_requests_total", route="/search", method="POST", status="200") == 1
    assert value(found, "aisle_requests_total", route="/search", method="POST", status="422") == 1
    assert value(found, "aisle_request_seconds_count", route="/search") >= 2
    labels = {labels for _, labels in found}
    assert not [text for text in labels if "made-up" in str(text) or "BREW" in str(text)]


def test_stages_batches_and_release(client, make_picture, bundles):
    import base64

    client.post("/search", json={"text": "red", "image": base64.b64encode(make_picture("red")).decode()})
    client.post("/search", json={"text": "blue"})
    found = samples(client)
    assert value(found, "aisle_stage_seconds_count", stage="decode") == 1
    assert value(found, "aisle_stage_seconds_count", stage="encode") == 2
    assert value(found, "aisle_stage_seconds_count", stage="fetch") == 2
    assert value(found, "aisle_batch_size_count", queue="texts") == 2
    assert value(found, "aisle_batch_size_sum", queue="images") == 1
    assert value(found, "aisle_queue_depth", queue="searches") == 0
    assert value(found, "aisle_release_info", release="20261121T101500-00000001", model=bundles[1]) == 1


def test_remembered_texts_and_joined_searches_are_counted(client):
    for text in ("red shirt", "red shirt", "blue -red", "red"):
        client.post("/search", json={"text": text})
    found = samples(client)
    assert value(found, "aisle_text_cache_total", outcome="miss") == 3  # red shirt, blue, red
    assert value(found, "aisle_text_cache_total", outcome="hit") == 2
    assert value(found, "aisle_joined_searches_total") == 0


def test_a_swap_moves_the_release_info(client, release, bundles):
    release("r2")
    deadline = time.monotonic() + 10
    while client.get("/release").json()["release"] != "r2":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found = samples(client)
    assert value(found, "aisle_release_info", release="r2", model=bundles[1]) == 1
    assert value(found, "aisle_release_info", release="20261121T101500-00000001", model=bundles[1]) == 0


def test_releases_and_refusals(client, release, layout):
    def until(condition):
        deadline = time.monotonic() + 10
        while not condition(found := samples(client)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return found

    found = samples(client)
    assert value(found, "aisle_release_created_timestamp_seconds") == 1795256100  # 2026-11-21 10:15 UTC
    assert value(found, "aisle_release_products") == 9
    assert value(found, "aisle_release_swaps_total") == 1
    write_current(layout, "missing")
    found = until(lambda found: value(found, "aisle_release_refused") == 1)
    assert value(found, "aisle_refused_releases_total") == 1
    release("r2")
    found = until(lambda found: value(found, "aisle_release_swaps_total") == 2)
    assert value(found, "aisle_release_refused") == 0
    assert value(found, "aisle_refused_releases_total") == 1


def test_rejects_by_reason(client):
    client.get("/products/none")
    client.get("/nothing")
    client.post("/search", json={"k": 0})
    client.post("/search/batch", json={"queries": [{"text": "red"}, {"image": "!"}]})
    client.post("/v1/embeddings", json={"input": "red", "model": "another"})
    client.post("/search", content=b"x", headers={"content-length": "999999999"})
    found = samples(client)
    rejected = {dict(labels)["code"]: count for (name, labels), count in found.items() if name == "aisle_rejects_total"}
    assert rejected.pop("no_release", 0) >= 0  # while it started
    assert rejected == {
        "unknown_product": 1,
        "not_found": 1,
        "invalid_request": 1,
        "invalid_image": 1,
        "model_not_found": 1,
        "body_too_large": 1,
    }
    assert value(found, "aisle_requests_in_progress") == 1  # the one that asks


def test_overload_is_429_with_retry_after(release, start, monkeypatch):
    release()
    with start(text_queue=2, batches_in_flight=1) as client:
        gate = threading.Event()
        encoder = client.app.state.service.watcher.snapshot.encoder
        encode = encoder.encode_texts

        def slow(texts):
            assert gate.wait(10)
            return encode(texts)

        monkeypatch.setattr(encoder, "encode_texts", slow)
        statuses = []
        threads = [
            threading.Thread(target=lambda n=n: statuses.append(client.post("/search", json={"text": f"red {n}"})))
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while len(statuses) < 3:  # at once, while the others still wait
            assert time.monotonic() < deadline
            time.sleep(0.01)
        gate.set()
        for thread in threads:
            thread.join()
        refused = [response for response in statuses if response.status_code == 429]
        assert (len(refused), len(statuses)) == (3, 5)
        for response in refused:
            assert response.headers["Retry-After"] == "1"
            assert response.json()["error"]["code"] == "overloaded"
        counted = value(samples(client), "aisle_requests_total", route="/search", method="POST", status="429")
        assert counted == 3


WORKER = """
import sys
from pathlib import Path
from serving.metrics import Metrics
from serving.watcher import Refused
metrics = Metrics(Path(sys.argv[1]))
metrics.forget_dead_workers()
metrics.request(route="/search", method="POST", status=200, seconds=0.01)
metrics.depth("texts", 7)
metrics.reject("overloaded")
busy = metrics.in_progress()
busy.__enter__()
metrics.refused_release(Refused("r1", "corrupt"))
print(metrics.expose().decode())
"""


def test_workers_are_added_up_and_dead_ones_do_not_wait(tmp_path):
    """Two processes, one after the other: their requests add up, the first one's queue went with it."""

    def run() -> str:
        environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    run()
    exposed = run()
    assert 'aisle_requests_total{method="POST",route="/search",status="200"} 2.0' in exposed
    assert 'aisle_queue_depth{queue="texts"} 7.0' in exposed
    assert 'aisle_rejects_total{code="overloaded"} 2.0' in exposed
    assert "aisle_requests_in_progress 1.0" in exposed
    assert "aisle_refused_releases_total 2.0" in exposed
    assert "aisle_release_refused 1.0" in exposed
