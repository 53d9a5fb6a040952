"""The readiness probe searches, but not for every probe."""

import asyncio
import threading

import pytest

from aisle.images import ImageLimits
from serving import canary as canary_module
from serving.canary import Canary
from serving.snapshot import load_snapshot
from serving.watcher import NoRelease


@pytest.fixture
def opened(layout, release, monkeypatch):
    """A snapshot and the texts it was asked to encode since."""
    snapshot = load_snapshot(layout, release())
    encode, encoded = snapshot.encoder.encode_texts, []

    def counting(texts):
        encoded.extend(texts)
        return encode(texts)

    monkeypatch.setattr(snapshot.encoder, "encode_texts", counting)
    return snapshot, encoded


def test_many_probes_are_one_search(opened):
    snapshot, encoded = opened

    async def probe():
        canary = Canary(limits=ImageLimits())
        await asyncio.gather(*(canary.check(snapshot) for _ in range(50)))
        for _ in range(50):
            await canary.check(snapshot)

    asyncio.run(probe())
    assert encoded == ["canary"]


def test_what_is_no_longer_fresh_or_another_release_is_tried_again(opened, monkeypatch):
    snapshot, encoded = opened

    async def probe():
        canary = Canary(limits=ImageLimits())
        await canary.check(snapshot)
        await canary.check(snapshot.hiding(frozenset({"shirt/red"})))
        monkeypatch.setattr(canary_module, "FRESH_SECONDS", 0.0)
        await canary.check(snapshot)
        await canary.check(snapshot)

    asyncio.run(probe())
    assert encoded == ["canary"] * 4


def test_slow_searches_do_not_pile_up(opened, monkeypatch):
    """A trial that lasts longer than it is fresh is waited for, not begun again."""
    snapshot, encoded = opened
    monkeypatch.setattr(canary_module, "FRESH_SECONDS", 0.0)
    gate, rank = threading.Event(), snapshot.fused.rank

    def slow(*arguments, **options):
        assert gate.wait(10)
        return rank(*arguments, **options)

    monkeypatch.setattr(snapshot.fused, "rank", slow)

    async def probe():
        canary = Canary(limits=ImageLimits())
        waiting = [asyncio.create_task(canary.check(snapshot)) for _ in range(10)]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(canary.check(snapshot)) for _ in range(10)]
        waiting[0].cancel()  # a probe that gives up takes the trial from nobody
        await asyncio.sleep(0.05)
        gate.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] + [type(None)] * 19

    asyncio.run(probe())
    assert encoded == ["canary"]


def test_a_release_that_finds_nothing_is_not_ready(opened, monkeypatch):
    snapshot, _ = opened
    rank = snapshot.fused.rank
    monkeypatch.setattr(snapshot.fused, "rank", lambda *a, **o: tuple(found[:0] for found in rank(*a, **o)))
    with pytest.raises(NoRelease, match="finds nothing"):
        asyncio.run(Canary(limits=ImageLimits()).check(snapshot))


def test_a_release_whose_products_are_all_hidden_is_ready(opened):
    snapshot, _ = opened
    nothing = snapshot.hiding(frozenset(snapshot.products.ids))
    asyncio.run(Canary(limits=ImageLimits()).check(nothing))
