"""Tasks that write down when they decode and when they encode, and on which GPU. Imported by the workers."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aisle.encoder import OnnxEncoder
from aisle.types import PixelBatch, UnitVectors
from batch import encode

_LOG: list[Path] = []
_prepare, _encode_images = encode._prepare, OnnxEncoder.encode_images


def watched(function: Callable[[Any], Any], log: Path, task: Any) -> Any:
    """Run a task with an encoder that takes its time, as one does whose GPU is the bottleneck."""
    if not _LOG:
        _LOG.append(log)
        encode._prepare = _prepare_told
        OnnxEncoder.encode_images = _encode_told  # type: ignore[method-assign]
    return function(task)


def _tell(event: str) -> None:
    descriptor = os.open(_LOG[0], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{time.monotonic_ns()} {event} {os.environ['CUDA_VISIBLE_DEVICES']} {os.getpid()}\n".encode())
    os.close(descriptor)


def _prepare_told(*given: Any, **options: Any) -> Any:
    _tell("decodes")
    return _prepare(*given, **options)


def _encode_told(self: OnnxEncoder, pixels: PixelBatch, /) -> UnitVectors:
    _tell("encodes")
    time.sleep(0.05)
    vectors = _encode_images(self, pixels)
    _tell("encoded")
    return vectors
