"""The synchronous client."""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx

from aisle_client import calls
from aisle_client.calls import Call
from aisle_client.errors import AisleClientError, ConnectionFailed, error_of
from aisle_client.query import Query
from aisle_client.results import Answer, Hit, Product, Release, Suggestion

Result = TypeVar("Result")


class Client:
    """Asks one service. Use it in a `with` block, or close it; threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 10.0,
        retries: int = 2,
        deadline: float | None = None,
        transport: httpx.BaseTransport | None = None,
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
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._retries = retries

    def __enter__(self) -> Self:
        """Enter."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def search(self, query: Query | str) -> Answer:
        """Search.

        Raises:
            AisleClientError: A kind of it, by what went wrong; so do all methods.
        """
        return self._do(calls.search(query))

    def search_batch(self, queries: Sequence[Query | str]) -> list[Answer | AisleClientError]:
        """Several searches at once (at most 64): one answer or one error each, in their order."""
        return self._do(calls.batch(queries))

    def pages(self, query: Query | str) -> Iterator[Answer]:
        """Answers of `k` hits each until there are no more, or 10,000 hits were seen."""
        following: Query | None = calls.as_query(query)
        while following is not None:
            answer = self.search(following)
            yield answer
            following = calls.next_page(following, answer)

    def hits(self, query: Query | str) -> Iterator[Hit]:
        """All hits, page by page as they are wanted."""
        for answer in self.pages(query):
            yield from answer.hits

    def similar(self, product_id: str, query: Query | None = None) -> Answer:
        """Products that resemble one; of `query` count what it says about hits (k, offset, balance, facets, fields)."""
        return self._do(calls.similar(product_id, query or Query()))

    def suggest(self, typed: str, *, k: int = 8) -> list[Suggestion]:
        """What a shopper may be typing."""
        return self._do(calls.suggest(typed, k=k))

    def product(self, product_id: str) -> Product:
        """One product."""
        return self._do(calls.product(product_id))

    def image(self, product_id: str) -> bytes:
        """The file of a product's thumbnail."""
        return self._do(calls.image(product_id))

    def release(self) -> Release:
        """The live release."""
        return self._do(calls.release())

    def embed(self, inputs: Sequence[str | bytes], *, model: str | None = None) -> list[tuple[float, ...]]:
        """Unit vectors of texts, and of picture files' bytes, in one space.

        Args:
            inputs: Up to 2,048.
            model: Its name or fingerprint, so that vectors of another model are refused; None takes the live one.
        """
        return self._do(calls.embed(inputs, model=model))

    def _do(self, call: Call[Result]) -> Result:
        for attempt in range(1, self._retries + 2):
            response = None
            try:
                response = self._http.request(call.method, call.path, json=call.json, params=call.params)
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
            time.sleep(seconds)
        raise failure
