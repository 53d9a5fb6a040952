"""Follows `CURRENT` and `hidden.json`: what is new is made ready beside the old, and takes its place as one reference.

Each is followed by a loop of its own: a product that must go is not kept waiting by a release that loads.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aisle.errors import AisleError, ReleaseError
from serving.snapshot import Snapshot

_LOG = logging.getLogger("aisle.serving")

RETRY_SECONDS = 60.0
"""When a refused release is tried again: its model may have been copied meanwhile."""


class NoRelease(ReleaseError):
    """There is no release to answer from."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A release that was named by `CURRENT` and cannot be used.

    Attributes:
        release: Its id; None when `CURRENT` itself cannot be read.
        reason: Why, fit for everybody's eyes.
    """

    release: str | None
    reason: str


class Watcher:
    """Holds the live snapshot. Whoever answers a request reads `snapshot` once and keeps what it got.

    Attributes:
        snapshot: The live release; None until the first one is loaded.
        refused: The release that should be live but cannot be used; None when all is well.
        looked: Set once `CURRENT` was followed for the first time, successfully or not.
        hidden_fault: Why `hidden.json` cannot be followed: what it last said still holds; None when all is well.
    """

    def __init__(
        self,
        *,
        read: Callable[[], str | None],
        load: Callable[[str, Snapshot | None], Snapshot],
        read_hidden: Callable[[], frozenset[str]],
        poll_seconds: float,
        swapped: Callable[[Snapshot], None],
        refused: Callable[[Refused | None], None],
        public: Callable[[str], str],
    ) -> None:
        """Watch nothing yet; see `run`.

        Args:
            read: Gives the id of the live release, None when nothing was published.
            load: Opens a release, given the one before it, without the products that are hidden.
            read_hidden: Gives the ids of the hidden products.
            poll_seconds: How often to read.
            swapped: Called with every new snapshot, after it has become the live one.
            refused: Called each time a release is refused that was not just before, and with None when that is over.
            public: Takes from a message what only the log may tell.
        """
        self.snapshot: Snapshot | None = None
        self.refused: Refused | None = None
        self.looked = asyncio.Event()
        self.hidden_fault: str | None = None
        self._read = read
        self._load = load
        self._read_hidden = read_hidden
        self._poll_seconds = poll_seconds
        self._swapped = swapped
        self._refused = refused
        self._public = public
        self._retry_at = 0.0
        self._wanted: str | None = None

    def live(self) -> Snapshot:
        """The live snapshot.

        Raises:
            NoRelease: There is none; the message says what to do.
        """
        if self.snapshot is not None:
            return self.snapshot
        if self.refused is not None:
            raise NoRelease(f"no release can be used: {self.refused.reason}")
        if self._wanted is not None:
            raise NoRelease(f"release {self._wanted} is being loaded: try again in a moment")
        raise NoRelease("nothing was published yet: run `aisle reindex`")

    async def run(self) -> None:
        """Check for ever."""
        await asyncio.gather(self._follow(), self._repeat(self.check_hidden))

    async def _follow(self) -> None:
        await self.check()
        self.looked.set()
        await self._repeat(self.check)

    async def _repeat(self, check: Callable[[], Awaitable[None]]) -> None:
        while True:
            await check()
            await asyncio.sleep(self._poll_seconds)

    async def check(self) -> None:
        """Read `CURRENT` and follow it."""
        try:
            wanted = await asyncio.to_thread(self._read)
        except AisleError as error:
            self._refuse(None, str(error))
            return
        if wanted is None:
            return  # nothing published yet, or the file is being replaced: what is live stays live
        if self.snapshot is not None and self.snapshot.id == wanted:
            self._accept()
            return
        if self.refused is not None and self.refused.release == wanted and time.monotonic() < self._retry_at:
            return
        self._wanted = wanted
        try:
            snapshot = await asyncio.to_thread(self._load, wanted, self.snapshot)
        except AisleError as error:
            self._refuse(wanted, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a release does, the old one goes on and so does watching
            _LOG.error("release %s cannot be loaded", wanted, exc_info=error)
            self._refuse(wanted, f"{type(error).__name__}; the service's log has the details")
        else:
            self.snapshot = snapshot
            self._accept()
            self._swapped(snapshot)
            _LOG.info("release %s is live: %d products", snapshot.id, len(snapshot.products))

    async def check_hidden(self) -> None:
        """Read `hidden.json` and follow it."""
        snapshot = self.snapshot
        if snapshot is None:
            return  # the first release reads it itself
        try:
            hidden = await asyncio.to_thread(self._read_hidden)
        except AisleError as error:
            if self.hidden_fault is None:
                _LOG.error("%d products stay hidden as before: %s", snapshot.hidden_products, error)
            self.hidden_fault = self._public(str(error))
            return
        self.hidden_fault = None
        if hidden == snapshot.hidden:
            return
        changed = await asyncio.to_thread(snapshot.hiding, hidden)
        if self.snapshot is snapshot:  # else a new release came meanwhile, and is looked at the next time
            self.snapshot = changed
            _LOG.info("%d products of release %s are hidden", changed.hidden_products, changed.id)

    def _accept(self) -> None:
        if self.refused is not None:
            self.refused = None
            self._refused(None)

    def _refuse(self, release: str | None, reason: str) -> None:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        refused = Refused(release=release, reason=self._public(reason))
        if refused != self.refused:
            kept = f"release {self.snapshot.id} stays live" if self.snapshot else "no release is live"
            _LOG.error("release %s is refused, %s: %s", release or "named by CURRENT", kept, reason)
            self._refused(refused)
        self.refused = refused
