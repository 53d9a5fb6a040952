"""Requests and responses as OpenAPI documents them; requests are checked by them, responses are written by hand."""

from typing import Annotated, Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field, Json

from serving.query import MAX_HITS, MAX_LIKE, MAX_TEXT

AttributeValue = str | float | bool | list[str] | None


class Weights(BaseModel):
    """How much each part of the query counts; negative means "unlike this", 0 leaves it out."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    text: float = 1.0
    image: float = 1.0
    like: float = 1.0


Balance = Annotated[
    float | None,
    Field(ge=0, le=1, description="0 compares with pictures only, 1 with texts only; null is the release's default."),
]
Hits = Annotated[int, Field(ge=1, le=MAX_HITS, description="Hits wanted.")]
Filters = Annotated[
    dict[str, Any],
    Field(
        description="Attribute to any-of texts, a range of numbers, or a boolean.",
        examples=[{"colour": ["Red", "Blue"], "price": {"min": 10, "max": 50}, "in_stock": True}],
    ),
]


class SearchRequest(BaseModel):
    """A query; with neither text, image nor like, products come in catalog order."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    text: Annotated[str | None, Field(max_length=MAX_TEXT, examples=["red striped shirt"])] = None
    image: Annotated[str | None, Field(description="A picture as base64 or data URI.")] = None
    like: Annotated[
        str | Annotated[list[str], Field(max_length=MAX_LIKE)] | None, Field(description="Products to resemble.")
    ] = None
    weights: Weights = Weights()
    balance: Balance = None
    k: Hits = 24
    filters: Filters = {}


class ImageSearchForm(BaseModel):
    """A multipart search."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    image: Annotated[UploadFile, Field(description="A JPEG, PNG, WebP or GIF file.")]
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    k: Hits = 24
    balance: Balance = None
    filters: Annotated[Json[dict[str, Any]], Field(description="As JSON: see `SearchRequest.filters`.")] = {}
    weights: Annotated[Json[Weights], Field(description="As JSON: see `SearchRequest.weights`.")] = Weights()


class SearchHit(BaseModel):
    """One product found."""

    id: str
    score: float | None
    title: str
    image_url: str | None
    attributes: dict[str, AttributeValue]


class StageMilliseconds(BaseModel):
    """Time per stage, waiting included."""

    decode: float
    encode: float
    search: float
    fetch: float
    total: float


class SearchResponse(BaseModel):
    """What a query found: `min(k, matches)` hits, best first."""

    release: str
    hits: list[SearchHit]
    matches: int
    milliseconds: StageMilliseconds


class ProductResponse(BaseModel):
    """One product."""

    id: str
    title: str
    text: str
    image_url: str | None
    attributes: dict[str, AttributeValue]


class ModelSummary(BaseModel):
    """The model a release was built with."""

    name: str
    fingerprint: str
    precision: str


class IndexSummary(BaseModel):
    """How the index is asked."""

    kind: str
    nlist: int
    nprobe: int


class HalfWeightsSummary(BaseModel):
    """Default weights of a product's two halves."""

    image: float
    text: float


class ValueCount(BaseModel):
    """A value and how many products have it."""

    value: str
    count: int


class AttributeSummary(BaseModel):
    """A filterable attribute. Which fields there are depends on the type."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    type: Literal["category", "number", "boolean", "list"]
    values: list[ValueCount] | None = None
    minimum: float | None = None
    maximum: float | None = None
    yes: Annotated[int | None, Field(alias="true")] = None
    no: Annotated[int | None, Field(alias="false")] = None


class RefusedRelease(BaseModel):
    """A release that was published but cannot be used."""

    release: str | None
    reason: str


class ReleaseResponse(BaseModel):
    """The live release."""

    release: str
    created: str
    products: int
    rejected: int
    model: ModelSummary
    index: IndexSummary
    recall: dict[str, float]
    weights: dict[str, HalfWeightsSummary]
    provider: str
    attributes: list[AttributeSummary]
    refused: RefusedRelease | None


class Status(BaseModel):
    """A probe's answer."""

    status: Literal["alive", "ready"]
    release: str | None = None


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    message: str
    request_id: str


class ErrorResponse(BaseModel):
    """The envelope of every error."""

    error: ErrorDetail
