"""Where a checkpoint lies: a local folder, or a Hugging Face hub id brought into the hub's own cache."""

import errno
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from aisle.errors import ModelError

TIMEOUT_SECONDS = 10.0
"""For one request to the hub; the first decides whether the hub is there at all."""

_SMALL_FILES = ("*.json", "*.txt", "*.model")


def find_checkpoint(model: str) -> Path:
    """The folder of a checkpoint.

    Args:
        model: A local folder, or a hub id `owner/name`; a folder of that name wins.

    Raises:
        ModelError: No such folder or hub id, or the hub cannot be reached and its cache lacks the model.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ModelError(f"{model} is a file; give the checkpoint's folder")
    if model.startswith((".", "~", "/")) or model.count("/") != 1:
        raise ModelError(
            f"checkpoint folder {model} does not exist; give a folder, or a hub id such as openai/clip-vit-base-patch32"
        )
    return _from_hub(model)


def _from_hub(model: str) -> Path:
    try:
        files = huggingface_hub.HfApi().model_info(model, timeout=TIMEOUT_SECONDS).siblings or []
        safe = any(file.rfilename.endswith(".safetensors") and "/" not in file.rfilename for file in files)
        return _snapshot(model, "*.safetensors" if safe else "pytorch_model*.bin*")
    except GatedRepoError as error:
        raise ModelError(
            f"{model} is gated on the hub: accept its terms there and log in with `huggingface-cli login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"the hub has no model {model}: check the name, log in if it is private, or give a local folder"
        ) from error
    except HFValidationError as error:
        raise ModelError(f"{model!r} is neither a folder nor a valid hub id (owner/name)") from error
    except OfflineModeIsEnabled:
        return _from_cache(model, "the hub is switched off by HF_HUB_OFFLINE")
    except OSError as error:  # requests' and the hub's own errors derive from it
        if error.errno == errno.ENOSPC:
            raise ModelError(
                f"{model} does not fit on this disk: free some space, or point HF_HOME elsewhere"
            ) from error
        return _from_cache(model, f"the hub cannot be reached ({type(error).__name__})")


def _snapshot(model: str, weights: str) -> Path:
    return Path(
        huggingface_hub.snapshot_download(
            model,
            allow_patterns=[*_SMALL_FILES, weights],
            ignore_patterns=["*/*"],
            etag_timeout=TIMEOUT_SECONDS,
        )
    )


def _from_cache(model: str, why: str) -> Path:
    try:
        return Path(huggingface_hub.snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, EntryNotFoundError, OSError) as error:
        raise ModelError(
            f"{why} and {model} is not in its cache: give a local folder that holds the checkpoint, "
            "or point HF_HOME at a cache that has it"
        ) from error
