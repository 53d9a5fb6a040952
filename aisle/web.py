"""Pictures over HTTP: several at a time, few per host, each with time-outs, a size cap and a bounded number of tries.

What a host may mend by itself (no answer, 429, 5xx, a broken transfer) is tried again with growing pauses, and is
`ImageFault.UNREACHABLE` in the end, which the next run asks again. A host that failed many times in a row is left alone
for a while: a store that is down costs a run minutes, not days.
"""

import asyncio
import atexit
import os
import random
import time
from asyncio import sleep
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import fsspec.asyn

from aisle.errors import ImageFault, InvalidImage, SettingsError

if TYPE_CHECKING:
    import aiohttp

PER_HOST = 4
"""Requests to one host at the same time, of one process that is told nothing else."""

REDIRECTS = 5

DOWN_AFTER = 8
"""Pictures in a row that a host failed to give, all tries included, after which it is left alone."""

DOWN_SECONDS = 30.0
"""For how long."""

_CHUNK = 1 << 16
_STATE = ("ETag", "Content-Length", "Last-Modified")
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A picture as its host gave it.

    Attributes:
        data: The file.
        headers: Those that tell its state, as `aisle.stamps.state_of` wants them.
    """

    data: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one picture is tried for.

    Attributes:
        tries: At most so many.
        pause: Seconds before the second one; doubled for each further one, and varied by up to a half.
        connect: Seconds to a connection.
        silence: Seconds without a byte.
        whole: Seconds for one try in all: a byte a second is an end, too.
        most_pause: Seconds that a `Retry-After` is followed at most.
    """

    tries: int = 4
    pause: float = 0.5
    connect: float = 10.0
    silence: float = 15.0
    whole: float = 60.0
    most_pause: float = 20.0


DEFAULT_PATIENCE = Patience()


def fetch_web(url: str, *, max_bytes: int, per_host: int = PER_HOST, patience: Patience = DEFAULT_PATIENCE) -> Answer:
    """Get a picture. Many threads may ask at the same time.

    Args:
        url: Of scheme http or https.
        max_bytes: Longest accepted file; nothing beyond is read.
        per_host: Requests to one host at the same time, of this process.
        patience: How long to try.

    Raises:
        InvalidImage: It is not there, too large, refused, or cannot be had now.
        SettingsError: aiohttp is not installed.
    """
    found: Answer = fsspec.asyn.sync(fsspec.asyn.get_loop(), _ask, "GET", url, max_bytes, per_host, patience)
    return found


def web_headers(url: str, *, per_host: int = PER_HOST, patience: Patience = DEFAULT_PATIENCE) -> Mapping[str, str]:
    """Headers of a picture without its bytes, as `aisle.stamps.state_of` wants them; empty where the host gives none.

    Raises:
        InvalidImage: As `fetch_web`.
        SettingsError: aiohttp is not installed.
    """
    found: Mapping[str, str] = fsspec.asyn.sync(fsspec.asyn.get_loop(), _ask, "HEAD", url, 0, per_host, patience)
    return found


@dataclass(slots=True)
class _Host:
    """What this process knows of one host."""

    places: asyncio.Semaphore
    failures: int = 0
    down_until: float = 0.0


@dataclass(slots=True)
class _Client:
    """Connections of one process; lives on fsspec's loop."""

    session: "aiohttp.ClientSession"
    hosts: dict[tuple[str, int], _Host] = field(default_factory=dict)


