"""One run per workspace at a time."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from aisle.errors import IncompleteRun
from aisle.layout import Layout

NAME = ".reindex.lock"


@contextmanager
def workspace_lock(layout: Layout) -> Iterator[None]:
    """Hold the workspace. The kernel lets go of it when the process ends, however it ends.

    Raises:
        IncompleteRun: Another run holds it; the message says which.
    """
    layout.root.mkdir(parents=True, exist_ok=True)
    path = layout.root / NAME
    with path.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read().strip() or "another process"
            raise IncompleteRun(
                f"workspace {layout.root} is being reindexed by {holder}: wait for it, or end it and run again"
            ) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        stream.flush()
        yield
