"""Answering a query over one snapshot: pure functions, with no HTTP, no threads and no queues.

`search` runs the stages one after the other; the service runs the same stages through its batchers.

A query has one vector per half of a product. Text and picture are vectors of the shared space and go into both. A
product to resemble (`like`) has two vectors of its own: what it looks like goes into the half that is compared with
pictures, what it says into the half that is compared with texts, as each is the better probe of its own half (image
and text vectors of CLIP lie in different cones). Where it lacks one, the other stands in. Each part of the query has
norm 1 before its weight, and each half has norm 1 after the sum, so scores stay cosines.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aisle.errors import InvalidQuery
from aisle.images import ImageLimits
from aisle.manifest import QueryKind
from aisle.preprocess import decode_for, prepare_image
from aisle.types import PixelBatch, ProductVectors, RowIds, Scores, UnitVectors
from aisle.vectors import HalfWeights, product_vectors, unit_norm
from serving.filters import Condition, check_filters, select
from serving.query import MAX_HITS, Answer, Hit, Milliseconds, Query, SourceWeights
from serving.snapshot import Snapshot

_NOTHING = 1e-6
"""A half of a query shorter than this is rounding noise of parts that cancel out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A query checked against a release, before anything costly was done.

    Attributes:
        text: Words to encode; empty for none.
        image: Picture file to decode and encode; empty for none.
        like: Rows of the products to resemble.
        weights: Of the three parts; 0 for those that are absent.
        halves: Weights of the two halves of a product.
        conditions: Checked filters.
        k: Hits wanted.
    """

    text: str
    image: bytes
    like: tuple[int, ...]
    weights: SourceWeights
    halves: HalfWeights
    conditions: tuple[Condition, ...]
    k: int

    @property
    def browses(self) -> bool:
        """Whether there is nothing to compare with."""
        return not (self.text or self.image or self.like)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best rows of a plan.

    Attributes:
        rows: int64 `[min(k, matches)]`, best first.
        scores: float32, one per row; None when nothing was compared.
        matches: Products that pass the filters.
    """

    rows: RowIds
    scores: Scores | None
    matches: int


def plan_query(snapshot: Snapshot, query: Query) -> Plan:
    """Check a query against a release.

    Raises:
        InvalidQuery: A filter or the balance has no meaning.
        UnknownProduct: `like` names a product that is not in the release.
    """
    weights = query.weights
    text = query.text.strip() if weights.text else ""
    image = query.image if weights.image else b""
    like = tuple(dict.fromkeys(snapshot.products.row(liked) for liked in query.like)) if weights.like else ()
    kind = QueryKind.MIXED if text and (image or like) else QueryKind.TEXT if text else QueryKind.IMAGE
    return Plan(
        text=text,
        image=image,
        like=like,
        weights=weights,
        halves=snapshot.half_weights(kind) if query.balance is None else HalfWeights.of_balance(query.balance),
        conditions=check_filters(query.filters, snapshot.columns),
        k=query.k,
    )


def decode(snapshot: Snapshot, data: bytes, *, limits: ImageLimits) -> PixelBatch:
    """A picture file to the model's pixels.

    Returns:
        uint8 `[1, size, size, 3]`.

    Raises:
        InvalidImage: The bytes are not a picture we accept.
    """
    rules = snapshot.encoder.preprocess
    return prepare_image(decode_for(data, rules, limits=limits), rules)[np.newaxis]


def compose(snapshot: Snapshot, plan: Plan, *, text: UnitVectors | None, image: UnitVectors | None) -> ProductVectors:
    """Lay the parts of a query out as one vector.

    Args:
        snapshot: Holds the vectors of the products to resemble.
        plan: From `plan_query`; must not browse.
        text: float32 `[dimension]`, the vector of `plan.text`.
        image: float32 `[dimension]`, the vector of `plan.image`.

    Returns:
        float32 `[1, 2 * dimension]`.

    Raises:
        InvalidQuery: The parts cancel each other out.
    """
    shared = ((plan.weights.text, text), (plan.weights.image, image))
    given = [(weight, np.stack([vector, vector])) for weight, vector in shared if vector is not None]
    if plan.like:
        given.append((plan.weights.like, _resemblance(snapshot, plan.like)))
    largest = max(abs(weight) for weight, _ in given)  # only ratios matter, and huge ones must not overflow
    halves = np.sum([np.float32(weight / largest) * vector for weight, vector in given], axis=0)
    halves[np.linalg.norm(halves, axis=1) < _NOTHING] = 0.0
    pictures, texts = unit_norm(halves)
    vector = product_vectors(plan.halves.image * pictures[np.newaxis], plan.halves.text * texts[np.newaxis])
    if not vector.any():
        raise InvalidQuery("the parts of the query cancel each other out: change their weights")
    return vector


