"""The files of a shard's pictures: what is in them, and no more of them read than that takes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.errors import InvalidImage
from aisle.fetch import fetch_picture, picture_stamp, web_location
from aisle.images import DEFAULT_LIMITS
from aisle.sources import ImageValue
from aisle.stamps import Stamp
from aisle.store import content_key
from batch.known import Known, is_content, picture_facts
from batch.plan import Pictures

FETCH_THREADS = 16
"""Pictures of other machines that are fetched at the same time, per worker."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """What a row of the catalog has for a picture.

    Attributes:
        key: Of the content; empty when there is no picture. What cannot be had has its fault behind an `!`: the key is
            part of the shard's name, and "cannot be had today" must never be taken for "has no picture".
        data: The file's bytes; None when it was not read, because its state says what is in it.
        fault: Why it cannot be had; empty when it can.
        detail: A sentence about that.
        stamp: Its state before it was read, or as it was; None where the file system does not tell.
    """

    key: str = ""
    data: bytes | None = None
    fault: str = ""
    detail: str = ""
    stamp: Stamp | None = None


def find_files(
    pictures: Pictures | None, rows: NDArray[np.int64], *, known: Known, read_all: bool, per_host: int
) -> list[PictureFile]:
    """Find out what is in each picture's file: from its state where that is known, else by reading it.

    Args:
        pictures: Where they are; None for a catalog of texts.
        rows: Catalog rows, int64 `[n]`, rising: those that `pictures` was made for.
        known: What earlier runs read.
        read_all: Read also what is known.
        per_host: By http, requests to one host at the same time, of this worker.
    """
    if pictures is None:
        return [PictureFile()] * len(rows)
    files = _look(pictures, rows, known=Known() if read_all else known, per_host=per_host)
    unknown = [place for place, file in enumerate(files) if not file.key]
    return read_files(pictures, rows, files, unknown, per_host=per_host)


def read_files(
    pictures: Pictures,
    rows: NDArray[np.int64],
    files: Sequence[PictureFile],
    places: Sequence[int],
    *,
    per_host: int,
) -> list[PictureFile]:
    """Read some of the files.

    Args:
        pictures: Where they are.
        rows: As in `find_files`.
        files: What is known of them.
        places: Which.
        per_host: As in `find_files`.

    Returns:
        All files, those that were read with their bytes.
    """
    found = list(files)
    if places:
        values = pictures.read(rows)
        asked = [(values[place], found[place].stamp) for place in places]
        read = _each(
            partial(_read, folder=pictures.folder, per_host=per_host), asked, remote=_is_remote(pictures, values)
        )
        for place, file in zip(places, read, strict=True):
            found[place] = file
    return found


def new_facts(files: Sequence[PictureFile]) -> pa.Table:
    """What was found out by reading, in `batch.known.PICTURES_SCHEMA`."""
    read = [(file.stamp, file.key) for file in files if file.data is not None and file.stamp and is_content(file.key)]
    return picture_facts([stamp for stamp, _ in read], [key for _, key in read])


def _look(pictures: Pictures, rows: NDArray[np.int64], *, known: Known, per_host: int) -> list[PictureFile]:
    """Each file's state, and its content where that is known of this state."""
    if pictures.source is None:
        values = pictures.read(rows)
        asked = _worth_asking(values, folder=pictures.folder, known=known)
        look = partial(_stamped, folder=pictures.folder, per_host=per_host)
        stamped = _each(look, [values[place] for place in asked], remote=_is_remote(pictures, values))
        files = [PictureFile()] * len(values)
        for place, file in zip(asked, stamped, strict=True):
            files[place] = file
    else:
        files = [PictureFile(stamp=stamp) for stamp in pictures.stamps(rows)]
    contents = known.find_contents([file.stamp for file in files])
    return [replace(file, key=content) if content else file for file, content in zip(files, contents, strict=True)]


def _worth_asking(values: Sequence[ImageValue], *, folder: str, known: Known) -> list[int]:
    """Places of pictures whose state may tell what is in them. Of one by http that nobody read yet it comes with it."""
    urls = {place: url for place, value in enumerate(values) if (url := web_location(value, folder=folder))}
    known_urls = known.knows(list(urls.values()))
    new = {place for place, knows in zip(urls, known_urls.tolist(), strict=True) if not knows}
    return [place for place in range(len(values)) if place not in new]


def _stamped(value: ImageValue, *, folder: str, per_host: int) -> PictureFile:
    try:
        return PictureFile(stamp=picture_stamp(value, folder=folder, per_host=per_host))
    except InvalidImage as error:
        return _lost(error)


def _read(asked: tuple[ImageValue, Stamp | None], *, folder: str, per_host: int) -> PictureFile:
    value, stamp = asked
    try:
        found = fetch_picture(value, folder=folder, limits=DEFAULT_LIMITS, per_host=per_host)
    except InvalidImage as error:
        return _lost(error)
    if found.data is None:
        return PictureFile()
    return PictureFile(key=content_key(found.data) or "!empty", data=found.data, stamp=stamp or found.stamp)


def _lost(error: InvalidImage) -> PictureFile:
    return PictureFile(key=f"!{error.fault}", fault=error.fault, detail=str(error))


def _is_remote(pictures: Pictures, values: Sequence[ImageValue]) -> bool:
    return any(isinstance(value, str) and "://" in f"{pictures.folder}{value}" for value in values)


def _each(function: Callable[[_Given], _Made], given: Sequence[_Given], *, remote: bool) -> list[_Made]:
    if not remote:
        return [function(one) for one in given]
    with ThreadPoolExecutor(FETCH_THREADS) as pool:  # they wait for the network, not for a core
        return list(pool.map(function, given))
