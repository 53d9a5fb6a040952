"""`aisle reindex` as a Ray job: it joins the cluster that runs it, and its exit code is the job's."""

import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster
from ray.job_submission import JobStatus, JobSubmissionClient

from aisle.current import read_current
from aisle.layout import Layout
from tests.batch.catalogs import good_rows, write_catalog

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0


@pytest.fixture(scope="module")
def jobs() -> Iterator[JobSubmissionClient]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    port, agents_port = _free_ports()
    head = {
        "num_cpus": 3,
        "include_dashboard": True,
        "dashboard_host": "127.0.0.1",
        "dashboard_port": port,
        # Its default is one port for the whole machine, and other tests run Ray at the same time.
        "dashboard_agent_listen_port": agents_port,
    }
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield JobSubmissionClient(f"http://127.0.0.1:{port}")
    finally:
        cluster.shutdown()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def run(jobs: JobSubmissionClient, *words: object) -> tuple[JobStatus, int | None, str]:
    """Submit `aisle WORDS` and wait for its end: status, exit code, output."""
    end = time.monotonic() + PATIENCE
    entrypoint = shlex.join([sys.executable, "-m", "cli", *map(str, words)])
    environment = {"env_vars": {"PYTHONPATH": str(ROOT)}}
    while True:
        try:
            job = jobs.submit_job(entrypoint=entrypoint, runtime_env=environment)
            break
        except RuntimeError as error:  # the agent of a cluster that has just begun
            if "No available agent" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.5)
    while not (status := jobs.get_job_status(job)).is_terminal() and time.monotonic() < end:
        time.sleep(0.3)
    return status, jobs.get_job_info(job).driver_exit_code, jobs.get_job_logs(job)


def test_a_job_joins_its_cluster_and_tells_how_it_ended(jobs: JobSubmissionClient, tiny_model: Path, tmp_path: Path):
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(60))
    common = ("--workspace", tmp_path / "shop", "--model", tiny_model)
    status, code, said = run(jobs, "reindex", "--catalog", catalog, *common)
    assert (status, code) == (JobStatus.SUCCEEDED, 0), said
    assert "ray: 3 workers on cpu" in said, "the cluster's, which has more cores than this machine"
    assert "embed: done" in said, "plain lines where there is no terminal"
    assert read_current(Layout(root=tmp_path / "shop")) is not None
    status, code, said = run(jobs, "reindex", "--catalog", tmp_path / "no.parquet", *common)
    assert (status, code) == (JobStatus.FAILED, 65), said
    assert "no.parquet does not exist" in said
