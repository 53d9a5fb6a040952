"""Catalog to live release: plan, embed, build, evaluate, publish."""

import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from aisle.catalog import Roles
from aisle.current import read_current
from aisle.encoder import OnnxEncoder
from aisle.errors import AisleError, ReleaseError, StoreUnreachable
from aisle.files import sync_folder, write_json
from aisle.layout import MODEL_MANIFEST, PRODUCTS, REJECTS, REPORT, SHARDS, THUMBNAILS, Layout
from aisle.machine import Provider, cpu_quota
from aisle.manifest import ModelManifest, QueryKind, load_model_manifest
from aisle.mirror import pull_model, push_model, resolved
from aisle.products import THUMBNAILS_SCHEMA, write_table
from aisle.sources import open_source
from aisle.vectors import HalfWeights
from batch.drift import Drift, drift_from, open_side
from batch.embed import EmbedSetup
from batch.embed_stage import Embedded, embed_catalog
from batch.evaluate import Evaluation
from batch.executor import Executor
from batch.given import GivenVectors
from batch.import_stage import import_catalog
from batch.index_plan import plan_index
from batch.index_stage import evaluate_or_rebuild, make_index
from batch.lock import Lease, hold
from batch.options import ReindexOptions, Summary
from batch.plan import CatalogPlan, guess_roles, plan_catalog
from batch.progress import ProgressSink, Stage
from batch.publish import NewRelease, new_release, publish_release
from batch.queries import default_weights, drift_texts, sample_queries
from batch.rejects import check_rejects, count_reasons, write_rejects
from batch.releases import sweep
from batch.report import run_report
from batch.stored import stored_vectors, write_shard_list

IMAGE_BATCH: Mapping[Provider, int] = {Provider.CPU: 8, Provider.CUDA: 64}
"""Pictures per encoder call. On a CPU eight are fastest: more no longer fit its caches."""

TEXT_BATCH = 32


def reindex(
    *,
    catalog: str,
    layout: Layout,
    model: Path,
    roles: Roles | None,
    executor: Executor,
    options: ReindexOptions,
    progress: ProgressSink,
    given: GivenVectors | None = None,
    thumbnails: bool = True,
) -> Summary:
    """Embed a catalog, build a release and make it live.

    Nothing that any shard on disk holds is embedded again, so a run that was killed goes on where it stopped, and a
    catalog that changed a little costs a little. Until the very end the live release stays as it is.

    Args:
        catalog: What `aisle.sources.open_source` opens.
        layout: The workspace; made when missing.
        model: Folder of a model bundle. One that lies elsewhere is copied into the workspace, for serving.
        roles: Which column is what; None guesses.
        executor: Who runs the tasks.
        options: See there.
        progress: Is told of stages and rows.
        given: Vectors that were made elsewhere, instead of embedding.
        thumbnails: Of given vectors: read the catalog's pictures and make thumbnails of them.

    Raises:
        CatalogError: The catalog cannot be read or does not fit the roles, or given vectors do not fit it.
        ModelError: The model cannot be used.
        IncompleteRun: Too many rejects, workers that keep dying, or another run in this workspace.
        StoreUnreachable: The workspace's store does not answer, or refuses.
        ReleaseError: The release does not hold what it should. In every case nothing was published.
    """
    layout = resolved(layout)
    with hold(layout.lock, doing="reindexing", store=layout.store, wait=options.wait) as lease:
        pull_model(layout, model.name)
        manifest = load_model_manifest(model)
        sweep(layout)
        run = _Run(
            catalog=catalog,
            layout=layout,
            bundle=_adopt_model(model, manifest, layout),
            model=manifest,
            executor=executor,
            options=options,
            progress=progress,
            lease=lease,
        )
        with run.stage(Stage.PLAN):
            source = open_source(catalog)
            plan = plan_catalog(source, roles=roles or guess_roles(source))
            check_rejects(plan.rejects, rows=plan.rows_in_catalog, most=options.max_rejects)
        with run.stage(Stage.EMBED, total=len(plan.rows)):
            if given is None:
                embedded = _embed(run, plan)
            else:
                embedded = _import(run, plan, given, thumbnails=thumbnails)
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
    lease: Lease
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, stage: Stage, *, total: int | None = None) -> Iterator[None]:
        self.lease.check()
        self.progress.started(stage, total=total)
        start = time.monotonic()
        yield
        self.seconds[str(stage)] = time.monotonic() - start
        self.progress.finished()


def _embed(run: _Run, plan: CatalogPlan) -> Embedded:
    return embed_catalog(
        plan,
        setup=embed_setup(run.layout, run.bundle, run.model, executor=run.executor, options=run.options),
        shard_rows=run.options.shard_rows,
        max_rejects=run.options.max_rejects,
        executor=run.executor,
        progress=run.progress,
    )


def _import(run: _Run, plan: CatalogPlan, given: GivenVectors, *, thumbnails: bool) -> Embedded:
    return import_catalog(
        plan,
        given,
        layout=run.layout,
        model=run.model,
        thumbnails=thumbnails,
        per_host=_per_host(run.options, run.executor),
        shard_rows=run.options.shard_rows,
        max_rejects=run.options.max_rejects,
        executor=run.executor,
        progress=run.progress,
    )


