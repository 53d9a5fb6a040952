"""OpenAI's own Python client, over a socket."""

import base64
import io

import numpy as np
import openai
import pytest
from PIL import Image


@pytest.fixture
def given(listening):
    with openai.OpenAI(base_url=f"{listening}/v1", api_key="none", max_retries=0) as client:
        yield client


def data_uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_texts(given):
    response = given.embeddings.create(model="by hand", input=["red", "red shirt", "blue"])
    vectors = np.array([item.embedding for item in response.data])
    assert [item.index for item in response.data] == [0, 1, 2]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors @ vectors[0], [1, 0.5**0.5, 0], atol=1e-6)
    assert response.model == "by hand"
    assert (response.usage.prompt_tokens, response.usage.total_tokens) == (4, 4)
    assert response.object == "list"
    assert response.data[0].object == "embedding"


def test_both_encodings_say_the_same(given):
    coded = given.embeddings.create(model="by hand", input="red shirt")  # the client asks for base64 by itself
    plain = given.embeddings.create(model="by hand", input="red shirt", encoding_format="float")
    raw = given.embeddings.with_raw_response.create(model="by hand", input="red shirt", encoding_format="base64")
    bits = np.frombuffer(base64.b64decode(raw.http_response.json()["data"][0]["embedding"]), dtype="<f4")
    np.testing.assert_array_equal(np.float32(plain.data[0].embedding), bits)
    np.testing.assert_array_equal(np.float32(coded.data[0].embedding), bits)


def test_pictures_and_texts_share_a_space(given, make_picture):
    red = make_picture("red")
    items = [data_uri(red), {"image": base64.b64encode(red).decode()}, {"text": "data:image/ red"}, "red"]
    response = given.embeddings.create(model="by hand", input=items)
    vectors = np.array([item.embedding for item in response.data])
    np.testing.assert_allclose(vectors[0], vectors[3], atol=1e-6)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert not np.allclose(vectors[2], vectors[3])
    one = given.embeddings.create(
        model="by hand", input=base64.b64encode(red).decode(), extra_body={"modality": "image"}
    )
    np.testing.assert_array_equal(one.data[0].embedding, vectors[0])
    assert one.usage.prompt_tokens == 0


def test_more_than_a_queue_holds(given):
    texts = [f"red {number}" for number in range(300)]
    response = given.embeddings.create(model="by hand", input=texts)
    assert len(response.data) == 300


def test_models(given, bundles):
    assert [model.id for model in given.models.list()] == ["by hand", bundles[1]]
    assert given.models.retrieve("by hand").owned_by == "aisle"
    assert given.embeddings.create(model=bundles[1], input="red").model == bundles[1]
    with pytest.raises(openai.NotFoundError) as caught:
        given.models.retrieve("another")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("arguments", "code", "parameter", "words"),
    [
        ({"input": "red", "dimensions": 4}, "invalid_query", None, "dimensions is 4.*have 8"),
        ({"input": []}, "invalid_request", "input", "input"),
        ({"input": ""}, "invalid_request", "input", "input"),
        ({"input": [1, 2, 3]}, "invalid_request", "input", "token ids"),
        ({"input": [[1, 2, 3]]}, "invalid_request", "input", "token ids"),
        ({"input": ["red", {"image": "!"}]}, "invalid_image", "input", "input 1: .*base64"),
        ({"input": ["data:image/png;base64,AAAA"]}, "invalid_image", "input", "input 0: "),
        ({"input": ["red", "x" * 2001]}, "invalid_query", None, "input 1: .*2,000"),
        ({"input": "red", "extra_body": {"colour": "red"}}, "invalid_request", "colour", "colour"),
    ],
)
def test_errors_are_the_clients_own(given, arguments, code, parameter, words):
    with pytest.raises(openai.BadRequestError, match=words) as caught:
        given.embeddings.create(model="by hand", **arguments)
    error = caught.value
    assert (error.code, error.param, error.type) == (code, parameter, "invalid_request_error")
    assert error.body["request_id"] == error.request_id


def test_a_model_that_is_not_live(given):
    with pytest.raises(openai.NotFoundError, match="by hand") as caught:
        given.embeddings.create(model="text-embedding-3-small", input="red")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_busy_service_is_a_rate_limit_error(given, serving_app, monkeypatch):
    from serving.admission import Overloaded

    async def refuse(*_, **__):
        raise Overloaded("too many")

    monkeypatch.setattr(serving_app.state.service.searcher, "embed", refuse)
    with pytest.raises(openai.RateLimitError) as caught:
        given.embeddings.create(model="by hand", input="red")
    assert caught.value.response.headers["Retry-After"] == "1"
    assert caught.value.type == "rate_limit_error"


def test_a_body_that_is_too_long(given, make_picture):
    noise = np.random.default_rng(0).integers(0, 255, (2000, 2000, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    with pytest.raises(openai.APIStatusError) as caught:
        given.embeddings.create(model="by hand", input=[data_uri(stream.getvalue())] * 2)
    assert caught.value.status_code == 413


@pytest.mark.asyncio
async def test_the_asynchronous_client(listening):
    async with openai.AsyncOpenAI(base_url=f"{listening}/v1", api_key="none") as client:
        response = await client.embeddings.create(model="by hand", input="red")
    assert len(response.data[0].embedding) == 8
