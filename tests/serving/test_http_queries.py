"""The query language over HTTP: parts, paging, facets, fields, explanations, addresses, suggestions."""

import base64
import json

import pytest

from serving import response_schemas as schemas


def search(client, **body):
    response = client.post("/search", json=body)
    assert response.status_code == 200, response.text
    schemas.SearchResponse.model_validate_json(response.content, strict=True)
    return response.json()


def ids(body) -> list[str]:
    return [hit["id"] for hit in body["hits"]]


def fault(response, status=422):
    assert response.status_code == status, response.text
    return response.json()["error"]["message"]


def same(one, other):
    """Equal but for the time they took."""
    return {**one, "milliseconds": None} == {**other, "milliseconds": None}


def test_weighted_parts(client, make_picture):
    picture = base64.b64encode(make_picture("red")).decode()
    parts = [
        {"text": "dress"},
        {"text": "red", "weight": -0.5},
        {"like": "shoe/green", "weight": 0.25},
        {"like": ["shoe/blue"]},
        {"vector": [0, 1, 0, 0, 0, 0, 0, 0]},
        {"image": f"data:image/png;base64,{picture}", "weight": 0.1},
    ]
    body = search(client, parts=parts, explain=True, k=200)
    assert not {"shoe/green", "shoe/blue"} & set(ids(body))
    assert body["hits"][0]["id"] == "dress/green"
    terms = body["hits"][0]["explanation"]
    assert [(term["kind"], term["value"], term["weight"]) for term in terms] == [
        ("text", "dress", 1.0),
        ("text", "red", -0.5),
        ("like", ["shoe/green"], 0.25),
        ("like", ["shoe/blue"], 1.0),
        ("vector", None, 1.0),
        ("image", None, 0.1),
    ]
    for hit in body["hits"]:
        total = sum(term["image"] + term["text"] for term in hit["explanation"])
        assert total == pytest.approx(hit["score"], abs=1e-5)


def test_simple_fields_and_parts_are_one_algebra(client):
    parts = [{"text": "shirt", "weight": 2}, {"like": "dress/red", "weight": -1}, {"vector": [0] * 7 + [1]}]
    simple = {"text": "shirt", "like": ["dress/red"], "vector": [0] * 7 + [1]}
    weights = {"text": 2, "like": -1, "vector": 1}
    assert ids(search(client, parts=parts)) == ids(search(client, **simple, weights=weights))
    mixed = search(client, text="shirt", weights={"text": 2}, parts=parts[1:])
    assert ids(mixed) == ids(search(client, parts=parts))


def test_a_minus_in_the_text(client):
    assert ids(search(client, text="shirt -red", balance=1, k=2)) == ["shirt/blue", "shirt/green"]


@pytest.mark.parametrize("unreadable", [{"image": "not base64!"}, {"like": "nothing"}, {"vector": [1]}])
def test_without_weight_what_cannot_be_read_is_absent(client, unreadable):
    (field,) = unreadable
    plain = search(client, text="red")
    assert same(search(client, text="red", **unreadable, weights={field: 0}), plain)
    assert same(search(client, text="red", parts=[{**unreadable, "weight": 0}]), plain)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({}, "a part has nothing"),
        ({"weight": 2}, "a part has nothing"),
        ({"text": "red", "like": "shirt/red"}, "text and like"),
        ({"text": "red", "weight": None}, "weight"),
        ({"words": "red"}, "words"),
        ({"vector": [1, 2]}, "2 numbers; the model of this release has 8"),
        ({"vector": ["one"]}, "vector"),
        ({"image": "?"}, "base64"),
        ({"text": "x" * 2001}, "2,000"),
    ],
    ids=str,
)
def test_parts_that_are_none(client, part, message):
    assert message in fault(client.post("/search", json={"parts": [part]}))


def test_paging(client):
    whole = ids(search(client, text="red shirt", k=9))
    assert [
        product for offset in range(0, 12, 4) for product in ids(search(client, text="red shirt", k=4, offset=offset))
    ] == whole
    assert "offset" in fault(client.post("/search", json={"offset": -1}))
    assert "10,000" in fault(client.post("/search", json={"offset": 9999}))


def test_facets_fields_and_explanations_come_when_asked_for(client):
    plain = search(client, text="red")
    assert "facets" not in plain
    assert "explanation" not in plain["hits"][0]
    body = search(
        client, text="red", facets=["in_stock", "tags", "price"], fields=["colour"], filters={"colour": "red"}
    )
    assert body["facets"] == [
        {"name": "in_stock", "type": "boolean", "true": 2, "false": 1},
        {
            "name": "tags",
            "type": "list",
            "values": [
                {"value": "new", "count": 2},
                {"value": "dress", "count": 1},
                {"value": "shirt", "count": 1},
                {"value": "shoe", "count": 1},
            ],
        },
        {"name": "price", "type": "number", "minimum": 0.0, "maximum": 60.0},
    ]
    assert [hit["attributes"] for hit in body["hits"]] == [{"colour": "red"}] * 3
    assert search(client, fields=[])["hits"][0]["attributes"] == {}
    assert search(client, k=1, explain=True)["hits"][0]["explanation"] == []


