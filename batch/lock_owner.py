"""Who holds a lock: a process by its machine and its birth, so that no other is taken for it."""

import contextlib
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


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


def me(doing: str) -> Owner:
    """This process, as the owner of a lock that it is about to take."""
    return Owner(
        doing=doing,
        host=socket.gethostname(),
        pid=os.getpid(),
        since=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        machine=machine(),
        born=born(os.getpid()) or 0,
        token=uuid.uuid4().hex,
    )


def machine() -> str:
    """The running kernel and this process's namespace: within one, process numbers mean the same."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def born(pid: int) -> int | None:
    """When a process began, in ticks since the kernel did; None when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return None if state in {"Z", "X"} else int(fields[18])
