"""What can be asked. docs/search.md says what it means."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each simple field of a query counts; negative means "unlike this". Only ratios matter."""

    text: float = 1.0
    image: float = 1.0
    like: float = 1.0
    vector: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One of text, image (a file's bytes), like and vector, with a weight of its own."""

    text: str = ""
    image: bytes = b""
    like: Sequence[str] = ()
    vector: Sequence[float] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A search; with nothing to compare with, products come in catalog order.

    Attributes:
        text: Words; `dress -floral` turns away from what follows the minus.
        image: A picture file's bytes.
        like: Ids of products to resemble.
        vector: A vector of the model's space.
        weights: Of these four.
        parts: Further weighted parts.
        balance: 0 compares with pictures only, 1 with texts only; None takes the release's default.
        k: Hits wanted, 1 to 200.
        offset: Hits to skip first.
        filters: As docs/search.md has them: `{"colour": ["red"], "price": {"max": 50}}`.
        facets: Attributes whose values are counted.
        fields: Attributes that come back; None for all.
        explain: Whether each hit says what its score is made of.
    """

    text: str = ""
    image: bytes = b""
    like: Sequence[str] = ()
    vector: Sequence[float] = ()
    weights: Weights = field(default_factory=Weights)
    parts: Sequence[Part] = ()
    balance: float | None = None
    k: int = 24
    offset: int = 0
    filters: Mapping[str, Any] = field(default_factory=dict)
    facets: Sequence[str] = ()
    fields: Sequence[str] | None = None
    explain: bool = False


def body_of(query: Query) -> dict[str, Any]:
    """The JSON of a query; what was left at its default is left out."""
    weights, usual = query.weights, Weights()
    names = ("text", "image", "like", "vector")
    body = _compared(query)
    changed = {name: getattr(weights, name) for name in names if getattr(weights, name) != getattr(usual, name)}
    if changed:
        body["weights"] = changed
    if query.parts:
        body["parts"] = [_compared(part) | {"weight": part.weight} for part in query.parts]
    return body | result_parameters(query) | ({"filters": dict(query.filters)} if query.filters else {})


def result_parameters(query: Query) -> dict[str, Any]:
    """What a query says about its hits, in a body and in an address alike."""
    usual = Query()
    given: dict[str, Any] = {"k": query.k, "offset": query.offset, "balance": query.balance, "explain": query.explain}
    parameters = {name: value for name, value in given.items() if value != getattr(usual, name)}
    if query.facets:
        parameters["facets"] = list(query.facets)
    if query.fields is not None:
        parameters["fields"] = list(query.fields)
    return parameters


def _compared(source: Query | Part) -> dict[str, Any]:
    given = {
        "text": source.text,
        "image": base64.b64encode(source.image).decode("ascii"),
        "like": list(source.like),
        "vector": list(source.vector),
    }
    return {name: value for name, value in given.items() if value}
