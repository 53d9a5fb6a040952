"""What is known of every request when it is over: a count, a span, and a line in the log."""

import logging
import time

from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.settings import LoggedRequests
from serving import logs
from serving.errors import GONE
from serving.metrics import Metrics
from serving.tracing import Tracing

_LOG = logging.getLogger("aisle.access")

UNMATCHED = "unmatched"
"""Route label of everything that is no route of ours."""


class Observation:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, tracing: Tracing, logged: LoggedRequests) -> None:
        """Wrap an application.

        Args:
            app: The application.
            metrics: Counts every request.
            tracing: Makes a span of every request, when it was started.
            logged: Which requests have a line in the log.
        """
        self._app = app
        self._metrics = metrics
        self._tracing = tracing
        self._logged = logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = GONE

        async def send_out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # A server's lifespan state is shared by its requests; this one's is its own.
        state = scope["state"] = dict(scope.get("state") or {})
        self._tracing.begin(scope)
        with logs.of_request(state), self._metrics.in_progress():
            try:
                await self._app(scope, receive, send_out)
            finally:
                seconds = time.perf_counter() - started
                route, code = route_template(scope), state.get("error_code")
                self._metrics.request(route=route, method=scope["method"], status=status, seconds=seconds)
                if code is not None:
                    self._metrics.reject(code)
                self._tracing.end(scope, route=route, status=status)
                if self._logged is LoggedRequests.ALL or (self._logged is LoggedRequests.FAILED and status >= 500):
                    _log(scope, route=route, status=status, seconds=seconds, code=code)


def route_template(scope: Scope) -> str:
    """The route's template, never the path: what a client makes up must not become a label."""
    if isinstance(scope.get("endpoint"), StaticFiles):
        return "/static/{path}"
    route = scope.get("route")
    return str(route.path) if route is not None else UNMATCHED


def _log(scope: Scope, *, route: str, status: int, seconds: float, code: str | None) -> None:
    spent = round(1000 * seconds, 1)
    fields = {"method": scope["method"], "path": scope["path"], "route": route, "status": status, "milliseconds": spent}
    client, key = scope.get("client"), scope["state"].get("key")
    if client:
        fields["client"] = client[0]
    if key:
        fields["key"] = key
    if code:
        fields["code"] = code
    _LOG.log(
        logging.ERROR if status >= 500 else logging.INFO,
        *("%s %s %d %.1f ms", scope["method"], scope["path"], status, spent),
        extra=fields,
    )
