"""A service that answers as Aisle does, or as it is told, in a thread of its own."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PICTURE = b"\xff\xd8 a picture"


class Service(ThreadingHTTPServer):
    """Answers with `status`, after `answer` has been called with the request's body."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.asked: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.on_search: Callable[[dict[str, object]], None] = lambda body: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/release":
            self._send(200, {"release": "r1", "products": 3, "recall": {"text": 0.997, "image": 0.995}})
        elif self.path.startswith("/images/"):
            self._send(200, PICTURE)
        else:
            self._send(404, {"error": {"message": "there is nothing"}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.headers.append(dict(self.headers))
        if "offset" in body:
            titles = ["Red Shirt", "Blue Dress 42", "Red Shoe"]
            hits = [{"title": title, "image_url": f"/images/p{n}"} for n, title in enumerate(titles)]
            self._send(200, {"hits": [*hits[:2], hits[2] | {"image_url": None}]})
            return
        self.server.asked.append(body)
        self.server.on_search(body)
        if self.server.status == 200:
            self._send(200, {"release": "r1", "hits": []})
        else:
            self._send(self.server.status, {"error": {"code": "overloaded", "message": "no"}})

    def _send(self, status, body):
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        """Nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
