"""The service's way through the queues gives the engine's answers."""

import asyncio
import gc
import threading
import time
import weakref
from dataclasses import replace

import pytest

from aisle.errors import InvalidImage
from aisle.images import ImageLimits
from aisle.manifest import IndexKind
from aisle.settings import Settings
from serving import engine
from serving.admission import Overloaded
from serving.metrics import Metrics
from serving.query import ImagePart, Query, SourceWeights, TextPart
from serving.searcher import Searcher
from serving.snapshot import load_snapshot


def using(settings, work):
    async def run():
        searcher = Searcher(settings, observer=Metrics())
        try:
            return await work(searcher)
        finally:
            searcher.close()

    return asyncio.run(run())


def test_same_answers_as_the_engine_at_any_mix(snapshot, make_picture):
    queries = [
        Query(text="red shirt", k=3),
        Query(image=make_picture("green"), balance=0.2),
        Query(text="dress", image=make_picture("blue", kind="JPEG"), weights=SourceWeights(text=0.5)),
        Query(like=("shoe/red", "shirt/blue"), filters={"in_stock": True}),
        Query(filters={"tags": "new"}, k=2),
        Query(text="striped", like=("shoe/red",), weights=SourceWeights(like=-1.0)),
    ] * 20

    async def all_at_once(searcher):
        return await asyncio.gather(*(searcher.search(snapshot, query) for query in queries))

    for query, answer in zip(queries, using(Settings(), all_at_once), strict=True):
        expected = engine.search(snapshot, query, limits=ImageLimits())
        assert [hit.id for hit in answer.hits] == [hit.id for hit in expected.hits]
        scores = [[hit.score for hit in one.hits] for one in (answer, expected)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)
        assert (answer.matches, answer.release) == (expected.matches, expected.release)


def test_a_bad_picture_fails_alone(snapshot, make_picture):
    async def mixed(searcher):
        good, bad = Query(image=make_picture("red"), text="shirt"), Query(image=b"no picture", text="shirt")
        queries = [good, bad, good, bad, good]
        return await asyncio.gather(*(searcher.search(snapshot, q) for q in queries), return_exceptions=True)

    outcomes = using(Settings(), mixed)
    assert [isinstance(outcome, InvalidImage) for outcome in outcomes] == [False, True, False, True, False]


def test_requests_of_two_releases_meet_in_one_batch(layout, release, item, mirrored):
    """Each is encoded by its own release's model: in the new one "red" means "striped"."""
    items = [item("red", looks=None, says="red"), item("striped", looks=None, says="striped")]
    old = load_snapshot(layout, release("old", items=items))
    new = load_snapshot(layout, release("new", items=items, fingerprint=mirrored), predecessor=old)

    async def interleaved(searcher):
        pairs = [(snapshot, Query(text="red")) for _ in range(30) for snapshot in (old, new)]
        answers = await asyncio.gather(*(searcher.search(*pair) for pair in pairs))
        return [(answer.release, answer.hits[0].id) for answer in answers]

    answers = using(replace(Settings(), batches_in_flight=1), interleaved)
    assert answers == [("old", "red"), ("new", "striped")] * 30


def test_equal_queries_in_flight_are_answered_once(layout, release, monkeypatch):
    snapshot = load_snapshot(layout, release())
    gate, look_up, looked = threading.Event(), snapshot.fused.rank, []

    def slow(*arguments, **options):
        looked.append(options["depth"])
        assert gate.wait(10)
        return look_up(*arguments, **options)

    monkeypatch.setattr(snapshot.fused, "rank", slow)
    metrics = Metrics()

    def query(**changes):
        return Query(text="red", parts=(TextPart("new"),), filters={"tags": "new"}, **changes)

    async def crowd():
        searcher = Searcher(Settings(), observer=metrics)
        asked = [searcher.search(snapshot, query()) for _ in range(10)]
        asked += [searcher.search(snapshot, query(k=3)), searcher.search(snapshot.hiding(frozenset("x")), query())]
        tasks = [asyncio.ensure_future(search) for search in asked]
        while len(looked) < 2:  # as many as there are workers
            await asyncio.sleep(0.01)
        gate.set()
        answers = await asyncio.gather(*tasks)
        searcher.close()
        return answers

    answers = asyncio.run(crowd())
    assert sorted(looked) == [3, 24, 24]
    assert all(answer is answers[0] for answer in answers[:10])
    assert answers[10].hits == answers[0].hits[:3]
    assert b"aisle_joined_searches_total 9.0" in metrics.expose()


