"""Searching and suggesting over HTTP."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from aisle.settings import variable
from serving.answers import answer_json, batch_json, suggestions_json
from serving.errors import GONE, INTERNAL, Failure, failure_of
from serving.product_routes import product_response
from serving.query import Answer, QueryLimits
from serving.query import Query as ReleaseQuery
from serving.requests import query_of_address, query_of_body, query_of_form
from serving.response_schemas import BatchResponse, SearchResponse, SuggestResponse
from serving.schemas import (
    BatchRequest,
    ImageSearchForm,
    ResultParameters,
    SearchParameters,
    SearchRequest,
    SuggestParameters,
)
from serving.service_state import (
    DEADLINE,
    ServiceState,
    deadline_of,
    documented,
    json_response,
    live,
    observe,
    state_of,
    unless_gone,
)
from serving.snapshot import Snapshot

_LOG = logging.getLogger("aisle.serving")

CONCURRENT = 16
"""Queries of one batch that are worked on at the same time: enough to fill the encoder, too few to fill its queue."""

router = APIRouter()

SEARCH_ERRORS = (400, 404, 408, 413, 422, 429, 503, 504)


@router.post(
    "/search",
    summary="Search by text, picture, products to resemble, and vectors",
    response_class=Response,
    responses=documented(SearchResponse, *SEARCH_ERRORS),
    openapi_extra=DEADLINE,
)
async def search(request: Request, body: SearchRequest) -> Response:
    """Any mix of text, image (base64), like, vector and weighted parts; with none, products in catalog order."""
    return await answered(request, live(request), await query_of_body(body, state_of(request).remote_pictures))


@router.get(
    "/search",
    summary="Search by an address",
    response_class=Response,
    responses=documented(SearchResponse, 404, 422, 429, 503, 504),
    openapi_extra=DEADLINE,
)
async def search_address(request: Request, parameters: Annotated[SearchParameters, Query()]) -> Response:
    """The same by text and products to resemble, with filters in one line each."""
    snapshot = live(request)
    return await answered(request, snapshot, query_of_address(parameters, snapshot, limits=_limits(request)))


@router.post(
    "/search/image",
    summary="Search by a picture file",
    response_class=Response,
    responses=documented(SearchResponse, *SEARCH_ERRORS),
    openapi_extra=DEADLINE,
)
async def search_image(
    request: Request, form: Annotated[ImageSearchForm, Form(media_type="multipart/form-data")]
) -> Response:
    """A picture as a multipart file, with whatever else a search takes."""
    data = await form.image.read(state_of(request).settings.max_image_bytes + 1)
    if not data:
        raise HTTPException(422, "the form's file `image` is empty: send a picture")
    return await answered(request, live(request), await query_of_form(form, data, state_of(request).remote_pictures))


@router.post(
    "/search/batch",
    summary="Several searches at once",
    response_class=Response,
    responses=documented(BatchResponse, 400, 408, 413, 422, 429, 503, 504),
    openapi_extra=DEADLINE,
)
async def search_batch(request: Request, body: BatchRequest) -> Response:
    """One answer, or one error, per query; a faulty query costs the others nothing."""
    state, snapshot = state_of(request), live(request)
    if len(body.queries) > (most := state.settings.max_batch_queries):
        accepted = f"at most {most:,} are accepted ({variable('max_batch_queries')})"
        raise HTTPException(422, f"the batch has {len(body.queries):,} queries; {accepted}")
    if further := len(body.queries) - 1:
        state.gate.count(request.scope, request.headers, work=further)
    outcomes = await unless_gone(request, _each(state, snapshot, body.queries, deadline_of(request)))
    if outcomes is None:
        return Response(status_code=GONE)
    results = [_result(outcome) for outcome in outcomes]
    for result in results:
        if isinstance(result, Answer):
            observe(request, result)
        else:
            state.metrics.reject(result.code)
    return json_response(batch_json(snapshot.id, results, request_id=request.state.request_id))


@router.get(
    "/products/{id:path}/similar",
    summary="Products that resemble one",
    response_class=Response,
    responses=documented(SearchResponse, 404, 422, 429, 503, 504),
    openapi_extra=DEADLINE,
)
async def similar(request: Request, id: str, parameters: Annotated[ResultParameters, Query()]) -> Response:
    """The same as a search with nothing but this product as `like`."""
    snapshot = live(request)
    if not request.scope["raw_path"].endswith(b"/similar"):
        return product_response(snapshot, f"{id}/similar")  # the slash was encoded: it is part of the product's id
    return await answered(request, snapshot, query_of_address(parameters, snapshot, limits=_limits(request), like=[id]))


@router.get(
    "/suggest",
    summary="What a shopper may be typing",
    response_class=Response,
    responses=documented(SuggestResponse, 422, 429, 503, 504),
)
async def suggest(request: Request, parameters: Annotated[SuggestParameters, Query()]) -> Response:
    """Titles and attribute values that go on where the text ends; small typos are forgiven."""
    snapshot = live(request)
    found = await state_of(request).searcher.suggest(snapshot, parameters.q, k=parameters.k)
    return json_response(suggestions_json(snapshot.id, found))


def _limits(request: Request) -> QueryLimits:
    return QueryLimits.of(state_of(request).settings)


async def answered(request: Request, snapshot: Snapshot, query: ReleaseQuery) -> Response:
    """The response to one query."""
    state = state_of(request)
    answer = await unless_gone(request, state.searcher.search(snapshot, query, deadline=deadline_of(request)))
    if answer is None:
        return Response(status_code=GONE)
    observe(request, answer)
    return json_response(answer_json(answer))


async def _each(
    state: ServiceState, snapshot: Snapshot, queries: Sequence[Any], deadline: float
) -> list[Answer | BaseException]:
    turns = asyncio.Semaphore(CONCURRENT)

    async def one(given: Any) -> Answer:
        async with turns:
            body = SearchRequest.model_validate(given)
            query = await query_of_body(body, state.remote_pictures)
            return await state.searcher.search(snapshot, query, deadline=deadline)

    return await asyncio.gather(*map(one, queries), return_exceptions=True)


def _result(outcome: Answer | BaseException) -> Answer | Failure:
    match outcome:
        case Answer():
            return outcome
        case ValidationError():
            return failure_of(RequestValidationError(outcome.errors()))
        case Exception():
            failure = failure_of(outcome)
            if failure is INTERNAL:
                _LOG.error("a query of a batch failed", exc_info=outcome)
            return failure
        case _:
            raise outcome  # the worker is ending
