"""The HTTP interface. Responses are bytes written by `serving.answers`; the models only document them."""

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Match, Route

from aisle.images import decode_base64
from aisle.settings import Settings
from serving import engine
from serving.answers import answer_json, describe_release, product_json, release_json, to_json
from serving.errors import GONE
from serving.metrics import CONTENT_TYPE, Metrics
from serving.query import Query, SourceWeights
from serving.schemas import (
    ErrorResponse,
    ImageSearchForm,
    ProductResponse,
    ReleaseResponse,
    SearchRequest,
    SearchResponse,
    Status,
    Weights,
)
from serving.searcher import Searcher
from serving.snapshot import Snapshot
from serving.watcher import NoRelease, Watcher
from web import STATIC

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with, for as long as the application runs.

    Attributes:
        settings: Of this server.
        metrics: Of this worker.
        searcher: The queues.
        watcher: Holds the live release.
        descriptions: `describe_release` of the live release, by its id; at most one.
    """

    settings: Settings
    metrics: Metrics
    searcher: Searcher
    watcher: Watcher
    descriptions: dict[str, dict[str, Any]]


router = APIRouter()

_SEARCH_ERRORS = (404, 413, 422, 429, 503, 504)


def _documented(model: type[BaseModel], *errors: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's view of a route: its answer, and the errors it may give."""
    return {200: {"model": model}, **{status: {"model": ErrorResponse} for status in errors}}


@router.post(
    "/search",
    summary="Search by text, picture, and products to resemble",
    response_class=Response,
    responses=_documented(SearchResponse, *_SEARCH_ERRORS),
)
async def search(request: Request, body: SearchRequest) -> Response:
    """Any mix of text, image (base64) and like; with none of them, products in catalog order under the filters."""
    image = body.image or ""
    if image.startswith("data:"):
        image = image.partition(",")[2]
    return await _answer(
        request,
        Query(
            text=body.text or "",
            image=await asyncio.to_thread(decode_base64, image) if image else b"",
            like=(body.like,) if isinstance(body.like, str) else tuple(body.like or ()),
            weights=_weights(body.weights),
            balance=body.balance,
            k=body.k,
            filters=body.filters,
        ),
    )


@router.post(
    "/search/image",
    summary="Search by a picture file",
    response_class=Response,
    responses=_documented(SearchResponse, *_SEARCH_ERRORS),
)
async def search_image(
    request: Request, form: Annotated[ImageSearchForm, Form(media_type="multipart/form-data")]
) -> Response:
    """A picture as a multipart file, optionally with text."""
    data = await form.image.read(request.app.state.service.settings.max_image_bytes + 1)
    if not data:
        raise HTTPException(422, "the form's file `image` is empty: send a picture")
    return await _answer(
        request,
        Query(
            text=form.text,
            image=data,
            weights=_weights(form.weights),
            balance=form.balance,
            k=form.k,
            filters=form.filters,
        ),
    )


@router.get(
    "/products/{id:path}",
    summary="One product",
    response_class=Response,
    responses=_documented(ProductResponse, 404, 503),
)
async def product(request: Request, id: str) -> Response:
    """Fields of a product of the live release."""
    products = _live(request).products
    row = products.row(id)
    return _json(product_json(products.take([row])[0], pictured=products.has_picture(row)))


@router.get(
    "/images/{id:path}",
    summary="A product's thumbnail",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}}},
        404: {"model": ErrorResponse},
        503: {"model": ErrorResponse},
    },
)
async def image(request: Request, id: str) -> Response:
    """A small picture; its ETag changes only with its bytes."""
    products = _live(request).products
    data = products.thumbnail(products.row(id))
    if not data:
        raise HTTPException(404, f"product {id!r} has no picture")
    etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if etag in (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=_picture_type(data), headers=headers)


@router.get(
    "/release",
    summary="The live release",
    response_class=Response,
    responses=_documented(ReleaseResponse, 503),
)
async def release(request: Request) -> Response:
    """Which release answers, what it holds, what can be filtered by, and whether a newer one was refused."""
    service: Service = request.app.state.service
    snapshot = service.watcher.live()
    description = service.descriptions.get(snapshot.id)
    if description is None:
        description = await asyncio.to_thread(describe_release, snapshot)
        service.descriptions.clear()
        service.descriptions[snapshot.id] = description
    return _json(release_json(description, refused=service.watcher.refused))


@router.get("/livez", summary="Whether the process runs", response_class=Response, responses=_documented(Status))
async def livez() -> Response:
    """Always 200: a service without a release is alive."""
    return _json(b'{"status":"alive"}')


@router.get(
    "/readyz", summary="Whether searches are answered", response_class=Response, responses=_documented(Status, 503)
)
async def readyz(request: Request) -> Response:
    """Encodes a text and searches for it, beside the queues: being busy is not being broken."""
    snapshot = _live(request)
    limits = request.app.state.service.settings.image_limits
    answer = await asyncio.to_thread(engine.search, snapshot, Query(text="canary", k=1), limits=limits)
    if len(answer.hits) != min(1, len(snapshot.products)):
        raise NoRelease(f"release {snapshot.id} finds nothing: run `aisle reindex`")
    return _json(to_json({"status": "ready", "release": snapshot.id}))


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counts of all workers of this server."""
    service: Service = request.app.state.service
    return Response(await asyncio.to_thread(service.metrics.expose), headers={"Content-Type": CONTENT_TYPE})


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """The search page."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def unmatched(request: Request) -> Response:
    """Last of all routes: 405 when another method would have matched, else 404.

    Without it BentoML's own pages would answer for paths that are not ours.
    """
    routes = [route for route in router.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL]
    if matching:
        allowed = sorted({method for route in matching for method in route.methods or ()})
        raise HTTPException(405, f"{request.method} is not possible here", headers={"Allow": ", ".join(allowed)})
    raise HTTPException(404, f"there is nothing at {request.url.path}")


def _live(request: Request) -> Snapshot:
    service: Service = request.app.state.service
    return service.watcher.live()


def _weights(weights: Weights) -> SourceWeights:
    return SourceWeights(text=weights.text, image=weights.image, like=weights.like)


async def _answer(request: Request, query: Query) -> Response:
    service: Service = request.app.state.service
    answer = await _unless_gone(request, service.searcher.search(service.watcher.live(), query))
    if answer is None:
        return Response(status_code=GONE)
    service.metrics.stages(answer.milliseconds)
    return _json(answer_json(answer))


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome | None:
    """Do the work; None when the client goes away first: nobody waits for a search that a newer one replaced."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        gone.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _picture_type(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"RIFF"):
        return "image/webp"
    return "image/jpeg"
