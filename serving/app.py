"""The application: routes, errors, page, and what runs behind them from start to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from aisle import __version__
from aisle.current import read_current
from aisle.hidden import read_hidden
from aisle.layout import Layout
from aisle.settings import Settings
from serving import errors
from serving.canary import Canary
from serving.edge import Edge
from serving.metrics import Metrics
from serving.routes import ROUTERS, unmatched
from serving.searcher import Searcher
from serving.service_state import ServiceState
from serving.snapshot import Snapshot, load_snapshot
from serving.turnstile import turn_away
from serving.watcher import Watcher
from web import STATIC

_ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def create_app(settings: Settings, *, metrics_folder: Path | None = None) -> FastAPI:
    """Make the ASGI application. It opens the release when it starts, not here.

    Args:
        settings: How to serve.
        metrics_folder: Where several workers of one server share their counts; None for a single process.
    """
    metrics = Metrics(metrics_folder)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        metrics.forget_dead_workers()
        layout = Layout(settings.workspace)
        searcher = Searcher(settings, observer=metrics)
        watcher = Watcher(
            read=partial(read_current, layout),
            load=partial(_load, layout, settings),
            read_hidden=partial(read_hidden, layout),
            poll_seconds=settings.poll_seconds,
            swapped=metrics.release,
        )
        app.state.service = ServiceState(
            settings=settings,
            metrics=metrics,
            searcher=searcher,
            watcher=watcher,
            canary=Canary(limits=settings.image_limits),
            descriptions={},
        )
        watching = asyncio.create_task(watcher.run())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            searcher.close()

    app = FastAPI(
        title="Aisle",
        description="Product search by text, by picture, and by both.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # their scripts come from a CDN
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_route("/{path:path}", unmatched, methods=_ANY_METHOD, include_in_schema=False)
    app.add_middleware(
        Edge,
        metrics=metrics,
        max_body_bytes=settings.max_body_bytes,
        timeout_seconds=settings.timeout_seconds,
        turn_away=turn_away,
    )
    errors.install(app)
    return app


def _load(layout: Layout, settings: Settings, release_id: str, predecessor: Snapshot | None) -> Snapshot:
    return load_snapshot(
        layout,
        release_id,
        provider=settings.provider,
        threads=settings.encoder_threads,
        predecessor=predecessor,
    )


class _Static(StaticFiles):
    """The page's files: browsers ask each time whether theirs is still right, and get 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