def test_a_form_takes_what_a_body_takes(client, make_picture):
    data = make_picture("blue")
    asked = {
        "text": "dress -green",
        "like": ["shoe/red", "shoe/blue"],
        "vector": [1, 0, 0, 0, 0, 0, 0, 0],
        "weights": {"image": 0.5, "vector": -1},
        "parts": [{"text": "striped", "weight": 0.2}],
        "balance": 0.4,
        "k": 3,
        "offset": 1,
        "filters": {"$not": {"tags": "sale"}},
        "facets": ["colour", "price"],
        "fields": ["tags", "colour"],
        "explain": True,
    }
    lists = ("like", "facets", "fields")
    form = {name: value if name in lists else json.dumps(value) for name, value in asked.items() if name != "text"}
    response = client.post("/search/image", files={"image": data}, data=form | {"text": asked["text"]})
    body = search(client, **asked, image=base64.b64encode(data).decode())
    assert response.status_code == 200, response.text
    assert same(response.json(), body)
    bare = client.post("/search/image", files={"image": data}, data={"fields": "", "k": "1"}).json()
    assert bare["hits"][0]["attributes"] == {}


def test_a_search_in_an_address(client):
    answer = client.get(
        "/search",
        params={
            "q": "dress -red",
            "like": ["shoe/red", "shoe/green"],
            "balance": 0.5,
            "k": 2,
            "offset": 1,
            "filter": ["colour:red,blue or price:..10", "not in_stock:false"],
            "facets": ["colour", "tags"],
            "fields": ["price"],
            "explain": "true",
        },
    ).json()
    body = search(
        client,
        text="dress -red",
        like=["shoe/red", "shoe/green"],
        balance=0.5,
        k=2,
        offset=1,
        filters={
            "$or": [{"colour": ["red", "blue"]}, {"price": {"max": 10}}],
            "$not": {"in_stock": False},
        },
        facets=["colour", "tags"],
        fields=["price"],
        explain=True,
    )
    assert same(answer, body)
    assert answer["matches"] > 2


def test_an_address_without_a_question_browses(client):
    assert same(client.get("/search").json(), search(client))
    assert client.get("/search?fields=&k=1").json()["hits"][0]["attributes"] == {}
    assert client.get("/search?filter=").json()["matches"] == 9


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("query=red", "query"),
        ("k=0", "k: "),
        ("k=many", "k: "),
        ("balance=nan", "balance"),
        ("filter=colour", "cannot be read"),
        ("filter=color:red", "known are colour"),
        ("filter=price:cheap", "price:10..50"),
        ("&".join(["filter=colour:red"] * 17), "filter"),
        ("facets=color", "'color'"),
        ("fields=color", "'color'"),
        ("offset=10000", "10,000"),
        ("q=" + "x" * 2001, "2,000"),
    ],
)
def test_addresses_that_cannot_be_read(client, query, message):
    assert message in fault(client.get(f"/search?{query}"))


def test_similar_products(client):
    answer = client.get("/products/shirt/red/similar", params={"k": 3, "filter": "not colour:green"}).json()
    assert same(answer, search(client, like="shirt/red", k=3, filters={"$not": {"colour": "green"}}))
    assert ids(client.get("/products/shirt%2Fred/similar?k=2").json()) == ["dress/red", "shoe/red"]
    assert "nothing" in fault(client.get("/products/nothing/similar"), 404)
    assert "q" in fault(client.get("/products/shirt/red/similar?q=red"))


def test_an_id_that_ends_like_the_path_of_similar_products(release, start, item):
    release(items=[item("a", looks="red", says="red"), item("a/similar", looks="red", says="blue")])
    with start() as client:
        assert client.get("/products/a%2Fsimilar").json()["id"] == "a/similar"
        assert ids(client.get("/products/a/similar").json()) == ["a/similar"]
        assert ids(client.get("/products/a%2Fsimilar/similar").json()) == ["a"]
        assert client.get("/products/b%2Fsimilar").status_code == 404


def test_suggestions(client):
    response = client.get("/suggest", params={"q": "strip"})
    schemas.SuggestResponse.model_validate_json(response.content, strict=True)
    assert response.json() == {"release": "20261121T101500-00000001", "suggestions": []}
    suggested = client.get("/suggest", params={"q": "shrit", "k": 2}).json()["suggestions"]
    assert suggested == [
        {"text": "shirt", "attribute": "tags", "products": 3},
        {"text": "Blue Shirt", "attribute": None, "products": 1},
    ]
    assert len(client.get("/suggest").json()["suggestions"]) == 8
    for query in ("k=0", "k=21", "text=red", "q=" + "x" * 201):
        assert client.get(f"/suggest?{query}").status_code == 422, query


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_json_of_any_depth_is_refused(client, depth):
    content = b'{"filters": ' + b'{"$not": ' * depth + b'{"colour": "red"}' + b"}" * depth + b"}"
    response = client.post("/search", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}
    content = b'{"queries": [' + b"[" * depth + b"]" * depth + b"]}"
    response = client.post("/search/batch", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in {200, 400, 422}
    if response.status_code == 200:
        assert response.json()["results"][0]["error"]["code"] == "invalid_request"


def test_openapi_says_what_a_query_takes(client):
    described = client.get("/openapi.json").json()
    models = described["components"]["schemas"]
    assert set(models["SearchRequest"]["properties"]) >= {"vector", "parts", "offset", "facets", "fields", "explain"}
    assert models["BatchRequest"]["properties"]["queries"]["items"] == {"$ref": "#/components/schemas/SearchRequest"}
    parameters = described["paths"]["/search"]["get"]["parameters"]
    named = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    assert named == {"q", "like", "balance", "k", "offset", "filter", "facets", "fields", "explain"}
    assert "id" in {p["name"] for p in described["paths"]["/products/{id}/similar"]["get"]["parameters"]}
