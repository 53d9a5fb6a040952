"""What can be asked of a release, and what is answered. Plain data: no HTTP, no index."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

from aisle.catalog import Attribute
from aisle.errors import InvalidQuery
from aisle.settings import Settings, variable
from serving.facets import Facet

MAX_HITS = 200
"""Largest `k`."""

MAX_DEPTH = 10_000
"""Deepest hit: `offset + k` may not exceed it."""

MAX_LIKE = 50
"""Most products one query may resemble."""

MAX_PARTS = 16
"""Most parts of one query, unwanted words of its text included."""

MAX_FACETS = 50
"""Most attributes whose values one query may have counted."""


PartKind = Literal["text", "image", "like", "vector"]


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What whoever runs a service may set. The errors name the settings.

    Attributes:
        text_length: Of the longest text, in characters; a model reads about 75 words.
        filter_depth: Deepest nesting of `$and`, `$or` and `$not`.
    """

    text_length: int = 2000
    filter_depth: int = 8

    @classmethod
    def of(cls, settings: Settings) -> "QueryLimits":
        """Those of a service."""
        return cls(text_length=settings.max_text_length, filter_depth=settings.max_filter_depth)

    def check_text(self, text: str) -> None:
        """Return when a text is not too long, and Unicode.

        Raises:
            InvalidQuery: It is not.
        """
        if len(text) > self.text_length:
            raise InvalidQuery(
                f"the text has {len(text):,} characters; at most {self.text_length:,} are accepted "
                f"({variable('max_text_length')})"
            )

        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidQuery(
                f"character {error.start + 1} of the text is half a character: a lone surrogate"
            ) from None

    def check_depth(self, depth: int) -> None:
        """Return when filters may be nested so deeply.

        Raises:
            InvalidQuery: They may not.
        """
        if depth > self.filter_depth:
            raise InvalidQuery(
                f"the filters are nested more than {self.filter_depth} deep ({variable('max_filter_depth')}): "
                "flatten them"
            )


DEFAULT_LIMITS = QueryLimits()


@dataclass(frozen=True, slots=True)
class SourceWeights:
    """How much each simple field of a query counts against the others; only their ratios matter.

    Negative means "unlike this". 0 is the same as leaving the field out.
    """

    text: float = 1.0
    image: float = 1.0
    like: float = 1.0
    vector: float = 1.0

    def __post_init__(self) -> None:
        for part in fields(self):
            _check_weight(getattr(self, part.name), of=part.name)


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words, taken as they are: no minus, no quotes."""

    text: str
    weight: float = 1.0

    kind: ClassVar[PartKind] = "text"

    def __post_init__(self) -> None:
        _check_weight(self.weight, of="a text")


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture file's bytes."""

    data: bytes
    weight: float = 1.0

    kind: ClassVar[PartKind] = "image"

    def __post_init__(self) -> None:
        _check_weight(self.weight, of="an image")


@dataclass(frozen=True, slots=True)
class LikePart:
    """Products of the release, together one part; they are left out of the hits."""

    ids: tuple[str, ...]
    weight: float = 1.0

    kind: ClassVar[PartKind] = "like"

    def __post_init__(self) -> None:
        _check_weight(self.weight, of="like")


@dataclass(frozen=True, slots=True)
class VectorPart:
    """A vector of the model's space, of any length but 0."""

    values: tuple[float, ...]
    weight: float = 1.0

    kind: ClassVar[PartKind] = "vector"

    def __post_init__(self) -> None:
        _check_weight(self.weight, of="a vector")


Part = TextPart | ImagePart | LikePart | VectorPart


