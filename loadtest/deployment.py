"""A running service, as far as a load test has to know it."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import aiohttp

PAGE, PAGES = 200, 5
"""Products that are looked at for words, per request and in all requests."""

PICTURES = 50
"""Products whose pictures are asked for."""

_WORD = re.compile(r"[^\W\d_]{2,}")


class NotAisle(Exception):
    """What answers at the address is no Aisle, or nothing answers; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a service says of itself.

    Attributes:
        release: Id of the live release.
        products: How many it has.
        recall: recall@10 of its index against exact search, by kind of query, as measured when it was built.
        words: Of its products' titles.
        pictures: Some of its products' pictures.
    """

    release: str
    products: int
    recall: dict[str, float]
    words: tuple[str, ...]
    pictures: tuple[bytes, ...] = field(repr=False)


async def look_at(session: aiohttp.ClientSession, url: str, *, pictures: bool) -> Deployment:
    """Ask a service what it has.

    Args:
        session: With whatever headers the service wants.
        url: Where it is.
        pictures: Whether pictures are wanted.

    Raises:
        NotAisle: It does not answer as Aisle does.
    """
    release = await _json(session, urljoin(url, "release"))
    words: list[str] = []
    paths: list[str] = []
    for page in range(PAGES):
        found = await _json(session, urljoin(url, "search"), {"k": PAGE, "offset": page * PAGE, "fields": []})
        words += (word.lower() for hit in found["hits"] for word in _WORD.findall(hit["title"]))
        paths += (hit["image_url"] for hit in found["hits"] if hit["image_url"])
        if len(found["hits"]) < PAGE:
            break
    wanted = paths[:: max(1, len(paths) // PICTURES)] if pictures else []
    return Deployment(
        release=release["release"],
        products=release["products"],
        recall=release["recall"],
        words=tuple(dict.fromkeys(words)),
        pictures=tuple([await _bytes(session, urljoin(url, path.lstrip("/"))) for path in wanted]),
    )


async def _json(session: aiohttp.ClientSession, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        async with session.request("POST" if body is not None else "GET", url, json=body) as response:
            found = await response.json()
            if response.status != 200:
                message = found.get("error", {}).get("message", "") if isinstance(found, dict) else ""
                raise NotAisle(f"{url} answered {response.status}: {message or 'nothing more'}")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise NotAisle(f"{url} cannot be asked: {error or type(error).__name__}") from error
    if not isinstance(found, dict) or not ("recall" in found or "hits" in found):
        raise NotAisle(f"{url} did not answer as Aisle does: is the address right?")
    return found


async def _bytes(session: aiohttp.ClientSession, url: str) -> bytes:
    try:
        async with session.get(url) as response:
            response.raise_for_status()
            return await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotAisle(f"{url} cannot be fetched: {error or type(error).__name__}") from error
