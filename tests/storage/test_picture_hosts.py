"""Catalogs whose pictures lie with a host: one that hangs or fails for a while, and one that lies about its state."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from aisle import fetch, stamps, web
from aisle.current import read_current
from aisle.errors import ImageFault, PicturesUnreachable
from aisle.layout import INDEX, PRODUCTS, REJECTS, THUMBNAILS, Layout
from aisle.web import Patience, fetch_web, web_headers
from batch.executor import WorkerLayout
from batch.local_executor import LocalExecutor
from batch.options import ReindexOptions
from cli.exit_codes import ExitCode, exit_code
from tests.batch.catalogs import good_rows, picture
from tests.http_server import http_server
from tests.storage.conftest import Run

ROWS = 24
ILL = range(5, 12)
QUICK = Patience(tries=2, pause=0.01, connect=5.0, silence=0.7, whole=3.0, most_pause=0.02)
OPTIONS = ReindexOptions(shard_rows=8, max_rejects=0.5)


@dataclass
class Host:
    """Pictures by number, and what is wrong with some of them."""

    url: str = ""
    pictures: list[bytes] = field(default_factory=list)
    ill: dict[int, str] = field(default_factory=dict)
    asked: Counter[int] = field(default_factory=Counter)
    looked: Counter[int] = field(default_factory=Counter)
    now: int = 0
    most: int = 0
    pause: float = 0.01
    lock: threading.Lock = field(default_factory=threading.Lock)
    well: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(pictures=[row["image"] for row in good_rows(ROWS)])
    monkeypatch.setattr(fetch, "fetch_web", partial(fetch_web, patience=QUICK))
    monkeypatch.setattr(stamps, "web_headers", partial(web_headers, patience=QUICK))
    monkeypatch.setattr(web, "DOWN_SECONDS", 0.05)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = int(self.path.strip("/"))
            with host.lock:
                (host.asked if self.command == "GET" else host.looked)[number] += 1
                host.now += 1
                host.most = max(host.most, host.now)
            try:
                time.sleep(host.pause)  # so that those who come at the same time meet
                self.answer(number)
            finally:
                with host.lock:
                    host.now -= 1

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, number: int) -> None:
            illness = host.ill.get(number)
            if illness == "hangs":
                host.well.wait(10)
                self.close_connection = True
                return
            body = b"" if illness else host.pictures[number]
            self.send_response(500 if illness else 200)
            self.send_header("ETag", f'"{number}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    with http_server(Handler) as host.url:
        yield host
        host.well.set()


@pytest.fixture
def catalog(host: Host, tmp_path: Path) -> str:
    path = tmp_path / "catalog.jsonl"
    rows = [row | {"image": f"{host.url}/{number}"} for number, row in enumerate(good_rows(ROWS))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "workspace")


def same(one: Path, other: Path) -> bool:
    return all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS)
    )


@pytest.mark.parametrize("illness", ["fails", "hangs"])
def test_a_host_that_is_ill_for_a_while_costs_its_pictures_until_the_next_run(
    run: Run, host: Host, catalog: str, tmp_path: Path, illness: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web, "DOWN_AFTER", 100)  # else the host is left alone for the others, too
    expected = run(catalog, layout=Layout(root=tmp_path / "undisturbed"), options=OPTIONS)
    assert expected.embedded_images == ROWS
    host.ill = dict.fromkeys(ILL, illness)
    ill = run(catalog, options=OPTIONS)
    assert ill.reasons == {ImageFault.UNREACHABLE: len(ILL)}
    assert ill.embedded_images == ROWS - len(ILL)

    host.ill = {}
    host.well.set()
    host.asked.clear()
    again = run(catalog, options=OPTIONS)
    assert (again.rejected, again.embedded_images) == (0, len(ILL))
    assert set(host.asked) == set(ILL), "the others have not changed"
    assert same(again.folder, expected.folder)


def test_too_many_at_once_is_not_the_catalogs_fault(run: Run, host: Host, catalog: str, layout: Layout):
    host.ill = dict.fromkeys(range(ROWS), "fails")
    with pytest.raises(PicturesUnreachable, match=r"image_unreachable \d.*run again") as raised:
        run(catalog)
    assert exit_code(raised.value) is ExitCode.AGAIN
    assert read_current(layout) is None
    host.ill = {}
    time.sleep(2 * web.DOWN_SECONDS)
    assert run(catalog).rejected == 0


def test_verify_reads_pictures_whose_host_says_that_nothing_changed(run: Run, host: Host, catalog: str):
    before, after = picture(0), picture(99)
    length = max(len(before), len(after))
    host.pictures[0] = before.ljust(length, b"\0")
    run(catalog, options=OPTIONS)
    host.pictures[0] = after.ljust(length, b"\0")
    host.asked.clear()
    believing = run(catalog, options=OPTIONS)
    assert (believing.read_images, believing.embedded_images, sum(host.asked.values())) == (0, 0, 0)
    verified = run(catalog, options=ReindexOptions(shard_rows=8, max_rejects=0.5, read_all=True))
    assert (verified.read_images, verified.embedded_images) == (ROWS, 1)
    assert set(host.asked) == set(range(ROWS))


def test_a_picture_is_asked_for_once(run: Run, host: Host, catalog: str):
    """Its state comes with it: only pictures that were read before are looked at first."""

    def requests(options: ReindexOptions = OPTIONS) -> tuple[int, int]:
        host.asked.clear()
        host.looked.clear()
        run(catalog, options=options)
        return host.looked.total(), host.asked.total()

    assert requests() == (0, ROWS)
    assert requests() == (ROWS, 0)
    assert requests(ReindexOptions(shard_rows=8, max_rejects=0.5, read_all=True)) == (0, ROWS)
    assert requests() == (ROWS, 0)
    host.pictures[0] = picture(99, size=(50, 50))
    assert requests() == (ROWS, 1)
    assert requests() == (ROWS, 0)


@pytest.mark.parametrize(("workers", "requests", "most"), [(1, 3, 3), (2, 4, 4), (2, 1, 2)])
def test_a_host_is_asked_politely_by_all_workers_together(
    run: Run, host: Host, catalog: str, workers: int, requests: int, most: int
):
    host.pause = 0.05  # longer than it takes the second worker to begin
    options = ReindexOptions(shard_rows=4, max_rejects=0.5, requests_per_host=requests)
    with LocalExecutor(WorkerLayout(workers=workers)) as executor:
        assert run(catalog, options=options, executor=executor).rejected == 0
    assert 1 < host.most <= most
