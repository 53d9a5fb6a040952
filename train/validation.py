"""How often a held-out product's own text finds its picture: the figure that a run is watched by."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from aisle.types import PixelBatch
from train.corpus import Corpus
from train.model import Checkpoint
from train.pairs import MISSING
from train.towers import image_vectors, text_vectors

_BATCH = 128
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Validation:
    """Text-to-picture retrieval among held-out products.

    Attributes:
        catalog: Its name.
        products: How many were searched, at most 1,000.
        recall_at_1: Share of texts whose own picture comes first.
        recall_at_10: Share of texts whose own picture is among the first ten.
    """

    catalog: str
    products: int
    recall_at_1: float
    recall_at_10: float


def validate(checkpoint: Checkpoint, corpus: Corpus) -> Validation | None:
    """Search held-out pictures by their titles (or long texts, where there is no title).

    Returns:
        None when nothing is held out, or none of it has a title or a long text.
    """
    rows = corpus.validation[(corpus.menu.codes[corpus.validation, :2] != MISSING).any(axis=1)][:_MOST]
    if not len(rows):
        return None
    codes = corpus.menu.codes[rows, 0]
    codes = np.where(codes == MISSING, corpus.menu.codes[rows, 1], codes)
    checkpoint.model.eval()
    with torch.no_grad():
        texts = torch.cat(
            [
                text_vectors(checkpoint.model, checkpoint.tokenizer, [corpus.menu.texts[c] for c in part])
                for part in np.array_split(codes, -(-len(codes) // _BATCH))
            ]
        )
        images = torch.cat(
            [
                image_vectors(
                    checkpoint.model,
                    normalised(centred(corpus.pictures.pixels[part], size=checkpoint.image_size), checkpoint),
                )
                for part in np.array_split(rows, -(-len(rows) // _BATCH))
            ]
        )
        scores = texts @ images.T
        ranks = (scores > scores.diagonal().unsqueeze(1)).sum(dim=1)
    return Validation(
        catalog=corpus.recipe.name,
        products=len(rows),
        recall_at_1=float((ranks < 1).float().mean()),
        recall_at_10=float((ranks < 10).float().mean()),
    )


def centred(pixels: PixelBatch, *, size: int) -> Tensor:
    """Stored pictures at the model's size, without chance: float32 `[n, 3, size, size]`, 0 to 255."""
    pictures = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    if pictures.shape[-1] == size:
        return pictures
    return interpolate(pictures, size=(size, size), mode="bicubic", antialias=True).clamp(0, 255)


def normalised(pictures: Tensor, checkpoint: Checkpoint) -> Tensor:
    """Scale 0..255 to what the image tower was made for, by its own mean and deviation."""
    device = checkpoint.model.device
    mean = torch.tensor(checkpoint.processor.image_mean, device=device).view(1, 3, 1, 1) * 255
    deviation = torch.tensor(checkpoint.processor.image_std, device=device).view(1, 3, 1, 1) * 255
    return (pictures.to(device) - mean) / deviation
