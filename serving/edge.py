"""What every request passes first: an id, the gate, limits of body and time, headers, and no leaked error."""

import asyncio
import logging
import math
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
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
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        status = GONE

        async def send_out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                outgoing = MutableHeaders(scope=message)
                outgoing["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    outgoing.setdefault(name, value)
            await send(message)

        body = _Body()
        try:
            failure = await self._handle(scope, headers, self._bounded(receive, body), send_out, body)
            if failure is not None and status == GONE:
                scope["state"]["error_code"] = failure.code
                await envelope(failure, request_id=request_id)(scope, receive, send_out)
        finally:
            self._buffered_bytes -= body.bytes

    async def _handle(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send, body: "_Body"
    ) -> Failure | None:
        """Run the application; what it leaves unanswered is returned as a failure."""
        seconds = self._timeout_seconds
        try:
            self._gate.admit(scope, headers)
            seconds = min(seconds, _allowed_seconds(headers))
            scope["state"]["deadline"] = time.monotonic() + seconds
            declared = headers.get("content-length", "")
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


def _allowed_seconds(headers: Headers) -> float:
    """How long the client says that its request may take."""
    given = headers.get(TIMEOUT_HEADER)
    if given is None:
        return math.inf
    if not _MILLISECONDS.fullmatch(given):
        raise UnreadableTimeout(given)
    return int(given) / 1000


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
