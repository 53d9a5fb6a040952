"""Every path of a workspace, in one place. See docs/architecture.md, "A workspace"."""

from dataclasses import dataclass
from pathlib import Path

MODEL_MANIFEST = "model.json"
IMAGE_GRAPH = "image.onnx"
TEXT_GRAPH = "text.onnx"
TOKENIZER = "tokenizer.json"
PREPROCESS = "preprocess.json"

RELEASE_MANIFEST = "release.json"
INDEX = "index.faiss"
PRODUCTS = "products.arrow"
THUMBNAILS = "thumbnails.arrow"
REJECTS = "rejects.parquet"
REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one workspace folder.

    Attributes:
        root: The workspace.
    """

    root: Path

    @property
    def current(self) -> Path:
        """The file that names the live release; written last, replaced atomically."""
        return self.root / "CURRENT"

    @property
    def hidden(self) -> Path:
        """Ids of products taken down without a reindex."""
        return self.root / "hidden.json"

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

    def shard(self, fingerprint: str, key: str) -> Path:
        """One embedding shard, named by the content it holds."""
        return self.embeddings(fingerprint) / f"{key}.arrow"

    def release(self, release_id: str) -> Path:
        """Folder of one release."""
        return self.releases / release_id
