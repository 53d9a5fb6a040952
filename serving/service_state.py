"""What the routes work with, and the few steps they share."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from aisle.settings import Settings
from serving.canary import Canary
from serving.drain import Drain
from serving.errors import TIMEOUT_HEADER
from serving.gate import Gate
from serving.metrics import Metrics
from serving.query import Answer
from serving.remote_pictures import RemotePictures
from serving.response_schemas import ErrorResponse
from serving.searcher import Searcher
from serving.snapshot import Snapshot
from serving.tracing import Tracing
from serving.watcher import Watcher

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Of one worker, for as long as the application runs.

    Attributes:
        settings: Of this server.
        metrics: Of this worker.
        tracing: Of this worker.
        searcher: The queues.
        watcher: Holds the live release.
        canary: For the readiness probe.
        remote_pictures: Fetches pictures that a query names by their address.
        gate: Counts what callers ask for.
        drain: Whether the worker is about to end.
        descriptions: `describe_release` of the live snapshot; at most one.
    """

    settings: Settings
    metrics: Metrics
    tracing: Tracing
    searcher: Searcher
    watcher: Watcher
    canary: Canary
    remote_pictures: RemotePictures
    gate: Gate
    drain: Drain
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


def observe(request: Request, answer: Answer) -> None:
    """Count and trace the stages of an answer."""
    state = state_of(request)
    state.metrics.stages(answer.milliseconds)
    state.tracing.stages(request.scope["state"], answer.milliseconds, release=answer.release)


def json_response(content: bytes) -> Response:
    """A response of JSON written by `serving.answers`."""
    return Response(content, media_type="application/json")


def deadline_of(request: Request) -> float:
    """When the request's time is up (`time.monotonic`): by the settings, or sooner, when the client says so."""
    deadline: float = request.state.deadline
    return deadline


DEADLINE: dict[str, Any] = {
    "parameters": [
        {
            "name": TIMEOUT_HEADER,
            "in": "header",
            "required": False,
            "description": "Milliseconds that the request may take, when that is less than the service's own limit. "
            "What cannot be answered by then is not computed: the answer is 504.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 9_999_999_999},
        }
    ]
}
"""OpenAPI's view of the header, for routes that compute."""


def documented(model: type[BaseModel], *errors: int, guarded: bool = True) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's view of a route: its answer, and the errors it may give.

    Args:
        model: Of the answer.
        errors: Statuses.
        guarded: Whether keys and rates hold for it, where they are set.
    """
    statuses = sorted({*errors, *((401, 429) if guarded else ())})
    return {200: {"model": model}, **{status: {"model": ErrorResponse} for status in statuses}}


async def unless_gone(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome | None:
    """Do the work; None when the client goes away first: nobody waits for a search that a newer one replaced."""
    task = asyncio.current_task()
    gone = asyncio.ensure_future(_disconnected(request))
    working = True

    def stop(done: asyncio.Future[None]) -> None:
        if working and task is not None and not done.cancelled():
            task.cancel()

    gone.add_done_callback(stop)
    try:
        return await work
    except asyncio.CancelledError:
        if task is None or not gone.done() or gone.cancelled() or task.uncancel():
            raise  # the time is up, or the worker ends
        return None
    finally:
        working = False
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
