"""Vectors that were made elsewhere: a `.npy` or Parquet file, checked, and which of its rows is whose product's."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aisle.catalog import identifier
from aisle.errors import CatalogError
from aisle.files import telling_full_disk

_KINDS = "fe"
_ROWS_AT_ONCE = 4096


class Halves(StrEnum):
    """What the vectors of a file are of."""

    IMAGE = "image"
    TEXT = "text"
    BOTH = "both"
    """A row is `[image ; text]`, twice as long."""


@dataclass(frozen=True, slots=True)
class GivenVectors:
    """Vectors in a file that workers map. Small: it travels to them.

    Attributes:
        path: A `.npy` file of floats, `[n, d]`, or `[n, 2d]` for both halves.
        halves: What they are of.
        normalise: Scale rows to norm 1; otherwise rows of another norm are an error.
        ids: Product id of each row; None for a file whose rows are the catalog's, in its order.
    """

    path: Path
    halves: Halves
    normalise: bool = False
    ids: tuple[str, ...] | None = None

    def open(self) -> NDArray[np.floating]:
        """The file, mapped: rows are read when they are asked for.

        Raises:
            CatalogError: It is no array of floats in two dimensions.
        """
        try:
            array = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            # Of what it does not know NumPy says that it could be loaded "unsafely": no advice to pass on.
            why = "" if "pickle" in str(error) else f" ({error})"
            raise CatalogError(f"{self.path} is no NumPy array of numbers{why}: write it with numpy.save") from error
        if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in _KINDS:
            shape = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
            raise CatalogError(
                f"{self.path} holds {shape}; vectors are float16, float32 or float64 [products, dimension]"
            )
        return array

    def check(self, *, dimension: int, model: str) -> None:
        """Whether the vectors are as long as the model's.

        Args:
            dimension: Of the model.
            model: Its fingerprint.

        Raises:
            CatalogError: They are not, or the file cannot be used.
        """
        found = self.open().shape[1]
        wanted = 2 * dimension if self.halves is Halves.BOTH else dimension
        if found != wanted:
            hint = ""
            if found == 2 * dimension:
                hint = "; rows of [image ; text] are --half both"
            elif self.halves is Halves.BOTH and found == dimension:
                hint = "; vectors of one half are --half image or --half text"
            raise CatalogError(
                f"{self.path} holds vectors of {found} numbers and the model {model} makes {dimension} "
                f"(--half {self.halves} wants {wanted}){hint}; --model names the model that made them"
            )

    def places(self, ids: Sequence[str], rows: NDArray[np.int64], *, rows_in_catalog: int) -> NDArray[np.int64]:
        """The file's row of each product; -1 for one that has none.

        Args:
            ids: Of the products.
            rows: Their catalog rows, int64 `[n]`.
            rows_in_catalog: All rows, rejected ones included.

        Raises:
            CatalogError: Without ids, the file has not one row for each of the catalog's; or an id stands there twice.
        """
        count = len(self.open())
        if self.ids is None:
            if count != rows_in_catalog:
                raise CatalogError(
                    f"{self.path} holds {count:,} vectors and the catalog {rows_in_catalog:,} rows: without ids, row n "
                    "of one is row n of the other. Give the ids with --ids, or both together in a Parquet file"
                )
            return rows
        if len(self.ids) != count:
            raise CatalogError(f"{self.path} holds {count:,} vectors, and there are {len(self.ids):,} ids for them")
        place_of = {product: place for place, product in enumerate(self.ids)}
        if len(place_of) < count:
            twice = next(product for place, product in enumerate(self.ids) if place_of[product] != place)
            raise CatalogError(
                f"id {twice!r} stands twice among the vectors of {self.path}: which one is its product's?"
            )
        return np.array([place_of.get(product, -1) for product in ids], dtype=np.int64)


@contextmanager
def given_vectors(
    path: Path, *, halves: Halves, scratch: Path, normalise: bool = False, ids: Path | None = None, column: str = ""
) -> Iterator[GivenVectors]:
    """Open a file of vectors; one in Parquet is laid out for mapping first, and that copy is gone in the end.

    Args:
        path: A `.npy` file, or a Parquet file of an id column and a column of vectors.
        halves: What they are of.
        scratch: A folder that every worker sees, for the copy.
        normalise: As `GivenVectors`.
        ids: For a `.npy` file: a text file of one product id per line, in the order of its rows.
        column: The column of vectors in a Parquet file; empty takes its only one.

    Raises:
        CatalogError: The file is not there, or neither of both.
    """
    if not path.is_file():
        raise CatalogError(f"there is no file {path}: --vectors takes a .npy or Parquet file")
    path = path.expanduser().resolve()
    if path.suffix == ".npy":
        lines = None if ids is None else tuple(_lines(ids))
        yield GivenVectors(path=path, halves=halves, normalise=normalise, ids=lines)
        return
    if ids is not None:
        raise CatalogError(f"--ids {ids} goes with a .npy file; a Parquet file has its ids in a column `id`")
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix=".import-") as folder:
        copy = Path(folder) / "vectors.npy"
        found = _lay_out(path, column, copy)
        yield GivenVectors(path=copy, halves=halves, normalise=normalise, ids=found)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(
            f"--ids {path} cannot be read ({error}): it is a text file of one product id per line"
        ) from error


def _lay_out(path: Path, column: str, copy: Path) -> tuple[str, ...]:
    """Write a Parquet file's vectors as `.npy`, a few thousand at a time; their ids."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"{path} is neither a .npy nor a Parquet file ({error})") from error
    schema = file.schema_arrow
    column = column or _only_vectors(schema, path)
    for name in ("id", column):
        if name not in schema.names:
            raise CatalogError(f"{path} has no column {name!r} (columns: {', '.join(schema.names)})")
    ids: list[str] = []
    out: NDArray[np.float32] | None = None
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=["id", column]):
        vectors = _matrix(batch.column(column), path=path, name=column, first=len(ids))
        if out is None:
            shape = (file.metadata.num_rows, vectors.shape[1])
            out = np.lib.format.open_memmap(copy, mode="w+", dtype=np.float32, shape=shape)
            with telling_full_disk(copy), copy.open("rb+") as stream:
                os.posix_fallocate(stream.fileno(), 0, copy.stat().st_size)  # a map that meets a full disk is a SIGBUS
        if vectors.shape[1] != out.shape[1]:
            raise CatalogError(
                f"{path}: vectors have {out.shape[1]} numbers, and from row {len(ids)} {vectors.shape[1]}"
            )
        out[len(ids) : len(ids) + len(vectors)] = vectors
        ids += [identifier(value) for value in batch.column("id").to_pylist()]
    if out is None:
        raise CatalogError(f"{path} holds no rows")
    return tuple(ids)


def _only_vectors(schema: pa.Schema, path: Path) -> str:
    found = [field.name for field in schema if _is_list(field.type) and pa.types.is_floating(field.type.value_type)]
    if len(found) != 1:
        names = f"several columns of vectors ({', '.join(found)})" if found else "no column of vectors"
        raise CatalogError(f"{path} has {names}: name it with --vector-column (columns: {', '.join(schema.names)})")
    return str(found[0])


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _matrix(column: pa.Array, *, path: Path, name: str, first: int) -> NDArray[np.float32]:
    if not _is_list(column.type):
        raise CatalogError(f"{path}: column {name!r} is {column.type}; vectors are lists of floats")
    numbers = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    if column.null_count or len(numbers) % len(column):
        raise CatalogError(
            f"{path}: in column {name!r}, rows {first} to {first + len(column) - 1}, vectors differ in length"
        )
    lengths = np.asarray(column.value_lengths())
    if (lengths != lengths[0]).any():
        odd = int(np.flatnonzero(lengths != lengths[0])[0])
        raise CatalogError(f"{path}: row {first + odd} holds {lengths[odd]} numbers and row {first} holds {lengths[0]}")
    return np.asarray(numbers.reshape(len(column), -1), dtype=np.float32)
