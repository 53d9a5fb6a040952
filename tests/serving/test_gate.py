"""Keys, rates and origins, over HTTP: who is let in, and what the others are told."""

import base64

import pytest

from aisle.errors import SettingsError

KEYS = {"api_keys": ("shop=correct-horse-battery", "cron=staple-staple-staple")}
SHOP = {"X-API-Key": "correct-horse-battery"}
PATHS = ("/", "/static/app.js", "/release", "/metrics", "/search?q=red", "/products/shirt/red", "/images/shirt/red")


def basic(key: str, name: str = "anything") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()}


@pytest.fixture
def locked(release, start):
    release()
    with start(**KEYS) as client:
        yield client


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/openapi.json"])
def test_nothing_is_told_without_a_key(locked, path):
    response = locked.get(path)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.headers["X-Request-ID"] == response.json()["error"]["request_id"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_need_none(locked, path):
    assert locked.get(path).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        SHOP,
        {"X-API-Key": "staple-staple-staple"},
        {"Authorization": "Bearer correct-horse-battery"},
        {"Authorization": "bearer  correct-horse-battery"},
        basic("correct-horse-battery"),
        basic("staple-staple-staple", name=""),
    ],
    ids=str,
)
def test_a_key_may_come_in_several_ways(locked, headers):
    for path in PATHS:
        assert locked.get(path, headers=headers).status_code == 200, path


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "correct-horse-batterx"},
        {"X-API-Key": "shop"},
        {"X-API-Key": "shop=correct-horse-battery"},
        {"X-API-Key": ""},
        {"Authorization": "correct-horse-battery"},
        {"Authorization": "Bearer"},
        {"Authorization": "Digest correct-horse-battery"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        basic(""),
        basic("correct"),
    ],
    ids=str,
)
def test_anything_else_is_no_key(locked, headers):
    assert locked.get("/release", headers=headers).status_code == 401


def test_thumbnails_may_be_open(release, start):
    release()
    with start(**KEYS, open_images=True) as client:
        assert client.get("/images/shirt/red").status_code == 200
        assert client.get("/products/shirt/red").status_code == 401


def test_a_body_is_not_read_without_a_key(locked):
    response = locked.post("/search", content=b"{" * 1000)
    assert response.status_code == 401


def test_an_address_may_ask_so_often(release, start):
    release()
    with start(address_requests_per_second=0.01, request_burst=3) as client:
        codes = [client.get("/search?q=red").status_code for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]
        refused = client.post("/search", json={})
        assert refused.json()["error"]["code"] == "too_many_requests"
        assert 90 <= int(refused.headers["Retry-After"]) <= 100
        for path in ("/", "/static/app.js", "/images/shirt/red", "/livez", "/readyz"):
            assert client.get(path).status_code == 200, path


def test_a_key_has_a_rate_of_its_own(release, start):
    release()
    with start(**KEYS, key_requests_per_second=0.01, request_burst=2) as client:
        assert [client.get("/release", headers=SHOP).status_code for _ in range(3)] == [200, 200, 429]
        assert client.get("/release", headers=basic("staple-staple-staple")).status_code == 200


def test_guessing_keys_is_slowed_down(release, start):
    release()
    with start(**KEYS, address_requests_per_second=0.01, request_burst=2) as client:
        codes = [client.get("/release", headers={"X-API-Key": f"guess-number-{n:06}"}).status_code for n in range(4)]
        assert codes == [401, 401, 429, 429]
        assert client.get("/release", headers=SHOP).status_code == 200  # who has a key is not slowed down by that


def test_a_batch_counts_as_what_it_holds(release, start):
    release()
    with start(address_requests_per_second=0.01, request_burst=8) as client:
        assert client.post("/search/batch", json={"queries": [{}] * 6}).status_code == 200
        assert client.post("/search/batch", json={"queries": [{}] * 6}).status_code == 200  # something was left
        refused = client.get("/release")
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 400


def test_callers_behind_a_proxy_are_told_apart(release, start):
    release()
    # Starlette's test client calls itself "testclient", which is no address: nobody's proxy.
    with start(address_requests_per_second=0.01, request_burst=1, trusted_proxies=("10.0.0.0/8",)) as client:
        asked = [client.get("/release", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(3)]
        assert asked == [200, 429, 429]


def test_other_sites_may_not_ask_from_a_browser(client):
    response = client.get("/release", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in response.headers


def test_sites_that_may(release, start):
    release()
    shop = {"Origin": "https://shop.example"}
    with start(**KEYS, cors_origins=("https://shop.example",)) as client:
        asking = shop | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
        leave = client.options("/search", headers=asking)  # browsers ask without a key
        assert leave.status_code == 200
        assert leave.headers["access-control-allow-origin"] == "https://shop.example"
        assert "X-API-Key" in leave.headers["access-control-allow-headers"]
        answer = client.post("/search", json={}, headers=shop | SHOP)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        refused = client.post("/search", json={}, headers=shop)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://shop.example")
        other = client.options("/search", headers=asking | {"Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in other.headers


def test_bodies_together_are_bounded(release, start):
    release()
    with start(max_buffered_bytes=100_000) as client:
        assert client.post("/search", json={"text": "red"}).status_code == 200
        refused = client.post("/search", content=b" " * 100_001)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "overloaded")
        assert refused.headers["Retry-After"] == "1"
        assert client.post("/search", content=b" " * 90_000).status_code == 422  # what was refused is forgotten
        assert client.post("/search", json={"text": "red"}).status_code == 200


def test_unusable_keys_stop_the_start(settings):
    from dataclasses import replace

    from serving.app import create_app

    with pytest.raises(SettingsError, match="AISLE_API_KEYS"):
        create_app(replace(settings, api_keys=("nameless",)))
