"""A run that tells what it does, line by line, to a file: the tests kill it at a line of their choice.

A script and not a `-c` text, so that the worker processes it spawns import it too, and log as well.
"""

import os
import sys
import time
from hashlib import sha256
from pathlib import Path

from aisle.encoder import OnnxEncoder
from aisle.layout import Layout
from aisle.types import PixelBatch, UnitVectors
from batch import embed
from batch.executor import ExecutorKind, WorkerLayout, open_executor
from batch.options import ReindexOptions
from batch.progress import Stage
from batch.reindex import reindex
from tests.batch.catalogs import ROLES


def log(line: str) -> None:
    """Append a line; several processes do, so each is one write."""
    descriptor = os.open(os.environ["RUN_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line} {os.getpid()}\n".encode())
    os.close(descriptor)


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


embed.OnnxEncoder = LoggedEncoder  # type: ignore[misc]

if __name__ == "__main__":
    catalog, workspace, model, workers = sys.argv[1:]
    with open_executor(ExecutorKind.LOCAL, WorkerLayout(workers=int(workers))) as executor:
        reindex(
            catalog=catalog,
            layout=Layout(root=Path(workspace)),
            model=Path(model),
            roles=ROLES,
            executor=executor,
            options=ReindexOptions(shard_rows=16),
            progress=LoggedProgress(),
        )
