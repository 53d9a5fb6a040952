"""`report.json`: for people who ask afterwards how a release came about."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from aisle import __version__
from batch.build import BuiltIndex
from batch.drift import Drift
from batch.embed_stage import Embedded
from batch.evaluate import Evaluation
from batch.executor import WorkerLayout
from batch.options import ReindexOptions
from batch.plan import CatalogPlan
from batch.progress import Stage
from batch.rejects import count_reasons

_LIBRARIES = ("faiss-cpu", "faiss-gpu", "numpy", "onnxruntime", "onnxruntime-gpu", "pillow", "pyarrow", "ray")


def run_report(
    *,
    catalog: str,
    plan: CatalogPlan,
    embedded: Embedded,
    index: BuiltIndex,
    evaluation: Evaluation,
    drift: Drift,
    options: ReindexOptions,
    workers: WorkerLayout,
    seconds: Mapping[str, float],
) -> Mapping[str, object]:
    """Everything about a run that its release does not say itself, as JSON."""
    return {
        "catalog": catalog,
        "roles": asdict(plan.roles),
        "rows": plan.rows_in_catalog,
        "rejects": dict(count_reasons(embedded.rejects)),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "images": {
            "read": embedded.read_images,
            "embedded": embedded.embedded_images,
            "per_second": round(embedded.embedded_images / seconds[Stage.EMBED], 1),
        },
        "texts": {"embedded": embedded.embedded_texts},
        "shards": {"embedded": embedded.embedded_shards, "cached": embedded.cached_shards},
        "workers": asdict(workers),
        "index": asdict(index.plan) | asdict(evaluation.parameters) | {"added": index.added, "device": index.device},
        "recall_at_10": dict(evaluation.recall),
        "recall_target": options.recall_target,
        "queries": dict(evaluation.queries),
        "drift": asdict(drift),
        "versions": {"aisle": __version__, **_versions()},
    }


def _versions() -> Mapping[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # one of two variants is installed, never both
    return found
