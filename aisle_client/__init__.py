"""A client of an Aisle service, synchronous and asynchronous. It imports nothing of the service."""

from aisle_client.asynchronous import AsyncClient
from aisle_client.errors import (
    AisleClientError,
    ConnectionFailed,
    InvalidRequest,
    NotFound,
    Overloaded,
    ServerError,
    Unauthorized,
    Unavailable,
)
from aisle_client.query import Part, Query, Weights
from aisle_client.results import Answer, Contribution, Facet, Hit, Milliseconds, Product, Release, Suggestion
from aisle_client.synchronous import Client

__all__ = [
    "AisleClientError",
    "Answer",
    "AsyncClient",
    "Client",
    "ConnectionFailed",
    "Contribution",
    "Facet",
    "Hit",
    "InvalidRequest",
    "Milliseconds",
    "NotFound",
    "Overloaded",
    "Part",
    "Product",
    "Query",
    "Release",
    "ServerError",
    "Suggestion",
    "Unauthorized",
    "Unavailable",
    "Weights",
]
