"""Answering a query over one snapshot: pure functions, with no HTTP, no threads and no queues.

`search` runs the stages one after the other; the service runs the same stages through its batchers.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aisle.errors import InvalidQuery
from aisle.images import ImageLimits
from aisle.manifest import QueryKind
from aisle.preprocess import decode_for, prepare_image
from aisle.types import PixelBatch, RowIds, Scores, UnitVectors
from aisle.vectors import HalfWeights, unit_norm
from serving.columns import Condition
from serving.composition import Composition, compose, explain, resemblance
from serving.facets import Facet
from serving.filter_hints import filter_hints
from serving.filters import read_filters, select
from serving.query import (
    DEFAULT_LIMITS,
    MAX_PARTS,
    Answer,
    Contribution,
    Hit,
    ImagePart,
    LikePart,
    Milliseconds,
    Part,
    Query,
    QueryLimits,
    TextPart,
    VectorPart,
)
from serving.snapshot import Snapshot
from serving.text_syntax import read_text

UNWANTED = -0.35
"""Weight of one unwanted term of a text, against the wanted words; n terms share it as n * UNWANTED / sqrt(n).

Texts of CLIP lie in a narrow cone: at -1 "dress -red" points away from dresses as well. On drawn products and on
photos -0.35 kept the article and turned the rest away; several terms at full weight lost the article."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A query checked against a release, before anything costly was done.

    Attributes:
        parts: What to compare with, each with a weight other than 0; none browses.
        kind: What they are together: how hard the index looks.
        like: Rows of the products to resemble, which are left out of the hits.
        halves: Weights of the two halves of a product.
        condition: Checked filters; None for none.
        k: Hits wanted.
        offset: Hits to skip.
        facets: Attributes to count.
        fields: Attributes to return.
        explain: Whether to take scores apart.
        hints: What the filters ask for in vain.
    """

    parts: tuple[Part, ...]
    kind: QueryKind
    like: tuple[int, ...]
    halves: HalfWeights
    condition: Condition | None
    k: int
    offset: int
    facets: tuple[str, ...]
    fields: tuple[str, ...]
    explain: bool
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The wanted rows of a plan.

    Attributes:
        rows: int64 `[min(k, matches - offset)]`, best first.
        scores: float32, one per row; None when nothing was compared.
        matches: Products that pass the filters.
        facets: Over all of these.
    """

    rows: RowIds
    scores: Scores | None
    matches: int
    facets: tuple[Facet, ...]


