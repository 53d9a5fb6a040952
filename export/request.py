"""What an export was asked for: the same again, with the same libraries, would end in the same bundle."""

from collections.abc import Mapping
from pathlib import Path

from aisle.errors import ModelError
from aisle.files import digest, sha256
from aisle.layout import MODEL_MANIFEST
from aisle.machine import Provider
from aisle.manifest import ModelManifest, Precision, load_model_manifest
from export.sample import ParitySample

REQUEST = "request"
"""Key of the request in a manifest's `parity`: the figures there are the answer to it."""

_CHECKPOINT = ("*.json", "*.txt", "*.model", "model*.safetensors", "pytorch_model*.bin")


def request_key(
    checkpoint: Path,
    *,
    precision: Precision | None,
    sample: ParitySample,
    provider: Provider,
    versions: Mapping[str, str],
) -> str:
    """A key over all that decides which bundle an export makes.

    Args:
        checkpoint: Folder; its configuration, tokenizer and weights are read whole.
        precision: The forced one, or None.
        sample: What candidates are compared on.
        provider: Where the bundle will run.
        versions: Of the libraries.
    """
    files = sorted({path for pattern in _CHECKPOINT for path in checkpoint.glob(pattern)})
    return digest(
        *(part for path in files for part in (path.name, sha256(path))),
        str(precision),
        digest(*sample.images),
        digest(*sample.texts),
        str(provider),
        *(f"{name} {version}" for name, version in sorted(versions.items())),
    )


def answered_before(models: Path, key: str) -> tuple[Path, ModelManifest] | None:
    """The bundle that an equal request made, if it is still whole.

    Args:
        models: Folder of bundles.
        key: From `request_key`.

    Returns:
        Its folder and manifest.
    """
    for path in sorted(models.glob(f"*/{MODEL_MANIFEST}")):
        try:
            if load_model_manifest(path.parent, verify=False).parity.get(REQUEST) == key:
                return path.parent, load_model_manifest(path.parent)
        except ModelError:
            continue  # damaged, or of another version: it is made again
    return None
