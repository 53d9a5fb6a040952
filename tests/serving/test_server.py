"""A real server of two workers, and what befalls it: a killed worker, the end, clients that are slow or say nothing."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from serving.run import server_command, server_environment

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="processes are looked up in /proc")


@dataclass
class Server:
    process: subprocess.Popen
    port: int
    answers: list[int | str] = field(default_factory=list)

    def ask(self, path: str = "/search?q=red", *, body: bytes | None = None) -> int | str:
        """Status of one request on a connection of its own; the name of the fault when there was no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data=body, timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError as error:
            return type(getattr(error, "reason", error)).__name__

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
        return [child for child, command in commands.items() if b"worker" in command]


def until(condition, *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def serving(settings, tmp_path, **changes):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = replace(settings, listen_port=port, workers=2, **changes)
    environment = os.environ | server_environment(settings) | {"BENTOML_HOME": str(tmp_path / "bentoml")}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(server_command(), env=environment, stdout=log, stderr=log)
        server = Server(process, port)
        try:
            until(lambda: server.ask("/livez") == 200 or process.poll() is not None, seconds=60)
            assert process.poll() is None, (tmp_path / "log").read_text()
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


@contextmanager
def load(server: Server, *, threads: int = 4):
    """Requests without a pause, each on a connection of its own."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            server.answers.append(server.ask())

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in running:
            thread.join()


def test_killed_workers_slow_clients_and_the_end(release, settings, tmp_path):
    release()
    with serving(settings, tmp_path, timeout_seconds=1.5, drain_seconds=1.5) as server:
        until(lambda: len(server.workers()) == 2)
        _clients_that_say_nothing(server)
        _slow_bodies(server)
        _a_killed_worker(server)
        _the_end(server)


def _clients_that_say_nothing(server: Server) -> None:
    """A thousand connections, a third of which began a request: nobody else notices."""
    beginnings = (b"", b"GET /search?q=red HTTP/1.1\r\nHost: x\r\nX-", b"POST /search HTTP/1.1\r\nContent-Le")
    idle = []
    try:
        for number in range(1000):
            connection = server.connect()
            connection.sendall(beginnings[number % 3])
            idle.append(connection)
        assert [server.ask() for _ in range(20)] == [200] * 20
        assert server.ask("/readyz") == 200
    finally:
        for connection in idle:
            connection.close()


def _slow_bodies(server: Server) -> None:
    """Half a body is answered with 408 in due time, and its connection ends; a head without end is cut off."""
    head = b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with server.connect() as slow, server.connect() as endless:
        slow.sendall(head + b'{"text": "re')
        assert server.ask() == 200
        answer = b""
        while chunk := slow.recv(65536):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "slow_body"
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _send_headers(endless, number=1000)
    assert server.ask() == 200


def _send_headers(connection: socket.socket, *, number: int) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\n")
    for _ in range(number):
        connection.sendall(b"X-More: " + b"x" * 8000 + b"\r\n")
        time.sleep(0.001)


def _a_killed_worker(server: Server) -> None:
    """Requests it was answering are lost, at most one per client; no other is, and a new worker comes."""
    victim = server.workers()[0]
    with load(server):
        until(lambda: len(server.answers) > 50)
        os.kill(victim, signal.SIGKILL)
        killed_at = len(server.answers)
        until(lambda: len(server.answers) > killed_at + 100)
    failures = [answer for answer in server.answers if answer != 200]
    assert len(failures) <= 4, failures
    until(lambda: len(server.workers()) == 2 and victim not in server.workers())


def _the_end(server: Server) -> None:
    """Not ready any more, but answering; then what is being answered is answered; then gone."""
    server.answers.clear()
    until(lambda: all(server.ask("/readyz") == 200 for _ in range(10)))
    with load(server):
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.ask("/readyz") == 503, seconds=5)
        assert server.ask() == 200
        until(lambda: server.process.poll() is not None)
    first_refused = server.answers.index(next(answer for answer in server.answers if answer != 200))
    assert first_refused > 20
    # No error of ours; a connection made while the listening one closes may end before it was heard, and of two workers
    # one goes on answering a moment longer.
    assert set(server.answers[first_refused:]) <= {
        *(200, "ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"),
    }
