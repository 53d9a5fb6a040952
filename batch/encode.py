"""A shard's rows to its vectors: every content once, and none that another shard holds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import RejectReason
from aisle.errors import InvalidImage
from aisle.layout import Layout
from aisle.mirror import pull
from aisle.preprocess import Preprocess, decode_for, prepare_image
from aisle.store import Shard, read_shard
from aisle.types import Encoder, PixelBatch, UnitVectors
from batch.known import Half, Place
from batch.picture_files import PictureFile
from batch.thumbnail import make_thumbnail

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

Vector = NDArray[np.float32]
"""One unit vector: float32 `[dimension]`."""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A content that an earlier shard holds.

    Attributes:
        vector: Unit vector, float32 `[dimension]`.
        thumbnail: Of a picture; of a text whatever its row has.
    """

    vector: Vector
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """n rows to embed.

    Attributes:
        numbers: In the catalog, int64 `[n]`.
        ids: Product ids.
        texts: Empty for products without a text.
        text_keys: Content keys of the texts.
        files: Their pictures; every one that is in no shard has been read.
    """

    numbers: NDArray[np.int64]
    ids: Sequence[str]
    texts: Sequence[str]
    text_keys: Sequence[str]
    files: Sequence[PictureFile]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A shard and what it cost.

    Attributes:
        shard: Not on disk yet.
        images: Pictures that were encoded.
        texts: Texts that were encoded.
    """

    shard: Shard
    images: int
    texts: int


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture as the encoder and the page want it, or why there is none."""

    pixels: PixelBatch | None = None
    thumbnail: bytes = b""
    fault: str = ""
    detail: str = ""


class ShardEncoder(Encoder, Protocol):
    """An encoder that says how its pictures are prepared."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    preprocess: Preprocess


def read_embedded(
    places: Mapping[str, Place], half: Half, *, layout: Layout, fingerprint: str
) -> dict[str, StoredContent]:
    """Fetch what earlier shards hold, believing no table: a shard may be gone, a number may be two contents'.

    Args:
        places: Where each content is said to be.
        half: Pictures or texts.
        layout: The workspace.
        fingerprint: Of the model.

    Raises:
        ReleaseCorrupt: A shard is damaged.
    """
    holders: dict[str, list[str]] = {}
    for content, place in places.items():
        holders.setdefault(place.shard, []).append(content)
    found: dict[str, StoredContent] = {}
    for key, contents in holders.items():
        path = layout.shard(fingerprint, key)
        if not pull(layout, path):
            continue
        shard = read_shard(path, places=[places[content].place for content in contents])
        keys, vectors = (shard.image_keys, shard.images) if half is Half.IMAGE else (shard.text_keys, shard.texts)
        for row, content in enumerate(contents):
            if keys[row] == content and not shard.faults[row]:
                found[content] = StoredContent(vector=vectors[row], thumbnail=shard.thumbnails[row])
    return found


def encode_rows(
    rows: Rows,
    *,
    pictures: Mapping[str, StoredContent],
    texts: Mapping[str, StoredContent],
    encoder: ShardEncoder,
    decode_threads: int,
    image_batch: int,
    text_batch: int,
) -> Encoded:
    """Embed rows.

    Args:
        rows: See there.
        pictures: Those that earlier shards hold, by content key.
        texts: Likewise.
        encoder: Of the others.
        decode_threads: Threads that decode ahead of the encoder; 0 decodes in this one.
        image_batch: Pictures per encoder call.
        text_batch: Texts per encoder call.
    """
    faults = [file.fault for file in rows.files]
    details = [file.detail for file in rows.files]
    thumbnails = [b""] * len(rows.files)
    images = np.zeros((len(rows.files), encoder.dimension), dtype=np.float32)
    places: dict[str, list[int]] = {}
    for place, file in enumerate(rows.files):
        if file.key and not file.fault:
            places.setdefault(file.key, []).append(place)
    for content in places.keys() & pictures.keys():
        images[places[content]] = pictures[content].vector
        for place in places[content]:
            thumbnails[place] = pictures[content].thumbnail
    new = [content for content in places if content not in pictures]
    waiting: list[tuple[list[int], PixelBatch]] = []
    encoded = 0
    with _mapper(decode_threads) as ahead:
        files = [rows.files[places[content][0]] for content in new]
        prepared = ahead(partial(_prepare, preprocess=encoder.preprocess), files)
        for content, picture in zip(new, prepared, strict=True):
            for place in places[content]:
                faults[place], details[place], thumbnails[place] = picture.fault, picture.detail, picture.thumbnail
            if picture.pixels is not None:
                waiting.append((places[content], picture.pixels))
            if len(waiting) == image_batch:
                encoded += _encode_waiting(waiting, images, encoder)
    encoded += _encode_waiting(waiting, images, encoder)
    for place, file in enumerate(rows.files):
        if not file.key and not rows.texts[place]:
            faults[place] = RejectReason.MISSING_CONTENT
            details[place] = "the row has neither a picture nor a text"
    wanted = [text if not fault else "" for text, fault in zip(rows.texts, faults, strict=True)]
    said, texts_encoded = _encode_texts(wanted, rows.text_keys, texts, encoder, batch=text_batch)
    shard = Shard(
        rows=rows.numbers,
        ids=rows.ids,
        image_keys=[file.key for file in rows.files],
        text_keys=rows.text_keys,
        images=images,
        texts=said,
        thumbnails=thumbnails,
        faults=[str(fault) for fault in faults],
        details=details,
    )
    return Encoded(shard=shard, images=encoded, texts=texts_encoded)


def _prepare(file: PictureFile, *, preprocess: Preprocess) -> _Picture:
    data = file.data or b""
    try:
        image = decode_for(data, preprocess)
    except InvalidImage as error:
        return _Picture(fault=error.fault, detail=str(error))
    return _Picture(pixels=prepare_image(image, preprocess), thumbnail=make_thumbnail(data, image))


def _encode_waiting(waiting: list[tuple[list[int], PixelBatch]], images: UnitVectors, encoder: Encoder) -> int:
    """Encode one batch into all rows that show its pictures; the number of pictures."""
    if not waiting:
        return 0
    vectors = encoder.encode_images(np.stack([pixels for _, pixels in waiting]))
    for (places, _), vector in zip(waiting, vectors, strict=True):
        images[places] = vector
    waiting.clear()
    return len(vectors)


def _encode_texts(
    texts: Sequence[str], keys: Sequence[str], known: Mapping[str, StoredContent], encoder: ShardEncoder, *, batch: int
) -> tuple[UnitVectors, int]:
    """Each new text once, short ones together: a batch is as long as its longest text."""
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    places: dict[str, list[int]] = {}
    for place, (text, key) in enumerate(zip(texts, keys, strict=True)):
        if text and key in known:
            vectors[place] = known[key].vector
        elif text:
            places.setdefault(text, []).append(place)
    new = sorted(places, key=lambda text: (len(text), text))
    for start in range(0, len(new), batch):
        some = new[start : start + batch]
        for text, vector in zip(some, encoder.encode_texts(some), strict=True):
            vectors[places[text]] = vector
    return vectors, len(new)


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
