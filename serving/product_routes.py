"""Products and their pictures over HTTP."""

import hashlib

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.answers import product_json
from serving.response_schemas import ErrorResponse, ProductResponse
from serving.service_state import documented, json_response, live
from serving.snapshot import Snapshot

router = APIRouter()


@router.get(
    "/products/{id:path}",
    summary="One product",
    response_class=Response,
    responses=documented(ProductResponse, 404, 503),
)
async def product(request: Request, id: str) -> Response:
    """Fields of a product of the live release."""
    return product_response(live(request), id)


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
    snapshot = live(request)
    data = snapshot.products.thumbnail(snapshot.row(id))
    if not data:
        raise HTTPException(404, f"product {id[:80]!r} has no picture")
    etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}  # asked for each time: a product may be taken down
    if etag in (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=_picture_type(data), headers=headers)


def product_response(snapshot: Snapshot, product_id: str) -> Response:
    """The response about one product."""
    row = snapshot.row(product_id)
    return json_response(product_json(snapshot.products.take([row])[0], pictured=snapshot.products.has_picture(row)))


def _picture_type(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"RIFF"):
        return "image/webp"
    return "image/jpeg"
