"""Every path of a workspace, in one place. See docs/architecture.md, "A workspace"."""

from dataclasses import dataclass
from pathlib import Path

from aisle.objects import ObjectStore

MODEL_MANIFEST = "model.json"
IMAGE_GRAPH = "image.onnx"
TEXT_GRAPH = "text.onnx"
TOKENIZER = "tokenizer.json"
PREPROCESS = "preprocess.json"

RELEASE_MANIFEST = "release.json"
INDEX = "index.faiss"
VECTORS = "vectors.npy"
ENTRIES = "entries.npy"
TRAINED = "trained.faiss"
PRODUCTS = "products.arrow"
THUMBNAILS = "thumbnails.arrow"
REJECTS = "rejects.parquet"
REPORT = "report.json"
SHARDS = "shards.parquet"


def part_name(name: str, part: int) -> str:
    """File of one part of an index: `index.faiss` of the first, `index-1.faiss` of the next, and so with vectors."""
    stem, _, kind = name.partition(".")
    return f"{stem}-{part}.{kind}" if part else name


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one workspace folder.

    Attributes:
        root: The workspace; where it lies on an object store, the folder that mirrors it (`aisle.mirror`).
        store: Where it lies, unless that is `root`.
    """

    root: Path
    store: ObjectStore | None = None

    @property
    def place(self) -> str:
        """Where the workspace is, for people."""
        return str(self.root) if self.store is None else self.store.url

    def shown(self, path: Path) -> str:
        """A path of the workspace as people find it: where the workspace lies on a store, its URL."""
        return str(path) if self.store is None else f"{self.store.url}/{path.relative_to(self.root).as_posix()}"

    @property
    def current(self) -> Path:
        """The file that names the live release; written last, replaced atomically."""
        return self.root / "CURRENT"

    @property
    def hidden(self) -> Path:
        """Ids of products taken down without a reindex."""
        return self.root / "hidden.json"

    @property
    def lock(self) -> Path:
        """Who reindexes or cleans up: one at a time."""
        return self.root / ".reindex.lock"

    @property
    def publish_lock(self) -> Path:
        """Who replaces `CURRENT`, for the moment that takes."""
        return self.root / ".publish.lock"

    @property
    def hidden_lock(self) -> Path:
        """Who replaces `hidden.json`, for the moment that takes."""
        return self.root / ".hidden.lock"

    @property
    def models(self) -> Path:
        """Folder of model bundles."""
        return self.root / "models"

    @property
    def releases(self) -> Path:
        """Folder of releases."""
        return self.root / "releases"

    def model(self, fingerprint: str) -> Path:
        """Folder of one model bundle."""
        return self.models / fingerprint

    def embeddings(self, fingerprint: str) -> Path:
        """Folder of the embedding shards made with one model."""
        return self.root / "embeddings" / fingerprint

    def known(self, fingerprint: str) -> Path:
        """Folder of the tables that say which shard holds which content. Made from the shards; safe to delete."""
        return self.embeddings(fingerprint) / "known"

    def all_embeddings(self) -> list[Path]:
        """The folder of every model that has embedding shards; its name is the model's fingerprint."""
        return sorted(path for path in (self.root / "embeddings").glob("*") if path.is_dir())

    def shard(self, fingerprint: str, key: str) -> Path:
        """One embedding shard, named by the content it holds."""
        return self.embeddings(fingerprint) / f"{key}.arrow"

    def release(self, release_id: str) -> Path:
        """Folder of one release."""
        return self.releases / release_id
