"""Catalog sources: Parquet, CSV, JSON lines, folders of pictures, Hugging Face data sets.

A source hands out its rows without pictures (small, for planning) and, apart, the pictures of a range of
rows (large, for the shard that embeds them). Sources are small and pickle, so that workers can open their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Protocol

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from aisle.catalog import is_picture_type
from aisle.errors import CatalogError
from aisle.stamps import Stamp, stamp

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")

ImageValue = bytes | str | None
"""A picture as the catalog holds it: its bytes, or where it lies (path, URL, data URI), or nothing."""


class Source(Protocol):
    """A catalog."""

    @property
    def schema(self) -> pa.Schema:
        """Columns and types."""
        ...

    @property
    def folder(self) -> str:
        """What relative picture paths are relative to."""
        ...

    def scan(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows in order, a table at a time, with these columns."""
        ...

    def images(self, column: str, start: int, stop: int) -> list[ImageValue]:
        """The pictures of rows `start` to `stop`, the latter excluded."""
        ...


def open_source(catalog: str) -> Source:
    """Open a catalog by its path, URL or Hugging Face name.

    Args:
        catalog: A `.parquet`, `.csv`, `.tsv`, `.jsonl` or `.ndjson` file or a folder or glob of Parquet files,
            local or of any fsspec scheme; a folder of pictures; a folder written by `Dataset.save_to_disk`; or
            `hf:owner/name[:split]` for a data set of the hub.

    Raises:
        CatalogError: There is nothing of these kinds.
    """
    for remembered in (_opened, _row_groups, _row_group):  # files may have changed since this process read them last
        remembered.cache_clear()
    if catalog.startswith("hf:"):
        return DatasetSource(catalog.removeprefix("hf:"))
    try:
        filesystem, path = fsspec.core.url_to_fs(catalog)
        if any(sign in path for sign in "*?["):
            return ParquetSource(_full(filesystem, sorted(filesystem.glob(path)), catalog))
        if filesystem.isdir(path):
            return _open_folder(filesystem, path, catalog)
        if not filesystem.exists(path):
            raise CatalogError(
                f"catalog {catalog} does not exist; give a file, a folder, or hf:owner/name for a Hugging Face data set"
            )
        return _open_file(filesystem, path, catalog)
    except (ValueError, ImportError, OSError) as error:
        raise CatalogError(f"catalog {catalog} cannot be opened: {error}") from error


def _open_file(filesystem: Any, path: str, catalog: str) -> Source:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in {".parquet", ".pq"}:
        return ParquetSource(_full(filesystem, [path], catalog))
    folder = str(PurePosixPath(filesystem.unstrip_protocol(path)).parent) if "://" in catalog else _parent(path)
    with filesystem.open(path, "rb") as stream:
        if suffix in {".csv", ".tsv"}:
            delimiter = "\t" if suffix == ".tsv" else ","
            table = pyarrow.csv.read_csv(stream, parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter))
        elif suffix in {".jsonl", ".ndjson", ".json"}:
            table = pyarrow.json.read_json(stream)
        else:
            raise CatalogError(
                f"catalog {catalog} has suffix {suffix or 'none'!r}; known are .parquet, .csv, .tsv, .jsonl and .ndjson"
            )
    return TableSource(table, folder)


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _open_folder(filesystem: Any, path: str, catalog: str) -> Source:
    names = sorted(filesystem.find(path))
    if any(PurePosixPath(name).name == "dataset_info.json" for name in names):
        return DatasetSource(path)
    parquet = [name for name in names if name.endswith(".parquet")]
    if parquet:
        return ParquetSource(_full(filesystem, parquet, catalog))
    pictures = [name for name in names if name.lower().endswith(PICTURE_SUFFIXES)]
    if not pictures:
        raise CatalogError(f"folder {catalog} holds neither Parquet files nor pictures ({', '.join(PICTURE_SUFFIXES)})")
    relative = [name[len(path.rstrip("/")) + 1 :] for name in pictures]
    titles = [" ".join(PurePosixPath(n).stem.replace("_", " ").replace("-", " ").split()) for n in relative]
    folders = [str(PurePosixPath(name).parent) if "/" in name else None for name in relative]
    columns: dict[str, list[str | None]] = {"id": [*relative], "image": [*relative], "title": [*titles]}
    if any(folders):
        columns["folder"] = folders
    return TableSource(pa.table(columns), filesystem.unstrip_protocol(path) if "://" in catalog else path)


def _full(filesystem: Any, paths: Sequence[str], catalog: str) -> tuple[str, ...]:
    if not paths:
        raise CatalogError(f"catalog {catalog} matches no file")
    return tuple(filesystem.unstrip_protocol(path) for path in paths)


