"""Frozen JSON of a bundle: the tokenizer and the picture preparation, exactly as the checkpoint does them."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CLIPImageProcessor

from aisle.errors import ModelError
from aisle.preprocess import Preprocess, Resample
from export.checkpoint import Checkpoint
from export.towers import end_position


@dataclass(frozen=True, slots=True)
class PixelScale:
    """The processor's rescale and normalise as one multiply-add per channel on 0..255.

    Attributes:
        scale: float32 `[3]`.
        offset: float32 `[3]`.
    """

    scale: Tensor
    offset: Tensor


def freeze_preprocess(checkpoint: Checkpoint) -> Preprocess:
    """The rules of `preprocess.json`.

    Raises:
        ModelError: The processor does something `aisle.preprocess` does not reproduce, or does not fit the model.
    """
    processor = checkpoint.processor
    edge, crop = _edge(processor), _crop(processor)
    wanted = checkpoint.model.config.vision_config.image_size
    if crop != wanted:
        raise ModelError(
            f"{checkpoint.name}: the processor crops to {crop} pixels and the model takes {wanted}; "
            "correct crop_size in preprocessor_config.json"
        )
    resample = Image.Resampling(processor.resample).name.lower()
    if resample not in get_args(Resample):
        raise ModelError(
            f"{checkpoint.name}: resample filter {resample!r} is not one of {', '.join(get_args(Resample))}"
        )
    return Preprocess(
        shortest_edge=edge, crop=crop, resample=cast(Resample, resample), max_length=_max_length(checkpoint)
    )


def _edge(processor: CLIPImageProcessor) -> int:
    if not processor.do_resize or "shortest_edge" not in processor.size:
        raise ModelError(
            f"the image processor resizes to {processor.size} (do_resize {processor.do_resize}); Aisle reproduces "
            "a resize of the shorter side (shortest_edge)"
        )
    return int(processor.size["shortest_edge"])


def _crop(processor: CLIPImageProcessor) -> int:
    height, width = processor.crop_size.get("height"), processor.crop_size.get("width")
    if not processor.do_center_crop or height is None or height != width:
        raise ModelError(
            f"the image processor crops to {width} x {height} (do_center_crop {processor.do_center_crop}); Aisle "
            "reproduces a square centre crop"
        )
    return int(height)


def _max_length(checkpoint: Checkpoint) -> int:
    return int(min(checkpoint.model.config.text_config.max_position_embeddings, checkpoint.tokenizer.model_max_length))


def pixel_scale(processor: CLIPImageProcessor) -> PixelScale:
    """Fold `rescale_factor`, `image_mean` and `image_std` together; what the processor leaves out counts as none."""
    factor = processor.rescale_factor if processor.do_rescale else 1.0
    normalise = processor.do_normalize
    mean = torch.tensor(processor.image_mean if normalise else [0.0], dtype=torch.float64).expand(3)
    std = torch.tensor(processor.image_std if normalise else [1.0], dtype=torch.float64).expand(3)
    return PixelScale(scale=factor / std, offset=-mean / std)


def freeze_tokenizer(checkpoint: Checkpoint, preprocess: Preprocess, path: Path) -> None:
    """Write `tokenizer.json`: truncation to the model's length, padding to a batch's longest text.

    Raises:
        ModelError: There is no padding token, or the model would not find the end of a tokenised text.
    """
    source = checkpoint.tokenizer
    if source.pad_token_id is None:
        raise ModelError(f"the tokenizer of {checkpoint.name} names no padding token: set pad_token in its config")
    tokenizer = Tokenizer.from_str(source.backend_tokenizer.to_str())
    tokenizer.enable_truncation(preprocess.max_length)
    tokenizer.enable_padding(pad_id=source.pad_token_id, pad_token=str(source.pad_token))
    _check_end(checkpoint, tokenizer)
    tokenizer.save(str(path))


def _check_end(checkpoint: Checkpoint, tokenizer: Tokenizer) -> None:
    """A text's vector is read at its end token: the tower must find it whether or not the text is padded."""
    texts = ["shoe", "a long red dress with short sleeves and polka dots"]
    encodings = tokenizer.encode_batch(texts)
    ids = torch.tensor([encoding.ids for encoding in encodings])
    vocabulary = checkpoint.model.config.text_config.vocab_size
    if int(ids.max()) >= vocabulary:
        raise ModelError(
            f"the tokenizer of {checkpoint.name} yields id {int(ids.max())}, the model knows {vocabulary} tokens: "
            "they are not of the same checkpoint"
        )
    end = checkpoint.model.config.text_config.eos_token_id
    found = end_position(ids, end).tolist()
    true = [sum(encoding.attention_mask) - 1 for encoding in encodings]
    if found != true:
        raise ModelError(
            f"{checkpoint.name}: the model looks for the end of a text by eos_token_id {end} and finds it at "
            f"{found[0]} instead of {true[0]}; the tokenizer's end or padding token does not fit text_config"
        )
