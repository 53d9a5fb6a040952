"""`/v1`: embeddings and models as OpenAI's clients speak them.

What is the same and what is not: docs/clients.md, docs/adr/018-other-peoples-clients.md.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from aisle.errors import AisleError, InvalidImage, InvalidQuery
from aisle.types import UnitVectors
from serving.answers import to_json
from serving.errors import GONE, failure_of
from serving.openai_schemas import (
    EmbeddingRequest,
    EmbeddingResponse,
    ImageItem,
    Input,
    ModelDescription,
    ModelList,
    OpenAIErrorResponse,
    TextItem,
)
from serving.query import ImagePart, QueryLimits, TextPart
from serving.requests import read_picture
from serving.searcher import Searcher
from serving.service_state import DEADLINE, ServiceState, deadline_of, json_response, live, state_of, unless_gone
from serving.snapshot import Snapshot

CONCURRENT = 16
"""Inputs of one request that are worked on at the same time: enough to fill the encoder, too few to fill its queue."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _OpenAIRoute(APIRoute):
    """Errors as OpenAI's clients expect them: a request that makes no sense is 400, and has a `type` and a `param`."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except (AisleError, RequestValidationError, HTTPException) as error:
                return _error_response(request, error)

        return answer


router = APIRouter(route_class=_OpenAIRoute)


def _documented(model: type[EmbeddingResponse | ModelList | ModelDescription], *errors: int) -> dict[int | str, Any]:
    # A body that is no JSON, or too long, is refused before the route is asked, with the plain envelope.
    return {200: {"model": model}, **{status: {"model": OpenAIErrorResponse} for status in errors}}


@router.post(
    "/v1/embeddings",
    summary="Embeddings, as OpenAI's clients ask for them",
    response_class=Response,
    responses=_documented(EmbeddingResponse, 400, 404, 413, 422, 429, 503, 504),
    openapi_extra=DEADLINE,
)
async def embeddings(request: Request, body: EmbeddingRequest) -> Response:
    """Unit vectors of texts and pictures, all in one space: that of the live release's model."""
    state, snapshot = state_of(request), live(request)
    model = _model_name(snapshot, body.model)
    dimension = snapshot.manifest.dimension
    if body.dimensions not in (None, dimension):
        raise InvalidQuery(
            f"dimensions is {body.dimensions}; the vectors of {model} have {dimension}, whole or not at all"
        )
    inputs = body.input if isinstance(body.input, list) else [body.input]
    if further := len(inputs) - 1:
        state.gate.count(request.scope, request.headers, work=further)
    parts = [await _part(given, place, body.modality, state) for place, given in enumerate(inputs)]
    vectors = await unless_gone(request, _embed(state.searcher, snapshot, parts, deadline_of(request)))
    if vectors is None:
        return Response(status_code=GONE)
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    tokens = await asyncio.to_thread(snapshot.encoder.count_tokens, texts)
    content = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": place, "embedding": _written(vector, body.encoding_format)}
            for place, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_response(to_json(content))


@router.get(
    "/v1/models",
    summary="Models that embed",
    response_class=Response,
    responses=_documented(ModelList, 503),
)
async def models(request: Request) -> Response:
    """The live release's model, by its name and by its fingerprint."""
    snapshot = live(request)
    data = [_description(snapshot, name) for name in _model_names(snapshot)]
    return json_response(to_json({"object": "list", "data": data}))


@router.get(
    "/v1/models/{model:path}",
    summary="One model",
    response_class=Response,
    responses=_documented(ModelDescription, 404, 503),
)
async def model(request: Request, model: str) -> Response:
    """Whether a model is the one that embeds now."""
    snapshot = live(request)
    return json_response(to_json(_description(snapshot, _model_name(snapshot, model))))


def _model_names(snapshot: Snapshot) -> tuple[str, str]:
    return snapshot.manifest.model_name, snapshot.manifest.model_fingerprint


def _model_name(snapshot: Snapshot, wanted: str | None) -> str:
    names = _model_names(snapshot)
    if wanted is None:
        return names[0]
    if wanted not in names:
        raise HTTPException(404, f"the model {wanted[:80]!r} does not exist here; the live one is {' or '.join(names)}")
    return wanted


def _description(snapshot: Snapshot, name: str) -> dict[str, object]:
    created = int(datetime.fromisoformat(snapshot.manifest.created).timestamp())
    return {"id": name, "object": "model", "created": created, "owned_by": "aisle"}


async def _part(given: Input, place: int, modality: str | None, state: ServiceState) -> TextPart | ImagePart:
    try:
        match given:
            case TextItem(text=text):
                pictured = False
            case ImageItem(image=text):
                pictured = True
            case text:
                pictured = text.startswith("data:image/") if modality is None else modality == "image"
        if pictured:
            return ImagePart(await read_picture(text, state.remote_pictures))
        QueryLimits.of(state.settings).check_text(text)
        return TextPart(text)
    except (InvalidImage, InvalidQuery) as error:
        raise _named(error, place) from error


async def _embed(
    searcher: Searcher, snapshot: Snapshot, parts: Sequence[TextPart | ImagePart], deadline: float
) -> list[UnitVectors]:
    """Vectors of all parts; the first one that fails fails them all, as at OpenAI."""
    turns = asyncio.Semaphore(CONCURRENT)

    async def one(place: int, part: TextPart | ImagePart) -> UnitVectors:
        async with turns:
            try:
                return await searcher.embed(snapshot, part, deadline=deadline)
            except InvalidImage as error:
                raise _named(error, place) from error

    tasks = [asyncio.ensure_future(one(place, part)) for place, part in enumerate(parts)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _named(error: InvalidImage | InvalidQuery, place: int) -> AisleError:
    """The same error, saying which input it is about."""
    message = f"input {place}: {error}"
    return InvalidImage(message, fault=error.fault) if isinstance(error, InvalidImage) else InvalidQuery(message)


def _written(vector: UnitVectors, encoding: str) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(np.ascontiguousarray(vector, dtype="<f4").tobytes()).decode("ascii")
    numbers: list[float] = vector.tolist()
    return numbers


def _error_response(request: Request, error: Exception) -> Response:
    failure = failure_of(error)
    status = 400 if failure.status == 422 else failure.status
    about_model = isinstance(error, HTTPException) and status == 404
    detail = {
        "code": "model_not_found" if about_model else failure.code,
        "message": failure.message,
        "request_id": request.state.request_id,
        "type": "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error",
        "param": "model" if about_model else _parameter(error),
    }
    request.state.error_code = detail["code"]
    content = json.dumps({"error": detail}, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(content, status_code=status, headers=dict(failure.headers), media_type="application/json")


def _parameter(error: Exception) -> str | None:
    if isinstance(error, RequestValidationError):
        steps = [step for step in error.errors()[0]["loc"] if isinstance(step, str) and step != "body"]
        return steps[0] if steps else None
    return "input" if isinstance(error, InvalidImage) else None
