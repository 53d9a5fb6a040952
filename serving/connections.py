"""Connections that ask for nothing: uvicorn's HTTP protocol with an end to its patience.

uvicorn closes a connection that is idle after an answer. It waits for ever for the first request, for the end of a
head of any length, and for the rest of a body that was answered early: whoever says nothing holds a connection.
"""

import asyncio
from typing import Any, ClassVar

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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
    """

    most: ClassVar[int] = 4096

    _patience: asyncio.TimerHandle | None = None
    _in_head = False
    _in_body = False
    _head_bytes = 0

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
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A body ended."""
        self._in_body = False
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was sent; if its request goes on, the connection does not."""
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete and not self.transport.is_closing():
            self._wait(LINGER_SECONDS)

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, even one whose client reads nothing."""
        super().timeout_keep_alive_handler()
        self._wait(LINGER_SECONDS)

    def _is_idle(self) -> bool:
        return not self._in_body and (self.cycle is None or self.cycle.response_complete)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self.transport.abort()


def install(*, most: int) -> None:
    """Let uvicorn use this protocol in this process.

    Args:
        most: Open connections of this worker.
    """
    ImpatientProtocol.most = most
    protocols: dict[str, Any] = uvicorn.config.HTTP_PROTOCOLS
    protocols["auto"] = f"{ImpatientProtocol.__module__}:{ImpatientProtocol.__qualname__}"
