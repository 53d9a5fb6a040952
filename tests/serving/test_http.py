"""Every endpoint, in process."""

import base64
import json
from urllib.parse import quote

import pytest


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ids(response) -> list[str]:
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def test_search_by_text(client):
    response = client.post("/search", json={"text": "red shirt", "balance": 1, "k": 2})
    body = response.json()
    assert response.headers["content-type"] == "application/json"
    assert body["release"] == "20261121T101500-00000001"
    assert body["matches"] == 9
    assert body["hits"] == [
        {
            "id": "shirt/red",
            "score": 1.0,
            "title": "Red Shirt",
            "image_url": "/images/shirt%2Fred",
            "attributes": {"colour": "red", "price": 0.0, "in_stock": True, "tags": ["new", "shirt"]},
        },
        {
            "id": "dress/red",
            "score": 0.5,
            "title": "Red Dress",
            "image_url": "/images/dress%2Fred",
            "attributes": {"colour": "red", "price": 30.0, "in_stock": False, "tags": ["new", "dress"]},
        },
    ]
    spent = body["milliseconds"]
    assert list(spent) == ["decode", "encode", "search", "fetch", "total"]
    assert spent["decode"] == 0 < spent["encode"] < spent["total"]


def test_search_by_picture_in_json(client, make_picture):
    data = base64_of(make_picture("blue", kind="JPEG"))
    for image in (data, f"data:image/jpeg;base64,{data}"):
        response = client.post("/search", json={"image": image, "balance": 0, "k": 3})
        assert ids(response) == ["dress/blue", "shirt/blue", "shoe/blue"]
        assert response.json()["milliseconds"]["decode"] > 0


def test_search_by_picture_file(client, make_picture):
    file = {"image": ("photo.webp", make_picture("blue", kind="WEBP"), "image/webp")}
    assert ids(client.post("/search/image", files=file, data={"k": "3", "balance": "0"})) == [
        "dress/blue",
        "shirt/blue",
        "shoe/blue",
    ]
    options = {
        "text": "shirt",
        "k": "5",
        "filters": json.dumps({"colour": ["red", "green"]}),
        "weights": json.dumps({"text": 1, "image": -1}),
        "balance": "0.5",
    }
    response = client.post("/search/image", files=file, data=options)
    assert ids(response)[:2] == ["shirt/green", "shirt/red"]
    assert response.json()["matches"] == 6


def test_search_like(client):
    assert ids(client.post("/search", json={"like": "shirt/red", "k": 2})) == ["dress/red", "shoe/red"]
    assert "shirt/red" not in ids(client.post("/search", json={"like": ["shirt/red", "shoe/blue"], "k": 200}))


def test_everything_at_once(client, make_picture):
    body = {
        "text": "dress",
        "image": base64_of(make_picture("red")),
        "like": ["shoe/green"],
        "weights": {"text": 1, "image": 1, "like": -0.5},
        "filters": {"price": {"min": 10, "max": 70}, "tags": ["dress", "shoe"]},
    }
    response = client.post("/search", json=body)
    assert ids(response)[0] == "dress/red"
    assert response.json()["matches"] == 4  # dresses at 30..50, shoes at 60..80 without the green one at 70


def test_browsing(client):
    response = client.post("/search", json={"filters": {"colour": "green"}})
    assert ids(response) == ["shirt/green", "dress/green", "shoe/green"]
    assert [hit["score"] for hit in response.json()["hits"]] == [None] * 3
    assert len(ids(client.post("/search", json={}))) == 9


def test_nulls_mean_absence(client):
    body = {"text": None, "image": None, "like": None, "balance": None}
    assert len(ids(client.post("/search", json=body))) == 9


def test_product(client):
    for path in ("/products/shirt%2Fred", "/products/shirt/red"):
        assert client.get(path).json() == {
            "id": "shirt/red",
            "title": "Red Shirt",
            "text": "red shirt",
            "image_url": "/images/shirt%2Fred",
            "attributes": {"colour": "red", "price": 0.0, "in_stock": True, "tags": ["new", "shirt"]},
        }


STRANGE_IDS = ["a/b/c", "ümlaut 商品 🛍", "100%", "a?b#c", "..", "../..", " spaced ", "x&y=z", "/leading", 'quo"te']


def test_ids_of_any_kind(release, start, item):
    release(items=[item(strange, looks="red", says="red") for strange in STRANGE_IDS])
    with start() as client:
        hits = client.post("/search", json={"text": "red", "k": 20}).json()["hits"]
        assert sorted(hit["id"] for hit in hits) == sorted(STRANGE_IDS)
        for hit in hits:
            if hit["id"] in {"..", "../.."}:
                continue  # every client folds these before it sends them
            assert client.get(hit["image_url"]).status_code == 200, hit["id"]
            assert client.get(f"/products/{quote(hit['id'], safe='')}").json()["id"] == hit["id"]
            assert ids(client.post("/search", json={"like": hit["id"]}))


