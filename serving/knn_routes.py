"""clip-retrieval's back end, for its `ClipClient` and its front end.

What is the same and what is not: docs/clients.md, docs/adr/018-other-peoples-clients.md.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from aisle.errors import InvalidQuery, UnknownProduct
from aisle.vectors import unit_norm
from serving.answers import image_url, to_json
from serving.errors import GONE
from serving.query import MAX_HITS, Hit, ImagePart, Part, Query, TextPart, VectorPart
from serving.remote_pictures import RemotePictures
from serving.requests import read_picture
from serving.response_schemas import AttributeValue
from serving.schemas import Picture, Text, Vector
from serving.service_state import DEADLINE, deadline_of, documented, json_response, live, observe, state_of, unless_gone
from serving.snapshot import Snapshot

INDEX_NAME = "products"
"""The one index; `indice_name` may name the live release as well, or nothing."""

DUPLICATE_COSINE = 0.94
"""Above it clip-retrieval takes two results for the same."""

Body = TypeVar("Body", bound=BaseModel)

router = APIRouter()


class KnnRequest(BaseModel):
    """A query as `ClipClient` writes it.

    What needs further models (safety, violence, aesthetics, mclip) has no effect, as in a clip-retrieval without them.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    text: Text | None = None
    image: Picture | None = None
    image_url: Annotated[str | None, Field(description="Fetched where the service allows it (docs/security.md).")] = (
        None
    )
    embedding_input: Vector | None = None
    modality: Annotated[Literal["image", "text"], Field(description="Compare with pictures, or with texts.")] = "image"
    num_images: Annotated[int, Field(ge=1, description="Results wanted with their fields.")] = 40
    num_result_ids: Annotated[
        int | None, Field(ge=1, description=f"Results wanted; null is `num_images`. At most {MAX_HITS} are given.")
    ] = None
    indice_name: Annotated[str | None, Field(examples=[INDEX_NAME])] = None
    deduplicate: Annotated[bool, Field(description=f"Of results of cosine {DUPLICATE_COSINE} or more, one stays.")] = (
        False
    )


class MetadataRequest(BaseModel):
    """Products whose fields are wanted."""

    model_config = ConfigDict(extra="ignore")

    ids: Annotated[list[str], Field(max_length=MAX_HITS, description="Ids of results.")]
    indice_name: str | None = None


class KnnResult(BaseModel):
    """One product; its attributes stand beside these fields, unless their names are the same."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, AttributeValue]

    id: str
    similarity: float
    caption: str | None = None
    url: str | None = None


class KnnResponse(RootModel[list[KnnResult]]):
    """Results, best first."""


class ProductMetadata(BaseModel):
    """Fields of one product."""

    id: str
    metadata: dict[str, AttributeValue]


class MetadataResponse(RootModel[list[ProductMetadata]]):
    """Those that there are, in the order they were asked for."""


class IndexList(RootModel[list[str]]):
    """Names of indexes."""


@router.get(
    "/indices-list",
    summary="clip-retrieval: names of indexes",
    response_class=Response,
    responses=documented(IndexList),
)
async def indices_list() -> Response:
    """There is one."""
    return json_response(to_json([INDEX_NAME]))


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI of a body that is read whatever its content type: `ClipClient` sends none, a browser `text/plain`."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


@router.post(
    "/knn-service",
    summary="clip-retrieval: nearest neighbours",
    response_class=Response,
    responses=documented(KnnResponse, 400, 404, 408, 413, 422, 429, 503, 504),
    openapi_extra=DEADLINE | _body_of(KnnRequest),
)
async def knn_service(request: Request) -> Response:
    """Of a text, else of a picture, else of a vector; similarity is the cosine with the product's picture or text."""
    state, snapshot = state_of(request), live(request)
    body = _read(KnnRequest, await request.body())
    _check_index(body.indice_name, snapshot)
    query = Query(
        parts=(await _part(body, state.remote_pictures),),
        balance=0.0 if body.modality == "image" else 1.0,
        k=min(body.num_result_ids or body.num_images, MAX_HITS),
    )
    answer = await unless_gone(request, state.searcher.search(snapshot, query, deadline=deadline_of(request)))
    if answer is None:
        return Response(status_code=GONE)
    observe(request, answer)
    hits: Sequence[Hit] = answer.hits
    if body.deduplicate:
        hits = await asyncio.to_thread(without_duplicates, snapshot, hits, modality=body.modality)
    base = str(request.base_url)
    results = [
        (
            _fields(hit.title, hit.id, hit.attributes, base=base if hit.pictured else None)
            if place < body.num_images
            else {}
        )
        | {"id": hit.id, "similarity": hit.score}
        for place, hit in enumerate(hits)
    ]
    return json_response(to_json(results))


