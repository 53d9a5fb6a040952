"""The engine's stages run through batchers: many requests at once, each with its own snapshot."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Protocol, TypeVar

import numpy as np

from aisle.encoder import OnnxEncoder, resolve_provider
from aisle.machine import Provider, cpu_quota
from aisle.settings import Settings
from aisle.types import PixelBatch, UnitVectors
from serving import engine
from serving.admission import Admission, Bounds, TooLate
from serving.batcher import Batcher, BatchObserver, QueueLimits
from serving.engine import Plan, Ranking
from serving.flights import Flights
from serving.gathering import Gathering
from serving.query import MAX_PARTS, Answer, Hit, ImagePart, Milliseconds, Part, Query, QueryLimits, TextPart
from serving.snapshot import Snapshot
from serving.suggestions import Suggestion
from serving.text_cache import TextCache

Given = TypeVar("Given")

TEXT_NICENESS, PICTURE_NICENESS = 5, 15
"""How readily the encoders' threads leave a core to others. The event loop comes first, as it tells those who are
turned away, and so do the searches, which take turns with it at the interpreter. A picture costs as much as four texts,
so its threads give way to theirs: a core that both want goes to the text."""

_GPU_BATCHES = 2
"""One is computed while the next one is brought over."""

DECODE, IMAGES, TEXTS, SEARCHES, SUGGESTIONS = "decode", "images", "texts", "searches", "suggestions"
"""Names of the queues."""


class SearchObserver(BatchObserver, Protocol):
    """Who wants to know how the searches are doing."""

    def cached_text(self, hit: bool, /) -> None:
        """A text's vector was looked for among those remembered."""
        ...

    def joined_search(self) -> None:
        """A search asked for what another was being answered just then, and shares its answer."""
        ...


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A plan and its encoded parts by their places, ready for the index."""

    snapshot: Snapshot
    plan: Plan
    encoded: Mapping[int, UnitVectors]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a lookup found, and when each stage ended (`time.perf_counter`)."""

    ranking: Ranking
    hits: tuple[Hit, ...]
    ranked: float
    fetched: float


