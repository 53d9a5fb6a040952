"""A server that speaks S3, one for all tests, and an empty bucket for each."""

import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from aisle.layout import Layout
from aisle.mirror import open_layout
from batch.executor import WorkerLayout
from batch.local_executor import LocalExecutor
from batch.options import ReindexOptions, Summary
from batch.progress import SilentProgress
from batch.reindex import reindex
from tests.batch.catalogs import ROLES, good_rows, write_catalog

_BUCKETS = itertools.count()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty bucket; clients of this process and of its children find it by the environment."""
    from urllib.request import Request, urlopen

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"shop-{next(_BUCKETS)}"
    urlopen(Request(f"{s3_server}/{name}", method="PUT")).close()
    return f"s3://{name}"


@pytest.fixture
def layout(bucket: str, tmp_path: Path) -> Layout:
    """A workspace on S3, as this machine sees it."""
    return open_layout(f"{bucket}/workspace", cache=tmp_path / "cache")


@pytest.fixture
def elsewhere(bucket: str, tmp_path: Path) -> Layout:
    """The same workspace, as another machine sees it that has nothing of it yet."""
    return open_layout(f"{bucket}/workspace", cache=tmp_path / "another machine")


Run = Callable[..., Summary]


@pytest.fixture
def run(layout: Layout, tiny_model: Path) -> Run:
    def run(catalog: str, **changes: Any) -> Summary:
        given = {
            "layout": layout,
            "model": tiny_model,
            "roles": ROLES,
            "options": ReindexOptions(shard_rows=8),
            "progress": SilentProgress(),
        }
        with LocalExecutor(WorkerLayout(workers=1)) as executor:
            return reindex(catalog=catalog, **({"executor": executor} | given | changes))

    return run


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return write_catalog(tmp_path / "catalog.parquet", good_rows(30))


def client(bucket: str) -> S3Store:
    """A bucket as it is, for tests that look into it or damage it."""
    return S3Store.from_url(bucket, client_options={"allow_http": True})


def names(bucket: str) -> set[str]:
    return {one["path"] for page in obstore.list(client(bucket)) for one in page}