def _make_release(run: _Run, plan: CatalogPlan, embedded: Embedded) -> Summary:
    vectors, positions = stored_vectors(
        embedded.shards,
        layout=run.layout,
        fingerprint=run.model.fingerprint,
        dimension=run.model.dimension,
        plan_rows=plan.rows,
    )
    products = plan.products
    if len(positions) < len(products):  # else it is a copy for nothing
        products = products.take(pa.array(positions)).combine_chunks()
    index = plan_index(
        len(vectors),
        width=2 * run.model.dimension,
        memory=run.options.memory,
        recall_target=run.options.recall_target,
        forced=run.options.index,
    )
    weights = default_weights(images=embedded.images, texts=embedded.texts)
    with new_release(run.layout) as release:
        with run.stage(Stage.BUILD, total=len(vectors)):
            vectors.pull()
            write_table([products], products.schema, release.folder / PRODUCTS)
            write_table(vectors.thumbnails(), THUMBNAILS_SCHEMA, release.folder / THUMBNAILS)
            write_rejects(embedded.rejects, release.folder / REJECTS)
            write_shard_list(embedded.shards, release.folder / SHARDS)
            built = make_index(
                vectors,
                index,
                layout=run.layout,
                folder=release.folder,
                options=run.options,
                executor=run.executor,
                progress=run.progress,
            )
        with run.stage(Stage.EVALUATE):
            # A few hundred texts: the CPU does, also where the workers have GPUs and this process has none.
            encoder = OnnxEncoder(run.bundle, provider=Provider.CPU, threads=cpu_quota(), verify=False)
            attributes = plan.roles.attributes
            queries = sample_queries(products, vectors, attributes=attributes, weights=weights, encoder=encoder)
            built, evaluation = evaluate_or_rebuild(
                built,
                queries,
                vectors,
                index,
                folder=release.folder,
                options=run.options,
                executor=run.executor,
                progress=run.progress,
            )
            drift = _drift(run, release, plan, evaluation, encoder, products=products, weights=weights)
        with run.stage(Stage.PUBLISH):
            report = run_report(
                catalog=run.catalog,
                plan=plan,
                embedded=embedded,
                index=built,
                evaluation=evaluation,
                drift=drift,
                options=run.options,
                workers=run.executor.layout,
                seconds=run.seconds,
            )
            write_json(release.folder / REPORT, report)
            folder = publish_release(
                release,
                model=run.model,
                attributes=attributes,
                rejected=len(embedded.rejects),
                index_files=built.files,
                evaluation=evaluation,
                weights=weights,
                vectors=vectors,
                lease=run.lease,
            )
    return Summary(
        release_id=release.id,
        folder=folder,
        products=len(vectors),
        rejected=len(embedded.rejects),
        reasons=count_reasons(embedded.rejects),
        index=built.plan,
        added=built.added,
        parameters=evaluation.parameters,
        recall={str(kind): found for kind, found in evaluation.recall.items()},
        drift=drift,
        seconds=run.seconds,
        embedded_shards=embedded.embedded_shards,
        cached_shards=embedded.cached_shards,
        read_images=embedded.read_images,
        embedded_images=embedded.embedded_images,
        embedded_texts=embedded.embedded_texts,
        images_per_second=embedded.embedded_images / run.seconds[Stage.EMBED],
    )


def _drift(
    run: _Run,
    release: NewRelease,
    plan: CatalogPlan,
    evaluation: Evaluation,
    encoder: OnnxEncoder,
    *,
    products: pa.Table,
    weights: Mapping[QueryKind, HalfWeights],
) -> Drift:
    """How far the new release is from the live one.

    Raises:
        ReleaseError: Further than it may be.
    """
    live = read_current(run.layout)
    if live is None:
        return Drift()
    new = open_side(release.folder, evaluation.parameters, plan.roles.attributes, encoder)
    texts = drift_texts(products, plan.roles.attributes)
    try:
        drift = drift_from(run.layout, live, new, fingerprint=run.model.fingerprint, texts=texts, weights=weights)
    except StoreUnreachable:  # then nothing is known of it, and nothing can be published either
        raise
    except AisleError as error:  # a live release that cannot be read must not keep its successor from coming
        return Drift(against=live, problem=str(error))
    if drift.same_model and drift.worst > run.options.max_drift:
        figures = ", ".join(f"{kind} {found:.0%}" for kind, found in (drift.differing or {}).items())
        raise ReleaseError(
            f"results over the {drift.unchanged:,} products that did not change differ from those of the live release "
            f"{live} ({figures}; at most {run.options.max_drift:.0%}): the new vectors or their ids are wrong, or were "
            "before; nothing was published. Look into it, or publish anyway with --max-drift 1"
        )
    return drift


def embed_setup(
    layout: Layout, bundle: Path, manifest: ModelManifest, *, executor: Executor, options: ReindexOptions
) -> EmbedSetup:
    """What the shards of a run have in common, as measured best for the executor's workers.

    Args:
        layout: The workspace; absolute.
        bundle: Folder of the model; absolute, its hashes checked.
        manifest: Of the model.
        executor: Who will run the tasks.
        options: Of the run.
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
        per_host=_per_host(options, executor),
        read_all=options.read_all,
    )


def _per_host(options: ReindexOptions, executor: Executor) -> int:
    """One worker's part of the requests that a host is asked at the same time."""
    return max(1, options.requests_per_host // executor.layout.workers)


def _adopt_model(model: Path, manifest: ModelManifest, layout: Layout) -> Path:
    """The bundle's folder within the workspace, where serving looks for it."""
    folder = layout.model(manifest.fingerprint)
    if model.resolve() != folder:
        if (folder / MODEL_MANIFEST).exists():
            pull_model(layout, manifest.fingerprint)
            load_model_manifest(folder)
        else:
            _copy_model(model, folder)
    push_model(layout, folder)
    return folder


def _copy_model(model: Path, folder: Path) -> None:
    temporary = folder.with_name(f".{folder.name}.tmp-{uuid.uuid4().hex[:8]}")
    try:
        temporary.mkdir(parents=True)
        for path in model.iterdir():  # a flat folder; `copytree` would not say that the disk is full
            shutil.copy(path, temporary)
        load_model_manifest(temporary)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_folder(folder.parent)
