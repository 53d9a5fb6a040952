"""Every endpoint as plain data: what to send, and how to read what comes. Both clients do the same calls."""

import array
import base64
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from aisle_client.errors import AisleClientError, error_of_query
from aisle_client.query import Query, body_of, result_parameters
from aisle_client.results import (
    Answer,
    Product,
    Release,
    Suggestion,
    answer_of,
    product_of,
    release_of,
    suggestion_of,
)

Result = TypeVar("Result")

RETRIED = frozenset({429, 503})
"""Statuses after which the same request may well succeed: nothing was computed."""

LONGEST_WAIT = 30.0
"""Seconds; a longer Retry-After is not waited for."""

DEEPEST = 10_000
"""The service pages no further."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One request, and how to read its answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], Result]
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None


def headers(*, key: str | None, deadline: float | None) -> dict[str, str]:
    """Of every request.

    Raises:
        ValueError: The deadline is shorter than a millisecond.
    """
    told = {"X-API-Key": key} if key else {}
    if deadline is not None:
        if deadline < 0.001:
            raise ValueError(f"deadline is {deadline} s; at least a millisecond is wanted")
        told["X-Envoy-Expected-Rq-Timeout-Ms"] = str(int(1000 * deadline))
    return told


def search(query: Query | str) -> Call[Answer]:
    """Search."""
    return Call("POST", "/search", _answer, json=body_of(as_query(query)))


def batch(queries: Sequence[Query | str]) -> Call[list[Answer | AisleClientError]]:
    """Several searches, each with its answer or its error."""
    body = {"queries": [body_of(as_query(query)) for query in queries]}
    return Call("POST", "/search/batch", _answers, json=body)


def similar(product_id: str, query: Query) -> Call[Answer]:
    """Products that resemble one."""
    parameters = result_parameters(query)
    if parameters.get("fields") == []:
        parameters["fields"] = [""]  # an address says "none of them" so
    return Call("GET", f"/products/{quote(product_id, safe='')}/similar", _answer, params=parameters)


def suggest(typed: str, *, k: int) -> Call[list[Suggestion]]:
    """What is being typed."""
    return Call("GET", "/suggest", _suggestions, params={"q": typed, "k": k})


def product(product_id: str) -> Call[Product]:
    """One product."""
    return Call("GET", f"/products/{quote(product_id, safe='')}", lambda response: product_of(response.json()))


def image(product_id: str) -> Call[bytes]:
    """A thumbnail's file."""
    return Call("GET", f"/images/{quote(product_id, safe='')}", lambda response: response.content)


def release() -> Call[Release]:
    """The live release."""
    return Call("GET", "/release", lambda response: release_of(response.json()))


def embed(inputs: Sequence[str | bytes], *, model: str | None) -> Call[list[tuple[float, ...]]]:
    """Unit vectors of texts and of picture files."""
    items = [
        {"text": given} if isinstance(given, str) else {"image": base64.b64encode(given).decode("ascii")}
        for given in inputs
    ]
    body = {"input": items, "model": model, "encoding_format": "base64"}
    return Call("POST", "/v1/embeddings", _vectors, json=body)


def as_query(query: Query | str) -> Query:
    """A text is a query of nothing else."""
    return Query(text=query) if isinstance(query, str) else query


def next_page(query: Query, answer: Answer) -> Query | None:
    """The query for what follows an answer; None at the end, or where the service pages no further."""
    offset = query.offset + len(answer.hits)
    if not answer.hits or offset >= min(answer.matches, DEEPEST):
        return None
    return replace(query, offset=offset, k=min(query.k, DEEPEST - offset))


def seconds_to_retry(response: httpx.Response | None, attempt: int) -> float | None:
    """How long to wait before the same call is made again; None when that makes no sense.

    Args:
        response: What came; None when nobody answered.
        attempt: How many were made, from 1.
    """
    if response is not None and response.status_code not in RETRIED:
        return None
    backoff = 0.2 * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads clients, guards nothing
    given = "" if response is None else response.headers.get("retry-after", "")
    asked = float(given) if given.isdecimal() else 0.0
    return None if asked > LONGEST_WAIT else max(asked, backoff)


def _answer(response: httpx.Response) -> Answer:
    return answer_of(response.json())


def _answers(response: httpx.Response) -> list[Answer | AisleClientError]:
    return [
        error_of_query(result["error"]["code"], result["error"]["message"], request_id=result["error"]["request_id"])
        if "error" in result
        else answer_of(result)
        for result in response.json()["results"]
    ]


def _suggestions(response: httpx.Response) -> list[Suggestion]:
    return list(map(suggestion_of, response.json()["suggestions"]))


def _vectors(response: httpx.Response) -> list[tuple[float, ...]]:
    vectors = []
    for item in response.json()["data"]:
        numbers = array.array("f", base64.b64decode(item["embedding"]))
        if sys.byteorder == "big":
            numbers.byteswap()
        vectors.append(tuple(numbers))
    return vectors
