"""Callers over kept connections, in closed loops and in an open one. No two queries are alike.

They share the machine with the service, so they are as cheap as Python allows: requests are bytes made beforehand, and
of an answer no more is read than its status and its length. That takes 0.1 ms of a core for each request, and an HTTP
client of the usual kind 0.25: at 800 requests a second a fifth of a core, taken from the service that is measured.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import cast

from servers import Server

from loadtest.outcomes import NO_ANSWER, OK, Outcome
from loadtest.requests import Ask

PATIENCE_SECONDS = 30.0
"""When hope is given up, in the open loop."""


class _Connection(asyncio.Protocol):
    """One kept connection; it carries one request at a time."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._needed = 0  # bytes of the answer, once its head has told

    @property
    def is_open(self) -> bool:
        """Whether another request may go this way."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        """Send a request.

        Returns:
            The status of the answer, once its last byte has come; `NO_ANSWER` when it did not.
        """
        if self._transport is None:
            raise RuntimeError("the connection was never made")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Gather the answer."""
        self._received += data
        if not self._needed:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            length = self._received[:head].lower().split(b"content-length:")[1].split(b"\r\n")[0]
            self._needed = head + 4 + int(length)
        if len(self._received) >= self._needed:
            status = int(self._received[9:12])  # HTTP/1.1 200
            self._received.clear()
            self._needed = 0
            self._settle(status)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio hands it over
        """Whoever waits, waits in vain."""
        self._settle(NO_ANSWER)

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


async def ask_in_turn(servers: Sequence[Server], asks: Iterator[Ask], *, requests: int) -> list[list[float]]:
    """One request at a time, each server in turn, so that all meet the same weather.

    Returns:
        Per server the milliseconds of each request.
    """
    async with contextlib.AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(_connection(server)) for server in servers]
        times = [[await _ask(connection, next(asks)) for connection in connections] for _ in range(requests)]
    return [list(spent) for spent in zip(*times, strict=True)]


async def ask_at_once(server: Server, asks: Iterator[Ask], *, callers: int, seconds: float) -> list[float]:
    """So many callers for so long; each asks again when it has its answer.

    Returns:
        Milliseconds of each request.
    """
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def keep_asking() -> None:
        async with _connection(server) as connection:
            while time.perf_counter() < end:
                times.append(await _ask(connection, next(asks)))

    await asyncio.gather(*(keep_asking() for _ in range(callers)))
    return times


async def ask_when_due(server: Server, asks: Iterator[Ask], arrivals: Iterable[float]) -> list[Outcome]:
    """Send each request when it is due, whatever became of those before (see loadtest/open_loop.py).

    Args:
        server: Who is asked.
        asks: What is asked; as many are taken as there are arrivals.
        arrivals: Seconds from the start, ascending.

    Returns:
        What became of each, in the order of their ends.
    """
    due = list(arrivals)
    requests = [(ask.kind, _request(ask)) for ask in itertools.islice(asks, len(due))]
    outcomes: list[Outcome] = []
    idle: list[_Connection] = []
    started = time.perf_counter()

    async def send(number: int) -> None:
        kind, request = requests[number]
        sent = time.perf_counter() - started
        status = NO_ANSWER
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while idle and not idle[-1].is_open:
                    idle.pop()
                connection = idle.pop() if idle else await _connect(server)
                status = await connection.ask(request)
                if connection.is_open:
                    idle.append(connection)
        outcomes.append(Outcome(kind, due[number], sent, time.perf_counter() - started, status))

    async with asyncio.TaskGroup() as flying:
        for number, moment in enumerate(due):
            if (delay := started + moment - time.perf_counter()) > 0:
                await asyncio.sleep(delay)
            flying.create_task(send(number))
    for connection in idle:
        connection.close()
    return outcomes


@contextlib.asynccontextmanager
async def _connection(server: Server) -> AsyncIterator[_Connection]:
    connection = await _connect(server)
    try:
        yield connection
    finally:
        connection.close()


async def _connect(server: Server) -> _Connection:
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", server.port)
    return connection


def _request(ask: Ask) -> bytes:
    head = (
        f"POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(ask.body)}\r\n\r\n"
    )
    return head.encode() + ask.body


async def _ask(connection: _Connection, ask: Ask) -> float:
    """One search; milliseconds to the last byte."""
    request = _request(ask)
    started = time.perf_counter()
    status = await connection.ask(request)
    spent = 1000 * (time.perf_counter() - started)
    if status != OK:
        raise SystemExit(f"the server answered with the status {status}")
    return spent