class _Transient(Exception):
    """A failure that may have passed in a moment; `pause` is what the host asked for."""

    def __init__(self, message: str, *, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


async def _ask(method: str, url: str, max_bytes: int, per_host: int, patience: Patience) -> Any:
    client = _client(os.getpid())
    host = client.hosts.setdefault((urlsplit(url).netloc, per_host), _Host(asyncio.Semaphore(per_host)))
    reason = ""
    for number in range(patience.tries):
        if time.monotonic() < host.down_until:
            raise _unreachable(url, f"its host failed {DOWN_AFTER} pictures in a row and is left alone for a while")
        try:
            async with host.places, asyncio.timeout(patience.whole):
                answer = await _once(client.session, method, url, max_bytes, patience)
        except TimeoutError:
            reason, pause = f"no answer within {patience.silence:g} s, or not all within {patience.whole:g} s", 0.0
        except _Transient as error:
            reason, pause = str(error), error.pause
        else:
            host.failures = 0
            return answer
        if number + 1 < patience.tries:
            growing = patience.pause * 2**number * random.uniform(1.0, 1.5)  # noqa: S311 - so that not all come back at once
            await sleep(min(max(pause, growing), patience.most_pause))
    host.failures += 1
    if host.failures >= DOWN_AFTER:
        host.failures, host.down_until = 0, time.monotonic() + DOWN_SECONDS
    raise _unreachable(url, f"{reason}, {patience.tries} times")


async def _once(
    session: "aiohttp.ClientSession", method: str, url: str, max_bytes: int, patience: Patience
) -> Answer | Mapping[str, str]:
    import aiohttp

    limits = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect, sock_read=patience.silence)
    try:
        async with session.request(
            method, url, timeout=limits, max_redirects=REDIRECTS, allow_redirects=True
        ) as answer:
            _check(answer, url, method=method)
            told = answer.headers if answer.status == 200 else {}
            state = {name: told[name] for name in _STATE if name in told}
            return state if method == "HEAD" else Answer(await _body(answer, url, max_bytes), state)
    except (aiohttp.TooManyRedirects, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as error:
        kind = "leads through too many redirects" if isinstance(error, aiohttp.TooManyRedirects) else "is no address"
        raise InvalidImage(f"picture {url} {kind}", fault=ImageFault.UNREADABLE) from error
    except aiohttp.ClientError as error:
        raise _Transient(str(error) or type(error).__name__) from error


def _check(answer: "aiohttp.ClientResponse", url: str, *, method: str) -> None:
    status = answer.status
    if status == 200 or (method == "HEAD" and status in {405, 501}):
        return
    if status in _TRANSIENT or status >= 500:
        after = answer.headers.get("Retry-After", "")
        raise _Transient(f"the answer is {status} {answer.reason}", pause=float(after) if after.isdigit() else 0.0)
    if status in {404, 410}:
        raise InvalidImage(f"picture {url} does not exist ({status})", fault=ImageFault.NOT_FOUND)
    raise InvalidImage(f"picture {url} is refused: {status} {answer.reason}", fault=ImageFault.UNREADABLE)


async def _body(answer: "aiohttp.ClientResponse", url: str, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    length = answer.content_length or 0
    if length <= max_bytes:
        length = 0
        async for part in answer.content.iter_chunked(_CHUNK):
            parts.append(part)
            length += len(part)
            if length > max_bytes:
                break
    if length > max_bytes:
        raise InvalidImage(
            f"picture {url} has more than {max_bytes:,} bytes, which are accepted at most",
            fault=ImageFault.TOO_MANY_BYTES,
        )
    return b"".join(parts)


def _unreachable(url: str, reason: str) -> InvalidImage:
    return InvalidImage(
        f"picture {url} cannot be had now: {reason}; the next run asks again", fault=ImageFault.UNREACHABLE
    )


@lru_cache(maxsize=1)
def _client(pid: int) -> _Client:  # noqa: ARG001 - connections do not survive a fork
    try:
        import aiohttp
    except ImportError as error:
        raise SettingsError("pictures by http need the package aiohttp: pip install 'aisle[batch]'") from error
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=0),  # `_Host` counts: waiting is not part of the time
        headers={"User-Agent": "aisle", "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
        auto_decompress=False,
    )
    atexit.register(lambda: fsspec.asyn.sync(fsspec.asyn.get_loop(), session.close))
    return _Client(session=session)