class Searcher:
    """The queues of one worker process. Use it within one event loop."""

    def __init__(self, settings: Settings, *, observer: SearchObserver) -> None:
        """Start the queues, empty.

        Args:
            settings: Sizes of batches and queues, caps on pictures.
            observer: Is told of every batch, every change of a queue, and what needed no work.
        """
        self._observer = observer
        self._cache = TextCache()
        self._flights: Flights[Answer] = Flights(joined=observer.joined_search, personal=TooLate)
        self._query_limits = QueryLimits.of(settings)
        self._image_limits = settings.image_limits
        cores = worker_cores(settings)
        flight = settings.batches_in_flight or (_GPU_BATCHES if _may_encode_on_gpu(settings.provider) else cores)
        text_work, picture_work = flight * settings.text_batch, flight * settings.image_batch
        self._text_door = _door("texts", settings, burst=settings.text_queue, at_work=text_work)
        self._picture_door = _door("pictures", settings, burst=settings.image_queue, at_work=picture_work)
        # The doors keep within these bounds: whoever comes in last may bring all its parts.
        texts, pictures = settings.text_queue + MAX_PARTS, settings.image_queue + MAX_PARTS
        self._decode: Batcher[tuple[Snapshot, bytes], PixelBatch] = Batcher(
            self._decode_batch,
            name=DECODE,
            limits=QueueLimits(batch=1, in_flight=settings.decode_workers or cores, waiting=pictures),
            observer=observer,
            niceness=PICTURE_NICENESS,
        )
        self._images: Batcher[tuple[OnnxEncoder, PixelBatch], UnitVectors] = Batcher(
            _encode_images,
            name=IMAGES,
            limits=QueueLimits(batch=settings.image_batch, in_flight=flight, waiting=pictures),
            observer=observer,
            niceness=PICTURE_NICENESS,
        )
        self._texts: Batcher[tuple[OnnxEncoder, str], UnitVectors] = Batcher(
            _encode_texts,
            name=TEXTS,
            limits=QueueLimits(batch=settings.text_batch, in_flight=flight, waiting=texts),
            observer=observer,
            niceness=TEXT_NICENESS,
        )
        self._searches: Batcher[_Lookup, _Found] = Batcher(
            _look_up,
            name=SEARCHES,
            limits=QueueLimits(batch=1, in_flight=settings.search_workers or cores, waiting=texts + pictures),
            observer=observer,
        )
        self._suggestions: Batcher[tuple[Snapshot, str, int], tuple[Suggestion, ...]] = Batcher(
            _suggest,
            name=SUGGESTIONS,
            limits=QueueLimits(batch=1, in_flight=1, waiting=settings.text_queue),
            observer=observer,
        )

    def close(self) -> None:
        """Cancel what waits."""
        for batcher in (self._decode, self._images, self._texts, self._searches, self._suggestions):
            batcher.close()

    async def search(self, snapshot: Snapshot, query: Query, *, deadline: float = math.inf) -> Answer:
        """Answer one query; the same answer as `engine.search`. Equal queries at the same time are answered once.

        Args:
            snapshot: The release.
            query: The query.
            deadline: When the request's time is up (`time.monotonic`): what cannot be done by then is not begun.

        Raises:
            InvalidQuery: The query has no meaning for this release.
            InvalidImage: A picture cannot be used.
            UnknownProduct: `like` names a product that is not in the release, or hidden.
            Overloaded: Too much is being worked on already.
            TooLate: It cannot be answered by the deadline.
        """
        started = time.perf_counter()
        plan = engine.plan_query(snapshot, query, limits=self._query_limits)
        return await self._flights.join((snapshot, query.key), lambda: self._answer(snapshot, plan, started, deadline))

    def door(self, *, pictured: bool) -> Admission:
        """Where searches come in, with a picture or without."""
        return self._picture_door if pictured else self._text_door

    async def suggest(self, snapshot: Snapshot, typed: str, *, k: int) -> tuple[Suggestion, ...]:
        """What a shopper may be typing.

        Raises:
            Overloaded: Too many are being typed.
        """
        return await self._suggestions.enqueue((snapshot, typed, k))

    async def embed(self, snapshot: Snapshot, part: TextPart | ImagePart, *, deadline: float = math.inf) -> UnitVectors:
        """The vector of one text or one picture.

        Args:
            snapshot: The release.
            part: The text or the picture.
            deadline: As in `search`.

        Returns:
            float32 `[dimension]`, of norm 1.

        Raises:
            InvalidImage: The picture cannot be used.
            Overloaded: Too much is being worked on already.
            TooLate: It cannot be answered by the deadline.
        """
        encoder, model = snapshot.encoder, snapshot.encoder.manifest.fingerprint
        future: asyncio.Future[UnitVectors] = asyncio.get_running_loop().create_future()
        with self._visit([part], deadline):
            if isinstance(part, TextPart):
                vector = self._remembered(model, part.text)
                if vector is None:
                    self._texts.put((encoder, part.text), future, deadline=deadline)
                    vector = await future
                    self._cache.put(model, part.text, vector)
                return vector
            self._decode.put((snapshot, part.data), future, lambda pixels: self._images.put((encoder, pixels), future))
            return await future

    async def _answer(self, snapshot: Snapshot, plan: Plan, started: float, deadline: float) -> Answer:
        with self._visit(plan.parts, deadline):
            gathering = Gathering(started)
            found = await self._find(snapshot, plan, gathering, deadline)
        return Answer(
            release=snapshot.id,
            hits=found.hits,
            matches=found.ranking.matches,
            facets=found.ranking.facets,
            hints=plan.hints,
            milliseconds=Milliseconds(
                decode=1000 * (gathering.decoded - started),
                encode=1000 * (gathering.complete - gathering.decoded),
                search=1000 * (found.ranked - gathering.complete),
                fetch=1000 * (found.fetched - found.ranked),
                total=1000 * (time.perf_counter() - started),
            ),
        )

    def _visit(self, parts: Sequence[Part], deadline: float) -> AbstractContextManager[None]:
        """Come in by the door for what costs most."""
        pictures = sum(isinstance(part, ImagePart) for part in parts)
        if pictures:
            return self._picture_door.visit(pictures, deadline=deadline)
        texts = sum(isinstance(part, TextPart) for part in parts)
        return self._text_door.visit(max(1, texts), deadline=deadline)

    async def _find(self, snapshot: Snapshot, plan: Plan, gathering: Gathering, deadline: float) -> _Found:
        """Encode the parts and search. From queue to queue it goes by their own threads; all wait for one future."""
        encoder, model = snapshot.encoder, snapshot.encoder.manifest.fingerprint
        future: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        texts: dict[int, str] = {}
        pictures: dict[int, bytes] = {}
        for place, part in enumerate(plan.parts):
            if isinstance(part, ImagePart):
                pictures[place] = part.data
            elif isinstance(part, TextPart):
                known = self._remembered(model, part.text)
                if known is None:
                    texts[place] = part.text
                else:
                    gathering.encoded[place] = known

        def encode(place: int, pixels: PixelBatch) -> None:
            gathering.note_decoded()
            self._images.put((encoder, pixels), future, partial(gathering.add, place), deadline=deadline)

        try:
            gathering.expect(
                len(texts) + len(pictures),
                lambda: self._searches.put(_Lookup(snapshot, plan, gathering.encoded), future, deadline=deadline),
            )
            for place, text in texts.items():
                self._texts.put((encoder, text), future, partial(gathering.add, place), deadline=deadline)
            for place, data in pictures.items():
                self._decode.put((snapshot, data), future, partial(encode, place), deadline=deadline)
            found = await future
        finally:
            future.cancel()  # the request went away: what still waits is dropped
            gathering.end()
        for place, text in texts.items():
            self._cache.put(model, text, gathering.encoded[place])
        return found

    def _remembered(self, model: str, text: str) -> UnitVectors | None:
        known = self._cache.get(model, text)
        self._observer.cached_text(known is not None)
        return known

    def _decode_batch(self, batch: Sequence[tuple[Snapshot, bytes]]) -> list[PixelBatch]:
        return [engine.decode(snapshot, data, limits=self._image_limits) for snapshot, data in batch]


def worker_cores(settings: Settings) -> int:
    """Cores that one worker may keep busy; 2 at least, so that a batch can be made ready while another runs."""
    return max(2, cpu_quota() // settings.workers)


def _may_encode_on_gpu(provider: Provider) -> bool:
    if provider is Provider.AUTO:
        provider = resolve_provider(provider)
    return provider is Provider.CUDA


def _door(name: str, settings: Settings, *, burst: int, at_work: int) -> Admission:
    # While so many are encoded, as many are searched for or wait: with fewer, the next batches come out small.
    return Admission(name, bounds=Bounds(burst=burst, least=2 * at_work, seconds=settings.overload_seconds))


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
    composition = engine.compose_plan(snapshot, plan, lookup.encoded)
    ranking = engine.rank(snapshot, plan, composition)
    ranked = time.perf_counter()
    hits = engine.fetch(snapshot, plan, ranking, composition)
    return _Found(ranking=ranking, hits=hits, ranked=ranked, fetched=time.perf_counter())


def _suggest(batch: Sequence[tuple[Snapshot, str, int]]) -> list[tuple[Suggestion, ...]]:
    return [snapshot.suggestions.find(typed, k=k) for snapshot, typed, k in batch]