@pytest.mark.parametrize(
    "path",
    [
        "/images/..%2f..%2f..%2fetc%2fpasswd",
        "/images/%2e%2e/%2e%2e/CURRENT",
        "/products/..%2fCURRENT",
        "/images/%00",
        "/static/..%2f__init__.py",
        "/static/%2e%2e/%2e%2e/aisle/errors.py",
        "/static/%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] in {"unknown_product", "not_found"}


def test_thumbnail(client, make_picture):
    response = client.get("/images/shirt/red")
    assert response.content == make_picture("red", size=8)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"] == "no-cache"  # a product that is taken down is gone from browsers too
    etag = response.headers["etag"]
    again = client.get("/images/shirt/red", headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/images/dress/red").headers["etag"] == etag  # the same bytes
    assert client.get("/images/shirt/blue").headers["etag"] != etag


def test_a_product_without_a_picture(release, start, item):
    release(items=[item("wordy", looks=None, says="red")])
    with start() as client:
        assert client.post("/search", json={"text": "red"}).json()["hits"][0]["image_url"] is None
        assert client.get("/products/wordy").json()["image_url"] is None
        assert client.get("/images/wordy").status_code == 404


def test_release(client, bundles):
    body = client.get("/release").json()
    assert body.pop("attributes") == [
        {
            "name": "colour",
            "type": "category",
            "values": [
                {"value": "blue", "count": 3},
                {"value": "green", "count": 3},
                {"value": "red", "count": 3},
            ],
        },
        {"name": "price", "type": "number", "minimum": 0.0, "maximum": 80.0},
        {"name": "in_stock", "type": "boolean", "true": 5, "false": 4},
        {
            "name": "tags",
            "type": "list",
            "values": [
                {"value": "new", "count": 5},
                {"value": "dress", "count": 3},
                {"value": "shirt", "count": 3},
                {"value": "shoe", "count": 3},
            ],
        },
    ]
    assert body == {
        "release": "20261121T101500-00000001",
        "created": "2026-11-21T10:15:00+00:00",
        "products": 9,
        "rejected": 1,
        "hidden": 0,
        "model": {"name": "by hand", "fingerprint": bundles[1], "precision": "float32"},
        "index": {
            "kind": "exact",
            "nlist": 0,
            "nprobe": 0,
            "candidates": 0,
            "efforts": {},
            "parts": [],
            "base_parts": 0,
        },
        "recall": {"text": 1.0, "image": 1.0, "mixed": 1.0},
        "weights": {
            "text": {"image": 0.25, "text": 0.75},
            "image": {"image": 0.75, "text": 0.25},
            "mixed": {"image": 0.5, "text": 0.5},
        },
        "provider": "cpu",
        "refused": None,
        "hidden_fault": None,
    }


def test_page(client):
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    script = client.get("/static/app.js")
    assert script.status_code == 200
    assert "javascript" in script.headers["content-type"]
    assert client.get("/static/app.js", headers={"If-None-Match": script.headers["etag"]}).status_code == 304


def test_openapi_documents_every_route(client):
    from serving.routes import ROUTERS

    paths = client.get("/openapi.json").json()["paths"]
    documented = {(path, method.upper()) for path, methods in paths.items() for method in methods}
    routes = {
        (r.path.replace(":path", ""), m)
        for router in ROUTERS
        for r in router.routes
        if r.path != "/"
        for m in r.methods
    }
    assert documented == routes
    search = paths["/search"]["post"]
    assert "get" in paths["/search"]
    assert set(search["responses"]) == {"200", "400", "401", "404", "408", "413", "422", "429", "503", "504"}
    assert search["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/SearchResponse")
    assert "multipart/form-data" in paths["/search/image"]["post"]["requestBody"]["content"]


def test_responses_are_as_documented(client, make_picture):
    """What is written by hand fits the models that document it."""
    from serving import response_schemas as schemas

    schemas.SearchResponse.model_validate(client.post("/search", json={"text": "red"}).json(), strict=True)
    schemas.ProductResponse.model_validate(client.get("/products/shirt/red").json(), strict=True)
    schemas.ReleaseResponse.model_validate_json(client.get("/release").content, strict=True, extra="forbid")
    schemas.ErrorResponse.model_validate(client.get("/products/none").json(), strict=True)
    for probe in ("/livez", "/readyz"):
        schemas.Status.model_validate(client.get(probe).json(), strict=True)
