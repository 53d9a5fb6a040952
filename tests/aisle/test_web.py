"""Pictures from a host that misbehaves: nothing waits for ever, what passes is tried again, the rest has a reason."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import pytest

from aisle import web
from aisle.errors import ImageFault, InvalidImage
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS, ImageLimits
from aisle.stamps import stamp
from aisle.web import DOWN_AFTER, PER_HOST, Patience, fetch_web
from tests.http_server import http_server

QUICK = Patience(tries=3, pause=0.01, connect=1.0, silence=0.2, whole=0.5, most_pause=0.02)
DATA = bytes(range(256)) * 40


@dataclass
class Host:
    """What the host was asked, and where it is."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    end: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    monkeypatch.setattr(web, "DEFAULT_PATIENCE", QUICK)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def give(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if "Content_Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            host.asked[f"HEAD {self.path}"] += 1
            if self.path == "/untold":
                self.give(405)
            else:
                self.give(200, ETag='"one"', Content_Length=str(len(DATA)))

        def do_GET(self) -> None:
            with host.lock:
                host.asked[self.path] += 1
                host.now += 1
                host.most = max(host.most, host.now)
            try:
                self.answer()
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                with host.lock:
                    host.now -= 1

        def answer(self) -> None:
            kind = self.path.split("/")[1]
            if kind == "hang":
                host.end.wait(5)
            elif kind == "drip":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                while not host.end.wait(0.05):
                    self.wfile.write(b"x")
                    self.wfile.flush()
            elif kind == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"half")
                self.close_connection = True
            elif kind == "later" and host.asked[self.path] < 3:
                self.give(500)
            elif kind == "huge":
                self.send_response(200)
                self.send_header("Content-Length", str(10**9))
                self.end_headers()
                host.end.wait(5)
            elif kind == "busy" and host.asked[self.path] < 3:
                self.give(503, Retry_After={1: "7", 2: "700"}[host.asked[self.path]])
            elif kind == "loop":
                self.give(302, Location="/loop")
            elif kind in {"404", "410", "403", "503"}:
                self.give(int(kind))
            elif kind == "endless":
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                while not host.end.is_set():
                    self.wfile.write(bytes(1 << 16))
            else:
                time.sleep(0.02 if kind == "slow" else 0.0)
                self.give(200, DATA)

    with http_server(Handler) as host.url:
        yield host
        host.end.set()


def fault_of(url: str, *, max_bytes: int = 100_000) -> ImageFault:
    with pytest.raises(InvalidImage) as raised:
        fetch_web(url, max_bytes=max_bytes, patience=QUICK)
    assert url in str(raised.value)
    return raised.value.fault


def test_a_picture_comes_through_the_catalogs_own_door(host: Host):
    assert fetch_image(f"{host.url}/good.jpg", folder=".", limits=DEFAULT_LIMITS) == DATA
    assert fetch_image("good.jpg", folder=host.url, limits=DEFAULT_LIMITS) == DATA


def test_what_passes_is_tried_again(host: Host):
    assert fetch_web(f"{host.url}/later", max_bytes=100_000, patience=QUICK).data == DATA
    assert host.asked["/later"] == 3


@pytest.mark.parametrize("kind", ["hang", "drip", "cut", "503"])
def test_what_does_not_pass_ends_and_is_for_the_next_run(host: Host, kind: str):
    assert fault_of(f"{host.url}/{kind}") is ImageFault.UNREACHABLE
    assert host.asked[f"/{kind}"] == QUICK.tries


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("404", ImageFault.NOT_FOUND),
        ("410", ImageFault.NOT_FOUND),
        ("403", ImageFault.UNREADABLE),
        ("loop", ImageFault.UNREADABLE),
    ],
)
def test_what_will_not_pass_is_not_asked_again(host: Host, kind: str, fault: ImageFault):
    assert fault_of(f"{host.url}/{kind}") is fault
    assert host.asked[f"/{kind}"] <= web.REDIRECTS + 1


@pytest.mark.parametrize("kind", ["good", "endless"])
def test_a_file_that_is_too_large_is_not_read_to_its_end(host: Host, kind: str):
    assert fault_of(f"{host.url}/{kind}", max_bytes=1000) is ImageFault.TOO_MANY_BYTES
    with pytest.raises(InvalidImage):
        fetch_image(f"{host.url}/{kind}", folder=".", limits=ImageLimits(max_bytes=1000))
    assert host.asked[f"/{kind}"] == 2


def test_nobody_there_is_for_the_next_run():
    assert fault_of("http://127.0.0.1:9/none.jpg") is ImageFault.UNREACHABLE


def test_a_host_is_asked_politely(host: Host):
    with ThreadPoolExecutor(16) as pool:
        urls = [f"{host.url}/slow/{number}" for number in range(40)]
        found = list(pool.map(lambda url: fetch_web(url, max_bytes=100_000, patience=QUICK).data, urls))
    assert found == [DATA] * 40
    assert 1 < host.most <= PER_HOST


def test_a_host_that_is_down_is_left_alone_and_asked_again_later(host: Host, monkeypatch: pytest.MonkeyPatch):
    for number in range(DOWN_AFTER):
        assert fault_of(f"{host.url}/503/{number}") is ImageFault.UNREACHABLE
    assert fault_of(f"{host.url}/good") is ImageFault.UNREACHABLE
    assert host.asked["/good"] == 0
    now = time.monotonic
    monkeypatch.setattr("aisle.web.time.monotonic", lambda: now() + web.DOWN_SECONDS)
    assert fetch_web(f"{host.url}/good", max_bytes=100_000, patience=QUICK).data == DATA


def test_what_the_host_asks_for_is_waited(host: Host, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(web, "sleep", sleep)
    patience = Patience(tries=3, pause=0.01, connect=5.0, silence=5.0, whole=5.0, most_pause=20.0)
    assert fetch_web(f"{host.url}/busy", max_bytes=100_000, patience=patience).data == DATA
    assert waited == [7.0, 20.0], "as long as it says, within bounds"


def test_a_length_that_is_too_much_is_believed(host: Host):
    """Nothing of it is read."""
    assert fault_of(f"{host.url}/huge") is ImageFault.TOO_MANY_BYTES


def test_a_host_that_fails_now_and_then_is_not_down(host: Host):
    for turn in range(2):
        for number in range(DOWN_AFTER - 1):
            assert fault_of(f"{host.url}/503/{turn}/{number}") is ImageFault.UNREACHABLE
        assert fetch_web(f"{host.url}/good", max_bytes=100_000, patience=QUICK).data == DATA


def test_the_state_is_asked_for_without_reading(host: Host):
    found = stamp(f"{host.url}/good")
    assert found is not None
    assert found.state == f'{len(DATA)}:"one"'
    assert stamp(f"{host.url}/untold") is None
    assert host.asked["/good"] == 0
