"""What every request passes first: an id, the gate, limits of body and time, headers, and no leaked error."""

import asyncio
import logging
import math
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.errors import AisleError
from aisle.settings import Settings
from serving.errors import (
    GONE,
    INTERNAL,
    TIMEOUT_HEADER,
    BodiesTooLarge,
    BodyTooLarge,
    Failure,
    UnreadableTimeout,
    envelope,
    failure_of,
    timed_out,
)
from serving.gate import Gate

_LOG = logging.getLogger("aisle.serving")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id that a client may bring."""

_MILLISECONDS = re.compile(r"0*[1-9][0-9]{0,9}", re.ASCII)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_SECURITY = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in SECURITY_HEADERS.items()]
_TIMEOUT = TIMEOUT_HEADER.lower().encode("latin-1")

RawHeaders = Mapping[bytes, bytes]
"""Names in lower case, as servers give them; of several with one name the last."""


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        gate: Gate,
        turn_away: Callable[[Scope, Headers], Failure | None],
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            settings: Limits of bodies and of time.
            gate: Says who may come in.
            turn_away: Says why a request is not taken at all, before anything of it is read.
        """
        self._app = app
        self._gate = gate
        self._turn_away = turn_away
        self._max_body_bytes = settings.max_body_bytes
        self._max_buffered_bytes = settings.max_buffered_bytes
        self._timeout_seconds = settings.timeout_seconds
        self._buffered_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        raw = dict(scope["headers"])
        request_id = _request_id(raw)
        scope.setdefault("state", {})["request_id"] = request_id
        status = GONE

        async def send_out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _outgoing(message.get("headers", ()), request_id)
            await send(message)

        body = _Body()
        try:
            failure = await self._handle(scope, headers, raw, self._bounded(receive, body), send_out, body)
            if failure is not None and status == GONE:
                scope["state"]["error_code"] = failure.code
                await envelope(failure, request_id=request_id)(scope, receive, send_out)
        finally:
            self._buffered_bytes -= body.bytes

    async def _handle(
        self, scope: Scope, headers: Headers, raw: RawHeaders, receive: Receive, send: Send, body: "_Body"
    ) -> Failure | None:
        """Run the application; what it leaves unanswered is returned as a failure."""
        seconds = self._timeout_seconds
        try:
            self._gate.admit(scope, headers)
            seconds = min(seconds, _allowed_seconds(raw))
            scope["state"]["deadline"] = time.monotonic() + seconds
            declared = raw.get(b"content-length", b"").decode("latin-1")
            if declared.isdecimal() and int(declared) > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes)
            if (refusal := self._turn_away(scope, headers)) is not None:
                return refusal
            async with asyncio.timeout(seconds):
                await self._app(scope, receive, send)
        except (AisleError, BodyTooLarge, UnreadableTimeout) as error:
            return failure_of(error)
        except TimeoutError:
            return timed_out(seconds, body_came=body.came)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a request: nothing may leak to the client
            _LOG.error("request %s failed", scope["state"]["request_id"], exc_info=error)
            return INTERNAL
        return None

    def _bounded(self, receive: Receive, body: "_Body") -> Receive:
        """Refuse a body that grows past the limit, whatever length it declared, or past what all bodies may take."""

        async def receive_bounded() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                grown = len(message.get("body", b""))
                body.bytes += grown
                body.came = not message.get("more_body", False)
                self._buffered_bytes += grown
                if body.bytes > self._max_body_bytes:
                    raise BodyTooLarge(self._max_body_bytes)
                if self._buffered_bytes > self._max_buffered_bytes:
                    raise BodiesTooLarge
            return message

        return receive_bounded


@dataclass(slots=True)
class _Body:
    """How much of a request's body was received, and whether that is all."""

    bytes: int = 0
    came: bool = False


def _outgoing(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """Headers of a response with the request's id, and with ours where it has none of its own."""
    own = [(name, value) for name, value in headers if name.lower() != b"x-request-id"]
    given = {name.lower() for name, _ in own}
    return [
        *own,
        (b"x-request-id", request_id.encode("ascii")),
        *((name, value) for name, value in _SECURITY if name not in given),
    ]


def _allowed_seconds(raw: RawHeaders) -> float:
    """How long the client says that its request may take."""
    stated = raw.get(_TIMEOUT)
    if stated is None:
        return math.inf
    given = stated.decode("latin-1")
    if not _MILLISECONDS.fullmatch(given):
        raise UnreadableTimeout(given)
    return int(given) / 1000


def _request_id(raw: RawHeaders) -> str:
    given = raw.get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
