"""clip-retrieval's own `ClipClient`, over a socket."""

import importlib.metadata
import importlib.util
import json

import httpx
import pytest

from aisle.images import ImageLimits
from serving import engine
from serving.knn_routes import without_duplicates
from serving.query import Query, TextPart


@pytest.fixture(scope="module")
def clip_client():
    """The module as PyPI has it. Its package imports the whole back end, which nobody needs to ask one."""
    files = importlib.metadata.files("clip-retrieval") or ()
    (path,) = (file.locate() for file in files if file.name == "clip_client.py")
    spec = importlib.util.spec_from_file_location("clip_client", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ask(listening, clip_client):
    def make(**options):
        options = {"deduplicate": False, "num_images": 9} | options
        return clip_client.ClipClient(url=f"{listening}/knn-service", indice_name="products", **options)

    return make


def test_a_text_among_pictures(ask, listening):
    results = ask(num_images=3).query(text="red")
    assert [result["id"] for result in results] == ["dress/red", "shirt/red", "shoe/red"]
    assert results[0] == {
        "id": "dress/red",
        "similarity": pytest.approx(1.0),
        "url": f"{listening}/images/dress%2Fred",
        "caption": "Red Dress",
        "colour": "red",
        "price": 30.0,
        "in_stock": False,
        "tags": ["new", "dress"],
    }
    assert httpx.get(results[0]["url"]).headers["content-type"] == "image/png"


def test_a_text_among_texts(ask, clip_client):
    results = ask(modality=clip_client.Modality.TEXT).query(text="red shirt")
    assert results[0]["id"] == "shirt/red"
    assert results[0]["similarity"] == pytest.approx(1.0)
    assert results[1]["similarity"] == pytest.approx(0.5)


def test_a_picture(ask, tmp_path, make_picture):
    (tmp_path / "blue.png").write_bytes(make_picture("blue"))
    results = ask(num_images=3).query(image=str(tmp_path / "blue.png"))
    assert {result["colour"] for result in results} == {"blue"}


def test_a_vector(ask):
    results = ask(num_images=3).query(embedding_input=[0, 2.5, 0, 0, 0, 0, 0, 0])
    assert {result["colour"] for result in results} == {"green"}
    assert results[0]["similarity"] == pytest.approx(1.0)


def test_duplicates(ask):
    assert [result["id"] for result in ask(deduplicate=True).query(text="red")] == [
        "dress/red",
        "dress/blue",
        "dress/green",
    ]


def test_errors_are_the_envelope(ask, listening, clip_client):
    client = clip_client.ClipClient(url=f"{listening}/knn-service", indice_name="laion5B")
    assert client.query(text="red")["error"]["code"] == "not_found"
    assert "base64" in ask().query(image="http://127.0.0.1:1/x.jpg")["error"]["message"]
    assert httpx.post(f"{listening}/knn-service", content=b"{").json()["error"]["code"] == "invalid_request"
    assert httpx.post(f"{listening}/knn-service", json={"modality": "image"}).status_code == 422


def test_what_the_front_end_asks_beside(listening):
    """It sends its JSON as text/plain, wants many ids, and asks for the fields of those it shows."""
    assert httpx.get(f"{listening}/indices-list").json() == ["products"]
    body = {"text": "red", "modality": "image", "num_images": 2, "num_result_ids": 3000, "indice_name": "products"}
    plain = {"content-type": "text/plain;charset=UTF-8"}
    results = httpx.post(f"{listening}/knn-service", content=json.dumps(body), headers=plain).json()
    assert len(results) == 9
    assert [set(result) for result in results[1:3]] == [
        {"id", "similarity", "url", "caption", "colour", "price", "in_stock", "tags"},
        {"id", "similarity"},
    ]
    ids = [result["id"] for result in results[2:4]]
    asked = {"ids": [ids[1], "gone", ids[0]], "indice_name": "products"}
    found = httpx.post(f"{listening}/metadata", content=json.dumps(asked), headers=plain).json()
    assert [item["id"] for item in found] == [ids[1], ids[0]]
    assert found[1]["metadata"]["caption"] == "Red Shoe"
    assert found[1]["metadata"]["url"] == f"{listening}/images/shoe%2Fred"


def test_groups_of_duplicates_keep_their_first(snapshot):
    answer = engine.search(snapshot, Query(parts=(TextPart("red"),), balance=0.0, k=9), limits=ImageLimits())
    kept = without_duplicates(snapshot, answer.hits, modality="image")
    assert [hit.id for hit in kept] == ["dress/red", "dress/blue", "dress/green"]
    assert without_duplicates(snapshot, answer.hits, modality="text") == list(answer.hits)
    assert without_duplicates(snapshot, (), modality="image") == []
