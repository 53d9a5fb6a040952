"""One at a time: a lock with an owner and an expiry, for workspaces that several machines share."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aisle.errors import IncompleteRun, StoreUnreachable, WorkspaceBusy
from aisle.objects import ObjectStore
from batch.lock_owner import Owner, machine, me
from batch.lock_slots import FileSlot, Holder, ObjectSlot, Slot

EXPIRY_SECONDS = 120.0
"""After this long without a sign of life an owner on another machine is dead."""

BEAT_SECONDS = 15.0
"""How often an owner gives a sign of life."""

_POLL_SECONDS = 0.5


class Lease:
    """A lock that is held."""

    def __init__(self, slot: Slot, owner: Owner, *, name: str, expiry: float, beat: float) -> None:
        """Begin to give signs of life. Only `hold` makes one."""
        self.owner = owner
        self._slot = slot
        self._name = name
        self._beating = threading.Lock()
        self._expiry = expiry
        self._beat = beat
        self._lost = False
        self._renewed = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"lease of {name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that the lock is still ours, before something that only its owner may do.

        Raises:
            IncompleteRun: This process gave no sign of life for so long that another one may have taken over.
        """
        self._renew()
        if self._lost:
            raise IncompleteRun(
                f"this run gave no sign of life for {self._expiry:g} s (was the machine asleep, or its disk away?) and "
                f"lost {self._name}; nothing was published, embedded shards are kept: run again"
            )

    def end(self) -> None:
        """Give no more signs of life, and let go unless somebody else has taken over."""
        self._ended.set()
        self._thread.join()
        try:
            self._slot.free(self.owner)
        except (OSError, StoreUnreachable):
            return  # it expires by itself, and on this machine at once

    def _live(self) -> None:
        while not self._ended.wait(self._beat):
            self._renew()

    def _renew(self) -> None:
        with self._beating:
            if self._lost:
                return
            try:
                self._lost = not self._slot.renew(self.owner)
                self._renewed = time.monotonic()
            except (OSError, StoreUnreachable):  # a disk or a store that is away for a moment is not lost yet
                self._lost = time.monotonic() - self._renewed >= self._expiry


@contextmanager
def hold(
    path: Path,
    *,
    doing: str,
    store: ObjectStore | None = None,
    wait: float = 0.0,
    expiry: float = EXPIRY_SECONDS,
    beat: float = BEAT_SECONDS,
) -> Iterator[Lease]:
    """Hold a lock; let go at the end, however it ends.

    Args:
        path: The lock's file; its folder is made when missing.
        doing: What for, as in "reindexing": others are told.
        store: Where the workspace lies, unless on this disk: then the lock is an object there.
        wait: Seconds to wait for whoever holds it.
        expiry: Seconds without a sign of life after which an owner on another machine is dead.
        beat: Seconds between our own signs of life; a fraction of `expiry`.

    Raises:
        WorkspaceBusy: Another process holds it; the message says which.
        StoreUnreachable: The store does not answer, or refuses.
    """
    slot: Slot = FileSlot(path) if store is None else ObjectSlot(store, path.name)
    place = path.parent if store is None else store.url
    owner = me(doing)
    deadline = time.monotonic() + wait
    while (holder := slot.take(owner, expiry=expiry)) is not None:
        if time.monotonic() >= deadline:
            raise WorkspaceBusy(_refusal(place, holder, waited=wait, expiry=expiry))
        time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
    lease = Lease(slot, owner, name=f"{place}/{path.name}", expiry=expiry, beat=beat)
    try:
        yield lease
    finally:
        lease.end()


def _refusal(place: object, holder: Holder, *, waited: float, expiry: float) -> str:
    who = str(holder.owner) if holder.owner else "another process"
    after = f" after {waited:g} s" if waited else ""
    sign = ""
    if holder.owner is None or holder.owner.machine != machine():
        sign = f" (last sign of life {holder.silent:.0f} s ago; dead after {expiry:g} s)"
    return f"workspace {place} is in use{after} by {who}{sign}: wait (--wait SECONDS), or end it and run again"
