"""Model and release manifests: versions, sizes and SHA-256 of every file, fingerprints, figures.

A manifest is written after every file it names, so its presence means the artifact is whole.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from aisle.errors import AisleError, ModelError, ReleaseCorrupt
from aisle.files import digest, sha256, write_json
from aisle.layout import IMAGE_GRAPH, MODEL_MANIFEST, PREPROCESS, RELEASE_MANIFEST, TEXT_GRAPH, TOKENIZER
from aisle.vectors import HalfWeights

FORMAT_VERSION = 1
MODEL_FILES = (IMAGE_GRAPH, TEXT_GRAPH, TOKENIZER, PREPROCESS)


class Precision(StrEnum):
    """Number format of a bundle's graphs."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


class AttributeType(StrEnum):
    """What a filterable attribute holds."""

    CATEGORY = "category"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"


class IndexKind(StrEnum):
    """Index families. See docs/architecture.md, "Index plan"."""

    EXACT = "exact"
    IVF = "ivf"
    IVF_SQ8 = "ivf-sq8"
    IVF_PQ = "ivf-pq"
    IVF_RABITQ = "ivf-rabitq"
    HNSW = "hnsw"

    @property
    def refined(self) -> bool:
        """Whether its codes only propose products, which the vectors beside the index then compare."""
        return self in (IndexKind.IVF_SQ8, IndexKind.IVF_PQ, IndexKind.IVF_RABITQ)

    @property
    def has_lists(self) -> bool:
        """Whether products lie in inverted lists."""
        return self is IndexKind.IVF or self.refined


class QueryKind(StrEnum):
    """What a query is made of; default weights and recall are kept for each."""

    TEXT = "text"
    IMAGE = "image"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of an artifact: its name within the folder, its length, its hash."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """`model.json` of a bundle.

    Attributes:
        name: For people: a hub id or a folder's name.
        family: `clip`.
        precision: Number format of both graphs.
        dimension: Length of a vector.
        image_size: Side of the image graph's input, in pixels.
        max_length: Longest token sequence.
        fingerprint: Over both graphs, tokenizer and preprocessing.
        files: What the fingerprint covers.
        parity: Every candidate's figures against the checkpoint, and which was chosen or forced.
        versions: Of the libraries that made it.
    """

    name: str
    family: str
    precision: Precision
    dimension: int
    image_size: int
    max_length: int
    fingerprint: str
    files: tuple[FileRecord, ...]
    parity: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard an index looks for the hits of one query.

    Attributes:
        nprobe: Inverted lists visited; 0 where there are none.
        candidates: Products that codes or a graph propose, to be compared exactly (`efSearch` of a graph); 0 where the
            index itself compares exactly.
    """

    nprobe: int = 0
    candidates: int = 0


@dataclass(frozen=True, slots=True)
class IndexParameters:
    """How a release's index is built and asked.

    Attributes:
        kind: The family.
        nlist: Number of inverted lists; 0 where there are none.
        nprobe: See `Effort`; for a query of no known kind.
        candidates: See `Effort`; for a query of no known kind.
        efforts: Per kind of query, each tuned to the recall target; empty in releases made before there were any.
        parts: Entries of each file of the index, whose products `entries.npy` places (`aisle.entries`); empty where it
            is one file that holds the products in their order.
        base_parts: How many of `parts` were filled when the lists were learnt; the others were appended since.
    """

    kind: IndexKind
    nlist: int = 0
    nprobe: int = 0
    candidates: int = 0
    efforts: Mapping[str, Effort] = field(default_factory=dict)
    parts: tuple[int, ...] = ()
    base_parts: int = 0

    @property
    def asked(self) -> str:
        """The kind and its greatest effort, in words: `ivf-pq, nprobe 16 of 4,000, 128 candidates`."""
        probe = f", nprobe {self.nprobe:,} of {self.nlist:,}" if self.nlist else ""
        return f"{self.kind}{probe}" + (f", {self.candidates:,} candidates" if self.candidates else "")

    def effort(self, kind: QueryKind | None = None) -> Effort:
        """How hard to look for one kind of query."""
        return self.efforts.get(kind or "", Effort(nprobe=self.nprobe, candidates=self.candidates))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the nested records from plain JSON."""
        efforts = {QueryKind(kind): Effort(**effort) for kind, effort in values.get("efforts", {}).items()}
        parts = tuple(values.get("parts", ()))
        return cls(**{**values, "kind": IndexKind(values["kind"]), "efforts": efforts, "parts": parts})


@dataclass(frozen=True, slots=True)
class ReleaseManifest:
    """`release.json`.

    Attributes:
        id: Sortable by time, unique: `20261121T101500-1a2b3c4d`.
        created: ISO 8601, UTC.
        model_fingerprint: The model whose vectors these are.
        model_name: For people.
        dimension: Length of one half of a product vector.
        products: Rows in the index and in `products.arrow`.
        rejected: Rows in `rejects.parquet`.
        attributes: Filterable attributes and their types, in catalog order.
        index: How to ask the index.
        recall: recall@10 against exact search, per query kind.
        weights: Default half weights per query kind.
        files: Every other file of the folder.
    """

    id: str
    created: str
    model_fingerprint: str
    model_name: str
    dimension: int
    products: int
    rejected: int
    attributes: Mapping[str, AttributeType]
    index: IndexParameters
    recall: Mapping[str, float]
    weights: Mapping[str, HalfWeights]
    files: tuple[FileRecord, ...]
    format_version: int = FORMAT_VERSION

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the nested records from plain JSON."""
        return cls(
            **{
                **values,
                "attributes": {name: AttributeType(kind) for name, kind in values["attributes"].items()},
                "index": IndexParameters.from_json(values["index"]),
                "weights": {kind: HalfWeights(**halves) for kind, halves in values["weights"].items()},
                "files": tuple(FileRecord(**record) for record in values["files"]),
            }
        )


