"""Embedding shards: ids, content keys, vectors and thumbnails of a few hundred rows in ONE Arrow file.

A shard's name is a key over the model and its rows' ordered ids and content, so a file that exists is a shard
that is done. Rows that were rejected stay in the shard with their reason: nothing is lost between two files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.files import digest, write_atomically
from aisle.types import UnitVectors

FORMAT_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Shard:
    """n rows in catalog order.

    Attributes:
        rows: Row numbers in the catalog, int64 `[n]`.
        ids: Product ids.
        image_keys: Key of the picture's bytes; empty when there is no picture.
        text_keys: Key of the text; empty when there is none.
        images: float32 `[n, dimension]`, unit rows, zero where there is no picture. Stored as float16.
        texts: float32 `[n, dimension]`, unit rows, zero where there is no text. Stored as float16.
        thumbnails: A small JPEG, PNG or WebP file per row; empty when there is no picture.
        faults: Reason of the rejection; empty for rows that are fine.
        details: A sentence about the rejection; empty for rows that are fine.
    """

    rows: NDArray[np.int64]
    ids: Sequence[str]
    image_keys: Sequence[str]
    text_keys: Sequence[str]
    images: UnitVectors
    texts: UnitVectors
    thumbnails: Sequence[bytes]
    faults: Sequence[str]
    details: Sequence[str]


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """What a shard holds, without the vectors: n rows.

    Attributes:
        image_keys: As in `Shard`.
        text_keys: As in `Shard`.
        faults: As in `Shard`.
    """

    image_keys: Sequence[str]
    text_keys: Sequence[str]
    faults: Sequence[str]


def content_key(content: bytes | str) -> str:
    """Key of a picture's bytes or of a text; empty for nothing."""
    return digest(content) if content else ""


def shard_key(ids: Sequence[str], image_keys: Sequence[str], text_keys: Sequence[str], *, model: str) -> str:
    """A shard's name: equal for equal content in equal order under one model, wherever and whenever made."""
    return digest(FORMAT_VERSION, model, *ids, "\0", *image_keys, "\0", *text_keys)


def write_shard(shard: Shard, path: Path) -> None:
    """Commit a shard: after this returns, it survives a power cut."""
    table = pa.table(
        {
            "row": pa.array(shard.rows, pa.int64()),
            "id": pa.array(shard.ids, pa.string()),
            "image_key": pa.array(shard.image_keys, pa.string()),
            "text_key": pa.array(shard.text_keys, pa.string()),
            "image": _halves(shard.images),
            "text": _halves(shard.texts),
            "thumbnail": pa.array(shard.thumbnails, pa.binary()),
            "fault": pa.array(shard.faults, pa.string()),
            "detail": pa.array(shard.details, pa.string()),
        }
    ).replace_schema_metadata({"aisle.shard": FORMAT_VERSION})

    def write(temporary: Path) -> None:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    write_atomically(path, write)


def read_shard(path: Path, *, places: Sequence[int] | None = None) -> Shard:
    """Read a shard.

    Args:
        path: Its file.
        places: Which of its rows, in the order that is wanted; None reads all. The rest is not even touched.

    Raises:
        ReleaseCorrupt: The file is not a shard, or damaged; delete it and run again.
    """
    with _open(path) as table:
        if places is not None:
            table = table.take(pa.array(places, pa.int64()))
        return Shard(
            rows=table.column("row").to_numpy(),
            ids=table.column("id").to_pylist(),
            image_keys=table.column("image_key").to_pylist(),
            text_keys=table.column("text_key").to_pylist(),
            images=_rows(table.column("image")),
            texts=_rows(table.column("text")),
            thumbnails=table.column("thumbnail").to_pylist(),
            faults=table.column("fault").to_pylist(),
            details=table.column("detail").to_pylist(),
        )


def read_shard_keys(path: Path) -> ShardKeys:
    """Read which content a shard holds; its vectors and thumbnails are not touched.

    Raises:
        ReleaseCorrupt: As `read_shard`.
    """
    with _open(path) as table:
        return ShardKeys(
            image_keys=table.column("image_key").to_pylist(),
            text_keys=table.column("text_key").to_pylist(),
            faults=table.column("fault").to_pylist(),
        )


@contextmanager
def _open(path: Path) -> Iterator[pa.Table]:
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
            if (table.schema.metadata or {}).get(b"aisle.shard") != FORMAT_VERSION.encode():
                raise ReleaseCorrupt(f"{path} is not an embedding shard of this version: delete it and run again")
            yield table
    except (pa.ArrowException, OSError, KeyError, IndexError) as error:
        raise ReleaseCorrupt(f"embedding shard {path} cannot be read ({error}): delete it and run again") from error


def _halves(vectors: UnitVectors) -> pa.FixedSizeListArray:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float16).reshape(-1), pa.float16())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _rows(column: pa.ChunkedArray) -> UnitVectors:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    flat: NDArray[np.float16] = array.flatten().to_numpy(zero_copy_only=False)
    return flat.astype(np.float32).reshape(len(array), array.type.list_size)
