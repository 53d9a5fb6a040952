"""One bad picture among many good ones is one error: over HTTP, and in the encoder's batches."""

import asyncio
import base64
import threading

import pytest

from serving.batcher import Batcher, QueueLimits


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("bad", [b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"x" * 500])
@pytest.mark.parametrize("place", [0, 17, 31])
def test_31_answers_and_one_error(client, make_picture, bad, place):
    colours = ["red", "green", "blue"]
    pictures = [make_picture(colours[number % 3], size=20 + number) for number in range(32)]
    pictures[place] = bad
    queries = [{"image": encoded(data), "balance": 0, "k": 3} for data in pictures]
    results = client.post("/search/batch", json={"queries": queries}).json()["results"]
    assert len(results) == 32
    for number, result in enumerate(results):
        if number == place:
            assert result["error"]["code"] == "invalid_image"
        else:
            assert {hit["attributes"]["colour"] for hit in result["hits"]} == {colours[number % 3]}
    assert client.post("/search", json=queries[(place + 1) % 32]).status_code == 200


class Silent:
    def batch(self, queue: str, size: int, /) -> None: ...

    def depth(self, queue: str, waiting: int, /) -> None: ...


@pytest.mark.asyncio
async def test_the_encoder_raises_for_one_item_of_its_batch():
    """What decoding let through may still break the encoder: its batch is tried again item by item."""
    tried, begun, gate = [], threading.Event(), threading.Event()

    def run(items):
        tried.append(len(items))
        begun.set()
        assert gate.wait(10)
        if any(item == "bad" for item in items):
            raise ValueError("this one")
        return [item.upper() for item in items]

    batcher = Batcher(run, name="x", limits=QueueLimits(batch=32, in_flight=1, waiting=64), observer=Silent())
    futures = [batcher.enqueue("first")]
    assert await asyncio.to_thread(begun.wait, 10)
    futures += [batcher.enqueue(item) for item in [*["good"] * 31, "bad"]]
    gate.set()
    outcomes = []
    for future in futures:
        try:
            outcomes.append(await future)
        except ValueError as error:
            outcomes.append(str(error))
    batcher.close()
    assert outcomes == ["FIRST", *["GOOD"] * 31, "this one"]
    assert tried[:2] == [1, 32]
