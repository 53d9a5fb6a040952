"""Responses as OpenAPI documents them. They are written by hand, in `serving.answers`, and not checked again."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AttributeValue = str | float | bool | list[str] | None


class ScoreContribution(BaseModel):
    """What one part of the query adds to a hit's score, per half of the product. All of them add up to the score."""

    kind: Literal["text", "image", "like", "vector"]
    value: str | list[str] | None
    weight: float
    image: float
    text: float


class SearchHit(BaseModel):
    """One product found."""

    id: str
    score: float | None
    title: str
    image_url: str | None
    attributes: dict[str, AttributeValue]
    explanation: Annotated[
        list[ScoreContribution] | None, Field(description="With `explain`; empty when nothing was compared.")
    ] = None


class StageMilliseconds(BaseModel):
    """Time per stage, waiting included."""

    decode: float
    encode: float
    search: float
    fetch: float
    total: float


class ValueCount(BaseModel):
    """A value and how many products have it."""

    value: str
    count: int


class AttributeSummary(BaseModel):
    """How an attribute's values are spread. Which fields there are depends on the type."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    type: Literal["category", "number", "boolean", "list"]
    values: list[ValueCount] | None = None
    minimum: float | None = None
    maximum: float | None = None
    yes: Annotated[int | None, Field(alias="true")] = None
    no: Annotated[int | None, Field(alias="false")] = None


class SearchResponse(BaseModel):
    """What a query found: `min(k, matches - offset)` hits, best first."""

    release: str
    hits: list[SearchHit]
    matches: Annotated[int, Field(description="Products that pass the filters.")]
    facets: Annotated[list[AttributeSummary] | None, Field(description="Those asked for, over all that matches.")] = (
        None
    )
    hints: Annotated[
        list[str] | None,
        Field(description="Values that the filters ask for and no product has, and which are near; in words."),
    ] = None
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


class EffortSummary(BaseModel):
    """How hard the index looks for one kind of query."""

    nprobe: int
    candidates: int


class IndexSummary(BaseModel):
    """How the index is asked."""

    kind: str
    nlist: int
    nprobe: int
    candidates: int
    efforts: dict[str, EffortSummary]
    parts: Annotated[list[int], Field(description="Entries of each of its files; empty when it is one.")]
    base_parts: Annotated[int, Field(description="Files that were filled when its lists were learnt.")]


class HalfWeightsSummary(BaseModel):
    """Default weights of a product's two halves."""

    image: float
    text: float


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
    hidden: Annotated[int, Field(description="Products of this release that were taken down.")]
    model: ModelSummary
    index: IndexSummary
    recall: dict[str, float]
    weights: dict[str, HalfWeightsSummary]
    provider: str
    attributes: list[AttributeSummary]
    refused: RefusedRelease | None
    hidden_fault: Annotated[str | None, Field(description="Why `hidden.json` cannot be followed.")]


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


class BatchResponse(BaseModel):
    """One answer, or one error, per query, in their order; all from one release."""

    release: str
    results: list[SearchResponse | ErrorResponse]


class SuggestionSummary(BaseModel):
    """A text to search for: a title, or a value of an attribute."""

    text: str
    attribute: str | None
    products: int


class SuggestResponse(BaseModel):
    """What may be meant, best first."""

    release: str
    suggestions: list[SuggestionSummary]
