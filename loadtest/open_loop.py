"""Sending requests when they are due, whatever became of the earlier ones.

A closed loop, in which each caller waits for its answer before it asks again, slows down with the service and so
never meets an overload; and it leaves out of its figures those who would have come meanwhile (Gil Tene's "coordinated
omission"). Here every request has its time, and its wait is counted from then.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator

import aiohttp

from loadtest.outcomes import NO_ANSWER, Outcome
from loadtest.requests import Ask

TIMEOUT_SECONDS = 30.0
"""When hope is given up."""

_RELEASE = re.compile(rb'\{"release":"([^"]*)"')
_HEADERS = {"Content-Type": "application/json"}


def session(*, key: str | None = None) -> aiohttp.ClientSession:
    """Connections without limit, as shoppers have them, and kept, as browsers do.

    Args:
        key: An API key, sent as a bearer token.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        headers={"Authorization": f"Bearer {key}"} if key else None,
    )


def release_of(body: bytes) -> str:
    """The release that an answer names first of all; empty when it names none."""
    match = _RELEASE.match(body)
    return match[1].decode() if match else ""


async def offer(
    client: aiohttp.ClientSession,
    url: str,
    asks: Iterator[Ask],
    arrivals: Iterable[float],
    *,
    read: Callable[[bytes], str] = release_of,
) -> list[Outcome]:
    """Send one request per arrival.

    Args:
        client: From `session`.
        url: Of the search.
        asks: What is asked; as many are taken as there are arrivals.
        arrivals: Seconds from now, ascending.
        read: Finds the release in an answer.

    Returns:
        What became of each, in the order of their ends.
    """
    outcomes: list[Outcome] = []
    started = time.perf_counter()

    async def send(ask: Ask, due: float) -> None:
        sent = time.perf_counter() - started
        status, release = NO_ANSWER, ""
        try:
            async with client.post(url, data=ask.body, headers=_HEADERS) as response:
                body = await response.read()
                status, release = response.status, read(body)
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = NO_ANSWER
        outcomes.append(Outcome(ask.kind, due, sent, time.perf_counter() - started, status, release))

    async with asyncio.TaskGroup() as flying:
        for due in arrivals:
            delay = started + due - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            flying.create_task(send(next(asks), due))
    return outcomes
