"""The engine's stages run through batchers: many requests at once, each with its own snapshot."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

import numpy as np

from aisle.encoder import OnnxEncoder
from aisle.settings import Settings
from aisle.types import PixelBatch, UnitVectors
from serving import engine
from serving.batcher import Batcher, BatchObserver, QueueLimits
from serving.engine import Plan, Ranking
from serving.query import Answer, Hit, Milliseconds, Query
from serving.snapshot import Snapshot

Given = TypeVar("Given")

DECODE, IMAGES, TEXTS, SEARCHES = "decode", "images", "texts", "searches"
"""Names of the queues."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A plan and its encoded parts, ready for the index."""

    snapshot: Snapshot
    plan: Plan
    text: UnitVectors | None
    image: UnitVectors | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a lookup found, and when each stage ended (`time.perf_counter`)."""

    ranking: Ranking
    hits: tuple[Hit, ...]
    ranked: float
    fetched: float


class Searcher:
    """The queues of one worker process. Use it within one event loop."""

    def __init__(self, settings: Settings, *, observer: BatchObserver) -> None:
        """Start the queues, empty.

        Args:
            settings: Sizes of batches and queues, caps on pictures.
            observer: Is told of every batch and every change of a queue.
        """
        self._limits = settings.image_limits
        flight, pictures, texts = settings.batches_in_flight, settings.image_queue, settings.text_queue
        self._decode: Batcher[tuple[Snapshot, bytes], PixelBatch] = Batcher(
            self._decode_batch,
            name=DECODE,
            limits=QueueLimits(batch=1, in_flight=settings.decode_workers, waiting=pictures),
            observer=observer,
        )
        self._images: Batcher[tuple[OnnxEncoder, PixelBatch], UnitVectors] = Batcher(
            _encode_images,
            name=IMAGES,
            limits=QueueLimits(batch=settings.image_batch, in_flight=flight, waiting=pictures),
            observer=observer,
        )
        self._texts: Batcher[tuple[OnnxEncoder, str], UnitVectors] = Batcher(
            _encode_texts,
            name=TEXTS,
            limits=QueueLimits(batch=settings.text_batch, in_flight=flight, waiting=texts),
            observer=observer,
        )
        self._searches: Batcher[_Lookup, _Found] = Batcher(
            _look_up,
            name=SEARCHES,
            limits=QueueLimits(batch=1, in_flight=settings.search_workers, waiting=texts),
            observer=observer,
        )

    def close(self) -> None:
        """Cancel what waits."""
        for batcher in (self._decode, self._images, self._texts, self._searches):
            batcher.close()

    async def search(self, snapshot: Snapshot, query: Query) -> Answer:
        """Answer one query; the same answer as `engine.search`.

        Raises:
            InvalidQuery: The query has no meaning for this release.
            InvalidImage: The picture cannot be used.
            UnknownProduct: `like` names a product that is not in the release.
            Overloaded: A queue is full.
        """
        started = time.perf_counter()
        plan = engine.plan_query(snapshot, query)
        words = self._texts.enqueue((snapshot.encoder, plan.text)) if plan.text else None
        try:
            decoded = started
            image = None
            if plan.image:
                pixels = await self._decode.enqueue((snapshot, plan.image))
                decoded = time.perf_counter()
                image = await self._images.enqueue((snapshot.encoder, pixels))
            text = await words if words is not None else None
        finally:
            if words is not None:
                words.cancel()  # the picture failed, or the request went away
        encoded = time.perf_counter() if plan.text or plan.image else decoded
        found = await self._searches.enqueue(_Lookup(snapshot, plan, text, image))
        return Answer(
            release=snapshot.id,
            hits=found.hits,
            matches=found.ranking.matches,
            milliseconds=Milliseconds(
                decode=1000 * (decoded - started),
                encode=1000 * (encoded - decoded),
                search=1000 * (found.ranked - encoded),
                fetch=1000 * (found.fetched - found.ranked),
                total=1000 * (time.perf_counter() - started),
            ),
        )

    def _decode_batch(self, batch: Sequence[tuple[Snapshot, bytes]]) -> list[PixelBatch]:
        return [engine.decode(snapshot, data, limits=self._limits) for snapshot, data in batch]


def _encode_texts(batch: Sequence[tuple[OnnxEncoder, str]]) -> list[UnitVectors]:
    return _per_encoder(batch, lambda encoder, texts: encoder.encode_texts(texts))


def _encode_images(batch: Sequence[tuple[OnnxEncoder, PixelBatch]]) -> list[UnitVectors]:
    return _per_encoder(batch, lambda encoder, pixels: encoder.encode_images(np.concatenate(pixels)))


def _per_encoder(
    batch: Sequence[tuple[OnnxEncoder, Given]], encode: Callable[[OnnxEncoder, list[Given]], UnitVectors]
) -> list[UnitVectors]:
    """Requests of two releases may meet in one batch while a release is being replaced."""
    return [
        vector
        for encoder, pairs in groupby(batch, key=itemgetter(0))
        for vector in encode(encoder, [given for _, given in pairs])
    ]


def _look_up(batch: Sequence[_Lookup]) -> list[_Found]:
    return [_look_up_one(lookup) for lookup in batch]


def _look_up_one(lookup: _Lookup) -> _Found:
    snapshot, plan = lookup.snapshot, lookup.plan
    vector = None if plan.browses else engine.compose(snapshot, plan, text=lookup.text, image=lookup.image)
    ranking = engine.rank(snapshot, plan, vector)
    ranked = time.perf_counter()
    return _Found(ranking=ranking, hits=engine.fetch(snapshot, ranking), ranked=ranked, fetched=time.perf_counter())
