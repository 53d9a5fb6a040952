"""Catalog to live release: plan, embed, build, evaluate, publish."""

import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from aisle import __version__
from aisle.catalog import Roles
from aisle.encoder import OnnxEncoder
from aisle.files import sync_folder, write_json
from aisle.layout import INDEX, MODEL_MANIFEST, PRODUCTS, REJECTS, REPORT, THUMBNAILS, Layout
from aisle.machine import Provider, cpu_quota
from aisle.manifest import ModelManifest, QueryKind, load_model_manifest
from aisle.products import THUMBNAILS_SCHEMA, write_table
from aisle.sources import open_source
from aisle.vectors import HalfWeights
from batch.build import build_index
from batch.embed import EmbedSetup
from batch.embed_stage import Embedded, embed_catalog
from batch.evaluate import Evaluation, evaluate_index
from batch.executor import Executor
from batch.index_plan import IndexPlan, plan_index
from batch.lock import workspace_lock
from batch.options import ReindexOptions, Summary
from batch.plan import CatalogPlan, guess_roles, plan_catalog
from batch.progress import ProgressSink, Stage
from batch.publish import NewRelease, new_release, publish_release
from batch.queries import default_weights, sample_queries
from batch.rejects import check_rejects, count_reasons, write_rejects
from batch.releases import sweep
from batch.stored import StoredVectors, stored_vectors

IMAGE_BATCH: Mapping[Provider, int] = {Provider.CPU: 8, Provider.CUDA: 64}
"""Pictures per encoder call. On a CPU eight are fastest: more no longer fit its caches."""

TEXT_BATCH = 32

_LIBRARIES = ("faiss-cpu", "faiss-gpu", "numpy", "onnxruntime", "onnxruntime-gpu", "pillow", "pyarrow", "ray")


def reindex(
    *,
    catalog: str,
    layout: Layout,
    model: Path,
    roles: Roles | None,
    executor: Executor,
    options: ReindexOptions,
    progress: ProgressSink,
) -> Summary:
    """Embed a catalog, build a release and make it live.

    Shards that are on disk are not embedded again, so a run that was killed goes on where it stopped, and a catalog
    that changed a little costs a little. Until the very end the live release stays as it is.

    Args:
        catalog: What `aisle.sources.open_source` opens.
        layout: The workspace; made when missing.
        model: Folder of a model bundle. One that lies elsewhere is copied into the workspace, for serving.
        roles: Which column is what; None guesses.
        executor: Who runs the tasks.
        options: See there.
        progress: Is told of stages and rows.

    Raises:
        CatalogError: The catalog cannot be read or does not fit the roles.
        ModelError: The model cannot be used.
        IncompleteRun: Too many rejects, workers that keep dying, or another run in this workspace.
        ReleaseError: The release does not hold what it should. In every case nothing was published.
    """
    layout = Layout(root=layout.root.expanduser().resolve())
    with workspace_lock(layout):
        manifest = load_model_manifest(model)
        sweep(layout, fingerprint=manifest.fingerprint)
        run = _Run(
            catalog=catalog,
            layout=layout,
            bundle=_adopt_model(model, manifest, layout),
            model=manifest,
            executor=executor,
            options=options,
            progress=progress,
        )
        with run.stage(Stage.PLAN):
            source = open_source(catalog)
            plan = plan_catalog(source, roles=roles or guess_roles(source))
            check_rejects(plan.rejects, rows=plan.rows_in_catalog, most=options.max_rejects)
        with run.stage(Stage.EMBED, total=len(plan.rows)):
            embedded = embed_catalog(
                plan,
                setup=embed_setup(layout, run.bundle, manifest, executor=executor),
                shard_rows=options.shard_rows,
                max_rejects=options.max_rejects,
                executor=executor,
                progress=progress,
            )
        return _make_release(run, plan, embedded)


@dataclass(frozen=True, slots=True)
class _Run:
    """What all stages of one run share; `seconds` grows with each stage."""

    catalog: str
    layout: Layout
    bundle: Path
    model: ModelManifest
    executor: Executor
    options: ReindexOptions
    progress: ProgressSink
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, stage: Stage, *, total: int | None = None) -> Iterator[None]:
        self.progress.started(stage, total=total)
        start = time.monotonic()
        yield
        self.seconds[str(stage)] = time.monotonic() - start
        self.progress.finished()


