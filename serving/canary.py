"""Whether searches are answered, found out by searching; rarely enough that probes are no load."""

import asyncio
import time

from aisle.images import ImageLimits
from serving import engine
from serving.query import Query
from serving.snapshot import Snapshot
from serving.watcher import NoRelease

FRESH_SECONDS = 3.0
"""How long a canary's fate is believed."""


class Canary:
    """Encodes a text and searches for it, beside the queues and caches: being busy is not being broken."""

    def __init__(self, *, limits: ImageLimits) -> None:
        """Nothing was tried yet.

        Args:
            limits: Caps on pictures, of which it has none; the engine wants them.
        """
        self._limits = limits
        self._snapshot: Snapshot | None = None
        self._trial: asyncio.Task[None] | None = None
        self._started = 0.0

    async def check(self, snapshot: Snapshot) -> None:
        """Return when searches are answered. Probes that come together, or soon after, share one trial.

        Raises:
            NoRelease: The release finds nothing.
            Exception: Whatever a search raises.
        """
        fresh = time.monotonic() < self._started + FRESH_SECONDS
        if self._trial is None or self._snapshot is not snapshot or (self._trial.done() and not fresh):
            self._snapshot, self._started = snapshot, time.monotonic()
            self._trial = asyncio.ensure_future(asyncio.to_thread(self._try, snapshot))
        await asyncio.shield(self._trial)

    def _try(self, snapshot: Snapshot) -> None:
        answer = engine.search(snapshot, Query(text="canary", k=1), limits=self._limits)
        if len(answer.hits) != min(1, answer.matches):
            raise NoRelease(f"release {snapshot.id} finds nothing: run `aisle reindex`")
