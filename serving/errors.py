"""From errors to HTTP: the one place that knows both. Every error of the service has the same JSON envelope."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from aisle.errors import AisleError, ImageFault, InvalidImage, InvalidQuery, UnknownProduct
from serving.admission import Overloaded, TooLate
from serving.drain import Draining
from serving.gate import Unauthorized
from serving.rate_limits import TooManyRequests
from serving.watcher import NoRelease

TIMEOUT_HEADER = "X-Envoy-Expected-Rq-Timeout-Ms"
"""How long a request may take, in milliseconds. Envoy, and meshes made of it, send it with what they hand on, "so that
the upstream host receiving the request can make decisions based on the request timeout" (its router filter's docs)."""

GONE = 499
"""The client went away; for metrics, as nobody reads the answer (nginx's number)."""


class BodyTooLarge(HTTPException):
    """A request body longer than the service reads; raised while it arrives."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"the request body is longer than {limit:,} bytes: send a smaller picture")


class UnreadableTimeout(HTTPException):
    """A request that says how long it may take, in a way that cannot be read."""

    def __init__(self, given: str) -> None:
        super().__init__(422, f"{TIMEOUT_HEADER} is {given[:40]!r}; a whole number of milliseconds from 1 is wanted")


class BodiesTooLarge(HTTPException):
    """All request bodies together take more memory than the service gives them; raised while one arrives."""

    def __init__(self) -> None:
        message = "the requests that are being sent fill this worker's memory: try again in a moment"
        super().__init__(429, message, headers={"Retry-After": "1"})


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a client sees it.

    Attributes:
        status: HTTP status.
        code: For programs; stable.
        message: For people.
        headers: Further headers of the response.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str]


_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "overloaded",
}

INTERNAL = Failure(500, "internal", "something went wrong here; the service's log has the details", {})


def timed_out(seconds: float, *, body_came: bool) -> Failure:
    """The request took longer than the service allows: by our fault, or by the client's, whose body did not come."""
    if not body_came:
        return Failure(
            408, "slow_body", f"the request's body did not arrive within {seconds:g} s", {"Connection": "close"}
        )
    return Failure(504, "timeout", f"the request took longer than {seconds:g} s: try again", {"Retry-After": "1"})


def failure_of(error: Exception) -> Failure:
    """What a client is told of an error."""
    match error:
        case InvalidImage(fault=ImageFault.TOO_MANY_BYTES):
            return Failure(413, "invalid_image", str(error), {})
        case InvalidImage():
            return Failure(422, "invalid_image", str(error), {})
        case InvalidQuery():
            return Failure(422, "invalid_query", str(error), {})
        case UnknownProduct():
            return Failure(404, "unknown_product", str(error), {})
        case Overloaded():
            return Failure(429, "overloaded", str(error), {"Retry-After": str(error.retry_after)})
        case TooLate():
            return Failure(504, "timeout", str(error), {"Retry-After": "1"})
        case TooManyRequests():
            return Failure(429, "too_many_requests", str(error), {"Retry-After": str(error.retry_after)})
        case Unauthorized():
            return Failure(
                401, "unauthorized", str(error), {"WWW-Authenticate": 'Basic realm="Aisle", charset="UTF-8"'}
            )
        case Draining():
            return Failure(503, "draining", str(error), {"Retry-After": "1"})
        case NoRelease():
            return Failure(503, "no_release", str(error), {"Retry-After": "5"})
        case RequestValidationError():
            return Failure(422, "invalid_request", _first_fault(error), {})
        case HTTPException():
            code = _CODES.get(error.status_code, f"http_{error.status_code}")
            message = str(error.detail) or HTTPStatus(error.status_code).phrase
            return Failure(error.status_code, code, message, error.headers or {})
        case _:
            return INTERNAL


def envelope(failure: Failure, *, request_id: str) -> Response:
    """The response to a failed request."""
    body = {"error": {"code": failure.code, "message": failure.message, "request_id": request_id}}
    return Response(
        json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        status_code=failure.status,
        headers=dict(failure.headers),
        media_type="application/json",
    )


def install(app: FastAPI) -> None:
    """Let the application answer errors with the envelope."""

    async def answer(request: Request, error: Exception) -> Response:
        failure = failure_of(error)
        request.state.error_code = failure.code
        return envelope(failure, request_id=request.state.request_id)

    for kind in (AisleError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


def _first_fault(error: RequestValidationError) -> str:
    fault: dict[str, Any] = error.errors()[0]
    if fault["type"] == "json_invalid" and isinstance(fault["loc"][-1], int):  # a place in the text, not a field
        return f"the body is not JSON: {fault.get('ctx', {}).get('error', fault['msg'])}"
    where = ".".join(str(step) for step in fault["loc"] if step != "body")
    more = len(error.errors()) - 1
    return f"{where or 'body'}: {fault['msg']}" + (f" (and {more} more)" if more else "")
