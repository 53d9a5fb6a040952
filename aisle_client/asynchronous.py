"""The asynchronous client."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx

from aisle_client import calls
from aisle_client.calls import Call
from aisle_client.errors import AisleClientError, ConnectionFailed, error_of
from aisle_client.query import Query
from aisle_client.results import Answer, Hit, Product, Release, Suggestion

Result = TypeVar("Result")


class AsyncClient:
    """Asks one service. Use it in an `async with` block, or close it; tasks of one loop may share it."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 10.0,
        retries: int = 2,
        deadline: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: Of the service, such as `http://localhost:3000`.
            key: API key, where one is wanted.
            timeout: Seconds for one attempt.
            retries: How often a call is made again after 429 or 503, or when nobody answered. The service's
                Retry-After is waited for.
            deadline: Seconds that the service may take for one attempt, in whole milliseconds; told to it, so that it
                computes nothing that would come too late, and raises Unavailable. None for the service's own limit.
            transport: Another way to reach it, for tests.
        """
        headers = calls.headers(key=key, deadline=deadline)
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._retries = retries

    async def __aenter__(self) -> Self:
        """Enter."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def search(self, query: Query | str) -> Answer:
        """Search.

        Raises:
            AisleClientError: A kind of it, by what went wrong; so do all methods.
        """
        return await self._do(calls.search(query))

    async def search_batch(self, queries: Sequence[Query | str]) -> list[Answer | AisleClientError]:
        """Several searches at once (at most 64): one answer or one error each, in their order."""
        return await self._do(calls.batch(queries))

    async def pages(self, query: Query | str) -> AsyncIterator[Answer]:
        """Answers of `k` hits each until there are no more, or 10,000 hits were seen."""
        following: Query | None = calls.as_query(query)
        while following is not None:
            answer = await self.search(following)
            yield answer
            following = calls.next_page(following, answer)

    async def hits(self, query: Query | str) -> AsyncIterator[Hit]:
        """All hits, page by page as they are wanted."""
        async for answer in self.pages(query):
            for hit in answer.hits:
                yield hit

    async def similar(self, product_id: str, query: Query | None = None) -> Answer:
        """Products that resemble one; of `query` count what it says about hits (k, offset, balance, facets, fields)."""
        return await self._do(calls.similar(product_id, query or Query()))

    async def suggest(self, typed: str, *, k: int = 8) -> list[Suggestion]:
        """What a shopper may be typing."""
        return await self._do(calls.suggest(typed, k=k))

    async def product(self, product_id: str) -> Product:
        """One product."""
        return await self._do(calls.product(product_id))

    async def image(self, product_id: str) -> bytes:
        """The file of a product's thumbnail."""
        return await self._do(calls.image(product_id))

    async def release(self) -> Release:
        """The live release."""
        return await self._do(calls.release())

    async def embed(self, inputs: Sequence[str | bytes], *, model: str | None = None) -> list[tuple[float, ...]]:
        """Unit vectors of texts, and of picture files' bytes, in one space.

        Args:
            inputs: Up to 2,048.
            model: Its name or fingerprint, so that vectors of another model are refused; None takes the live one.
        """
        return await self._do(calls.embed(inputs, model=model))

    async def _do(self, call: Call[Result]) -> Result:
        for attempt in range(1, self._retries + 2):
            response = None
            try:
                response = await self._http.request(call.method, call.path, json=call.json, params=call.params)
            except httpx.TransportError as error:
                failure: AisleClientError = ConnectionFailed(f"{self._http.base_url} did not answer: {error!r}")
                failure.__cause__ = error
            else:
                if response.is_success:
                    return call.read(response)
                failure = error_of(response)
            seconds = calls.seconds_to_retry(response, attempt)
            if seconds is None or attempt > self._retries:
                break
            await asyncio.sleep(seconds)
        raise failure
