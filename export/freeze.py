"""Frozen JSON of a bundle: the tokenizer and the picture preparation, exactly as the checkpoint does them."""

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CLIPImageProcessor

from aisle.errors import ModelError
from aisle.preprocess import Preprocess, preprocess_of
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
    config = checkpoint.model.config
    return preprocess_of(
        checkpoint.processor.to_dict(),
        name=checkpoint.name,
        image_size=config.vision_config.image_size,
        text_positions=config.text_config.max_position_embeddings,
        tokenizer_length=checkpoint.tokenizer.model_max_length,
    )


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
