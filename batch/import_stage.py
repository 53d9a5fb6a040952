"""The embed stage of vectors that were made elsewhere: shards of them, in the workspace's own format.

A shard's key covers the vectors, so that importing an unchanged file again makes nothing and a changed row one shard.
The content keys say "imported": no run that embeds ever takes such a vector for its model's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import RejectReason
from aisle.errors import CatalogError, InvalidImage
from aisle.files import digest
from aisle.images import decode_image
from aisle.layout import Layout
from aisle.manifest import ModelManifest
from aisle.mirror import exists, pull, push
from aisle.store import Shard, read_shard, shard_key, write_shard
from aisle.types import UnitVectors
from batch.embed import ShardResult, shard_result
from batch.embed_stage import Embedded, make_shards
from batch.executor import Executor
from batch.given import GivenVectors, Halves
from batch.known import NOTHING
from batch.picture_files import PictureFile, find_files
from batch.plan import CatalogPlan, Pictures, cut
from batch.progress import ProgressSink
from batch.rejects import VectorFault
from batch.thumbnail import make_thumbnail

NORM_TOLERANCE = 0.01
"""How far from 1 the norm of a unit vector may be: float16 rounds by 5e-4 a number, and the norm by less."""


@dataclass(frozen=True, slots=True)
class ImportTask:
    """n rows to import.

    Attributes:
        start: Position of the first one in the plan.
        rows: Row numbers in the catalog, int64 `[n]`, rising.
        ids: Product ids.
        places: Their rows in the file of vectors, int64 `[n]`; -1 for products without one.
        pictures: For thumbnails; None makes none.
        vectors: The file.
        dimension: Of one half.
        layout: Workspace of the shard files; absolute.
        fingerprint: Of the model.
        per_host: Requests for pictures by http to one host at the same time, of one worker.
    """

    start: int
    rows: NDArray[np.int64]
    ids: tuple[str, ...]
    places: NDArray[np.int64]
    pictures: Pictures | None
    vectors: GivenVectors
    dimension: int
    layout: Layout
    fingerprint: str
    per_host: int

    def part(self, start: int, stop: int) -> "ImportTask":
        """A range of the rows as a task of its own, `stop` excluded."""
        return replace(
            self,
            start=self.start + start,
            rows=self.rows[start:stop],
            ids=self.ids[start:stop],
            places=self.places[start:stop],
            pictures=self.pictures.part(start, stop) if self.pictures else None,
        )


def import_catalog(
    plan: CatalogPlan,
    given: GivenVectors,
    *,
    layout: Layout,
    model: ModelManifest,
    thumbnails: bool,
    per_host: int,
    shard_rows: int,
    max_rejects: float,
    executor: Executor,
    progress: ProgressSink,
) -> Embedded:
    """Bring the shards of all products to disk, from vectors in a file.

    Args:
        plan: Of the catalog.
        given: The vectors.
        layout: The workspace; absolute.
        model: Whose vectors they are said to be.
        thumbnails: Read the pictures and make thumbnails of them.
        per_host: Requests for pictures by http to one host at the same time, of one worker.
        shard_rows: Rows per shard on average.
        max_rejects: Largest fraction of rows that may be rejected.
        executor: Who runs the tasks.
        progress: Is told of rows.

    Raises:
        CatalogError: The vectors do not fit the catalog or the model, or are no unit vectors.
        TooManyRejects: Too many products have no usable vector.
        IncompleteRun: Workers keep dying.
    """
    given.check(dimension=model.dimension, model=model.fingerprint)
    tasks = _tasks(
        plan, given, layout=layout, model=model, thumbnails=thumbnails, per_host=per_host, shard_rows=shard_rows
    )
    return make_shards(import_shard, tasks, plan=plan, max_rejects=max_rejects, executor=executor, progress=progress)


def _tasks(
    plan: CatalogPlan,
    given: GivenVectors,
    *,
    layout: Layout,
    model: ModelManifest,
    thumbnails: bool,
    per_host: int,
    shard_rows: int,
) -> Iterator[ImportTask]:
    ids: list[str] = plan.products.column("id").to_pylist()
    places = given.places(ids, plan.rows, rows_in_catalog=plan.rows_in_catalog)
    vectors = GivenVectors(path=given.path, halves=given.halves, normalise=given.normalise)  # the ids stay here
    for start, stop in cut(ids, rows=shard_rows):
        yield ImportTask(
            start=start,
            rows=plan.rows[start:stop],
            ids=tuple(ids[start:stop]),
            places=places[start:stop],
            pictures=plan.pictures(start, stop) if thumbnails else None,
            vectors=vectors,
            dimension=model.dimension,
            layout=layout,
            fingerprint=model.fingerprint,
            per_host=per_host,
        )


def import_shard(task: ImportTask) -> ShardResult:
    """Make sure that the shard of these rows is on disk.

    Raises:
        CatalogError: A vector's norm is not 1 and none is to be normalised, or the pictures cannot be read at all.
        ReleaseCorrupt: The shard file is there and damaged.
    """
    files = find_files(task.pictures, task.rows, known=NOTHING, read_all=True, per_host=task.per_host)
    images, texts, faults, details = _vectors(task)
    image_keys = [_key(vector, file.key) for vector, file in zip(images, files, strict=True)]
    text_keys = [_key(vector) for vector in texts]
    path = task.layout.shard(
        task.fingerprint, shard_key(task.ids, image_keys, text_keys, model=f"imported {task.fingerprint}")
    )
    cached = exists(task.layout, path)
    if cached:
        pull(task.layout, path)
        shard = read_shard(path)
    else:
        shard = Shard(
            rows=task.rows,
            ids=task.ids,
            image_keys=image_keys,
            text_keys=text_keys,
            images=images,
            texts=texts,
            thumbnails=[_thumbnail(file) for file in files],
            faults=faults,
            details=details,
        )
        write_shard(shard, path)
        push(task.layout, path)
    return shard_result(shard, path, start=task.start, rows=task.rows, files=files, cached=cached)


def _vectors(task: ImportTask) -> tuple[UnitVectors, UnitVectors, list[str], list[str]]:
    """Both halves, and why a row has neither."""
    array = task.vectors.open()
    there = np.asarray(task.places >= 0)
    rows = np.zeros((len(task.places), array.shape[1]), dtype=np.float32)
    rows[there] = array[task.places[there]]
    finite = np.asarray(np.isfinite(rows).all(axis=1))
    rows[~finite] = 0.0
    absent = np.zeros((len(rows), task.dimension), dtype=np.float32)
    match task.vectors.halves:
        case Halves.IMAGE:
            images, texts = _unit(rows, task), absent
        case Halves.TEXT:
            images, texts = absent, _unit(rows, task)
        case Halves.BOTH:
            images, texts = _unit(rows[:, : task.dimension], task), _unit(rows[:, task.dimension :], task)
    faults, details = [""] * len(rows), [""] * len(rows)
    for place in np.flatnonzero(~there | ~finite | ~(images.any(axis=1) | texts.any(axis=1))).tolist():
        if not there[place]:
            faults[place], details[place] = VectorFault.MISSING, f"no vector was given for the id {task.ids[place]!r}"
        elif not finite[place]:
            faults[place] = VectorFault.NOT_FINITE
            details[place] = f"its vector (row {task.places[place]} of the file) holds NaN or infinity"
        else:
            faults[place], details[place] = RejectReason.MISSING_CONTENT, "its vector is zero"
    return images, texts, [str(fault) for fault in faults], details


def _unit(rows: NDArray[np.float32], task: ImportTask) -> UnitVectors:
    norms = np.linalg.norm(rows, axis=1)
    odd = np.flatnonzero((norms > 0) & (np.abs(norms - 1.0) > NORM_TOLERANCE))
    if len(odd) and not task.vectors.normalise:
        place = int(odd[0])
        raise CatalogError(
            f"the vector of {task.ids[place]!r} (row {task.places[place]} of the file) has norm {norms[place]:.4g}, "
            f"and unit vectors have 1; {len(odd)} of the {len(rows)} rows around it are like that. If the model's "
            "vectors only have to be scaled, add --normalise"
        )
    unit: UnitVectors = np.divide(rows, norms[:, None], out=np.zeros_like(rows), where=norms[:, None] > 0)
    return unit


def _key(vector: NDArray[np.float32], picture: str = "") -> str:
    """Of a given vector (and the picture its thumbnail is of); empty for none."""
    return digest("imported", vector.astype(np.float16).tobytes(), picture) if vector.any() else ""


def _thumbnail(file: PictureFile) -> bytes:
    """Empty where the picture cannot be shown: the vector is good all the same."""
    if not file.data:
        return b""
    try:
        return make_thumbnail(file.data, decode_image(file.data))
    except InvalidImage:
        return b""