@dataclass(frozen=True, slots=True)
class Query:
    """A search, or with nothing to compare with: a look through the catalog.

    The four simple fields come once each, and `text` is read by `serving.text_syntax`; `parts` holds any number more,
    each with a weight of its own.

    Attributes:
        text: Words; empty for none.
        image: A picture file's bytes; empty for none.
        like: Ids of products to resemble, together one part; they are left out of the hits.
        vector: A vector of the model's space; empty for none.
        weights: Of the four fields above.
        parts: Further parts.
        balance: 0 compares with the products' pictures only, 1 with their texts only; None takes the release's
            calibrated weights for the kind of query.
        k: Hits wanted, 1..200.
        offset: Hits to skip before them; `offset + k` is at most 10,000.
        filters: See `serving.filters`.
        facets: Attributes whose values are counted over everything that matches.
        fields: Attributes that come back with each hit; None for all.
        explain: Whether each hit says what its score is made of.
    """

    text: str = ""
    image: bytes = b""
    like: tuple[str, ...] = ()
    vector: tuple[float, ...] = ()
    weights: SourceWeights = field(default_factory=SourceWeights)
    parts: tuple[Part, ...] = ()
    balance: float | None = None
    k: int = 24
    offset: int = 0
    filters: Mapping[str, object] = field(default_factory=dict)
    facets: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    explain: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MAX_HITS:
            raise InvalidQuery(f"k is {self.k}; it runs from 1 to {MAX_HITS}")
        if not 0 <= self.offset <= MAX_DEPTH - self.k:
            raise InvalidQuery(
                f"offset is {self.offset} and k {self.k}; offset starts at 0, and both together reach {MAX_DEPTH:,} "
                "at most: narrow the search with filters"
            )
        if len(self.parts) > MAX_PARTS:
            raise InvalidQuery(f"the query has {len(self.parts)} parts; at most {MAX_PARTS} are accepted")
        liked = len(self.like) + sum(len(part.ids) for part in self.parts if isinstance(part, LikePart))
        if liked > MAX_LIKE:
            raise InvalidQuery(f"like names {liked} products; at most {MAX_LIKE} are accepted")
        if len(self.facets) > MAX_FACETS:
            raise InvalidQuery(f"{len(self.facets)} facets are asked for; at most {MAX_FACETS} are accepted")

    @property
    def key(self) -> Hashable:
        """Equal for queries that ask for the same."""
        asked = (self.text, self.image, self.like, self.vector, self.weights, self.parts)
        shown = (self.balance, self.k, self.offset, self.facets, self.fields, self.explain)
        return asked, shown, repr(self.filters) if self.filters else ""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part of a query adds to the score of one hit.

    Attributes:
        kind: Which sort of part.
        value: The words, or the ids of the products to resemble; None for a picture or a vector.
        weight: Of the part, against the others.
        image: Added by comparison with the product's picture.
        text: Added by comparison with the product's text.
    """

    kind: PartKind
    value: str | tuple[str, ...] | None
    weight: float
    image: float
    text: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One product of an answer.

    Attributes:
        id: The product.
        score: `w_image * cos + w_text * cos`; None when nothing was compared.
        title: Its name.
        pictured: Whether it has a picture.
        attributes: Those of its filterable attributes that were asked for.
        explanation: One per part of the query, adding up to the score; None unless asked for.
    """

    id: str
    score: float | None
    title: str
    pictured: bool
    attributes: Mapping[str, Attribute]
    explanation: tuple[Contribution, ...] | None = None


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Time per stage as the request saw it, waiting included; 0 for a stage it had no need of.

    Attributes:
        decode: The picture's file to pixels.
        encode: Text and picture to vectors.
        search: Filters, ranking and facets.
        fetch: The hits' fields.
        total: From the query to the answer.
    """

    decode: float = 0.0
    encode: float = 0.0
    search: float = 0.0
    fetch: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found.

    Attributes:
        release: The release that answered.
        hits: Best first, ties by id; `min(k, matches - offset)` of them.
        matches: Products that pass the filters.
        facets: In the order they were asked for, over all that match.
        milliseconds: Time per stage.
        hints: What the filters asked for in vain, in words.
    """

    release: str
    hits: tuple[Hit, ...]
    matches: int
    facets: tuple[Facet, ...]
    milliseconds: Milliseconds
    hints: tuple[str, ...] = ()


def _check_weight(weight: float, *, of: str) -> None:
    if not math.isfinite(weight):
        raise InvalidQuery(f"weight of {of} is {weight}; a finite number is wanted")
