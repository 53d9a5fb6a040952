"""Closed loops over kept connections: each caller asks again when it has its answer. No two queries are alike."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence

from servers import Server

from loadtest.requests import Ask

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask_in_turn(servers: Sequence[Server], asks: Iterator[Ask], *, requests: int) -> list[list[float]]:
    """One request at a time, each server in turn, so that all meet the same weather.

    Returns:
        Per server the milliseconds of each request.
    """
    async with contextlib.AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(_connection(server)) for server in servers]
        times = [[await _ask(*connection, next(asks)) for connection in connections] for _ in range(requests)]
    return [list(spent) for spent in zip(*times, strict=True)]


async def ask_at_once(server: Server, asks: Iterator[Ask], *, callers: int, seconds: float) -> list[float]:
    """So many callers for so long.

    Returns:
        Milliseconds of each request.
    """
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def keep_asking() -> None:
        async with _connection(server) as connection:
            while time.perf_counter() < end:
                times.append(await _ask(*connection, next(asks)))

    await asyncio.gather(*(keep_asking() for _ in range(callers)))
    return times


@contextlib.asynccontextmanager
async def _connection(server: Server) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ask: Ask) -> float:
    """One search; milliseconds to the last byte."""
    head = (
        f"POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(ask.body)}\r\n\r\n"
    )
    started = time.perf_counter()
    writer.write(head.encode() + ask.body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(answer.split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    spent = 1000 * (time.perf_counter() - started)
    if not answer.startswith(b"http/1.1 200"):
        raise SystemExit(f"the server answered {answer.splitlines()[0].decode()}")
    return spent
