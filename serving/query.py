"""What can be asked of a release, and what is answered. Plain data: no HTTP, no index."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from aisle.catalog import Attribute
from aisle.errors import InvalidQuery

MAX_HITS = 200
"""Largest `k`. Every search ranks this many, so that a shorter page is a prefix of a longer one."""

MAX_LIKE = 50
"""Most products one query may resemble."""

MAX_TEXT = 2000
"""Longest text, in characters; a model reads about 75 words."""


@dataclass(frozen=True, slots=True)
class SourceWeights:
    """How much each part of a query counts against the others; only their ratios matter.

    Negative means "unlike this". 0 is the same as leaving the part out.
    """

    text: float = 1.0
    image: float = 1.0
    like: float = 1.0

    def __post_init__(self) -> None:
        for part in fields(self):
            if not math.isfinite(getattr(self, part.name)):
                raise InvalidQuery(f"weight of {part.name} is {getattr(self, part.name)}; a finite number is wanted")


@dataclass(frozen=True, slots=True)
class Query:
    """A search, or with neither text, image nor like: a look through the catalog.

    Attributes:
        text: Words; empty for none.
        image: A picture file's bytes; empty for none.
        like: Ids of products to resemble; they are left out of the hits.
        weights: Of the three parts above.
        balance: 0 compares with the products' pictures only, 1 with their texts only; None takes the release's
            calibrated weights for the kind of query.
        k: Hits wanted, 1..200.
        filters: See `serving.filters`.
    """

    text: str = ""
    image: bytes = b""
    like: tuple[str, ...] = ()
    weights: SourceWeights = field(default_factory=SourceWeights)
    balance: float | None = None
    k: int = 24
    filters: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MAX_HITS:
            raise InvalidQuery(f"k is {self.k}; it runs from 1 to {MAX_HITS}")
        if len(self.like) > MAX_LIKE:
            raise InvalidQuery(f"like names {len(self.like)} products; at most {MAX_LIKE} are accepted")
        if len(self.text) > MAX_TEXT:
            raise InvalidQuery(f"the text has {len(self.text):,} characters; at most {MAX_TEXT:,} are accepted")


@dataclass(frozen=True, slots=True)
class Hit:
    """One product of an answer.

    Attributes:
        id: The product.
        score: `w_image * cos + w_text * cos`; None when nothing was compared.
        title: Its name.
        pictured: Whether it has a picture.
        attributes: Its filterable attributes.
    """

    id: str
    score: float | None
    title: str
    pictured: bool
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Time per stage as the request saw it, waiting included; 0 for a stage it had no need of.

    Attributes:
        decode: The picture's file to pixels.
        encode: Text and picture to vectors.
        search: Filters and ranking.
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
        hits: Best first, ties by id; `min(k, matches)` of them.
        matches: Products that pass the filters.
        milliseconds: Time per stage.
    """

    release: str
    hits: tuple[Hit, ...]
    matches: int
    milliseconds: Milliseconds