def plan_query(snapshot: Snapshot, query: Query, *, limits: QueryLimits = DEFAULT_LIMITS) -> Plan:
    """Check a query against a release.

    Args:
        snapshot: The release.
        query: The query.
        limits: Of its texts and filters.

    Raises:
        InvalidQuery: A text is too long, filters are nested too deeply; a filter, a vector or the balance has no
            meaning, or an attribute does not exist.
        UnknownProduct: `like` names a product that is not in the release, or hidden.
    """
    for text in (query.text, *(part.text for part in query.parts if isinstance(part, TextPart))):
        limits.check_text(text)
    parts = tuple(part for part in _parts(query) if part.weight)
    if len(parts) > MAX_PARTS:
        raise InvalidQuery(
            f"the query has {len(parts)} parts, unwanted words included; at most {MAX_PARTS} are accepted"
        )
    for part in parts:
        if isinstance(part, VectorPart):
            _check_vector(part.values, dimension=snapshot.manifest.dimension)
    like = [snapshot.row(liked) for part in parts if isinstance(part, LikePart) for liked in part.ids]
    kind = _kind(parts)
    halves = snapshot.half_weights(kind) if query.balance is None else HalfWeights.of_balance(query.balance)
    return Plan(
        parts=parts,
        kind=kind,
        like=tuple(dict.fromkeys(like)),
        halves=halves,
        condition=read_filters(query.filters, snapshot.columns, limits=limits),
        k=query.k,
        offset=query.offset,
        facets=_known(query.facets, snapshot),
        fields=tuple(snapshot.columns) if query.fields is None else _known(query.fields, snapshot),
        explain=query.explain,
        hints=filter_hints(query.filters, snapshot.columns) if query.filters else (),
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


def compose_plan(snapshot: Snapshot, plan: Plan, encoded: Mapping[int, UnitVectors]) -> Composition | None:
    """Lay a plan's parts out as one vector; None for a plan that browses.

    Args:
        snapshot: Holds the vectors of the products to resemble.
        plan: From `plan_query`.
        encoded: Of each text and each picture, by its place in `plan.parts`: float32 `[dimension]`.

    Raises:
        InvalidQuery: The parts cancel each other out.
    """
    if not plan.parts:
        return None
    vectors = [encoded[place] if place in encoded else _vector(snapshot, part) for place, part in enumerate(plan.parts)]
    return compose(plan.parts, vectors, halves=plan.halves)


def rank(snapshot: Snapshot, plan: Plan, composition: Composition | None) -> Ranking:
    """Find the wanted rows.

    Args:
        snapshot: The release.
        plan: From `plan_query`.
        composition: From `compose_plan`; None browses: rows in catalog order.
    """
    mask = select(plan.condition, shown=snapshot.shown, without=plan.like, products=len(snapshot.products))
    matches = len(snapshot.products) if mask is None else int(np.count_nonzero(mask))
    wanted = slice(plan.offset, plan.offset + plan.k)
    scores: Scores | None = None
    if composition is None:
        rows = (np.arange(matches) if mask is None else np.flatnonzero(mask))[wanted].astype(np.int64)
    else:
        index, vector = snapshot.index, composition.vector
        if composition.direction is not None and snapshot.fused is not None and plan.halves == snapshot.fused_halves:
            index, vector = snapshot.fused, composition.direction
        found_scores, found_rows = index.rank(
            vector, depth=plan.offset + plan.k, order=snapshot.order, allowed=mask, kind=plan.kind
        )
        scores, rows = found_scores[wanted], found_rows[wanted]
    facets = tuple(snapshot.columns[name].facet(name, mask) for name in plan.facets)
    return Ranking(rows=rows, scores=scores, matches=matches, facets=facets)


def fetch(snapshot: Snapshot, plan: Plan, ranking: Ranking, composition: Composition | None) -> tuple[Hit, ...]:
    """The fields of ranked rows."""
    rows = ranking.rows.tolist()
    scores: list[float | None] = [None] * len(rows) if ranking.scores is None else ranking.scores.tolist()
    explanations: Sequence[tuple[Contribution, ...] | None] = [None] * len(rows)
    if plan.explain:
        explanations = [()] * len(rows)
        if composition is not None and rows:
            explanations = explain(composition, plan.parts, snapshot.index, ranking.rows)
    return tuple(
        Hit(
            id=product.id,
            score=score,
            title=product.title,
            pictured=snapshot.products.has_picture(row),
            attributes={name: product.attributes[name] for name in plan.fields},
            explanation=explanation,
        )
        for row, score, product, explanation in zip(
            rows, scores, snapshot.products.take(rows), explanations, strict=True
        )
    )


def search(snapshot: Snapshot, query: Query, *, limits: ImageLimits) -> Answer:
    """Answer one query, all stages in this thread.

    Raises:
        InvalidQuery: The query has no meaning for this release.
        InvalidImage: A picture cannot be used.
        UnknownProduct: `like` names a product that is not in the release, or hidden.
    """
    clock = [time.perf_counter()]
    plan = plan_query(snapshot, query)
    pictures = {
        place: decode(snapshot, part.data, limits=limits)
        for place, part in enumerate(plan.parts)
        if isinstance(part, ImagePart)
    }
    clock.append(time.perf_counter())
    encoded = {place: snapshot.encoder.encode_images(pixels)[0] for place, pixels in pictures.items()}
    words = {place: part.text for place, part in enumerate(plan.parts) if isinstance(part, TextPart)}
    encoded |= zip(words, snapshot.encoder.encode_texts(list(words.values())), strict=True)
    clock.append(time.perf_counter())
    composition = compose_plan(snapshot, plan, encoded)
    ranking = rank(snapshot, plan, composition)
    clock.append(time.perf_counter())
    hits = fetch(snapshot, plan, ranking, composition)
    clock.append(time.perf_counter())
    decoding, encoding, searching, fetching = (1000 * (end - start) for start, end in pairwise(clock))
    return Answer(
        release=snapshot.id,
        hits=hits,
        matches=ranking.matches,
        facets=ranking.facets,
        hints=plan.hints,
        milliseconds=Milliseconds(
            decode=decoding,
            encode=encoding,
            search=searching,
            fetch=fetching,
            total=1000 * (clock[-1] - clock[0]),
        ),
    )


def _parts(query: Query) -> Iterator[Part]:
    """Every part that holds something, whatever its weight."""
    weights, typed = query.weights, read_text(query.text)
    if typed.wanted:
        yield TextPart(typed.wanted, weights.text)
    for words in typed.unwanted:
        yield TextPart(words, weights.text * UNWANTED / math.sqrt(len(typed.unwanted)))
    if query.image:
        yield ImagePart(query.image, weights.image)
    if query.like:
        yield LikePart(query.like, weights.like)
    if query.vector:
        yield VectorPart(query.vector, weights.vector)
    for part in query.parts:
        match part:
            case TextPart(text=text) if not text.strip():
                continue
            case ImagePart(data=b"") | LikePart(ids=()) | VectorPart(values=()):
                continue
        yield part


def _kind(parts: Sequence[Part]) -> QueryKind:
    """Which of the release's default weights fit. A raw vector may be of either kind, so it is of both."""
    kinds = {part.kind for part in parts}
    if kinds == {"text"}:
        return QueryKind.TEXT
    return QueryKind.MIXED if kinds & {"text", "vector"} else QueryKind.IMAGE


def _check_vector(values: Sequence[float], *, dimension: int) -> None:
    if len(values) != dimension:
        raise InvalidQuery(f"the vector has {len(values)} numbers; the model of this release has {dimension}")
    if not all(map(math.isfinite, values)) or not any(values):
        raise InvalidQuery("the vector is zero or has a number that is not finite: it points nowhere")


def _vector(snapshot: Snapshot, part: Part) -> UnitVectors:
    """What needs no encoder: float32 `[dimension]`, or `[2, dimension]`."""
    match part:
        case LikePart():
            return resemblance(snapshot.index, [snapshot.row(liked) for liked in dict.fromkeys(part.ids)])
        case VectorPart():
            values = np.array(part.values, dtype=np.float64)
            vector: UnitVectors = unit_norm(values[np.newaxis] / np.abs(values).max())[0]  # huge ones must not overflow
            return vector
        case TextPart() | ImagePart():
            raise ValueError(f"a {part.kind} must be encoded first")


def _known(names: tuple[str, ...], snapshot: Snapshot) -> tuple[str, ...]:
    for name in names:
        if name not in snapshot.columns:
            known = f"known are {', '.join(snapshot.columns)}" if snapshot.columns else "this release has none"
            raise InvalidQuery(f"there is no attribute {name[:80]!r}; {known}")
    return tuple(dict.fromkeys(names))