def record_files(folder: Path, names: Iterable[str]) -> tuple[FileRecord, ...]:
    """Measure and hash files of a folder."""
    return tuple(
        FileRecord(name=name, bytes=(folder / name).stat().st_size, sha256=sha256(folder / name)) for name in names
    )


def verify_files(folder: Path, records: Iterable[FileRecord], *, error: type[AisleError]) -> None:
    """Compare files with their records: first the length, then the hash.

    Raises:
        error: A file is missing, shorter, longer or altered; the message names it.
    """
    for record in records:
        path = folder / record.name
        if not path.is_file():
            raise error(f"{path} is missing though the manifest names it: build it again")
        if path.stat().st_size != record.bytes:
            raise error(f"{path} has {path.stat().st_size:,} bytes, the manifest says {record.bytes:,}: build it again")
        if sha256(path) != record.sha256:
            raise error(f"{path} was altered (its SHA-256 is not the manifest's): build it again")


def model_fingerprint(records: Iterable[FileRecord]) -> str:
    """16 hexadecimal digits over the names and hashes of a bundle's four files."""
    return digest(*(f"{record.name}:{record.sha256}" for record in sorted(records, key=lambda r: r.name)))[:16]


def save_model_manifest(manifest: ModelManifest, folder: Path) -> None:
    """Write `model.json`, last of the bundle's files."""
    write_json(folder / MODEL_MANIFEST, asdict(manifest))


def load_model_manifest(folder: Path, *, verify: bool = True) -> ModelManifest:
    """Read `model.json` and, unless told otherwise, hash every file it names.

    Raises:
        ModelError: Not a bundle, of another format version, altered, or incomplete.
    """
    values = _read(folder / MODEL_MANIFEST, error=ModelError, remedy="make a bundle with `aisle export`")
    try:
        manifest = ModelManifest(
            **{
                **values,
                "precision": Precision(values["precision"]),
                "files": tuple(FileRecord(**record) for record in values["files"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / MODEL_MANIFEST} cannot be used ({error}): export the model again") from error
    if verify:
        verify_files(folder, manifest.files, error=ModelError)
        if {record.name for record in manifest.files} != set(MODEL_FILES):
            raise ModelError(f"{folder} does not hold exactly {', '.join(MODEL_FILES)}: export the model again")
        if model_fingerprint(manifest.files) != manifest.fingerprint:
            raise ModelError(f"{folder} does not match its fingerprint {manifest.fingerprint}: export it again")
    return manifest


def save_release_manifest(manifest: ReleaseManifest, folder: Path) -> None:
    """Write `release.json`, last of the release's files."""
    write_json(folder / RELEASE_MANIFEST, asdict(manifest))


def load_release_manifest(folder: Path, *, verify: bool = True) -> ReleaseManifest:
    """Read `release.json` and, unless told otherwise, hash every file it names.

    Raises:
        ReleaseCorrupt: Not a release, of another format version, altered, or incomplete.
    """
    values = _read(folder / RELEASE_MANIFEST, error=ReleaseCorrupt, remedy="run `aisle reindex`")
    try:
        manifest = ReleaseManifest.from_json(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReleaseCorrupt(f"{folder / RELEASE_MANIFEST} cannot be used ({error}): run `aisle reindex`") from error
    if verify:
        verify_files(folder, manifest.files, error=ReleaseCorrupt)
    return manifest


def _read(path: Path, *, error: type[AisleError], remedy: str) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise error(f"{path} cannot be read ({cause}): {remedy}") from cause
    if not isinstance(values, dict) or values.get("format_version") != FORMAT_VERSION:
        found = values.get("format_version") if isinstance(values, dict) else None
        raise error(f"{path} has format version {found}, this Aisle reads {FORMAT_VERSION}: {remedy}")
    return values
