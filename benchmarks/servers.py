"""The servers that the benchmarks compare, each in a process of its own on a port that was free."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from aisle.layout import Layout
from aisle.settings import Settings
from serving.run import server_command, server_environment

_HERE = Path(__file__).parent
_START_SECONDS = 180
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Server:
    """How one is started.

    Attributes:
        name: In tables.
        port: Where it listens.
        command: What is run.
        environment: Beside what there is.
    """

    name: str
    port: int
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}/"


@dataclass(frozen=True, slots=True)
class Running:
    """One that was started.

    Attributes:
        process: The parent of its workers, or the worker.
    """

    process: subprocess.Popen[bytes]

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        parent = psutil.Process(self.process.pid)
        return parent.children(recursive=True) or [parent]

    def memory_mib(self) -> float:
        """Resident memory of the workers; pages they share are counted in each."""
        return sum(worker.memory_info().rss for worker in self.workers()) / _MIB

    def cpu_seconds(self) -> float:
        """What the workers spent so far."""
        return sum(sum(worker.cpu_times()[:2]) for worker in self.workers())


def aisle(layout: Layout, *, name: str = "aisle", settings: Settings | None = None) -> Server:
    """The whole service, as `aisle serve` starts it."""
    settings = replace(settings or Settings(), workspace=layout.root, listen_port=_free_port())
    return Server(name, settings.listen_port, server_command(), server_environment(settings))


def bare(layout: Layout) -> Server:
    """See bare_service.py."""
    port = _free_port()
    return Server("bare", port, [sys.executable, str(_HERE / "bare_service.py"), str(layout.root), str(port)])


def usual(checkpoint: Path, release: Path) -> Server:
    """See usual_service.py."""
    port = _free_port()
    script = str(_HERE / "usual_service.py")
    return Server("usual", port, [sys.executable, script, str(checkpoint), str(release), str(port)])


@contextlib.contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server, wait until it is ready, and end it."""
    # A session of its own, as BentoML gives its workers: Linux divides a machine among sessions first, and one that a
    # server shares with the client has another share of it than one of its own.
    process = subprocess.Popen(server.command, env=os.environ | server.environment, start_new_session=True)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _is_ready(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server {server.name} did not start")
            time.sleep(0.2)
        yield Running(process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
        if home := server.environment.get("BENTOML_HOME"):  # named by a port that nobody will ask for again
            shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _is_ready(server: Server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