@router.post(
    "/metadata",
    summary="clip-retrieval: fields of products",
    response_class=Response,
    responses=documented(MetadataResponse, 404, 413, 422, 503),
    openapi_extra=_body_of(MetadataRequest),
)
async def metadata(request: Request) -> Response:
    """Fields of products by their ids; those that are gone are left out."""
    snapshot = live(request)
    body = _read(MetadataRequest, await request.body())
    _check_index(body.indice_name, snapshot)
    rows = {}
    for product_id in body.ids:
        try:
            rows[product_id] = snapshot.row(product_id)
        except UnknownProduct:
            continue  # of an earlier release, or hidden meanwhile
    base, pictured = str(request.base_url), snapshot.products.has_picture
    found = [
        {
            "id": product.id,
            "metadata": _fields(product.title, product.id, product.attributes, base=base if pictured(row) else None),
        }
        for row, product in zip(rows.values(), snapshot.products.take(list(rows.values())), strict=True)
    ]
    return json_response(to_json(found))


def without_duplicates(snapshot: Snapshot, hits: Sequence[Hit], *, modality: str) -> list[Hit]:
    """The first hit of every group whose members resemble each other, directly or through others.

    Args:
        snapshot: Holds the vectors.
        hits: Best first.
        modality: Which half of the products is compared: "image" or "text". Products without it resemble nothing.
    """
    if not hits:
        return []
    rows = np.array([snapshot.row(hit.id) for hit in hits], dtype=np.int64)
    halves = snapshot.index.vectors(rows).reshape(len(rows), 2, -1)[:, 0 if modality == "image" else 1]
    vectors = unit_norm(halves)
    alike = vectors @ vectors.T >= DUPLICATE_COSINE
    kept, seen = [], np.zeros(len(hits), dtype=np.bool_)
    for place, hit in enumerate(hits):
        if seen[place]:
            continue
        kept.append(hit)
        group = alike[place]
        while not np.array_equal(wider := alike[group].any(axis=0) | group, group):
            group = wider
        seen |= group
    return kept


async def _part(body: KnnRequest, remote: RemotePictures) -> Part:
    if body.text:
        return TextPart(body.text)
    if body.image:
        return ImagePart(await read_picture(body.image, remote))
    if body.image_url:
        return ImagePart(await remote.fetch(body.image_url))
    if body.embedding_input:
        return VectorPart(tuple(body.embedding_input))
    raise InvalidQuery("there is nothing to search by: send text, image or embedding_input")


def _read(model: type[Body], content: bytes) -> Body:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from error


def _check_index(name: str | None, snapshot: Snapshot) -> None:
    if name and name not in (INDEX_NAME, snapshot.id):
        raise HTTPException(404, f"there is no index {name[:80]!r} here; there is {INDEX_NAME!r}")


def _fields(title: str, product_id: str, attributes: Any, *, base: str | None) -> dict[str, object]:
    """Of one product, under clip-retrieval's names; `base` is the service's address, None without a picture."""
    url = None if base is None else base.rstrip("/") + image_url(product_id)
    return {**attributes, "caption": title, "url": url}
