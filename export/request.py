"""What a bundle was made of and asked for: the same again, with the same libraries, would end in the same bundle."""

from collections.abc import Mapping
from pathlib import Path

from aisle.errors import ModelError
from aisle.files import digest, sha256
from aisle.layout import MODEL_MANIFEST
from aisle.machine import Provider
from aisle.manifest import ModelManifest, Precision, load_model_manifest
from export.sample import ParitySample

CHECKPOINT, REQUEST = "checkpoint", "request"
"""Keys of both in a manifest's `parity`: the figures there are the answer to them."""

_FILES = ("*.json", "*.txt", "*.model", "model*.safetensors", "pytorch_model*.bin")


def checkpoint_key(checkpoint: Path, *, provider: Provider, versions: Mapping[str, str]) -> str:
    """A key over what a bundle is made of, and by what.

    Args:
        checkpoint: Folder; its configuration, tokenizer and weights are read whole.
        provider: Where the bundle will run.
        versions: Of the libraries.
    """
    files = sorted({path for pattern in _FILES for path in checkpoint.glob(pattern)})
    return digest(
        *(part for path in files for part in (path.name, sha256(path))),
        str(provider),
        *(f"{name} {version}" for name, version in sorted(versions.items())),
    )


def request_key(checkpoint: str, *, precision: Precision | None, sample: ParitySample) -> str:
    """A key over all that decides which bundle an export makes.

    Args:
        checkpoint: From `checkpoint_key`.
        precision: The forced one, or None.
        sample: What candidates are compared on.
    """
    return digest(checkpoint, str(precision), digest(*sample.images), digest(*sample.texts))


def made_before(models: Path, key: str, value: str) -> tuple[Path, ModelManifest] | None:
    """The bundle whose manifest records this, if it is still whole; of several the last.

    Args:
        models: Folder of bundles.
        key: `CHECKPOINT` or `REQUEST`.
        value: From `checkpoint_key` or `request_key`.

    Returns:
        Its folder and manifest.
    """
    manifests = models.glob(f"*/{MODEL_MANIFEST}")
    for path in sorted(manifests, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            if load_model_manifest(path.parent, verify=False).parity.get(key) == value:
                return path.parent, load_model_manifest(path.parent)
        except ModelError:
            continue  # damaged, or of another version: it is made again
    return None
