"""Starting the server: this process becomes BentoML's."""

import errno
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from aisle.errors import SettingsError
from aisle.settings import Settings, to_environment, variable
from serving import tracing
from serving.keys import read_keys

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept. Load balancers keep theirs for 60 s, and must be the ones who close first: a
request that is being sent just then would be lost."""

_CHECKOUT = Path(__file__).resolve().parents[1]


def serve(settings: Settings) -> NoReturn:
    """Replace this process by the server, which ends with Ctrl-C or SIGTERM.

    Args:
        settings: How to serve.

    Raises:
        SettingsError: The port cannot be listened on, or the server would end at once with a traceback of BentoML's.
    """
    check_port(settings)
    read_keys(settings)
    tracing.wanted(os.environ)
    environment = os.environ | server_environment(settings)
    os.execve(sys.executable, server_command(), environment)  # noqa: S606 - a shell is what we avoid


def server_command() -> list[str]:
    """What is started; everything else is in `server_environment`."""
    return [
        *(sys.executable, "-m", "bentoml", "serve", "serving.service:Aisle"),
        *("--quiet", "--working-dir", str(_CHECKOUT)),
        *("--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)),
    ]


def server_environment(settings: Settings) -> dict[str, str]:
    """Variables the server runs with, beside those there are."""
    return to_environment(settings) | {
        "OMP_NUM_THREADS": "1",  # see serving/service.py
        "BENTOML_HOME": str(_private_folder(settings.listen_port)),
        "BENTOML_DO_NOT_TRACK": "True",
    }


def check_port(settings: Settings, *, patience_seconds: float = 2.0) -> None:
    """Find out now, in one line, what BentoML would tell in a traceback.

    Args:
        settings: Name the address.
        patience_seconds: How long to wait for it: the workers of a server that was killed need a moment to notice.

    Raises:
        SettingsError: Something else listens there, or it is not ours to listen on.
    """
    deadline = time.monotonic() + patience_seconds
    while (error := _listening_fault(settings)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
            raise SettingsError(
                f"cannot listen on {settings.listen_host} port {settings.listen_port} ({error.strerror}): stop what "
                f"runs there, or choose another with --port or {variable('listen_port')}"
            ) from error
        time.sleep(0.1)


def _listening_fault(settings: Settings) -> OSError | None:
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections are no obstacle
        try:
            probe.bind((settings.listen_host, settings.listen_port))
        except OSError as error:
            return error
    return None


def _private_folder(port: int) -> Path:
    """A home for BentoML of this server alone: servers that share one delete each other's metrics.

    Named by the port, so that the next server on it finds and reuses it, whatever became of the last.
    """
    folder = Path(tempfile.gettempdir()) / f"aisle-{os.getuid()}-{port}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise SettingsError(f"{folder} belongs to somebody else: remove it, or set TMPDIR to a folder of your own")
    return folder
