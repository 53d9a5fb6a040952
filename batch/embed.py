"""One shard of a catalog to one committed shard file: fetch, decode, encode, write. Knows nothing of executors.

A shard's name is a key over its content, so that a shard whose file exists is done, whoever made it and when. A new
shard takes the vectors of contents that earlier shards hold from there, so that what is encoded is what is new.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.encoder import OnnxEncoder
from aisle.errors import ModelMismatch
from aisle.layout import Layout
from aisle.machine import Provider
from aisle.mirror import exists, pull, pull_all, pull_model, push
from aisle.store import Shard, content_key, read_shard, shard_key, write_shard
from aisle.web import PER_HOST
from batch.encode import Rows, StoredContent, encode_rows, read_embedded
from batch.known import NO_FACTS, NOTHING, Half, Known, Recent
from batch.picture_files import PictureFile, find_files, new_facts, read_files
from batch.plan import Pictures
from batch.rejects import Reject, reason_of


@dataclass(frozen=True, slots=True)
class EmbedSetup:
    """What all shards of a run have in common.

    Attributes:
        layout: Workspace of the shard files; absolute, and the same on every worker.
        bundle: Folder of the model; absolute. Its hashes were checked by whoever made this.
        fingerprint: Of the model.
        provider: Where the encoder runs; never `auto`.
        decode_threads: Threads that decode ahead of the encoder; 0 decodes in the task's own thread.
        image_batch: Pictures per encoder call.
        text_batch: Texts per encoder call.
        per_host: Requests for pictures by http to one host at the same time, of one worker.
        read_all: Read also pictures whose file has not changed since it was read last.
    """

    layout: Layout
    bundle: Path
    fingerprint: str
    provider: Provider
    decode_threads: int
    image_batch: int
    text_batch: int
    per_host: int = PER_HOST
    read_all: bool = False


@dataclass(frozen=True, slots=True)
class ShardTask:
    """n rows to embed.

    Attributes:
        start: Position of the first one in the plan.
        rows: Row numbers in the catalog, int64 `[n]`, rising.
        ids: Product ids.
        texts: What is encoded; empty for products without a text.
        pictures: Where the pictures are; None for a catalog of texts.
        setup: Of the run.
        known: What earlier shards hold, and what earlier runs read.
    """

    start: int
    rows: NDArray[np.int64]
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pictures: Pictures | None
    setup: EmbedSetup
    known: Known = NOTHING

    def part(self, start: int, stop: int) -> "ShardTask":
        """A range of the rows as a task of its own, `stop` excluded."""
        return replace(
            self,
            start=self.start + start,
            rows=self.rows[start:stop],
            ids=self.ids[start:stop],
            texts=self.texts[start:stop],
            pictures=self.pictures.part(start, stop) if self.pictures else None,
        )


@dataclass(frozen=True, slots=True)
class ShardResult:
    """A committed shard.

    Attributes:
        start: Position of its first row in the plan.
        rows: Its rows, rejected ones included.
        key: Its name in the workspace.
        cached: It was there before.
        images: Products that have a picture.
        texts: Products that have a text.
        rejects: Rows that are left out.
        images_read: Picture files that had to be read.
        images_encoded: Pictures that had to be encoded.
        texts_encoded: Texts that had to be encoded.
        facts: What reading found out, in `batch.known.PICTURES_SCHEMA`.
    """

    start: int
    rows: int
    key: str
    cached: bool
    images: int
    texts: int
    rejects: tuple[Reject, ...]
    images_read: int
    images_encoded: int
    texts_encoded: int
    facts: pa.Table


def embed_shard(task: ShardTask) -> ShardResult:
    """Make sure that the shard of these rows is on disk.

    Raises:
        CatalogError: The catalog's pictures cannot be read at all.
        ModelError: The model cannot be used here.
        ReleaseCorrupt: The shard file is there and damaged.
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    setup = task.setup
    pull_all(setup.layout, [*task.known.places, *task.known.pictures])
    files = find_files(task.pictures, task.rows, known=task.known, read_all=setup.read_all, per_host=setup.per_host)
    rows = Rows(
        numbers=task.rows,
        ids=task.ids,
        texts=task.texts,
        text_keys=[content_key(text) for text in task.texts],
        files=files,
    )
    pictures: dict[str, StoredContent] = {}
    path = _path(rows, setup)
    if not exists(setup.layout, path):
        pictures = _embedded(task, [file.key for file in files], Half.IMAGE)
        lacking = [
            place
            for place, file in enumerate(files)
            if file.key and file.data is None and not file.fault and file.key not in pictures
        ]
        if lacking and task.pictures is not None:
            # Their content is known and their vector is not: another model, say. What is read now is what counts.
            rows = replace(rows, files=read_files(task.pictures, task.rows, files, lacking, per_host=setup.per_host))
            path = _path(rows, setup)
    cached = exists(setup.layout, path)
    images_encoded = texts_encoded = 0
    if cached:
        pull(setup.layout, path)
        shard = read_shard(path)
    else:
        pull_model(setup.layout, setup.fingerprint)
        made = encode_rows(
            rows,
            pictures=pictures,
            texts=_embedded(task, rows.text_keys, Half.TEXT),
            encoder=open_encoder(setup.bundle, setup.fingerprint, setup.provider),
            decode_threads=setup.decode_threads,
            image_batch=setup.image_batch,
            text_batch=setup.text_batch,
        )
        shard, images_encoded, texts_encoded = made.shard, made.images, made.texts
        write_shard(shard, path)
        push(setup.layout, path)
        _recent(path.parent).add(path.stem, shard)
    return replace(
        shard_result(shard, path, start=task.start, rows=task.rows, files=rows.files, cached=cached),
        images_encoded=images_encoded,
        texts_encoded=texts_encoded,
        facts=new_facts(rows.files),
    )


