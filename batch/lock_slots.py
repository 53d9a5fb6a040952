"""Where a lock's owner is written: a file, or an object of a store. Taken, renewed and let go in one step each.

Where owner and onlooker are on one machine the kernel says whether the owner lives; seen from another machine it is
dead when it has not renewed the time for a while. Times are those of the file system or of the store: no two clocks are
compared.
"""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from aisle.objects import ObjectStore
from batch.lock_owner import Owner, born, machine

_NO_KERNEL_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock and seems to live.

    Attributes:
        owner: None when what is written cannot be read.
        silent: Seconds since the last sign of life.
    """

    owner: Owner | None
    silent: float


class Slot(Protocol):
    """Where the owner of one lock is written."""

    def take(self, owner: Owner, *, expiry: float) -> Holder | None:
        """Write the owner unless somebody who lives is there: the answer is who. None: it is ours."""
        ...

    def renew(self, owner: Owner) -> bool:
        """Give a sign of life; False when the slot is somebody else's.

        Raises:
            OSError: The disk is away.
            StoreUnreachable: The store is away.
        """
        ...

    def free(self, owner: Owner) -> None:
        """Let go, unless the slot is somebody else's."""
        ...


class FileSlot:
    """A file that names its owner, and whose time the owner renews."""

    def __init__(self, path: Path) -> None:
        """Of this file; its folder is made when missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def take(self, owner: Owner, *, expiry: float) -> Holder | None:
        """See `Slot`."""
        with _guard(self._path) as now:
            holder = _living(self._path, now=now, expiry=expiry)
            if holder is not None:
                return holder
            return None if _take(self._path, owner) else Holder(owner=None, silent=0.0)

    def renew(self, owner: Owner) -> bool:
        """See `Slot`."""
        try:
            if _owner(self._path) != owner:
                return False
            os.utime(self._path)
        except FileNotFoundError:
            return False  # somebody broke the lock
        return True

    def free(self, owner: Owner) -> None:
        """See `Slot`."""
        with _guard(self._path), contextlib.suppress(FileNotFoundError):
            if _owner(self._path) == owner:
                self._path.unlink()


class ObjectSlot:
    """An object that names its owner, replaced by each sign of life on the condition that it is still the owner's."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        """Of this object."""
        self._store = store
        self._name = name
        self._tag: str | None = None
        self._beats = 0

    def take(self, owner: Owner, *, expiry: float) -> Holder | None:
        """See `Slot`."""
        found = self._store.get(self._name)
        if found is not None:
            holder = _parse(found.data)
            if holder is not None and holder.machine and holder.machine == machine():
                if born(holder.pid) == holder.born:
                    return Holder(holder, 0.0)
            else:
                silent = (self._store.now(f"{self._name}.clock") - found.modified).total_seconds()
                if silent <= expiry:
                    return Holder(holder, silent)
        self._tag = self._store.put(self._name, self._data(owner), replacing=found.tag if found else None)
        return None if self._tag is not None else Holder(owner=None, silent=0.0)

    def renew(self, owner: Owner) -> bool:
        """See `Slot`."""
        self._beats += 1
        if self._tag is not None:
            self._tag = self._store.put(self._name, self._data(owner), replacing=self._tag)
        if self._tag is None:  # a retry may have found what the first try wrote
            found = self._store.get(self._name)
            self._tag = found.tag if found is not None and _parse(found.data) == owner else None
        return self._tag is not None

    def free(self, owner: Owner) -> None:
        """See `Slot`."""
        if self.renew(owner):
            self._store.remove([self._name])

    def _data(self, owner: Owner) -> bytes:
        return json.dumps({"owner": asdict(owner), "beats": self._beats}).encode()


def _parse(data: bytes) -> Owner | None:
    try:
        return Owner(**json.loads(data)["owner"])
    except (ValueError, TypeError, KeyError):
        return None


def _living(path: Path, *, now: float, expiry: float) -> Holder | None:
    """Who holds the lock; None when nobody does, or somebody dead."""
    try:
        owner = _owner(path)
        silent = now - path.stat().st_mtime
    except FileNotFoundError:
        return None
    if owner is not None and owner.machine and owner.machine == machine():
        return Holder(owner, silent) if born(owner.pid) == owner.born else None
    return Holder(owner, silent) if silent <= expiry else None


def _take(path: Path, owner: Owner) -> bool:
    """Replace a dead owner's file. Where the disk has no kernel locks the exclusive creation alone decides."""
    path.unlink(missing_ok=True)
    try:
        with path.open("x", encoding="utf-8") as stream:
            json.dump(asdict(owner), stream)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        return False
    return True


def _owner(path: Path) -> Owner | None:
    """What the file says; None when it says nothing that can be read: its owner is about to write, or died at it."""
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None


@contextmanager
def _guard(path: Path) -> Iterator[float]:
    """Look and take in one step, at the file system's time. Held for a moment, never while the work is done."""
    guard = path.with_name(f"{path.name}.guard")
    with guard.open("a", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_KERNEL_LOCKS:
                raise
        os.utime(guard)
        yield guard.stat().st_mtime
