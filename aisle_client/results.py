"""What comes back, as frozen dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

AttributeValue = str | float | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part of the query adds to a hit's score, by comparison with the product's picture and its text."""

    kind: Literal["text", "image", "like", "vector"]
    value: str | list[str] | None
    weight: float
    image: float
    text: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One product found; `score` is None when nothing was compared, `explanation` unless it was asked for."""

    id: str
    score: float | None
    title: str
    image_url: str | None
    attributes: Mapping[str, AttributeValue]
    explanation: tuple[Contribution, ...] | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """How an attribute's values are spread: counts by value, or the range of numbers. The rest is None."""

    name: str
    type: Literal["category", "number", "boolean", "list"]
    values: Mapping[str, int] | None = None
    minimum: float | None = None
    maximum: float | None = None
    true: int | None = None
    false: int | None = None


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Time per stage in the service, waiting included."""

    decode: float
    encode: float
    search: float
    fetch: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first, and how many products pass the filters."""

    release: str
    hits: tuple[Hit, ...]
    matches: int
    facets: tuple[Facet, ...]
    milliseconds: Milliseconds


@dataclass(frozen=True, slots=True)
class Product:
    """One product."""

    id: str
    title: str
    text: str
    image_url: str | None
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to search for: a title (`attribute` is None), or a value of an attribute."""

    text: str
    attribute: str | None
    products: int


@dataclass(frozen=True, slots=True)
class Release:
    """The live release. `details` is everything the service says of it."""

    id: str
    created: str
    products: int
    model: str
    fingerprint: str
    attributes: tuple[Facet, ...]
    details: Mapping[str, Any]


def answer_of(content: Mapping[str, Any]) -> Answer:
    """Read a search's response."""
    return Answer(
        release=content["release"],
        hits=tuple(map(_hit, content["hits"])),
        matches=content["matches"],
        facets=tuple(map(_facet, content.get("facets") or ())),
        milliseconds=Milliseconds(**content["milliseconds"]),
    )


def product_of(content: Mapping[str, Any]) -> Product:
    """Read a product."""
    return Product(**{name: content[name] for name in ("id", "title", "text", "image_url", "attributes")})


def suggestion_of(content: Mapping[str, Any]) -> Suggestion:
    """Read a suggestion."""
    return Suggestion(**{name: content[name] for name in ("text", "attribute", "products")})


def release_of(content: Mapping[str, Any]) -> Release:
    """Read the description of a release."""
    return Release(
        id=content["release"],
        created=content["created"],
        products=content["products"],
        model=content["model"]["name"],
        fingerprint=content["model"]["fingerprint"],
        attributes=tuple(map(_facet, content["attributes"])),
        details=content,
    )


def _hit(content: Mapping[str, Any]) -> Hit:
    explanation = content.get("explanation")
    return Hit(
        id=content["id"],
        score=content["score"],
        title=content["title"],
        image_url=content["image_url"],
        attributes=content["attributes"],
        explanation=None if explanation is None else tuple(Contribution(**part) for part in explanation),
    )


def _facet(content: Mapping[str, Any]) -> Facet:
    values = content.get("values")
    return Facet(
        name=content["name"],
        type=content["type"],
        values=None if values is None else {value["value"]: value["count"] for value in values},
        minimum=content.get("minimum"),
        maximum=content.get("maximum"),
        true=content.get("true"),
        false=content.get("false"),
    )
