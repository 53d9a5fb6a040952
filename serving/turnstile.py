"""Turning searches away before anything of them is read: under overload that is most of what there is to do.

Twice: at the connection, when no more than a head has come, and at the edge, for what the first leaves alone. A search
that gets past both is asked again at its door, when it is known what it costs (`serving.searcher`).
"""

import json
import math
import time
import uuid
from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import Scope

from aisle.settings import LoggedRequests, Settings
from serving.admission import Overloaded, TooLate
from serving.edge import REQUEST_ID, SECURITY_HEADERS
from serving.errors import Failure, failure_of
from serving.search_routes import router
from serving.service_state import ServiceState

LONGEST_TEXT = 4096
"""A longer body of a search may hold a picture, which has a door of its own."""

RawHeaders = Sequence[tuple[bytes, bytes]]

_PICTURED = {("POST", "/search/image"): True, ("POST", "/search"): False, ("GET", "/search"): False}
_RAW = {(method.encode(), path.encode()): pictured for (method, path), pictured in _PICTURED.items()}
_ROUTES = {
    (method, route.path): route  # type: ignore[attr-defined]
    for route in router.routes
    for method in route.methods or ()  # type: ignore[attr-defined]
    if (method, route.path) in _PICTURED  # type: ignore[attr-defined]
}
_LEFT_ALONE = frozenset((b"connection", b"expect", b"origin"))
"""Headers that want more of an answer than is written here: an end of the connection, leave to go on, CORS."""

_FIXED_HEADERS = "".join(
    f"{name}: {value}\r\n" for name, value in ({"Content-Type": "application/json"} | SECURITY_HEADERS).items()
)


def turn_away(scope: Scope, headers: Headers) -> Failure | None:
    """What a search is told for which there is no room, or no time; None lets a request go on."""
    asked = (scope["method"], scope["path"])
    pictured = _PICTURED.get(asked)
    if pictured is None or (not pictured and not _is_short(headers.get("content-length", "0"))):
        return None
    state: ServiceState = scope["app"].state.service
    try:
        state.searcher.door(pictured=pictured).check(deadline=scope["state"].get("deadline", math.inf))
    except (Overloaded, TooLate) as error:
        scope["route"] = _ROUTES[asked]  # for the metrics: it was this one, although nobody looked for it
        return failure_of(error)
    return None


class Turnstile:
    """The same for a connection that has read no more than a head: no task, no middleware, a tenth of the cost.

    Nobody is asked for a key: whoever it is, there is no room.
    """

    def __init__(self, app: FastAPI) -> None:
        """Stand before an application, which need not have started.

        Args:
            app: From `create_app`.
        """
        self._app = app

    def refusal(self, method: bytes, target: bytes, headers: RawHeaders) -> bytes | None:
        """The whole response to a search for which there is no room; None lets a request go on.

        Args:
            method: Such as `POST`.
            target: Path and query.
            headers: Names in lower case.
        """
        pictured, state = _RAW.get((method, target.partition(b"?")[0])), self._state()
        if pictured is None or state is None or state.searcher.door(pictured=pictured).has_room():
            return None
        started = time.perf_counter()
        given = dict(headers)
        declared = given.get(b"content-length", b"0").decode("latin-1")
        if state.tracing.is_on or not _LEFT_ALONE.isdisjoint(given) or not (pictured or _is_short(declared)):
            return None
        failure = failure_of(state.searcher.door(pictured=pictured).refuse())
        route, seconds = target.partition(b"?")[0].decode(), time.perf_counter() - started
        state.metrics.request(route=route, method=method.decode(), status=failure.status, seconds=seconds)
        state.metrics.reject(failure.code)
        return _response(failure, given.get(b"x-request-id", b"").decode("latin-1"))

    def pass_through(self, method: bytes, target: bytes) -> Callable[[], None] | None:
        """Count a request that has come whole; call what is returned when it was answered, or is gone."""
        pictured, state = _RAW.get((method, target.partition(b"?")[0])), self._state()
        return None if pictured is None or state is None else state.searcher.door(pictured=pictured).approach()

    def _state(self) -> ServiceState | None:
        return getattr(self._app.state, "service", None)


def turnstile_of(app: FastAPI, settings: Settings) -> Turnstile | None:
    """None when every request is to have a line in the log."""
    return None if settings.log_requests is LoggedRequests.ALL else Turnstile(app)


def _is_short(declared: str) -> bool:
    return declared.isdecimal() and int(declared) <= LONGEST_TEXT  # an address declares none


def _response(failure: Failure, given_id: str) -> bytes:
    request_id = given_id if REQUEST_ID.fullmatch(given_id) else uuid.uuid4().hex
    body = json.dumps({"error": {"code": failure.code, "message": failure.message, "request_id": request_id}})
    own = "".join(f"{name}: {value}\r\n" for name, value in failure.headers.items())
    return (
        f"HTTP/1.1 {failure.status} {HTTPStatus(failure.status).phrase}\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"{_FIXED_HEADERS}{own}X-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode("ascii")
