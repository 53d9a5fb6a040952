"""The contrastive loss (Radford et al. 2021, arXiv:2103.00020, figure 3) that knows which pairs are no negatives."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

LARGEST_SCALE = 100.0
"""Cap on the learned inverse temperature, as in the paper."""


def cap_temperature(logit_scale: Tensor) -> None:
    """Keep the learned inverse temperature within 1..100, in place; called after each step.

    Capping the parameter rather than its use keeps a gradient that can bring it back.
    """
    with torch.no_grad():
        logit_scale.clamp_(0.0, math.log(LARGEST_SCALE))


def choice_loss(images: Tensor, texts: Tensor, logit_scale: Tensor, *, own: Tensor) -> Tensor:
    """Cross-entropy of picking each picture's text among all.

    Args:
        images: float32 `[m, dimension]`, unit rows.
        texts: float32 `[k, dimension]`, unit rows.
        logit_scale: Natural logarithm of the inverse temperature, a scalar.
        own: int64 `[m]`: the text that is true of each picture.

    Returns:
        A scalar: the mean over pictures.
    """
    return cross_entropy(logit_scale.exp() * images @ texts.T, own)


def contrastive_loss(texts: Tensor, images: Tensor, logit_scale: Tensor, *, own: Tensor, true_of: Tensor) -> Tensor:
    """Symmetric cross-entropy over the cosines of a batch.

    A text that is true of a picture other than its own is neither its positive nor its negative: that pair is left
    out of both directions.

    Args:
        texts: float32 `[m, dimension]`, unit rows.
        images: float32 `[n, dimension]`, unit rows.
        logit_scale: Natural logarithm of the inverse temperature, a scalar.
        own: int64 `[m]`: which picture each text belongs to; no two texts belong to one.
        true_of: bool `[m, n]`: which pictures a text is true of.

    Returns:
        A scalar: the mean over texts of picking their picture, and over pictures of picking their text, halved.
    """
    logits = logit_scale.exp() * texts @ images.T
    neutral = true_of.clone()
    neutral[torch.arange(len(own), device=own.device), own] = False
    logits = logits.masked_fill(neutral, -math.inf)
    to_images = cross_entropy(logits, own)
    to_texts = cross_entropy(logits[:, own].T, torch.arange(len(own), device=own.device))
    return (to_images + to_texts) / 2