@dataclass(frozen=True, slots=True)
class TableSource:
    """A catalog small enough to hold without its pictures: CSV, JSON lines, a folder of pictures."""

    table: pa.Table
    folder: str

    @property
    def schema(self) -> pa.Schema:
        """Columns and types."""
        return self.table.schema

    def scan(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows, at once."""
        yield self.table.select(list(columns))

    def images(self, column: str, start: int, stop: int) -> list[ImageValue]:
        """Paths, URLs or base64 texts of a range of rows."""
        return _values(self.table.column(column).slice(start, stop - start))


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """One or more Parquet files of equal schema, in the order of their names."""

    files: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Columns and types of the first file."""
        return _opened(self.files[0]).file.schema_arrow

    @property
    def folder(self) -> str:
        """The first file's folder."""
        return self.files[0].removeprefix("file://").rsplit("/", 1)[0]

    def scan(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows, a row group at a time."""
        for path in self.files:
            file = _opened(path).file
            missing = set(columns) - set(file.schema_arrow.names)
            if missing:
                raise CatalogError(f"{path} has no column {sorted(missing)[0]!r}, which {self.files[0]} has")
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=list(columns))

    def images(self, column: str, start: int, stop: int) -> list[ImageValue]:
        """Pictures of a range of rows; the row group read last is kept, so ranges in order read it once."""
        values: list[ImageValue] = []
        for path, group, first, count in _row_groups(self.files):
            low, high = max(start, first), min(stop, first + count)
            if low < high:
                values += _values(_row_group(path, group, column).slice(low - first, high - low))
        return values

    def stamps(self, column: str, start: int, stop: int) -> list[Stamp | None]:
        """Where the pictures of a range of rows lie, and the state of their file when this process opened it."""
        found: list[Stamp | None] = []
        file, base = "", 0
        for path, _, first, count in _row_groups(self.files):
            if path != file:
                file, base = path, first
            rows = range(max(start, first), min(stop, first + count))
            state = _opened(path).state if rows else ""
            found += [Stamp(f"{path}#{column}#{row - base}", state) if state else None for row in rows]
        return found


@dataclass(frozen=True, slots=True)
class _Opened:
    """A Parquet file and the state it was in before it was opened; empty where that cannot be known."""

    file: pq.ParquetFile
    state: str


@lru_cache(maxsize=64)
def _opened(path: str) -> _Opened:
    filesystem, name = fsspec.core.url_to_fs(path)
    found = stamp(path)
    try:
        return _Opened(file=pq.ParquetFile(filesystem.open(name, "rb")), state=found.state if found else "")
    except pa.ArrowException as error:
        raise CatalogError(f"{path} is not a readable Parquet file: {error}") from error


@lru_cache(maxsize=8)
def _row_groups(files: tuple[str, ...]) -> tuple[tuple[str, int, int, int], ...]:
    groups, first = [], 0
    for path in files:
        metadata = _opened(path).file.metadata
        for group in range(metadata.num_row_groups):
            count = metadata.row_group(group).num_rows
            groups.append((path, group, first, count))
            first += count
    return tuple(groups)


@lru_cache(maxsize=1)
def _row_group(path: str, group: int, column: str) -> pa.ChunkedArray:
    return _opened(path).file.read_row_group(group, columns=[column]).column(column)


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A Hugging Face data set: `owner/name[:split]` of the hub, or a folder of `save_to_disk`."""

    name: str

    @property
    def schema(self) -> pa.Schema:
        """Columns and types as Arrow stores them."""
        return _dataset(self.name).data.schema

    @property
    def folder(self) -> str:
        """The working folder: a data set's own pictures are embedded or absolute."""
        return "."

    def scan(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All rows, 10,000 at a time."""
        dataset = _dataset(self.name).select_columns(list(columns)).with_format("arrow")
        for start in range(0, len(dataset), 10_000):
            yield dataset[start : start + 10_000]

    def images(self, column: str, start: int, stop: int) -> list[ImageValue]:
        """Pictures of a range of rows, undecoded."""
        rows = _dataset(self.name).select_columns([column]).with_format("arrow")[start:stop]
        return _values(rows.column(column))


@lru_cache(maxsize=2)
def _dataset(name: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise CatalogError(f"catalog hf:{name} needs the package datasets: pip install 'aisle[batch]'") from error
    try:
        if fsspec.filesystem("file").isdir(name):
            loaded = datasets.load_from_disk(name)
            if isinstance(loaded, datasets.DatasetDict):
                first = next(iter(loaded))
                raise CatalogError(f"{name} holds the splits {', '.join(loaded)}; give one: {name}/{first}")
            return loaded
        repository, _, split = name.partition(":")
        return datasets.load_dataset(repository, split=split or "train")
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise CatalogError(
            f"Hugging Face data set {name} cannot be loaded: {str(error).splitlines()[0]}; check the name and split, "
            "or where the hub cannot be reached download the Parquet files and give their folder"
        ) from error


def _values(column: pa.ChunkedArray) -> list[ImageValue]:
    if pa.types.is_struct(column.type):
        return [None if v is None else (v.get("bytes") or v.get("path")) for v in column.to_pylist()]
    values: list[ImageValue] = column.to_pylist()
    return values


def holds_bytes(source: Source, column: str) -> bool:
    """Whether the pictures lie inside the catalog itself."""
    return is_picture_type(source.schema.field(column).type)


def first_rows(source: Source, *, most: int) -> pa.Table:
    """The first rows of a catalog without picture bytes: what roles are guessed from. A catalog may have none."""
    columns = [field.name for field in source.schema if not is_picture_type(field.type)]
    return next(iter(source.scan(columns)), source.schema.empty_table().select(columns)).slice(0, most)