def shard_result(
    shard: Shard, path: Path, *, start: int, rows: NDArray[np.int64], files: Sequence[PictureFile], cached: bool
) -> ShardResult:
    """What there is to tell of a committed shard, but for the work that it was.

    Args:
        shard: As it is on disk.
        path: Its file.
        start: Position of its first row in the plan.
        rows: Its rows in this run's catalog, int64 `[n]`: the shard may be of an earlier one.
        files: Its pictures.
        cached: It was there before.
    """
    good = [not fault for fault in shard.faults]
    return ShardResult(
        start=start,
        rows=len(rows),
        key=path.stem,
        cached=cached,
        images=sum(fine and bool(image) for fine, image in zip(good, shard.image_keys, strict=True)),
        texts=sum(fine and bool(text) for fine, text in zip(good, shard.text_keys, strict=True)),
        rejects=tuple(
            Reject(row=int(row), id=product_id, reason=reason_of(fault), detail=detail)
            for row, product_id, fault, detail in zip(rows, shard.ids, shard.faults, shard.details, strict=True)
            if fault
        ),
        images_read=sum(file.data is not None for file in files),
        images_encoded=0,
        texts_encoded=0,
        facts=NO_FACTS,
    )


def _path(rows: Rows, setup: EmbedSetup) -> Path:
    key = shard_key(rows.ids, [file.key for file in rows.files], rows.text_keys, model=setup.fingerprint)
    return setup.layout.shard(setup.fingerprint, key)


def _embedded(task: ShardTask, contents: Sequence[str], half: Half) -> dict[str, StoredContent]:
    recent = _recent(task.setup.layout.embeddings(task.setup.fingerprint))
    places = {**task.known.find_places(contents, half), **recent.find_places(contents, half)}
    return read_embedded(places, half, layout=task.setup.layout, fingerprint=task.setup.fingerprint)


@lru_cache(maxsize=1)
def _recent(folder: Path) -> Recent:  # noqa: ARG001 - one per workspace and model
    return Recent()


@lru_cache(maxsize=1)
def open_encoder(bundle: Path, fingerprint: str, provider: Provider) -> OnnxEncoder:
    """The encoder of this process, opened once.

    Raises:
        ModelError: The model cannot be used here.
        ModelMismatch: The folder holds another model on this machine.
    """
    encoder = OnnxEncoder(bundle, provider=provider, threads=1, verify=False)
    if encoder.manifest.fingerprint != fingerprint:
        raise ModelMismatch(
            f"{bundle} holds the model {encoder.manifest.fingerprint} on this worker and {fingerprint} where the run "
            "began: let both see the same folder"
        )
    return encoder
