"""A run's figures to a Prometheus Pushgateway: a schedule's processes are gone before anybody could scrape them."""

import time

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

from aisle.errors import SettingsError
from batch.options import Summary

JOB = "aisle_reindex"

TIMEOUT_SECONDS = 10.0


def push_summary(summary: Summary, gateway: str, *, workspace: str) -> None:
    """Replace what the gateway holds of this workspace's last run.

    Args:
        summary: Of a run that published.
        gateway: Address, `host:port` or a URL.
        workspace: Label that tells several catalogs apart.

    Raises:
        SettingsError: The gateway cannot be reached or does not take them. The release is live all the same.
    """
    try:
        pushadd_to_gateway(
            gateway,
            job=JOB,
            registry=run_metrics(summary),
            grouping_key={"workspace": workspace},
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"release {summary.release_id} is live, but its figures could not be pushed to {gateway} ({error}): mend "
            "--push-gateway"
        ) from error


def run_metrics(summary: Summary) -> CollectorRegistry:
    """What is pushed. Alert on the age of `aisle_reindex_last_success_timestamp_seconds`."""
    registry = CollectorRegistry()

    def gauge(name: str, help: str, value: float, **labels: str) -> None:
        full = f"{JOB}_{name}"
        found = gauges.get(full) or gauges.setdefault(full, Gauge(full, help, list(labels), registry=registry))
        (found.labels(**labels) if labels else found).set(value)

    gauges: dict[str, Gauge] = {}
    gauge("last_success_timestamp_seconds", "When the last release was published.", time.time())
    gauge("products", "Products in the release.", summary.products)
    gauge("rejected_rows", "Rows of the catalog that are not in it.", summary.rejected)
    gauge("encoded_images", "Pictures that the run encoded.", summary.embedded_images)
    gauge("encoded_texts", "Texts that the run encoded.", summary.embedded_texts)
    gauge("read_images", "Picture files that the run read.", summary.read_images)
    for reason, rows in summary.reasons.items():
        gauge("rejected_rows_by_reason", "Rejected rows per reason.", rows, reason=reason)
    for stage, seconds in summary.seconds.items():
        gauge("stage_seconds", "Time of each stage.", seconds, stage=stage)
    for kind, recall in summary.recall.items():
        gauge("recall_at_10", "Against exact search, per kind of query.", recall, kind=kind)
    return registry
