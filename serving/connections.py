"""Connections that ask for nothing: uvicorn's HTTP protocol with an end to its patience.

uvicorn closes a connection that is idle after an answer. It waits for ever for the first request, for the end of a
head of any length, and for the rest of a body that was answered early: whoever says nothing holds a connection.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import uvicorn.config
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from serving.turnstile import Turnstile

HEAD_SECONDS = 10.0
"""From the beginning of a connection or a head to the head's end."""

LINGER_SECONDS = 2.0
"""How long what is sent after an early answer is thrown away, so that the client has time to read the answer; and how
long an ended connection's last bytes may take to be read."""

MAX_HEAD_BYTES = 64 * 1024
"""Longest head: request line and headers. More than one read of the socket is needed to pass it."""


class ImpatientProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        most: Open connections of this worker; a further one is closed at once.
        turnstile: Answers some requests at their heads, before the application hears of them; None lets all go on.
        application: Hears of all others, in place of what the server was told to run; None for that.
    """

    most: ClassVar[int] = 4096
    turnstile: "ClassVar[Turnstile | None]" = None
    application: ClassVar[ASGIApp | None] = None

    _patience: asyncio.TimerHandle | None = None
    _in_head = False
    _in_body = False
    _was_turned_away = False
    _leave: Callable[[], None] | None = None
    _head_bytes = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        application = type(self).application
        if application is not None:
            self.app = cast(Any, application)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._stop_waiting()
        self._has_left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count a head that does not end; see that somebody always waits for something."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response(f"The head of the request is longer than {MAX_HEAD_BYTES} bytes.")
        elif self._is_idle() and self.timeout_keep_alive_task is None and self._patience is None:
            self._wait(HEAD_SECONDS)  # blank lines, or the end of a body that was answered before it came

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        if self._patience is None:
            self._wait(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """A head ended."""
        self._in_head, self._in_body = False, True
        self._stop_waiting()
        self._was_turned_away = self._turned_away()
        if not self._was_turned_away:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A body goes on."""
        if not self._was_turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A body ended."""
        self._in_body = False
        self._stop_waiting()
        if not self._was_turned_away:
            self._has_come()
            super().on_message_complete()
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_response_complete(self) -> None:
        """An answer was sent; if its request goes on, the connection does not."""
        self._has_left()
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete and not self.transport.is_closing():
            self._wait(LINGER_SECONDS)

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, even one whose client reads nothing."""
        super().timeout_keep_alive_handler()
        self._wait(LINGER_SECONDS)

    def _turned_away(self) -> bool:
        if self.turnstile is None or not self._has_answered() or self.parser.get_http_version() != "1.1":
            return False
        response = self.turnstile.refusal(self.parser.get_method(), self.url, self.headers)
        if response is None:
            return False
        self.server_state.total_requests += 1
        self.transport.write(response)
        self._wait(LINGER_SECONDS)  # for the rest of its body
        return True

    def _has_come(self) -> None:
        if self.turnstile is not None and self._leave is None:
            self._leave = self.turnstile.pass_through(self.parser.get_method(), self.url)

    def _has_left(self) -> None:
        if self._leave is not None:
            self._leave()
            self._leave = None

    def _has_answered(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def _is_idle(self) -> bool:
        return not self._in_body and self._has_answered()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self.transport.abort()


def install(*, most: int, turnstile: "Turnstile | None" = None, application: ASGIApp | None = None) -> None:
    """Let uvicorn use this protocol in this process.

    Args:
        most: Open connections of this worker.
        turnstile: Answers some requests at their heads; None lets all go on.
        application: Is asked in place of what uvicorn was told to run, which has its start and end all the same.
    """
    ImpatientProtocol.most, ImpatientProtocol.turnstile = most, turnstile
    ImpatientProtocol.application = application
    protocols: dict[str, Any] = uvicorn.config.HTTP_PROTOCOLS
    protocols["auto"] = f"{ImpatientProtocol.__module__}:{ImpatientProtocol.__qualname__}"
