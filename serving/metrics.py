"""Prometheus metrics. Labels are route templates and fixed names, never what a client sent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from serving.query import Milliseconds
from serving.snapshot import Snapshot
from serving.watcher import Refused

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGES = ("decode", "encode", "search", "fetch")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Metrics:
    """What one worker counts; `expose` adds up the workers of one server."""

    def __init__(self, folder: Path | None = None) -> None:
        """Start at zero.

        Args:
            folder: Where the workers of this server keep their counts (`PROMETHEUS_MULTIPROC_DIR`); None when this
                is the only process.
        """
        self._folder = folder
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "aisle_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "aisle_request_seconds", "Time to answer a request.", ["route"], buckets=_SECONDS, registry=registry
        )
        self._in_progress = Gauge(
            "aisle_requests_in_progress",
            "Requests that came and are not answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._rejects = Counter(
            "aisle_rejects", "Requests answered with an error, by its code.", ["code"], registry=registry
        )
        self._stages = Histogram(
            "aisle_stage_seconds",
            "Time of each stage of a search, waiting included.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "aisle_batch_size", "Items per batch.", ["queue"], buckets=(1, 2, 4, 8, 16, 32, 64), registry=registry
        )
        self._depth = Gauge(
            "aisle_queue_depth", "Items that wait.", ["queue"], multiprocess_mode="livesum", registry=registry
        )
        cached_texts = Counter(
            "aisle_text_cache", "Texts whose vector was remembered or not.", ["outcome"], registry=registry
        )
        self._text_hits, self._text_misses = (cached_texts.labels(outcome) for outcome in ("hit", "miss"))
        self._joined_searches = Counter(
            "aisle_joined_searches", "Searches that shared the answer of an equal one.", registry=registry
        )
        self._release = Gauge(
            "aisle_release_info",
            "Workers that answer from this release.",
            ["release", "model"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._refused_releases = Counter(
            "aisle_refused_releases", "Releases that were published and could not be used.", registry=registry
        )
        self._created = Gauge(
            "aisle_release_created_timestamp_seconds",
            "When the release that answers was built, in seconds since 1970; of several the oldest.",
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._products = Gauge(
            "aisle_release_products",
            "Products of the release that answers, hidden ones included.",
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._swaps = Counter("aisle_release_swaps", "Releases that went live in a worker.", registry=registry)
        self._refused = Gauge(
            "aisle_release_refused",
            "1 while the release that should be live is refused.",
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._live: tuple[str, str] | None = None
        self._children: dict[tuple[object, ...], Any] = {}

    def request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the template."""
        self._child(self._requests, route, method if method in _METHODS else "other", str(status)).inc()
        self._child(self._seconds, route).observe(seconds)

    @contextmanager
    def in_progress(self) -> Iterator[None]:
        """A request is being worked on."""
        self._in_progress.inc()
        try:
            yield
        finally:
            self._in_progress.dec()

    def reject(self, code: str) -> None:
        """A request, or a query of a batch, was answered with this error code."""
        self._child(self._rejects, code).inc()

    def stages(self, milliseconds: Milliseconds) -> None:
        """A search was answered; stages it had no need of are not counted."""
        for stage in _STAGES:
            if spent := getattr(milliseconds, stage):
                self._child(self._stages, stage).observe(spent / 1000)

    def batch(self, queue: str, size: int, /) -> None:
        """A batch of `size` items was handed to a thread."""
        self._child(self._batches, queue).observe(size)

    def depth(self, queue: str, waiting: int, /) -> None:
        """So many items wait now."""
        self._child(self._depth, queue).set(waiting)

    def cached_text(self, hit: bool, /) -> None:
        """A text's vector was looked for among those remembered."""
        (self._text_hits if hit else self._text_misses).inc()

    def joined_search(self) -> None:
        """A search shared the answer of an equal one."""
        self._joined_searches.inc()

    def release(self, snapshot: Snapshot) -> None:
        """Another release is live in this worker."""
        if self._live is not None:
            self._release.labels(*self._live).set(0)
        self._live = (snapshot.id, snapshot.manifest.model_fingerprint)
        self._release.labels(*self._live).set(1)
        self._created.set(datetime.fromisoformat(snapshot.manifest.created).timestamp())
        self._products.set(snapshot.manifest.products)
        self._swaps.inc()

    def refused_release(self, refused: Refused | None) -> None:
        """A release, or what names it, cannot be used; None: all is well again."""
        if refused is not None:
            self._refused_releases.inc()
        self._refused.set(refused is not None)

    def forget_dead_workers(self) -> None:
        """Drop the live counts of workers that were killed; a worker calls it when it starts."""
        if self._folder is None:
            return
        for path in self._folder.glob("gauge_live*_*.db"):
            worker = int(path.stem.rpartition("_")[2])
            if not _is_alive(worker):
                mark_process_dead(worker, str(self._folder))  # type: ignore[no-untyped-call]

    def expose(self) -> bytes:
        """All metrics in Prometheus' text format."""
        if self._folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _child(self, metric: Counter | Gauge | Histogram, *labels: str) -> Any:
        """The metric with these labels, which its own `labels` looks up twenty times slower."""
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
