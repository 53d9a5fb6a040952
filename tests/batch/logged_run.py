"""A run that tells what it does, line by line, to a file: the tests kill it at a line of their choice.

A script and not a `-c` text, so that the worker processes it spawns import it too, and log as well.
"""

import os
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from aisle.encoder import OnnxEncoder
from aisle.mirror import open_layout
from aisle.objects import ObjectStore
from aisle.types import PixelBatch, UnitVectors
from batch import embed
from batch.executor import ExecutorKind, WorkerLayout, open_executor
from batch.options import ReindexOptions
from batch.progress import Stage
from batch.reindex import reindex
from tests.batch.catalogs import ROLES

_MOMENTS: list[str] = []
"""Lines of this process that are like the one it is to stop at."""


def log(line: str) -> None:
    """Append a line; several processes do, so each is one write."""
    descriptor = os.open(os.environ["RUN_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line} {os.getpid()}\n".encode())
    os.close(descriptor)
    if os.environ.get("RUN_STOPS_AT", "\0") in line:
        _MOMENTS.append(line)
        if len(_MOMENTS) == int(os.environ.get("RUN_STOPS_AFTER", "1")):
            time.sleep(600.0)  # to be killed here and nowhere else


class LoggedEncoder(OnnxEncoder):
    """Slow enough to be killed at a chosen picture."""

    def encode_images(self, pixels: PixelBatch, /) -> UnitVectors:
        for picture in pixels:
            log(f"picture {sha256(picture.tobytes()).hexdigest()}")
        time.sleep(0.01)
        return super().encode_images(pixels)


class LoggedProgress:
    """Stages as lines."""

    def started(self, stage: Stage, *, total: int | None) -> None:
        log(f"stage {stage}")

    def advanced(self, rows: int) -> None: ...

    def finished(self) -> None: ...


def _told(verb: str, function: Any, *, place: int) -> Any:
    """A method of stores that says what it is about to write."""

    def told(self: ObjectStore, *given: Any, **options: Any) -> Any:
        log(f"{verb} {given[place]}")
        return function(self, *given, **options)

    return told


embed.OnnxEncoder = LoggedEncoder  # type: ignore[misc]
ObjectStore.upload = _told("upload", ObjectStore.upload, place=1)  # type: ignore[method-assign]
ObjectStore.put = _told("put", ObjectStore.put, place=0)  # type: ignore[method-assign]

if __name__ == "__main__":
    catalog, workspace, model, workers = sys.argv[1:]
    with open_executor(ExecutorKind.LOCAL, WorkerLayout(workers=int(workers))) as executor:
        reindex(
            catalog=catalog,
            layout=open_layout(workspace, cache=Path(os.environ["RUN_LOG"]).with_name("killed")),
            model=Path(model),
            roles=ROLES,
            executor=executor,
            options=ReindexOptions(shard_rows=int(os.environ.get("SHARD_ROWS", "16"))),
            progress=LoggedProgress(),
        )