def test_texts_are_encoded_once_per_model(layout, release, mirrored, monkeypatch):
    old = load_snapshot(layout, release("old"))
    same_model = load_snapshot(layout, release("r2"), predecessor=old)
    new = load_snapshot(layout, release("new", fingerprint=mirrored))
    encoded = []
    for snapshot in (old, new):
        encode = snapshot.encoder.encode_texts
        monkeypatch.setattr(
            snapshot.encoder,
            "encode_texts",
            lambda texts, snapshot=snapshot, encode=encode: (
                encoded.extend((snapshot.id, t) for t in texts) or encode(texts)
            ),
        )

    async def one_after_the_other(searcher):
        answers = []
        for snapshot, text in [(old, "red"), (old, "red -blue"), (same_model, "red"), (new, "red"), (new, "blue")]:
            answers.append(await searcher.search(snapshot, Query(text=text, k=2)))
        return answers

    answers = using(Settings(), one_after_the_other)
    assert encoded == [("old", "red"), ("old", "blue"), ("new", "red"), ("new", "blue")]
    assert answers[0].hits == answers[2].hits != answers[3].hits


def test_a_picture_that_fails_takes_its_texts_along(snapshot, make_picture):
    """Nothing of a failed query is left in a queue, and what was never encoded is not remembered."""

    async def failed(searcher):
        parts = (ImagePart(make_picture("red")), ImagePart(b"no picture"), TextPart("shirt"))
        with pytest.raises(InvalidImage):
            await searcher.search(snapshot, Query(text="red", parts=parts))
        return await searcher.search(snapshot, Query(text="red", parts=parts[:1]))

    answer = using(Settings(), failed)
    expected = engine.search(snapshot, Query(text="red", parts=(ImagePart(make_picture("red")),)), limits=ImageLimits())
    assert [hit.id for hit in answer.hits] == [hit.id for hit in expected.hits]


def test_too_many_are_refused_and_the_rest_answered(layout, release, monkeypatch):
    snapshot = load_snapshot(layout, release(kind=IndexKind.EXACT))
    gate, encode = threading.Event(), snapshot.encoder.encode_texts

    def slow(texts):
        assert gate.wait(10)
        return encode(texts)

    monkeypatch.setattr(snapshot.encoder, "encode_texts", slow)

    async def flood(searcher):
        requests = [asyncio.create_task(searcher.search(snapshot, Query(text=f"red {n}"))) for n in range(20)]
        await asyncio.sleep(0.05)
        gate.set()
        return await asyncio.gather(*requests, return_exceptions=True)

    outcomes = using(replace(Settings(), text_queue=5, batches_in_flight=2), flood)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert len(refused) == 20 - 5
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 5


@pytest.mark.parametrize("picture", ["none", "good"])
def test_an_answered_query_keeps_nothing_of_its_release(layout, release, make_picture, picture):
    """Without the garbage collector's help, which may come minutes and releases later."""
    snapshots = [load_snapshot(layout, release())]
    kept = weakref.ref(snapshots[0].index)
    image = {"none": b"", "good": make_picture("red")}[picture]

    async def ask(searcher):
        await searcher.search(snapshots[0], Query(text="red shirt -blue", image=image))
        snapshots.clear()
        deadline = time.monotonic() + 10
        while kept() is not None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)  # a thread may be about to let go

    gc.collect()
    gc.disable()
    try:
        using(Settings(), ask)
        assert kept() is None
    finally:
        gc.enable()
