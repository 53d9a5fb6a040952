"""Does an exported bundle answer as its checkpoint does? Cosines, and the overlap of top-10 results.

The candidate is asked exactly as indexing and serving ask it: files' bytes through `aisle.images` and
`aisle.preprocess` into `aisle.encoder`. The reference is the torch checkpoint with transformers' own processor
and tokenizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from aisle.encoder import OnnxEncoder
from aisle.images import decode_image
from aisle.manifest import Precision
from aisle.preprocess import Preprocess, decode_for, prepare_image
from aisle.types import PixelBatch, Scores, UnitVectors
from aisle.vectors import unit_norm
from export.checkpoint import Checkpoint
from export.quiet import quiet
from export.sample import ParitySample

TOP = 10
BATCH = 16

RANK_TOLERANCE = 0.05
"""Part of the standard deviation of a query's scores by which a result may lie under the reference's tenth and
still count as right. Swapping two pictures that the checkpoint itself scores alike is no error; without this, a
model whose scores all lie close together (random weights do) would fail on noise."""

SMALLEST_TOLERANCE = 1e-5
"""The same as an absolute score: float32 graphs of one model differ by a few 1e-7, near-constant scores by less."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a precision must reach, for pictures and for texts alike.

    Attributes:
        mean_cosine: Mean over the sample of the cosine between candidate and reference.
        worst_cosine: Its lowest value.
        overlap: Mean part of the top 10 that is right, for text to image and for image to image.
    """

    mean_cosine: float
    worst_cosine: float
    overlap: float


GATES = {
    # What is left is picture preparation: one grey level here and there, and reduced-scale JPEG decoding.
    Precision.FLOAT32: Gate(mean_cosine=0.9995, worst_cosine=0.99, overlap=0.98),
    # Eleven bits of mantissa cost about 1e-5 of cosine; anything more is an overflow.
    Precision.FLOAT16: Gate(mean_cosine=0.999, worst_cosine=0.99, overlap=0.97),
    # A sound quantisation keeps 0.99 and nine of ten results; outlier channels that break it fall far below.
    Precision.INT8: Gate(mean_cosine=0.99, worst_cosine=0.97, overlap=0.9),
}


@dataclass(frozen=True, slots=True)
class ParityFigures:
    """One candidate against the checkpoint: cosines and overlaps as `Gate` explains them."""

    image_mean_cosine: float
    image_worst_cosine: float
    text_mean_cosine: float
    text_worst_cosine: float
    text_to_image_overlap: float
    image_to_image_overlap: float

    def shortfalls(self, gate: Gate) -> tuple[str, ...]:
        """Every figure below the gate, as a phrase; none when the candidate passes."""
        checks = (
            ("image cosine, mean", self.image_mean_cosine, gate.mean_cosine),
            ("image cosine, worst", self.image_worst_cosine, gate.worst_cosine),
            ("text cosine, mean", self.text_mean_cosine, gate.mean_cosine),
            ("text cosine, worst", self.text_worst_cosine, gate.worst_cosine),
            ("top-10 overlap, text to image", self.text_to_image_overlap, gate.overlap),
            ("top-10 overlap, image to image", self.image_to_image_overlap, gate.overlap),
        )
        # Written so that a NaN, which compares false, is a shortfall.
        return tuple(f"{name} {value:.4f} (needs {needed})" for name, value, needed in checks if not value >= needed)


@dataclass(frozen=True, slots=True)
class SampleVectors:
    """Vectors of a sample: float32 unit rows `[images, dimension]` and `[texts, dimension]`."""

    images: UnitVectors
    texts: UnitVectors


def reference_vectors(checkpoint: Checkpoint, sample: ParitySample) -> SampleVectors:
    """Encode a sample as transformers does it."""
    images = [_reference_images(checkpoint, sample.images[part]) for part in _batches(len(sample.images))]
    texts = [_reference_texts(checkpoint, sample.texts[part]) for part in _batches(len(sample.texts))]
    return SampleVectors(images=np.concatenate(images), texts=np.concatenate(texts))


def _reference_images(checkpoint: Checkpoint, batch: Sequence[bytes]) -> UnitVectors:
    with quiet(), torch.inference_mode():
        pixels = checkpoint.processor(
            # Arrays with a named layout: transformers guesses it from the shape and errs on three-pixel pictures.
            [np.asarray(decode_image(data)) for data in batch],
            input_data_format="channels_last",
            return_tensors="pt",
        )["pixel_values"]
        return unit_norm(checkpoint.model.get_image_features(pixel_values=pixels).numpy())


def _reference_texts(checkpoint: Checkpoint, batch: Sequence[str]) -> UnitVectors:
    length = checkpoint.model.config.text_config.max_position_embeddings
    with quiet(), torch.inference_mode():
        tokens = checkpoint.tokenizer(
            list(batch), padding=True, truncation=True, max_length=length, return_tensors="pt"
        )
        features = checkpoint.model.get_text_features(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        )
        return unit_norm(features.numpy())


def prepare_pictures(images: Sequence[bytes], preprocess: Preprocess) -> PixelBatch:
    """Decode and crop a sample as indexing does.

    Returns:
        uint8 `[n, crop, crop, 3]`.
    """
    return np.stack([prepare_image(decode_for(data, preprocess), preprocess) for data in images])


def candidate_vectors(encoder: OnnxEncoder, pixels: PixelBatch, texts: Sequence[str]) -> SampleVectors:
    """Encode a sample with a bundle.

    Args:
        encoder: Of the bundle.
        pixels: From `prepare_pictures`.
        texts: As many as wanted.
    """
    return SampleVectors(
        images=np.concatenate([encoder.encode_images(pixels[part]) for part in _batches(len(pixels))]),
        texts=np.concatenate([encoder.encode_texts(texts[part]) for part in _batches(len(texts))]),
    )


def compare(candidate: SampleVectors, reference: SampleVectors) -> ParityFigures:
    """The figures of one candidate."""
    image = _cosines(candidate.images, reference.images)
    text = _cosines(candidate.texts, reference.texts)
    return ParityFigures(
        image_mean_cosine=float(image.mean()),
        image_worst_cosine=float(image.min()),
        text_mean_cosine=float(text.mean()),
        text_worst_cosine=float(text.min()),
        text_to_image_overlap=overlap_at_10(candidate.texts @ candidate.images.T, reference.texts @ reference.images.T),
        image_to_image_overlap=overlap_at_10(
            _others(candidate.images @ candidate.images.T), _others(reference.images @ reference.images.T)
        ),
    )


def _cosines(candidate: UnitVectors, reference: UnitVectors) -> NDArray[np.float64]:
    cosines: NDArray[np.float64] = (candidate.astype(np.float64) * reference).sum(axis=1)
    return cosines


def _others(scores: Scores) -> Scores:
    """The scores of each picture with every other: the diagonal taken out, `[n, n - 1]`."""
    count = len(scores)
    return scores[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def overlap_at_10(candidate: Scores, reference: Scores) -> float:
    """Mean part of the candidate's top 10 that is right by the reference's scores.

    A result is right when its reference score reaches the reference's tenth, less a tolerance.

    Args:
        candidate: `[queries, pictures]`.
        reference: The same.
    """
    top = min(TOP, reference.shape[1])
    tenth = np.partition(reference, -top, axis=1)[:, -top]
    tolerance = np.maximum(RANK_TOLERANCE * reference.std(axis=1), SMALLEST_TOLERANCE)
    found = np.argpartition(candidate, -top, axis=1)[:, -top:]
    right = np.take_along_axis(reference, found, axis=1) >= (tenth - tolerance)[:, None]
    return float(right.mean())


def _batches(count: int) -> list[slice]:
    return [slice(start, start + BATCH) for start in range(0, count, BATCH)]
