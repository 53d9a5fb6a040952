"""From an RGB picture to the model's pixels and from texts to its tokens, driven by a bundle's frozen JSON.

The resize is that of `transformers.CLIPImageProcessor`, to the bit: shorter side to `shortest_edge`, then a centre
crop. Of very long pictures only what the crop shows is resampled: a 1 x 10,000 one costs no more than a square one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from aisle.errors import ModelError
from aisle.files import write_json
from aisle.images import DEFAULT_LIMITS, ImageLimits, decode_image
from aisle.types import PixelBatch, TokenBatch

FORMAT_VERSION = 1

WHOLE_RATIO = 4
"""Up to this ratio of the sides the whole picture is resampled. Beyond, only the crop is; when such a picture is
enlarged, Pillow may take its two passes in the other order, which moves a few values by a few levels of 255."""

Resample = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


@dataclass(frozen=True, slots=True)
class Preprocess:
    """What happens to pictures and texts outside the graphs.

    Attributes:
        shortest_edge: The shorter side after the resize, in pixels.
        crop: Side of the centre crop, in pixels; the image graph's input size. At most `shortest_edge`.
        resample: Pillow's filter.
        max_length: Longest token sequence, special tokens included; longer texts are truncated.
    """

    shortest_edge: int
    crop: int
    resample: Resample
    max_length: int

    def __post_init__(self) -> None:
        if not 0 < self.crop <= self.shortest_edge:
            raise ModelError(
                f"crop is {self.crop} and shortest_edge {self.shortest_edge}: the crop must be positive and no larger"
            )
        if self.resample not in get_args(Resample):
            raise ModelError(f"resample filter {self.resample!r} is unknown; known are {', '.join(get_args(Resample))}")
        if self.max_length < 3:
            raise ModelError(f"max_length is {self.max_length}; a text needs at least 3 tokens")


LEAST_DECODED = 192
"""Small models must not make small thumbnails: JPEGs are decoded to at least twice this, in pixels."""


def preprocess_of(
    processor: Mapping[str, Any], *, name: str, image_size: int, text_positions: int, tokenizer_length: int
) -> Preprocess:
    """The rules of a checkpoint that was made for transformers.

    Args:
        processor: Values of its `CLIPImageProcessor`.
        name: Of the checkpoint, for people.
        image_size: Side of the image tower's input, in pixels.
        text_positions: Longest token sequence of the text tower.
        tokenizer_length: Longest token sequence of the tokenizer.

    Raises:
        ModelError: The processor does something that `prepare_image` does not reproduce, or does not fit the model.
    """
    size, crop_size = dict(processor["size"]), dict(processor["crop_size"])
    if not processor["do_resize"] or "shortest_edge" not in size:
        raise ModelError(
            f"{name}: the image processor resizes to {size} (do_resize {processor['do_resize']}); Aisle reproduces "
            "a resize of the shorter side (shortest_edge)"
        )
    height, width = crop_size.get("height"), crop_size.get("width")
    if not processor["do_center_crop"] or height is None or height != width:
        raise ModelError(
            f"{name}: the image processor crops to {width} x {height} (do_center_crop {processor['do_center_crop']}); "
            "Aisle reproduces a square centre crop"
        )
    if height != image_size:
        raise ModelError(
            f"{name}: the processor crops to {height} pixels and the model takes {image_size}; "
            "correct crop_size in preprocessor_config.json"
        )
    resample = Image.Resampling(processor["resample"]).name.lower()
    if resample not in get_args(Resample):
        raise ModelError(f"{name}: resample filter {resample!r} is not one of {', '.join(get_args(Resample))}")
    return Preprocess(
        shortest_edge=int(size["shortest_edge"]),
        crop=int(height),
        resample=cast(Resample, resample),
        max_length=min(text_positions, tokenizer_length),
    )


def save_preprocess(preprocess: Preprocess, path: Path) -> None:
    """Write `preprocess.json`."""
    write_json(path, {"format_version": FORMAT_VERSION, **asdict(preprocess)})


def load_preprocess(path: Path) -> Preprocess:
    """Read `preprocess.json`.

    Raises:
        ModelError: The file is missing, of another format version, or holds values that cannot be used.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.pop("format_version")
        if version != FORMAT_VERSION:
            raise ModelError(
                f"{path} has format version {version}, this Aisle reads {FORMAT_VERSION}: export the model again"
            )
        return Preprocess(**values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} cannot be used ({error}): export the model again") from error


def decode_for(data: bytes, preprocess: Preprocess, *, limits: ImageLimits = DEFAULT_LIMITS) -> Image.Image:
    """Decode a picture for a model and for its thumbnail.

    Everybody decodes through this, so that a photo that was indexed and the same photo as a query are the same pixels:
    at which scale a large JPEG is decoded depends on the size that is asked for.

    Args:
        data: The file's bytes.
        preprocess: The model's rules.
        limits: Caps, checked against the header.

    Raises:
        InvalidImage: The bytes are not a picture we accept.
    """
    return decode_image(data, limits=limits, at_least=max(preprocess.shortest_edge, LEAST_DECODED))


def prepare_image(image: Image.Image, preprocess: Preprocess) -> PixelBatch:
    """Resize and centre-crop one RGB picture.

    Args:
        image: Pillow image of mode RGB.
        preprocess: The model's rules.

    Returns:
        uint8 `[crop, crop, 3]`.
    """
    width, height = image.size
    edge, crop = preprocess.shortest_edge, preprocess.crop
    if width <= height:
        resized = (edge, int(edge * height / width))
    else:
        resized = (int(edge * width / height), edge)
    left, top = (resized[0] - crop) // 2, (resized[1] - crop) // 2
    resample = Image.Resampling[preprocess.resample.upper()]
    if max(resized) <= WHOLE_RATIO * edge:
        whole = np.asarray(image.resize(resized, resample=resample))
        return np.ascontiguousarray(whole[top : top + crop, left : left + crop])
    scale_x, scale_y = width / resized[0], height / resized[1]
    box = (left * scale_x, top * scale_y, (left + crop) * scale_x, (top + crop) * scale_y)
    box = (box[0], box[1], min(box[2], width), min(box[3], height))  # rounding must not leave the picture
    return np.asarray(image.resize((crop, crop), resample=resample, box=box))


def load_tokenizer(path: Path, preprocess: Preprocess) -> Tokenizer:
    """Open `tokenizer.json` with the model's truncation; padding goes to the longest text of a batch.

    Raises:
        ModelError: The file cannot be read as a tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust binding raises nothing narrower
        raise ModelError(f"{path} is not a tokenizer ({error}): export the model again") from error
    if tokenizer.padding is None:
        raise ModelError(f"{path} names no padding token: export the model again")
    tokenizer.enable_truncation(preprocess.max_length)
    return tokenizer


def tokenize(texts: Sequence[str], tokenizer: Tokenizer) -> TokenBatch:
    """Token ids of a batch, padded to its longest text.

    Args:
        texts: n texts.
        tokenizer: From `load_tokenizer`.

    Returns:
        int64 `[n, sequence]`.
    """
    return np.array([encoding.ids for encoding in tokenizer.encode_batch(list(texts))], dtype=np.int64)
