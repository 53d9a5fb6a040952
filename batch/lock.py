"""One at a time: a lock with an owner and an expiry, for workspaces that several machines share.

The lock is a file that names its owner, and whose time the owner renews. Where owner and onlooker are on one machine
the kernel says whether the owner lives; seen from another machine it is dead when it has not renewed the time for a
while. Times are the file system's own: no two clocks are compared.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from aisle.errors import IncompleteRun, WorkspaceBusy

EXPIRY_SECONDS = 120.0
"""After this long without a sign of life an owner on another machine is dead."""

BEAT_SECONDS = 15.0
"""How often an owner gives a sign of life."""

_POLL_SECONDS = 0.5

_NO_KERNEL_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock, as its file says.

    Attributes:
        doing: `reindexing`, say.
        host: Its machine's name, for people.
        pid: Its process.
        since: When it took the lock, UTC, for people.
        machine: Running kernel and process namespace; empty where those have no names.
        born: When the process began, in the kernel's ticks: a later process may have the same number.
        token: Of this holding of the lock.
    """

    doing: str
    host: str
    pid: int
    since: str
    machine: str
    born: int
    token: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, {self.doing} since {self.since} UTC"


class Lease:
    """A lock that is held."""

    def __init__(self, path: Path, owner: Owner, *, expiry: float, beat: float) -> None:
        """Begin to give signs of life. Only `hold` makes one."""
        self.owner = owner
        self._path = path
        self._expiry = expiry
        self._beat = beat
        self._lost = False
        self._renewed = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"lease of {path.name}", daemon=True)
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
                f"lost {self._path}; nothing was published, embedded shards are kept: run again"
            )

    def end(self) -> None:
        """Give no more signs of life, and let go unless somebody else has taken over."""
        self._ended.set()
        self._thread.join()
        with _guard(self._path), contextlib.suppress(FileNotFoundError):
            if _owner(self._path) == self.owner:
                self._path.unlink()

    def _live(self) -> None:
        while not self._ended.wait(self._beat):
            self._renew()

    def _renew(self) -> None:
        try:
            if _owner(self._path) == self.owner and not self._lost:
                os.utime(self._path)
                self._renewed = time.monotonic()
                return
        except FileNotFoundError:
            pass  # somebody broke the lock
        except OSError:  # a disk that is away for a moment is not lost yet
            if time.monotonic() - self._renewed < self._expiry:
                return
        self._lost = True


@contextmanager
def hold(
    path: Path, *, doing: str, wait: float = 0.0, expiry: float = EXPIRY_SECONDS, beat: float = BEAT_SECONDS
) -> Iterator[Lease]:
    """Hold a lock; let go at the end, however it ends.

    Args:
        path: The lock's file; its folder is made when missing.
        doing: What for, as in "reindexing": others are told.
        wait: Seconds to wait for whoever holds it.
        expiry: Seconds without a sign of life after which an owner on another machine is dead.
        beat: Seconds between our own signs of life; a fraction of `expiry`.

    Raises:
        WorkspaceBusy: Another process holds it; the message says which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = _me(doing)
    deadline = time.monotonic() + wait
    while True:
        with _guard(path) as now:
            holder = _living(path, now=now, expiry=expiry)
            if holder is None and _take(path, owner):
                break
        if time.monotonic() >= deadline:
            raise WorkspaceBusy(_refusal(path, holder, waited=wait, expiry=expiry))
        time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
    lease = Lease(path, owner, expiry=expiry, beat=beat)
    try:
        yield lease
    finally:
        lease.end()


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who holds a lock and seems to live.

    Attributes:
        owner: None when the file cannot be read.
        silent: Seconds since the last sign of life.
    """

    owner: Owner | None
    silent: float


def _living(path: Path, *, now: float, expiry: float) -> _Holder | None:
    """Who holds the lock; None when nobody does, or somebody dead."""
    try:
        owner = _owner(path)
        silent = now - path.stat().st_mtime
    except FileNotFoundError:
        return None
    if owner is not None and owner.machine and owner.machine == _machine():
        return _Holder(owner, silent) if _born(owner.pid) == owner.born else None
    return _Holder(owner, silent) if silent <= expiry else None


def _refusal(path: Path, holder: _Holder | None, *, waited: float, expiry: float) -> str:
    who = str(holder.owner) if holder and holder.owner else "another process"
    after = f" after {waited:g} s" if waited else ""
    sign = ""
    if holder and (holder.owner is None or holder.owner.machine != _machine()):
        sign = f" (last sign of life {holder.silent:.0f} s ago; dead after {expiry:g} s)"
    return f"workspace {path.parent} is in use{after} by {who}{sign}: wait (--wait SECONDS), or end it and run again"


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


def _me(doing: str) -> Owner:
    return Owner(
        doing=doing,
        host=socket.gethostname(),
        pid=os.getpid(),
        since=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        machine=_machine(),
        born=_born(os.getpid()) or 0,
        token=uuid.uuid4().hex,
    )


def _machine() -> str:
    """The running kernel and this process's namespace: within one, process numbers mean the same."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _born(pid: int) -> int | None:
    """When a process began, in ticks since the kernel did; None when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return None if state in {"Z", "X"} else int(fields[18])
