"""What a Pushgateway receives, and what happens when there is none."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aisle.errors import SettingsError
from batch.options import ReindexOptions, Summary
from batch.push import push_summary
from tests.batch.catalogs import good_rows, hostile_images, row, write_catalog
from tests.batch.conftest import Run

Received = list[tuple[str, str, str]]


@pytest.fixture
def gateway() -> Iterator[tuple[str, Received]]:
    received: Received = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.command, self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the tests' standard error."""

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


@pytest.fixture
def summary(run: Run, tmp_path: Path) -> Summary:
    truncated = hostile_images()["truncated JPEG"][0]
    catalog = write_catalog(tmp_path / "catalog.parquet", [*good_rows(20), row(99, truncated)])
    return run(catalog, options=ReindexOptions(max_rejects=0.1))


def test_a_gateway_receives_the_figures_of_a_run(gateway: tuple[str, Received], summary: Summary):
    address, received = gateway
    push_summary(summary, address, workspace="shop")
    ((method, path, body),) = received
    assert (method, path) == ("POST", "/metrics/job/aisle_reindex/workspace/shop")
    values = {
        (sample.name.removeprefix("aisle_reindex_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert values[("products",)] == 20
    assert values[("rejected_rows",)] == 1
    assert values[("rejected_rows_by_reason", "image_truncated")] == 1
    assert values[("encoded_images",)] == 20
    assert values[("recall_at_10", "text")] == 1.0
    assert values[("stage_seconds", "embed")] == summary.seconds["embed"]
    assert values[("last_success_timestamp_seconds",)] > 1.7e9


def test_without_a_gateway_the_release_is_live_all_the_same(summary: Summary):
    with pytest.raises(SettingsError, match=rf"release {summary.release_id} is live, but .* --push-gateway"):
        push_summary(summary, "127.0.0.1:1", workspace="shop")
