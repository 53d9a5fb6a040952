"""One run at a time: on one machine, on several, and when the holder dies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aisle.errors import IncompleteRun
from batch.lock import EXPIRY_SECONDS, hold

HOLDER = """
import sys, time
from pathlib import Path
from batch.lock import hold
with hold(Path(sys.argv[1]), doing="reindexing"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / ".lock"


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process of this machine holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def held_on_another_machine(lock: Path, *, silent: float) -> None:
    """A lock as another machine leaves it, with its last sign of life some seconds ago."""
    with hold(lock, doing="reindexing"):
        owner = json.loads(lock.read_text())
    lock.write_text(json.dumps(owner | {"host": "far-away", "pid": 4711, "machine": "another kernel", "token": "t"}))
    then = time.time() - silent
    os.utime(lock, (then, then))


def test_a_lock_is_free_afterwards(lock: Path):
    with hold(lock, doing="reindexing") as lease:
        assert json.loads(lock.read_text())["pid"] == os.getpid()
        lease.check()
    assert not lock.exists()
    with pytest.raises(KeyError), hold(lock, doing="reindexing"):
        raise KeyError("whatever happens")
    assert not lock.exists()


def test_the_second_is_refused_and_told_by_whom(lock: Path):
    with (
        held_elsewhere(lock) as holder,
        pytest.raises(IncompleteRun, match=f"in use by process {holder.pid} on .+, reindexing since 20.+ UTC: wait"),
        hold(lock, doing="cleaning"),
    ):
        pass
    with (
        hold(lock, doing="reindexing"),
        pytest.raises(IncompleteRun, match=f"in use by process {os.getpid()} "),
        hold(lock, doing="reindexing"),
    ):
        pass


def test_a_holder_that_was_killed_holds_nothing(lock: Path):
    with held_elsewhere(lock) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, and not buried yet
        with hold(lock, doing="reindexing", wait=5.0):
            assert json.loads(lock.read_text())["pid"] == os.getpid()


def test_a_later_process_of_the_same_number_is_not_the_holder(lock: Path):
    with hold(lock, doing="reindexing"):
        owner = json.loads(lock.read_text())
    lock.write_text(json.dumps(owner | {"born": owner["born"] - 1}))
    with hold(lock, doing="reindexing"):
        pass


def test_waiting_for_whoever_holds_it(lock: Path):
    with held_elsewhere(lock) as holder:
        timer = threading.Timer(0.5, holder.terminate)
        timer.start()
        with hold(lock, doing="reindexing", wait=60.0):
            assert holder.poll() is None or holder.returncode == -signal.SIGTERM
        timer.join()
    with (
        held_elsewhere(lock) as holder,
        pytest.raises(IncompleteRun, match=f"in use after 0.2 s by process {holder.pid}"),
        hold(lock, doing="reindexing", wait=0.2),
    ):
        pass


def test_a_holder_on_another_machine_lives_while_it_gives_signs(lock: Path):
    held_on_another_machine(lock, silent=EXPIRY_SECONDS - 30)
    with (
        pytest.raises(
            IncompleteRun, match=r"process 4711 on far-away.*last sign of life (89|9\d) s ago; dead after 120"
        ),
        hold(lock, doing="reindexing"),
    ):
        pass
    assert json.loads(lock.read_text())["host"] == "far-away"


def test_a_holder_on_another_machine_is_dead_when_it_gives_none(lock: Path):
    held_on_another_machine(lock, silent=EXPIRY_SECONDS + 30)
    with hold(lock, doing="reindexing"):
        assert json.loads(lock.read_text())["pid"] == os.getpid()


def test_a_lock_that_cannot_be_read_expires_as_well(lock: Path):
    lock.parent.mkdir()
    lock.write_text("")  # its writer died between making and filling it
    with pytest.raises(IncompleteRun, match="in use by another process"), hold(lock, doing="reindexing"):
        pass
    os.utime(lock, (1.0, 1.0))
    with hold(lock, doing="reindexing"):
        pass


def test_signs_of_life_are_given(lock: Path):
    with hold(lock, doing="reindexing", beat=0.02):
        os.utime(lock, (1.0, 1.0))
        deadline = time.monotonic() + 30
        while lock.stat().st_mtime < 2.0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_who_was_taken_over_must_not_go_on(lock: Path):
    with hold(lock, doing="reindexing") as lease:
        lease.check()
        held_by_another = json.loads(lock.read_text()) | {"token": "another"}
        lock.write_text(json.dumps(held_by_another))
        with pytest.raises(IncompleteRun, match=r"lost .*\.lock; nothing was published"):
            lease.check()
    assert json.loads(lock.read_text())["token"] == "another"  # and its lock is left alone


def test_a_lock_that_was_broken_is_lost(lock: Path):
    with hold(lock, doing="reindexing") as lease:
        lock.unlink()
        with pytest.raises(IncompleteRun, match="lost"):
            lease.check()


def test_one_of_many_gets_it(lock: Path):
    """Eight threads take turns; never are two inside."""
    inside, most = 0, 0
    guard = threading.Lock()

    def enter() -> None:
        nonlocal inside, most
        with hold(lock, doing="reindexing", wait=60.0):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_without_kernel_locks_creation_alone_decides(lock: Path, monkeypatch: pytest.MonkeyPatch):
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with (
        hold(lock, doing="reindexing"),
        pytest.raises(IncompleteRun, match="in use"),
        hold(lock, doing="reindexing"),
    ):
        pass
    assert not lock.exists()
