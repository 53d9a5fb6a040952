"""The application: routes, errors, page, and what runs behind them from start to end."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from aisle import __version__
from aisle.current import read_current
from aisle.errors import ReleaseCorrupt, StoreUnreachable
from aisle.hidden import read_hidden
from aisle.layout import Layout
from aisle.mirror import drop_altered, open_layout, sweep_releases
from aisle.settings import Settings
from serving import errors, tracing
from serving.canary import Canary
from serving.drain import Drain
from serving.edge import Edge
from serving.gate import Gate
from serving.keys import read_keys
from serving.metrics import Metrics
from serving.observation import Observation
from serving.public_messages import without_paths
from serving.remote_pictures import RemotePictures
from serving.routes import ROUTERS, unmatched
from serving.searcher import Searcher
from serving.service_state import ServiceState
from serving.snapshot import Snapshot, load_snapshot
from serving.turnstile import turn_away
from serving.watcher import Watcher
from web import STATIC

FIRST_LOAD_SECONDS = 20.0
"""How long a worker that starts waits for its release before it takes requests. One that takes the place of a killed
worker would refuse meanwhile what the others can answer. Not for ever: the platform wants to know that it lives."""

_ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def create_app(settings: Settings, *, metrics_folder: Path | None = None) -> FastAPI:
    """Make the ASGI application. It opens the release when it starts, not here.

    Args:
        settings: How to serve.
        metrics_folder: Where several workers of one server share their counts; None for a single process.

    Raises:
        SettingsError: The API keys cannot be used.
    """
    metrics = Metrics(metrics_folder)
    gate = Gate(settings, keys=read_keys(settings))
    drain = Drain()
    traces = tracing.Tracing()
    traced = tracing.wanted(os.environ)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        metrics.forget_dead_workers()
        if traced:
            traces.start(tracing.otlp_processor())
        layout = open_layout(settings.workspace, cache=settings.cache if settings.cache != Path() else None)
        searcher = Searcher(settings, observer=metrics)
        remote_pictures = RemotePictures(settings)
        watcher = Watcher(
            read=partial(read_current, layout),
            load=partial(_load, layout, settings),
            read_hidden=partial(read_hidden, layout),
            poll_seconds=settings.poll_seconds,
            swapped=metrics.release,
            refused=metrics.refused_release,
            public=partial(without_paths, root=layout.root),
        )
        app.state.service = ServiceState(
            settings=settings,
            metrics=metrics,
            tracing=traces,
            searcher=searcher,
            watcher=watcher,
            canary=Canary(limits=settings.image_limits),
            remote_pictures=remote_pictures,
            gate=gate,
            drain=drain,
            descriptions={},
        )
        watching = asyncio.create_task(watcher.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOAD_SECONDS):
                await watcher.looked.wait()
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            searcher.close()
            await remote_pictures.close()
            await asyncio.to_thread(traces.stop)

    app = FastAPI(
        title="Aisle",
        description="Product search by text, by picture, and by both.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # their scripts come from a CDN
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.drain = drain
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_route("/{path:path}", unmatched, methods=_ANY_METHOD, include_in_schema=False)
    app.add_middleware(Edge, settings=settings, gate=gate, turn_away=turn_away)
    if (
        settings.cors_origins
    ):  # outside the edge: browsers ask for leave without a key, and its errors are for pages too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", errors.TIMEOUT_HEADER],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Observation, metrics=metrics, tracing=traces, logged=settings.log_requests)
    errors.install(app)
    return app


def _load(layout: Layout, settings: Settings, release_id: str, predecessor: Snapshot | None) -> Snapshot:
    try:
        snapshot = load_snapshot(
            layout,
            release_id,
            provider=settings.provider,
            threads=settings.encoder_threads,
            predecessor=predecessor,
        )
    except ReleaseCorrupt:
        drop_altered(layout, release_id)  # where the disk did it the next try finds it whole
        raise
    with suppress(StoreUnreachable):  # the next release sweeps as well
        sweep_releases(layout, using={release_id, predecessor.id} if predecessor else {release_id})
    return snapshot


class _Static(StaticFiles):
    """The page's files: browsers ask each time whether theirs is still right, and get 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
