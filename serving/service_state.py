"""What the routes work with, and the few steps they share."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from aisle.settings import Settings
from serving.canary import Canary
from serving.metrics import Metrics
from serving.response_schemas import ErrorResponse
from serving.searcher import Searcher
from serving.snapshot import Snapshot
from serving.watcher import Watcher


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Of one worker, for as long as the application runs.

    Attributes:
        settings: Of this server.
        metrics: Of this worker.
        searcher: The queues.
        watcher: Holds the live release.
        canary: For the readiness probe.
        descriptions: `describe_release` of the live snapshot; at most one.
    """

    settings: Settings
    metrics: Metrics
    searcher: Searcher
    watcher: Watcher
    canary: Canary
    descriptions: dict[Snapshot, dict[str, Any]]


def state_of(request: Request) -> ServiceState:
    """What this request works with."""
    state: ServiceState = request.app.state.service
    return state


def live(request: Request) -> Snapshot:
    """The live release, to be kept for the whole request.

    Raises:
        NoRelease: There is none.
    """
    return state_of(request).watcher.live()


def json_response(content: bytes) -> Response:
    """A response of JSON written by `serving.answers`."""
    return Response(content, media_type="application/json")


def documented(model: type[BaseModel], *errors: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's view of a route: its answer, and the errors it may give."""
    return {200: {"model": model}, **{status: {"model": ErrorResponse} for status in errors}}
