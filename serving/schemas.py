"""Requests as OpenAPI documents them, and as they are checked."""

from typing import Annotated, Any

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field, Json, WithJsonSchema

from serving.compact_filters import MAX_LENGTH
from serving.query import MAX_DEPTH, MAX_FACETS, MAX_HITS, MAX_LIKE, MAX_PARTS
from serving.suggestions import MAX_TYPED

MAX_SUGGESTIONS = 20
"""Most suggestions of one answer."""

_MAX_FILTERS = 16
_MAX_DIMENSION = 8192

Text = Annotated[
    str,
    Field(
        description='Words. A minus turns away from what follows: `dress -floral`, `-"long sleeves"`. In quotes a '
        "minus is only a minus. How long it may be is a setting of the service.",
        examples=["red striped shirt"],
    ),
]
Picture = Annotated[
    str, Field(description="A picture as base64 or data URI; where the service allows it, its address.")
]
Like = Annotated[
    str | Annotated[list[str], Field(max_length=MAX_LIKE)],
    Field(description="Products to resemble, together one part. They are left out of the hits."),
]
Vector = Annotated[
    list[float],
    Field(max_length=_MAX_DIMENSION, description="A vector of the model's space; its length does not count."),
]
Balance = Annotated[
    float | None,
    Field(ge=0, le=1, description="0 compares with pictures only, 1 with texts only; null is the release's default."),
]
Hits = Annotated[int, Field(ge=1, le=MAX_HITS, description="Hits wanted.")]
Offset = Annotated[
    int, Field(ge=0, le=MAX_DEPTH, description=f"Hits to skip first; with `k` it reaches {MAX_DEPTH} at most.")
]
Filters = Annotated[
    dict[str, Any],
    Field(
        description="Attribute to what is wanted of it: texts (any of; or `any`, `all`, `none`), a range of numbers, a "
        "boolean. All must hold; `$and`, `$or` (lists of filters) and `$not` (one) combine them.",
        examples=[
            {"colour": ["Red", "Blue"], "price": {"min": 10, "max": 50}, "in_stock": True},
            {"$or": [{"tags": {"all": ["new", "sale"]}}, {"$not": {"colour": "Red"}}]},
        ],
    ),
]
CompactFilters = Annotated[
    list[Annotated[str, Field(max_length=MAX_LENGTH)]],
    Field(
        max_length=_MAX_FILTERS,
        description="Filters in a line: `colour:red,blue and price:10..50 and not tags:all(new,sale)`, with `or` and "
        "parentheses; may be repeated, then all must hold.",
        examples=[["colour:red,blue and price:10..50"]],
    ),
]
Facets = Annotated[
    list[str], Field(max_length=MAX_FACETS, description="Attributes whose values are counted over all that matches.")
]
Fields = Annotated[
    list[str] | None,
    Field(
        description="Attributes that come back with each hit; null is all of them. In forms and addresses one empty "
        "value is none of them."
    ),
]
Explain = Annotated[bool, Field(description="Whether each hit says what its score is made of.")]


class Weights(BaseModel):
    """How much each simple field counts; negative means "unlike this", 0 leaves it out. Only ratios matter."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    text: float = 1.0
    image: float = 1.0
    like: float = 1.0
    vector: float = 1.0


class QueryPart(BaseModel):
    """One part of a query: exactly one of text (taken as it is), image, like and vector, and its weight."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    text: Annotated[str | None, Field(description="Words, taken as they are.")] = None
    image: Picture | None = None
    like: Like | None = None
    vector: Vector | None = None
    weight: Annotated[float, Field(description='Negative means "unlike this", 0 leaves it out.')] = 1.0


Parts = Annotated[
    list[QueryPart],
    Field(
        max_length=MAX_PARTS,
        description="Any number of weighted parts, beside the simple fields or instead of them.",
        examples=[[{"text": "dress"}, {"text": "floral", "weight": -0.5}, {"like": "sku-1", "weight": 0.5}]],
    ),
]


class SearchRequest(BaseModel):
    """A query; with nothing to compare with, products come in catalog order."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    text: Text | None = None
    image: Picture | None = None
    like: Like | None = None
    vector: Vector | None = None
    weights: Weights = Weights()
    parts: Parts = []
    balance: Balance = None
    k: Hits = 24
    offset: Offset = 0
    filters: Filters = {}
    facets: Facets = []
    fields: Fields = None
    explain: Explain = False


class BatchRequest(BaseModel):
    """Several queries. Each is checked by itself: a faulty one gets an error where the others get their answers."""

    model_config = ConfigDict(extra="forbid")

    queries: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/SearchRequest"})]],
        Field(min_length=1, description="How many there may be is a setting of the service."),
    ]


class ImageSearchForm(BaseModel):
    """A multipart search."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    image: Annotated[UploadFile, Field(description="A JPEG, PNG, WebP or GIF file.")]
    text: Text = ""
    like: Annotated[list[str], Field(max_length=MAX_LIKE, description="Products to resemble.")] = []
    vector: Annotated[Json[Vector], Field(description="As JSON: see `SearchRequest.vector`.")] = []
    weights: Annotated[Json[Weights], Field(description="As JSON: see `SearchRequest.weights`.")] = Weights()
    parts: Annotated[Json[Parts], Field(description="As JSON: see `SearchRequest.parts`.")] = []
    balance: Balance = None
    k: Hits = 24
    offset: Offset = 0
    filters: Annotated[Json[Filters], Field(description="As JSON: see `SearchRequest.filters`.")] = {}
    facets: Facets = []
    fields: Fields = None
    explain: Explain = False


class ResultParameters(BaseModel):
    """What every search in an address can say about its hits."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    balance: Balance = None
    k: Hits = 24
    offset: Offset = 0
    filter: CompactFilters = []
    facets: Facets = []
    fields: Fields = None
    explain: Explain = False


class SearchParameters(ResultParameters):
    """A search in an address."""

    q: Text = ""
    like: Annotated[list[str], Field(max_length=MAX_LIKE, description="Products to resemble; may be repeated.")] = []


class SuggestParameters(BaseModel):
    """What a shopper has typed so far."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=MAX_TYPED, examples=["strip"])] = ""
    k: Annotated[int, Field(ge=1, le=MAX_SUGGESTIONS, description="Suggestions wanted.")] = 8
