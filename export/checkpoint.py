"""Opening a CLIP checkpoint, distrusting it: every way a folder can be incomplete has its own message."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

from aisle.errors import ModelError
from export.hub import find_checkpoint
from export.quiet import quiet

FAMILY = "clip"
_AGAIN = "the folder looks half-downloaded: fetch it again"
_PROCESSORS = {"CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor"}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An opened checkpoint.

    Attributes:
        name: The hub id, or the folder's name.
        folder: Where its files lie.
        model: float32, evaluation mode, eager attention.
        tokenizer: With a Rust backend.
        processor: transformers' own, implemented in numpy and Pillow.
    """

    name: str
    folder: Path
    model: CLIPModel
    tokenizer: PreTrainedTokenizerFast
    processor: CLIPImageProcessor


def open_checkpoint(model: str) -> Checkpoint:
    """Open a CLIP checkpoint.

    Args:
        model: A local folder, or a hub id.

    Raises:
        ModelError: It cannot be found, is of another family, or is incomplete.
    """
    folder = find_checkpoint(model)
    local = Path(model).expanduser().is_dir()
    config = _read_json(folder, "config.json", need="give the folder of a checkpoint, the one that holds config.json")
    _check_family(folder, config)
    _check_weights(folder)
    with quiet():
        return Checkpoint(
            name=folder.resolve().name if local else model,
            folder=folder,
            model=_load_model(folder),
            tokenizer=_load_tokenizer(folder),
            processor=_load_processor(folder),
        )


def _read_json(folder: Path, name: str, *, need: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        raise ModelError(f"{folder} has no {name}: {need}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): {_AGAIN}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is not a JSON object: {_AGAIN}")
    return values


def _check_family(folder: Path, config: dict[str, Any]) -> None:
    found = config.get("model_type")
    if found != FAMILY:
        raise ModelError(
            f"{folder.name} is a checkpoint of model_type {found!r}; Aisle exports {FAMILY!r} with both towers, "
            "for example openai/clip-vit-base-patch32"
        )


def _check_weights(folder: Path) -> None:
    """Find the weights and check that each file is whole, before anything large is loaded."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return _check_whole(folder / name)
        if (folder / f"{name}.index.json").is_file():
            index = _read_json(folder, f"{name}.index.json", need=_AGAIN)
            for shard in sorted(set(index.get("weight_map", {}).values())):
                if not (folder / shard).is_file():
                    raise ModelError(f"{folder} lacks the weights {shard} that its index names: {_AGAIN}")
                _check_whole(folder / shard)
            return None
    raise ModelError(f"{folder} has no weights (model.safetensors or pytorch_model.bin): {_AGAIN}")


def _check_whole(path: Path) -> None:
    if path.suffix == ".bin":
        if not zipfile.is_zipfile(path):
            raise ModelError(
                f"{path} is truncated or not a PyTorch weight file ({path.stat().st_size:,} bytes): {_AGAIN}"
            )
        return
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} is truncated or not a safetensors file ({path.stat().st_size:,} bytes; {error}): {_AGAIN}"
        ) from error


def _load_model(folder: Path) -> CLIPModel:
    try:
        model, report = CLIPModel.from_pretrained(
            folder,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="eager",
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} cannot be loaded as CLIPModel: {first_line(error)}; {_AGAIN}") from error
    missing = sorted(key for key in report["missing_keys"] if not key.endswith("position_ids"))
    if missing:
        # transformers would fill them with noise and go on.
        raise ModelError(f"{folder} lacks {len(missing)} weights of CLIPModel, the first is {missing[0]}: {_AGAIN}")
    return model.eval()


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    if not (folder / "tokenizer.json").is_file() and not (
        (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    ):
        raise ModelError(f"{folder} has no tokenizer (tokenizer.json, or vocab.json and merges.txt): {_AGAIN}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
    except Exception as error:  # the Rust binding raises bare Exception
        raise ModelError(f"the tokenizer of {folder} cannot be opened: {first_line(error)}; {_AGAIN}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"{folder} has a {type(tokenizer).__name__}, which cannot be frozen: add a tokenizer.json to the folder"
        )
    return tokenizer


def _load_processor(folder: Path) -> CLIPImageProcessor:
    values = _read_json(folder, "preprocessor_config.json", need=_AGAIN)
    kind = values.get("image_processor_type") or values.get("feature_extractor_type") or "CLIPImageProcessor"
    if kind not in _PROCESSORS:
        raise ModelError(f"{folder} prepares pictures with {kind}; Aisle reproduces {', '.join(sorted(_PROCESSORS))}")
    try:
        return CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{folder / 'preprocessor_config.json'} cannot be used: {first_line(error)}; {_AGAIN}"
        ) from error


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its type when it has none."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