def _resemblance(snapshot: Snapshot, rows: Sequence[int]) -> UnitVectors:
    """float32 `[2, dimension]`: what the products look like, and what they say."""
    vectors = snapshot.index.vectors(np.array(rows, dtype=np.int64))
    pictures, texts = (unit_norm(half) for half in np.split(vectors, 2, axis=1))
    pictured, worded = pictures.any(axis=1, keepdims=True), texts.any(axis=1, keepdims=True)
    looks, words = np.where(pictured, pictures, texts), np.where(worded, texts, pictures)
    return unit_norm(np.stack([looks.sum(axis=0), words.sum(axis=0)]))


def rank(snapshot: Snapshot, plan: Plan, vector: ProductVectors | None) -> Ranking:
    """Find the best rows.

    Args:
        snapshot: The release.
        plan: From `plan_query`.
        vector: From `compose`; None browses: rows in catalog order.
    """
    mask = select(plan.conditions, without=plan.like, products=len(snapshot.products))
    matches = len(snapshot.products) if mask is None else int(np.count_nonzero(mask))
    if vector is None:
        rows = np.arange(min(plan.k, matches)) if mask is None else np.flatnonzero(mask)[: plan.k]
        return Ranking(rows=rows.astype(np.int64), scores=None, matches=matches)
    found_scores, found_rows = snapshot.index.search(vector, k=MAX_HITS, allowed=mask)
    scores, rows = found_scores[0], found_rows[0]
    k = min(plan.k, len(rows))
    tied = int(np.searchsorted(-scores, -scores[k - 1], side="right")) if k else 0  # the page, and what equals its last
    ids = snapshot.products.ids
    order = sorted(range(tied), key=lambda place: (-scores[place], ids[rows[place]]))[:k]
    return Ranking(rows=rows[order], scores=scores[order], matches=matches)


def fetch(snapshot: Snapshot, ranking: Ranking) -> tuple[Hit, ...]:
    """The fields of ranked rows."""
    rows = ranking.rows.tolist()
    scores: list[float | None] = [None] * len(rows) if ranking.scores is None else ranking.scores.tolist()
    return tuple(
        Hit(
            id=product.id,
            score=score,
            title=product.title,
            pictured=snapshot.products.has_picture(row),
            attributes=product.attributes,
        )
        for row, score, product in zip(rows, scores, snapshot.products.take(rows), strict=True)
    )


def search(snapshot: Snapshot, query: Query, *, limits: ImageLimits) -> Answer:
    """Answer one query, all stages in this thread.

    Raises:
        InvalidQuery: The query has no meaning for this release.
        InvalidImage: The picture cannot be used.
        UnknownProduct: `like` names a product that is not in the release.
    """
    clock = [time.perf_counter()]
    plan = plan_query(snapshot, query)
    pixels = decode(snapshot, plan.image, limits=limits) if plan.image else None
    clock.append(time.perf_counter())
    text = snapshot.encoder.encode_texts([plan.text])[0] if plan.text else None
    image = snapshot.encoder.encode_images(pixels)[0] if pixels is not None else None
    clock.append(time.perf_counter())
    vector = None if plan.browses else compose(snapshot, plan, text=text, image=image)
    ranking = rank(snapshot, plan, vector)
    clock.append(time.perf_counter())
    hits = fetch(snapshot, ranking)
    clock.append(time.perf_counter())
    decoding, encoding, searching, fetching = (1000 * (end - start) for start, end in pairwise(clock))
    return Answer(
        release=snapshot.id,
        hits=hits,
        matches=ranking.matches,
        milliseconds=Milliseconds(
            decode=decoding,
            encode=encoding,
            search=searching,
            fetch=fetching,
            total=1000 * (clock[-1] - clock[0]),
        ),
    )
