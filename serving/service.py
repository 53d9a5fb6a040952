"""The BentoML service, and the entry point that reads the environment.

`bentoml serve` finds it through bentofile.yaml; `aisle serve` starts the same (see serving/run.py).
"""

import os

# OpenMP reads this when FAISS is loaded, and its setting for a thread does not reach the threads of a pool. One search
# runs on one core; several searches run at once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# uvicorn would believe X-Forwarded-For of whoever asks from this machine; whom to believe is AISLE_TRUSTED_PROXIES.
os.environ["FORWARDED_ALLOW_IPS"] = ""

import resource
import signal
import threading
from pathlib import Path
from typing import Any

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from aisle.settings import Settings, from_environment
from serving import connections, logs
from serving.app import create_app
from serving.drain import end_late
from serving.turnstile import turnstile_of

_PARENT_SECONDS = 0.5
"""How often a worker looks after its parent process."""

_GRACE_SECONDS = 2.0
"""BentoML's own time-out comes after ours, so that ours, with its envelope, is what a client sees."""


class FrontDoor:
    """Hands every request to our application, before BentoML's routes.

    BentoML answers `/livez`, `/readyz`, `/healthz` and `/schema.json` itself, ahead of what is mounted, and does so
    without knowing whether a search would work; its 404 is plain text.
    """

    def __init__(self, app: ASGIApp, *, application: ASGIApp) -> None:
        self._app = app
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        await (self._application if scope["type"] == "http" else self._app)(scope, receive, send)


def build_service(settings: Settings, *, metrics_folder: Path | None = None) -> Any:
    """Make the BentoML service.

    Args:
        settings: How to serve.
        metrics_folder: Where the workers of one server share their counts; None for a single process.

    Returns:
        A `bentoml.Service`.

    Raises:
        SettingsError: The API keys cannot be used.
    """
    application = create_app(settings, metrics_folder=metrics_folder)
    # Past BentoML's own time-out, spans and errors, which ours make idle: a task and a timer for each request.
    connections.install(
        most=settings.max_connections, turnstile=turnstile_of(application, settings), application=application
    )

    class Aisle:
        """Product search by text, by picture, and by both."""

        def __init__(self) -> None:
            self._stopped = threading.Event()

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        def watch_parent(self) -> None:
            """Begin to end with the parent process."""
            threading.Thread(target=_end_with_parent, args=(os.getppid(), self._stopped), daemon=True).start()

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        def receive_many(self) -> None:
            """A connection is a file; the usual limit of 1,024 is for programs that use `select`."""
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        def end_late(self) -> None:
            """The server has its handlers by now, in the main thread; a test has none."""
            if settings.drain_seconds and threading.current_thread() is threading.main_thread():
                end_late(application.state.drain, seconds=settings.drain_seconds)

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        def write_logs(self) -> None:
            """BentoML has set up its own by now. A test, whose thread is another, keeps what it has."""
            if threading.current_thread() is threading.main_thread():
                logs.install(settings.log_format)

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def stop_watching(self) -> None:
            """The worker ends by itself."""
            self._stopped.set()

    # Mounted for its lifespan, which BentoML then runs with the worker's; requests come through the front door.
    bentoml.asgi_app(application, path="/")(Aisle)
    service = bentoml.service(
        name="aisle",
        workers=settings.workers,
        traffic={"timeout": settings.timeout_seconds + _GRACE_SECONDS},
        http={"host": settings.listen_host, "port": settings.listen_port},
        # Ours count by route template; BentoML's count by raw path, and grow with whatever paths clients make up.
        metrics={"enabled": False},
        logging={"access": {"enabled": False}},
        tracing={"excluded_urls": [".*"]},
    )(Aisle)
    service.add_asgi_middleware(FrontDoor, application=application)
    return service


def _end_with_parent(parent: int, stopped: threading.Event) -> None:
    """A worker whose server was killed would go on, hold the port, and answer beside the next server's workers."""
    while not stopped.wait(_PARENT_SECONDS):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _metrics_folder() -> Path | None:
    """BentoML gives its workers a folder to share their counts in, and empties it when the server starts."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


Aisle = build_service(from_environment(os.environ), metrics_folder=_metrics_folder())