def _make_release(run: _Run, plan: CatalogPlan, embedded: Embedded) -> Summary:
    vectors, positions = stored_vectors(
        embedded.shards,
        layout=run.layout,
        fingerprint=run.model.fingerprint,
        dimension=run.model.dimension,
        plan_rows=plan.rows,
    )
    products = plan.products.take(pa.array(positions)).combine_chunks()
    index = plan_index(len(vectors), forced=run.options.index)
    weights = default_weights(images=embedded.images, texts=embedded.texts)
    with new_release(run.layout) as release:
        with run.stage(Stage.BUILD, total=len(vectors)):
            write_table([products], products.schema, release.folder / PRODUCTS)
            write_table(vectors.thumbnails(), THUMBNAILS_SCHEMA, release.folder / THUMBNAILS)
            write_rejects(embedded.rejects, release.folder / REJECTS)
            build_index(
                vectors,
                index,
                path=release.folder / INDEX,
                scratch=release.folder / "parts",
                group_rows=run.options.group_rows,
                executor=run.executor,
                progress=run.progress,
            )
        with run.stage(Stage.EVALUATE):
            evaluation = _evaluate(run, release, plan, index, vectors, products=products, weights=weights)
        with run.stage(Stage.PUBLISH):
            write_json(release.folder / REPORT, _report(run, plan, embedded, index, evaluation))
            folder = publish_release(
                release,
                model=run.model,
                attributes=plan.roles.attributes,
                rejected=len(embedded.rejects),
                evaluation=evaluation,
                weights=weights,
                vectors=vectors,
            )
    return Summary(
        release_id=release.id,
        folder=folder,
        products=len(vectors),
        rejected=len(embedded.rejects),
        reasons=count_reasons(embedded.rejects),
        index=index,
        nprobe=evaluation.parameters.nprobe,
        recall={str(kind): found for kind, found in evaluation.recall.items()},
        seconds=run.seconds,
        embedded_shards=embedded.embedded_shards,
        cached_shards=embedded.cached_shards,
        embedded_images=embedded.embedded_images,
        images_per_second=embedded.embedded_images / run.seconds[Stage.EMBED],
    )


def _evaluate(
    run: _Run,
    release: NewRelease,
    plan: CatalogPlan,
    index: IndexPlan,
    vectors: StoredVectors,
    *,
    products: pa.Table,
    weights: Mapping[QueryKind, HalfWeights],
) -> Evaluation:
    # A few hundred texts: the CPU does, also where the workers have GPUs and this process has none.
    encoder = OnnxEncoder(run.bundle, provider=Provider.CPU, threads=cpu_quota(), verify=False)
    queries = sample_queries(products, vectors, attributes=plan.roles.attributes, weights=weights, encoder=encoder)
    return evaluate_index(release.folder / INDEX, index, queries, vectors, recall_target=run.options.recall_target)


def embed_setup(layout: Layout, bundle: Path, manifest: ModelManifest, *, executor: Executor) -> EmbedSetup:
    """What the shards of a run have in common, as measured best for the executor's workers.

    Args:
        layout: The workspace; absolute.
        bundle: Folder of the model; absolute, its hashes checked.
        manifest: Of the model.
        executor: Who will run the tasks.
    """
    workers = executor.layout
    return EmbedSetup(
        layout=layout,
        bundle=bundle,
        fingerprint=manifest.fingerprint,
        provider=workers.provider,
        decode_threads=workers.decode_threads,
        image_batch=IMAGE_BATCH[workers.provider],
        text_batch=TEXT_BATCH,
    )


def _adopt_model(model: Path, manifest: ModelManifest, layout: Layout) -> Path:
    """The bundle's folder within the workspace, where serving looks for it."""
    folder = layout.model(manifest.fingerprint)
    if model.resolve() == folder:
        return folder
    if (folder / MODEL_MANIFEST).exists():
        load_model_manifest(folder)
        return folder
    temporary = layout.models / f".{manifest.fingerprint}.tmp-{uuid.uuid4().hex[:8]}"
    try:
        shutil.copytree(model, temporary)
        load_model_manifest(temporary)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_folder(layout.models)
    return folder


def _report(
    run: _Run, plan: CatalogPlan, embedded: Embedded, index: IndexPlan, evaluation: Evaluation
) -> Mapping[str, object]:
    """`report.json`: for people who ask afterwards how a release came about. Serving does not read it."""
    return {
        "catalog": run.catalog,
        "roles": asdict(plan.roles),
        "rows": plan.rows_in_catalog,
        "rejects": count_reasons(embedded.rejects),
        "seconds": {stage: round(spent, 3) for stage, spent in run.seconds.items()},
        "images": {
            "embedded": embedded.embedded_images,
            "per_second": round(embedded.embedded_images / run.seconds[Stage.EMBED], 1),
        },
        "shards": {"embedded": embedded.embedded_shards, "cached": embedded.cached_shards},
        "workers": asdict(run.executor.layout),
        "index": {**asdict(index), "nprobe": evaluation.parameters.nprobe},
        "recall_at_10": dict(evaluation.recall),
        "queries": dict(evaluation.queries),
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
