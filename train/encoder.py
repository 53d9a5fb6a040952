"""A checkpoint as an encoder, as `aisle.encoder.OnnxEncoder` is for a bundle: training is judged without an export."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from aisle.errors import ModelError
from aisle.preprocess import Preprocess, preprocess_of
from aisle.types import PixelBatch, UnitVectors
from train.model import Checkpoint
from train.towers import text_vectors
from train.validation import normalised

_BATCH = 64
"""Pictures or texts that go through a tower at once: bounds memory, whatever a caller hands over."""


class TorchEncoder:
    """Both towers of a checkpoint in float32, where its model lies. Each call puts the model into evaluation mode.

    Attributes:
        preprocess: The rules for what happens to a picture before `encode_images`: those of the checkpoint's processor.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take a checkpoint; it is not copied, so vectors follow its training.

        Raises:
            ModelError: Its processor does something that `aisle.preprocess` does not.
        """
        self._checkpoint = checkpoint
        self.preprocess: Preprocess = _preprocess(checkpoint)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._checkpoint.model.config.projection_dim)

    def encode_images(self, pixels: PixelBatch, /) -> UnitVectors:
        """Encode prepared pictures.

        Args:
            pixels: uint8 `[n, size, size, 3]` from `aisle.preprocess.prepare_image`.

        Returns:
            float32 `[n, dimension]`, unit rows.

        Raises:
            ValueError: `pixels` has another shape or dtype than the model takes.
        """
        size = self._checkpoint.image_size
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (size, size, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {list(pixels.shape)}; the model takes uint8 [n, {size}, {size}, 3]"
            )
        return self._encoded(len(pixels), lambda part: self._image_vectors(pixels[part]))

    def encode_texts(self, texts: Sequence[str], /) -> UnitVectors:
        """Encode texts; longer ones than the model reads are truncated.

        Returns:
            float32 `[n, dimension]`, unit rows.
        """
        checkpoint = self._checkpoint
        return self._encoded(len(texts), lambda part: text_vectors(checkpoint.model, checkpoint.tokenizer, texts[part]))

    def _image_vectors(self, pixels: PixelBatch) -> torch.Tensor:
        pictures = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        vectors = self._checkpoint.model.get_image_features(pixel_values=normalised(pictures, self._checkpoint))
        return torch.nn.functional.normalize(vectors.float(), dim=-1)

    def _encoded(self, count: int, encode: Callable[[slice], torch.Tensor]) -> UnitVectors:
        vectors = np.zeros((count, self.dimension), dtype=np.float32)
        self._checkpoint.model.eval()
        with torch.inference_mode():
            for start in range(0, count, _BATCH):
                part = slice(start, start + _BATCH)
                vectors[part] = encode(part).cpu().numpy()
        return vectors


def _preprocess(checkpoint: Checkpoint) -> Preprocess:
    processor, config = checkpoint.processor, checkpoint.model.config
    if not (processor.do_rescale and processor.do_normalize):
        raise ModelError(
            f"{config.name_or_path}: the image processor leaves out rescaling or normalisation, which training does: "
            "correct preprocessor_config.json"
        )
    return preprocess_of(
        processor.to_dict(),
        name=config.name_or_path,
        image_size=checkpoint.image_size,
        text_positions=config.text_config.max_position_embeddings,
        tokenizer_length=checkpoint.tokenizer.model_max_length,
    )
