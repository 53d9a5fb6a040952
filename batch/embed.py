"""One shard of a catalog to one committed shard file: fetch, decode, encode, write. Knows nothing of executors.

A shard's name is a key over its content, so that a shard whose file exists is done, whoever made it and when.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import RejectReason
from aisle.encoder import OnnxEncoder
from aisle.errors import InvalidImage, ModelMismatch
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS
from aisle.layout import Layout
from aisle.machine import Provider
from aisle.preprocess import Preprocess, decode_for, prepare_image
from aisle.sources import ImageValue
from aisle.store import Shard, content_key, read_shard, shard_key, write_shard
from aisle.types import Encoder, PixelBatch, UnitVectors
from batch.plan import Pictures
from batch.rejects import Reject
from batch.thumbnail import make_thumbnail

FETCH_THREADS = 16
"""Pictures of other machines that are fetched at the same time, per worker."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


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
    """

    layout: Layout
    bundle: Path
    fingerprint: str
    provider: Provider
    decode_threads: int
    image_batch: int
    text_batch: int


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
    """

    start: int
    rows: NDArray[np.int64]
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pictures: Pictures | None
    setup: EmbedSetup

    def part(self, start: int, stop: int) -> "ShardTask":
        """A range of the rows as a task of its own, `stop` excluded."""
        return ShardTask(
            start=self.start + start,
            rows=self.rows[start:stop],
            ids=self.ids[start:stop],
            texts=self.texts[start:stop],
            pictures=self.pictures.part(start, stop) if self.pictures else None,
            setup=self.setup,
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
    """

    start: int
    rows: int
    key: str
    cached: bool
    images: int
    texts: int
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """A picture's bytes, or why there are none."""

    data: bytes = b""
    key: str = ""
    fault: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture as the encoder and the page want it, or why there is none."""

    pixels: PixelBatch | None = None
    thumbnail: bytes = b""
    fault: str = ""
    detail: str = ""


def embed_shard(task: ShardTask) -> ShardResult:
    """Make sure that the shard of these rows is on disk.

    Raises:
        CatalogError: The catalog's pictures cannot be read at all.
        ModelError: The model cannot be used here.
        ReleaseCorrupt: The shard file is there and damaged.
    """
    setup = task.setup
    files = _fetch(task)
    text_keys = [content_key(text) for text in task.texts]
    key = shard_key(task.ids, [file.key for file in files], text_keys, model=setup.fingerprint)
    path = setup.layout.shard(setup.fingerprint, key)
    cached = path.exists()
    if cached:
        shard = read_shard(path)
    else:
        encoder = open_encoder(setup.bundle, setup.fingerprint, setup.provider)
        shard = _embed(task, files, text_keys, encoder=encoder, preprocess=encoder.preprocess)
        write_shard(shard, path)
    good = [not fault for fault in shard.faults]
    return ShardResult(
        start=task.start,
        rows=len(task.rows),
        key=key,
        cached=cached,
        images=sum(fine and bool(image) for fine, image in zip(good, shard.image_keys, strict=True)),
        texts=sum(fine and bool(text) for fine, text in zip(good, shard.text_keys, strict=True)),
        rejects=tuple(
            Reject(row=int(row), id=product_id, reason=fault, detail=detail)
            for row, product_id, fault, detail in zip(task.rows, task.ids, shard.faults, shard.details, strict=True)
            if fault
        ),
    )


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


def _fetch(task: ShardTask) -> list[_File]:
    if task.pictures is None:
        return [_File()] * len(task.rows)
    values = task.pictures.read(task.rows)
    fetch = partial(_fetch_one, folder=task.pictures.folder)
    if any(isinstance(value, str) and "://" in f"{task.pictures.folder}{value}" for value in values):
        with ThreadPoolExecutor(FETCH_THREADS) as pool:  # they wait for the network, not for a core
            return list(pool.map(fetch, values))
    return [fetch(value) for value in values]


def _fetch_one(value: ImageValue, *, folder: str) -> _File:
    try:
        data = fetch_image(value, folder=folder, limits=DEFAULT_LIMITS)
    except InvalidImage as error:
        # Part of the shard's name, so that "cannot be had today" is never taken for "has no picture".
        return _File(key=f"!{error.fault}", fault=error.fault, detail=str(error))
    if data is None:
        return _File()
    return _File(data=data, key=content_key(data) or "!empty")


def _prepare(file: _File, *, preprocess: Preprocess) -> _Picture:
    if not file.key or file.fault:
        return _Picture(fault=file.fault, detail=file.detail)
    try:
        image = decode_for(file.data, preprocess)
    except InvalidImage as error:
        return _Picture(fault=error.fault, detail=str(error))
    return _Picture(pixels=prepare_image(image, preprocess), thumbnail=make_thumbnail(file.data, image))


def _embed(
    task: ShardTask, files: Sequence[_File], text_keys: Sequence[str], *, encoder: OnnxEncoder, preprocess: Preprocess
) -> Shard:
    faults, details, thumbnails = [], [], []
    images = np.zeros((len(files), encoder.dimension), dtype=np.float32)
    waiting: list[tuple[int, PixelBatch]] = []
    with _mapper(task.setup.decode_threads) as ahead:
        for position, picture in enumerate(ahead(partial(_prepare, preprocess=preprocess), files)):
            fault, detail = picture.fault, picture.detail
            if not fault and picture.pixels is None and not task.texts[position]:
                fault, detail = RejectReason.MISSING_CONTENT, "the row has neither a picture nor a text"
            faults.append(str(fault))
            details.append(detail)
            thumbnails.append(picture.thumbnail)
            if picture.pixels is not None:
                waiting.append((position, picture.pixels))
            if len(waiting) == task.setup.image_batch:
                _encode_waiting(waiting, images, encoder)
    _encode_waiting(waiting, images, encoder)
    wanted = [text if not fault else "" for text, fault in zip(task.texts, faults, strict=True)]
    return Shard(
        rows=task.rows,
        ids=task.ids,
        image_keys=[file.key for file in files],
        text_keys=text_keys,
        images=images,
        texts=_encode_texts(wanted, encoder, batch=task.setup.text_batch, dimension=encoder.dimension),
        thumbnails=thumbnails,
        faults=faults,
        details=details,
    )


def _encode_waiting(waiting: list[tuple[int, PixelBatch]], images: UnitVectors, encoder: Encoder) -> None:
    if waiting:
        positions, pixels = zip(*waiting, strict=True)
        images[list(positions)] = encoder.encode_images(np.stack(pixels))
        waiting.clear()


def _encode_texts(texts: Sequence[str], encoder: Encoder, *, batch: int, dimension: int) -> UnitVectors:
    """Each text once, short ones together: a batch is as long as its longest text."""
    vectors = np.zeros((len(texts), dimension), dtype=np.float32)
    unique = sorted({text for text in texts if text}, key=lambda text: (len(text), text))
    places: dict[str, list[int]] = {}
    for position, text in enumerate(texts):
        places.setdefault(text, []).append(position)
    for start in range(0, len(unique), batch):
        some = unique[start : start + batch]
        for text, vector in zip(some, encoder.encode_texts(some), strict=True):
            vectors[places[text]] = vector
    return vectors


class _Map(Protocol):
    def __call__(self, function: Callable[[_Given], _Made], given: Iterable[_Given], /) -> Iterator[_Made]: ...


@contextmanager
def _mapper(threads: int) -> Iterator[_Map]:
    """`map` in this thread, or in threads that run ahead of whoever takes the results."""
    if threads == 0:
        yield map
        return
    with ThreadPoolExecutor(threads) as pool:
        yield pool.map
